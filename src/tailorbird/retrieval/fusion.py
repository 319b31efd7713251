"""One score from two legs, so that a bad leg cannot spoil a good one.

Ranks do not tell whether a leg knows anything: reciprocal rank fusion gives the best of 1,145
random cosines the same say as a perfect match of words. So each leg is asked for evidence on a
scale that means something by itself, and a leg without evidence adds next to nothing.

**Words.** A chunk's coverage is its BM25 score divided by what no chunk can exceed for this query
(the sum of the terms' idf), 0..1. The evidence is the coverage as a share of the best one. Where
even the best covers less than a quarter, because the query is in another language or in other words
than the documents, the leg fades: the evidence shrinks with the square of the best coverage.

**Vectors.** The ten best cosines of noise fall off exponentially, and how steeply is seen from the
third to the eleventh: that gives the scale (the estimate of B. Hill, A simple general approach to
inference about the tail of a distribution, Annals of Statistics 3, 1975, with the two best left
out, because they are what is judged). On this scale the best of noise stands `ln 10` above the
eleventh, give or take 1.3; only what stands 2 higher than that counts, and it saturates,
`s / (s + 3)`. Random vectors, a model that does not know the language and vectors that are all
alike rarely get there. What remains below is a voice of at most 0.15 by the distance from the mean
of all cosines: it orders chunks for which neither leg has evidence.

The score is `(words + 0.6 × vectors + 0.15 × voice) / 1.75`, 0..1.

R@1 / MRR@10 on the three sets of `benchmarks/retrieval_quality.py`, 2026-11-22 (XQuAD 240
documents, JSQuAD 1,145, company 263; each one chunk; vectors are hashed character n-grams):

| method                                   | English     | Japanese    | company     |
| ---------------------------------------- | ----------- | ----------- | ----------- |
| lexical                                  | .942 / .964 | .909 / .935 | .592 / .708 |
| vector                                   | .809 / .863 | .832 / .874 | .423 / .543 |
| hybrid                                   | .945 / .966 | .905 / .933 | .597 / .709 |
| reciprocal ranks, for contrast           | .897 / .935 | .873 / .908 | .547 / .676 |
| random vectors                           | .003 / .012 | .001 / .003 | .000 / .004 |
| hybrid with random vectors               | .942 / .964 | .908 / .934 | .597 / .709 |
| reciprocal ranks with random vectors     | .098 / .244 | .085 / .342 | .035 / .112 |

The constants were chosen on these sets with twenty vector legs: hashed n-grams of several kinds
(also blind to kanji), mixed with noise of several strengths, random ones, and the right document's
vector hidden in noise; and with lexical legs that see only a part of the query. A wide range around
them does as well. What they do not do: where the vectors are far better than the words and the
words match well all the same, the hybrid stays up to 0.15 below the vectors; search by vector then.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FULL_COVERAGE = 0.25  # 95 % of the three sets' questions have a chunk that covers more than 0.2
_TAIL = 10
_TAIL_SKIPPED = 2
_SURPRISE = 2.0  # the best of noise exceeds its expectation by this in one of eight queries
_SATURATION = 3.0
_VECTOR_WEIGHT = 0.6
_VOICE_WEIGHT = 0.15
_VOICE_RANGE = 8.0
_LEAST_SPREAD = 1e-4  # cosines in single precision differ by 1e-7 for no reason


TOP = _TAIL + 1
"""How many of the largest cosines `Evidence` holds: the tail, and where it begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of both legs over all n chunks that a query may find, in a few numbers."""

    count: int
    """n, at least 1."""
    mean: float
    """Mean of the n cosines."""
    deviation: float
    """Standard deviation of the n cosines."""
    top: tuple[float, ...]
    """The `TOP` largest cosines, or all where there are fewer, the largest first."""
    best: float
    """The largest BM25 score, 0 where no chunk shares a term with the query."""
    most: float
    """What no BM25 score of this query can exceed; 0 for a query without terms."""

    @classmethod
    def of(
        cls, cosines: NDArray[np.float32], bm25: NDArray[np.float32], *, most: float
    ) -> Evidence:
        """Sum up all n chunks.

        Args:
            cosines: n cosines, n at least 1.
            bm25: n BM25 scores.
            most: What no BM25 score of this query can exceed; 0 for a query without terms.
        """
        top = np.partition(cosines, -TOP)[-TOP:] if len(cosines) > TOP else cosines
        return cls(
            count=len(cosines),
            mean=float(cosines.mean(dtype=np.float64)),
            deviation=float(cosines.std(dtype=np.float64)),
            top=tuple(np.sort(top)[::-1].tolist()),
            best=float(bm25.max()),
            most=most,
        )


class Fusion:
    """Fuses the two scores of chunks of one query, given the evidence of all of them."""

    def __init__(self, evidence: Evidence) -> None:
        """Learn what a score means."""
        self._mean = evidence.mean
        self._deviation = _spread(evidence.deviation)
        self._most = evidence.most or math.inf
        best = evidence.best / self._most
        self._words_scale = min(1.0, best / _FULL_COVERAGE) / max(best, _FULL_COVERAGE)
        self._foot, self._spread, self._expected = _tail(evidence)

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


def _tail(evidence: Evidence) -> tuple[float, float, float]:
    """Give where the tail begins, its scale, and how far above it the best of noise stands."""
    size = min(_TAIL, evidence.count // 2)
    if not size:  # a single chunk stands out from nothing
        return 0.0, math.inf, 0.0
    skipped = min(_TAIL_SKIPPED, size - 1)
    foot = evidence.top[size]
    excess = [cosine - foot for cosine in evidence.top[skipped:size]]
    spread = (sum(excess) + skipped * excess[0]) / (size - skipped)
    return foot, _spread(spread), math.log(size)


def _spread(found: float) -> float:
    """Give a divisor that makes nothing of differences that are noise."""
    return found if found >= _LEAST_SPREAD else math.inf
