"""Let an ASGI application answer a request that came in on a line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from tailorbird.testing.faults.line import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tailorbird.testing.faults.line import Line, RequestHead

Message = MutableMapping[str, object]
"""What ASGI passes around."""

Receive = Callable[[], Awaitable[Message]]
"""Gives the application the next message."""

Send = Callable[[Message], Awaitable[None]]
"""Takes a message of the application."""

App = Callable[[Message, Receive, Send], Awaitable[None]]
"""An ASGI application, version 3 (https://asgi.readthedocs.io/, read 2026-11-22)."""

_FRAMING = frozenset({"connection", "content-length", "transfer-encoding"})


async def forward(
    app: App, line: Line, head: RequestHead, next_piece: Callable[[], Awaitable[bytes]]
) -> None:
    """Let the app answer, and pass every piece of its answer on as it comes.

    Args:
        app: The application.
        line: Where the answer goes.
        head: What the request begins with.
        next_piece: Gives the next piece of its body, empty at the end.
    """
    answer = _Passing(line, with_body=head.method != "HEAD")
    await app(_scope(head), _receiver(line, next_piece), answer.send)


async def collect(
    app: App, line: Line, head: RequestHead, next_piece: Callable[[], Awaitable[bytes]]
) -> Answer:
    """Let the app handle the request, and give its whole answer instead of sending it.

    Args:
        app: The application.
        line: Where the request came from; the app is told when the client leaves.
        head: What the request begins with.
        next_piece: Gives the next piece of its body, empty at the end.
    """
    answer = _Kept()
    await app(_scope(head), _receiver(line, next_piece), answer.send)
    return Answer(
        status_code=answer.status_code, headers=answer.headers, content=bytes(answer.content)
    )


def _scope(head: RequestHead) -> Message:
    path, _, query = head.target.partition("?")
    return {
        "type": "http",
        # From 2.4 on, an app learns from an OSError of `send` that the client has left.
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": head.method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in head.headers.items()
        ],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
    }


def _receiver(line: Line, next_piece: Callable[[], Awaitable[bytes]]) -> Receive:
    ended = False

    async def receive() -> Message:
        nonlocal ended
        if ended:
            await line.until_left()
            return {"type": "http.disconnect"}
        piece = await next_piece()
        ended = not piece
        return {"type": "http.request", "body": piece, "more_body": not ended}

    return receive


def _headers(message: Message) -> tuple[tuple[str, str], ...]:
    pairs = cast("Iterable[tuple[bytes, bytes]]", message.get("headers", ()))
    return tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in pairs)


def _status(message: Message) -> int:
    return cast("int", message["status"])


def _piece(message: Message) -> bytes:
    return cast("bytes", message.get("body", b""))


@dataclass(slots=True)
class _Kept:
    """Keeps an answer."""

    status_code: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    content: bytearray = field(default_factory=bytearray)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status_code = _status(message)
            self.headers = tuple(pair for pair in _headers(message) if pair[0] not in _FRAMING)
        else:
            self.content += _piece(message)


@dataclass(slots=True)
class _Passing:
    """Passes an answer on."""

    line: Line
    with_body: bool
    answer: Answer | None = None
    in_chunks: bool = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.answer = Answer(status_code=_status(message), headers=_headers(message))
            return
        more = bool(message.get("more_body"))
        if self.answer is not None:
            head, self.answer = self.answer, None
            await self._send_head(head, whole=None if more else _piece(message))
        if self.with_body:
            await self._send_body(_piece(message), more=more)

    async def _send_head(self, head: Answer, *, whole: bytes | None) -> None:
        """Send status and headers, with a framing where the app gave none."""
        named = {name for name, _ in head.headers}
        if "content-length" in named or head.status_code in {204, 304}:
            await self.line.send(head.head())
        elif whole is not None:
            await self.line.send(head.head(("content-length", str(len(whole)))))
        else:
            self.in_chunks = True
            await self.line.send(head.head(("transfer-encoding", "chunked")))

    async def _send_body(self, piece: bytes, *, more: bool) -> None:
        if not self.in_chunks:
            await self.line.send(piece)
            return
        if piece:
            await self.line.send_chunk(piece)
        if not more:
            await self.line.send_chunk(b"")
