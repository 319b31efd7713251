"""Lexical search: an inverted index in arrays, scored by BM25; see `tailorbird.retrieval.bm25`."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tailorbird.retrieval.bm25 import damping, rarity
from tailorbird.retrieval.local.postings import Vocabulary
from tailorbird.text.terms import search_terms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from tailorbird.retrieval.local.postings import Postings


@dataclass(frozen=True, slots=True, kw_only=True)
class LexicalScores:
    """What a query scores in an index."""

    scores: NDArray[np.float32]
    """One BM25 score for each text, at least 0."""
    most: float
    """What no score can exceed: the sum of the terms' idf; 0 for a query without terms."""


class LexicalIndex:
    """The terms of n texts, ready to be scored; a text's number is its position."""

    def __init__(
        self, vocabulary: Vocabulary, postings: Postings, lengths: NDArray[np.float32]
    ) -> None:
        """Turn counts into what each posting adds to a score; `of` makes an index from texts."""
        self._vocabulary = vocabulary
        self._postings = postings
        self._lengths = lengths
        frequencies = np.diff(postings.starts)
        self._idf = rarity(frequencies, texts=len(lengths))
        self._unseen = math.log1p((len(lengths) + 0.5) / 0.5)
        mean = max(1.0, float(lengths.sum()) / max(1, len(lengths)))
        counts = postings.counts.astype(np.float32)
        weights = counts / (counts + damping(lengths, mean=mean)[postings.texts])
        weights *= np.repeat(self._idf.astype(np.float32), frequencies)
        self._weights = weights

    @classmethod
    def of(cls, texts: Iterable[str]) -> LexicalIndex:
        """Index texts."""
        vocabulary = Vocabulary()
        return cls(vocabulary, *vocabulary.postings(texts))

    def changed(self, keep: NDArray[np.bool_], texts: Iterable[str]) -> LexicalIndex:
        """Give an index without some of the texts, and with others behind the rest.

        Args:
            keep: One truth value for each text that is indexed now.
            texts: What comes behind the ones that are kept.
        """
        lengths = self._lengths[keep]
        new, new_lengths = self._vocabulary.postings(texts, first=len(lengths))
        postings = self._postings.kept(keep).merged(new)
        return LexicalIndex(self._vocabulary, postings, np.concatenate([lengths, new_lengths]))

    def search(self, query: str) -> LexicalScores:
        """Score all texts."""
        scores = np.zeros(len(self._lengths), dtype=np.float32)
        counted = Counter(search_terms(query))
        places = self._vocabulary.places(counted, self._postings).tolist()
        most = 0.0
        for place, count in zip(places, counted.values(), strict=True):
            if place < 0:
                most += count * self._unseen
                continue
            most += count * float(self._idf[place])
            run = slice(self._postings.starts[place], self._postings.starts[place + 1])
            # A text stands once in a term's postings, so each gets its part once.
            scores[self._postings.texts[run]] += count * self._weights[run]
        return LexicalScores(scores=scores, most=most)
