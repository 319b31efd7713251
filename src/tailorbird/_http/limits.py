"""What an answer may be: bounded, not compressed, from the host that was asked."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

import httpx2
from typing_extensions import override

from tailorbird.exceptions import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tailorbird.exceptions import Accepted

STREAM_HEADER = "x-tailorbird-stream"
"""Header that asks for an answer of any length; it is removed before the request is sent."""

BODY_TYPE_HEADER = "x-tailorbird-content-type"
"""Header whose value is sent as `content-type` in place of what stands there: the openai SDK takes
a form's own type for the wish to build a form itself."""

_MARK = b"x-tailorbird-"

_LONGEST_LENGTH = 19
# Digits of a length that are read: more than any body has, and few enough to be read quickly.

_LONGEST_SHOWN = 300
# Characters of another host's address in a message: more than any has (RFC 1035, 2.3.4: 255).

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_DONE_ELSEWHERE = frozenset({301, 302, 303})
# RFC 9110, 15.4: after these a client goes on with GET, so the request may have been carried out;
# 307 and 308 ask to send the same request again, so it was not.


class AnswerRefusedError(httpx2.TransportError):
    """An answer came that this package does not take; it never leaves `tailorbird._http`."""

    def __init__(
        self,
        reason: str,
        *,
        status_code: int | None = None,
        accepted: Accepted = "unknown",
        repeat: Literal["may-help", "useless"] = "may-help",
    ) -> None:
        super().__init__(reason)
        self.status_code = status_code
        """HTTP status of the refused answer, 100..599; None when the request was not sent."""
        self.accepted: Accepted = accepted
        """Whether the provider took the request."""
        self.repeat: Literal["may-help", "useless"] = repeat
        """Whether the same request can get another answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLimits:
    """How large an answer may be."""

    max_answer_bytes: int
    """Bytes of a successful body, at least 1; a stream has no such limit."""
    max_error_bytes: int
    """Bytes of an error's body, at least 1; what is longer is cut."""


class LimitedTransport(httpx2.AsyncBaseTransport):
    """Sends through another transport and takes only answers within the limits.

    What it cannot see is a server that sends bytes behind an answer: httpcore2 2.16.2 takes them
    for the answer to the next request on that connection. So a client is for one account only.
    """

    def __init__(self, inner: httpx2.AsyncBaseTransport, limits: AnswerLimits) -> None:
        self._inner = inner
        self._limits = limits
        self._home: tuple[int, asyncio.AbstractEventLoop] | None = None

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if not self._is_home():
            message = (
                "this HTTP client was used in another event loop or before a fork, and its"
                " connections live there; open a new one in each loop and process"
            )
            raise InvalidInputError(message)
        streamed = _take_marks(request)
        response = await _sent(self._inner, request)
        try:
            return self._checked(request, response, streamed=streamed)
        except AnswerRefusedError:
            await response.aclose()
            raise

    @override
    async def aclose(self) -> None:
        # Elsewhere there is nothing to close with: the connections belong to another loop.
        if self._is_home():
            await self._inner.aclose()

    def _is_home(self) -> bool:
        if self._home is None:
            self._home = (os.getpid(), asyncio.get_running_loop())
        process, loop = self._home
        # The process first: after a fork asyncio denies that a loop is running.
        return process == os.getpid() and loop is asyncio.get_running_loop()

    def _checked(
        self, request: httpx2.Request, response: httpx2.Response, *, streamed: bool
    ) -> httpx2.Response:
        status = response.status_code
        if status in _REDIRECTS:
            raise _redirect(request, response)
        # One pass: looking a name up in these headers costs a few microseconds each time.
        found = {name.lower(): value for name, value in response.headers.raw}
        if b"set-cookie" in found:
            # Nothing here logs in: a cookie would only make calls recognizable.
            del response.headers["set-cookie"]
        stream = cast("httpx2.AsyncByteStream", response.stream)
        coding = found.get(b"content-encoding", b"identity").strip().lower()
        readable = coding in {b"", b"identity"}
        if status >= httpx2.codes.BAD_REQUEST:
            # The status counts for more than a body that cannot be read.
            response.headers.pop("content-encoding", None)
            response.stream = _CutStream(stream, self._limits.max_error_bytes if readable else 0)
            return response
        if not readable:
            raise AnswerRefusedError(
                f"the body is compressed ({coding[:20].decode('latin-1')!r}), which was not"
                " asked for",
                status_code=status,
            )
        if not streamed:
            self._limit(response, stream, _announced(found))
        return response

    def _limit(
        self, response: httpx2.Response, stream: httpx2.AsyncByteStream, announced: int | None
    ) -> None:
        limit = self._limits.max_answer_bytes
        if announced is None:
            response.stream = _CountedStream(stream, limit, response.status_code)
        elif announced > limit:
            raise _too_large(limit, response.status_code)


class _CountedStream(httpx2.AsyncByteStream):
    """Raises when more comes than may come."""

    def __init__(self, inner: httpx2.AsyncByteStream, limit: int, status_code: int) -> None:
        self._inner = inner
        self._limit = limit
        self._status_code = status_code

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._limit
        async with _pieces(self._inner) as pieces:
            async for piece in pieces:
                left -= len(piece)
                if left < 0:
                    raise _too_large(self._limit, self._status_code)
                yield piece

    @override
    async def aclose(self) -> None:
        await self._inner.aclose()


class _CutStream(httpx2.AsyncByteStream):
    """Ends early when more comes than may come."""

    def __init__(self, inner: httpx2.AsyncByteStream, limit: int) -> None:
        self._inner = inner
        self._limit = limit

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._limit
        if left == 0:
            return
        async with _pieces(self._inner) as pieces:
            async for piece in pieces:
                yield piece[:left]
                left -= len(piece)
                if left <= 0:
                    return

    @override
    async def aclose(self) -> None:
        await self._inner.aclose()


@asynccontextmanager
async def _pieces(stream: httpx2.AsyncByteStream) -> AsyncGenerator[AsyncIterator[bytes]]:
    """Iterate over a stream, and leave no suspended generator behind when it is left early."""
    pieces = stream.__aiter__()
    try:
        yield pieces
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()


async def _sent(inner: httpx2.AsyncBaseTransport, request: httpx2.Request) -> httpx2.Response:
    with suppress(httpx2.LocalProtocolError):
        return await inner.handle_async_request(request)
    # Raised outside of any handler: the error's text shows the header, which may be the key.
    raise AnswerRefusedError(
        "a header of the request holds characters that HTTP does not allow; look for line ends"
        " and blanks around the key",
        accepted="no",
        repeat="useless",
    )


def _redirect(request: httpx2.Request, response: httpx2.Response) -> AnswerRefusedError:
    status = response.status_code
    try:
        target = request.url.join(response.headers.get("location", ""))
        where = f"{target.scheme}://{target.host}"[:_LONGEST_SHOWN]
    except httpx2.InvalidURL:
        where = "an unreadable address"
    return AnswerRefusedError(
        f"{request.url.host!r} redirects to {where!r}, and redirects are never followed, because"
        " they would take key and content along; set the address that answers itself",
        status_code=status,
        accepted="unknown" if status in _DONE_ELSEWHERE else "no",
        repeat="useless",
    )


def _take_marks(request: httpx2.Request) -> bool:
    """Take our own headers off, carry out what they say, and tell whether a stream is wanted."""
    headers = request.headers
    if not any(name[: len(_MARK)].lower() == _MARK for name, _ in headers.raw):
        return False
    body_type = headers.pop(BODY_TYPE_HEADER, None)
    if body_type is not None:
        headers["content-type"] = body_type
    return headers.pop(STREAM_HEADER, None) is not None


def _announced(headers: Mapping[bytes, bytes]) -> int | None:
    """Give the length of a body that is framed by it; None for any other framing."""
    # RFC 9112, 6.3: a transfer coding overrides the length, so the length then says nothing.
    length = headers.get(b"content-length", b"")
    if b"transfer-encoding" in headers or not length.isdigit():
        return None
    return int(length[:_LONGEST_LENGTH])


def _too_large(limit: int, status_code: int) -> AnswerRefusedError:
    return AnswerRefusedError(
        f"the body is larger than {limit} bytes (`max_answer_bytes`)",
        status_code=status_code,
        repeat="useless",
    )
