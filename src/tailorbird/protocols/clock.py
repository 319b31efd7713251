"""Time, passed in so that nobody has to wait in a test."""

from __future__ import annotations

import time
from abc import abstractmethod
from datetime import UTC, date, datetime
from typing import Protocol

from typing_extensions import override


class Clock(Protocol):
    """Tells the time and waits."""

    @abstractmethod
    def now(self) -> datetime:
        """Give the time of day; aware, UTC. It may jump when the machine's clock is set."""
        ...

    @abstractmethod
    def monotonic(self) -> float:
        """Give seconds since some fixed moment; never goes back. For deadlines and durations."""
        ...

    @abstractmethod
    async def sleep(self, seconds: float) -> None:
        """Wait. Zero or less only lets other tasks run."""
        ...

    def today(self) -> date:
        """Give the day of `now()`, UTC; capabilities and shutdown dates are compared with it."""
        return self.now().date()


class SystemClock(Clock):
    """The machine's own clock."""

    @override
    def now(self) -> datetime:
        return datetime.now(UTC)

    @override
    def monotonic(self) -> float:
        return time.monotonic()

    @override
    async def sleep(self, seconds: float) -> None:
        # asyncio costs 20 ms that `import tailorbird` does not pay.
        import asyncio  # noqa: PLC0415

        await asyncio.sleep(max(0.0, seconds))
