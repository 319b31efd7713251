"""One bit for each dimension of a vector: a 32nd of the room, compared at ten times the speed.

A vector is turned by a fixed rotation that looks random to it, and of each coordinate the sign is
kept. Two vectors with the angle θ between them then differ in about D·θ/π of D bits, with a
deviation of at most √(D·p·(1 - p)), p = θ/π, as for D random planes (M. Charikar: Similarity
Estimation Techniques from Rounding Algorithms, STOC 2002), whatever the vectors are made of:
without the rotation, vectors with many zeros or a few large coordinates would lose most of it.

So codes can say which vectors *may* be among the nearest, with a doubt that is known; the exact
cosine decides among those. See `tailorbird.retrieval.local.nearest`.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CODED_FROM = 128
"""The least dimensions for which codes are kept: shorter vectors are compared fast as they are."""

_WORD = 64
_ROUNDS = 2
_ROWS = 128  # turned together, few enough to stay in the processor's own cache
_RUN = 1 << 14  # codes compared together, for the same reason


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rotation:
    """A fixed orthogonal matrix, kept as factors so that turning takes little."""

    signs: tuple[NDArray[np.float32], ...]
    """For each round D signs."""
    outer: NDArray[np.float32]
    """D / 64 × D / 64, orthogonal."""
    inner: NDArray[np.float32]
    """64 × 64, orthogonal."""

    def turned(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn n × d vectors into n × D."""
        parts = len(self.outer)
        found = np.zeros((len(vectors), parts * _WORD), dtype=np.float32)
        found[:, : vectors.shape[1]] = vectors
        for signs in self.signs:
            found *= signs
            # A stack of small products stays in this thread, where OpenBLAS spreads a large one
            # over all processors (processor time of other threads, numpy 2.4, 2026-11-22).
            inner: NDArray[np.float32] = found.reshape(-1, parts, _WORD) @ self.inner
            # The axes stay exchanged, so that the next round mixes others.
            outer: NDArray[np.float32] = inner.transpose(0, 2, 1) @ self.outer
            found = outer.reshape(len(vectors), -1)
        return found


@lru_cache(maxsize=4)
def _rotation(dimensions: int) -> _Rotation:
    """Make the rotation of a width; the same on every machine and with every version."""
    parts = -(-dimensions // _WORD)
    width = parts * _WORD
    signs: list[NDArray[np.float32]] = []
    for number in range(_ROUNDS):
        bits = hashlib.shake_256(f"tailorbird codes {number}".encode()).digest(width // 8)
        drawn = np.unpackbits(np.frombuffer(bits, dtype=np.uint8))
        signs.append((drawn * 2.0 - 1.0).astype(np.float32))
    return _Rotation(signs=tuple(signs), outer=_cosines(parts), inner=_cosines(_WORD))


def _cosines(size: int) -> NDArray[np.float32]:
    """Give the matrix of the discrete cosine transform, which is orthogonal for every size."""
    column, row = np.arange(size)[:, np.newaxis], np.arange(size)
    matrix = np.cos(math.pi * (column + 0.5) * row / size) * math.sqrt(2 / size)
    matrix[:, 0] /= math.sqrt(2)
    return matrix.astype(np.float32)


def encode(vectors: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Give the codes of n × d vectors as w × n words of 64 bits, w the words of a code."""
    words = -(-vectors.shape[1] // _WORD)
    codes = np.empty((words, len(vectors)), dtype=np.uint64)
    rotation = _rotation(vectors.shape[1])
    for start in range(0, len(vectors), _ROWS):
        bits = np.packbits(rotation.turned(vectors[start : start + _ROWS]) > 0, axis=1)
        codes[:, start : start + _ROWS] = bits.view("<u8").T
    return codes


def distances(codes: NDArray[np.uint64], code: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """Count for each of n codes in how many bits it differs from one.

    Args:
        codes: w × n words.
        code: w words.
    """
    found = np.empty(codes.shape[1], dtype=np.uint16)
    for start in range(0, len(found), _RUN):
        stop = start + _RUN
        counts = np.bitwise_count(codes[:, start:stop] ^ code[:, np.newaxis])
        np.add.reduce(counts, axis=0, dtype=np.uint16, out=found[start:stop])
    return found


def farthest(cosine: float, *, bits: int, doubt: float) -> float:
    """Say in how many bits a vector may differ that has at least this cosine.

    Args:
        cosine: The least cosine, -1..1.
        bits: Bits of a code.
        doubt: How many deviations to allow for.
    """
    share = math.acos(max(-1.0, min(1.0, cosine))) / math.pi
    return bits * share + doubt * math.sqrt(bits * share * (1 - share))
