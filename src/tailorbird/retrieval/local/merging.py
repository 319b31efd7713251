"""Postings of several groups of texts put together, a stretch of terms at a time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from tailorbird.retrieval.local.postings import FIRST_WORD, Postings, Terms, Words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

_STRETCH = 1 << 17  # postings that are put together at once: a few megabytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One of the groups."""

    postings: Postings
    """What it holds."""
    numbers: NDArray[np.int32]
    """The new number of each of its texts, -1 for one that is left out."""
    terms: NDArray[np.int64]
    """The numbers of its terms among all, increasing."""

    def stretch(self, start: int, stop: int) -> tuple[NDArray[np.int64], _Pairs]:
        """Give the postings of the terms from number `start` up to, not with, `stop`.

        Returns:
            The term of each posting, and the postings.
        """
        first, last = np.searchsorted(self.terms, [start, stop])
        begin, end = self.postings.terms.starts[[first, last]]
        texts = self.numbers[self.postings.texts[begin:end]]
        sizes = np.diff(self.postings.terms.starts[first : last + 1])
        keep = texts >= 0
        terms = np.repeat(self.terms[first:last], sizes)[keep]
        return terms, _Pairs(texts=texts[keep], counts=self.postings.counts[begin:end][keep])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pairs:
    """Postings of some terms."""

    texts: NDArray[np.int32]
    """Numbers of texts."""
    counts: NDArray[np.uint16]
    """How often the term stands in each."""


class Merger:
    """Puts postings together; what it gives is gone through once, and then has its terms."""

    def __init__(
        self, groups: Sequence[tuple[Postings, NDArray[np.bool_]]], *, stretch: int = _STRETCH
    ) -> None:
        """Take what is to be put together.

        Args:
            groups: Groups of texts, each with a truth value for each text: whether it stays.
            stretch: About how many postings are put together at once, at least 1.
        """
        self._stretch = stretch
        words, places = _union([postings.terms.words for postings, _ in groups])
        self._words = words
        self._parts: list[_Part] = []
        first = 0
        for (postings, keep), place in zip(groups, places, strict=True):
            numbers = np.where(keep, first + np.cumsum(keep) - 1, -1).astype(np.int32)
            first += int(keep.sum())
            terms = np.concatenate([postings.terms.short, FIRST_WORD + place])
            self._parts.append(_Part(postings=postings, numbers=numbers, terms=terms))
        self._lengths = [postings.lengths[keep] for postings, keep in groups]
        self._terms: list[NDArray[np.int64]] = []
        self._sizes: list[NDArray[np.int64]] = []
        self._counts: deque[NDArray[np.uint8] | NDArray[np.uint16]] = deque()

    def texts(self) -> Iterator[NDArray[np.int32]]:
        """Give the texts of all postings, some terms at a time."""
        for start, stop in self._stretches():
            terms, found = zip(*(part.stretch(start, stop) for part in self._parts), strict=True)
            joined = np.concatenate(terms)
            # Stable, so that within a term the parts' texts stay in the order of the parts.
            order = np.argsort(joined, kind="stable")
            known, sizes = np.unique(joined, return_counts=True)
            self._terms.append(known)
            self._sizes.append(sizes)
            self._counts.append(_narrow(np.concatenate([one.counts for one in found])[order]))
            yield np.concatenate([one.texts for one in found])[order]

    def counts(self) -> Iterator[NDArray[np.uint16]]:
        """Give the counts of all postings, after their texts, and let go of each piece."""
        while self._counts:
            yield self._counts.popleft().astype(np.uint16)

    def rest(self) -> Postings:
        """Give all of it but the texts and their counts, which were given before."""
        nothing = np.zeros(0, dtype=np.int64)
        terms = np.concatenate([nothing, *self._terms])
        short = int(np.searchsorted(terms, FIRST_WORD))
        left = terms[short:] - FIRST_WORD
        sizes = np.concatenate([nothing, *self._sizes])
        return Postings(
            terms=Terms(
                short=terms[:short],
                words=Words.of(self._words[place] for place in map(int, left)),
                starts=np.concatenate([[0], np.cumsum(sizes)]),
            ),
            texts=np.zeros(0, dtype=np.int32),
            counts=np.zeros(0, dtype=np.uint16),
            lengths=np.concatenate([np.zeros(0, dtype=np.uint32), *self._lengths]),
        )

    def _stretches(self) -> Iterator[tuple[int, int]]:
        """Cut the numbers of terms into stretches of about as many postings."""
        terms = np.concatenate([part.terms for part in self._parts])
        sizes = np.concatenate([np.diff(part.postings.terms.starts) for part in self._parts])
        order = np.argsort(terms, kind="stable")
        terms = terms[order]
        before: NDArray[np.int64] = np.cumsum(sizes[order])
        start = 0
        while start < len(terms):
            done = int(before[start - 1]) if start else 0
            stop = max(start + 1, int(np.searchsorted(before, done + self._stretch)))
            # One term is never cut into two.
            last = int(terms[stop - 1])
            stop = int(np.searchsorted(terms, last, side="right"))
            yield int(terms[start]), last + 1
            start = stop


def _narrow(counts: NDArray[np.uint16]) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Keep counts in one byte each where that is enough, which is nearly everywhere."""
    fits = counts.max(initial=0) <= np.iinfo(np.uint8).max
    return counts.astype(np.uint8) if fits else counts


def _union(groups: Sequence[Words]) -> tuple[list[bytes], list[NDArray[np.int64]]]:
    """Give all words in order, and where those of each group stand among them."""
    places = dict.fromkeys(chain.from_iterable(groups), 0)
    words = sorted(places)
    for place, word in enumerate(words):
        places[word] = place
    # Each group is gone through again, so that its words need not be kept meanwhile.
    return words, [
        np.fromiter(map(places.__getitem__, group), np.int64, len(group)) for group in groups
    ]
