"""Listings that come in pages: each page follows the last item of the one before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from tailorbird._openai_sdk.answers import Id, Page, Wire, read

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tailorbird._openai_sdk.connection import Connection

MOST_PAGES = 10_000
"""Pages of one listing that are read: our own bound, a million jobs at 100 a page. A listing that
is longer is one that never ends."""

_SHOWN = 100  # characters of a cursor in a message


class Listed(Wire):
    """An item of a listing: it has at least an id."""

    id: Id
    """The provider's id."""


ListedT = TypeVar("ListedT", bound=Listed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[ListedT]):
    """What is listed, and how it is asked for."""

    path: str
    """Path below the base URL."""
    operation: str
    """For the message of an error."""
    page: type[Page[ListedT]]
    """Shape of a page."""
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    """Parameters of every page."""
    most_pages: int = MOST_PAGES
    """Pages that are read at most."""

    async def items(
        self, connection: Connection, *, timeout_s: float | None = None
    ) -> AsyncIterator[ListedT]:
        """Give all items in the provider's order, asking for a page when it is needed.

        Args:
            connection: Who asks.
            timeout_s: Seconds for each page; None takes the connection's.

        Raises:
            UnexpectedResponseError: An answer has another shape, or the pages run in a circle.
            ProviderError: Anything else the provider said.
        """
        query = dict(self.query)
        seen: set[str] = set()
        while True:
            received = await connection.get(
                self.path, operation=self.operation, query=query, timeout_s=timeout_s
            )
            page = read(self.page, received, connection=connection, operation=self.operation)
            cursor = _next(page)
            if cursor in seen:
                # Said before the page is given: it is most likely one that was given already.
                reason = f"its pages run in a circle: {cursor[:_SHOWN]!r} ends a second one"
                raise connection.unexpected(self.operation, reason, received)
            for item in page.data:
                yield item
            if cursor is None:
                return
            seen.add(cursor)
            if len(seen) >= self.most_pages:
                reason = f"it has more than {self.most_pages} pages"
                raise connection.unexpected(self.operation, reason, received)
            query["after"] = cursor


def _next(page: Page[ListedT]) -> str | None:
    """Give where the next page begins; None when this is the last."""
    if not page.has_more or not page.data:
        return None
    return page.last_id or page.data[-1].id
