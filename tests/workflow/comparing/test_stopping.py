"""A comparison may stop before all its questions are asked, and is wrong no more often for it."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import tailorbird
from tailorbird import Arm, Question, QuestionSet, StopEarly, Workbench
from tailorbird.exceptions import AuthenticationError, InvalidInputError
from tailorbird.providers.fake import FakeProvider, Fault, Script
from tailorbird.report import Comparison
from tailorbird.types import Document, JobId, ModelId, Supervised, TunedModel
from tailorbird.types.questions import QuestionKind
from tailorbird.workflow.comparing.stopping import Watch, in_blocks
from tailorbird.workflow.progress import Progress
from tailorbird.workflow.statistics import holm, watched_difference, wilson_interval

Rights = Mapping[str, Mapping[str, float | None]]


def questions(n: int) -> list[Question]:
    """Give questions of three kinds: half unseen, a quarter style, a quarter without a kind."""
    kinds: tuple[QuestionKind | None, ...] = ("unseen", "unseen", "style", None)
    return [
        Question(id=str(at), text=f"What is {at}?", answers=("x",), kind=kinds[at % 4])
        for at in range(n)
    ]


def arms(*names: str) -> list[Arm]:
    """Give arms that differ in their names only."""
    return [Arm(name=name, model=ModelId("m")) for name in names]


def chats(bench: Workbench) -> int:
    """Count the chat calls that reached the provider."""
    assert isinstance(bench.provider, FakeProvider)
    return sum(call.operation == "chat.complete" for call in bench.provider.calls)


def watched(watch: Watch, right: Rights) -> Watch:
    """Look at blocks until asking stops; `right` says it by arm and question."""
    for block in watch.blocks:
        seen = {(arm, one.id): right[arm].get(one.id) for arm in right for one in block}
        if watch.look(block, seen):
            break
    return watch


def test_blocks_hold_every_question_once() -> None:
    """Blocks are drawn by the seed alone, and hold the kinds in proportion."""
    asked = questions(200)
    blocks = in_blocks(asked, StopEarly())
    assert sorted(one.id for block in blocks for one in block) == sorted(one.id for one in asked)
    assert [len(block) for block in blocks] == [20] * 10
    for block in blocks:
        counts = Counter(one.kind for one in block)
        assert abs(counts["unseen"] - 10) <= 1
        assert abs(counts["style"] - 5) <= 1
    assert in_blocks(asked[::-1], StopEarly()) == blocks
    assert in_blocks(asked, StopEarly(seed=8)) != blocks
    assert [len(block) for block in in_blocks(asked, StopEarly(block=150))] == [150, 50]
    assert len(in_blocks(questions(2_000), StopEarly())) == 20


def test_a_clear_difference_stops_asking() -> None:
    """One block is enough where one arm is right and the other never is."""
    asked = questions(100)
    right = {"a": dict.fromkeys((one.id for one in asked), 0.0)}
    right["b"] = dict.fromkeys((one.id for one in asked), 1.0)
    watch = watched(Watch(arms("a", "b"), asked, StopEarly()), right)
    found = watch.found
    assert (found.asked, found.looks, found.planned, found.given) == (20, 1, 5, 100)
    assert (found.leader, found.shown, found.close, found.undecided) == ("b", ("a",), (), ())
    assert found.stopped
    assert watch.p_values["b", "a", "all"] == pytest.approx(21 / 2**20)
    assert str(found).startswith("Stopped after 20 of 100 questions: look 1 of at most 5, ")
    assert str(found).endswith(" In front is 'b': shown to differ from 'a'.")


def test_arms_that_agree_stop_asking_too() -> None:
    """No lead that a verdict pays for is left after some sixty questions without a difference."""
    asked = questions(400)
    right = {name: {one.id: 1.0 for one in asked} for name in "ab"}
    found = watched(Watch(arms("a", "b"), asked, StopEarly()), right).found
    assert (found.asked, found.leader, found.close) == (60, "a", ("b",))


def test_what_cannot_be_decided_any_more_is_not_asked() -> None:
    """Where even the rest could show nothing, asking stops and the pair is left open."""
    asked = questions(24)
    blocks = in_blocks(asked, StopEarly(block=10))
    order = [one.id for block in blocks for one in block]
    right = {
        "a": {one: float(at % 2 == 0) for at, one in enumerate(order)},
        "b": {one: float(at % 2 == 1) for at, one in enumerate(order)},
    }
    found = watched(Watch(arms("a", "b"), asked, StopEarly(block=10)), right).found
    assert (found.asked, found.undecided) == (10, ("b",))
    assert "not to be told from 'b'" in str(found)


def test_what_the_tables_show_is_not_said_to_be_open() -> None:
    """Holm's correction shows more than the rule that ends the asking, and the words know of it."""
    asked = questions(30)
    order = [one.id for block in in_blocks(asked, StopEarly()) for one in block]
    right = {
        "a": dict.fromkeys(order, 0.0),
        "b": {one: float(at % 10 < 7) for at, one in enumerate(order)},
        "c": dict.fromkeys(order, 1.0),
    }
    watch = watched(Watch(arms("a", "b", "c"), asked, StopEarly()), right)
    p_value = watch.p_values["c", "b", "all"]
    assert 0.05 / 3 < p_value < 0.05
    assert (watch.found.shown, watch.found.undecided) == (("a", "b"), ())


def test_failed_calls_count_for_nobody() -> None:
    """Without a score on both sides a question is none; all are asked where nothing is known."""
    asked = questions(30)
    right: Rights = {"a": {}, "b": {one.id: 1.0 for one in asked}}
    watch = watched(Watch(arms("a", "b"), asked, StopEarly()), right)
    assert watch.found.asked == 30
    assert not watch.found.stopped
    assert watch.p_values["b", "a", "all"] == 1
    assert str(watch.found).startswith("All 30 questions were asked, with a look after every 20")


def test_the_best_of_those_that_last_has_to_be_decided_as_well() -> None:
    """A model that ends soon does not end the asking: what is recommended is another arm."""
    asked, today = questions(200), date(2026, 11, 22)
    order = [one.id for block in in_blocks(asked, StopEarly()) for one in block]
    right = {
        "dying": dict.fromkeys(order, 1.0),
        "b": {one: float(at % 10 == 0) for at, one in enumerate(order)},
        "c": {one: float(at % 10 < 3) for at, one in enumerate(order)},
    }
    counts = []
    for shutdown_date in (None, date(2026, 12, 1)):
        tuned = TunedModel(
            name="t",
            provider="fake",
            identity="fake",
            base=ModelId("m"),
            model=ModelId("ft:m"),
            job=JobId("j"),
            method=Supervised(),
            training_hash="0",
            examples=1,
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
            shutdown_date=shutdown_date,
        )
        dying = Arm(name="dying", model=tuned.model, tuned=tuned)
        watch = Watch([dying, *arms("b", "c")], asked, StopEarly(), today=today)
        counts.append(watched(watch, right).found.asked)
    assert counts == [20, 60]


def test_one_arm_is_not_enough() -> None:
    """With nothing to decide there is no early stop."""
    with pytest.raises(InvalidInputError, match="two arms at least to decide between, got 'a'"):
        Watch(arms("a"), questions(5), StopEarly())


def test_looking_does_not_call_more_differences() -> None:
    """Of six equally good arms any two are told apart in 5 % of the runs at most."""
    lot, calls, runs = random.Random(3), 0, 150  # noqa: S311 - it is a simulation
    compared = arms(*"abcdef")
    for seed in range(runs):
        asked = questions(120)
        # Kinds differ in how hard they are, and some questions are hard for everybody.
        right = {
            arm.name: {
                one.id: float(lot.random() < (0.8 if one.kind == "unseen" else 0.4))
                for one in asked
            }
            for arm in compared
        }
        watch = watched(Watch(compared, asked, StopEarly(block=10, seed=seed)), right)
        calls += min(holm([p for key, p in watch.p_values.items() if key[2] == "all"])) < 0.05
    # Three standard errors above 5 % of 150.
    assert calls <= 15


async def test_fewer_questions_are_asked(
    bench: Workbench, rows: QuestionSet, documents: list[Document], tmp_path: Path
) -> None:
    """The rest is neither asked nor shown, and every form says when it stopped and how."""
    many = [
        one.model_copy(update={"id": f"{one.id}-{at}", "text": f"{one.text} ({at})"})
        for at in range(8)
        for one in rows
    ]
    index = await bench.build_index(documents, name="shop")
    compared = bench.arms(index=index)
    seen: list[Progress] = []
    result = await bench.compare(compared, many, stop_early=True, on_progress=seen.append)
    early = result.data.early_stop
    assert early is not None
    assert early.stopped
    assert len(result.questions) == early.asked == len(result.outcomes) // 2
    assert chats(bench) <= len(result.outcomes)
    assert [one.done for one in seen] == list(range(1, len(result.outcomes) + 1))
    assert {one.total for one in seen} == {2 * 96}
    assert all(pair.watched for pair in result.pairwise)
    (pair,) = (one for one in result.pairwise if one.kind == "all")
    assert (pair.low, pair.high) == watched_difference(pair.wins, pair.losses, pair.n)
    share = result.cell("retrieval", metric="correct")
    assert share is not None
    assert share.low < wilson_interval(share.value, share.n)[0]
    said = f"(95 % interval {share.low:.2f} to {share.high:.2f})"
    assert said in result.verdict.reasons[0]
    assert f" × {early.asked} of 96 questions on fake" in str(result)
    assert str(early) in result.verdict.reasons
    assert any("test martingale" in one for one in result.verdict.caveats)
    assert "test martingale" in result.to_html()
    assert "test martingale" in result.to_markdown()
    path = tmp_path / "run.json"
    await asyncio.to_thread(result.write_json, path)
    assert (await asyncio.to_thread(Comparison.read, path)).data.early_stop == early


async def test_a_broken_run_goes_on_and_stops_at_the_same_place(rows: QuestionSet) -> None:
    """The same looks are taken again, and no answer that was kept is asked for twice."""
    many = [
        one.model_copy(update={"id": f"{one.id}-{at}", "text": f"{one.text} ({at})"})
        for at in range(8)
        for one in rows
    ]
    script = Script().on("chat.complete", Fault.wrong_key(), occurrence=25)
    async with Workbench(FakeProvider(script=script)) as broken, Workbench(FakeProvider()) as whole:
        compared = broken.arms(system="Be brief.")
        with pytest.raises(AuthenticationError):
            await broken.compare(compared, many, stop_early=StopEarly(block=5), concurrency=1)
        again = await broken.compare(compared, many, stop_early=StopEarly(block=5))
        assert sum(one.reused for one in again.outcomes) == 24
        straight = await whole.compare(
            whole.arms(system="Be brief."), many, stop_early=StopEarly(block=5)
        )
        assert again.data.early_stop == straight.data.early_stop
        assert again.pairwise == straight.pairwise


async def test_failed_calls_do_not_end_a_run_that_is_watched(rows: QuestionSet) -> None:
    """A question without an answer decides nothing, and the others are asked to the end."""
    script = Script().on("chat.complete", Fault.unavailable(), times=12)
    async with Workbench(FakeProvider(script=script)) as bench:
        compared = bench.arms(system="Be brief.")
        result = await bench.compare(compared, rows, stop_early=StopEarly(block=12), concurrency=1)
        early = result.data.early_stop
        assert early is not None
        assert not early.stopped
        assert sum(one.error is not None for one in result.outcomes) == 12
        assert result.pairwise[0].n == 0
        assert not any("Asking stopped early" in one for one in result.verdict.caveats)


async def test_what_excludes_an_early_stop(bench: Workbench, rows: QuestionSet) -> None:
    """Batches, a judge that decides, and a single arm are refused before anything is asked."""
    two = bench.arms(system="Be brief.")
    with pytest.raises(InvalidInputError, match="leave out bulk"):
        await bench.compare(two, rows, stop_early=True, bulk=True)
    judge = tailorbird.JudgeOptions(role="chat", decides=True)
    with pytest.raises(InvalidInputError, match="decides"):
        await bench.compare(two, rows, stop_early=True, judge=judge)
    with pytest.raises(InvalidInputError, match="two arms"):
        await bench.compare(two[:1], rows, stop_early=True)
    assert chats(bench) == 0


async def test_other_metrics_pay_for_the_looks(bench: Workbench, rows: QuestionSet) -> None:
    """Corrected p-values of the other metrics are multiplied by the looks that were planned."""
    two = bench.arms(examples=rows[:4])
    looked = await bench.compare(two, rows, stop_early=StopEarly(block=4))
    plain = await bench.compare(two, looked.questions)
    assert looked.data.early_stop is not None
    assert looked.data.early_stop.planned == 3
    assert plain.data.contrasts
    for one, other in zip(plain.data.contrasts, looked.data.contrasts, strict=True):
        assert other.p_adjusted == pytest.approx(min(1, 3 * one.p_adjusted))
        assert other.low < one.low
        assert other.high >= one.high
    assert plain.data.name != looked.data.name
