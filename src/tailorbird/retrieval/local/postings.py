"""Which term stands how often in which text, in arrays that are sorted by term.

A term is a number. One and two characters, which is what Japanese and Chinese texts consist of, are
their code points, 21 bits each; longer terms are counted through and stand above all of them. So
the whole of a large corpus is sorted as plain 64-bit integers, `term << 21 | text`, and only words
need a dictionary.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from tailorbird.text.terms import search_terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

_CHAR_BITS = 21
_FIRST_WORD = 0x110000 << _CHAR_BITS  # one above the last code point of Unicode
_SHORT = 2
_BATCH = 16  # few enough for their terms to stay in the processor's cache
TEXT_LIMIT = 1 << 21
"""How many texts the numbering can tell apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Postings:
    """For each term the texts that hold it, in order."""

    terms: NDArray[np.int64]
    """m numbers of terms, increasing."""
    starts: NDArray[np.int64]
    """m + 1 positions: the postings of term i stand from `starts[i]` up to `starts[i + 1]`."""
    texts: NDArray[np.int32]
    """p numbers of texts, increasing within a term."""
    counts: NDArray[np.uint16]
    """p counts: how often the term stands in the text, 65,535 for more."""

    def kept(self, keep: NDArray[np.bool_]) -> Postings:
        """Leave texts out, and number the others anew in the same order.

        Args:
            keep: One truth value for each text.
        """
        mask = keep[self.texts]
        before = np.concatenate([[0], np.cumsum(mask)])
        sizes = np.diff(before[self.starts])
        numbers = (np.cumsum(keep) - 1).astype(np.int32)
        return Postings(
            terms=self.terms[sizes > 0],
            starts=_starts(sizes[sizes > 0]),
            texts=numbers[self.texts[mask]],
            counts=self.counts[mask],
        )

    def merged(self, new: Postings) -> Postings:
        """Add postings of texts whose numbers are all above the ones here."""
        terms = np.union1d(self.terms, new.terms)
        places = [np.searchsorted(terms, part.terms) for part in (self, new)]
        sizes = [np.zeros(len(terms), dtype=np.int64) for _ in places]
        for part, place, size in zip((self, new), places, sizes, strict=True):
            size[place] = np.diff(part.starts)
        starts = _starts(sizes[0] + sizes[1])
        texts = np.empty(starts[-1], dtype=np.int32)
        counts = np.empty(starts[-1], dtype=np.uint16)
        firsts = (starts[:-1], starts[:-1] + sizes[0])
        for part, place, first in zip((self, new), places, firsts, strict=True):
            shift = np.repeat(first[place] - part.starts[:-1], np.diff(part.starts))
            target = np.arange(len(part.texts)) + shift
            texts[target] = part.texts
            counts[target] = part.counts
        return Postings(terms=terms, starts=starts, texts=texts, counts=counts)


class Vocabulary:
    """Gives terms their numbers; it only grows, so that several versions of an index share it."""

    def __init__(self) -> None:
        """Start without words."""
        self._words: dict[str, int] = {}

    def places(self, terms: Iterable[str], postings: Postings) -> NDArray[np.int64]:
        """Say where terms stand among postings; -1 for one that does not stand there."""
        numbers = np.array([self._known(term) for term in terms], dtype=np.int64)
        if not len(postings.terms):
            return np.full_like(numbers, -1)
        places = np.searchsorted(postings.terms, numbers)
        found = postings.terms[np.minimum(places, len(postings.terms) - 1)] == numbers
        return np.where(found, places, -1)

    def _known(self, term: str) -> int:
        if len(term) > _SHORT:
            return self._words.get(term, -1)
        low = ord(term[1]) + 1 if len(term) == _SHORT else 0
        return ord(term[0]) << _CHAR_BITS | low

    def numbers(self, terms: list[str]) -> NDArray[np.int64]:
        """Give the numbers of terms, new words included."""
        lengths = np.fromiter(map(len, terms), np.int64, len(terms))
        result = _short_terms("".join(terms), lengths)
        words = self._words
        result[lengths > _SHORT] = [
            words.setdefault(term, _FIRST_WORD + len(words)) for term in terms if len(term) > _SHORT
        ]
        return result

    def postings(
        self, texts: Iterable[str], *, first: int = 0
    ) -> tuple[Postings, NDArray[np.float32]]:
        """Count the terms of texts, numbered from `first`.

        Returns:
            The postings, and for each text how many terms it has.
        """
        parts: list[NDArray[np.int64]] = []
        sizes: list[int] = []
        for batch in _batches(texts):
            terms: list[str] = []
            known = len(sizes)
            for text in batch:
                found = search_terms(text)
                terms += found
                sizes.append(len(found))
            owners = first + np.repeat(np.arange(known, len(sizes)), sizes[known:])
            parts.append(self.numbers(terms) << _CHAR_BITS | owners)
        together = np.concatenate([np.zeros(0, dtype=np.int64), *parts])
        parts.clear()
        together.sort()
        return _counted(together), np.array(sizes, dtype=np.float32)


def _counted(together: NDArray[np.int64]) -> Postings:
    """Count equal pairs of term and text that stand beside each other."""
    first = _changes(together)
    counts = np.diff(first, append=len(together))
    pairs = together[first]
    texts = (pairs & (TEXT_LIMIT - 1)).astype(np.int32)
    pairs >>= _CHAR_BITS
    begin = _changes(pairs)
    return Postings(
        terms=pairs[begin],
        starts=np.append(begin, len(pairs)),
        texts=texts,
        counts=np.minimum(counts, np.iinfo(np.uint16).max).astype(np.uint16),
    )


def _changes(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the positions at which a sorted array has a new value."""
    differs = np.ones(len(values), dtype=np.bool_)
    np.not_equal(values[1:], values[:-1], out=differs[1:])
    return np.flatnonzero(differs)


def _short_terms(joined: str, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the numbers of terms of one or two characters; what longer ones get means nothing."""
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    ends = np.cumsum(lengths)
    high = codes[ends - lengths].astype(np.int64)
    low = np.where(lengths == _SHORT, codes[ends - 1].astype(np.int64) + 1, 0)
    numbers: NDArray[np.int64] = high << _CHAR_BITS | low
    return numbers


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    source = iter(texts)
    while batch := list(islice(source, _BATCH)):
        yield batch


def _starts(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(sizes)])
