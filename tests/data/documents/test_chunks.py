"""How documents are cut into chunks."""

from __future__ import annotations

import json
import math
import random
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tailorbird.data.documents.chunks import ChunkOptions, chunk_document, iter_chunks
from tailorbird.data.tokens import token_estimate
from tailorbird.exceptions import ConfigError
from tailorbird.text import grapheme_boundary, search_terms
from tailorbird.types import Chunk, Document
from tailorbird.types.ids import DocumentId

SHARED = Path(__file__).parents[4] / "shared" / "data"
SMALL = ChunkOptions(target_tokens=40, overlap_tokens=12)
APART = ChunkOptions(target_tokens=40, overlap_tokens=0)


def document(text: str, name: str = "a.md", **metadata: str | bool | float) -> Document:
    """Return a document of a text."""
    return Document(id=DocumentId(name), text=text, title="T", source=name, metadata=metadata)


def cut(text: str, options: ChunkOptions | None = None, name: str = "a.md") -> tuple[Chunk, ...]:
    """Return the chunks of a text, after checking what holds for all chunks."""
    options = options or ChunkOptions()
    chunks = chunk_document(document(text, name), options)
    seen = 0
    for number, chunk in enumerate(chunks):
        assert chunk.id == f"{name}#{number}"
        assert text[chunk.span.start : chunk.span.end] == chunk.text
        assert chunk.text.strip()
        assert token_estimate(chunk.text) <= options.target_tokens + 1e-6 or len(chunk.text) == 1
        assert not text[seen : chunk.span.start].strip()
        assert chunk.span.end > seen
        seen = chunk.span.end
    assert not text[seen:].strip()
    return chunks


@given(
    st.text(alphabet=st.sampled_from("aB .。！\n#■か\u3099\u0301日本語テスト😀、,1"), max_size=600),
    st.sampled_from(["a.md", "a.txt", "a"]),
    st.sampled_from([SMALL, APART, ChunkOptions(target_tokens=16, overlap_tokens=8)]),
)
def test_chunks_cover_the_text_with_exact_spans(
    text: str, name: str, options: ChunkOptions
) -> None:
    """Any text is cut into pieces that hold all of it, none blank, none too large."""
    cut(text, options, name)


@given(st.text(max_size=300))
def test_chunks_begin_and_end_between_visible_characters(text: str) -> None:
    """Where a cut falls, a reader sees whole characters on both sides."""
    for chunk in cut(text, APART):
        assert grapheme_boundary(text, chunk.span.start) == chunk.span.start
        assert grapheme_boundary(text, chunk.span.end) == chunk.span.end


def test_a_blank_that_carries_a_mark_stays_with_it() -> None:
    """A piece may begin with a blank when a combining mark sits on it."""
    text = "abcde  \u035cfghij" * 40
    chunks = cut(text, APART)
    assert any(chunk.text.startswith(" \u035c") for chunk in chunks)
    for chunk in chunks:
        assert grapheme_boundary(text, chunk.span.start) == chunk.span.start


def test_hard_cuts_break_no_visible_character() -> None:
    """Ten thousand cuts through marks, flags and joined emoji, without a space to cut at."""
    rng = random.Random(11)  # noqa: S311 - a test, no secret
    pieces = [
        "か\u3099",
        "e\u0301",
        "👨\u200d👩\u200d👧",
        "🇯🇵",
        "葛\U000e0100",
        "ｶﾞ",
        "漢",
        "x",
        "각",
    ]
    # The letters between the flags keep their pairs apart.
    text = "".join(rng.choice(pieces) + "字" for _ in range(120_000))
    options = ChunkOptions(target_tokens=32, overlap_tokens=0)
    chunks = chunk_document(document(text, "a.txt"), options)
    assert len(chunks) > 10_000
    for chunk in chunks:
        start = max(0, chunk.span.start - 12)
        assert grapheme_boundary(text, chunk.span.start, start=start) == chunk.span.start
    assert "".join(chunk.text for chunk in chunks) == text


def test_a_small_document_is_one_chunk() -> None:
    """Its headings do not cut it; it stands under the first one."""
    text = "# Leave\n\nTen days.\n\n## Sick leave\n\nSee the doctor.\n"
    [chunk] = cut(text)
    assert chunk.text == text.strip()
    assert (chunk.section, chunk.title, chunk.source, chunk.page) == ("Leave", "T", "a.md", None)


@pytest.mark.parametrize("text", ["", " \n\u3000\n"])
def test_a_blank_document_has_no_chunk(text: str) -> None:
    """There is nothing to search."""
    assert cut(text) == ()


def test_chunks_end_before_headings_and_paragraphs() -> None:
    """A better border in the last part of a chunk is preferred to a fuller chunk."""
    body = "Some words are here to fill it. " * 3
    text = f"# One\n\n{body}\n\n## Two\n\n{body}\n\n{body}\n\nSmall end.\n"
    chunks = cut(text, APART)
    assert [chunk.section for chunk in chunks] == ["One", "Two", "Two"]
    assert chunks[1].text == f"## Two\n\n{body}".strip()
    assert chunks[2].text.startswith("Some words")


def test_a_heading_is_not_left_behind_at_the_end() -> None:
    """What a heading heads begins in the same chunk, through several levels of headings."""
    body = "Some words are here to fill it. " * 3
    text = f"{body}\n\n## Two\n\n### Deep\n\n{body}"
    first, second = cut(text, ChunkOptions(target_tokens=36, overlap_tokens=0))
    assert first.text == body.strip()
    assert second.text.startswith("## Two\n\n### Deep\n\nSome words")
    assert second.section == "Two"


def test_lines_are_kept_whole_where_possible() -> None:
    """A list is cut between its points."""
    text = "\n".join(f"- point number {number} of the list. And more of it." for number in range(9))
    chunks = cut(text, APART)
    assert len(chunks) > 2
    assert all(chunk.text.startswith("- point") for chunk in chunks)


def test_neighbors_share_sentences_within_a_section() -> None:
    """The overlap is whole sentences; across a heading there is none."""
    sentences = [f"This is sentence {number} of it." for number in range(12)]
    chunks = cut(" ".join(sentences), SMALL)
    for before, after in pairwise(chunks):
        shared = before.text[after.span.start - before.span.start :]
        assert shared in " ".join(sentences)
        assert shared.startswith("This is")
        assert shared.endswith("of it.")
    body = "Some words are here to fill it. " * 4
    first, second = cut(f"# One\n{body}\n# Two\n{body}", SMALL)
    assert first.span.end < second.span.start


def test_sentences_larger_than_the_overlap_are_not_shared() -> None:
    """Rounding to whole sentences can leave nothing to share."""
    text = "。".join("とても長いので重ねられない文の本文がここにあります" for _ in range(6)) + "。"
    options = ChunkOptions(target_tokens=60, overlap_tokens=5)
    chunks = cut(text, options)
    assert len(chunks) == 3
    for before, after in pairwise(chunks):
        assert before.span.end <= after.span.start


def test_an_overlap_makes_room_for_what_is_new() -> None:
    """A long sentence pushes the shared ones out, so that each chunk brings something new."""
    short = "This is a short sentence. " * 3
    long = "Word " * 35 + "end."
    first, second = cut(short + long, ChunkOptions(target_tokens=44, overlap_tokens=20))
    assert first.text == short.strip()
    assert second.text == f"This is a short sentence. {long}"  # one of two that would be shared


def test_a_long_sentence_is_cut_at_spaces_and_punctuation() -> None:
    """Words and phrases stay whole as long as there is a place nearby."""
    words = cut("word " * 200, APART)
    assert all(set(chunk.text.split()) == {"word"} for chunk in words)
    phrases = cut("これは長い文の一部で、" * 30, APART)
    assert all(chunk.text.endswith("、") for chunk in phrases)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 5_000_000,
        '{"a":1,"b":[2,3]},' * 60_000,
        "吾輩は猫である名前はまだ無い" * 20_000,
        "a" + "\u0301" * 30_000,
        "x" + " " * 100_000 + "y",
        "a," * 2000 + " " * 100_000 + "b," * 2000,
        "a\n\n" * 20_000,
        "# a\n" * 20_000,
        "🇯🇵" * 20_000,
    ],
    ids=["minified", "json", "japanese", "accents", "spaces", "gap", "lines", "headings", "flags"],
)
def test_time_grows_with_the_length_only(text: str) -> None:
    """Five megabytes on one line, or a hundred thousand of anything, are cut at once."""
    chunks = chunk_document(document(text, "a.md"), ChunkOptions())
    assert chunks[0].span.start == 0
    assert chunks[-1].span.end == len(text.rstrip())
    assert all(text[one.span.start : one.span.end] == one.text for one in chunks)


@pytest.mark.parametrize(
    ("name", "text", "section"),
    [
        ("a.md", "# 規程\n本文", "規程"),
        ("A.MARKDOWN", "# 規程\n本文", "規程"),
        ("a.md", "■ 規程\n本文", None),
        ("a.txt", "■ 規程\n本文", "規程"),
        ("a.txt", "# 規程\n本文", None),
        ("row", "# 規程\n本文", "規程"),
        ("row", "■ 規程\n# 本文", "規程"),
        ("a.md", "##\n本文", None),
        ("a.md", "前文\n# 規程", None),
    ],
)
def test_sections_are_found_by_the_kind_of_text(name: str, text: str, section: str | None) -> None:
    """Markdown by its name, office documents by their marks, anything else by what it has."""
    assert cut(text, name=name)[0].section == section


@pytest.mark.parametrize(
    ("page", "expected"), [(3, 3), (0, None), (True, None), ("3", None), (2.0, None)]
)
def test_a_page_in_the_metadata_becomes_the_page(page: str | float, expected: int | None) -> None:
    """Only whole numbers from 1 are pages; the metadata stay as they are."""
    [chunk] = chunk_document(document("text", page=page))
    assert chunk.page == expected
    assert chunk.metadata == {"page": page}


def test_options_are_checked() -> None:
    """An overlap that leaves no room for anything new is refused, as are unknown options."""
    with pytest.raises(ValidationError, match="give at most 50"):
        ChunkOptions(target_tokens=100, overlap_tokens=51)
    with pytest.raises(ValidationError):
        ChunkOptions(target_tokens=8)
    with pytest.raises(ValidationError):
        ChunkOptions.model_validate({"size": 100})


def test_the_fingerprint_tells_cuts_apart() -> None:
    """It is stable, because an index keeps it."""
    assert ChunkOptions().fingerprint == "structure-3:350/80"
    assert SMALL.fingerprint != APART.fingerprint


def rank(chunked: list[tuple[str, str]], queries: list[tuple[str, set[str]]]) -> float:
    """Return the share of queries for which BM25 ranks a chunk of a right page first."""
    counts = [Counter(search_terms(text)) for _, text in chunked]
    lengths = [count.total() for count in counts]
    mean = sum(lengths) / len(lengths)
    postings: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
    for at, count in enumerate(counts):
        for term, times in count.items():
            worth = times * 2.5 / (times + 1.5 * (0.25 + 0.75 * lengths[at] / mean))
            postings[term].append((at, worth))
    found = 0
    for query, right in queries:
        scores: defaultdict[int, float] = defaultdict(float)
        for term in search_terms(query):
            hits = postings.get(term, [])
            idf = math.log(1 + (len(chunked) - len(hits) + 0.5) / (len(hits) + 0.5))
            for at, worth in hits:
                scores[at] += idf * worth
        best = max(scores, key=lambda at: (scores[at], -at))
        found += chunked[best][0] in right
    return found / len(queries)


@pytest.mark.shared
@pytest.mark.slow
def test_chunks_find_the_right_page_no_worse_than_windows_of_words() -> None:
    """On company documents the default cut is at least as good as 200 words with 40 shared."""

    def rows(file: str) -> list[dict[str, str]]:
        path = SHARED / "company_contoso" / f"{file}.jsonl"
        lines = path.read_text(encoding="utf-8").split("\n")
        return [json.loads(line) for line in lines if line]

    right: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows("qrels"):
        right[row["query"]].add(row["doc"])
    queries = [
        (row["text"], right[row["id"]])
        for row in rows("queries")
        if row["kind"] == "ground_truth_a"
    ]
    windows: list[tuple[str, str]] = []
    chunks: list[tuple[str, str]] = []
    for row in rows("corpus"):
        words = row["text"].split()
        windows += [
            (row["id"], f"{row['title']}\n{' '.join(words[at : at + 200])}")
            for at in range(0, max(1, len(words) - 40), 160)
        ]
        page = Document(id=DocumentId(row["id"]), text=row["text"], title=row["title"])
        chunks += [(row["id"], f"{one.title}\n{one.text}") for one in chunk_document(page)]
    assert len(queries) == 201
    ours = rank(chunks, queries)
    assert ours >= 0.6
    assert ours >= rank(windows, queries)


def by_characters(text: str) -> int:
    """Count as a tokenizer does that knows single characters only, and a blank twice."""
    return len(text) + text.count(" ")


@given(
    st.text(alphabet=st.sampled_from("aB .。！\n#■か\u3099日本語😀、1"), max_size=600),
    st.sampled_from([SMALL, ChunkOptions(target_tokens=16, overlap_tokens=8)]),
)
def test_a_counter_is_obeyed(text: str, options: ChunkOptions) -> None:
    """With a counter no chunk exceeds the target, whatever the estimate says."""
    seen = 0
    for chunk in iter_chunks(document(text), options, count=by_characters):
        assert by_characters(chunk.text) <= options.target_tokens
        assert not text[seen : chunk.span.start].strip()
        seen = chunk.span.end
    assert not text[seen:].strip()


def test_what_is_shared_gives_way_to_what_is_new() -> None:
    """Sentences that fit when they are counted one by one may not fit together."""
    options = ChunkOptions(target_tokens=19, overlap_tokens=8)
    text = "Aa. Aaaaaaaa. Aaaaaaaa."
    chunks = list(iter_chunks(document(text), options, count=by_characters))
    assert [chunk.text for chunk in chunks] == ["Aa. Aaaaaaaa.", "Aaaaaaaa."]


def test_sentences_that_do_not_fit_together_are_parted() -> None:
    """What stands between them counts as well."""
    options = ChunkOptions(target_tokens=16, overlap_tokens=0)
    chunks = list(iter_chunks(document("Aa. " * 6), options, count=by_characters))
    assert [chunk.text for chunk in chunks] == ["Aa. Aa. Aa."] * 2


def test_a_counter_by_name_needs_its_table() -> None:
    """The name of an encoding is part of how documents are cut."""
    options = ChunkOptions(encoding="nonsense")
    assert options.fingerprint == "structure-3:350/80:nonsense"
    with pytest.raises(ConfigError, match="no encoding 'nonsense'"):
        chunk_document(document("text"), options)


def test_a_long_text_is_cut_as_far_as_it_is_asked_for() -> None:
    """The first chunk needs a few sentences, however many there are."""
    counted: list[int] = []

    def count(text: str) -> int:
        counted.append(len(text))
        return len(text)

    text = "出張旅費の申請は、上長の承認を得たうえで行います。\n\nAsk your manager first. " * 20_000
    chunks = iter_chunks(document(text, "a.txt"), count=count)
    assert next(chunks).span.start == 0
    assert sum(counted) < 2_000
