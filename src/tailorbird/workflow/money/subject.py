"""What money is spent for at the moment: the index, the comparison or the run that asks."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

# Not state of the module: each task has its own value, and tasks that it starts inherit that.
_SUBJECT: ContextVar[str] = ContextVar("tailorbird_subject", default="")


def current_subject() -> str:
    """Give the name of what is paid for now; empty for a call of its own."""
    return _SUBJECT.get()


@contextmanager
def spending_on(subject: str) -> Generator[None]:
    """Let everything in the block be written down as spent for a subject.

    The outer one counts: what a comparison embeds is spent for the comparison.
    """
    if _SUBJECT.get():
        yield
        return
    token = _SUBJECT.set(subject)
    try:
        yield
    finally:
        _SUBJECT.reset(token)
