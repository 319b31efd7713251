"""How a comparison is asked."""

from __future__ import annotations

from pydantic import Field

from tailorbird.exceptions import InvalidInputError
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


def check_asking(
    *, bulk: bool, stream: bool = False, stop_early: bool = False, decides: bool = False
) -> None:
    """Do nothing for ways of asking that go together.

    Args:
        bulk: Whether batches answer.
        stream: Whether answers are streamed.
        stop_early: Whether asking may stop early.
        decides: Whether a judge says what is right.

    Raises:
        InvalidInputError: Two of them do not.
    """
    if bulk and stream:
        message = "a batch cannot be streamed: leave out bulk or stream"
        raise InvalidInputError(message)
    if bulk and stop_early:
        message = (
            "a comparison that may stop early asks block by block, and each block of batches"
            " may take a day: leave out bulk or stop_early"
        )
        raise InvalidInputError(message)
    if decides and stop_early:
        message = (
            "the judge decides what is right when all answers are there, and stopping early has"
            " to know it before: leave out decides=True or stop_early"
        )
        raise InvalidInputError(message)
