"""HTTP clients of the two plain REST services, opened and closed with the provider."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from tailorbird._http import RestAnswer, RestClient, is_within, open_client
from tailorbird._openai_sdk.answers import Wire
from tailorbird.exceptions import InvalidInputError
from tailorbird.providers.azure.identity import NAME
from tailorbird.retry import Retrier, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tailorbird._http import HttpClient, HttpSettings
    from tailorbird.protocols import Clock
    from tailorbird.providers.azure.identity import Access

A = TypeVar("A", bound=BaseModel)

# Our own bound: an account has some dozens of deployments, a service 200 indexes.
_MOST_PAGES = 1_000


class LinkedPage(Wire):
    """A page of a listing that names the next one, by a word of each service's own."""

    next_link: str | None = None
    """Address of the next page; None or empty on the last one."""


P = TypeVar("P", bound=LinkedPage)


@dataclass(frozen=True, slots=True)
class _Opened:
    http: HttpClient
    client: RestClient
    once: RestClient
    home: tuple[int, object]


class RestDoor:
    """The way to one REST service; it belongs to the event loop in which it was opened."""

    def __init__(
        self,
        access: Access,
        *,
        retrier: Retrier,
        http: HttpSettings,
        transport: object | None = None,
    ) -> None:
        """Make a closed door.

        Args:
            access: Lets requests in.
            retrier: Repeats what may be repeated.
            http: Limits and ways of the requests.
            transport: Takes the place of the network: for tests within one process.
        """
        self._access = access
        self._http = http
        self._transport = transport
        self._opened: _Opened | None = None
        self.retrier = retrier

    @property
    def clock(self) -> Clock:
        """The clock of deadlines and waits."""
        return self.retrier.clock

    @property
    def client(self) -> RestClient:
        """What sends requests.

        Raises:
            InvalidInputError: The provider is not open, or was opened in another loop or process.
        """
        return self._open_here().client

    @property
    def once(self) -> RestClient:
        """What sends a request without ever repeating it, for whoever repeats by itself.

        Raises:
            InvalidInputError: As for `client`.
        """
        return self._open_here().once

    async def open(self) -> None:
        """Open the client; connections are made by the first request."""
        http = open_client(self._http, transport=self._transport)
        never = replace(self.retrier, policy=RetryPolicy(attempts=1))
        self._opened = _Opened(
            http=http,
            client=self._made(http, self.retrier),
            once=self._made(http, never),
            home=_home(),
        )

    async def close(self) -> None:
        """Close the client; closing twice does nothing."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.http.aclose()

    def _made(self, http: HttpClient, retrier: Retrier) -> RestClient:
        return RestClient(
            http,
            runs=retrier,
            provider=NAME,
            authorize=self._access.headers,
            renew=self._access.renew,
        )

    def _open_here(self) -> _Opened:
        if self._opened is None:
            message = f"this {NAME} provider is not open; use it within `async with`"
            raise InvalidInputError(message)
        if self._opened.home != _home():
            message = (
                f"this {NAME} provider was opened in another event loop or process; open one in"
                " each"
            )
            raise InvalidInputError(message)
        return self._opened


def read_rest(model: type[A], answer: RestAnswer, *, client: RestClient, operation: str) -> A:
    """Validate an answer, strictly and once.

    Raises:
        UnexpectedResponseError: It does not have the shape; its content is not repeated.
    """
    try:
        return model.model_validate_json(answer.content)
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"])) or "body"
    raise client.unexpected(operation, f"{place}: {first['msg']}", answer)


async def read_pages(
    model: type[P], first: str, *, door: RestDoor, home: str, operation: str, timeout_s: float
) -> AsyncIterator[P]:
    """Read the pages of a listing, each once.

    Args:
        model: Shape of a page.
        first: Address of the first one.
        door: The way to the service.
        home: Beginning of all addresses of the service: the key or token goes nowhere else.
        operation: What is called.
        timeout_s: Seconds for each page.

    Raises:
        UnexpectedResponseError: A page has another shape, the next one is at another address, or
            the pages run in a circle or have no end.
        ProviderError: Anything else the service said.
    """
    seen = {first}
    url: str | None = first
    while url:
        answer = await door.client.send(
            "GET", url, operation=operation, repeat="safe", timeout_s=timeout_s
        )
        page = read_rest(model, answer, client=door.client, operation=operation)
        url = page.next_link
        fault = _fault_of(url, seen, home) if url else None
        if fault is not None:
            # Said before the page is given: of a circle it was given already.
            raise door.client.unexpected(operation, fault, answer)
        yield page


def _fault_of(url: str, seen: set[str], home: str) -> str | None:
    if not is_within(url, home):
        return "its next page is at another address"
    if url in seen:
        return "its pages run in a circle"
    seen.add(url)
    return f"it has more than {_MOST_PAGES:,} pages" if len(seen) > _MOST_PAGES else None


def _home() -> tuple[int, object]:
    return os.getpid(), asyncio.get_running_loop()
