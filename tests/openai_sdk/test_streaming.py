"""Streams: complete or an error, within their limits, and never half an answer as a success."""

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
from tailorbird._openai_sdk.chat.watch import Watch
from tailorbird._openai_sdk.model_traits import traits_of
from tailorbird.exceptions import (
    ConnectError,
    ContentFilteredError,
    DeadlineError,
    EmptyAnswerError,
    InvalidInputError,
    InvalidRequestError,
    NotFoundError,
    ProviderError,
    RateLimitError,
    ServiceUnavailableError,
    StreamTruncatedError,
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
    Message,
    ModelId,
    Reply,
    Tool,
    ToolCallDelta,
    Usage,
)

if TYPE_CHECKING:
    from conftest import Cloud, Tools

CALL = "POST /chat/completions"
MODEL = ModelId("gpt-4.1-mini")
HELLO = [Message.user("こんにちは")]
DONE = b"data: [DONE]\n\n"
# Short enough to wait for, long enough for a machine that does something else meanwhile.
SOON = StreamLimits(first_event_s=3.0, between_events_s=1.0)

Make = Callable[..., SdkChat]


@pytest.fixture
def make(cloud: Cloud) -> Make:
    """Give a function that makes the chat of an account."""

    def made(*, without: tuple[Capability, ...] = (), **changes: object) -> SdkChat:
        offered = tuple(Availability(capability=one) for one in Capability if one not in without)
        capabilities = Capabilities(provider="openai", entries=offered)
        return SdkChat(cloud.connection, capabilities=capabilities, traits=traits_of, **changes)

    return made


def event(content: str | None = None, reason: str | None = None, **delta: object) -> bytes:
    """Make a chunk as OpenAI sends it."""
    said = ({} if content is None else {"content": content}) | delta
    choice = {"index": 0, "delta": said, "finish_reason": reason, "logprobs": None}
    return chunk(choices=[choice])


def chunk(**fields: object) -> bytes:
    """Make a chunk of any fields."""
    whole = {"id": "chatcmpl-1", "model": "gpt-4.1-mini-2025-04-14"} | fields
    return f"data: {json.dumps(whole, ensure_ascii=False)}\n\n".encode()


USAGE = chunk(choices=[], usage={"prompt_tokens": 9, "completion_tokens": 2})
WHOLE = (event("", role="assistant"), event("は"), event("い"), event(None, "stop"), USAGE, DONE)


async def streamed(chat: SdkChat, **arguments: object) -> tuple[list[ChatChunk], Reply[None]]:
    """Give all pieces of a stream, and its reply."""
    async with chat.stream(HELLO, model=MODEL, **arguments) as pieces:
        return [piece async for piece in pieces], pieces.reply()


class Stalled(httpx2.AsyncByteStream):
    """A body that comes in given pieces and then never ends, alive or silent."""

    def __init__(self, *pieces: bytes, alive: bytes = b"") -> None:
        self.pieces = pieces
        self.alive = alive
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the pieces, then wait until somebody gives up."""
        for piece in self.pieces:
            yield piece
        while self.alive:
            yield self.alive
            await asyncio.sleep(0)
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        """Take note of the end."""
        self.closed = True


async def test_stream_gives_the_whole_answer(cloud: Cloud, tools: Tools, make: Make) -> None:
    """Pieces come as they are sent; the last one has the reason and the usage."""
    cloud.on(CALL, tools.trickle(*WHOLE))
    pieces, reply = await streamed(make())
    assert [piece.text for piece in pieces] == ["は", "い", ""]
    assert pieces[-1].finish_reason is FinishReason.STOP
    assert pieces[-1].usage == reply.usage == Usage(input_tokens=9, output_tokens=2)
    assert (reply.text, reply.model, reply.id) == ("はい", "gpt-4.1-mini-2025-04-14", "chatcmpl-1")
    body = cloud.sent(CALL)[0].json
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True, "include_obfuscation": False}


async def test_any_cut_gives_the_same_answer(cloud: Cloud, tools: Tools, make: Make) -> None:
    """Characters and events that are cut in two come whole."""
    whole = b"".join(WHOLE)
    for size in (1, 2, 3, 7, 50, len(whole)):
        parts = [whole[start : start + size] for start in range(0, len(whole), size)]
        cloud.on(CALL, tools.trickle(*parts))
        assert (await streamed(make()))[1].text == "はい"


@pytest.mark.parametrize(
    ("dialect", "options"),
    [
        (ChatDialect(stream_usage=False), {"include_obfuscation": False}),
        (ChatDialect(obfuscation=False), {"include_usage": True}),
        (ChatDialect(stream_usage=False, obfuscation=False), None),
    ],
)
async def test_looser_server_gets_the_options_it_knows(
    cloud: Cloud, tools: Tools, make: Make, dialect: ChatDialect, options: object
) -> None:
    """What a server does not know is not asked for."""
    cloud.on(CALL, tools.trickle(*WHOLE))
    await streamed(make(dialect=dialect))
    assert cloud.sent(CALL)[0].json.get("stream_options") == options


async def test_oddities_of_azure_are_read(cloud: Cloud, tools: Tools, make: Make) -> None:
    """A first chunk without choices, chunks without `delta`, and chunks after `stop` do no harm."""
    first = {"id": "", "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]}
    annotation = chunk(
        choices=[{"index": 0, "finish_reason": None, "content_filter_results": {"hate": {}}}]
    )
    late = chunk(choices=[{"index": 0, "content_filter_offsets": {}, "delta": None}])
    events = (chunk(**first), event("はい"), annotation, event(None, "stop"), late, annotation)
    cloud.on(CALL, tools.trickle(*events, DONE))
    pieces, reply = await streamed(make())
    assert (reply.text, reply.finish_reason) == ("はい", FinishReason.STOP)
    assert (reply.id, reply.model) == ("chatcmpl-1", "gpt-4.1-mini-2025-04-14")
    assert [piece.finish_reason for piece in pieces] == [None, FinishReason.STOP]


async def test_last_reason_counts(cloud: Cloud, tools: Tools, make: Make) -> None:
    """A filter that acts after `stop` makes the answer a filtered one."""
    results = {"violence": {"filtered": True}}
    late = chunk(choices=[{"finish_reason": "content_filter", "content_filter_results": results}])
    cloud.on(CALL, tools.trickle(event("はい"), event(None, "stop"), late, DONE))
    with pytest.raises(ContentFilteredError) as caught:
        await streamed(make())
    assert caught.value.categories == ("violence",)


async def test_line_ends_and_comments_are_read(cloud: Cloud, tools: Tools, make: Make) -> None:
    """CRLF, comments and empty events change nothing."""
    whole = b": hi\r\n\r\n" + b"".join(WHOLE).replace(b"\n", b"\r\n")
    cloud.on(CALL, tools.trickle(whole))
    assert (await streamed(make()))[1].text == "はい"


async def test_calls_are_streamed(cloud: Cloud, tools: Tools, make: Make) -> None:
    """Ids and names come once, also from servers that repeat them; a call without number counts."""

    def call(**fields: object) -> bytes:
        return event(None, tool_calls=[fields])

    begun = {"id": "c1", "function": {"name": "weather", "arguments": ""}}
    events = (
        call(index=0, **begun),
        call(index=0, id="c1", function={"name": "weather", "arguments": "{"}),
        call(index=0, function={"arguments": "}"}),
        call(index=0, function=None),
        event("x", tool_calls=[{"id": "c1"}, {"id": "c2", "function": {"name": "w"}}]),
    )
    cloud.on(CALL, tools.trickle(*events, event(None, "tool_calls"), DONE))
    options = ChatOptions(tools=(Tool(name="weather"),))
    pieces, reply = await streamed(make(), options=options)
    assert [delta for piece in pieces for delta in piece.tool_calls] == [
        ToolCallDelta(index=0, id="c1", name="weather"),
        ToolCallDelta(index=0, arguments="{"),
        ToolCallDelta(index=0, arguments="}"),
        ToolCallDelta(index=0),
        ToolCallDelta(index=0),
        ToolCallDelta(index=1, id="c2", name="w"),
    ]
    assert [(one.id, one.name, one.arguments) for one in reply.tool_calls] == [
        ("c1", "weather", "{}"),
        ("c2", "w", ""),
    ]


async def test_number_below_zero_is_none(cloud: Cloud, tools: Tools, make: Make) -> None:
    """A tool call that a server numbers -1 is the first one."""
    begun = {"index": -1, "id": "c1", "function": {"name": "weather", "arguments": "{"}}
    more = {"index": -1, "function": {"arguments": "}"}}
    events = (event(tool_calls=[begun]), event(tool_calls=[more]), event(None, "tool_calls"))
    cloud.on(CALL, tools.trickle(*events, DONE))
    pieces, reply = await streamed(make(), options=ChatOptions(tools=(Tool(name="weather"),)))
    assert [delta.index for piece in pieces for delta in piece.tool_calls] == [0, 0]
    assert [call.arguments for call in reply.tool_calls] == ["{}"]


async def test_refusal_and_probabilities_are_streamed(
    cloud: Cloud, tools: Tools, make: Make
) -> None:
    """Pieces of a refusal and the probabilities of all pieces are in the reply."""
    tokens = {"content": [{"token": "n", "logprob": -0.1}]}
    choice = {"delta": {"refusal": "n"}, "logprobs": tokens}
    none = {"delta": {"refusal": "o"}, "logprobs": {"content": None}}
    events = (chunk(choices=[choice]), chunk(choices=[none]), event(None, "stop"), DONE)
    cloud.on(CALL, tools.trickle(*events))
    pieces, reply = await streamed(make(), options=ChatOptions(logprobs=0))
    assert [piece.refusal for piece in pieces] == ["n", "o", None]
    assert reply.refusal == "no"
    assert [one.token for one in reply.logprobs or ()] == ["n"]


async def test_end_in_good_order_without_an_end_is_a_cut(
    cloud: Cloud, tools: Tools, make: Make
) -> None:
    """Neither a reason nor the end mark raises with the text so far."""
    cloud.on(CALL, tools.trickle(event("は"), event("い")))
    with pytest.raises(StreamTruncatedError) as caught:
        await streamed(make())
    assert (caught.value.text, caught.value.provider) == ("はい", "openai")


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ((event("はい"), event(None, "stop")), FinishReason.STOP),
        ((event("はい"), DONE), FinishReason.OTHER),
        ((event("はい"), b"data: [DONE]"), FinishReason.OTHER),
        ((event("はい"), event(None, "length").rstrip()), FinishReason.LENGTH),
        ((event("は"), event("い", "stop").rstrip()), FinishReason.STOP),
    ],
    ids=["no end mark", "no reason", "no last line end", "cut after the reason", "cut text"],
)
async def test_one_of_two_ends_is_enough(
    cloud: Cloud, tools: Tools, make: Make, events: tuple[bytes, ...], reason: FinishReason
) -> None:
    """A reason or the end mark makes a stream complete; a reason is never invented."""
    cloud.on(CALL, tools.trickle(*events))
    pieces, reply = await streamed(make())
    assert reply.text == "".join(piece.text for piece in pieces) == "はい"
    assert pieces[-1].finish_reason is reply.finish_reason is reason


async def test_gateway_without_any_end_can_be_allowed(
    cloud: Cloud, tools: Tools, make: Make
) -> None:
    """A dialect may take an end in good order for an end."""
    cloud.on(CALL, tools.trickle(event("はい")))
    _, reply = await streamed(make(dialect=ChatDialect(needs_end_mark=False)))
    assert (reply.text, reply.finish_reason) == ("はい", FinishReason.OTHER)


async def test_half_an_event_at_the_end_is_a_cut(cloud: Cloud, tools: Tools, make: Make) -> None:
    """A stream that ends within an event raises with the text before it."""
    cloud.on(CALL, tools.trickle(event("は"), event("い")[:20]))
    with pytest.raises(StreamTruncatedError) as caught:
        await streamed(make())
    assert caught.value.text == "は"


async def test_broken_connection_is_a_cut(cloud: Cloud, tools: Tools, make: Make) -> None:
    """A reset in the middle raises with the text so far and the reset as its cause."""
    reset = httpx2.ReadError("reset")
    cloud.on(CALL, tools.trickle(event("は"), error=reset))
    with pytest.raises(StreamTruncatedError) as caught:
        await streamed(make())
    assert caught.value.text == "は"
    assert isinstance(caught.value.__cause__, ProviderError)


async def test_broken_connection_before_anything_is_told_as_it_is(
    cloud: Cloud, tools: Tools, make: Make
) -> None:
    """A reset before the first event is the connection's own error."""
    cloud.on(CALL, tools.trickle(error=httpx2.ReadError("reset")))
    with pytest.raises(ProviderError) as caught:
        await streamed(make())
    assert not isinstance(caught.value, StreamTruncatedError)


async def test_broken_connection_after_the_end_does_no_harm(
    cloud: Cloud, tools: Tools, make: Make
) -> None:
    """A reset behind the reason loses nothing."""
    reset = httpx2.ReadError("reset")
    cloud.on(CALL, tools.trickle(event("はい", "stop"), error=reset))
    assert (await streamed(make()))[1].text == "はい"
    cloud.on(CALL, tools.trickle(event("はい"), DONE, error=reset))
    assert (await streamed(make()))[1].text == "はい"


async def test_data_behind_the_end_mark_is_ignored(cloud: Cloud, tools: Tools, make: Make) -> None:
    """What comes behind the end mark is no part of the answer."""
    cloud.on(CALL, tools.trickle(*WHOLE[:-1], DONE + event("!"), event("!")))
    assert (await streamed(make()))[1].text == "はい"


@pytest.mark.parametrize("body", [b"", b"\n\n", b": ping\n\n", DONE, chunk(choices=[]) + DONE])
async def test_nothing_said_is_an_error(
    cloud: Cloud, tools: Tools, make: Make, body: bytes
) -> None:
    """A stream without any content is `EmptyAnswerError`."""
    cloud.on(CALL, tools.trickle(body))
    with pytest.raises(EmptyAnswerError):
        await streamed(make())


@pytest.mark.parametrize(
    "data",
    [
        b'data: {"choices": [{"delta"\n\n',
        b'data: {"choices": [{"delta": {"content": "\xff"}}]}\n\n',
        b'data: {"choices": [{"delta": {"content": 5}}]}\n\n',
        b"data: 5\n\n",
        b"data: <html>\n\n",
    ],
    ids=["half", "not UTF-8", "number", "no object", "web page"],
)
async def test_broken_event_is_told(cloud: Cloud, tools: Tools, make: Make, data: bytes) -> None:
    """An event that is no chunk raises `UnexpectedResponseError` and is not passed over."""
    cloud.on(CALL, tools.trickle(event("は"), data, DONE))
    with pytest.raises(UnexpectedResponseError) as caught:
        await streamed(make())
    assert not isinstance(caught.value, StreamTruncatedError)


async def test_event_has_a_limit(cloud: Cloud, tools: Tools, make: Make) -> None:
    """An event that never ends is refused at the limit."""
    cloud.on(CALL, tools.trickle(b"data: " + b"x" * 5000))
    with pytest.raises(UnexpectedResponseError, match="longer than 1000 bytes"):
        await streamed(make(limits=StreamLimits(event_bytes=1000)))


async def test_error_within_a_stream_is_typed(cloud: Cloud, tools: Tools, make: Make) -> None:
    """An error event becomes what it would have been as an answer."""
    failed = chunk(error={"message": "slow down", "code": "rate_limit_exceeded"})
    cloud.on(CALL, tools.trickle(event("は"), failed))
    with pytest.raises(RateLimitError):
        await streamed(make())


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        ({"error": {"message": "slow down", "code": 429}}, RateLimitError),
        ({"error": {"message": "no such model", "code": 404}}, NotFoundError),
        ({"error": {"message": "broken", "code": 200}}, ServiceUnavailableError),
        ({"object": "error", "message": "too long", "code": 400}, InvalidRequestError),
    ],
    ids=["429", "404", "no status", "flat"],
)
async def test_errors_of_compatible_servers_are_typed(
    cloud: Cloud, tools: Tools, make: Make, failure: dict[str, object], kind: type[ProviderError]
) -> None:
    """A status in place of a code counts, and vLLM's flat errors are not taken for the end."""
    event_of_error = f"data: {json.dumps(failure)}\n\n".encode()
    cloud.on(CALL, tools.trickle(event("は"), event_of_error, DONE))
    with pytest.raises(kind):
        await streamed(make())


async def test_chunk_without_choices_is_passed_over(cloud: Cloud, tools: Tools, make: Make) -> None:
    """A chunk of figures alone, as some servers send them, is no part of the answer."""
    odd = b'data: {"object": "chat.completion.timings", "timings": {}}\n\n'
    cloud.on(CALL, tools.trickle(event("はい"), odd, event(None, "stop"), DONE))
    _, reply = await streamed(make())
    assert (reply.text, reply.finish_reason) == ("はい", FinishReason.STOP)


async def test_streams_of_compatible_servers_are_read(
    cloud: Cloud, tools: Tools, make: Make
) -> None:
    """No blank behind `data:`, thoughts first, content in parts, null usage, no end mark."""
    events = [
        event(None, role="assistant", reasoning_content="hm"),
        chunk(choices=[{"delta": {"content": [{"type": "text", "text": "は"}]}}]),
        chunk(choices=[{"index": 0, "delta": {"content": "い"}}], usage=None, created=1.5),
        event(None, "eos"),
    ]
    cloud.on(CALL, tools.trickle(*(one.replace(b"data: ", b"data:", 1) for one in events)))
    pieces, reply = await streamed(make())
    assert [piece.text for piece in pieces] == ["は", "い", ""]
    assert (reply.text, reply.raw_finish_reason) == ("はい", "eos")


@pytest.mark.parametrize("index", [{"index": 0}, {}, {"index": None}], ids=repr)
async def test_calls_with_one_number_are_told_by_their_ids(
    cloud: Cloud, tools: Tools, make: Make, index: dict[str, object]
) -> None:
    """Servers that number every call 0, or none, get no calls melted into one."""

    def call(**function: object) -> bytes:
        return event(tool_calls=[index | function])

    events = (
        call(id="a", function={"name": "weather", "arguments": {"city": "京都"}}),
        call(id="b", function={"name": "weather", "arguments": '{"city":'}),
        call(id="b", function={"arguments": '"奈良"}'}),
        call(function={"arguments": " "}),
        event(None, "tool_calls"),
    )
    cloud.on(CALL, tools.trickle(*events))
    weather = Tool(name="weather", parameters={"type": "object", "properties": {}})
    pieces, reply = await streamed(make(), options=ChatOptions(tools=(weather,)))
    assert [(one.id, one.arguments) for one in reply.tool_calls] == [
        ("a", '{"city":"京都"}'),
        ("b", '{"city":"奈良"} '),
    ]
    assert [one.index for piece in pieces for one in piece.tool_calls] == [0, 1, 1, 1]


async def test_refused_stream_is_typed(cloud: Cloud, tools: Tools, make: Make) -> None:
    """A refusal before the stream begins raises at entering the block."""
    cloud.on(CALL, tools.refusal(429, "rate_limit_exceeded"))
    with pytest.raises(RateLimitError):
        await streamed(make())


async def test_json_in_place_of_a_stream_is_one_piece(
    cloud: Cloud, tools: Tools, make: Make
) -> None:
    """A server that does not stream gives the whole answer at once, calls included."""
    call = {"id": "c1", "function": {"name": "weather", "arguments": "{}"}}
    message = {"content": "はい", "tool_calls": [call]}
    whole = {"id": "c", "model": MODEL, "choices": [{"message": message, "finish_reason": "stop"}]}
    content = json.dumps(whole).encode()
    cloud.on(CALL, tools.trickle(b" " + content[:9], content[9:]))
    pieces, reply = await streamed(make())
    delta = ToolCallDelta(index=0, id="c1", name="weather", arguments="{}")
    assert pieces == [
        ChatChunk(text="はい", tool_calls=(delta,)),
        ChatChunk(finish_reason=FinishReason.TOOL_CALLS),
    ]
    assert reply.text == "はい"


async def test_json_in_place_of_a_stream_has_a_limit(
    cloud: Cloud, tools: Tools, make: Make
) -> None:
    """An endless document is refused at the limit."""
    cloud.on(CALL, tools.trickle(b"{", b" " * 600, b" " * 600))
    with pytest.raises(UnexpectedResponseError, match="longer than 1000 bytes"):
        await streamed(make(limits=StreamLimits(event_bytes=1000)))


async def test_error_in_place_of_a_stream_is_typed(cloud: Cloud, make: Make) -> None:
    """An error document with status 200 is the error."""
    cloud.on(CALL, {"error": {"message": "no", "code": "rate_limit_exceeded"}})
    with pytest.raises(RateLimitError):
        await streamed(make())


async def test_web_page_in_place_of_a_stream_is_told(
    cloud: Cloud, tools: Tools, make: Make
) -> None:
    """A login page is called what it is."""
    cloud.on(CALL, tools.trickle(b"\xef\xbb\xbf\n <html>"))
    with pytest.raises(UnexpectedResponseError, match="web page"):
        await streamed(make())


@pytest.mark.parametrize("body", [b"[]", b"no healthy upstream", b"Data: {}\n\n"])
async def test_something_else_than_a_stream_is_told(
    cloud: Cloud, tools: Tools, make: Make, body: bytes
) -> None:
    """Words of a gateway are no empty answer of the model."""
    cloud.on(CALL, tools.trickle(body))
    with pytest.raises(UnexpectedResponseError, match="no stream of events"):
        await streamed(make())


@pytest.mark.parametrize("alive", [b"", b": ping\n\n"], ids=["silent", "comments"])
@pytest.mark.parametrize(
    ("pieces", "limits", "words"),
    [
        ((), StreamLimits(first_event_s=1.5), "came within 1.5 s"),
        ((event("は"),), StreamLimits(between_events_s=1.0), "came for 1 s"),
        (
            (event("は"),),
            StreamLimits(first_event_s=1.0, between_events_s=1.5),
            "came for 1.5 s",
        ),
    ],
    ids=["at first", "later", "later than the first"],
)
async def test_silence_ends_a_stream(
    cloud: Cloud,
    make: Make,
    pieces: tuple[bytes, ...],
    alive: bytes,
    limits: StreamLimits,
    words: str,
) -> None:
    """Silence before and between events ends at its limit, whatever comments come."""
    body = Stalled(*pieces, alive=alive)
    cloud.on(CALL, body)
    with pytest.raises(DeadlineError, match=words) as caught:
        await streamed(make(limits=limits))
    assert caught.value.accepted == "yes"
    assert body.closed
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_whole_stream_has_a_deadline(cloud: Cloud, make: Make) -> None:
    """Events that go on for ever end at the call's own time."""
    cloud.on(CALL, Stalled(alive=event("は")))
    with pytest.raises(DeadlineError, match="time of the call"):
        await streamed(make(), timeout_s=1.0)


async def test_silence_after_the_end_does_no_harm(cloud: Cloud, make: Make) -> None:
    """A server that says why it ended and then keeps the line open has given its answer."""
    cloud.on(CALL, Stalled(event("はい", "stop")))
    assert (await streamed(make(limits=SOON)))[1].text == "はい"
    cloud.on(CALL, Stalled(event("はい"), DONE))
    assert (await streamed(make(limits=SOON)))[1].text == "はい"


async def test_slow_reader_is_not_silence(cloud: Cloud, tools: Tools, make: Make) -> None:
    """Time that the caller takes between two pieces does not count as silence."""
    cloud.on(CALL, tools.trickle(*WHOLE))
    limits = StreamLimits(first_event_s=1.0, between_events_s=1.0)
    async with make(limits=limits).stream(HELLO, model=MODEL) as pieces:
        await anext(reader := aiter(pieces))
        await asyncio.sleep(1.2)
        assert [piece.text async for piece in reader] == ["い", ""]
        assert pieces.reply().text == "はい"


async def test_cancelled_reader_closes_the_stream(cloud: Cloud, make: Make) -> None:
    """Cancelling whoever reads goes through, and the connection is given back."""
    body = Stalled(event("は"))
    cloud.on(CALL, body)
    began = asyncio.Event()

    async def read() -> None:
        async with make().stream(HELLO, model=MODEL) as pieces:
            async for _ in pieces:
                began.set()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(read())
        await began.wait()
        task.cancel()
    assert task.cancelled()
    assert body.closed


async def test_cancelling_at_the_limit_is_cancelling() -> None:
    """Who is cancelled at the very moment the wait ends is cancelled, not told of the wait."""

    async def pieces() -> AsyncIterator[bytes]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            raise
        yield b""

    async def read() -> None:
        await Watch(first_s=0.01, between_s=1, total_s=1).next(pieces())

    async with asyncio.TaskGroup() as group:
        task = group.create_task(read())
    assert task.cancelled()


async def test_stream_left_early_has_no_reply(cloud: Cloud, make: Make) -> None:
    """The connection is closed when the block is left, and there is no reply before the end."""
    body = Stalled(event("は"))
    cloud.on(CALL, body)
    async with make().stream(HELLO, model=MODEL) as pieces:
        await anext(aiter(pieces))
        with pytest.raises(InvalidInputError, match="not ended"):
            pieces.reply()
        with pytest.raises(InvalidInputError, match="once"):
            await anext(aiter(pieces))
    assert body.closed


async def test_streaming_is_a_capability(cloud: Cloud, make: Make) -> None:
    """Where streaming is not offered, nothing is sent."""
    with pytest.raises(UnsupportedError):
        await streamed(make(without=(Capability.CHAT_STREAM,)))
    assert cloud.taken == []


async def test_unreachable_server_is_told(cloud: Cloud, make: Make) -> None:
    """A connection that cannot be made raises at entering the block."""
    cloud.on(CALL, httpx2.ConnectError("refused"))
    with pytest.raises(ConnectError):
        await streamed(make())
