"""Time that passes only when somebody waits for it, and then at once."""

from __future__ import annotations

import asyncio
import heapq
import math
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird.exceptions import InvalidInputError
from tailorbird.protocols import Clock

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

START = datetime(2026, 11, 22, tzinfo=UTC)
"""When the time of a virtual clock begins unless another moment is given."""

_QUIET_TURNS = 10
# Turns of the event loop without a new sleeper until time moves on. Tasks that hand a result over
# through a few futures need one turn each; ten have been enough for every call of this package.


@dataclass(order=True, slots=True)
class _Sleeper:
    wake_at: float
    number: int
    woken: asyncio.Future[None] = field(compare=False)


class VirtualClock(Clock):
    """A clock whose `sleep` costs no real time.

    Time stands still while tasks are at work. Once every task of the event loop waits, it jumps to
    the moment of the earliest sleeper and wakes it; sleepers of the same moment wake in the order
    in which they fell asleep. A wait for something outside the loop (a thread, a socket) does not
    count as being at work: put it inside `hold()`.

    It serves one event loop at a time, and any provider.
    """

    def __init__(self, start: datetime = START) -> None:
        """Begin at `start`, an aware moment.

        Raises:
            InvalidInputError: `start` has no time zone.
        """
        if start.tzinfo is None:
            message = f"start must be aware, got {start!r}: add tzinfo=UTC"
            raise InvalidInputError(message)
        self._start = self._now = start.astimezone(UTC)
        self._passed_s = 0.0
        self._sleepers: list[_Sleeper] = []
        self._numbers: Iterator[int] = count()
        self._driven: asyncio.AbstractEventLoop | None = None
        self._scheduled = False
        self._quiet_turns = 0
        self._holds = 0

    @override
    def now(self) -> datetime:
        return self._now

    @override
    def monotonic(self) -> float:
        return self._passed_s

    @override
    async def sleep(self, seconds: float) -> None:
        """Wait until the clock shows `seconds` more; zero or less only lets other tasks run.

        Raises:
            InvalidInputError: `seconds` is not a finite number.
        """
        _require_finite(seconds)
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        sleeper = _Sleeper(self._passed_s + seconds, next(self._numbers), loop.create_future())
        heapq.heappush(self._sleepers, sleeper)
        self._quiet_turns = 0
        self._drive(loop)
        await sleeper.woken

    def advance(self, seconds: float) -> None:
        """Move time on by hand and wake everyone whose moment has come, the earliest first.

        Args:
            seconds: How far, at least 0.

        Raises:
            InvalidInputError: `seconds` is negative or not a finite number.
        """
        _require_finite(seconds)
        if seconds < 0:
            message = f"time cannot go back: advance({seconds!r}) needs at least 0"
            raise InvalidInputError(message)
        self._move_to(self._passed_s + seconds)

    @contextmanager
    def hold(self) -> Generator[None]:
        """Keep time still while something outside the event loop is under way."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            self._quiet_turns = 0
            if self._driven is not None:
                self._schedule(self._driven)

    def _drive(self, loop: asyncio.AbstractEventLoop) -> None:
        # A loop that was closed while tasks slept leaves its name behind; the new one takes over.
        if self._driven is not loop:
            self._driven = loop
            self._scheduled = False
            self._schedule(loop)

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._holds and not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._turn, loop)

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look once a turn of the loop whether everyone waits."""
        if self._driven is not loop:
            return
        self._scheduled = False
        while self._sleepers and self._sleepers[0].woken.done():
            heapq.heappop(self._sleepers)
        if not self._sleepers:
            self._driven = None
            return
        self._quiet_turns += 1
        if self._quiet_turns > _QUIET_TURNS and not self._holds:
            self._move_to(self._sleepers[0].wake_at)
        self._schedule(loop)

    def _move_to(self, moment: float) -> None:
        self._passed_s = max(self._passed_s, moment)
        self._now = self._start + timedelta(seconds=self._passed_s)
        self._quiet_turns = 0
        while self._sleepers and self._sleepers[0].wake_at <= moment:
            sleeper = heapq.heappop(self._sleepers)
            if not sleeper.woken.done():
                sleeper.woken.set_result(None)


def _require_finite(seconds: float) -> None:
    if not math.isfinite(seconds):
        message = f"seconds must be a finite number, got {seconds!r}"
        raise InvalidInputError(message)
