"""What an index holds at one moment, ready to be searched."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from tailorbird.retrieval.local.codes import CODED_FROM, distances, encode
from tailorbird.retrieval.local.lexical import LexicalIndex, LexicalPart
from tailorbird.text.memo import Recent
from tailorbird.types.filters import holds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from tailorbird.retrieval.local.segment import Segment
    from tailorbird.retrieval.local.store import SegmentRow
    from tailorbird.types.filters import Filter
    from tailorbird.types.retrieval import Hit

_Item = TypeVar("_Item")
_BLOCK = 4096  # vectors that are made doubles of at once

# Above 64 MB of vectors the memory is the limit, and two threads read it faster than one. They take
# stretches of 16 MB as they come, so that a busy neighbor of one is no reason to wait; OpenBLAS
# gives each of its threads one half, and with a busy neighbor one waits for the other.
_ONE_THREAD = 1 << 24
_STRETCH = 1 << 22

_RECENT = 128  # searches whose hits are kept, a few kilobytes each: arms ask the same question
_FILTERS = 64  # filters whose chunks are kept, a bit for each place: tenants and arms keep theirs

_LINE = 64  # bytes of a cache line
_SHIFT = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A segment in its place."""

    segment: Segment
    """The segment."""
    alive: NDArray[np.bool_] | None
    """Which of its chunks are there; None for all."""
    start: int
    """The place of its first chunk."""


class Content:
    """All chunks of an index, segment by segment; place i means the same chunk everywhere.

    Places of chunks that are gone stay, and are in no list that this gives.
    """

    def __init__(
        self, changes: int, rows: Sequence[SegmentRow], segments: Sequence[Segment]
    ) -> None:
        """Put segments behind each other; nothing of them is read yet."""
        self.changes = changes
        """The state of the index that this is."""
        self.files = {row.file for row in rows}
        """The files that this reads."""
        self.recent: Recent[tuple[str, bytes | None], tuple[Hit, ...]] = Recent(_RECENT)
        """What was found last, by the query and its vector."""
        self._filtered: Recent[str, NDArray[np.uint8]] = Recent(_FILTERS)
        self._starts = np.cumsum([0, *(row.chunks for row in rows)])
        self.places = int(self._starts[-1])
        """How many places there are."""
        starts = map(int, self._starts)
        self._parts = [
            _Part(segment=segment, alive=row.alive, start=start)
            for row, segment, start in zip(rows, segments, starts, strict=False)
        ]
        self.words = LexicalIndex(
            [LexicalPart(source=part.segment, alive=part.alive) for part in self._parts]
        )
        """The terms of titles with texts."""

    @cached_property
    def living(self) -> NDArray[np.intp]:
        """The places of all chunks that are there, increasing."""
        return np.flatnonzero(np.concatenate([_flags(part) for part in self._parts]))

    @property
    def codes_bits(self) -> int:
        """How many bits a code of a vector has; 0 where there are no codes."""
        dimensions = self._parts[0].segment.dimensions
        return -(-dimensions // 64) * 64 if dimensions >= CODED_FROM else 0

    def matching(self, condition: Filter) -> NDArray[np.intp]:
        """Give the places of the chunks for which a filter is true, increasing.

        Raises:
            InvalidInputError: The filter cannot be evaluated.
        """
        # By its text, because `True == 1`.
        asked = repr(condition)
        bits = self._filtered.get(asked)
        if bits is None:
            bits = np.packbits(np.concatenate([_matching(condition, one) for one in self._parts]))
            self._filtered.put(asked, bits)
        return np.flatnonzero(np.unpackbits(bits, count=self.places))

    def all_products(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """Multiply the vectors at all places with one, in single precision."""
        width = max(1, len(vector))
        rows = max(1, _STRETCH // width)
        placed = _placed(vector)
        found = np.empty(self.places, dtype=np.float32)
        left = deque(
            (part, start, min(start + rows, part.segment.chunks))
            for part in self._parts
            for start in range(0, part.segment.chunks, rows)
        )

        def multiply() -> None:
            for part, start, stop in _taken(left):
                out = found[part.start + start : part.start + stop]
                part.segment.products(placed, start, stop, out=out)

        if self.places * width <= _ONE_THREAD:
            multiply()
            return found
        with ThreadPoolExecutor(max_workers=1) as other:
            done = other.submit(multiply)
            multiply()
            done.result()
        return found

    def products(
        self, places: NDArray[np.intp], vector: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Multiply the vectors at some places with one, in single precision."""
        found = np.empty(len(places), dtype=np.float32)
        for part, chosen, local in self._split(places):
            found[chosen] = part.segment.products_of(local, vector)
        return found

    def cosines(self, places: NDArray[np.intp], vector: NDArray[np.float32]) -> NDArray[np.float64]:
        """Compute cosines such that equal vectors get equal ones, wherever they stand."""
        exact = vector.astype(np.float64)
        found = np.empty(len(places), dtype=np.float64)
        for part, chosen, local in self._split(places):
            for first in range(0, len(local), _BLOCK):
                run = slice(first, first + _BLOCK)
                products = part.segment.vectors_of(local[run]) * exact
                found[chosen[run]] = products.sum(axis=1)
        return np.clip(found, -1.0, 1.0)

    def distances(self, vector: NDArray[np.float32]) -> NDArray[np.uint16]:
        """Count in how many bits the codes at all places differ from that of a vector."""
        code = encode(vector[np.newaxis])[:, 0]
        return np.concatenate([distances(part.segment.codes, code) for part in self._parts])

    def located(self, places: NDArray[np.intp]) -> list[tuple[int, int]]:
        """Give for each place the number of the chunk in its table, and its seal."""
        found = np.empty((len(places), 2), dtype=np.int64)
        for part, chosen, local in self._split(places):
            found[chosen, 0] = part.segment.rows[local]
            found[chosen, 1] = part.segment.seals[local]
        return [(row, seal) for row, seal in found.tolist()]

    def _split(
        self, places: NDArray[np.intp]
    ) -> Iterator[tuple[_Part, NDArray[np.intp], NDArray[np.intp]]]:
        """Give for each segment that is met which of the places it has, and where there."""
        owners = np.searchsorted(self._starts, places, side="right") - 1
        # `np.unique` would load `numpy.ma`, which takes longer than opening a whole index.
        for number in map(int, np.flatnonzero(np.bincount(owners))):
            chosen = np.flatnonzero(owners == number)
            part = self._parts[number]
            yield part, chosen, places[chosen] - part.start


def _taken(left: deque[_Item]) -> Iterator[_Item]:
    """Take what is left, one after the other, while another thread may do so too."""
    while True:
        try:
            one = left.popleft()
        except IndexError:
            return
        yield one


def _placed(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Copy a vector to where a cache line does not begin.

    Vectors of a file begin at one. Where the other factor does so too, OpenBLAS takes 38 ms of
    processor time for 100,000 × 1,536 by its kernels for AVX-512, and 27 where it does not; those
    for AVX2 take 24 either way (AMD EPYC 9004, OpenBLAS 0.3.31, 2026-11-22). Where numpy puts an
    array is luck.
    """
    room = np.empty(vector.nbytes + _LINE, dtype=np.uint8)
    start = (_SHIFT - room.ctypes.data) % _LINE
    found = room[start : start + vector.nbytes].view(np.float32)
    found[:] = vector
    return found


def _matching(condition: Filter, part: _Part) -> NDArray[np.bool_]:
    # A filter sees metadata only, so each that occurs is asked once, however many share it.
    table = [holds(condition, one) is True for one in part.segment.metadata]
    return np.array(table, dtype=np.bool_)[part.segment.kinds] & _flags(part)


def _flags(part: _Part) -> NDArray[np.bool_]:
    if part.alive is None:
        return np.ones(part.segment.chunks, dtype=np.bool_)
    return part.alive
