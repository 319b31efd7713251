"""One score from two legs, so that a bad leg cannot spoil a good one.

{docstring}
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FULL_COVERAGE = 0.25
_VECTOR_WEIGHT = 0.6
_SATURATION = 1.5
_VOICE = 0.06


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
        # Cosines that are all alike say nothing; dividing by infinity makes each of them average.
        self._deviation = float(cosines.std(dtype=np.float64)) or math.inf
        self._threshold = math.sqrt(2 * math.log(max(2, len(cosines))))
        self._most = most or math.inf
        best = float(bm25.max()) / self._most
        self._words_scale = min(1.0, best / _FULL_COVERAGE) / max(best, _FULL_COVERAGE)

    def scores(
        self, cosines: NDArray[np.floating], bm25: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """Give the fused scores of some of the chunks, 0..1, larger is better."""
        words = self._words_scale * np.asarray(bm25, dtype=np.float64) / self._most
        outlier = (np.asarray(cosines, dtype=np.float64) - self._mean) / self._deviation
        above = np.maximum(0.0, outlier - self._threshold)
        vectors = above / (above + _SATURATION)
        voice = (1 + np.clip(outlier / self._threshold, -1, 1)) / 2
        total = words + _VECTOR_WEIGHT * vectors + _VOICE * voice
        return np.clip(total / (1 + _VECTOR_WEIGHT + _VOICE), 0.0, 1.0)
