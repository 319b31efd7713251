"""Two answers are compared in both orders."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

import tailorbird
from tailorbird import JudgeOptions, Question, QuestionSet, Workbench
from tailorbird.exceptions import InvalidInputError
from tailorbird.providers.fake import FakeProvider, Fault, Says, Script
from tailorbird.report import Comparison
from tailorbird.types import Message
from tailorbird.workflow.judging.rubrics import GROUNDEDNESS, STYLE

Judging = Callable[..., Callable[..., str]]


def chats(bench: Workbench) -> int:
    """Count the chat calls that reached the provider."""
    provider = bench.provider
    assert isinstance(provider, FakeProvider)
    return sum(call.operation == "chat.complete" for call in provider.calls)


async def two_arms(bench: Workbench, questions: list[Question]) -> Comparison:
    """Ask with and without a system prompt."""
    return await bench.compare(bench.arms(system="Loud."), questions)


def scripted(inner: Callable[..., str]) -> Script:
    """Let `prompted` answer in capitals, and judge by a function."""

    def say(messages: list[Message]) -> str:
        text = inner(messages)
        return text.upper() if messages[0].text == "Loud." else text

    return Script().on("chat.complete", Says(say), times=None)


async def test_what_holds_in_both_orders_counts(
    judging: Judging, questions: list[Question]
) -> None:
    """A judge that knows what it wants gives wins; the report tells them from losses."""
    loud = judging(lambda parts: "A" if parts["a"].isupper() else "B")
    async with Workbench(FakeProvider(script=scripted(loud))) as bench:
        result = await two_arms(bench, questions)
        found = await bench.judge_pairs(result, "prompted", "base")
        assert (found.n, found.wins, found.losses, found.ties, found.flipped) == (8, 8, 0, 0, 0)
        assert found.p_value == pytest.approx(2 / 2**8)
        assert found.preferences[0].better == "first"
        assert found.preferences[0].reasons == ("so", "so")
        asked = chats(bench)
        turned = await bench.judge_pairs(result, "base", "prompted")
        assert (turned.wins, turned.losses) == (0, 8)
        assert chats(bench) == asked


@pytest.mark.parametrize("favorite", ["A", "B"])
async def test_what_depends_on_the_order_is_a_tie(
    judging: Judging, questions: list[Question], favorite: str
) -> None:
    """A judge that prefers a place gives no win at all, and its bias is counted."""
    biased = judging(lambda _: favorite)
    async with Workbench(FakeProvider(script=scripted(biased))) as bench:
        found = await bench.judge_pairs(await two_arms(bench, questions), "prompted", "base")
    assert (found.n, found.wins, found.losses, found.ties, found.flipped) == (8, 0, 0, 8, 8)
    assert found.p_value == 1


async def test_a_real_tie_is_no_bias(judging: Judging, questions: list[Question]) -> None:
    """A judge that says tie both times has not changed its mind."""
    async with Workbench(FakeProvider(script=scripted(judging(lambda _: "tie")))) as bench:
        found = await bench.judge_pairs(await two_arms(bench, questions), "prompted", "base")
    assert (found.ties, found.flipped) == (8, 0)


async def test_equal_answers_are_ties_without_asking(
    judging: Judging, questions: list[Question]
) -> None:
    """Nothing is asked about two answers that are the same; the family is told of."""
    same = Script().on("chat.complete", Says(judging(lambda _: "A")), times=None)
    async with Workbench(FakeProvider(script=same)) as bench:
        result = await two_arms(bench, questions)
        asked = chats(bench)
        found = await bench.judge_pairs(result, "prompted", "base")
        assert chats(bench) == asked
    assert (found.n, found.ties, found.flipped) == (8, 8, 0)
    assert "same family (fake)" in found.caveats[0]


async def test_a_lost_judgement_leaves_its_question_out(
    judging: Judging, questions: list[Question]
) -> None:
    """A question without a judgement in one of the orders does not count."""
    script = scripted(judging(lambda _: "A")).on(
        "chat.complete", Fault.unavailable(), occurrence=16 + 2
    )
    async with Workbench(FakeProvider(script=script)) as bench:
        result = await two_arms(bench, questions)
        found = await bench.judge_pairs(
            result, "prompted", "base", options=JudgeOptions(concurrency=1)
        )
    assert (found.n, found.failed) == (7, 1)


async def test_only_what_was_drawn_and_answered_is_compared(
    judging: Judging, questions: list[Question]
) -> None:
    """Questions that were not drawn, that failed, or that have no right answer are left out."""
    asked = [
        *questions,
        Question(id="u", text="Why?", kind="unanswerable"),
        Question(id="n", text="Who?"),
    ]
    script = scripted(judging(lambda _: "A")).on("chat.complete", Fault.unavailable())
    async with Workbench(FakeProvider(script=script)) as bench:
        result = await bench.compare(bench.arms(system="Loud."), asked, concurrency=1)
        every = await bench.judge_pairs(result, "prompted", "base")
        assert every.n == 7
        few = JudgeOptions(questions=3)
        assert (await bench.judge_pairs(result, "prompted", "base", options=few)).n <= 3
        styled = await bench.judge_pairs(result, "prompted", "base", rubric=STYLE)
        assert styled.n == 9


async def test_wrong_pairs_are_refused(bench: Workbench, rows: QuestionSet) -> None:
    """Unknown arms, an arm against itself, and rubrics with passages are no pair."""
    result = await bench.compare(bench.arms(system="Hi."), rows[:2])
    with pytest.raises(InvalidInputError, match="no arm 'tuned'; there are: base, prompted"):
        await bench.judge_pairs(result, "tuned", "base")
    with pytest.raises(InvalidInputError, match="itself"):
        await bench.judge_pairs(result, "base", "base")
    with pytest.raises(InvalidInputError, match="shows passages"):
        await bench.judge_pairs(result, "prompted", "base", rubric=GROUNDEDNESS)


async def test_a_comparison_from_a_file_will_do(
    bench: Workbench, rows: QuestionSet, tmp_path: Path
) -> None:
    """What was compared before can be judged later, also without async."""
    result = await bench.compare(bench.arms(examples=rows[4:]), rows[:6])
    await asyncio.to_thread(result.write_json, tmp_path / "run.json")
    read = await asyncio.to_thread(Comparison.read, tmp_path / "run.json")
    found = await bench.judge_pairs(read, "few-shot", "base", rubric=STYLE)
    assert found.wins == 6


def test_the_plain_twin(rows: QuestionSet) -> None:
    """Judging works without async too."""
    with tailorbird.open_sync("fake", workspace=None, environ={}) as bench:
        result = bench.compare(
            bench.arms(examples=rows[4:]), rows[:6], judge=JudgeOptions(), scorers=["similarity"]
        )
        assert result.data.judge is not None
        assert bench.judge_pairs(result, "few-shot", "base", rubric=STYLE).wins == 6
