"""HTTP/1.1 on one open connection, written out by hand so that it can be broken anywhere."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

_PIECE_BYTES = 64 * 1024
_NO_BODY = frozenset({204, 304})
_LINGER_NOT = struct.pack("ii", 1, 0)
# Closing at once and dropping what is unsent makes the system send a reset.


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer, before a fault spoils it."""

    status_code: int = 200
    """HTTP status, 200..599."""
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
    """Names in small letters and values; those that frame the body are added on sending."""
    content: bytes = b'{"id":"scripted","object":"scripted","text":"\xe6\x98\xa5"}'
    """The body."""

    def with_header(self, name: str, value: str) -> Self:
        """Set one header, in place of any of that name."""
        kept = tuple(pair for pair in self.headers if pair[0] != name)
        return replace(self, headers=(*kept, (name, value)))

    def head(self, *framing: tuple[str, str]) -> bytes:
        """Give the status line and the headers, the empty line included."""
        try:
            phrase = HTTPStatus(self.status_code).phrase
        except ValueError:
            phrase = "Unknown"
        lines = [f"HTTP/1.1 {self.status_code} {phrase}"]
        lines += [f"{name}: {value}" for name, value in (*self.headers, *framing)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def measured_head(self) -> bytes:
        """Give the head of a body that is framed by its length."""
        if self.status_code in _NO_BODY:
            return self.head()
        return self.head(("content-length", str(len(self.content))))


@dataclass(frozen=True, slots=True)
class RequestHead:
    """What a request begins with."""

    method: str
    """In capital letters, as it came."""
    target: str
    """Path and query, as they came."""
    headers: Mapping[str, str]
    """Names in small letters; values of a name that came twice are joined by commas."""

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


class Line:
    """One connection, as the server sees it.

    Its methods raise `ConnectionError` once the other side has left.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._ahead = b""

    @property
    def has_left(self) -> bool:
        """Whether the other side is known to have left."""
        return self._reader.at_eof() or self._writer.transport.is_closing()

    @property
    def is_closed(self) -> bool:
        """Whether this side has closed it."""
        return self._writer.is_closing()

    async def read_head(self) -> RequestHead | None:
        """Read the head of the next request; None when the other side has left."""
        try:
            raw = self._ahead + await self._reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        self._ahead = b""
        first, *lines = raw.decode("latin-1").split("\r\n")[:-2]
        method, target, _version = first.split(" ")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            key, value = name.strip().lower(), value.strip()
            headers[key] = f"{headers[key]}, {value}" if key in headers else value
        return RequestHead(method, target, headers)

    async def read_body(self, head: RequestHead) -> AsyncIterator[bytes]:
        """Give the body of a request piece by piece, framed by length or in chunks."""
        if head.headers.get("transfer-encoding", "").lower() == "chunked":
            while size := int((await self._exactly_line()).partition(b";")[0], 16):
                async for piece in self._sized(size):
                    yield piece
                await self._exactly_line()
            await self._exactly_line()
            return
        async for piece in self._sized(int(head.headers.get("content-length", "0"))):
            yield piece

    async def send(self, data: bytes) -> None:
        """Send bytes and wait until the system has taken them."""
        self._writer.write(data)
        await self._writer.drain()

    async def send_answer(self, answer: Answer) -> None:
        """Send a whole answer in good order."""
        body = b"" if answer.status_code in _NO_BODY else answer.content
        await self.send(answer.measured_head() + body)

    async def send_chunk(self, data: bytes) -> None:
        """Send one chunk of a body without a length; an empty one ends it."""
        await self.send(b"%x\r\n%b\r\n" % (len(data), data))

    async def pause(self, seconds: float) -> None:
        """Wait, real seconds, at most until the other side leaves.

        Raises:
            ConnectionResetError: The other side left.
        """
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self.until_left())
            await asyncio.wait([watching], timeout=seconds)
            left = watching.done()
            watching.cancel()
        if left:
            message = "the other side left during a pause"
            raise ConnectionResetError(message)

    async def until_left(self) -> None:
        """Wait until the other side has left, or for ever if it has sent its next request."""
        if not self._ahead:
            self._ahead = await self._reader.read(1)
        if self._ahead:  # kept for the next request; behind it no leaving can be seen
            await asyncio.Event().wait()

    async def close(self) -> None:
        """Send what is left and end the connection in good order."""
        self._writer.close()

    def reset(self) -> None:
        """Drop the connection, and what is unsent, so that the other side sees a reset."""
        raw = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self._writer.transport.abort()

    async def _sized(self, size: int) -> AsyncIterator[bytes]:
        while size:
            piece = await self._reader.read(min(size, _PIECE_BYTES))
            if not piece:
                message = "the other side left in the middle of a request"
                raise ConnectionResetError(message)
            size -= len(piece)
            yield piece

    async def _exactly_line(self) -> bytes:
        line = await self._reader.readline()
        if not line.endswith(b"\n"):
            message = "the other side left in the middle of a request"
            raise ConnectionResetError(message)
        return line
