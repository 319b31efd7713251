"""Of what a search finds, a reader sees what is near, new, and from several sources."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tailorbird import ArmOptions, Workbench, chunk_document
from tailorbird.types import Chunk, ChunkId, Document, DocumentId, Hit, ScoreKind, Span
from tailorbird.workflow.searching.selection import NEAR_ENOUGH, Selection

TEXT = "0123456789abcdefghijklmnopqrstuvwxyz"


def make_hit(
    start: int, end: int, *, score: float = 0.5, name: str = "doc", **fields: object
) -> Hit:
    """Make a hit of a piece of `TEXT`."""
    chunk = Chunk.model_validate(
        {
            "id": ChunkId(f"{name}#{start}"),
            "document": DocumentId(name),
            "text": TEXT[start:end],
            "span": Span(start=start, end=end),
            **fields,
        }
    )
    return Hit(chunk=chunk, score=score, score_kind=ScoreKind.FUSED)


def spans(hits: tuple[Hit, ...]) -> list[tuple[str, int, int]]:
    """Give id and span of hits."""
    return [(hit.chunk.id, hit.chunk.span.start, hit.chunk.span.end) for hit in hits]


def test_neighbors_become_one() -> None:
    """Hits that overlap or touch are joined; score and id are the best part's, and so is rank."""
    hits = [make_hit(20, 30, score=0.9), make_hit(0, 5, score=0.8), make_hit(28, 36, score=0.7)]
    hits += [make_hit(15, 20, score=0.6), make_hit(6, 9, score=0.5)]
    chosen = Selection().choose(hits, top_k=5)
    assert spans(chosen) == [("doc#20", 15, 36), ("doc#0", 0, 5), ("doc#6", 6, 9)]
    assert chosen[0].chunk.text == TEXT[15:36]
    assert chosen[0].score == 0.9


def test_a_part_of_a_hit_joins_it() -> None:
    """A hit that lies within another one adds nothing but its rank."""
    chosen = Selection().choose([make_hit(12, 15, score=0.9), make_hit(10, 20)], top_k=5)
    assert spans(chosen) == [("doc#12", 10, 20)]


@pytest.mark.parametrize(
    "other",
    [
        make_hit(10, 20, page=2),
        make_hit(10, 20, name="other"),
        make_hit(11, 20),
        make_hit(8, 20, text="different te"),
        make_hit(2, 40, span=Span(start=-0, end=3)),
    ],
)
def test_what_is_no_neighbor_stays_apart(other: Hit) -> None:
    """Another page, another document, a gap, or a text that does not fit its span."""
    first = make_hit(1, 10, page=1) if other.chunk.page else make_hit(1, 10)
    chosen = Selection().choose([first, other], top_k=5)
    assert len(chosen) == 2


def test_a_span_longer_than_its_text_is_not_joined() -> None:
    """An engine that finds spans again may be wrong; nothing is made up from that."""
    wrong = make_hit(0, 4, span=Span(start=0, end=30))
    assert len(Selection().choose([wrong, make_hit(8, 12)], top_k=5)) == 2


def test_same_text_is_shown_once() -> None:
    """Width, case and white space make no difference; a number does."""
    hits = [
        make_hit(0, 3, name="a", text="ABC 12"),
        make_hit(0, 3, name="b", text="ａｂｃ  12"),
        make_hit(0, 3, name="c", text="ABC 13"),
    ]
    assert [one.chunk.document for one in Selection().choose(hits, top_k=5)] == ["a", "c"]
    assert len(Selection(distinct=False).choose(hits, top_k=5)) == 3


def test_a_source_has_its_share() -> None:
    """Of one source only the best hits stay, and others move up."""
    hits = [make_hit(n, n + 1, name=f"d{n}", source="big.jsonl" if n < 3 else "") for n in range(5)]
    chosen = Selection(per_source=2).choose(hits, top_k=4)
    assert [one.chunk.document for one in chosen] == ["d0", "d1", "d3", "d4"]


def test_least_score_by_kind() -> None:
    """A limit holds for its kind of score only."""
    hits = [make_hit(0, 3, score=0.4), make_hit(9, 12, score=0.1)]
    assert len(Selection(min_score={ScoreKind.FUSED: 0.2}).choose(hits, top_k=5)) == 1
    assert len(Selection(min_score={ScoreKind.COSINE: 0.9}).choose(hits, top_k=5)) == 2
    assert Selection(min_score=0.3).query_score == 0.3
    assert Selection(min_score=NEAR_ENOUGH).query_score is None


@pytest.mark.parametrize(
    "wrong",
    [
        float("nan"),
        float("inf"),
        {ScoreKind.COSINE: 2.0},
        {ScoreKind.COSINE: float("nan")},
        {ScoreKind.BM25: -1.0},
        {ScoreKind.RERANKER: 4.5},
    ],
)
def test_scores_have_ranges(wrong: float | dict[ScoreKind, float]) -> None:
    """A least score that no hit could reach, or every hit would, is refused."""
    with pytest.raises(ValidationError, match="min_score"):
        Selection(min_score=wrong)


def test_spare_hits() -> None:
    """More hits are asked for when some may go, never more than one search gives."""
    assert Selection(distinct=False, join=False).wanted(5) == 5
    assert Selection().wanted(5) == 15
    assert Selection(per_source=1).wanted(40) == 50


async def test_the_data_only_means_near_enough(bench: Workbench) -> None:
    """`only_from_data` brings a limit of its own; a number that is given takes its place."""
    index = await bench.build_index([Document(id=DocumentId("a"), text="x y")], name="a")
    for options, wanted in (
        (ArmOptions(only_from_data=True), dict(NEAR_ENOUGH)),
        (ArmOptions(only_from_data=True, min_score=0.5), 0.5),
        (ArmOptions(), None),
    ):
        arm = next(one for one in bench.arms(index=index, options=options) if one.index)
        assert arm.selection.min_score == wanted


async def test_search_takes_a_selection(bench: Workbench) -> None:
    """A workbench gives what the engine finds, or what a selection leaves of it."""
    text = " ".join(f"Rule {n} is about locker {n}." for n in range(200))
    index = await bench.build_index([Document(id=DocumentId("rules"), text=text)], name="rules")
    assert len(await bench.search("locker rule", index="rules", top_k=3)) == 3
    joined = await bench.search("locker rule", index=index, top_k=3, selection=Selection())
    assert all(text[one.chunk.span.start : one.chunk.span.end] == one.chunk.text for one in joined)
    none = await bench.search(
        "locker", index=index, selection=Selection(min_score={ScoreKind.FUSED: 1.0})
    )
    assert none == ()


@given(
    text=st.text(alphabet="ab c。\n休暇.", min_size=1, max_size=400),
    order=st.randoms(use_true_random=False),
)
def test_joined_hits_are_the_document_s_text(text: str, order: object) -> None:
    """Whatever is joined, in whatever order, is exactly what stands in the document."""
    document = Document(id=DocumentId("d"), text=text)
    hits = [
        Hit(chunk=chunk, score=1.0, score_kind=ScoreKind.FUSED)
        for chunk in chunk_document(document)
    ]
    order.shuffle(hits)  # type: ignore[attr-defined]
    for hit in Selection().choose(hits, top_k=50):
        assert text[hit.chunk.span.start : hit.chunk.span.end] == hit.chunk.text
