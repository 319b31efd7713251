"""Align text whose characters are one or two cells wide."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

# East Asian wide and full width characters take two cells. Ambiguous ones (`…`, `①`) take one, as
# most terminals show them. Source: Unicode Standard Annex #11, https://www.unicode.org/reports/tr11/
# (revision 44, read 2026-11).
_WIDE = frozenset("WF")
_NO_WIDTH = frozenset({"Mn", "Me", "Cf"})


def display_width(text: str) -> int:
    """Count the terminal cells that a line takes: 2 for Japanese, 0 for combining marks."""
    if text.isascii():
        return len(text)
    return sum(_cells(char) for char in text)


def align(rows: Sequence[Sequence[str]], *, right: Collection[int] = ()) -> list[str]:
    """Lay rows out as lines whose columns stand under each other.

    Args:
        rows: Rows of the same length.
        right: Numbers of the columns, from 0, that are aligned at the right.
    """
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            _pad(cell, width, right=number in right)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _pad(cell: str, width: int, *, right: bool) -> str:
    space = " " * (width - display_width(cell))
    return space + cell if right else cell + space


def _cells(char: str) -> int:
    if unicodedata.category(char) in _NO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(char) in _WIDE else 1
