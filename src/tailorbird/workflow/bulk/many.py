"""Ask many things one by one, a few at a time: one failure never loses the others."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from tailorbird.exceptions import (
    AuthenticationError,
    BudgetExceededError,
    ContentFilteredError,
    InvalidInputError,
    NotFoundError,
    OutputInvalidError,
    PermissionDeniedError,
    ProviderError,
    QuotaExhaustedError,
    RefusedError,
    TailorbirdError,
    UnexpectedResponseError,
)
from tailorbird.types.batches import FailureKind, ItemFailure
from tailorbird.workflow.progress import OnProgress, Progress

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")

# One of these means that all the others would fail alike, or must not be paid for.
_HOPELESS = (
    *(AuthenticationError, NotFoundError, PermissionDeniedError),
    *(QuotaExhaustedError, BudgetExceededError),
)
_KINDS: Mapping[type[TailorbirdError], FailureKind] = {
    ContentFilteredError: "filtered",
    RefusedError: "declined",
    OutputInvalidError: "invalid-output",
    UnexpectedResponseError: "unreadable",
}


@dataclass(slots=True, kw_only=True)
class Asking(Generic[Item, Result]):
    """Many things to ask, and what came of them so far."""

    items: Sequence[Item]
    """What to ask."""
    ask: Callable[[Item], Awaitable[Result]]
    """Asks one of them."""
    lost: Callable[[Item, ItemFailure], Result]
    """Makes the result of one that failed."""
    size: Callable[[Item], int]
    """For how many one of them counts in the progress."""
    concurrency: int
    """How many to ask at a time, at least 1."""
    on_progress: OnProgress
    """Called after each of them."""
    _results: dict[int, Result] = field(init=False, default_factory=dict[int, Result])
    _total: int = field(init=False, default=0)
    _done: int = field(init=False, default=0)
    _answered: int = field(init=False, default=0)
    _end: TailorbirdError | None = field(init=False, default=None)

    async def finish(self) -> list[Result]:
        """Ask them all, and give what came of each, in their order.

        A failure after which all others would fail too (key, permission, model, quota, budget)
        ends the asking: what was not asked by then has the failure `not-sent`.

        Raises:
            InvalidInputError: `concurrency` is below 1.
            TailorbirdError: Such a failure came before anything was answered.
        """
        if self.concurrency < 1:
            message = f"concurrency must be at least 1, got {self.concurrency}"
            raise InvalidInputError(message)
        self._total = sum(map(self.size, self.items))
        waiting = iter(enumerate(self.items))
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self.concurrency, len(self.items))):
                    group.create_task(self._work(waiting))
        except ExceptionGroup as exc:
            # A caller asked for one thing and gets one error.
            raise exc.exceptions[0] from exc.exceptions[0].__cause__
        if self._end is not None:
            if not self._answered:
                raise self._end
            self._give_up(self._end)
        return [self._results[place] for place in range(len(self.items))]

    async def _work(self, waiting: Iterator[tuple[int, Item]]) -> None:
        for place, item in waiting:
            if self._end is not None:
                return
            try:
                self._results[place] = await self.ask(item)
                self._answered += 1
            except _HOPELESS as exc:
                self._end = exc
                self._results[place] = self.lost(item, failure_of(exc))
            except TailorbirdError as exc:
                self._results[place] = self.lost(item, failure_of(exc))
            self._done += self.size(item)
            self.on_progress(Progress(step="asking", done=self._done, total=self._total))

    def _give_up(self, reason: TailorbirdError) -> None:
        failure = ItemFailure(kind="not-sent", message=f"not asked after an earlier one: {reason}")
        for place, item in enumerate(self.items):
            if place not in self._results:
                self._results[place] = self.lost(item, failure)


def failure_of(error: TailorbirdError) -> ItemFailure:
    """Say why one of many has no answer."""
    kinds: list[FailureKind] = [kind for one, kind in _KINDS.items() if isinstance(error, one)]
    told = error if isinstance(error, ProviderError) else None
    return ItemFailure(
        kind=kinds[0] if kinds else "refused",
        message=str(error),
        code=None if told is None else told.code,
        status_code=None if told is None else told.status_code,
    )
