"""How often the right documents are found is counted by hand here, and by the library."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

import tailorbird
from tailorbird import QuestionSet, Workbench
from tailorbird.config import Profile
from tailorbird.config.profiles import RetrievalSettings
from tailorbird.exceptions import (
    IndexMismatchError,
    IndexMissingError,
    InvalidInputError,
    RateLimitError,
)
from tailorbird.providers.fake import FakeProvider, Fault, Script
from tailorbird.types import Document, DocumentId, Mark, ModelId, Question, RoleModel
from tailorbird.types.filters import Compare
from tailorbird.workflow.progress import Progress
from tailorbird.workflow.searching.retrieval_quality import METRICS

HOSTED = Profile(
    name="fake", provider="fake", retrieval=RetrievalSettings.model_validate({"engine": "hosted"})
)
TOPICS = ("kayaks", "lanterns", "bridges", "violins", "glaciers", "orchids", "comets", "beetles")


def library() -> list[Document]:
    """Give eight documents of one topic each, and one that has pages."""
    single = [
        Document(
            id=DocumentId(f"{topic}.md"),
            text=f"All about {topic}. They are kept in room {number}.",
            metadata={"wing": "east" if number % 2 else "west"},
        )
        for number, topic in enumerate(TOPICS)
    ]
    pages = ["Tickets cost 4 euros.", "Dogs stay outside.", "Lockers are blue."]
    text = "\n\n".join(pages)
    marks = tuple(
        Mark(start=text.index(page), kind="page", value=number)
        for number, page in enumerate(pages, 1)
    )
    return [*single, Document(id=DocumentId("rules.pdf"), text=text, marks=marks)]


def make_questions(*rows: tuple[str, Sequence[str]]) -> list[Question]:
    """Give questions with the sources that hold their answers."""
    return [
        Question(id=str(number), text=text, sources=tuple(sources))
        for number, (text, sources) in enumerate(rows, 1)
    ]


@pytest.fixture
async def shelf(bench: Workbench) -> Workbench:
    """A workbench with the library indexed."""
    await bench.build_index(library(), name="shelf")
    return bench


async def test_each_mode_is_measured(shelf: Workbench) -> None:
    """Every question whose words stand in its document is found first, in all three modes."""
    asked = make_questions(*((f"Where are the {topic} kept?", [f"{topic}.md"]) for topic in TOPICS))
    seen: list[Progress] = []
    found = await shelf.evaluate_retrieval("shelf", asked, on_progress=seen.append)
    assert found.modes == ("vector", "lexical", "hybrid")
    assert [(one.mode, one.metric) for one in found.figures] == [
        (mode, metric) for mode in found.modes for metric in METRICS
    ]
    for one in found.figures:
        assert (one.n, one.value, one.high) == (8, 1.0, 1.0)
        assert 0.6 < one.low < 0.7  # Wilson's lower end for 8 of 8 is .676
    assert (found.questions, found.left_out, found.misses) == (8, 0, ())
    assert [seen[-1].done, seen[-1].total, len(seen)] == [24, 24, 24]
    assert "recall@1" in str(found)
    assert "hybrid: 0 of 8 not among the first 10" in str(found)


async def test_ranks_are_counted(shelf: Workbench) -> None:
    """Reciprocal rank and gain follow from the places of all sources."""
    hits = await shelf.search("Which room has violins?", index="shelf", mode="lexical", top_k=50)
    order = list(dict.fromkeys(hit.chunk.document for hit in hits))
    second, third = order[1], order[2]
    asked = make_questions(("Which room has violins?", [third, second, second, "nowhere.md"]))
    found = await shelf.evaluate_retrieval("shelf", asked, modes=["lexical"])
    values = {one.metric: one.value for one in found.figures}
    ideal = sum(1 / math.log2(rank + 1) for rank in (1, 2, 3))
    gain = sum(1 / math.log2(rank + 1) for rank in (2, 3))
    assert values == pytest.approx(
        {"recall@1": 0, "recall@5": 1, "recall@10": 1, "mrr@10": 0.5, "ndcg@10": gain / ideal}
    )
    assert found.absent_sources == ("nowhere.md",)


async def test_misses_are_named(shelf: Workbench) -> None:
    """What was not found is listed with what was found instead; an absent source is told apart."""
    asked = make_questions(
        ("Where are the comets kept?", ["comets"]),
        ("zzyzx", ["beetles.md"]),
        ("zzyzx", ["gone.md"]),
        ("no source", []),
    )
    found = await shelf.evaluate_retrieval("shelf", asked, modes=("lexical",))
    assert (found.questions, found.left_out) == (3, 1)
    assert [(one.question, one.sources, one.found) for one in found.misses] == [
        ("2", ("beetles.md",), ()),
        ("3", ("gone.md",), ()),
    ]
    assert found.absent_sources == ("gone.md",)
    assert found.figure("lexical", "recall@1").value == pytest.approx(1 / 3)
    with pytest.raises(InvalidInputError, match="there are: lexical"):
        found.figure("vector", "recall@1")


async def test_pages_are_places_of_their_own(bench: Workbench) -> None:
    """Where a source names a page, only that page is right."""
    pages = [
        Document(
            id=DocumentId(f"rules-{number}"),
            source="rules.pdf",
            text=text,
            metadata={"page": number},
        )
        for number, text in enumerate(("Tickets cost 4 euros.", "Dogs wait outside."), 1)
    ]
    await bench.build_index(pages, name="rules")
    asked = make_questions(
        *(("Do dogs wait outside?", [f"rules.pdf#page={page}"]) for page in (2, 1))
    )
    found = await bench.evaluate_retrieval("rules", asked, modes=["hybrid"])
    assert found.figure("hybrid", "recall@1").value == 0.5
    assert found.figure("hybrid", "mrr@10").value == 0.75


async def test_a_filter_is_kept(shelf: Workbench) -> None:
    """Only what the filter lets through can be found."""
    asked = make_questions(*((f"Where are the {topic} kept?", [f"{topic}.md"]) for topic in TOPICS))
    east = Compare(type="eq", key="wing", value="east")
    found = await shelf.evaluate_retrieval("shelf", asked, where=east)
    assert {one.value for one in found.figures} == {0.5}


async def test_what_cannot_be_measured(shelf: Workbench) -> None:
    """No sources, no such mode, no such index: each is refused by name."""
    rows = QuestionSet.from_rows([("Why?", "Because.")])
    with pytest.raises(InvalidInputError, match="no question names a source"):
        await shelf.evaluate_retrieval("shelf", rows)
    asked = make_questions(("Why?", ["a"]))
    for modes in ([], ["guess"]):
        with pytest.raises(InvalidInputError, match="this engine offers: hybrid, vector, lexical"):
            await shelf.evaluate_retrieval("shelf", asked, modes=modes)  # type: ignore[arg-type]
    with pytest.raises(IndexMissingError):
        await shelf.evaluate_retrieval("nowhere", asked)


async def test_a_failure_comes_as_itself() -> None:
    """What the provider says is raised plainly, not in a group."""
    script = Script().on("retrieval.search", Fault.rate_limited(), times=None)
    async with Workbench(FakeProvider(script=script), profile=HOSTED) as bench:
        index = await bench.build_index(library(), name="shelf")
        with pytest.raises(RateLimitError):
            await bench.evaluate_retrieval(index, make_questions(("Why?", ["a"])))


async def test_hosted_engines_are_measured_too() -> None:
    """An engine that embeds by itself needs no vectors of ours."""
    async with Workbench(FakeProvider(), profile=HOSTED) as bench:
        index = await bench.build_index(library(), name="shelf")
        asked = make_questions(("Where are the comets kept?", ["comets.md"]))
        found = await bench.evaluate_retrieval(index, asked)
        assert found.figure("hybrid", "recall@1").value == 1.0


async def test_another_model_is_refused_before_anything_is_embedded(tmp_path: object) -> None:
    """Questions are embedded with the index's model, or not at all."""
    async with tailorbird.open("fake", workspace=str(tmp_path), environ={}) as bench:
        await bench.build_index(library(), name="shelf")
        other = Profile(
            name="fake",
            provider="fake",
            roles={"embedding": RoleModel(model=ModelId("text-embedding-3-large"))},
        )
        twin = Workbench(FakeProvider(), profile=other, workspace=bench.workspace)
        with pytest.raises(IndexMismatchError):
            await twin.evaluate_retrieval("shelf", make_questions(("Why?", ["a"])))
