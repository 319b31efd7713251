"""What chunks know of the page, section, sheet and row in which they begin."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from tailorbird.data.documents.chunks import ChunkOptions, chunk_document, iter_chunks
from tailorbird.data.documents.sentence_windows import MARGIN_CHARACTERS, iter_sentences
from tailorbird.text import split_sentences
from tailorbird.types import Chunk, Document, Mark
from tailorbird.types.ids import DocumentId

SMALL = ChunkOptions(target_tokens=16, overlap_tokens=0)
KINDS = ("page", "section", "sheet", "row")


def document(text: str, *marks: tuple[str, str | int, int], **metadata: int) -> Document:
    """Return a document with marks, given as kind, value and start."""
    return Document(
        id=DocumentId("a.pdf"),
        text=text,
        source="a.pdf",
        metadata=metadata,
        marks=tuple(
            Mark.model_validate({"kind": kind, "value": value, "start": start})
            for kind, value, start in marks
        ),
    )


def parts(chunks: tuple[Chunk, ...]) -> list[tuple[str | None, int | None]]:
    """Return section and page of each chunk."""
    return [(chunk.section, chunk.page) for chunk in chunks]


LONG = "これは十六を超える長さの文です。"


def test_chunks_have_the_page_and_section_of_their_first_character() -> None:
    """Before the first mark there is neither."""
    size = len(LONG)
    text = LONG * 4
    found = chunk_document(
        document(text, ("page", 1, size), ("section", "休暇", 2 * size), ("page", 2, 3 * size)),
        ChunkOptions(target_tokens=20, overlap_tokens=0),
    )
    assert parts(found) == [(None, None), (None, 1), ("休暇", 1), ("休暇", 2)]


def test_marks_of_pages_come_before_the_metadata() -> None:
    """The page in the metadata holds where no mark does."""
    text = LONG * 2
    options = ChunkOptions(target_tokens=20, overlap_tokens=0)
    found = chunk_document(document(text, ("page", 7, len(LONG)), page=3), options)
    assert [chunk.page for chunk in found] == [3, 7]


def test_a_part_without_a_heading_ends_the_section_before_it() -> None:
    """A slide without title does not belong to the one before."""
    text = f"{LONG}\n{LONG}"
    [first, second] = chunk_document(
        document(text, ("section", "A", 0), ("section", "", len(LONG) + 1)),
        ChunkOptions(target_tokens=20, overlap_tokens=0),
    )
    assert (first.section, second.section) == ("A", None)


def test_headings_of_office_documents_are_found_where_only_pages_are_marked() -> None:
    """A rule's number divides a PDF as it does a text; Markdown's signs do not."""
    text = "# no heading\n\n第1条（目的）\n目的です。"
    [chunk] = chunk_document(document("第1条（目的）\n目的です。", ("page", 1, 0)))
    assert chunk.section == "第1条（目的）"
    assert chunk_document(document(text, ("page", 1, 0)))[0].section is None
    assert chunk_document(document("# a\ntext", ("page", 1, 0)))[0].section is None


def test_rows_are_counted_from_the_mark_before_them() -> None:
    """Each line is a row; metadata of the document stay."""
    lines = "".join(f"{number}行目の内容はこれです。\n" for number in range(3, 7))
    text = f"価格\n{lines}"
    found = chunk_document(document(text, ("sheet", "価格", 0), ("row", 3, 3), year=2026), SMALL)
    assert found[0].metadata == {"year": 2026, "sheet": "価格", "row": 3, "last_row": 3}
    assert [chunk.metadata["row"] for chunk in found[-3:]] == [4, 5, 6]
    assert all(chunk.section == "価格" for chunk in found)


def test_a_chunk_of_a_table_ends_with_a_row() -> None:
    """Rows that read on like wrapped prose are not run together; blank lines are no rows."""
    rows = [f"name: number {n} of the long list | note: nothing to be said" for n in range(30)]
    text = "A first line of words\n" + "\n \n".join(rows)
    chunks = chunk_document(document(text, ("row", 2, text.index(rows[0]))), SMALL)
    assert len(chunks) > 8
    for chunk in chunks[1:]:
        assert set(chunk.text.split("\n")) <= {*rows, " "}


def test_time_to_cut_a_table_grows_with_its_length_only() -> None:
    """Rows are not counted from the beginning of the file for each chunk."""
    seconds: list[float] = []
    for rows in (20_000, 80_000):
        table = document("name: some words | note: ends in a word\n" * rows, ("row", 1, 0))
        begun = time.process_time()
        last = list(iter_chunks(table))[-1]
        seconds.append(time.process_time() - begun)
        assert last.metadata["last_row"] == rows
    assert seconds[1] < 10 * seconds[0]


def test_a_table_without_sheets_has_rows_only() -> None:
    """A file in CSV is one table."""
    [chunk] = chunk_document(document("a\nb\n", ("row", 2, 0)))
    assert chunk.metadata == {"row": 2, "last_row": 3}


def test_a_sheet_without_rows_behind_its_name_names_none() -> None:
    """The rows of the next sheet are not taken for its own."""
    text = f"{LONG}\n{LONG}\n{LONG}\n"
    second = len(LONG) + 1
    found = chunk_document(
        document(
            text, ("sheet", "A", 0), ("sheet", "B", second), ("row", 1, second + len(LONG) + 1)
        ),
        ChunkOptions(target_tokens=20, overlap_tokens=0),
    )
    assert [chunk.metadata for chunk in found] == [
        {"sheet": "A"},
        {"sheet": "B", "row": 1},
        {"sheet": "B", "row": 1, "last_row": 1},
    ]
    assert chunk_document(document("A", ("sheet", "A", 0)))[0].metadata == {"sheet": "A"}


def test_a_row_mark_that_holds_a_text_is_no_row() -> None:
    """A loader of others may write what it likes; a row is a number."""
    assert chunk_document(document("A", ("row", "x", 0)))[0].metadata == {}


@given(
    st.text(alphabet="aあ。\n #", max_size=200),
    st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 300)), max_size=6),
)
def test_any_marks_leave_spans_exact(text: str, places: list[tuple[str, int]]) -> None:
    """Marks decide where chunks end and what they are called, never what they hold."""
    placed = sorted(min(start, len(text)) for _, start in places)
    marked = document(
        text, *((kind, 1, start) for (kind, _), start in zip(places, placed, strict=True))
    )
    seen = 0
    for chunk in iter_chunks(marked, SMALL):
        assert text[chunk.span.start : chunk.span.end] == chunk.text
        assert not text[seen : chunk.span.start].strip()
        seen = chunk.span.end
    assert not text[seen:].strip()


PIECES = ["a", "B", " ", "\n", "。", ".", "1", "p.m. ", "Dr. ", "No. 5", "Central Time", "」"]
PIECES += ["の", "か\u3099", "い", "Google Inc. は", "…", "lower case words and more of them, "]
WINDOW = 4 * MARGIN_CHARACTERS


@given(
    st.lists(
        st.sampled_from(PIECES),
        max_size=60,
    ),
    st.integers(1, 40),
)
def test_sentences_found_in_windows_are_those_of_the_whole_text(
    pieces: list[str], times: int
) -> None:
    """A border of a window is no border of a sentence."""
    text = "".join(pieces) * times
    assert list(iter_sentences(text, 0, len(text), window=WINDOW)) == split_sentences(text)


def test_a_sentence_longer_than_the_window_is_found_whole() -> None:
    """White space within it is no end either."""
    text = f"{'a,' * 5000}{' ' * 5000}b. Next one. {'x' * 3000}"
    assert list(iter_sentences(text, 0, len(text), window=WINDOW)) == split_sentences(text)


def test_sentences_of_a_part_are_counted_from_the_beginning() -> None:
    """A section is looked at by itself."""
    text = "skip. One. Two. skip."
    assert [text[a:b] for a, b in iter_sentences(text, 6, 15)] == ["One.", "Two."]
