"""The calls of Azure AI Search that an index needs, in terms of records."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tailorbird.exceptions import (
    ConflictError,
    DeadlineError,
    IndexMissingError,
    InvalidRequestError,
    NotFoundError,
    ProviderError,
    ServiceUnavailableError,
    UnexpectedResponseError,
)
from tailorbird.providers.azure.doors import read_pages, read_rest
from tailorbird.providers.azure.identity import NAME
from tailorbird.providers.azure.search_index import IndexAnswer, IndexPage, service_name
from tailorbird.providers.azure.search_rows import RowPage, WriteAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence

    from tailorbird._http import RestAnswer
    from tailorbird.protocols import Clock
    from tailorbird.providers.azure.doors import RestDoor
    from tailorbird.providers.azure.search_rows import Action, Row, WriteResult
    from tailorbird.types.ids import IndexName

MOST_ACTIONS = 512
"""Records in one request: where the SDK's own sender starts (azure-search-documents 12.0.0). The
service takes 1,000."""

MOST_BYTES = 15_000_000
"""Bytes in one request, below the limit of 16 MB (Service limits in Azure AI Search,
learn.microsoft.com, 2025-11-20)."""

PAGE = 1_000
"""Records in one answer: the service gives no more (Documents - Search Post, learn.microsoft.com,
read 2026-11-22)."""

_PASSING = frozenset({409, 422, 429, 503})
# Statuses of single records that pass: a version conflict, an index that is busy, throttled.
# Source: Documents - Index, response codes, learn.microsoft.com, read 2026-11-22.
_NAMED = 5
_FIRST_LOOK_S = 0.2
_LONGEST_LOOK_S = 2.0
_GROWTH = 1.5


class SearchService:
    """One Azure AI Search service."""

    def __init__(
        self,
        door: RestDoor,
        *,
        endpoint: str,
        api_version: str,
        timeout_s: float,
        visible_s: float,
    ) -> None:
        """Share the way to the service.

        Args:
            door: The way.
            endpoint: Its address without a slash at the end.
            api_version: Version of its API.
            timeout_s: Seconds for a call, repeats and waits included.
            visible_s: Seconds until what was written must be seen.
        """
        self._door = door
        self._endpoint = endpoint
        self._version = f"api-version={api_version}"
        self._timeout_s = timeout_s
        self._visible_s = visible_s

    @property
    def clock(self) -> Clock:
        """The clock of deadlines and waits."""
        return self._door.clock

    async def get(self, name: IndexName) -> IndexAnswer | None:
        """Give an index; None when there is none."""
        operation = "retrieval.get"
        try:
            answer = await self._door.client.send(
                "GET",
                self._url(name),
                operation=operation,
                repeat="safe",
                timeout_s=self._timeout_s,
            )
        except NotFoundError:
            return None
        return read_rest(IndexAnswer, answer, client=self._door.client, operation=operation)

    async def create(self, name: IndexName, definition: Mapping[str, object]) -> bool:
        """Make an index unless there is one of that name; false says that there is."""
        try:
            await self._door.client.send(
                "PUT",
                self._url(name),
                operation="retrieval.create",
                repeat="safe",
                timeout_s=self._timeout_s,
                body=definition,
                headers={"If-None-Match": "*"},
            )
        except (ConflictError, InvalidRequestError) as exc:
            if exc.status_code not in {409, 412}:
                raise
            return False
        return True

    async def delete(self, name: IndexName) -> None:
        """Delete an index; one that is gone already is fine."""
        try:
            await self._door.client.send(
                "DELETE",
                self._url(name),
                operation="retrieval.delete",
                repeat="safe",
                timeout_s=self._timeout_s,
            )
        except NotFoundError:
            return

    async def indexes(self) -> AsyncIterator[IndexAnswer]:
        """Give all indexes, also those of others."""
        pages = read_pages(
            IndexPage,
            f"{self._endpoint}/indexes?{self._version}&$select=name,description",
            door=self._door,
            home=self._endpoint,
            operation="retrieval.list",
            timeout_s=self._timeout_s,
        )
        async for page in pages:
            for one in page.value:
                yield one

    async def query(
        self, name: IndexName, body: Mapping[str, object], *, operation: str
    ) -> RowPage:
        """Look for records.

        Raises:
            IndexMissingError: There is no index of that name.
        """
        try:
            answer = await self._door.client.send(
                "POST",
                self._url(name, "/docs/search"),
                operation=operation,
                repeat="safe",
                timeout_s=self._timeout_s,
                body=body,
            )
        except NotFoundError as exc:
            raise missing(name) from exc
        return read_rest(RowPage, answer, client=self._door.client, operation=operation)

    async def rows(
        self, name: IndexName, condition: str, *, select: str, operation: str
    ) -> tuple[Row, ...]:
        """Give the records for which a condition holds, at most `PAGE`."""
        body = {"filter": condition, "select": select, "top": PAGE}
        return tuple((await self.query(name, body, operation=operation)).value)

    async def count(self, name: IndexName, condition: str, *, operation: str) -> int:
        """Count the records for which a condition holds.

        Raises:
            UnexpectedResponseError: The service does not say.
        """
        body = {"filter": condition, "select": "id", "top": 0, "count": True}
        page = await self.query(name, body, operation=operation)
        if page.count is None:
            raise UnexpectedResponseError(
                "the answer to a count holds no count; is `search.endpoint` really"
                " Azure AI Search?",
                provider=NAME,
                operation=operation,
                accepted="yes",
            )
        return page.count

    async def write(self, name: IndexName, actions: Sequence[Action], *, operation: str) -> None:
        """Write or delete records, in as many requests as it takes.

        Raises:
            IndexMissingError: There is no index of that name.
            InvalidRequestError: The service refused some; the message names their documents. The
                others were taken.
        """
        for batch in batches(actions):
            await self._write(name, batch, operation=operation)

    async def until(
        self, looks_right: Callable[[], Awaitable[bool]], *, what: str, operation: str
    ) -> None:
        """Look until what was written is seen by searches.

        Raises:
            DeadlineError: It is not within the time.
        """
        end = self.clock.monotonic() + self._visible_s
        wait = _FIRST_LOOK_S
        while not await looks_right():
            if self.clock.monotonic() + wait > end:
                raise DeadlineError(
                    f"{what} was taken by the service and is not seen by searches after"
                    f" {self._visible_s:g} s; do it again later, which is safe, or raise"
                    " `search.visible_s`",
                    provider=NAME,
                    operation=operation,
                    accepted="yes",
                )
            await self.clock.sleep(wait)
            wait = min(wait * _GROWTH, _LONGEST_LOOK_S)

    async def _write(self, name: IndexName, batch: Sequence[Action], *, operation: str) -> None:
        left = {action.key: action for action in batch}

        async def attempt(left_s: float) -> None:
            answer = await self._sent(name, tuple(left.values()), operation, left_s)
            results = read_rest(
                WriteAnswer, answer, client=self._door.once, operation=operation
            ).value
            refused = [one for one in results if not one.status]
            for one in results:
                if one.status:
                    left.pop(one.key, None)
            lasting = [one for one in refused if one.status_code not in _PASSING]
            if lasting:
                raise _refused(lasting, left, name, operation)
            if left:
                raise ServiceUnavailableError(
                    f"index {name!r} did not take {len(left)} of {len(batch)} record(s) yet",
                    provider=NAME,
                    operation=operation,
                    status_code=answer.status_code,
                    request_id=answer.request_id,
                )

        # Records that were taken are not sent again; writing one twice would change nothing.
        await self._door.retrier.run(
            attempt,
            provider=NAME,
            operation=operation,
            timeout_s=self._timeout_s,
            repeat="safe",
        )

    async def _sent(
        self, name: IndexName, actions: Sequence[Action], operation: str, left_s: float
    ) -> RestAnswer:
        # Joining some megabytes would hold up the event loop.
        body = await asyncio.to_thread(_joined, actions)
        try:
            return await self._door.once.send(
                "POST",
                self._url(name, "/docs/index"),
                operation=operation,
                repeat="safe",
                timeout_s=left_s,
                body=body,
            )
        except NotFoundError as exc:
            raise missing(name) from exc

    def _url(self, name: IndexName, rest: str = "") -> str:
        return f"{self._endpoint}/indexes/{service_name(name)}{rest}?{self._version}"


def missing(name: IndexName) -> IndexMissingError:
    """Make the error for an index that is not there."""
    return IndexMissingError(f"there is no index {name!r} in this search service: build it first")


def batches(
    actions: Sequence[Action], *, most_actions: int = MOST_ACTIONS, most_bytes: int = MOST_BYTES
) -> Iterator[Sequence[Action]]:
    """Cut records into requests within the limits; one that is larger goes alone."""
    batch: list[Action] = []
    size = 0
    for action in actions:
        length = len(action.body) + 1
        if batch and (len(batch) == most_actions or size + length > most_bytes):
            yield batch
            batch, size = [], 0
        batch.append(action)
        size += length
    if batch:
        yield batch


def _joined(actions: Sequence[Action]) -> bytes:
    return b'{"value":[' + b",".join(action.body for action in actions) + b"]}"


def _refused(
    refused: Sequence[WriteResult],
    left: Mapping[str, Action],
    name: IndexName,
    operation: str,
) -> ProviderError:
    documents = dict.fromkeys(left[one.key].document for one in refused if one.key in left)
    shown = ", ".join(repr(one) for one in list(documents)[:_NAMED])
    more = f" and {len(documents) - _NAMED} more" if len(documents) > _NAMED else ""
    statuses = ", ".join(sorted({str(one.status_code) for one in refused}))
    return InvalidRequestError(
        f"index {name!r} refused {len(refused)} record(s) of the document(s) {shown}{more}"
        f" (status {statuses}); the others were taken. Check their size and texts, then add the"
        " documents again",
        provider=NAME,
        operation=operation,
        status_code=207,
        accepted="yes",
    )
