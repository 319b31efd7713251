"""Every arm is asked every question, once, and every answer is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

import tailorbird
from tailorbird import QuestionSet, Workbench
from tailorbird.exceptions import AuthenticationError, InvalidInputError
from tailorbird.providers.fake import FakeProvider, Fault, Says, Script
from tailorbird.types import Document
from tailorbird.workflow.progress import Progress


def chats(bench: Workbench) -> int:
    """Count the chat calls that reached the provider."""
    provider = bench.provider
    assert isinstance(provider, FakeProvider)
    return sum(call.operation == "chat.complete" for call in provider.calls)


async def test_six_arms_are_compared(
    bench: Workbench, rows: QuestionSet, documents: list[Document]
) -> None:
    """The whole way gives outcomes for each arm and question, and a verdict."""
    tuned = await bench.fine_tune(rows, name="shop", system="Be brief.")
    index = await bench.build_index(documents, name="shop")
    arms = bench.arms(tuned=tuned, index=index)
    seen: list[Progress] = []
    result = await bench.compare(arms, rows[:4], on_progress=seen.append)
    assert [arm.name for arm in result.arms] == [
        "base",
        "prompted",
        "few-shot",
        "retrieval",
        "tuned",
        "tuned + retrieval",
    ]
    assert len(result.outcomes) == 24
    assert [one.done for one in seen] == list(range(1, 25))
    assert {one.total for one in seen} == {24}
    assert result.verdict.headline
    assert any("plumbing" in caveat for caveat in result.verdict.caveats)


async def test_a_second_run_asks_nothing(bench: Workbench, rows: QuestionSet) -> None:
    """Known answers are reused; a new question or arm costs only itself."""
    arms = bench.arms(system="Be brief.")
    first = await bench.compare(arms, rows[:5])
    asked = chats(bench)
    again = await bench.compare(arms, rows[:5])
    assert chats(bench) == asked == 10
    assert all(outcome.reused for outcome in again.outcomes)
    assert [one.answer for one in again.outcomes] == [one.answer for one in first.outcomes]
    await bench.compare(arms, rows[:6])
    assert chats(bench) == asked + 2
    await bench.compare(bench.arms(system="Be kind."), rows[:6])
    assert chats(bench) == asked + 2 + 6


async def test_answers_outlive_the_process(tmp_path: Path, rows: QuestionSet) -> None:
    """Answers are kept in the workspace."""
    for expected in (3, 0):
        async with tailorbird.open("fake", workspace=tmp_path / "w", environ={}) as bench:
            await bench.compare(bench.arms(), rows[:3])
            assert chats(bench) == expected


async def test_a_failed_call_is_an_outcome_and_does_not_stop_the_rest(rows: QuestionSet) -> None:
    """Trouble with one question is told in the report, and asked again next time."""
    script = (
        Script()
        .on("chat.complete", Fault.unavailable())
        .on("chat.complete", Says(""), occurrence=2)
    )
    async with Workbench(FakeProvider(script=script)) as bench:
        result = await bench.compare(bench.arms(), rows[:4], concurrency=1)
        failed = [one for one in result.outcomes if one.error]
        assert [one.error.split()[0] for one in failed if one.error] == [
            "ServiceUnavailableError",
            "EmptyAnswerError",
        ]
        assert all(one.answer is None and one.scores.correct is None for one in failed)
        healed = await bench.compare(bench.arms(), rows[:4])
        assert not any(one.error for one in healed.outcomes)


async def test_a_wrong_key_stops_everything_and_keeps_what_came(rows: QuestionSet) -> None:
    """Trouble that all calls would meet is raised once; earlier answers stay."""
    script = Script().on("chat.complete", Fault.wrong_key(), occurrence=3)
    async with Workbench(FakeProvider(script=script)) as bench:
        with pytest.raises(AuthenticationError):
            await bench.compare(bench.arms(), rows[:5], concurrency=1)
        result = await bench.compare(bench.arms(), rows[:5])
        assert sum(one.reused for one in result.outcomes) == 2


async def test_names_and_ids_must_be_unique(bench: Workbench, rows: QuestionSet) -> None:
    """A comparison without arms or questions, or with two of a name, is refused."""
    arms = bench.arms()
    with pytest.raises(InvalidInputError, match="no arm"):
        await bench.compare([], rows)
    with pytest.raises(InvalidInputError, match="no question"):
        await bench.compare(arms, [])
    with pytest.raises(InvalidInputError, match="'base' stands twice"):
        await bench.compare([*arms, *arms], rows)
    with pytest.raises(InvalidInputError, match=r"question .* stands twice"):
        await bench.compare(arms, [rows[0], rows[0]])
    with pytest.raises(InvalidInputError, match="concurrency"):
        await bench.compare(arms, rows, concurrency=0)
    assert chats(bench) == 0


async def test_a_run_has_a_name(bench: Workbench, rows: QuestionSet) -> None:
    """A name is made from arms and questions where none is given."""
    arms = bench.arms()
    made = await bench.compare(arms, rows[:2])
    again = await bench.compare(arms, rows[:2])
    other = await bench.compare(arms, rows[:3])
    assert made.data.name == again.data.name != other.data.name
    assert (await bench.compare(arms, rows[:2], name="mine")).data.name == "mine"


async def test_streaming_measures_the_first_token(
    rows: QuestionSet, documents: list[Document]
) -> None:
    """Plain answers are streamed and say the same; a batch cannot be streamed."""
    async with tailorbird.open("fake", workspace=None, environ={}) as bench:
        index = await bench.build_index(documents, name="shop")
        arms = bench.arms(index=index)
        options = tailorbird.ArmOptions(form=False)
        plain = bench.arms(index=index, options=options)[-1].model_copy(update={"name": "plain"})
        streamed = await bench.compare([*arms, plain], rows[:3], stream=True)
        figures = {one.arm: one.first_token_p50_s for one in streamed.figures}
        assert figures["base"] is not None
        assert figures["plain"] is not None
        assert figures["retrieval"] is None  # it is asked for as a form
        assert "first token p50 s" in streamed.to_html()
        with pytest.raises(InvalidInputError, match="cannot be streamed"):
            await bench.compare(arms, rows[:3], stream=True, bulk=True)
    async with tailorbird.open("fake", workspace=None, environ={}) as bench:
        await bench.build_index(documents, name="shop")
        whole = await bench.compare([*arms, plain], rows[:3])
        assert "first token" not in whole.to_html()
    said = [[one.answer and one.answer.text for one in run.outcomes] for run in (streamed, whole)]
    assert said[0] == said[1]
