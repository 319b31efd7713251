"""Chat over Responses: what reaches the wire, and what becomes of answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import httpx2
import pytest

from tailorbird._openai_sdk.chat.calls import ChatDialect
from tailorbird._openai_sdk.chat.chat import SdkChat
from tailorbird._openai_sdk.chat.streaming import StreamLimits
from tailorbird._openai_sdk.chat.structured import make_form
from tailorbird._openai_sdk.model_traits import traits_of
from tailorbird.exceptions import (
    ContentFilteredError,
    EmptyAnswerError,
    InvalidRequestError,
    ServiceUnavailableError,
    UnexpectedResponseError,
    UnsupportedError,
)
from tailorbird.types import (
    Availability,
    Capabilities,
    Capability,
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
    ToolCallDelta,
    ToolName,
    Usage,
)

if TYPE_CHECKING:
    from conftest import Cloud

CALL = "POST /responses"
LUNA = ModelId("gpt-6-luna")
HELLO = [Message.user("こんにちは")]
WEATHER = Tool(name="weather", parameters={"type": "object", "properties": {}})

Make = Callable[..., SdkChat]


@pytest.fixture
def make(cloud: Cloud) -> Make:
    """Give a function that makes the chat of an account."""

    def made(**changes: object) -> SdkChat:
        offered = tuple(Availability(capability=one) for one in Capability)
        capabilities = Capabilities(provider="openai", entries=offered)
        arguments = {"traits": traits_of} | changes
        return SdkChat(cloud.connection, capabilities=capabilities, **arguments)

    return made


def message(*content: dict[str, object]) -> dict[str, object]:
    """Make an item that is a message."""
    return {"type": "message", "id": "msg_1", "role": "assistant", "content": list(content)}


def said(text: str, **changes: object) -> dict[str, object]:
    """Make a piece of a message that is text."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []} | changes


def answer(*output: dict[str, object], **changes: object) -> dict[str, object]:
    """Make an answer as OpenAI sends it."""
    return {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": "gpt-6-luna-2026-08-01",
        "output": list(output or [message(said("はい"))]),
        "usage": {
            "input_tokens": 9,
            "input_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 0},
            "output_tokens": 40,
            "output_tokens_details": {"reasoning_tokens": 30},
            "total_tokens": 49,
        },
    } | changes


def tiny() -> dict[str, object]:
    """Make an answer of the other surface."""
    return {"choices": [{"message": {"content": "は"}, "finish_reason": "length"}]}


def stream(*events: dict[str, object]) -> bytes:
    """Make a stream as OpenAI sends it."""
    return b"".join(
        f"event: {event.get('type')}\ndata: {json.dumps(event)}\n\n".encode() for event in events
    )


async def streamed(chat: SdkChat, **arguments: object) -> tuple[list[ChatChunk], Reply[None]]:
    """Give all pieces of a stream, and its reply."""
    async with chat.stream(HELLO, model=LUNA, **arguments) as pieces:
        return [piece async for piece in pieces], pieces.reply()


async def test_reasoning_model_is_asked_here(cloud: Cloud, make: Make) -> None:
    """Only the model, the items and the wish not to be stored are sent without options."""
    cloud.on(CALL, answer())
    await make().complete(HELLO, model=LUNA)
    assert cloud.sent(CALL)[0].json == {
        "model": "gpt-6-luna",
        "input": [{"type": "message", "role": "user", "content": "こんにちは"}],
        "store": False,
    }


async def test_options_reach_the_wire(cloud: Cloud, make: Make) -> None:
    """Every option stands under the API's own name."""
    cloud.on(CALL, answer())
    options = ChatOptions(
        temperature=0.5,
        top_p=0.9,
        max_output_tokens=700,
        logprobs=2,
        reasoning_effort="none",
        tools=(Tool(name="a", description="does a", strict=True), WEATHER),
        tool_choice=ToolName(name="a"),
        parallel_tool_calls=True,
    )
    traits = traits_of(LUNA).model_copy(update={"tools": "responses"})
    await make(traits=lambda _: traits).complete(HELLO, model=LUNA, options=options)
    body = cloud.sent(CALL)[0].json
    empty = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    assert {key: body[key] for key in body if key not in {"model", "input", "store"}} == {
        "temperature": 0.5,
        "top_p": 0.9,
        "max_output_tokens": 700,
        "include": ["message.output_text.logprobs"],
        "top_logprobs": 2,
        "reasoning": {"effort": "none"},
        "tools": [
            {
                "type": "function",
                "name": "a",
                "description": "does a",
                "parameters": empty,
                "strict": True,
            },
            {
                "type": "function",
                "name": "weather",
                "description": None,
                "parameters": {"type": "object", "properties": {}},
                "strict": None,
            },
        ],
        "tool_choice": {"type": "function", "name": "a"},
        "parallel_tool_calls": True,
    }


async def test_messages_of_all_kinds_reach_the_wire(cloud: Cloud, make: Make) -> None:
    """Calls and their answers become items; a model's own words, refusals too, are plain text."""
    cloud.on(CALL, answer())
    call = ToolCall(id="call_1", name="weather", arguments="{}")
    messages = [
        Message.system("be short"),
        Message.user((TextPart(text="see"), ImagePart(url="https://x/y.png"))),
        Message(role="assistant", content="let me look", tool_calls=(call,)),
        Message.tool("雨", tool_call_id="call_1"),
        Message(role="assistant", content=(TextPart(text="rain"),)),
        Message(role="assistant", tool_calls=(call,)),
        Message(role="assistant", content="well", refusal="no"),
        Message(role="assistant", refusal="no"),
    ]
    await make().complete(messages, model=LUNA)
    seen = {"type": "input_image", "image_url": "https://x/y.png", "detail": "auto"}

    def spoken(text: str) -> dict[str, object]:
        return {"type": "message", "role": "assistant", "content": text}

    called = {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}"}
    assert cloud.sent(CALL)[0].json["input"] == [
        {"type": "message", "role": "system", "content": "be short"},
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "see"}, seen],
        },
        spoken("let me look"),
        called,
        {"type": "function_call_output", "call_id": "call_1", "output": "雨"},
        spoken("rain"),
        called,
        spoken("well\nno"),
        spoken("no"),
    ]


@pytest.mark.parametrize("choice", ["auto", "required"])
async def test_tools_of_a_thinking_model_go_here(cloud: Cloud, make: Make, choice: str) -> None:
    """A function keeps a reasoning model here, whatever its own surface; `auto` is not sent."""
    cloud.on(CALL, answer())
    traits = traits_of(LUNA).model_copy(update={"surface": "chat-completions"})
    options = ChatOptions(tools=(WEATHER,), tool_choice=choice)
    await make(traits=lambda _: traits).complete(HELLO, model=LUNA, options=options)
    assert cloud.sent(CALL)[0].json.get("tool_choice", "auto") == choice


async def test_short_answers_are_asked_for_elsewhere(cloud: Cloud, make: Make) -> None:
    """This surface takes no limit below 16 tokens, so those below go to the other one."""
    cloud.on(CALL, answer())
    cloud.on("POST /chat/completions", tiny())
    chat = make()
    for limit in (15, 16):
        options = ChatOptions(max_output_tokens=limit)
        await chat.complete(HELLO, model=LUNA, options=options)
    assert [taken.path for taken in cloud.taken] == ["/chat/completions", "/responses"]


async def test_tools_and_stop_exclude_each_other(cloud: Cloud, make: Make) -> None:
    """What no surface takes together raises `UnsupportedError` before anything is sent."""
    options = ChatOptions(tools=(WEATHER,), seed=3)
    with pytest.raises(UnsupportedError, match="seed"):
        await make().complete(HELLO, model=LUNA, options=options)
    assert cloud.taken == []


async def test_form_reaches_the_wire(cloud: Cloud, make: Make) -> None:
    """A structured answer is asked for by its strict schema, and validated."""
    cloud.on(CALL, answer(message(said('{"value": 7}'))))
    reply = await make().complete(HELLO, model=LUNA, output=int)
    form = make_form(int)
    assert (reply.output, reply.text) == (7, "7")
    assert cloud.sent(CALL)[0].json["text"] == {
        "format": {"type": "json_schema", "name": "int", "schema": form.schema, "strict": True}
    }


async def test_server_with_one_surface_is_asked_there(cloud: Cloud, make: Make) -> None:
    """A dialect's surface wins over the model's."""
    cloud.on(CALL, answer())
    chat = make(dialect=ChatDialect(surface="responses"))
    await chat.complete(HELLO, model=ModelId("gpt-4.1"))
    assert len(cloud.sent(CALL)) == 1


async def test_reply_holds_what_came(cloud: Cloud, make: Make) -> None:
    """Texts are joined, reasoning and unknown items are passed over, counts come over."""
    reasoning = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text"}]}
    novelty = {"type": "dream", "content": 5, "name": [], "call_id": None}
    parts = [said("は"), {"type": "hologram", "text": 7}, said("い")]
    cloud.on(CALL, answer(reasoning, novelty, message(*parts), message(said("。"))))
    reply = await make().complete(HELLO, model=LUNA)
    assert (reply.text, reply.id, reply.model) == ("はい。", "resp_1", "gpt-6-luna-2026-08-01")
    assert (reply.finish_reason, reply.raw_finish_reason) == (FinishReason.STOP, "stop")
    assert reply.usage == Usage(
        input_tokens=9, output_tokens=40, cached_input_tokens=8, reasoning_tokens=30
    )
    assert reply.logprobs is None


async def test_tool_calls_and_refusals_come_over(cloud: Cloud, make: Make) -> None:
    """Calls carry the id that links their answers; refusals are joined."""
    call = {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "c1",
        "name": "weather",
        "arguments": "{}",
    }
    refused = {"type": "refusal", "refusal": "no"}
    cloud.on(CALL, answer(call, message(refused, refused)))
    reply = await make().complete(HELLO, model=LUNA, options=ChatOptions(tools=(WEATHER,)))
    assert reply.tool_calls == (ToolCall(id="c1", name="weather", arguments="{}"),)
    assert (reply.finish_reason, reply.refusal) == (FinishReason.TOOL_CALLS, "nono")


async def test_probabilities_come_over(cloud: Cloud, make: Make) -> None:
    """The probabilities of all texts are joined."""
    token = {"token": "は", "logprob": -0.1, "bytes": [], "top_logprobs": []}
    cloud.on(CALL, answer(message(said("は", logprobs=[token]), said("は", logprobs=[token]))))
    options = ChatOptions(logprobs=0, reasoning_effort="none")
    reply = await make().complete(HELLO, model=LUNA, options=options)
    assert reply.logprobs is not None
    assert "".join(one.token for one in reply.logprobs) == reply.text


@pytest.mark.parametrize(
    ("changes", "reason", "word"),
    [
        ({"incomplete_details": {"reason": "max_output_tokens"}}, FinishReason.LENGTH, "length"),
        ({"incomplete_details": {"reason": "steered"}}, FinishReason.OTHER, "steered"),
        ({"incomplete_details": None}, FinishReason.OTHER, "incomplete"),
        ({"status": "queued"}, FinishReason.OTHER, "queued"),
        ({"status": None}, FinishReason.OTHER, ""),
    ],
)
async def test_reasons_are_told_in_common_words(
    cloud: Cloud, make: Make, changes: dict[str, object], reason: FinishReason, word: str
) -> None:
    """A known reason has the word of the other surface, an unknown one its own."""
    cloud.on(CALL, answer(**({"status": "incomplete"} | changes)))
    reply = await make().complete(HELLO, model=LUNA)
    assert (reply.finish_reason, reply.raw_finish_reason) == (reason, word)


async def test_filtered_answer_is_an_error(cloud: Cloud, make: Make) -> None:
    """An answer that a filter cut raises."""
    cloud.on(CALL, answer(status="incomplete", incomplete_details={"reason": "content_filter"}))
    with pytest.raises(ContentFilteredError):
        await make().complete(HELLO, model=LUNA)


async def test_answer_of_reasoning_alone_is_empty(cloud: Cloud, make: Make) -> None:
    """Reasoning without a message is `EmptyAnswerError`."""
    cloud.on(CALL, answer({"type": "reasoning", "summary": []}, message()))
    with pytest.raises(EmptyAnswerError):
        await make().complete(HELLO, model=LUNA)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": "server_error", "message": "oops"}, ServiceUnavailableError),
        ({"code": "invalid_prompt", "message": "no"}, InvalidRequestError),
    ],
)
async def test_failed_answer_is_a_failure(
    cloud: Cloud, make: Make, error: object, kind: type[Exception]
) -> None:
    """An answer with status `failed` becomes what its code says."""
    cloud.on(CALL, answer(status="failed", error=error))
    with pytest.raises(kind):
        await make().complete(HELLO, model=LUNA)


@pytest.mark.parametrize(
    "body",
    [
        {"id": "resp_1"},
        {"output": {}},
        {"output": [5]},
        {"output": [{"type": "message", "content": "x"}]},
        {"output": [{"type": "message", "content": [{"text": "x"}]}]},
        {"output": [{"type": "message", "content": [{"type": "output_text", "text": 5}]}]},
        {"output": [{"type": "message", "content": [{"type": "refusal"}]}]},
        {"output": [{"type": "function_call", "name": "weather"}]},
    ],
)
async def test_other_shapes_are_no_answer(cloud: Cloud, make: Make, body: object) -> None:
    """An answer of another shape raises `UnexpectedResponseError`."""
    cloud.on(CALL, body)
    with pytest.raises(UnexpectedResponseError):
        await make().complete(HELLO, model=LUNA)


CREATED = {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}}


def delta(text: object, **changes: object) -> dict[str, object]:
    """Make an event that carries text."""
    event = {"type": "response.output_text.delta", "delta": text, "output_index": 0}
    return event | {"item_id": "msg_1", "logprobs": []} | changes


def done(response: dict[str, object], kind: str = "completed") -> dict[str, object]:
    """Make the last event."""
    return {"type": f"response.{kind}", "response": response}


async def test_stream_gives_the_whole_answer(cloud: Cloud, make: Make) -> None:
    """Pieces of text come one by one, and the last one has reason and usage."""
    events = [CREATED, {"type": "response.dream.delta", "delta": 7}, delta("は"), delta("い")]
    cloud.on(CALL, stream(*events, done(answer())))
    pieces, reply = await streamed(make())
    assert [piece.text for piece in pieces] == ["は", "い", ""]
    assert (pieces[-1].finish_reason, pieces[-1].usage) == (reply.finish_reason, reply.usage)
    assert (reply.text, reply.id, reply.model) == ("はい", "resp_1", "gpt-6-luna-2026-08-01")
    body = cloud.sent(CALL)[0].json
    assert (body["stream"], body["stream_options"]) == (True, {"include_obfuscation": False})


class Kept(httpx2.AsyncByteStream):
    """A body after whose last event the connection stays open."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the content, then wait until somebody gives up."""
        yield self.content
        await asyncio.Event().wait()


async def test_last_event_ends_the_stream(cloud: Cloud, make: Make) -> None:
    """The event with the whole answer is the end, also where the connection is kept open."""
    cloud.on(CALL, Kept(stream(delta("はい"), done(answer()))))
    limits = StreamLimits(first_event_s=600.0, between_events_s=600.0)
    async with asyncio.timeout(60):
        _, reply = await streamed(make(limits=limits))
    assert (reply.text, reply.finish_reason) == ("はい", FinishReason.STOP)


async def test_stream_of_a_looser_server_has_no_options(cloud: Cloud, make: Make) -> None:
    """A server that does not know the padding is not told to leave it out."""
    cloud.on(CALL, stream(delta("はい"), done(answer())))
    await streamed(make(dialect=ChatDialect(obfuscation=False)))
    assert "stream_options" not in cloud.sent(CALL)[0].json


async def test_calls_are_streamed(cloud: Cloud, make: Make) -> None:
    """Two calls keep their pieces apart; ids and names come once."""
    reasoning = {"type": "response.output_item.added", "output_index": 0, "item": {"type": "r"}}

    def begun(place: int, call_id: object) -> dict[str, object]:
        item = {"type": "function_call", "call_id": call_id, "name": "weather", "arguments": ""}
        return {"type": "response.output_item.added", "output_index": place, "item": item}

    def more(place: int, arguments: str) -> dict[str, object]:
        kind = "response.function_call_arguments.delta"
        return {"type": kind, "output_index": place, "delta": arguments}

    call = {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"}
    events = [reasoning, begun(1, "c1"), more(1, "{"), begun(2, "c2"), more(2, "{}"), more(1, "}")]
    cloud.on(CALL, stream(*events, done(answer(call, call | {"call_id": "c2"}))))
    pieces, reply = await streamed(make(), options=ChatOptions(tools=(WEATHER,)))
    assert [piece for chunk in pieces for piece in chunk.tool_calls] == [
        ToolCallDelta(index=0, id="c1", name="weather"),
        ToolCallDelta(index=0, arguments="{"),
        ToolCallDelta(index=1, id="c2", name="weather"),
        ToolCallDelta(index=1, arguments="{}"),
        ToolCallDelta(index=0, arguments="}"),
    ]
    assert [one.id for one in reply.tool_calls] == ["c1", "c2"]
    assert {one.arguments for one in reply.tool_calls} == {"{}"}
    assert reply.finish_reason is FinishReason.TOOL_CALLS


async def test_refusal_is_streamed(cloud: Cloud, make: Make) -> None:
    """Pieces of a refusal come as such."""
    events = [{"type": "response.refusal.delta", "delta": piece} for piece in ("n", "o")]
    refused = message({"type": "refusal", "refusal": "no"})
    cloud.on(CALL, stream(*events, done(answer(refused))))
    pieces, reply = await streamed(make())
    assert [piece.refusal for piece in pieces] == ["n", "o", None]
    assert reply.refusal == "no"


async def test_probabilities_are_streamed(cloud: Cloud, make: Make) -> None:
    """Probabilities of the pieces are those of the reply."""
    token = {"token": "はい", "logprob": -0.1}
    cloud.on(CALL, stream(delta("はい", logprobs=[token]), done(answer())))
    options = ChatOptions(logprobs=0, reasoning_effort="none")
    _, reply = await streamed(make(), options=options)
    assert [one.token for one in reply.logprobs or ()] == ["はい"]


async def test_probabilities_may_come_at_the_end(cloud: Cloud, make: Make) -> None:
    """Where the pieces carry no probabilities, those of the whole answer count."""
    last = message(said("はい", logprobs=[{"token": "はい", "logprob": -0.1}]))
    cloud.on(CALL, stream(delta("はい"), done(answer(last))))
    _, reply = await streamed(make(), options=ChatOptions(logprobs=0, reasoning_effort="none"))
    assert [one.token for one in reply.logprobs or ()] == ["はい"]


async def test_cut_answer_is_streamed(cloud: Cloud, make: Make) -> None:
    """An answer that ran into its limit ends with `LENGTH`."""
    last = answer(status="incomplete", incomplete_details={"reason": "max_output_tokens"})
    cloud.on(CALL, stream(delta("はい"), done(last, "incomplete")))
    pieces, _ = await streamed(make())
    assert pieces[-1].finish_reason is FinishReason.LENGTH


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ({"type": "error", "code": "server_error", "message": "oops"}, ServiceUnavailableError),
        ({"type": "error", "error": {"code": "invalid_prompt"}}, InvalidRequestError),
        ({"error": {"message": "oops"}}, ServiceUnavailableError),
        (
            done(answer(status="failed", error={"code": "invalid_prompt"}), "failed"),
            InvalidRequestError,
        ),
        (done(answer(status="failed"), "failed"), ServiceUnavailableError),
        (delta(7), UnexpectedResponseError),
        ({"type": "response.function_call_arguments.delta", "delta": "{"}, UnexpectedResponseError),
        (
            {
                "type": "response.output_item.added",
                "output_index": 0,
                "item": {"type": "function_call", "call_id": 5, "name": 6},
            },
            UnexpectedResponseError,
        ),
        ({"type": "response.completed"}, UnexpectedResponseError),
        (done(answer(message(said("いいえ")))), UnexpectedResponseError),
    ],
)
async def test_failure_within_a_stream_is_a_failure(
    cloud: Cloud, make: Make, event: dict[str, object], kind: type[Exception]
) -> None:
    """Errors, foreign shapes and an answer that is not its pieces raise while iterating."""
    cloud.on(CALL, stream(CREATED, delta("は"), event, done(answer(message()))))
    with pytest.raises(kind):
        await streamed(make(), options=ChatOptions(tools=(WEATHER,)))
