"""Lexical search: inverted indexes in arrays, scored by BM25; see `tailorbird.retrieval.bm25`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from tailorbird.retrieval.bm25 import damping, rarity
from tailorbird.retrieval.local.postings import Postings
from tailorbird.text.terms import search_terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class LexicalScores:
    """What a query scores in an index."""

    scores: NDArray[np.float32]
    """One BM25 score for each text, at least 0."""
    most: float
    """What no score can exceed: the sum of the terms' idf; 0 for a query without terms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The postings of one term."""

    texts: NDArray[np.int32]
    """Numbers of the texts that hold it, increasing."""
    counts: NDArray[np.uint16]
    """How often it stands in each."""


class TermSource(Protocol):
    """Where the postings of a group of texts come from: memory, or a file."""

    @property
    def lengths(self) -> NDArray[np.uint32]:
        """How many terms each text has."""
        ...

    def runs(self, terms: Sequence[str]) -> list[Run]:
        """Give the postings of each of some terms; empty for one that stands in no text."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LexicalPart:
    """A group of texts, some of which may be gone."""

    source: TermSource
    """Its postings."""
    alive: NDArray[np.bool_] | None = None
    """Which of its texts count; None for all."""


class LexicalIndex:
    """The terms of n texts, ready to be scored; a text's number is its position in all parts."""

    def __init__(self, parts: Sequence[LexicalPart]) -> None:
        """Put groups of texts behind each other; nothing is read yet."""
        self._parts = parts

    @classmethod
    def of(cls, texts: Iterable[str]) -> LexicalIndex:
        """Index texts in memory."""
        return cls((LexicalPart(source=CountedTerms(Postings.of(texts))),))

    @cached_property
    def _norms(self) -> _Norms:
        sizes = [len(part.source.lengths) for part in self._parts]
        count, total = 0, 0
        for part in self._parts:
            lengths = part.source.lengths
            kept = lengths if part.alive is None else lengths[part.alive]
            count += len(kept)
            # In whole numbers: the mean must not depend on how the texts are grouped.
            total += int(kept.sum(dtype=np.int64))
        mean = max(1.0, total / max(1, count))
        return _Norms(
            count=count,
            damping=tuple(
                damping(part.source.lengths.astype(np.float32), mean=mean) for part in self._parts
            ),
            starts=tuple(np.cumsum([0, *sizes]).tolist()),
        )

    def search(self, query: str) -> LexicalScores:
        """Score all texts; those that are gone score 0."""
        norms = self._norms
        scores = np.zeros(norms.starts[-1], dtype=np.float32)
        counted = Counter(search_terms(query))
        found = [_living(part.source.runs(list(counted)), part.alive) for part in self._parts]
        frequencies = np.zeros(len(counted), dtype=np.int64)
        for runs in found:
            frequencies += np.array([len(run.texts) for run in runs], dtype=np.int64)
        idf = rarity(frequencies, texts=norms.count)
        asked = np.fromiter(counted.values(), dtype=np.int64, count=len(counted))
        factors = asked * idf.astype(np.float32)
        for place, runs in enumerate(found):
            damped = norms.damping[place]
            part = scores[norms.starts[place] : norms.starts[place + 1]]
            for run, factor in zip(runs, factors.astype(np.float32), strict=True):
                # A text stands once in a term's postings, so each gets its part once.
                texts = run.texts.astype(np.intp)
                part[texts] += _parts(run.counts, damped.take(texts), factor)
        return LexicalScores(scores=scores, most=float((asked * idf).sum()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Norms:
    """What BM25 has to know of all texts."""

    count: int
    """How many texts count."""
    damping: tuple[NDArray[np.float32], ...]
    """For each part what is added to `tf` below the line."""
    starts: tuple[int, ...]
    """Where each part begins, and where the last ends."""


class CountedTerms:
    """Postings in memory as a source."""

    def __init__(self, postings: Postings) -> None:
        """Take what `Postings.of` counted."""
        self._postings = postings

    @property
    def lengths(self) -> NDArray[np.uint32]:
        """How many terms each text has."""
        return self._postings.lengths

    def runs(self, terms: Sequence[str]) -> list[Run]:
        """Give the postings of each of some terms."""
        texts, counts = self._postings.texts, self._postings.counts
        return [
            Run(texts=texts[run], counts=counts[run]) for run in self._postings.terms.runs(terms)
        ]


def _parts(
    counts: NDArray[np.uint16], damped: NDArray[np.float32], factor: np.float32
) -> NDArray[np.float32]:
    """Give what a term adds to the scores of texts, without more room than it takes."""
    found = counts.astype(np.float32)
    damped += found
    found /= damped
    found *= factor
    return found


def _living(runs: list[Run], alive: NDArray[np.bool_] | None) -> list[Run]:
    """Leave out texts that are gone."""
    if alive is None:
        return runs
    kept = [(run, alive[run.texts]) for run in runs]
    return [Run(texts=run.texts[keep], counts=run.counts[keep]) for run, keep in kept]
