"""Figures of one's own stand beside those of the library."""

from __future__ import annotations

import asyncio
import csv
import io
import math
from collections.abc import Iterator, Sequence
from typing import cast

import pytest

from tailorbird import BatchScorer, QuestionSet, Scorer, ScorerError, Workbench
from tailorbird.config import Profile
from tailorbird.exceptions import InvalidInputError
from tailorbird.providers.fake import FakeProvider, Fault, Script
from tailorbird.report.document import from_json
from tailorbird.types import Answer, Question
from tailorbird.types.ids import ModelId
from tailorbird.types.models import RoleModel


class Length:
    """Counts characters, of answers to all but one question."""

    name = "length"
    range = (0.0, 1000.0)

    async def score(self, question: Question, answer: Answer) -> float | None:
        """Give the length."""
        return None if "Saturday" in question.text else float(len(answer.text))


class Calls:
    """A scorer that takes several answers at a time, and remembers how many."""

    name = "half"
    range = (-1.0, 1.0)
    batch_size = 5

    def __init__(self) -> None:
        self.sizes: list[int] = []

    async def score_many(self, cases: Sequence[tuple[Question, Answer]]) -> Sequence[float | None]:
        """Give minus one half."""
        self.sizes.append(len(cases))
        return [-0.5 for _ in cases]


def bad(name: str = "bad", value: object = 0.5, limits: tuple[float, float] = (0, 1)) -> Scorer:
    """Make a scorer that gives, or raises, the same each time."""

    class Bad:
        async def score(self, question: Question, answer: Answer) -> float | None:
            del question, answer
            if isinstance(value, Exception):
                raise value
            return cast("float | None", value)

    made = Bad()
    vars(made).update(name=name, range=limits)
    assert isinstance(made, Scorer)
    return made


async def test_figures_stand_everywhere(bench: Workbench, rows: QuestionSet) -> None:
    """Scores, cells with intervals, tables, JSON and CSV have a scorer's figures."""
    calls = Calls()
    assert isinstance(calls, BatchScorer)
    result = await bench.compare(bench.arms(system="Hi."), rows, scorers=[Length(), calls])
    lengths = [one.scores.extra["length"] for one in result.outcomes if one.arm == "base"]
    known = [one for one in lengths if one is not None]
    assert len(lengths) == 12
    assert len(known) == 11
    cell = result.cell("base", metric="length")
    assert cell is not None
    assert (cell.n, cell.value) == (11, pytest.approx(sum(known) / 11))
    assert min(known) <= cell.low < cell.value < cell.high <= max(known)
    half = result.cell("prompted", metric="half")
    assert half is not None
    assert half.value == -0.5
    assert -1 <= half.low <= -0.5 <= half.high <= 1
    assert sorted(calls.sizes) == [4, 5, 5, 5, 5]
    assert result.data.scorers == {"length": (0, 1000), "half": (-1, 1)}
    assert "length (n=11)" in str(result)
    assert f"-0.50 [{half.low:.2f}..{half.high:.2f}]" in str(result)
    assert "## Scorers and judge" in result.to_markdown()
    assert "<h2>Scorers and judge</h2>" in result.to_html()
    assert "half -0.50" in result.to_html()
    read = from_json(result.to_json())
    assert (read.outcomes, read.summary) == (result.outcomes, result.summary)
    assert read.scorers == result.data.scorers
    first = next(csv.DictReader(io.StringIO(result.to_csv())))
    assert float(first["length"]) == lengths[0]
    assert first["half"] == "'-0.5" or float(first["half"]) == -0.5


async def test_without_scorers_nothing_is_added(bench: Workbench, rows: QuestionSet) -> None:
    """Reports of comparisons without scorers and judge stay as they were."""
    result = await bench.compare(bench.arms(), rows[:2])
    assert result.data.scorers == {}
    assert result.data.judge is None
    assert result.outcomes[0].scores.extra == {}
    assert "Scorers" not in result.to_markdown() + result.to_html()


async def test_scores_run_at_the_same_time_and_not_too_many(
    bench: Workbench, rows: QuestionSet
) -> None:
    """A slow scorer is asked about several answers at once, sixteen at most."""

    class Slow:
        name = "slow"
        range = (0.0, 1.0)
        now = most = 0

        async def score(self, question: Question, answer: Answer) -> float | None:
            del question, answer
            self.now += 1
            self.most = max(self.most, self.now)
            for _ in range(5):
                await asyncio.sleep(0)
            self.now -= 1
            return 1.0

    slow = Slow()
    await bench.compare(bench.arms(system="Hi."), rows, scorers=[slow])
    assert slow.most == 16


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (ValueError("no such word"), "it raised ValueError: no such word"),
        (2.0, r"it gave 2.0, which is not in its range 0\.\.1"),
        (-0.001, "not in its range"),
        (math.nan, "it gave nan"),
        ("1.0", "it gave '1.0', which is not in its range"),
    ],
)
async def test_failures_name_scorer_and_question(
    bench: Workbench, rows: QuestionSet, value: object, words: str
) -> None:
    """A scorer that fails ends the comparison with its name and the question; answers are kept."""
    with pytest.raises(ScorerError, match=words) as caught:
        await bench.compare(bench.arms(), rows[:3], scorers=[bad(value=value)])
    assert caught.value.scorer == "bad"
    assert caught.value.question == rows[0].id
    assert (caught.value.__cause__ is not None) == isinstance(value, Exception)
    result = await bench.compare(bench.arms(), rows[:3])
    assert all(one.reused for one in result.outcomes)


async def test_a_batch_needs_a_figure_for_each(bench: Workbench, rows: QuestionSet) -> None:
    """A batch scorer that gives too few figures is told how many are missing."""

    class Lazy(Calls):
        async def score_many(
            self, cases: Sequence[tuple[Question, Answer]]
        ) -> Sequence[float | None]:
            return [0.0 for _ in cases[1:]]

    with pytest.raises(ScorerError, match="gave 2 figures for 3 answers"):
        await bench.compare(bench.arms(), rows[:3], scorers=[Lazy()])


async def test_a_batch_gives_figures_one_by_one(bench: Workbench, rows: QuestionSet) -> None:
    """Figures may come from a generator; what gives none at all is told with its name."""

    class Given(Calls):
        def __init__(self, figures: Iterator[float] | None) -> None:
            super().__init__()
            self.figures = figures

        async def score_many(
            self, cases: Sequence[tuple[Question, Answer]]
        ) -> Sequence[float | None]:
            self.sizes.append(len(cases))
            return cast("Sequence[float | None]", self.figures)

    figures = iter([0.25, 0.5, 0.75])
    result = await bench.compare(bench.arms(), rows[:3], scorers=[Given(figures)])
    assert [one.scores.extra["half"] for one in result.outcomes] == [0.25, 0.5, 0.75]
    with pytest.raises(ScorerError, match=r"scorer 'half'.*'NoneType' object is not iterable"):
        await bench.compare(bench.arms(), rows[:3], scorers=[Given(None)])


@pytest.mark.parametrize("given", [len, Answer(text="x"), object(), bad(name=cast("str", 5))])
async def test_what_is_no_scorer_is_told(
    bench: Workbench, rows: QuestionSet, given: object
) -> None:
    """A function, or an object without the members of a scorer, is refused before anything."""
    with pytest.raises(InvalidInputError, match="is no scorer: it needs a `name`, a `range`"):
        await bench.compare(bench.arms(), rows[:1], scorers=[cast("Scorer", given)])


@pytest.mark.parametrize(
    "name", ["correct", "f1", "model", "judged_style", "1st", "", "a b", "x" * 41, "half"]
)
async def test_names_must_be_free(bench: Workbench, rows: QuestionSet, name: str) -> None:
    """A name that a figure or column has, or that cannot be a column, is refused at once."""
    with pytest.raises(InvalidInputError, match="cannot be called"):
        await bench.compare(bench.arms(), rows[:1], scorers=[Calls(), bad(name)])


@pytest.mark.parametrize(
    "limits", [(1, 0), (0, 0), (0, math.inf), (math.nan, 1), None, (0, 1, 2), ("0", "1")]
)
async def test_ranges_must_be_ranges(bench: Workbench, rows: QuestionSet, limits: object) -> None:
    """A range has a lower and a higher end, both finite."""
    scorer = bad(limits=cast("tuple[float, float]", limits))
    with pytest.raises(InvalidInputError, match="lower one first"):
        await bench.compare(bench.arms(), rows[:1], scorers=[scorer])


async def test_batches_hold_something(bench: Workbench, rows: QuestionSet) -> None:
    """A batch size below 1 is refused."""
    calls = Calls()
    calls.batch_size = 0
    with pytest.raises(InvalidInputError, match="batch_size must be at least 1, got 0"):
        await bench.compare(bench.arms(), rows[:1], scorers=[calls])


async def test_similarity_is_asked_for_by_name(bench: Workbench, rows: QuestionSet) -> None:
    """The nearest accepted answer counts; equal texts are 1, and no text is embedded twice."""
    tuned = await bench.fine_tune(rows, name="shop", system="Be brief.")
    arms = [arm for arm in bench.arms(tuned=tuned) if arm.name in {"base", "tuned"}]
    asked = [
        rows[0].model_copy(update={"answers": ("Something else.", rows[0].reference)}),
        *rows[1:4],
        Question(id="n", text="Who are you?"),
        Question(id="u", text="Why?", answers=("I don't know.",), kind="unanswerable"),
    ]
    result = await bench.compare(arms, asked, scorers=["similarity"])
    found = {(one.arm, one.question): one.scores.similarity for one in result.outcomes}
    assert found["tuned", rows[0].id] == pytest.approx(1)
    base = found["base", rows[1].id]
    assert base is not None
    assert 0 <= base < 0.5
    assert found["base", "n"] is None
    assert found["base", "u"] is None
    provider = bench.provider
    assert isinstance(provider, FakeProvider)
    before = sum(call.operation == "embeddings.embed" for call in provider.calls)
    await bench.compare(arms, asked, scorers=["similarity"])
    assert sum(call.operation == "embeddings.embed" for call in provider.calls) == before


async def test_similarity_of_many_answers(bench: Workbench) -> None:
    """Answers are embedded page by page."""
    rows = QuestionSet.from_rows([(f"Item {at}?", f"Shelf {at}.") for at in range(513)])
    result = await bench.compare(bench.arms(), rows, scorers=["similarity"])
    assert all(one.scores.similarity is not None for one in result.outcomes)


async def test_similarity_needs_a_model(rows: QuestionSet) -> None:
    """Without an embedding model, and under another name, nothing is asked."""

    class Bare(FakeProvider):
        @property
        def roles(self) -> dict[str, RoleModel]:
            return {"chat": RoleModel(model=ModelId("fake-chat"))}

    profile = Profile(name="bare", provider="fake")
    async with Workbench(Bare(), profile=profile) as bench:
        with pytest.raises(InvalidInputError, match="needs an embedding model"):
            await bench.compare(bench.arms(), rows[:1], scorers=["similarity"])
        wrong: list[object] = ["bleu"]
        with pytest.raises(InvalidInputError, match="no scorer 'bleu'"):
            await bench.compare(bench.arms(), rows[:1], scorers=wrong)  # type: ignore[arg-type]  # what a user may type


async def test_failed_calls_are_not_scored(rows: QuestionSet) -> None:
    """A call without an answer has no figure of any scorer."""
    script = Script().on("chat.complete", Fault.unavailable())
    async with Workbench(FakeProvider(script=script)) as bench:
        result = await bench.compare(
            bench.arms(), rows[:3], scorers=[Length(), "similarity"], concurrency=1
        )
    assert result.outcomes[0].scores.extra == {}
    assert result.outcomes[0].scores.similarity is None
    cell = result.cell("base", metric="length")
    assert cell is not None
    assert cell.n == 1
