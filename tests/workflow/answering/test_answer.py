"""A question is answered by an arm, with passages, citations and time."""

from __future__ import annotations

import asyncio
import re

import pytest

from tailorbird import ArmOptions, QuestionSet, Workbench
from tailorbird.exceptions import ConfigError, InvalidInputError, OutputInvalidError
from tailorbird.providers.fake import Delay, FakeProvider, FakeSettings, Says, Script
from tailorbird.types import (
    AbstainReason,
    Answer,
    Document,
    DocumentId,
    FinishReason,
    IndexName,
    Question,
    Reply,
)
from tailorbird.types.answers import GroundedReply, PassageQuote
from tailorbird.types.filters import Compare
from tailorbird.workflow.answering.answer import Answerer
from tailorbird.workflow.answering.arm import Arm, Shot
from tailorbird.workflow.answering.shots import ShotPicker

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
    assert answer.retrieved[0].document == "club"
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
        answer = await bench.ask(CLUB, index=index, options=ArmOptions(form=False))
        assert answer.dropped_citations == 1
        assert "[99]" not in answer.text


def form(answer: str, *quotes: tuple[int, str]) -> Says:
    """What a model says that fills the form."""
    said = [PassageQuote(passage=passage, quote=quote) for passage, quote in quotes]
    filled = GroundedReply(quotes=tuple(said), answerable=bool(answer), answer=answer)
    return Says(filled.model_dump_json())


async def ask_scripted(says: Says, documents: list[Document], options: ArmOptions) -> Answer:
    """Ask a model that says what a script tells it."""
    async with Workbench(FakeProvider(script=Script().on("chat.complete", says))) as bench:
        index = await bench.build_index(documents, name="shop")
        return await bench.ask(CLUB, index=index, options=options)


async def test_a_quote_that_stands_nowhere_is_dropped(documents: list[Document]) -> None:
    """A passage is cited by the words that the model copied from it, and not by others."""
    says = form("Thursday [1]. At noon [1][2].", (1, "every *Thursday* at 19:00"), (2, "at noon"))
    answer = await ask_scripted(says, documents, ArmOptions())
    assert answer.text == "Thursday [1]. At noon [1]."
    assert [one.quote for one in answer.citations] == ["every Thursday at 19:00"]
    assert answer.dropped_citations == 1


@pytest.mark.parametrize("only", [True, False])
async def test_an_answer_that_nothing_bears_out(documents: list[Document], *, only: bool) -> None:
    """With `only_from_data` it is withheld with its reason, else given without citations."""
    says = form("Sundays [1]. See https://evil.example/x.", (1, "every Sunday"))
    answer = await ask_scripted(says, documents, ArmOptions(only_from_data=only))
    assert answer.citations == ()
    assert answer.dropped_citations == 1
    assert answer.retrieved[0].document == "club"
    if only:
        assert (answer.abstained, answer.reason) == (True, AbstainReason.UNSUPPORTED)
        assert "evil" not in answer.model_dump_json()
    else:
        assert (answer.text, answer.abstained) == ("Sundays. See https://evil.example/x.", False)
        assert answer.foreign_links == ("https://evil.example/x",)


async def test_the_model_says_no_in_the_form(documents: list[Document]) -> None:
    """What the form says about being answerable counts, whatever stands beside it."""
    answer = await ask_scripted(form(""), documents, ArmOptions())
    assert (answer.abstained, answer.reason) == (True, AbstainReason.DECLINED)
    assert answer.usage.output_tokens > 0


async def test_a_tuned_model_answers_in_plain_text(
    bench: Workbench, rows: QuestionSet, documents: list[Document]
) -> None:
    """A tuned model is asked as it was trained, unless a form is wanted by name."""
    tuned = await bench.fine_tune(rows, name="shop")
    index = await bench.build_index(documents, name="shop")
    for wanted in (None, True):
        before = len(bench.provider.calls)  # type: ignore[attr-defined]
        answer = await bench.ask(CLUB, tuned=tuned, index=index, options=ArmOptions(form=wanted))
        calls = bench.provider.calls[before:]  # type: ignore[attr-defined]
        [call] = [one for one in calls if one.operation == "chat.complete"]
        assert call.facts["structured"] is bool(wanted)
        assert "19:00" in answer.text
        assert answer.citations


async def test_a_filter_reaches_the_search(bench: Workbench) -> None:
    """Tenants see their own documents only, and a question without a tenant is refused."""
    mine, theirs = (
        Document(id=DocumentId(name), text=f"The door code is {code}.", metadata={"tenant": name})
        for name, code in (("acme", 1111), ("globex", 2222))
    )
    index = await bench.build_index([mine, theirs], name="codes", tenant_field="tenant")
    where = Compare(type="eq", key="tenant", value="globex")
    answer = await bench.ask(
        "What is the door code?", index=index, options=ArmOptions(where=where, only_from_data=True)
    )
    assert "2222" in answer.text
    assert answer.retrieved_documents == ("globex",)
    with pytest.raises(InvalidInputError, match="keeps tenants apart by 'tenant'"):
        await bench.ask("What is the door code?", index=index)
    with pytest.raises(InvalidInputError, match="keeps tenants apart by 'tenant'"):
        await bench.search("door code", index=index)


async def test_every_document_names_its_tenant(bench: Workbench) -> None:
    """A document without a tenant is refused before anything is embedded."""
    lost = [Document(id=DocumentId(f"d{n}"), text="x y z") for n in range(7)]
    with pytest.raises(InvalidInputError, match=r"7 documents .*'d0'.*'d4', …; give each the key"):
        await bench.build_index(lost, name="codes", tenant_field="tenant")


async def test_an_answer_that_is_no_form_is_an_error_of_its_question(
    documents: list[Document],
) -> None:
    """A model that ignores the form fails by name, and a comparison goes on with the others."""
    script = Script().on("chat.complete", Says("plain words"), times=None)
    async with Workbench(FakeProvider(script=script)) as bench:
        index = await bench.build_index(documents, name="shop")
        with pytest.raises(OutputInvalidError):
            await bench.ask(CLUB, index=index)
        arms = [one for one in bench.arms(index=index) if one.index]
        question = Question(id="q", text=CLUB, answers=("on Thursday",))
        result = await bench.compare(arms, [question])
        assert [one.error for one in result.outcomes] == ["OutputInvalidError"]


@pytest.mark.parametrize(("grounded", "filled"), [(True, True), (True, False), (False, None)])
async def test_a_refusal_is_an_abstention(
    documents: list[Document], *, grounded: bool, filled: bool | None
) -> None:
    """A model that refuses has abstained, in its own words where there are no passages."""
    refusal = Reply(
        text="", output=None, refusal="I will not.", finish_reason=FinishReason.STOP, model="m"
    )
    script = Script().on("chat.complete", Says(refusal))
    async with Workbench(FakeProvider(script=script)) as bench:
        index = await bench.build_index(documents, name="shop")
        options = ArmOptions(form=filled)
        answer = await bench.ask(CLUB, index=index if grounded else None, options=options)
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


async def test_examples_are_embedded_once_for_all_questions(rows: QuestionSet) -> None:
    """Questions that begin at the same time do not pay for the same examples each."""
    script = Script().on("embeddings.embed", Delay(1.0), times=None)
    async with Workbench(provider := FakeProvider(script=script)) as bench:
        arm = {one.name: one for one in bench.arms(examples=rows)}["few-shot"]
        picker = ShotPicker(embedder=bench._parts.embedder)  # noqa: SLF001 - made nowhere else
        async with asyncio.TaskGroup() as group:
            for number in range(6):
                group.create_task(picker.pick(arm, f"Is frame {number} in stock?"))
        calls = [one for one in provider.calls if one.operation == "embeddings.embed"]
    assert sorted(one.facts["texts"] for one in calls) == [1] * 6 + [len(arm.shots)]


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


async def test_examples_that_are_equally_near_keep_their_order(bench: Workbench) -> None:
    """Of examples with one question each the first ones are taken, however many there are."""
    shots = tuple(Shot(question=CLUB, answer=str(number)) for number in range(37))
    arm = Arm(name="shown", model="fake-chat", shots=shots, nearest_shots=3)
    picker = ShotPicker(embedder=bench._parts.embedder)  # noqa: SLF001 - made nowhere else
    assert [one.answer for one in await picker.pick(arm, CLUB)] == ["2", "1", "0"]
