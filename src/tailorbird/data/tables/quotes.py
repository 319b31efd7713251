"""Find the quote that makes a record of a CSV file unreadable."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a record cannot be read."""

    opened: int | None
    """Where the faulty quoted cell opens; None when all quotes are in order."""
    closed: int | None
    """Where it closes, in front of text that must not stand there; None when it never does."""
    end: int
    """Where the record ends; the fault's place when there is one."""
    longest: int
    """Length of the longest cell up to there, in characters."""


def find_fault(text: str, delimiter: str) -> Fault:
    """Walk over the cells of the record at the start of `text` to its end or first fault."""
    plain_end = re.compile(f"[{re.escape(delimiter)}\r\n]")
    at, longest = 0, 0
    while True:
        if text.startswith('"', at):
            closed = _closing(text, at + 1)
            if closed is None or not _ends_cell(text, closed, delimiter):
                return Fault(at, closed, at, longest)
            end = closed + 1
            longest = max(longest, closed - at - 1)
        else:
            found = plain_end.search(text, at)
            end = found.start() if found else len(text)
            longest = max(longest, end - at)
        if text[end : end + 1] != delimiter:
            return Fault(None, None, end, longest)
        at = end + 1


def _closing(text: str, at: int) -> int | None:
    """Give the place of the next quote that is not doubled."""
    while (found := text.find('"', at)) >= 0:
        if text[found + 1 : found + 2] != '"':
            return found
        at = found + 2
    return None


def _ends_cell(text: str, closed: int, delimiter: str) -> bool:
    return text[closed + 1 : closed + 2] in {"", delimiter, "\r", "\n"}
