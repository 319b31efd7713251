"""X."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FULL_COVERAGE = 0.25
_TAIL = 10
_TAIL_SKIPPED = 2
_SURPRISE = 1.5
_SATURATION = 3.0
_VECTOR_WEIGHT = 0.6
_VOICE_WEIGHT = 0.16
_VOICE_RANGE = 2.0


class Fusion:
    """Fuses the two scores of chunks of one query, given all scores of that query."""

    def __init__(
        self, cosines: NDArray[np.float32], bm25: NDArray[np.float32], *, most: float
    ) -> None:
        """Learn from all n chunks that the query may find what a score means.

        Args:
            cosines: n cosines, n at least 1.
            bm25: n BM25 scores.
            most: What no BM25 score of this query can exceed; 0 for a query without terms.
        """
        self._mean = float(cosines.mean(dtype=np.float64))
        self._deviation = float(cosines.std(dtype=np.float64)) or math.inf
        self._most = most or math.inf
        best = float(bm25.max()) / self._most
        self._words_scale = min(1.0, best / _FULL_COVERAGE) / max(best, _FULL_COVERAGE)
        self._foot, self._spread, self._expected = _tail(cosines)

    def scores(
        self, cosines: NDArray[np.floating], bm25: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """Give the fused scores of some of the chunks, 0..1, larger is better."""
        words = self._words_scale * np.asarray(bm25, dtype=np.float64) / self._most
        cosines = np.asarray(cosines, dtype=np.float64)
        surprise = (cosines - self._foot) / self._spread - self._expected - _SURPRISE
        above = np.maximum(0.0, surprise)
        vectors = above / (above + _SATURATION)
        outlier = (cosines - self._mean) / self._deviation
        voice = (1 + outlier / (np.abs(outlier) + _VOICE_RANGE)) / 2
        total = words + _VECTOR_WEIGHT * vectors + _VOICE_WEIGHT * voice
        fused: NDArray[np.float64] = total / (1 + _VECTOR_WEIGHT + _VOICE_WEIGHT)
        return np.clip(fused, 0.0, 1.0)


def _tail(cosines: NDArray[np.float32]) -> tuple[float, float, float]:
    size = min(_TAIL, len(cosines) // 2)
    if not size:
        return 0.0, math.inf, 0.0
    skipped = min(_TAIL_SKIPPED, size - 1)
    top = np.sort(np.partition(cosines, -size - 1)[-size - 1 :])[::-1].astype(np.float64)
    foot = float(top[size])
    excess = top[skipped:size] - foot
    spread = float(excess.sum() + skipped * excess[0]) / (size - skipped)
    return foot, spread or math.inf, math.log(size)
