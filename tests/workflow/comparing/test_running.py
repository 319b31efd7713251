"""How comparisons are asked: in which order, and as batches."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import tailorbird
from tailorbird import QuestionSet, Workbench
from tailorbird.exceptions import AuthenticationError
from tailorbird.providers.fake import FakeProvider, Fault, Says, Script
from tailorbird.types import Document, Message, ModelId, Question
from tailorbird.types.chat import FinishReason, Reply
from tailorbird.types.questions import Swap
from tailorbird.workflow.bulk.asking import BulkOptions
from tailorbird.workflow.bulk.collecting import Collector

SYSTEM = "You are the help desk of a bicycle shop."


def counts(provider: FakeProvider) -> Counter[str]:
    """Count the calls by operation."""
    return Counter(one.operation for one in provider.calls)


async def test_all_arms_are_asked_a_block_of_questions_before_the_next() -> None:
    """What arms need alike for a question is at hand when the next arm is asked it."""
    said: list[str] = []
    questions = [Question(id=str(one), text=f"How long is part {one}?") for one in range(70)]
    async with Workbench(FakeProvider()) as bench:
        [base] = bench.arms()
        arms = [base.model_copy(update={"name": name, "system": name}) for name in ("a", "b")]
        await bench.compare(
            arms, questions, concurrency=1, on_progress=lambda one: said.append(one.detail)
        )
    assert said == ["a"] * 64 + ["b"] * 64 + ["a"] * 6 + ["b"] * 6


async def test_batches_give_what_calls_give(rows: QuestionSet, documents: list[Document]) -> None:
    """All arms, answers from passages with their citations included; no answer is asked alone."""
    verdicts = []
    for bulk in (False, True):
        provider = FakeProvider()
        async with Workbench(provider) as bench:
            tuned = await bench.fine_tune(rows, system=SYSTEM, name="shop")
            index = await bench.build_index(documents, name="shop")
            arms = bench.arms(tuned=tuned, index=index)
            before = counts(provider)["chat.complete"]
            result = await bench.compare(arms, [*rows, *rows[:0]], bulk=bulk)
            asked = counts(provider)["chat.complete"] - before
            assert (asked == 0) == bulk
            assert all(one.answer is not None for one in result.outcomes)
            if bulk:
                assert counts(provider)["batches.submit"] == len(arms)
                assert all(one.latency_p50_s is None for one in result.figures)
            said = [(one.answer.text, one.answer.citations) for one in result.answers if one.answer]
            verdicts.append((said, result.verdict.headline))
    assert verdicts[0] == verdicts[1]


async def test_a_later_process_finds_its_batches(
    rows: QuestionSet, documents: list[Document], tmp_path: Path
) -> None:
    """What was handed in by a process that died is answered once, passages' fences included."""
    place = tmp_path / "w"
    async with tailorbird.open("fake", workspace=place, environ={}) as bench:
        index = await bench.build_index(documents, name="shop")
        arms = bench.arms(index=index)
        # A limit of no time ends the wait after handing in, as a kill would.
        with pytest.raises(tailorbird.WaitTimeoutError):
            await bench.compare(arms, rows, bulk=BulkOptions(timeout_s=0))
    async with tailorbird.open("fake", workspace=place, environ={}) as bench:
        result = await bench.compare(arms, rows, bulk=True)
        assert len([one async for one in bench.provider.batches.list()]) == len(arms)
        assert all(one.answer is not None for one in result.outcomes)
        again = await bench.compare(arms, rows, bulk=True)
        assert all(one.reused for one in again.outcomes)


async def test_a_question_that_fails_fails_alone(rows: QuestionSet) -> None:
    """Equal texts have answers of their own; what the batch could not answer is an outcome."""
    said = Says(lambda messages: "" if "parking" in messages[-1].text else "Yes.")
    script = Script().on("batches.submit", said, times=50)
    twice = QuestionSet.from_rows(
        [{"question": one.text, "answer": "Yes.", "id": f"{n}"} for n, one in enumerate(rows)]
        + [{"question": rows[0].text, "answer": "Yes.", "id": "again"}]
    )
    async with Workbench(FakeProvider(script=script)) as bench:
        result = await bench.compare(bench.arms()[:1], twice, bulk=True)
    failed = [one for one in result.outcomes if one.error is not None]
    assert [one.question for one in failed] == ["11"]
    assert len(result.answers) == 12


async def test_trouble_is_one_plain_error(rows: QuestionSet) -> None:
    """A key that is refused, or a provider without batches, ends the run with its own error."""
    script = Script().on("batches.submit", Fault.wrong_key(), times=9)
    async with Workbench(FakeProvider(script=script)) as bench:
        with pytest.raises(AuthenticationError):
            await bench.compare(bench.arms(), rows, bulk=True)


async def test_a_collected_chat_streams_by_itself() -> None:
    """No batch streams, so that goes straight to the model."""
    async with Workbench(FakeProvider()) as bench:
        collector = Collector(bulk=lambda _: pytest.fail("asked"), direct=bench.provider.chat)
        chat = collector.chat("a")
        async with chat.stream([Message.user("Hi")], model=bench.role("chat").model) as stream:
            assert "".join([piece.text async for piece in stream])
        assert await collector.run([]) == []


def said(text: str, **more: object) -> Reply[None]:
    """Make a whole reply."""
    fields = {"text": text, "output": None, "model": ModelId("fake-chat"), **more}
    return Reply[None].model_validate(fields)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (said("no form"), "OutputInvalidError"),
        (said("{", finish_reason=FinishReason.CONTENT_FILTER), "ContentFilteredError"),
    ],
)
async def test_what_a_batch_could_not_answer_has_its_name(
    rows: QuestionSet, documents: list[Document], reply: Reply[None], error: str
) -> None:
    """A failure of one request is the error that the same call would have raised."""
    script = Script().on("batches.submit", Says(reply), times=9)
    async with Workbench(FakeProvider(script=script)) as bench:
        index = await bench.build_index(documents, name="shop")
        arm = bench.arms(index=index)[-1]
        result = await bench.compare([arm], rows[:2], bulk=True)
    assert {str(one.error).split()[0] for one in result.outcomes} == {error}


async def test_a_refusal_in_a_batch_is_an_answer_that_declines(
    rows: QuestionSet, documents: list[Document]
) -> None:
    """Declining a form is no failure."""
    script = Script().on("batches.submit", Says(said("", refusal="No.")), times=9)
    async with Workbench(FakeProvider(script=script)) as bench:
        index = await bench.build_index(documents, name="shop")
        result = await bench.compare([bench.arms(index=index)[-1]], rows[:2], bulk=True)
    assert all(one.answer is not None and one.answer.abstained for one in result.outcomes)


async def test_a_swapped_fact_is_what_arms_read(documents: list[Document]) -> None:
    """A conflict that was made is shown to arms with retrieval, and is asked apart."""
    plain = Question(id="1", text="How long is parking free?", answers=("90 minutes",))
    swapped = Question(
        id="2",
        text=plain.text,
        answers=("20 minutes",),
        kind="conflict",
        swap=Swap(old="free for 90 minutes", new="free for 20 minutes"),
    )
    async with Workbench(FakeProvider()) as bench:
        index = await bench.build_index(documents, name="shop")
        arm = bench.arms(index=index)[-1]
        for bulk in (False, True):
            result = await bench.compare([arm], [plain, swapped], bulk=bulk)
            texts = [one.answer.text for one in result.outcomes if one.answer is not None]
            assert "90 minutes" in texts[0]
            assert "20 minutes" in texts[1]
