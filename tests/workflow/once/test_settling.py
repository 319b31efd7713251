"""What may have been made is looked for with growing pauses."""

from __future__ import annotations

import pytest

from tailorbird.providers.fake import VirtualClock
from tailorbird.workflow.once.settling import settle


@pytest.mark.parametrize(
    ("limit_s", "found_at", "looks_at", "expected"),
    [
        (60.0, None, [0, 1, 3, 7, 15, 31, 60], ""),
        (60.0, 3, [0, 1, 3], "found"),
        (0.0, None, [0], ""),
        (0.0, 0, [0], "found"),
    ],
)
async def test_looks_grow_apart_up_to_the_limit(
    limit_s: float, found_at: float | None, looks_at: list[float], expected: str
) -> None:
    """The last look is at the limit, and none comes after something was found."""
    clock = VirtualClock()
    looks: list[float] = []

    async def look() -> str:
        looks.append(clock.monotonic())
        return "found" if found_at is not None and clock.monotonic() >= found_at else ""

    assert await settle(look, clock=clock, limit_s=limit_s) == expected
    assert looks == looks_at
