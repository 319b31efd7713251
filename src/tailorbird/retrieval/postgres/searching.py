"""Order the chunks of an index for one query, in each of the three ways."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tailorbird.retrieval.fusion import Evidence, Fusion, largest
from tailorbird.text.scripts import has_spaced_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tailorbird.retrieval.postgres.legs import Legs, Scored
    from tailorbird.types.ids import ChunkId

CANDIDATES = 100
"""How many candidates each leg gives at least; the best are chosen among those of both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A chunk that was found."""

    number: int
    """Its number in its table."""
    name: ChunkId
    """Its id."""
    score: float
    """Its score, in the kind of its mode."""
    legs: Mapping[str, float] = field(default_factory=dict[str, float])
    """The scores that a fused score is made of; empty otherwise."""


async def by_vector(legs: Legs, vector: NDArray[np.float32]) -> list[Ranked]:
    """Order by the cosine with a vector of unit length."""
    near = await legs.by_vector(vector)
    found = await legs.scores(near.numbers, None, vector)
    return _ordered(found, found.cosines)


async def by_words(legs: Legs, text: str, *, top_k: int) -> list[Ranked]:
    """Order by BM25, chunks without any term of the query left out."""
    terms = await legs.terms(text)
    numbers = await legs.by_words(terms, top_k=top_k)
    found = await legs.scores(numbers, terms, None)
    return _ordered(found, found.bm25)


async def by_both(
    legs: Legs, text: str, vector: NDArray[np.float32], *, top_k: int
) -> list[Ranked]:
    """Order by the fused score, and tell what each leg says."""
    near = await legs.by_vector(vector)
    if not near.numbers:
        return []
    terms = await legs.terms(text)
    worded = await legs.by_words(terms, top_k=top_k)
    found = await legs.scores(list({*near.numbers, *worded}), terms, vector)
    evidence = Evidence(
        count=near.count,
        top=largest(found.cosines),
        best=float(found.bm25.max()),
        most=terms.most,
        spaced=has_spaced_words(text),
    )
    told = [
        {"cosine": cosine, "bm25": bm25}
        for cosine, bm25 in zip(found.cosines.tolist(), found.bm25.tolist(), strict=True)
    ]
    return _ordered(found, Fusion(evidence).scores(found.cosines, found.bm25), legs=told)


def _ordered(
    found: Scored,
    scores: NDArray[np.float64],
    *,
    legs: Sequence[Mapping[str, float]] | None = None,
) -> list[Ranked]:
    """Put chunks in order, equal scores by chunk id."""
    none: Mapping[str, float] = {}
    ranked = [
        Ranked(number=number, name=name, score=score, legs=told)
        for number, name, score, told in zip(
            found.numbers,
            found.names,
            scores.tolist(),
            [none] * len(found.names) if legs is None else legs,
            strict=True,
        )
    ]
    return sorted(ranked, key=lambda one: (-one.score, one.name))
