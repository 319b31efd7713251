"""Headers that tell the limits of calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tailorbird.testing._wire.world import World

_REQUESTS, _TOKENS = 10_000, 2_000_000  # our choice: nothing here is ever used up


def rate_headers(world: World) -> dict[str, str]:
    """Give the headers; resets are durations at OpenAI and plain seconds on Azure."""
    soon, sooner = ("6ms", "0s") if world.dialect.durations else ("1", "0")
    return {
        "x-ratelimit-limit-requests": f"{_REQUESTS}",
        "x-ratelimit-limit-tokens": f"{_TOKENS}",
        "x-ratelimit-remaining-requests": f"{_REQUESTS - 1}",
        "x-ratelimit-remaining-tokens": f"{_TOKENS - 1}",
        "x-ratelimit-reset-requests": soon,
        "x-ratelimit-reset-tokens": sooner,
    }
