"""Limits the waits of one stream with a single timer, whatever the number of its pieces."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Watch:
    """Ends a wait that takes too long.

    Only time spent waiting counts, never the caller's own: a timer that fires while nobody waits
    does nothing. Setting two numbers a wait is what this costs; a timeout object for each wait
    would cost as much as reading a piece.
    """

    def __init__(self, *, first_s: float, between_s: float, total_s: float) -> None:
        """Start the clock.

        Args:
            first_s: Seconds until the first event.
            between_s: Seconds from one event to the next.
            total_s: Seconds for everything, the caller's own time included.
        """
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._between_s = between_s
        self._end = now + total_s
        self._due = min(now + first_s, self._end)
        self._task: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._expired = False

    @property
    def is_over(self) -> bool:
        """Whether the time for everything has passed."""
        return self._loop.time() >= self._end

    def restart(self) -> None:
        """Take note that an event has come: the wait for the next one begins now."""
        self._due = min(self._loop.time() + self._between_s, self._end)
        # A timer that fires too early moves itself on; only one that is too late is made anew.
        if self._timer is not None and self._due < self._timer.when():
            self._timer.cancel()
            self._timer = None

    def stop(self) -> None:
        """Let go of the timer."""
        if self._timer is not None:
            self._timer.cancel()

    async def next(self, pieces: AsyncIterator[bytes]) -> bytes | None:
        """Wait for a piece; None at the end.

        Raises:
            TimeoutError: The wait took too long.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine of asyncio runs in a task
        cancelled_before = task.cancelling()
        if self._timer is None:
            self._timer = self._loop.call_at(self._due, self._check)
        self._task = task
        try:
            return await anext(pieces, None)
        except asyncio.CancelledError as exc:
            # Somebody else may have cancelled the task at the same moment; that goes on.
            if not self._expired or task.uncancel() > cancelled_before:
                raise
            raise TimeoutError from exc
        finally:
            self._task = None

    def _check(self) -> None:
        self._timer = None
        if self._task is None:
            return
        if self._loop.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._check)
            return
        self._expired = True
        self._task.cancel()
