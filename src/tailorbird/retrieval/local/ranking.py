"""Order the chunks of an index for one query, in each of the three ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tailorbird.retrieval.fusion import Evidence, Fusion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tailorbird.retrieval.local.content import Content
    from tailorbird.types.ids import ChunkId

# A matrix-vector product rounds equal rows differently, depending on where they stand; so the best
# are taken with some slack, computed again one by one, and only then put in order.
_SLACK = 1e-4
_BLOCK = 4096

# Below 64 MB of vectors a product by rows, which stays in this thread, is as fast as one by the
# matrix, which OpenBLAS spreads over all processors: with a busy neighbor the threads wait for each
# other, and of 1,145 × 1,536 the slowest tenth took 11.6 ms instead of 0.4 (2 cores, numpy 2.4,
# 2026-11-22). Above it the memory is the limit, and several threads read faster than one.
_ONE_THREAD = 1 << 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A chunk that was found."""

    place: int
    """Its position in the content."""
    score: float
    """Its score, in the kind of its mode."""
    legs: Mapping[str, float]
    """The scores that a fused score is made of; empty otherwise."""


def by_vector(
    content: Content, vector: NDArray[np.float32], *, within: NDArray[np.intp], top_k: int
) -> list[Ranked]:
    """Order by the cosine with a vector of unit length."""
    pool = within[_best(_products(content, vector)[within], top_k, slack=_SLACK)]
    scores = _cosines(content, pool, vector)
    return _ordered(content.names, pool, scores, top_k)


def by_words(content: Content, text: str, *, within: NDArray[np.intp], top_k: int) -> list[Ranked]:
    """Order by BM25, chunks without any term of the query left out."""
    scores = content.words.search(text).scores
    some = within[scores[within] > 0]
    pool = some[_best(scores[some], top_k, slack=0.0)]
    return _ordered(content.names, pool, scores[pool].astype(np.float64), top_k)


def by_both(
    content: Content,
    text: str,
    vector: NDArray[np.float32],
    *,
    within: NDArray[np.intp],
    top_k: int,
) -> list[Ranked]:
    """Order by the fused score, and tell what each leg says."""
    cosines = _products(content, vector)[within]
    words = content.words.search(text)
    bm25 = words.scores[within]
    fusion = Fusion(Evidence.of(cosines, bm25, most=words.most))
    best = _best(fusion.scores(cosines, bm25), top_k, slack=_SLACK)
    pool = within[best]
    exact = _cosines(content, pool, vector)
    scores = fusion.scores(exact, bm25[best])
    legs = {
        place: {"cosine": cosine, "bm25": score}
        for place, cosine, score in zip(
            pool.tolist(), exact.tolist(), bm25[best].tolist(), strict=True
        )
    }
    return _ordered(content.names, pool, scores, top_k, legs=legs)


def _best(scores: NDArray[np.floating], top_k: int, *, slack: float) -> NDArray[np.intp]:
    """Give the positions of the `top_k` largest scores, and of those within `slack` of the last."""
    if len(scores) <= top_k:
        return np.arange(len(scores))
    last = np.partition(scores, -top_k)[-top_k]
    return np.flatnonzero(scores >= last - slack)


def _products(content: Content, vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Multiply all vectors with one, in single precision."""
    if content.vectors.size <= _ONE_THREAD:
        products: NDArray[np.float32] = np.vecdot(content.vectors, vector)
        return products
    return content.vectors @ vector


def _cosines(
    content: Content, pool: NDArray[np.intp], vector: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Compute cosines such that equal vectors get equal ones, wherever they stand."""
    exact = vector.astype(np.float64)
    parts = [
        (content.vectors[pool[start : start + _BLOCK]] * exact).sum(axis=1)
        for start in range(0, len(pool), _BLOCK)
    ]
    cosines: NDArray[np.float64] = np.concatenate([np.zeros(0), *parts])
    return np.clip(cosines, -1.0, 1.0)


def _ordered(
    names: Sequence[ChunkId],
    pool: NDArray[np.intp],
    scores: NDArray[np.float64],
    top_k: int,
    *,
    legs: Mapping[int, Mapping[str, float]] | None = None,
) -> list[Ranked]:
    """Put chunks in order, equal scores by chunk id."""
    found = [
        Ranked(place=place, score=score, legs={} if legs is None else legs[place])
        for place, score in zip(pool.tolist(), scores.tolist(), strict=True)
    ]
    return sorted(found, key=lambda one: (-one.score, names[one.place]))[:top_k]
