"""How far a long step has come, for whoever wants to show it."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import Field

from tailorbird.types.base import Frozen


class Progress(Frozen):
    """One report of a long step."""

    step: str
    """What is being done, e.g. `asking` or `embedding`."""
    done: int = Field(ge=0)
    """How much is done."""
    total: int | None = Field(default=None, ge=0)
    """How much there is in all; None when that is not known."""
    detail: str = ""
    """What exactly, e.g. the name of an arm or the status of a job."""


OnProgress = Callable[[Progress], None]
"""Called from the event loop whenever something was done; it must return quickly."""


def silent(progress: Progress) -> None:
    """Show nothing: the default wherever a step reports its progress."""
    del progress
