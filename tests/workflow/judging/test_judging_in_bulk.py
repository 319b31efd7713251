"""Batches judge like direct calls do, at a part of the price; an estimate says what it will be."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

import tailorbird
from tailorbird import JudgeOptions, QuestionSet, Workbench
from tailorbird.config import Profile
from tailorbird.exceptions import AuthenticationError, WaitTimeoutError
from tailorbird.providers.fake import FakeProvider, Fault, Script
from tailorbird.types import ChatOptions, Document, ModelId
from tailorbird.types.judgements import HumanLabel, JudgeReport
from tailorbird.types.models import RoleModel
from tailorbird.workflow.bulk.asking import BulkOptions
from tailorbird.workflow.judging.grading import draw
from tailorbird.workflow.judging.rubrics import CORRECTNESS
from tailorbird.workflow.money.worst import REASONING_TOKENS


def calls(bench: Workbench, operation: str) -> int:
    """Count the calls that reached the provider."""
    assert isinstance(bench.provider, FakeProvider)
    return sum(call.operation == operation for call in bench.provider.calls)


async def test_batches_judge_as_calls_do(rows: QuestionSet, documents: list[Document]) -> None:
    """All judgements, repetitions too, are one batch; they are those of calls, and cheaper."""
    reports: list[JudgeReport] = []
    for bulk in (False, True):
        async with Workbench(FakeProvider()) as bench:
            index = await bench.build_index(documents, name="shop")
            arms = bench.arms(index=index, examples=rows[:4])
            result = await bench.compare(arms, rows, judge=JudgeOptions(), bulk=bulk)
            report = result.data.judge
            assert report is not None
            assert (calls(bench, "chat.complete") == 0) == bulk
            if bulk:
                # One for each arm and one for the judge.
                assert calls(bench, "batches.submit") == len(arms) + 1
                again = await bench.compare(arms, rows, judge=JudgeOptions())
                assert again.data.judge is not None
                assert again.data.judge.reused == again.data.judge.judged
                assert calls(bench, "chat.complete") == 0
            reports.append(report)
    direct, batched = reports
    assert batched.judged == direct.judged > 0
    assert batched.consistency == direct.consistency
    assert direct.usd is not None
    assert batched.usd is not None
    assert Decimal("0.4") < batched.usd / direct.usd < Decimal("0.6")


async def test_pairs_are_judged_in_one_batch(rows: QuestionSet) -> None:
    """Both orders of all pairs go together, and the preferences are those of direct calls."""
    async with Workbench(FakeProvider()) as bench, Workbench(FakeProvider()) as other:
        arms = bench.arms(examples=rows)
        result = await bench.compare(arms, rows)
        batched = await bench.judge_pairs(result, "few-shot", "base", bulk=True)
        assert calls(bench, "batches.submit") == 1
        direct = await other.judge_pairs(result, "few-shot", "base")
        assert (batched.wins, batched.losses) == (direct.wins, direct.losses)
        assert batched.n == len(rows)


async def test_who_stops_waiting_finds_the_judgements_again(
    rows: QuestionSet, tmp_path: Path
) -> None:
    """A wait that ends leaves the batch running; another process takes what it said."""
    options = JudgeOptions(rubrics=(tailorbird.JudgeOptions().rubrics[0],), repeat=0)
    async with tailorbird.open("fake", workspace=tmp_path, environ={}) as bench:
        arms = bench.arms(examples=rows)
        await bench.compare(arms, rows)
        with pytest.raises(WaitTimeoutError):
            await bench.compare(arms, rows, judge=options, bulk=BulkOptions(timeout_s=0))
        result = await bench.compare(arms, rows, judge=options, bulk=True)
        assert calls(bench, "batches.submit") == 1
        assert result.data.judge is not None
        assert result.data.judge.judged == 2 * len(rows)


async def test_trouble_with_the_batch_is_raised_once(rows: QuestionSet) -> None:
    """What all judgements would meet is one error, as with direct calls."""
    script = Script().on("batches.submit", Fault.wrong_key())
    async with Workbench(FakeProvider(script=script)) as bench:
        arms = bench.arms(examples=rows)
        result = await bench.compare(arms, rows)
        with pytest.raises(AuthenticationError):
            await bench.judge_pairs(result, "few-shot", "base", bulk=True)


async def test_an_estimate_comes_before(
    bench: Workbench, rows: QuestionSet, documents: list[Document]
) -> None:
    """It asks nothing, is near what is used then, and halves by batches."""
    index = await bench.build_index(documents, name="shop")
    arms = bench.arms(index=index, examples=rows[:4])
    before = calls(bench, "chat.complete")
    estimate = await bench.estimate_judging(arms, rows)
    assert calls(bench, "chat.complete") == before
    # Three arms, 12 questions; two rubrics for all and a third for the one that searches.
    assert (estimate.questions, estimate.judgements) == (12, 84 + 9)
    halved = await bench.estimate_judging(arms, rows, judge=JudgeOptions(repeat=0), bulk=True)
    result = await bench.compare(arms, rows, judge=JudgeOptions())
    assert result.data.judge is not None
    used = result.data.judge.usage.input_tokens
    assert 0.5 < used / estimate.usage.input_tokens <= 1.1
    assert estimate.usd is not None
    assert "93 judgements of fake-chat on the answers to 12 questions, about " in str(estimate)
    assert "USD (price: fake)" in str(estimate)
    assert halved.judgements == 84
    assert halved.usd is not None
    assert halved.usd < estimate.usd * Decimal("0.6")


async def test_an_estimate_without_price_or_work(rows: QuestionSet) -> None:
    """Without arms nothing is judged, and an unknown price is said."""
    async with Workbench(FakeProvider()) as bench:
        found = await bench.estimate_judging([], rows)
        assert (found.questions, found.judgements, found.usage.input_tokens) == (0, 0, 0)
    mine = Profile(name="mine", provider="fake", roles={"judge": RoleModel(model=ModelId("m"))})
    async with Workbench(FakeProvider(), profile=mine) as bench:
        assert str(await bench.estimate_judging([], rows)).endswith("no price is known for m")


async def test_an_estimate_counts_what_would_be_judged(
    bench: Workbench, rows: QuestionSet, documents: list[Document]
) -> None:
    """Style and sources of a question without accepted answers are judged, its facts are not."""
    index = await bench.build_index(documents, name="shop")
    arms = bench.arms(index=index)
    last = rows[-1].model_copy(update={"answers": ()})
    judge = JudgeOptions(repeat=0)
    all_but_one = await bench.estimate_judging(arms, rows[:-1], judge=judge)
    found = await bench.estimate_judging(arms, [*rows[:-1], last], judge=judge)
    searching = sum(arm.index is not None for arm in arms)
    assert found.judgements == all_but_one.judgements + len(arms) + searching
    assert found.usage.input_tokens > all_but_one.usage.input_tokens


async def test_an_estimate_counts_what_people_labeled(bench: Workbench, rows: QuestionSet) -> None:
    """Labeled answers are judged though their questions were not drawn, in fact as by estimate."""
    arms = bench.arms(examples=rows[:4])
    labels = tuple(HumanLabel(arm="base", question=one.id, right=True) for one in rows)
    judge = JudgeOptions(questions=3, repeat=0, labels=labels)
    estimate = await bench.estimate_judging(arms, rows, judge=judge)
    assert estimate.questions == len(rows)
    result = await bench.compare(arms, rows, judge=judge)
    told = [one for outcome in result.data.outcomes for one in outcome.grades]
    assert len(told) == estimate.judgements


async def test_kept_judgements_are_left_out(
    bench: Workbench, rows: QuestionSet, documents: list[Document]
) -> None:
    """What was judged is known; of answers that are known, exactly what is missing is counted."""
    index = await bench.build_index(documents, name="shop")
    arms = bench.arms(index=index, examples=rows[:4])
    result = await bench.compare(arms[:2], rows)
    before = await bench.estimate_judging(arms[:2], result.questions)
    calls_before = calls(bench, "chat.complete")
    await bench.compare(arms[:2], rows, judge=JudgeOptions())
    asked = calls(bench, "chat.complete") - calls_before
    assert (before.judgements, before.known) == (asked, 0)
    after = await bench.estimate_judging(arms[:2], rows)
    assert (after.judgements, after.known, after.usd) == (0, asked, Decimal(0))
    assert f" questions ({asked} more are known), about 0 tokens in and 0 out" in str(after)
    more = await bench.estimate_judging(arms, rows)
    assert more.known <= asked
    assert more.judgements > 0


async def test_an_estimate_knows_how_long_judgements_are(
    bench: Workbench, rows: QuestionSet
) -> None:
    """An effort takes hidden tokens; once there are judgements, the new ones are as long."""
    arms = bench.arms(examples=rows[:4])
    plain = await bench.estimate_judging(arms, rows, judge=JudgeOptions(repeat=0))
    thinking = JudgeOptions(repeat=0, chat=ChatOptions(reasoning_effort="low"))
    more = await bench.estimate_judging(arms, rows, judge=thinking)
    assert (plain.measured, more.measured) == (False, True)
    hidden = more.usage.output_tokens - plain.usage.output_tokens
    assert hidden == plain.judgements * REASONING_TOKENS
    some = JudgeOptions(repeat=0, questions=3)
    told = (await bench.compare(arms, rows, judge=some)).data.judge
    assert told is not None
    rest = await bench.estimate_judging(arms, rows, judge=JudgeOptions(repeat=0))
    assert rest.known > 0
    assert rest.measured
    mean = rest.usage.output_tokens / rest.judgements
    assert mean == pytest.approx(told.usage.output_tokens / rest.known, abs=1)


async def test_an_estimate_expects_the_answer_that_a_label_is_of(
    bench: Workbench, rows: QuestionSet
) -> None:
    """Before there are answers, every label may fit; afterwards only those that do are counted."""
    arms = bench.arms()
    labels = (
        HumanLabel(arm="base", question=rows[0].id, right=True, answer="something else"),
        HumanLabel(arm="base", question=rows[1].id, right=True),
    )
    judge = JudgeOptions(
        questions=1, repeat=0, labels=labels, rubrics=(CORRECTNESS,), seed=unlucky(rows)
    )
    assert (await bench.estimate_judging(arms, rows, judge=judge)).judgements == 3
    await bench.compare(arms, rows)
    assert (await bench.estimate_judging(arms, rows, judge=judge)).judgements == 2


def unlucky(rows: QuestionSet) -> int:
    """Give a seed that draws none of the first two questions."""
    seeds = ((seed, draw(rows, JudgeOptions(questions=1, seed=seed))) for seed in range(99))
    return next(seed for seed, drawn in seeds if not drawn & {rows[0].id, rows[1].id})
