"""A server on this machine's loopback that breaks HTTP on demand and records what reached it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Self, TypeVar, cast

from tailorbird.exceptions import InvalidInputError, ScriptError
from tailorbird.testing.faults.forwarding import App, collect, forward
from tailorbird.testing.faults.line import Answer, Line

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
    from types import TracebackType

    from tailorbird.testing.faults.faults import WireFault
    from tailorbird.testing.faults.line import RequestHead

T = TypeVar("T")

_KEPT_BYTES = 1 << 20
_HEAD_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What happens to the next request that fits."""

    fault: WireFault | None
    """What goes wrong; None lets the app answer, to count requests off."""
    method: str | None = None
    """Method of a request that fits; None fits all."""
    path: str = ""
    """What the path of a request that fits begins with; empty fits all."""
    commit: bool = False
    """Whether the app handles the request first, so that the fault spoils or loses its answer."""
    times: int | None = 1
    """For how many requests it counts, at least 1; None for all."""

    def fits(self, head: RequestHead) -> bool:
        """Say whether this step is meant for a request."""
        return self.method in {None, head.method} and head.path.startswith(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRequest:
    """A request as it reached the wire."""

    method: str
    """In capital letters."""
    target: str
    """Path and query, as they came."""
    headers: Mapping[str, str]
    """Names in small letters."""
    body: bytes
    """The first MiB of the body."""
    size_bytes: int
    """Length of the whole body."""
    at_s: float
    """When it had arrived in full: seconds of `time.monotonic`."""
    connection: int
    """On which connection it came, counted from 1."""


@dataclass(slots=True)
class _Entry:
    step: Step
    left: int | None


@dataclass(slots=True)
class _Body:
    """The body of a request on its way in, with a note of what passed."""

    incoming: AsyncIterator[bytes]
    at_end: Callable[[_Body], None]
    kept: bytearray = field(default_factory=bytearray)
    size_bytes: int = 0
    is_read: bool = False

    async def next_piece(self) -> bytes:
        """Give the next piece; empty at the end."""
        piece = b"" if self.is_read else await anext(self.incoming, b"")
        if not piece and not self.is_read:
            self.is_read = True
            self.at_end(self)
        self.size_bytes += len(piece)
        self.kept += piece[: _KEPT_BYTES - len(self.kept)]
        return piece

    async def drain(self) -> None:
        """Read the rest."""
        while await self.next_piece():
            continue


class FaultServer:
    """An HTTP/1.1 server at 127.0.0.1 that plays a script of faults.

    Requests for which the script has a step get its fault; all others are answered by the app, or,
    where there is none, by a small JSON object with status 200. It speaks to any client in any
    language; its pauses take real time.

    ```python
    script = [Step(fault=Disconnect(), method="POST", path="/v1/fine_tuning", commit=True)]
    async with FaultServer(app, script) as server:
        ...  # call server.url; the job exists now, and its answer was lost
    assert len(server.seen) == 2
    ```

    A connection is closed when the app raises. Leaving the block raises what the app raised, in an
    `ExceptionGroup`, and `ScriptError` when steps are left over.
    """

    def __init__(
        self,
        app: App | None = None,
        script: Iterable[Step] = (),
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Make a server; it is opened by `async with`.

        Args:
            app: An ASGI application that answers what the script does not; it gets no lifespan
                events.
            script: Steps; of those that fit a request, the first with uses left counts.
            tls: Makes it an `https` server with this certificate.
        """
        self._app = app
        self._tls = tls
        self._entries: list[_Entry] = []
        self._lines: dict[asyncio.Task[object], asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None
        self._port = 0
        self._opened = 0
        self._errors: list[Exception] = []
        self._news = asyncio.Event()
        self._seen: list[SeenRequest] = []
        self.add(*script)

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self._port}"

    @property
    def port(self) -> int:
        """The port; 0 before the server was opened. It stays known after closing."""
        return self._port

    @property
    def seen(self) -> tuple[SeenRequest, ...]:
        """All requests that arrived in full, in the order of their arrival."""
        return tuple(self._seen)

    @property
    def connections(self) -> int:
        """How many connections were ever opened."""
        return self._opened

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        return len(self._lines)

    def gaps(self) -> list[float]:
        """Give the seconds between the arrivals of each request and the next."""
        return [later.at_s - earlier.at_s for earlier, later in pairwise(self._seen)]

    def add(self, *steps: Step) -> None:
        """Put steps at the end of the script.

        Raises:
            ScriptError: A step is meant for less than one request, or `commit` is wanted where
                there is no app.
        """
        for step in steps:
            if step.times is not None and step.times < 1:
                raise ScriptError(f"a step must be meant for at least 1 request, got {step!r}")
            if step.commit and self._app is None:
                raise ScriptError(f"commit=True needs an app that handles the request: {step!r}")
            self._entries.append(_Entry(step, step.times))

    async def until_disconnected(self, *, timeout_s: float = 30.0) -> None:
        """Wait until no connection is open.

        Raises:
            TimeoutError: Some still are after `timeout_s` real seconds.
        """
        await self._until(lambda: not self._lines, timeout_s)

    async def until_seen(self, count: int, *, timeout_s: float = 30.0) -> None:
        """Wait until so many requests have arrived in full, those before the call included.

        Raises:
            TimeoutError: There are still fewer after `timeout_s` real seconds.
        """
        await self._until(lambda: len(self._seen) >= count, timeout_s)

    async def __aenter__(self) -> Self:
        if self._server is not None:
            raise InvalidInputError("this server is open already; make another one")
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, limit=_HEAD_BYTES, ssl=self._tls
        )
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for writer in self._lines.values():
            writer.transport.abort()
        tasks = list(self._lines)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if exc is None:
            self._complain()

    async def _until(self, is_so: Callable[[], bool], timeout_s: float) -> None:
        async with asyncio.timeout(timeout_s):
            while not is_so():
                self._news.clear()
                await self._news.wait()

    def _complain(self) -> None:
        if self._errors:
            message = "the app behind the fault server raised"
            raise ExceptionGroup(message, self._errors)
        unused = [entry.step for entry in self._entries if entry.left]
        if unused:
            raise ScriptError(f"no request used these steps up: {unused!r}")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[object]", asyncio.current_task())
        self._opened += 1
        self._lines[task] = writer
        try:
            await self._converse(Line(reader, writer), self._opened)
        except asyncio.CancelledError:
            # The task ends here anyway, and the streams of Python 3.11 would log it as an error.
            return
        finally:
            del self._lines[task]
            self._news.set()
            writer.close()

    async def _converse(self, line: Line, number: int) -> None:
        while not line.is_closed and (head := await line.read_head()) is not None:
            try:
                await self._answer(line, head, number)
            except ConnectionError:
                return

    async def _answer(self, line: Line, head: RequestHead, number: int) -> None:
        body = _Body(line.read_body(head), lambda body: self._note(head, body, number))
        step = self._next_step(head)
        if step is None or step.fault is None:
            await self._answer_well(line, head, body)
            return
        answer = Answer()
        if step.commit and self._app is not None:
            answer = await self._run(collect(self._app, line, head, body.next_piece), line, answer)
            if line.is_closed:
                return
        await body.drain()
        await step.fault.play(line, answer)

    async def _answer_well(self, line: Line, head: RequestHead, body: _Body) -> None:
        if self._app is None:
            await body.drain()
            await line.send_answer(Answer())
            return
        await self._run(forward(self._app, line, head, body.next_piece), line, None)
        await body.drain()

    async def _run(self, running: Awaitable[T], line: Line, otherwise: T) -> T:
        """Wait for the app, and keep what it raises for the end of the block."""
        try:
            return await running
        except Exception as exc:  # noqa: BLE001 - somebody else's code; raised when the block ends
            if not line.has_left:
                self._errors.append(exc)
                await line.close()
            return otherwise

    def _next_step(self, head: RequestHead) -> Step | None:
        for entry in self._entries:
            if entry.left != 0 and entry.step.fits(head):
                entry.left = None if entry.left is None else entry.left - 1
                return entry.step
        return None

    def _note(self, head: RequestHead, body: _Body, number: int) -> None:
        request = SeenRequest(
            method=head.method,
            target=head.target,
            headers=head.headers,
            body=bytes(body.kept),
            size_bytes=body.size_bytes,
            at_s=time.monotonic(),
            connection=number,
        )
        self._seen.append(request)
        self._news.set()
