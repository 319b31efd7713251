"""A question is answered by an arm, with passages, citations and time."""

from __future__ import annotations

import re

import pytest

from tailorbird import ArmOptions, QuestionSet, Workbench
from tailorbird.exceptions import ConfigError, InvalidInputError
from tailorbird.providers.fake import FakeProvider, FakeSettings, Says, Script
from tailorbird.types import AbstainReason, Document, FinishReason, IndexName, Reply
from tailorbird.workflow.answer import Answerer
from tailorbird.workflow.results import Arm
from tailorbird.workflow.shots import ShotPicker

CLUB = "When does the bicycle club meet?"


async def test_a_grounded_answer_carries_a_checked_quote(
    bench: Workbench, documents: list[Document]
) -> None:
    """A citation's quote is exactly what stands in the document."""
    index = await bench.build_index(documents, name="shop")
    answer = await bench.ask(CLUB, index=index)
    assert "Thursday" in answer.text
    [cited] = answer.citations
    source = next(one for one in documents if one.id == cited.document)
    assert source.text[cited.span.start : cited.span.end] == cited.quote
    assert answer.retrieved[0] == "club"
    assert answer.usage.input_tokens > 0
    assert not answer.abstained


async def test_nothing_found_means_no_call(bench: Workbench, documents: list[Document]) -> None:
    """With `only_from_data` no passage is a typed abstention without a call to the model."""
    index = await bench.build_index(documents, name="shop")
    before = len(bench.provider.calls)  # type: ignore[attr-defined]
    options = ArmOptions(only_from_data=True, min_score=0.999, mode="vector")
    answer = await bench.ask("Qui a gagné hier ?", index=index, options=options)
    assert (answer.abstained, answer.reason) == (True, AbstainReason.NOTHING_FOUND)
    assert answer.model is None
    calls = bench.provider.calls[before:]  # type: ignore[attr-defined]
    assert not [call for call in calls if call.operation.startswith("chat")]


async def test_without_only_from_data_the_model_is_asked_all_the_same(
    bench: Workbench, documents: list[Document]
) -> None:
    """The model itself may decline when nothing was found."""
    index = await bench.build_index(documents, name="shop")
    options = ArmOptions(min_score=0.999, mode="vector")
    answer = await bench.ask("何時に開きますか", index=index, options=options)
    assert (answer.abstained, answer.reason) == (True, AbstainReason.DECLINED)
    assert answer.model is not None
    assert re.search("[ぁ-ん]", answer.text)


async def test_invented_citations_are_dropped_and_counted(documents: list[Document]) -> None:
    """A number that was not retrieved vanishes from the text."""
    script = Script().on("chat.complete", Says("It meets every Thursday [1], they say [99]."))
    async with Workbench(FakeProvider(script=script)) as bench:
        index = await bench.build_index(documents, name="shop")
        answer = await bench.ask(CLUB, index=index)
        assert answer.dropped_citations == 1
        assert "[99]" not in answer.text


@pytest.mark.parametrize("grounded", [True, False])
async def test_a_refusal_is_an_abstention(documents: list[Document], *, grounded: bool) -> None:
    """A model that refuses has abstained, in its own words where there are no passages."""
    refusal = Reply(
        text="", output=None, refusal="I will not.", finish_reason=FinishReason.STOP, model="m"
    )
    script = Script().on("chat.complete", Says(refusal))
    async with Workbench(FakeProvider(script=script)) as bench:
        index = await bench.build_index(documents, name="shop")
        answer = await bench.ask(CLUB, index=index if grounded else None)
        assert (answer.abstained, answer.reason) == (True, AbstainReason.DECLINED)
        assert (answer.text == "I will not.") is not grounded


async def test_time_goes_by_the_providers_clock(documents: list[Document]) -> None:
    """Latency is what the provider's clock says."""
    async with Workbench(FakeProvider(FakeSettings(latency_s=2.0))) as bench:
        assert documents
        answer = await bench.ask(CLUB)
        assert answer.latency_s == pytest.approx(2.0)


async def test_the_nearest_examples_are_sent_last(bench: Workbench, rows: QuestionSet) -> None:
    """Of many worked examples only the nearest are sent, the best one right before the question."""
    arm = {one.name: one for one in bench.arms(examples=rows)}["few-shot"]
    picker = ShotPicker(embedder=bench._parts.embedder)  # noqa: SLF001 - made nowhere else
    shots = await picker.pick(arm, "How long is the frame warranty?")
    assert len(shots) == 4
    assert shots[-1].question == "How long is the warranty on frames?"
    assert await picker.pick(arm, "How long is the frame warranty?") == shots
    assert await ShotPicker(embedder=None).pick(arm, "?") == arm.shots


async def test_an_arm_with_an_index_needs_an_engine(bench: Workbench) -> None:
    """An arm that cannot be searched is refused with its name."""
    answerer = Answerer(
        chat=bench.provider.chat,
        clock=bench.provider.clock,
        searcher=None,
        shots=ShotPicker(embedder=None),
    )
    arm = Arm(name="mine", model="fake-chat", index=IndexName("shop"))
    with pytest.raises(ConfigError, match="'mine' has the index 'shop'"):
        await answerer.answer(arm, CLUB)


async def test_questions_are_checked_before_anything_is_sent(bench: Workbench) -> None:
    """A blank question, or an answer from no data, is refused."""
    with pytest.raises(InvalidInputError, match="blank"):
        await bench.ask(" \n")
    with pytest.raises(InvalidInputError, match="needs an index"):
        await bench.ask(CLUB, options=ArmOptions(only_from_data=True))
