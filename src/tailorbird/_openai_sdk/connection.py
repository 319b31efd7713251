"""One account at one address, over the openai SDK: bytes in, bytes out, typed errors.

The SDK carries the requests (addresses, authentication, its headers); it neither repeats nor parses
anything. Repeating is `retry.py`'s, and answers are validated once, from the bytes, by who asked.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Literal

import anyio
import openai
from pydantic_core import to_json

from tailorbird._http import (
    BODY_TYPE_HEADER,
    FAILURES,
    STREAM_HEADER,
    HttpResponse,
    HttpSettings,
    failure_of,
    host_of,
    keys_sent,
    open_client,
    read_refusal,
    refusal_error,
)
from tailorbird._openai_sdk.endpoint import Endpoint, default_headers
from tailorbird._openai_sdk.received import Incoming, Received
from tailorbird._openai_sdk.sending import Request, send
from tailorbird.exceptions import (
    AuthenticationError,
    InvalidInputError,
    UnexpectedResponseError,
)
from tailorbird.protocols.arguments import check_id
from tailorbird.types.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Callable,
        Mapping,
        Sequence,
    )

    from openai import AsyncOpenAI

    from tailorbird.exceptions import ProviderError, TailorbirdError
    from tailorbird.protocols import Clock
    from tailorbird.retry import Repeat, Retrier

CALL_TIMEOUT_S = 60.0
"""Seconds for a call that names none, all attempts and waits included: our own choice, six times
what the slowest tenth of chat calls takes."""

CLOSING_S = 1.0
"""Seconds that closing a stream may take; a connection that does not close by then is dropped."""

# Without one the SDK looks into the shell. It is never sent: the key goes along with each request,
# so that no object that lives longer holds it.
_NO_KEY = "none"


class Connection:
    """Sends the requests of one account.

    It belongs to the event loop and the process in which it was opened.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        retrier: Retrier,
        http: HttpSettings,
        timeout_s: float = CALL_TIMEOUT_S,
        transport: object | None = None,
    ) -> None:
        """Make a closed connection; nothing is sent and no package is imported for it later.

        Args:
            endpoint: Where and as whom.
            retrier: Repeats what may be repeated.
            http: Limits and routes of the HTTP client.
            timeout_s: Seconds for a call that names none, attempts and waits included.
            transport: Takes the place of the network: for tests within one process.
        """
        self._timeout_s = timeout_s
        self._endpoint = endpoint
        self._retrier = retrier
        self._http = http
        self._transport = transport
        self._host = host_of(endpoint.base_url)
        self._client: AsyncOpenAI | None = None

    @property
    def provider(self) -> str:
        """Name of the provider, for messages."""
        return self._endpoint.provider

    @property
    def host(self) -> str:
        """The host that is called."""
        return self._host

    @property
    def clock(self) -> Clock:
        """The clock of deadlines and waits."""
        return self._retrier.clock

    async def open(self) -> None:
        """Open the HTTP client; connections are made by the first request.

        Raises:
            InvalidInputError: It is open already, or something else than asyncio runs the program.
        """
        if self._client is not None:
            message = f"this {self.provider} provider is open already; open it once"
            raise InvalidInputError(message)
        _require_asyncio()
        where = self._endpoint
        self._client = openai.AsyncOpenAI(
            api_key=_NO_KEY,
            admin_api_key="",  # else the SDK takes OPENAI_ADMIN_KEY from the shell
            webhook_secret="",
            base_url=where.base_url,
            max_retries=0,
            default_headers=default_headers(where, os.environ),
            http_client=open_client(self._http, transport=self._transport),
        )

    async def close(self) -> None:
        """Close the HTTP client; closing twice does nothing."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def get(
        self,
        path: str,
        *,
        operation: str,
        query: Mapping[str, str | Sequence[str]] | None = None,
        timeout_s: float | None = None,
    ) -> Received:
        """Read something.

        Args:
            path: Begins with a slash, appended to the base URL; made by `checked_path` where it
                holds ids.
            operation: What is called, e.g. `files.get`.
            query: Parameters; a key such as `metadata[run]` is sent as it is.
            timeout_s: Seconds for all attempts and waits together; None takes the connection's.

        Raises:
            ProviderError: What the provider or the network said.
        """
        request = Request("GET", path, operation, query=query)
        return await self._send(request, repeat="safe", timeout_s=timeout_s)

    async def post(
        self,
        path: str,
        *,
        operation: str,
        repeat: Repeat,
        body: object = None,
        timeout_s: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Received:
        """Send JSON.

        Args:
            path: As for `get`.
            operation: What is called, e.g. `chat.complete`.
            repeat: `safe` for what may be done twice, `if-refused` for what creates something.
            body: What becomes JSON, or bytes that are JSON; None sends no body.
            timeout_s: As for `get`.
            headers: Headers of this request.

        Raises:
            ProviderError: What the provider or the network said; its `accepted` tells whether
                something may have been created.
        """
        content = body if isinstance(body, bytes) or body is None else to_json(body)
        request = Request("POST", path, operation, content=content, headers=headers)
        return await self._send(request, repeat=repeat, timeout_s=timeout_s)

    async def post_content(
        self,
        path: str,
        *,
        operation: str,
        content: Callable[[], AsyncIterator[bytes]],
        headers: Mapping[str, str],
        repeat: Repeat,
        timeout_s: float,
    ) -> Received:
        """Send a body piece by piece.

        Args:
            path: As for `get`.
            operation: What is called, e.g. `files.create`.
            content: Makes the pieces anew for every attempt.
            headers: `Content-Length` of the body, and its `Content-Type`.
            repeat: As for `post`.
            timeout_s: Seconds for all attempts and waits together.

        Raises:
            ProviderError: As for `post`.
        """
        given = dict(headers)
        given[BODY_TYPE_HEADER] = given.pop("Content-Type")
        request = Request("POST", path, operation, content=content, headers=given)
        return await self._send(request, repeat=repeat, timeout_s=timeout_s)

    async def delete(
        self, path: str, *, operation: str, timeout_s: float | None = None
    ) -> Received:
        """Delete something; see `get`."""
        request = Request("DELETE", path, operation)
        return await self._send(request, repeat="safe", timeout_s=timeout_s)

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        *,
        operation: str,
        method: Literal["GET", "POST"] = "POST",
        body: object = None,
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> AsyncGenerator[Incoming, None]:
        """Open an answer of any length; leaving the block drops what has not arrived.

        Args:
            path: As for `get`.
            operation: What is called, e.g. `chat.stream`.
            method: `GET` for the content of a file.
            body: As for `post`.
            timeout_s: Seconds until the headers have come, all attempts and waits included. How
                long the body may take is for the reader to say.

        Raises:
            ProviderError: What the provider or the network said.
        """
        content = None if body is None else to_json(body)
        request = Request(method, path, operation, content=content, headers=_STREAMED)

        async def attempt(_left_s: float) -> HttpResponse:
            return await self._renewed(request, streamed=True)

        response = await self._retrier.run(
            attempt,
            provider=self.provider,
            operation=operation,
            timeout_s=timeout_s,
            repeat="safe",
        )
        try:
            yield Incoming(response, self.provider, operation)
        finally:
            # Also when the reader was cancelled: a connection that stays open is a leak.
            with anyio.move_on_after(CLOSING_S, shield=True):
                await response.aclose()

    def unexpected(self, operation: str, reason: str, received: Received) -> ProviderError:
        """Make the error for a successful answer that does not have the promised shape.

        Args:
            operation: What was called.
            reason: What is wrong, without the content.
            received: The answer.
        """
        return UnexpectedResponseError(
            f"the answer of {self._host} cannot be used: {reason}; is this address really"
            f" the API of {self.provider}?",
            provider=self.provider,
            operation=operation,
            status_code=received.status_code,
            request_id=received.request_id,
        )

    async def _send(self, request: Request, *, repeat: Repeat, timeout_s: float | None) -> Received:
        async def attempt(_left_s: float) -> Received:
            response = await self._renewed(request, streamed=False)
            received = Received(response.content, response.headers, response.status_code)
            return self._require_json(request.operation, received)

        return await self._retrier.run(
            attempt,
            provider=self.provider,
            operation=request.operation,
            timeout_s=self._timeout_s if timeout_s is None else timeout_s,
            repeat=repeat,
        )

    def _require_json(self, operation: str, received: Received) -> Received:
        """Refuse what cannot be JSON while the request can still be repeated.

        Only the ends are looked at: whoever asked validates the whole, once.
        """
        content = received.content.strip()
        if content[:1] not in {b"{", b"["}:
            error = self.unexpected(operation, "it is not JSON", received)
            # An answer that was lost on the way may come; a web page stays one.
            error.should_retry = None if not content else False
            raise error
        if content[-1:] not in {b"}", b"]"}:
            raise self.unexpected(operation, "it ends in the middle", received)
        return received

    async def _renewed(self, request: Request, *, streamed: bool) -> HttpResponse:
        try:
            return await self._exchange(request, streamed=streamed)
        except AuthenticationError:
            # A token may have expired between the check and the call: once more with a new one.
            if self._endpoint.renew is None or not await self._endpoint.renew():
                raise
        return await self._exchange(request, streamed=streamed)

    async def _exchange(self, request: Request, *, streamed: bool) -> HttpResponse:
        try:
            return await send(
                self._opened(), request, await self._authorization(), streamed=streamed
            )
        except openai.APIStatusError as exc:
            error: TailorbirdError = self._refused(exc, request.operation)
        except openai.APIConnectionError as exc:
            # The SDK's error adds nothing to its cause.
            error = self._failed(exc.__cause__ or exc, request.operation)
        except FAILURES as exc:
            error = self._failed(exc, request.operation)
        # Outside of the handlers: the SDK's errors carry request and answer, with key and content.
        raise error

    async def _authorization(self) -> Mapping[str, str | openai.Omit]:
        key = self._endpoint.key
        if key is None:
            return {"Authorization": openai.omit}
        text = key.reveal() if isinstance(key, Secret) else await key()
        return {"Authorization": f"Bearer {text}"}

    def _refused(self, exc: openai.APIStatusError, operation: str) -> ProviderError:
        answer = exc.response
        return refusal_error(
            read_refusal(
                answer.status_code,
                answer.headers,
                answer.content,
                secrets=keys_sent(answer.request.headers),
            ),
            provider=self.provider,
            operation=operation,
            host=self._host,
            now=self.clock.now(),
        )

    def _failed(self, exc: BaseException, operation: str) -> TailorbirdError:
        return failure_of(exc, provider=self.provider, operation=operation, host=self._host)

    def _opened(self) -> AsyncOpenAI:
        if self._client is None:
            message = f"this {self.provider} provider is not open; use it within `async with`"
            raise InvalidInputError(message)
        return self._client


def _require_asyncio() -> None:
    with suppress(RuntimeError):
        asyncio.get_running_loop()
        return
    message = "tailorbird runs on asyncio only, and no event loop of asyncio is running here"
    raise InvalidInputError(message)


_STREAMED = {STREAM_HEADER: "1"}


def checked_path(template: str, **ids: str) -> str:
    """Put ids into a path.

    Args:
        template: Path with names in braces, e.g. `/files/{file}/content`.
        **ids: The ids by the name of what they belong to.

    Raises:
        InvalidInputError: An id could name another path; see `protocols.arguments.check_id`.
    """
    for what, value in ids.items():
        check_id(value, what=what)
    return template.format(**ids)
