"""Find rows that stand in a file twice, or in two files."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import FileIO

COMPARED_ROWS = 4_000_000
"""How many rows of a file are compared with each other; eight bytes are kept for each. Our own
bound; 512 MB hold no more than a few millions."""

VERIFIED_ROWS = 10_000
"""How many rows that look alike are read again to make sure."""

_ALL_BITS = (1 << 64) - 1
_FEW_ROWS = 20_000  # below, sorting without numpy is faster than loading it


class RowMarks:
    """Remembers a mark of 64 bits for each line, and where to find the line again."""

    def __init__(self) -> None:
        """Start before the first line."""
        self._marks = array("Q")
        self._blocks: list[tuple[int, int, int]] = []

    def add(self, marks: array[int], *, offset: int, size: int) -> None:
        """Remember the lines of a block: their marks, 0 for lines that are not compared."""
        if len(self._marks) < COMPARED_ROWS:
            self._marks.extend(marks)
            self._blocks.append((len(self._marks), offset, size))

    def repeats(self, file: FileIO) -> Iterator[tuple[int, int]]:
        """Give the lines that are byte for byte the same as an earlier one, with that one.

        Both numbers count from 1. Reads the lines with equal marks again; at most `VERIFIED_ROWS`.

        Raises:
            OSError: The file cannot be read again.
        """
        places = self._alike()[:VERIFIED_ROWS]
        first: dict[bytes, int] = {}
        for place, line in self._lines(file, places):
            digest = hashlib.blake2b(line, digest_size=16).digest()
            before = first.setdefault(digest, place)
            if before != place:
                yield place + 1, before + 1

    def _alike(self) -> list[int]:
        """Give the indices of lines that share their mark with another one."""
        if len(self._marks) < _FEW_ROWS:
            counts = Counter(self._marks)
            return [at for at, mark in enumerate(self._marks) if mark and counts[mark] > 1]
        import numpy as np  # noqa: PLC0415 - 100 ms; small files do without

        marks = np.frombuffer(self._marks, np.uint64)
        ordered = np.sort(marks)
        repeated = ordered[1:][ordered[1:] == ordered[:-1]]
        return np.flatnonzero(np.isin(marks, repeated[repeated > 0])).tolist()

    def _lines(self, file: FileIO, places: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """Read some lines again, a block at a time; places ascend."""
        wanted = iter(places)
        place = next(wanted, None)
        first = 0
        for after, offset, size in self._blocks:
            if place is not None and place < after:
                file.seek(offset)
                lines = file.read(size).split(b"\n")
                while place is not None and place < after:
                    yield place, lines[place - first].removesuffix(b"\r")
                    place = next(wanted, None)
            first = after


def mark_of(line: bytes) -> int:
    """Give the mark of a line that is looked at alone; 0 for a blank one."""
    return hash(line) & _ALL_BITS if line.strip() else 0
