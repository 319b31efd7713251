"""What can go wrong below and within HTTP, one class a fault.

A fault is anything with a method `play`; write your own where these do not do.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

from typing_extensions import override

from tailorbird.testing.faults.events import KEEP_ALIVE, StreamFault, content_type, pieces
from tailorbird.testing.faults.line import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tailorbird.testing.faults.line import Line

Place = Literal["before_headers", "after_headers", "mid_body"]
"""Where in an answer something happens."""

_FILLER = b" " * 65536
_JUNK_GZIP = b"\x1f\x8b\x08\x00" + bytes(range(200))


class WireFault(Protocol):
    """One way in which an answer goes wrong."""

    @abstractmethod
    async def play(self, line: Line, answer: Answer) -> None:
        """Send what the client shall see.

        Args:
            line: The connection; the request has been read from it. It stays open for the next
                request unless this closes it.
            answer: What would have been sent: the app's answer when the step says `commit`, else a
                small JSON object with status 200.
        """
        ...


@dataclass(frozen=True, slots=True)
class Disconnect(WireFault):
    """The connection ends too early."""

    at: Place = "before_headers"
    """Where it ends."""
    reset: bool = False
    """Whether it ends by a reset, as when a process dies, and not in good order."""

    @override
    async def play(self, line: Line, answer: Answer) -> None:
        await line.send(_begun(answer, self.at))
        if self.reset:
            line.reset()
        else:
            await line.close()


@dataclass(frozen=True, slots=True)
class Stall(WireFault):
    """Silence; then the rest of the answer, if somebody still waits for it."""

    seconds: float = 60.0
    """Real seconds of silence; it ends at once when the client leaves."""
    at: Place = "before_headers"
    """Where it sets in."""

    @override
    async def play(self, line: Line, answer: Answer) -> None:
        begun = _begun(answer, self.at)
        await line.send(begun)
        await line.pause(self.seconds)
        await line.send((answer.measured_head() + answer.content)[len(begun) :])


@dataclass(frozen=True, slots=True)
class Trickle(WireFault):
    """The body comes drop by drop, which defeats a limit on the silence between two bytes."""

    pause_s: float = 0.05
    """Real seconds before each piece."""
    piece_bytes: int = 1
    """Bytes of a piece, at least 1."""

    @override
    async def play(self, line: Line, answer: Answer) -> None:
        await line.send(answer.measured_head())
        for start in range(0, len(answer.content), self.piece_bytes):
            await line.pause(self.pause_s)
            await line.send(answer.content[start : start + self.piece_bytes])


@dataclass(frozen=True, slots=True)
class TruncatedJson(WireFault):
    """Half of the body, with a length that is right for the half."""

    @override
    async def play(self, line: Line, answer: Answer) -> None:
        half = answer.content[: len(answer.content) // 2]
        await line.send_answer(replace(answer, content=half))


@dataclass(frozen=True, slots=True)
class WrongContentType(WireFault):
    """The right body under a wrong name."""

    content_type: str = "text/plain"
    """What the header says."""

    @override
    async def play(self, line: Line, answer: Answer) -> None:
        await line.send_answer(answer.with_header("content-type", self.content_type))


@dataclass(frozen=True, slots=True)
class InvalidUtf8(WireFault):
    """A JSON text with bytes that are not UTF-8."""

    @override
    async def play(self, line: Line, answer: Answer) -> None:
        await line.send_answer(replace(answer, content=b'{"id":"\xff\xfe\x80"}'))


@dataclass(frozen=True, slots=True)
class Oversize(WireFault):
    """A body of any size, made of blanks."""

    size_bytes: int = 64 << 20
    """How long it is."""
    announced: bool = True
    """Whether the length is said in advance, or the body comes in chunks."""

    @override
    async def play(self, line: Line, answer: Answer) -> None:
        framing = ("content-length", str(self.size_bytes))
        await line.send(answer.head(framing if self.announced else _CHUNKED))
        left = self.size_bytes
        while left > 0:
            piece = _FILLER[:left]
            left -= len(piece)
            await (line.send(piece) if self.announced else line.send_chunk(piece))
        if not self.announced:
            await line.send_chunk(b"")


@dataclass(frozen=True, slots=True)
class EndlessBody(WireFault):
    """A body in chunks that never ends."""

    @override
    async def play(self, line: Line, answer: Answer) -> None:
        await line.send(answer.head(_CHUNKED))
        while True:
            await line.send_chunk(_FILLER)


@dataclass(frozen=True, slots=True)
class BadGzip(WireFault):
    """A body that says it is compressed, and is not."""

    @override
    async def play(self, line: Line, answer: Answer) -> None:
        spoiled = answer.with_header("content-encoding", "gzip")
        await line.send_answer(replace(spoiled, content=_JUNK_GZIP))


@dataclass(frozen=True, slots=True)
class HeaderFlood(WireFault):
    """More headers than anybody should read."""

    size_bytes: int = 200 << 10
    """Bytes of them, about."""

    @override
    async def play(self, line: Line, answer: Answer) -> None:
        flood = tuple(
            (f"x-flood-{number}", "f" * 1000) for number in range(self.size_bytes // 1000)
        )
        await line.send_answer(replace(answer, headers=answer.headers + flood))


@dataclass(frozen=True, slots=True)
class IdleClose(WireFault):
    """A good answer, after which the connection is closed without a word."""

    @override
    async def play(self, line: Line, answer: Answer) -> None:
        await line.send_answer(answer)
        await line.close()


@dataclass(frozen=True, slots=True)
class GhostAnswer(WireFault):
    """A good answer, and behind it another one that nobody asked for."""

    @override
    async def play(self, line: Line, answer: Answer) -> None:
        ghost = replace(answer, content=b'{"id":"ghost"}')
        good = answer.measured_head() + answer.content
        await line.send(good + ghost.measured_head() + ghost.content)


@dataclass(frozen=True, slots=True)
class Redirect(WireFault):
    """A redirect."""

    location: str
    """Where to; any text."""
    status_code: int = 307
    """301, 302, 303, 307 or 308."""

    @override
    async def play(self, line: Line, answer: Answer) -> None:
        moved = Answer(status_code=self.status_code, content=b"")
        await line.send_answer(moved.with_header("location", self.location))


@dataclass(frozen=True, slots=True)
class Status(WireFault):
    """Another status, with any headers and body."""

    status_code: int
    """200..599."""
    body: object = None
    """Bytes are sent as they are, a text as text, anything else as JSON; None sends nothing."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Headers; they count before the usual `content-type`."""

    @classmethod
    def rate_limited(cls, *, retry_after_ms: int) -> Status:
        """Refuse as too early (429), with the wait that OpenAI and Azure ask for."""
        error = {"message": "scripted rate limit", "code": "rate_limit_exceeded"}
        return cls(429, {"error": error}, {"retry-after-ms": str(retry_after_ms)})

    @classmethod
    def out_of_quota(cls) -> Status:
        """Refuse for want of money (429), which no waiting cures."""
        error = {"message": "scripted lack of quota", "code": "insufficient_quota"}
        return cls(429, {"error": error})

    @override
    async def play(self, line: Line, answer: Answer) -> None:
        kind, content = _encoded(self.body)
        sent = Answer(status_code=self.status_code, content=content, headers=())
        for name, value in {"content-type": kind, **self.headers}.items():
            sent = sent.with_header(name.lower(), value)
        await line.send_answer(sent)


@dataclass(frozen=True, slots=True)
class Stream(WireFault):
    """A stream of chat chunks that goes wrong (or, for comparison, does not)."""

    fault: StreamFault
    """How it goes."""
    pause_s: float = 0.0
    """Real seconds between two pieces."""
    silence_s: float = 60.0
    """Real seconds of silence for `stall`, and between two comments for `keepalive_forever` at most
    a hundredth of it."""

    @override
    async def play(self, line: Line, answer: Answer) -> None:
        head = answer.with_header("content-type", content_type(self.fault))
        await line.send(head.head(_CHUNKED))
        for piece in pieces(self.fault):
            if self.pause_s:
                await line.pause(self.pause_s)
            await line.send_chunk(piece)
        if self.fault == "stall":
            await line.pause(self.silence_s)
        while self.fault == "keepalive_forever":
            await line.send_chunk(KEEP_ALIVE)
            await line.pause(self.silence_s / 100)
        await line.send_chunk(b"")


_CHUNKED = ("transfer-encoding", "chunked")


def _begun(answer: Answer, at: Place) -> bytes:
    head = answer.measured_head()
    begun: dict[Place, bytes] = {
        "before_headers": b"",
        "after_headers": head,
        "mid_body": head + answer.content[: len(answer.content) // 2],
    }
    return begun[at]


def _encoded(body: object) -> tuple[str, bytes]:
    if body is None:
        return "text/plain", b""
    if isinstance(body, bytes):
        return "application/json", body
    if isinstance(body, str):
        return "text/plain; charset=utf-8", body.encode()
    return "application/json", json.dumps(body, ensure_ascii=False).encode()
