"""Find questions and ids that come more than once, in bounded memory."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PART = 250_000  # hashes compared at a time: about 20 MB while it lasts


@dataclass(frozen=True, slots=True)
class Repeat:
    """A row that repeats an earlier one."""

    first: int
    """Place (line or record) of the earliest row with the same key."""
    place: int
    """Place of this row."""
    same: bool
    """Whether the values are the same too."""


class Repeats:
    """Remembers a 64-bit hash of each key and value instead of the texts.

    The probability that two different texts share a hash is n² / 2⁶⁵: 1 in ten million for two
    million rows.
    """

    def __init__(self, limit: int) -> None:
        """Start empty; at most `limit` rows are remembered, 24 bytes for each."""
        self._limit = limit
        self._keys = array("q")
        self._values = array("q")
        self._places = array("q")

    def add(self, keys: Sequence[str], values: Sequence[str], places: Sequence[int]) -> None:
        """Remember rows, up to the limit; the three sequences have the same length."""
        room = self._limit - len(self._keys)
        if room < len(keys):
            keys, values, places = keys[:room], values[:room], places[:room]
        self._keys.extend(map(hash, keys))
        self._values.extend(map(hash, values))
        self._places.extend(places)

    def found(self) -> Iterator[Repeat]:
        """Give every row whose key came before, in order."""
        repeated = self._repeated()
        if not repeated:
            return
        first: dict[int, int] = {}
        for at, key in enumerate(self._keys):
            if key in repeated:
                begin = first.setdefault(key, at)
                if begin != at:
                    same = self._values[begin] == self._values[at]
                    yield Repeat(self._places[begin], self._places[at], same)

    def _repeated(self) -> set[int]:
        parts = 1 + len(self._keys) // _PART
        repeated: set[int] = set()
        for part in range(parts):
            some = (
                [key for key in self._keys if key % parts == part]
                if parts > 1
                else self._keys.tolist()
            )
            if len(set(some)) < len(some):
                repeated.update(key for key, count in Counter(some).items() if count > 1)
        return repeated
