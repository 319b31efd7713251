"""Look again and again for what may have been made although nobody said so."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tailorbird.protocols import Clock

T = TypeVar("T")

SETTLE_S = 60.0
"""Seconds to look: nobody documents how long a listing lags behind a creation (reliability notes,
open points, 2026-11-22)."""

_FIRST_S = 1.0
_GROWTH = 2.0


async def settle(look: Callable[[], Awaitable[T]], *, clock: Clock, limit_s: float = SETTLE_S) -> T:
    """Look with growing pauses until something is found, or the time is over.

    Args:
        look: Gives what it finds; something empty or None goes on.
        clock: What pauses go by.
        limit_s: Seconds to look, at least 0; 0 looks once.

    Returns:
        What the last look gave.
    """
    passed, pause = 0.0, _FIRST_S
    while True:
        found = await look()
        if found or passed >= limit_s:
            return found
        pause = min(pause, limit_s - passed)
        await clock.sleep(pause)
        passed += pause
        pause *= _GROWTH
