"""An answer while it arrives: events within their limits, pieces checked, and the whole."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field
from typing_extensions import override

from tailorbird._openai_sdk.chat.sse import BOM, EventReader
from tailorbird._openai_sdk.chat.watch import Watch
from tailorbird.exceptions import (
    DeadlineError,
    InvalidInputError,
    ProviderError,
    StreamTruncatedError,
    UnexpectedResponseError,
)
from tailorbird.protocols import ChatStream
from tailorbird.types.base import Settings
from tailorbird.types.chat import ChatChunk, ToolCallDelta

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator

    from tailorbird._openai_sdk.chat.collecting import Collector
    from tailorbird._openai_sdk.parsing import Said, Source
    from tailorbird.types.chat import Reply

_END_MARK = b"[DONE]"
_ENDING_S = 0.1
# Seconds that the last bytes behind the end mark may take: when they have come, the connection can
# be used again. As long as the openai SDK 3.54.0 waits for them.

_EVENT_LINE = re.compile(rb"^(?::|data|event|id|retry)", re.MULTILINE)
# How a line of a stream of events begins: "Server-sent events", as in `sse.py`.


class StreamLimits(Settings):
    """How long and how large a stream may be.

    The first two count events, not bytes: comments that keep a connection alive do not end a
    silence. 60 seconds is what clients settled on in 2026 after streams that hung for hours.
    """

    first_event_s: float = Field(default=60.0, gt=0, allow_inf_nan=False)
    """Seconds from the request to the first event."""
    between_events_s: float = Field(default=60.0, gt=0, allow_inf_nan=False)
    """Seconds from one event to the next."""
    total_s: float = Field(default=600.0, gt=0, allow_inf_nan=False)
    """Seconds for the whole answer when the call names none."""
    event_bytes: int = Field(default=1 << 20, ge=1)
    """Longest event in bytes."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a stream needs to read itself."""

    pieces: AsyncIterator[bytes]
    """The body as it arrives."""
    collector: Collector
    """Reads the events."""
    whole: Callable[[bytes, Source], Said]
    """Reads an answer that came in one piece although a stream was asked for."""
    finish: Callable[[Said], Reply[None]]
    """Makes the reply, or says why there is none."""
    source: Source
    """Makes the errors."""
    limits: StreamLimits
    """How long and how large it may be."""
    left_s: float
    """Seconds that are left for everything."""
    left_first_s: float
    """Seconds that are left until the first event."""
    needs_end_mark: bool
    """Whether an end without a reason and without the end mark is a cut."""


class SdkChatStream(ChatStream):
    """One streamed answer."""

    def __init__(self, reading: Reading) -> None:
        """Read nothing yet."""
        self._reading = reading
        self._started = False
        self._reply: Reply[None] | None = None

    @override
    async def __aiter__(self) -> AsyncGenerator[ChatChunk]:
        if self._started:
            message = "a stream can be read once: ask again for another answer"
            raise InvalidInputError(message)
        self._started = True
        reading = self._reading
        run = _Run(reading)
        try:
            async for chunk in run.chunks():
                yield chunk
            reply = reading.finish(run.said())
            yield ChatChunk(finish_reason=reply.finish_reason, usage=reply.usage)
            self._reply = reply
            await run.drain()
        finally:
            run.stop()

    @override
    def reply(self) -> Reply[None]:
        if self._reply is None:
            message = "the stream has not ended: read it to its end first"
            raise InvalidInputError(message)
        return self._reply


class _Run:
    """One reading of a stream, from its first piece to its last."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._reader = EventReader(max_event_bytes=reading.limits.event_bytes)
        self._watch = Watch(
            first_s=reading.left_first_s,
            between_s=reading.limits.between_events_s,
            total_s=reading.left_s,
        )
        self._events = 0
        self._marked = False
        self._whole: Said | None = None

    async def chunks(self) -> AsyncGenerator[ChatChunk]:
        """Give the pieces of the answer until its end mark, or the end of the stream."""
        piece = await self._next()
        first = (piece or b"").removeprefix(BOM).lstrip()
        if first.startswith(b"<"):
            raise self._reading.source.unexpected("it is a web page, not a stream of events")
        if piece is not None and first.startswith(b"{"):
            yield await self._in_one_piece(piece)
            return
        collector = self._reading.collector
        take = collector.take
        while piece is not None:
            before = self._events
            for data in self._fed(piece):
                if data == _END_MARK:
                    self._marked = True
                    return
                self._events += 1
                chunk = take(data)
                if chunk is not None:
                    yield chunk
            if self._events > before:
                if collector.has_ended:
                    return
                self._watch.restart()
            piece = await self._next()
        for chunk in self._rest():
            yield chunk
        self._require_stream(first)

    def said(self) -> Said:
        """Give what it came to.

        Raises:
            StreamTruncatedError: It ended without a reason and without the end mark.
        """
        if self._whole is not None:
            return self._whole
        collector = self._reading.collector
        has_end = self._marked or collector.is_complete or not self._reading.needs_end_mark
        if self._events and not has_end:
            raise self._truncated()
        return collector.said()

    async def drain(self) -> None:
        """Take the last bytes behind the end mark, if they are there, and what they say not."""
        with suppress(TimeoutError, ProviderError):
            async with asyncio.timeout(_ENDING_S):
                await anext(self._reading.pieces, None)

    def stop(self) -> None:
        """Let go of the timer."""
        self._watch.stop()

    async def _next(self) -> bytes | None:
        """Wait for a piece; None at the end, and where an answer that is complete breaks off."""
        reading = self._reading
        try:
            return await self._watch.next(reading.pieces)
        except TimeoutError as exc:
            if reading.collector.is_complete:
                return None
            raise self._too_late() from exc
        except ProviderError as exc:
            if reading.collector.is_complete:
                return None
            if not self._events:
                raise
            raise self._truncated() from exc

    def _fed(self, piece: bytes) -> list[bytes]:
        try:
            return self._reader.feed(piece)
        except ValueError as exc:
            raise self._reading.source.unexpected(str(exc)) from exc

    def _rest(self) -> Iterator[ChatChunk]:
        """Read what the end of the stream has cut off, if it is whole all the same."""
        for data in self._reader.flush():
            if data == _END_MARK:
                self._marked = True
                return
            self._events += 1
            with suppress(UnexpectedResponseError):  # half an event: the stream was cut
                chunk = self._reading.collector.take(data)
                if chunk is not None:
                    yield chunk

    def _require_stream(self, first: bytes) -> None:
        """Refuse what ended without an event, and does not look like a stream at all."""
        if first and not self._events and not _EVENT_LINE.search(first):
            raise self._reading.source.unexpected("it is no stream of events")

    async def _in_one_piece(self, piece: bytes) -> ChatChunk:
        """Read an answer that came as one JSON document although a stream was asked for."""
        content = bytearray(piece)
        while (more := await self._next()) is not None:
            content += more
            if len(content) > self._reading.limits.event_bytes:
                most = self._reading.limits.event_bytes
                raise self._reading.source.unexpected(f"the answer is longer than {most} bytes")
        self._events = 1
        said = self._whole = self._reading.whole(bytes(content), self._reading.source)
        calls = (
            ToolCallDelta(index=index, id=call.id, name=call.name, arguments=call.arguments)
            for index, call in enumerate(said.tool_calls)
        )
        return ChatChunk(text=said.text, tool_calls=tuple(calls), refusal=said.refusal)

    def _truncated(self) -> StreamTruncatedError:
        source = self._reading.source
        return StreamTruncatedError(
            "the stream ended without a finish reason or an end mark; `text` holds what came",
            text=self._reading.collector.text,
            provider=source.connection.provider,
            operation=source.operation,
        )

    def _too_late(self) -> DeadlineError:
        source, limits = self._reading.source, self._reading.limits
        if self._watch.is_over:
            what = "the stream was not complete when the time of the call was over"
        elif self._events:
            what = f"no event of the stream came for {limits.between_events_s:g} s"
        else:
            what = f"no event of the stream came within {limits.first_event_s:g} s"
        return DeadlineError(
            f"{what}; give it more time, or ask for a shorter answer",
            provider=source.connection.provider,
            operation=source.operation,
            request_id=source.received.request_id,
            accepted="yes",
        )
