"""Row D of the fault matrix: streamed answers."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

from tailorbird.exceptions import (
    ContentFilteredError,
    DeadlineError,
    EmptyAnswerError,
    InvalidRequestError,
    ProviderError,
    RateLimitError,
    ServiceUnavailableError,
    StreamTruncatedError,
    UnexpectedResponseError,
)
from tailorbird.protocols import Provider, SystemClock
from tailorbird.testing.faults import (
    STREAM_TEXT,
    Answer,
    Disconnect,
    Line,
    Stall,
    Status,
    Step,
    Stream,
    StreamFault,
    Trickle,
    WireFault,
)
from tailorbird.types import ChatChunk, FinishReason, Message, ModelId, Reply

if TYPE_CHECKING:
    from conftest import MakeSite, Site

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

ASKS = "/v1/chat/completions"
REASONING = ModelId("gpt-6-luna")  # asked on Responses
CHUNKED = ("transfer-encoding", "chunked")


async def read(site: Site, account: Provider) -> tuple[list[ChatChunk], Reply[None]]:
    """Read a stream to its end."""
    async with site.stream(account) as stream:
        return [chunk async for chunk in stream], stream.reply()


def joined(chunks: list[ChatChunk]) -> str:
    """Give the text of the pieces."""
    return "".join(chunk.text for chunk in chunks)


@dataclass(frozen=True, slots=True)
class Events(WireFault):
    """A stream of given events, which may go on without end."""

    data: tuple[dict[str, Any] | bytes, ...]
    endless: bool = False
    sent: list[int] = field(default_factory=list)

    @override
    async def play(self, line: Line, answer: Answer) -> None:
        """Send them, and note how much has gone out."""
        head = answer.with_header("content-type", "text/event-stream")
        await line.send(head.head(CHUNKED))
        while True:
            for one in self.data:
                text = one if isinstance(one, bytes) else json.dumps(one).encode()
                await line.send_chunk(b"data: " + text + b"\n\n")
                self.sent.append(len(text))
            if not self.endless:
                break
        await line.send_chunk(b"")


def chunk(content: str, **fields: object) -> dict[str, Any]:
    """Make a chunk as it comes."""
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": None}
    return {"id": "chatcmpl-1", "model": "gpt-4.1-mini", "choices": [choice | fields]}


async def test_clean_cut_is_not_complete(site: Site) -> None:
    """D1: an end in good order without reason and mark is an error that holds the text so far."""
    account = await site.openai()
    site.break_next(Step(fault=Stream("cut_clean"), path=ASKS))
    with pytest.raises(StreamTruncatedError) as caught:
        await read(site, account)
    assert caught.value.text == STREAM_TEXT
    assert caught.value.accepted == "yes"
    assert STREAM_TEXT not in str(caught.value)
    assert len(site.server.seen) == 1  # it was paid for: not asked again unasked


async def test_gateways_without_marks_can_be_named(site: Site) -> None:
    """D1: for a server that sends neither reason nor mark, `end_mark = false` takes the end."""
    account = await site.openai(api_key_env=None, server={"end_mark": False})
    site.break_next(Step(fault=Stream("cut_clean"), path=ASKS))
    _, reply = await read(site, account)
    assert reply.text == STREAM_TEXT


GOOD: list[StreamFault] = [
    "complete",
    "no_done",
    "no_finish",
    "split_utf8",
    "json_not_sse",
    "after_done",
    "no_choices",
    "crlf",
]


@pytest.mark.parametrize("fault", GOOD)
async def test_odd_streams_that_are_complete(site: Site, fault: StreamFault) -> None:
    """D2, D8, D10, D13, D14: one end sign is enough, and harmless oddities change no text."""
    account = await site.openai()
    site.break_next(Step(fault=Stream(fault), path=ASKS))
    chunks, reply = await read(site, account)
    assert joined(chunks) == reply.text == STREAM_TEXT
    unknown = fault == "no_finish"
    assert chunks[-1].finish_reason is (FinishReason.OTHER if unknown else FinishReason.STOP)
    assert (await site.ask(account)).text  # what stood behind the end is no answer to this call
    assert len(site.server.seen) == 2


@pytest.mark.parametrize("fault", ["stall", "keepalive_forever"])
async def test_silence_is_counted_in_events(site: Site, fault: StreamFault) -> None:
    """D4, D5: after the last event `idle_s` ends the stream, whatever comments come."""
    account = await site.openai(clock=SystemClock(), idle_s=1.0)
    site.break_next(Step(fault=Stream(fault, silence_s=1.0 if "keep" in fault else 60), path=ASKS))
    seen: list[str] = []
    start = time.monotonic()
    with pytest.raises(DeadlineError, match="for 1 s") as caught:
        async with site.stream(account) as stream:
            seen.extend([one.text async for one in stream])
    assert 0.95 < time.monotonic() - start < 30
    assert caught.value.accepted == "yes"
    await site.server.until_disconnected()
    assert len(site.server.seen) == 1


async def test_first_event_has_a_limit_of_its_own(site: Site) -> None:
    """D4: silence before the first event ends after `first_event_s`."""
    account = await site.openai(clock=SystemClock(), first_event_s=1.0)
    site.break_next(Step(fault=Stall(60), path=ASKS))
    start = time.monotonic()
    with pytest.raises(DeadlineError):
        await read(site, account)
    assert time.monotonic() - start < 30
    await site.server.until_disconnected()


async def test_whole_stream_has_a_limit(site: Site) -> None:
    """D4: events that come for ever end with the call's `timeout_s`."""
    account = await site.openai(clock=SystemClock())
    fault = Stream("complete", pause_s=0.4)
    site.break_next(Step(fault=fault, path=ASKS))
    with pytest.raises(DeadlineError, match="not complete"):
        async with account.chat.stream(
            [Message.user("?")], model=ModelId("gpt-4.1-mini-2025-04-14"), timeout_s=1.5
        ) as stream:
            _ = [one async for one in stream]
    await site.server.until_disconnected()


@pytest.mark.parametrize("fault", ["malformed_json", "invalid_utf8"])
async def test_broken_events_are_told(site: Site, fault: StreamFault) -> None:
    """D7, D8: half a document or bytes that are no text: an error with the place, no mojibake."""
    account = await site.openai()
    site.break_next(Step(fault=Stream(fault), path=ASKS))
    seen: list[str] = []

    async def follow() -> None:
        async with site.stream(account) as stream:
            async for one in stream:
                seen.append(one.text)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(UnexpectedResponseError, match=r"event|stream") as caught:
        await follow()
    assert "".join(seen) in STREAM_TEXT
    assert "\N{REPLACEMENT CHARACTER}" not in "".join(seen)
    assert caught.value.operation == "chat.stream"
    await site.server.until_disconnected()


async def test_web_page_is_not_the_api(site: Site) -> None:
    """D10: a login page in place of a stream is told as a page, without its content."""
    account = await site.openai()
    site.break_next(Step(fault=Stream("html_not_sse"), path=ASKS))
    with pytest.raises(UnexpectedResponseError, match="web page") as caught:
        await read(site, account)
    assert "サインイン" not in str(caught.value)


async def test_empty_stream_is_an_empty_answer(site: Site) -> None:
    """D11: headers and nothing else is an empty answer."""
    account = await site.openai()
    site.break_next(Step(fault=Stream("empty"), path=ASKS))
    with pytest.raises(EmptyAnswerError):
        await read(site, account)


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("model", ["gpt-4.1-mini-2025-04-14", REASONING])
async def test_broken_connection_cuts_the_stream(
    site: Site, model: ModelId, *, reset: bool
) -> None:
    """D1: a connection that breaks within the stream is an error, whatever had come."""
    account = await site.openai()
    site.break_next(Step(fault=Disconnect("mid_body", reset=reset), commit=True))
    with pytest.raises((StreamTruncatedError, ServiceUnavailableError)):
        async with account.chat.stream([Message.user("春の詩")], model=model) as stream:
            _ = [one async for one in stream]
    await site.server.until_disconnected()
    assert len(site.server.seen) == 1


@pytest.mark.parametrize(
    "fault", [Disconnect(), Status(503), Status.rate_limited(retry_after_ms=5)]
)
async def test_stream_that_never_began_is_asked_for_again(site: Site, fault: WireFault) -> None:
    """D1: trouble before the headers costs one more attempt, as for any question."""
    account = await site.openai()
    site.break_next(Step(fault=fault, path=ASKS))
    _, reply = await read(site, account)
    assert reply.text
    assert len(site.server.seen) == 2


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Status(400, {"error": {"message": "bad", "code": "bad_thing"}}), InvalidRequestError),
        (Status(429, headers={"retry-after": "1000"}), RateLimitError),
        (
            Status(400, {"error": {"message": "no", "code": "content_filter"}}),
            ContentFilteredError,
        ),
    ],
)
async def test_refused_stream_is_a_typed_error(
    site: Site, fault: Status, kind: type[ProviderError]
) -> None:
    """D10: a refusal is read as one, although a stream was asked for."""
    account = await site.openai()
    site.break_next(Step(fault=fault, path=ASKS))
    with pytest.raises(kind) as caught:
        await read(site, account)
    assert caught.value.status_code == fault.status_code
    assert len(site.server.seen) == 1


async def test_error_within_a_stream_is_told(site: Site) -> None:
    """D7: an error that is sent as an event ends the stream as a typed error."""
    account = await site.openai()
    error = {"error": {"message": "the engine is overloaded", "code": "server_error"}}
    site.break_next(Step(fault=Events((chunk("は"), error)), path=ASKS))
    with pytest.raises(ProviderError, match="overloaded"):
        await read(site, account)


@pytest.mark.parametrize("model", ["gpt-4.1-mini-2025-04-14", REASONING])
async def test_drop_by_drop_is_the_same_text(site: Site, model: ModelId) -> None:
    """D8: a stream that comes in pieces of 7 bytes gives the same text as one that does not."""
    account = await site.openai()
    question = [Message.user("春の詩を一つ")]
    async with account.chat.stream(question, model=model) as stream:
        whole = joined([one async for one in stream])
    site.break_next(Step(fault=Trickle(0.0, 7), commit=True))
    async with account.chat.stream(question, model=model) as stream:
        assert joined([one async for one in stream]) == whole


async def test_finished_streams_share_a_connection(site: Site) -> None:
    """D13: a stream that was read to its end leaves its connection usable for the next."""
    account = await site.openai()
    for _ in range(3):
        _, reply = await read(site, account)
        assert reply.text
    assert site.server.connections == 1


async def test_cancelled_reader_leaks_nothing(site: Site) -> None:
    """D16: a reader that is cancelled between two events ends as cancelled, and all is closed."""
    account = await site.openai()
    site.break_next(Step(fault=Stream("stall"), path=ASKS))
    reading = asyncio.Event()

    async def follow() -> None:
        async with site.stream(account) as stream:
            async for _ in stream:
                reading.set()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(follow())
        await reading.wait()
        task.cancel()
    assert task.cancelled()
    await site.server.until_disconnected()
    assert (await site.ask(account)).text


@pytest.mark.parametrize("read_some", [False, True])
async def test_left_stream_is_closed(site: Site, *, read_some: bool) -> None:
    """D16: leaving the block early, without reading or after one event, closes the connection."""
    account = await site.openai()
    site.break_next(Step(fault=Stream("stall"), path=ASKS))
    async with site.stream(account) as stream:
        if read_some:
            async for _ in stream:
                break
    await site.server.until_disconnected()


async def test_many_abandoned_streams_do_not_fill_the_pool(site: Site) -> None:
    """D16: 12 streams left early through a pool of two leave it free."""
    account = await site.openai(http={"max_connections": 2})
    site.break_next(Step(fault=Stream("stall"), path=ASKS, times=12))

    async def glance() -> None:
        async with site.stream(account) as stream:
            async for _ in stream:
                return

    await site.together(*(glance() for _ in range(12)))
    await site.server.until_disconnected()
    assert (await site.ask(account, timeout_s=60)).text


async def test_slow_reader_holds_the_server_back(site: Site) -> None:
    """D17: what the reader does not take stays at the server: memory has a bound."""
    account = await site.openai(clock=SystemClock())
    fault = Events((chunk("春" * 5_000),), endless=True)
    site.break_next(Step(fault=fault, path=ASKS))
    async with site.stream(account) as stream:
        events = aiter(stream)
        for _ in range(20):
            await anext(events)
        before = -1
        while len(fault.sent) > before:  # until the server is held back
            before = len(fault.sent)
            for _ in range(200):
                await asyncio.sleep(0)
        assert sum(fault.sent) < 32 << 20
    await site.server.until_disconnected()


async def test_event_without_end_is_dropped(site: Site) -> None:
    """D17: one event of more than a MiB ends the stream as a typed error."""
    account = await site.openai()
    site.break_next(Step(fault=Events((b"x" * (3 << 20),)), path=ASKS))
    with pytest.raises(UnexpectedResponseError, match="longer"):
        await read(site, account)
    await site.server.until_disconnected()


async def test_azure_streams_keep_the_same_rules(make_site: MakeSite) -> None:
    """D1, D14: on Azure chunks without choices are no answer, and a clean cut is no end."""
    site = await make_site(flavor="azure")
    account = await site.azure()
    model = site.roles["azure"]["chat"].callable_id
    path = "/openai/v1/chat/completions"
    site.break_next(
        Step(fault=Stream("no_choices"), path=path), Step(fault=Stream("cut_clean"), path=path)
    )
    async with account.chat.stream([Message.user("?")], model=model) as stream:
        assert joined([one async for one in stream]) == STREAM_TEXT
    with pytest.raises(StreamTruncatedError):
        async with account.chat.stream([Message.user("?")], model=model) as stream:
            _ = [one async for one in stream]
