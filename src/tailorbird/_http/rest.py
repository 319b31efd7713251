"""Plain REST calls, for the APIs that no SDK of ours speaks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from pydantic_core import from_json, to_json

from tailorbird._http.addresses import host_of
from tailorbird._http.failures import FAILURES, failure_of
from tailorbird._http.refusals import keys_sent, read_refusal, refusal_error, request_id_of
from tailorbird.exceptions import (
    AuthenticationError,
    InvalidInputError,
    TailorbirdError,
    UnexpectedResponseError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from tailorbird._http.client import HttpClient, HttpResponse
    from tailorbird.exceptions import ProviderError
    from tailorbird.protocols import Clock

T = TypeVar("T")

_SENDABLE = re.compile(r"[ -~]+")


class Runs(Protocol):
    """What repeats calls; `tailorbird.retry.Retrier` is the one."""

    @property
    def clock(self) -> Clock:
        """The clock of deadlines and waits."""
        ...

    async def run(
        self,
        call: Callable[[float], Awaitable[T]],
        *,
        provider: str,
        operation: str,
        timeout_s: float,
        repeat: Literal["safe", "if-refused"],
    ) -> T:
        """Run a call until it succeeds, fails for good, or the time is over."""
        ...


@dataclass(frozen=True, slots=True)
class RestAnswer:
    """A complete successful answer: JSON, or nothing."""

    status_code: int
    """HTTP status, 200..299."""
    headers: Mapping[str, str]
    """The headers; names are found in any case."""
    content: bytes
    """The body, valid JSON in UTF-8; empty where there is none."""

    @property
    def request_id(self) -> str | None:
        """The provider's id of the request; None when it sent none."""
        return request_id_of(self.headers)


class RestClient:
    """Sends requests with JSON bodies, repeats what may be repeated, raises typed errors."""

    def __init__(
        self,
        http: HttpClient,
        *,
        runs: Runs,
        provider: str,
        authorize: Callable[[], Awaitable[Mapping[str, str]]] | None = None,
        renew: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        """Make a client; nothing is sent.

        Args:
            http: Made by `open_client`; whoever opened it closes it.
            runs: Repeats what may be repeated; usually a `Retrier`.
            provider: Name of the provider, for messages.
            authorize: Gives the headers that authorize a request; asked before every attempt. None
                sends none.
            renew: Called once when a request is refused as unauthorized; true says that what
                `authorize` gives next is new.
        """
        self._http = http
        self._runs = runs
        self._provider = provider
        self._authorize = authorize
        self._renew = renew

    async def send(  # noqa: PLR0913 - a request has that many facts
        self,
        method: Literal["GET", "PUT", "POST", "PATCH", "DELETE"],
        url: str,
        *,
        operation: str,
        repeat: Literal["safe", "if-refused"],
        timeout_s: float,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> RestAnswer:
        """Send a request and give its answer.

        Args:
            method: The HTTP method.
            url: The whole address, its parts quoted.
            operation: What is called, e.g. `deployments.create`, for messages.
            repeat: `safe` for what may be done twice, `if-refused` for what creates something.
            timeout_s: Seconds for all attempts and waits together, above 0.
            body: What becomes JSON, or bytes that are JSON; None sends no body.
            headers: Headers of this request.

        Raises:
            InvalidInputError: A header holds characters that HTTP does not allow, or the client
                belongs to another event loop or process.
            ProviderError: What the provider or the network said; its `accepted` tells whether the
                request may have been carried out.
        """
        content = body if isinstance(body, bytes) or body is None else to_json(body)
        sent = {} if content is None else {"content-type": "application/json"}
        sent |= headers or {}

        async def attempt(_left_s: float) -> RestAnswer:
            try:
                return await self._exchange(method, url, content, sent, operation)
            except AuthenticationError:
                # A token may have run out between the check and the call: once more with a new one.
                if self._renew is None or not await self._renew():
                    raise
            return await self._exchange(method, url, content, sent, operation)

        return await self._runs.run(
            attempt,
            provider=self._provider,
            operation=operation,
            timeout_s=timeout_s,
            repeat=repeat,
        )

    def unexpected(self, operation: str, reason: str, answer: RestAnswer) -> ProviderError:
        """Make the error for a successful answer that does not have the promised shape.

        Args:
            operation: What was called.
            reason: What is wrong, without the content.
            answer: The answer.
        """
        return UnexpectedResponseError(
            f"the answer cannot be used: {reason}; is this address really the API of"
            f" {self._provider}?",
            provider=self._provider,
            operation=operation,
            status_code=answer.status_code,
            request_id=answer.request_id,
        )

    async def _exchange(
        self,
        method: str,
        url: str,
        content: bytes | None,
        headers: Mapping[str, str],
        operation: str,
    ) -> RestAnswer:
        response = await self._sent(method, url, content, headers, operation)
        if isinstance(response, TailorbirdError):
            raise response
        if response.is_success:
            answer = RestAnswer(response.status_code, response.headers, response.content)
            if not _is_json(answer.content):
                raise self.unexpected(operation, "it is not JSON", answer)
            return answer
        raise refusal_error(
            read_refusal(
                response.status_code,
                response.headers,
                response.content,
                secrets=keys_sent(response.request.headers),
            ),
            provider=self._provider,
            operation=operation,
            host=response.url.host,
            now=self._runs.clock.now(),
        )

    async def _sent(
        self,
        method: str,
        url: str,
        content: bytes | None,
        headers: Mapping[str, str],
        operation: str,
    ) -> HttpResponse | TailorbirdError:
        """Send once, and give the error instead of raising it: no frame of it holds the key."""
        sent = dict(headers)
        if self._authorize is not None:
            sent.update(await self._authorize())
        for name, value in sent.items():
            if not _SENDABLE.fullmatch(value):
                message = f"the header {name!r} is empty, or holds what HTTP does not allow"
                return InvalidInputError(message)
        try:
            return await self._http.request(method, url, content=content, headers=sent)
        except (*FAILURES, TailorbirdError) as exc:
            return failure_of(exc, provider=self._provider, operation=operation, host=host_of(url))


def _is_json(content: bytes) -> bool:
    # Looked at within the attempt, so that a torn answer to a harmless call is asked for again.
    try:
        from_json(content or b"null")
    except ValueError:
        return False
    return True
