"""How a comparison is asked."""

from __future__ import annotations

from pydantic import Field

from tailorbird.types.base import Settings


class StopEarly(Settings):
    """Asking in blocks, with a look at the answers after each of them."""

    block: int | None = Field(default=None, ge=1)
    """Questions that every arm is asked between two looks, at least 1; None takes a twentieth of
    them, 20 at least."""
    seed: int = 7
    """Draws the order of the questions: by lot, with the kinds mixed evenly."""


def chosen_stop(wanted: StopEarly | bool) -> StopEarly | None:  # noqa: FBT001 - it is what is wanted
    """Give how to stop early; None for not at all."""
    if isinstance(wanted, StopEarly):
        return wanted
    return StopEarly() if wanted else None
