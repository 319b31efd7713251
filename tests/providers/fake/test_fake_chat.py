"""The fake's chat: what goes in, what comes out, what is refused."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel
from typing_extensions import TypedDict

from tailorbird.exceptions import (
    ContentFilteredError,
    EmptyAnswerError,
    InvalidInputError,
    InvalidRequestError,
    NotFoundError,
    OutputInvalidError,
    RefusedError,
    StreamTruncatedError,
    UnsupportedError,
)
from tailorbird.providers.fake import Cut, FakeProvider, FakeSettings, Fault, Says, Script
from tailorbird.types import (
    ChatChunk,
    ChatOptions,
    FinishReason,
    ImagePart,
    Message,
    ModelId,
    Reply,
    TextPart,
    Tool,
    ToolCall,
    ToolName,
    Usage,
)

if TYPE_CHECKING:
    from conftest import Tools

MODEL = ModelId("fake-chat")
HELLO = [Message.user("How long does it take?")]
WEATHER = Tool(
    name="weather",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}, "day": {"type": "string", "format": "date"}},
        "required": ["city", "day"],
    },
)
TIME = Tool(name="time")


class Claim(BaseModel):
    """A small form."""

    traveler: str
    nights: int


def says(reply: Reply[None] | str, *, operation: str = "chat.complete") -> FakeProvider:
    """Make a fake whose first answer is scripted."""
    return FakeProvider(script=Script().on(operation, Says(reply)))  # type: ignore[arg-type]  # a literal


async def test_answers_are_whole() -> None:
    """An answer has text, model, ids, tokens and a reason for its end, the same each time."""
    replies = []
    for _ in range(2):
        async with FakeProvider() as provider:
            replies.append(await provider.chat.complete(HELLO, model=MODEL))
            assert provider.usage().usage == replies[-1].usage
    reply = replies[0]
    assert replies[1] == reply
    assert reply.text
    assert reply.output is None
    assert reply.model == MODEL
    assert (reply.finish_reason, reply.raw_finish_reason) == (FinishReason.STOP, "stop")
    assert reply.usage is not None
    assert reply.usage.input_tokens > 0 < reply.usage.output_tokens
    assert reply.id.startswith("chatcmpl-")
    assert reply.request_id is not None


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ([], "empty"),
        ("hello", "got str"),
        (Message.user("x"), "got Message"),
        ({"role": "user"}, "got dict"),
        (None, "got NoneType"),
        ((m for m in HELLO), "got generator"),
        ([{"role": "user", "content": "x"}], r"messages\[0\] must be a Message, got dict"),
        ([*HELLO, Message(role="assistant")], r"messages\[1\] has no content"),
        ([Message.user("a\0b")], r"character 1"),
        ([Message.user("a\ud83db")], r"character 1"),
        ([Message.user("\ud83d \0")], r"character 0"),
        ([Message.user("\0 \ud83d")], r"character 0"),
        ([Message(role="assistant", content="x", refusal="\0")], "cannot be sent"),
        (
            [Message(role="assistant", tool_calls=(ToolCall(id="1", name="n", arguments="\0"),))],
            "cannot be sent",
        ),
    ],
)
async def test_bad_messages_are_not_sent(messages: list[Message], text: str) -> None:
    """Messages that are none, empty or unsendable are refused before anything is recorded."""
    async with FakeProvider() as provider:
        with pytest.raises(InvalidInputError, match=text):
            await provider.chat.complete(messages, model=MODEL)
        with pytest.raises(InvalidInputError):
            await provider.chat.stream(messages, model=MODEL).__aenter__()
        assert provider.calls == ()


async def test_messages_are_copied() -> None:
    """Changing the list while the call runs changes nothing."""
    messages = [*HELLO]
    provider = FakeProvider(script=Script().on("chat.complete", Says(lambda m: m[-1].text)))
    async with provider, asyncio.TaskGroup() as group:
        task = group.create_task(provider.chat.complete(messages, model=MODEL))
        await asyncio.sleep(0)
        messages[0] = Message.user("changed")
    assert task.result().text == HELLO[0].text


async def test_models_must_exist_and_fit() -> None:
    """An unknown model is not found, and an embedding model cannot chat."""
    async with FakeProvider() as provider:
        with pytest.raises(NotFoundError) as caught:
            await provider.chat.complete(HELLO, model=ModelId("nobody"))
        assert caught.value.code == "model_not_found"
        with pytest.raises(InvalidRequestError, match="a model for embedding"):
            await provider.chat.complete(HELLO, model=ModelId("fake-embedding"))


async def test_length_limit_cuts() -> None:
    """An answer longer than the limit is cut, and says so."""
    async with says("one two three four five six seven eight nine ten") as provider:
        options = ChatOptions(max_output_tokens=4)
        reply = await provider.chat.complete(HELLO, model=MODEL, options=options)
    assert reply.finish_reason is FinishReason.LENGTH
    assert reply.usage is not None
    assert 1 <= reply.usage.output_tokens <= 4
    assert "one two three four five six seven eight nine ten".startswith(reply.text)


async def test_stop_texts_end_the_answer() -> None:
    """The answer ends before the first stop text; one that does not occur changes nothing."""
    script = Script().on("chat.complete", Says("red, green; blue"), times=2)
    async with FakeProvider(script=script) as provider:
        options = ChatOptions(stop=(";", ",", "", "!"))
        first = await provider.chat.complete(HELLO, model=MODEL, options=options)
        options = ChatOptions(stop=("!",))
        second = await provider.chat.complete(HELLO, model=MODEL, options=options)
    assert (first.text, first.finish_reason) == ("red", FinishReason.STOP)
    assert second.text == "red, green; blue"


async def test_logprobs_on_request() -> None:
    """Probabilities come when asked for: one a token, with as many alternatives as wanted."""
    async with FakeProvider() as provider:
        options = ChatOptions(logprobs=2)
        reply = await provider.chat.complete(HELLO, model=MODEL, options=options)
        plain = await provider.chat.complete(HELLO, model=MODEL)
    assert plain.logprobs is None
    assert reply.logprobs is not None
    assert "".join(one.token for one in reply.logprobs) == reply.text
    assert all(one.logprob <= 0 and len(one.alternatives) == 2 for one in reply.logprobs)
    assert all(value <= 0 for one in reply.logprobs for value in one.alternatives.values())


@pytest.mark.parametrize(
    "options",
    [
        ChatOptions(temperature=0.5),
        ChatOptions(top_p=0.5),
        ChatOptions(logprobs=1),
        ChatOptions(stop=("x",)),
        ChatOptions(temperature=0.5, reasoning_effort="low"),
    ],
)
async def test_reasoning_models_refuse_sampling(options: ChatOptions) -> None:
    """A model that reasons refuses sampling options before anything is sent, unless told not to."""
    model = ModelId("gpt-6-luna")
    async with FakeProvider(FakeSettings(flavor="openai")) as provider:
        with pytest.raises(UnsupportedError, match="a model that reasons"):
            await provider.chat.complete(HELLO, model=model, options=options)
        assert provider.calls == ()
        quiet = options.model_copy(update={"reasoning_effort": "none"})
        assert (await provider.chat.complete(HELLO, model=model, options=quiet)).text


async def test_other_models_refuse_to_reason() -> None:
    """A model that does not reason takes sampling options and refuses an effort."""
    model = ModelId("gpt-4.1-2025-04-14")
    async with FakeProvider(FakeSettings(flavor="openai")) as provider:
        warm = ChatOptions(temperature=1, top_p=1, seed=1)
        assert (await provider.chat.complete(HELLO, model=model, options=warm)).text
        thinking = ChatOptions(reasoning_effort="high")
        with pytest.raises(UnsupportedError, match="leave it out"):
            await provider.chat.complete(HELLO, model=model, options=thinking)


async def test_forced_tools_are_called() -> None:
    """A tool that must be called is called, its arguments filled from what the user said."""
    said = [Message.user("city: Redfern. I will be there on April 14.")]
    async with FakeProvider() as provider:
        for choice in (ToolName(name="weather"), "required"):
            options = ChatOptions.model_validate({"tools": (WEATHER, TIME), "tool_choice": choice})
            reply = await provider.chat.complete(said, model=MODEL, options=options)
            assert reply.finish_reason is FinishReason.TOOL_CALLS
            [call] = reply.tool_calls
            assert call.name == "weather"
            assert (
                call.arguments
                == '{"city": "Redfern. I will be there on April 14.", "day": "2026-04-14"}'
            )
        options = ChatOptions(tools=(TIME,), tool_choice="required")
        reply = await provider.chat.complete(said, model=MODEL, options=options)
        assert reply.tool_calls[0].arguments == "{}"


async def test_forced_tools_take_turns() -> None:
    """A program that runs tools until the last one answers comes to an end."""
    options = ChatOptions(tools=(WEATHER, TIME), tool_choice="required")
    said = [Message.user("city: Redfern")]
    names: list[str] = []
    async with FakeProvider() as provider:
        for _ in range(3):
            reply = await provider.chat.complete(said, model=MODEL, options=options)
            [call] = reply.tool_calls
            names.append(call.name)
            result = Message(role="tool", content="done", tool_call_id=call.id)
            said += [Message(role="assistant", tool_calls=(call,)), result]
        said.append(Message.user("city: Blackfern"))
        reply = await provider.chat.complete(said, model=MODEL, options=options)
    assert names == [WEATHER.name, TIME.name, TIME.name]
    assert reply.tool_calls[0].name == WEATHER.name


async def test_free_tools_are_left_alone() -> None:
    """A tool that may be called is not, unless a script says so."""
    options = ChatOptions(tools=(WEATHER,))
    async with FakeProvider() as provider:
        reply = await provider.chat.complete(HELLO, model=MODEL, options=options)
    assert reply.text
    assert reply.tool_calls == ()


async def test_tool_results_are_told() -> None:
    """After a tool's answer the model tells it, in the user's language."""
    call = ToolCall(id="1", name="weather", arguments="{}")
    for question, text in (("How is it?", "The result is: sunny"), ("天気は", "結果は次のとおり")):
        messages = [
            Message.user(question),
            Message(role="assistant", tool_calls=(call,)),
            Message.tool("sunny", tool_call_id="1"),
        ]
        async with FakeProvider() as provider:
            reply = await provider.chat.complete(messages, model=MODEL)
        assert reply.text.startswith(text)
        assert "sunny" in reply.text


async def test_impossible_tool_choices_are_refused() -> None:
    """A choice that names no tool, or needs one where there is none, is refused."""
    async with FakeProvider() as provider:
        for options in (
            ChatOptions(tools=(WEATHER,), tool_choice=ToolName(name="time")),
            ChatOptions(tool_choice="required"),
        ):
            with pytest.raises(InvalidInputError, match="tool"):
                await provider.chat.complete(HELLO, model=MODEL, options=options)


async def test_scripted_replies_come_as_they_are() -> None:
    """A scripted reply keeps its calls, its refusal and its missing tokens."""
    call = ToolCall(id="c1", name="weather", arguments='{"city": "Kyoto"}')
    reply = Reply[None](
        text="",
        output=None,
        tool_calls=(call,),
        refusal="no",
        finish_reason=FinishReason.TOOL_CALLS,
        raw_finish_reason="tool_calls",
        model=ModelId("another"),
    )
    async with says(reply) as provider:
        assert await provider.chat.complete(HELLO, model=MODEL) == reply
        assert provider.usage().usage == Usage()


async def test_empty_answers_are_errors() -> None:
    """An answer without content is an error, not an empty text."""
    async with says("") as provider:
        with pytest.raises(EmptyAnswerError) as caught:
            await provider.chat.complete(HELLO, model=MODEL)
    assert caught.value.accepted == "yes"


async def test_filtered_answers_are_errors() -> None:
    """An answer that the content filter cut is an error of that stage."""
    reply = Reply[None](
        text="half", output=None, finish_reason=FinishReason.CONTENT_FILTER, model=MODEL
    )
    async with says(reply) as provider:
        with pytest.raises(ContentFilteredError) as caught:
            await provider.chat.complete(HELLO, model=MODEL)
    assert caught.value.stage == "completion"


@dataclass
class Point:
    """A dataclass to fill."""

    x: int
    y: int = 3


class Person(TypedDict):
    """A typed dictionary to fill."""

    name: str


async def test_structured_outputs_have_their_type() -> None:
    """A model, a dataclass, a typed dictionary and a plain list come back as what was asked for."""
    said = [Message.user("traveler: Wren Oakley\nnights: 3\nx: 5\nname: Robin")]
    async with FakeProvider() as provider:
        claim = await provider.chat.complete(said, model=MODEL, output=Claim)
        point = await provider.chat.complete(said, model=MODEL, output=Point)
        person = await provider.chat.complete(said, model=MODEL, output=Person)
        numbers = await provider.chat.complete(said, model=MODEL, output=list[int])
    assert claim.output == Claim(traveler="Wren Oakley", nights=3)
    assert claim.text == '{"traveler": "Wren Oakley", "nights": 3}'
    assert point.output == Point(5, 3)
    assert person.output == {"name": "Robin"}
    assert numbers.output == []


@pytest.mark.parametrize("output", [asyncio.Event, type(lambda: 0)])
async def test_outputs_need_a_schema(output: type[object]) -> None:
    """A type that no JSON schema can describe is refused before anything is sent."""
    async with FakeProvider() as provider:
        with pytest.raises(InvalidInputError, match="no JSON schema"):
            await provider.chat.complete(HELLO, model=MODEL, output=output)
        assert provider.calls == ()


async def test_outputs_that_do_not_fit_are_errors() -> None:
    """An output of the wrong shape is an error that names the place and keeps the text."""
    script = (
        Script()
        .on("chat.complete", Says('{"traveler": 5}'))
        .on("chat.complete", Says("not json"), occurrence=2)
    )
    async with FakeProvider(script=script) as provider:
        with pytest.raises(OutputInvalidError, match=r"Claim.*traveler.*nights") as caught:
            await provider.chat.complete(HELLO, model=MODEL, output=Claim)
        assert caught.value.text == '{"traveler": 5}'
        assert '{"traveler' not in str(caught.value)
        with pytest.raises(OutputInvalidError, match="the whole"):
            await provider.chat.complete(HELLO, model=MODEL, output=Claim)


async def test_outputs_that_are_cut_are_errors() -> None:
    """A structured answer that hit the length limit is an error that says so."""
    async with FakeProvider() as provider:
        options = ChatOptions(max_output_tokens=2)
        with pytest.raises(OutputInvalidError, match="max_output_tokens"):
            await provider.chat.complete(HELLO, model=MODEL, output=Claim, options=options)


async def test_refusals_are_errors_for_outputs_only() -> None:
    """A refusal is part of a plain answer, and an error where an output was asked for."""
    reply = Reply[None](text="", output=None, refusal="I will not", model=MODEL)
    script = Script().on("chat.complete", Says(reply), times=2)
    async with FakeProvider(script=script) as provider:
        assert (await provider.chat.complete(HELLO, model=MODEL)).refusal == "I will not"
        with pytest.raises(RefusedError) as caught:
            await provider.chat.complete(HELLO, model=MODEL, output=Claim)
    assert caught.value.refusal == "I will not"


async def read(provider: FakeProvider) -> tuple[list[ChatChunk], Reply[None]]:
    """Stream an answer to its end."""
    async with provider.chat.stream(HELLO, model=MODEL) as stream:
        chunks = [chunk async for chunk in stream]
        return chunks, stream.reply()


async def test_streams_give_the_same_answer_in_pieces() -> None:
    """A streamed answer is the whole one in pieces: text, why it ended, tokens."""
    async with FakeProvider() as provider:
        chunks, reply = await read(provider)
        whole = await provider.chat.complete(HELLO, model=MODEL)
    assert "".join(chunk.text for chunk in chunks) == reply.text == whole.text
    assert len(chunks) > 4
    assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == [FinishReason.STOP]
    assert [chunk.usage for chunk in chunks if chunk.usage] == [reply.usage]


async def test_streams_carry_calls_and_refusals() -> None:
    """Tool calls are streamed in pieces that join by index; refusals and missing tokens too."""
    call = ToolCall(id="c1", name="weather", arguments='{"city": "Kyoto"}')
    reply = Reply[None](
        text="",
        output=None,
        tool_calls=(call,),
        refusal="no",
        finish_reason=FinishReason.TOOL_CALLS,
        model=MODEL,
    )
    async with says(reply, operation="chat.stream") as provider:
        chunks, whole = await read(provider)
    pieces = [piece for chunk in chunks for piece in chunk.tool_calls]
    assert "".join(piece.arguments for piece in pieces) == call.arguments
    assert [(piece.id, piece.name) for piece in pieces] == [("c1", "weather"), (None, None)]
    assert [chunk.refusal for chunk in chunks if chunk.refusal] == ["no"]
    assert not any(chunk.usage for chunk in chunks)
    assert whole == reply


async def test_streams_can_break_off(tools: Tools) -> None:
    """A stream that is cut raises with the text so far, and has no whole answer."""
    script = (
        Script().on("chat.stream", Says("one two three four five")).on("chat.stream", Cut(after=2))
    )
    async with (
        FakeProvider(script=script) as provider,
        provider.chat.stream(HELLO, model=MODEL) as stream,
    ):
        with pytest.raises(StreamTruncatedError) as caught:
            await tools.drain(stream)
        with pytest.raises(InvalidInputError, match="has not ended"):
            stream.reply()
    assert caught.value.text == "one two three four"


async def test_streams_are_read_once_and_may_be_left(tools: Tools) -> None:
    """A stream is read once; leaving it early is no error."""
    async with (
        FakeProvider() as provider,
        provider.chat.stream(HELLO, model=MODEL) as stream,
    ):
        async for _ in stream:
            break
        with pytest.raises(InvalidInputError, match="read once"):
            await tools.drain(stream)
        with pytest.raises(InvalidInputError):
            stream.reply()


async def test_stream_faults_come_at_the_entry() -> None:
    """A fault of the call is raised where the block is entered."""
    script = Script().on("chat.stream", Fault.rate_limited())
    async with FakeProvider(script=script) as provider:
        with pytest.raises(Exception, match="too many requests"):
            async with provider.chat.stream(HELLO, model=MODEL):
                pytest.fail("the block was entered")


async def test_images_are_taken_and_not_seen() -> None:
    """A message with an image is answered by its text."""
    parts = (TextPart(text="How long does it take?"), ImagePart(url="https://x.example/a.png"))
    async with FakeProvider() as provider:
        seen = await provider.chat.complete([Message.user(parts)], model=MODEL)
        plain = await provider.chat.complete(HELLO, model=MODEL)
    assert seen.text == plain.text


async def test_calls_are_recorded_without_content() -> None:
    """Calls are recorded with numbers and names, and without a word of what was said."""
    async with FakeProvider() as provider:
        await provider.chat.complete(HELLO, model=MODEL)
        [call] = provider.calls
    assert call.operation == "chat.complete"
    assert call.facts == {
        "model": "fake-chat",
        "messages": 1,
        "characters": len(HELLO[0].text),
        "structured": False,
    }
    assert call.at == provider.clock.now().replace(microsecond=0)
    assert "take" not in repr(provider.calls)
