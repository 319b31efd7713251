"""One score from two legs, so that a bad leg cannot spoil a good one.

Ranks do not tell whether a leg knows anything: reciprocal rank fusion gives the best of 1,145
random cosines the same say as a perfect match of words. So each leg is asked for evidence on one
scale, nats (natural logarithms of odds), and evidence adds up.

**Words.** BM25 is a sum of logarithms of odds (S. Robertson, H. Zaragoza, The Probabilistic
Relevance Framework, 2009), so a chunk's score counts as it is: two chunks that differ by one rare
word differ by several nats, two that differ by how often a common word stands there by a fraction,
however long the query is. A query without spaces between its words counts half, because its terms
are each character and each pair of neighbors, which say the same thing twice. Where even the best
chunk covers less than a quarter of what the query's terms could give, because the query is in
another language or in other words than the documents, the leg fades with that coverage.

**Vectors.** The ten best cosines of noise fall off exponentially, and how steeply is seen from the
third to the eleventh: that gives the scale (the estimate of B. Hill, A simple general approach to
inference about the tail of a distribution, Annals of Statistics 3, 1975, with the two best left
out, because they are what is judged). On this scale the best of noise stands `ln 10` above the
eleventh, give or take 1.3; by how much a cosine stands higher than that is its surprise, in nats.
It counts as `x = ln(1 + exp(surprise - 0.5))`, which is next to nothing for noise, and saturates:
`8 x / (x + 20)`, so that no vector, however near, outweighs more than a rare word or two. Fewer
than ten cosines to judge by count for as many tenths of that.

**The score** is the chunk's sum as a share of what a chunk would have that is the best of both
legs, times what there is to be had at all, both 0..1. The second is the same for all chunks of a
query, so it does not change their order; it is there to tell a question that is near to the
documents from one that is not: the words that faded (once more), and the best by vectors, as a
share of the best there, the words taken for at least 3 nats (or a quarter of what the terms could
give, if that is less), the vectors for at least 2.

R@1 / MRR@10 on the three sets of `benchmarks/retrieval_quality.py`, 2026-11-22 (XQuAD 240
documents, JSQuAD 1,145, company 263; each one chunk; vectors are hashed character n-grams):

| method                                   | English     | Japanese    | company     |
| ---------------------------------------- | ----------- | ----------- | ----------- |
| lexical                                  | .942 / .964 | .909 / .935 | .592 / .708 |
| vector                                   | .809 / .863 | .832 / .874 | .423 / .543 |
| hybrid                                   | .945 / .967 | .909 / .935 | .617 / .723 |
| reciprocal ranks, for contrast           | .897 / .935 | .873 / .908 | .547 / .676 |
| random vectors                           | .003 / .012 | .001 / .003 | .000 / .004 |
| hybrid with random vectors               | .941 / .963 | .909 / .935 | .592 / .708 |
| reciprocal ranks with random vectors     | .098 / .244 | .085 / .342 | .035 / .112 |

The constants were chosen on these sets with eleven vector legs (hashed n-grams of several kinds,
also of the first 200 characters only, MiniLM, both drawn toward the right document, the right
document's vector hidden in noise, random ones), with words of the whole query and of its last
third, and with collections of 2 to 60 documents drawn from them. A wide range around them does as
well. What they do not do: where the vectors are far better than the words and the words match well
all the same, the hybrid stays below the vectors, by .02 where they find .97 and the words .90, and
by more where the words see only a part of the query; search by vector then.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FULL_COVERAGE = 0.25  # 95 % of the three sets' questions have a chunk that covers more than 0.2
_TOLD_TWICE = 2.0
_LEAST_WORDS = 3.0  # nats, as the idf of a term that one of 30 texts holds
_TAIL = 10
_TAIL_SKIPPED = 2
_SURPRISE = 0.5
_SATURATION = 20.0
_MOST_VECTORS = 8.0  # nats
_LEAST_VECTORS = 2.0  # nats; the best of noise gets there in one of 1,300 queries
_LEAST_SPREAD = 1e-4  # cosines in single precision differ by 1e-7 for no reason


TOP = _TAIL + 1
"""How many of the largest cosines `Evidence` holds: the tail, and where it begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of both legs over all n chunks that a query may find, in a few numbers."""

    count: int
    """n, at least 1."""
    top: tuple[float, ...]
    """The `TOP` largest cosines, or all where there are fewer, the largest first."""
    best: float
    """The largest BM25 score, 0 where no chunk shares a term with the query."""
    most: float
    """What no BM25 score of this query can exceed; 0 for a query without terms."""
    spaced: bool
    """Whether the query has spaces between its words (`text.scripts.has_spaced_words`)."""


def largest(cosines: NDArray[np.floating]) -> tuple[float, ...]:
    """Give the `TOP` largest of some cosines, the largest first."""
    top = np.partition(cosines, -TOP)[-TOP:] if len(cosines) > TOP else cosines
    return tuple(np.sort(top)[::-1].tolist())


class Fusion:
    """Fuses the two scores of chunks of one query, given the evidence of all of them."""

    def __init__(self, evidence: Evidence) -> None:
        """Learn what a score means."""
        nats = 1.0 if evidence.spaced else 1 / _TOLD_TWICE
        best, fullest = nats * evidence.best, nats * evidence.most * _FULL_COVERAGE
        fade = min(1.0, best / fullest) if fullest else 0.0
        self._words = fade * nats
        self._tail = _Tail.of(evidence)
        known = self._tail.size / _TAIL
        self._most_vectors = known * _MOST_VECTORS
        [nearest] = self._vectors(np.array(evidence.top[:1])).tolist()
        self._highest = fade * best + nearest
        words, vectors = max(best, min(_LEAST_WORDS, fullest)), max(nearest, known * _LEAST_VECTORS)
        self._level = (fade**2 * best + nearest) / (words + vectors) if self._highest else 0.0

    def scores(
        self, cosines: NDArray[np.floating], bm25: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """Give the fused scores of some of the chunks, 0..1, larger is better."""
        told = self._words * np.asarray(bm25, dtype=np.float64) + self._vectors(cosines)
        fused: NDArray[np.float64] = self._level * told / (self._highest or 1.0)
        return np.clip(fused, 0.0, 1.0)

    def _vectors(self, cosines: NDArray[np.floating]) -> NDArray[np.float64]:
        told = np.logaddexp(0.0, self._tail.surprise(cosines) - _SURPRISE)
        weighed: NDArray[np.float64] = self._most_vectors * told / (told + _SATURATION)
        return weighed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tail:
    """The largest cosines, as they fall off."""

    size: int
    """How many they are, 0..10."""
    foot: float
    """Where they begin."""
    scale: float
    """By how much the cosine grows where chances fall by a factor of e; infinite if unknown."""

    @classmethod
    def of(cls, evidence: Evidence) -> _Tail:
        size = min(_TAIL, evidence.count // 2)
        if not size:  # a single chunk stands out from nothing
            return cls(size=0, foot=0.0, scale=math.inf)
        skipped = min(_TAIL_SKIPPED, size - 1)
        foot = evidence.top[size]
        excess = [cosine - foot for cosine in evidence.top[skipped:size]]
        scale = (sum(excess) + skipped * excess[0]) / (size - skipped)
        return cls(size=size, foot=foot, scale=scale if scale >= _LEAST_SPREAD else math.inf)

    def surprise(self, cosines: NDArray[np.floating]) -> NDArray[np.float64]:
        """Give by how many nats cosines stand above the best of noise, less than 0 for most."""
        above: NDArray[np.float64] = np.asarray(cosines, dtype=np.float64) - self.foot
        return above / self.scale - math.log(max(1, self.size))
