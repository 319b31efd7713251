"""Which term stands how often in which text, in arrays that are sorted by term.

A term is a number. One and two characters, which is what Japanese and Chinese texts consist of, are
their code points, 21 bits each; longer terms, the words, are numbered in their order and stand
above all of them. So the whole of a corpus is sorted as plain 64-bit integers,
`term << 21 | text`, and only words need a list.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from tailorbird.text.terms import search_terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

CHAR_BITS = 21
"""Bits of a code point, and of the number of a text."""

FIRST_WORD = 0x110000 << CHAR_BITS
"""The number of the first word: one above the last code point of Unicode."""

TEXT_LIMIT = 1 << 21
"""How many texts the numbering can tell apart."""

_SHORT = 2
_WORD = -2  # stands for a term that is a word
_BATCH = 16  # few enough for their terms to stay in the processor's cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words of some texts, sorted; word i stands from `ends[i - 1]` up to `ends[i]`."""

    letters: NDArray[np.uint8]
    """All words in UTF-8, behind each other."""
    ends: NDArray[np.int64]
    """Where each ends."""

    @classmethod
    def of(cls, words: Iterable[bytes]) -> Words:
        """Keep words that are sorted."""
        found = list(words)
        sizes = np.fromiter(map(len, found), np.int64, len(found))
        return cls(letters=np.frombuffer(b"".join(found), dtype=np.uint8), ends=np.cumsum(sizes))

    def __len__(self) -> int:
        """Count them."""
        return len(self.ends)

    def __getitem__(self, place: int) -> bytes:
        """Give one."""
        start = self.ends[place - 1] if place else 0
        return self.letters[start : self.ends[place]].tobytes()

    def __iter__(self) -> Iterator[bytes]:
        """Give them in order."""
        letters, start = self.letters.tobytes(), 0
        for end in map(int, self.ends):
            yield letters[start:end]
            start = end

    def place(self, word: bytes) -> int:
        """Say where a word stands, -1 for none."""
        place = bisect_left(self, word)
        return place if place < len(self.ends) and self[place] == word else -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms of some texts, in order, and where the postings of each stand."""

    short: NDArray[np.int64]
    """m1 numbers of terms of one or two characters, increasing."""
    words: Words
    """m2 words, which stand behind those."""
    starts: NDArray[np.int64]
    """m1 + m2 + 1 positions: the postings of term i stand from `starts[i]` to `starts[i + 1]`."""

    def runs(self, terms: Sequence[str]) -> list[slice]:
        """Say where the postings of some terms stand; nowhere for a term that no text holds."""
        places = np.array([self._number(term) for term in terms], dtype=np.int64)
        words = np.flatnonzero(places == _WORD).tolist()
        found = np.searchsorted(self.short, places)
        within = found < len(self.short)
        within[within] = self.short[found[within]] == places[within]
        places = np.where(within, found, -1)
        for place in words:
            word = self.words.place(_letters(terms[place]))
            places[place] = word if word < 0 else len(self.short) + word
        begins = np.where(places < 0, 0, self.starts[places])
        ends = np.where(places < 0, 0, self.starts[places + 1])
        return [slice(*pair) for pair in zip(begins.tolist(), ends.tolist(), strict=True)]

    def _number(self, term: str) -> int:
        if len(term) > _SHORT:
            return _WORD
        low = ord(term[1]) + 1 if len(term) == _SHORT else 0
        return ord(term[0]) << CHAR_BITS | low


@dataclass(frozen=True, slots=True, kw_only=True)
class Postings:
    """For each term the texts that hold it, in order."""

    terms: Terms
    """What is counted."""
    texts: NDArray[np.int32]
    """p numbers of texts, increasing within a term."""
    counts: NDArray[np.uint16]
    """p counts: how often the term stands in the text, 65,535 for more."""
    lengths: NDArray[np.uint32]
    """How many terms each text has, counted as often as they occur."""

    @classmethod
    def of(cls, texts: Iterable[str]) -> Postings:
        """Count the terms of texts."""
        words: dict[str, int] = {}
        parts = [np.zeros(0, dtype=np.int64)]
        sizes: list[int] = []
        for batch in _batches(texts):
            terms: list[str] = []
            known = len(sizes)
            for text in batch:
                found = search_terms(text)
                terms += found
                sizes.append(len(found))
            owners = np.repeat(np.arange(known, len(sizes)), sizes[known:])
            parts.append(_numbers(terms, words) << CHAR_BITS | owners)
        together = np.concatenate(parts)
        parts.clear()
        ordered = _sort_words(together, words)
        together.sort()
        return _counted(together, ordered, np.array(sizes, dtype=np.uint32))


def _numbers(terms: list[str], words: dict[str, int]) -> NDArray[np.int64]:
    """Give the numbers of terms, those of words by the order in which they first came."""
    lengths = np.fromiter(map(len, terms), np.int64, len(terms))
    numbers = _short_numbers("".join(terms), lengths)
    long = np.flatnonzero(lengths > _SHORT)
    numbers[long] = [
        words.setdefault(terms[place], FIRST_WORD + len(words)) for place in long.tolist()
    ]
    return numbers


def _short_numbers(joined: str, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the numbers of terms of one or two characters; what longer ones get means nothing."""
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    ends = np.cumsum(lengths)
    high = codes[ends - lengths].astype(np.int64)
    low = np.where(lengths == _SHORT, codes[ends - 1].astype(np.int64) + 1, 0)
    numbers: NDArray[np.int64] = high << CHAR_BITS | low
    return numbers


def _sort_words(together: NDArray[np.int64], words: dict[str, int]) -> list[bytes]:
    """Give the words in order, having numbered them anew by it in place."""
    letters = [_letters(word) for word in words]
    order = sorted(range(len(letters)), key=letters.__getitem__)
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order))
    mask = together >= FIRST_WORD << CHAR_BITS
    found = together[mask]
    moved = ranks[(found >> CHAR_BITS) - FIRST_WORD] + FIRST_WORD
    together[mask] = moved << CHAR_BITS | found & (TEXT_LIMIT - 1)
    return [letters[place] for place in order]


def _letters(word: str) -> bytes:
    # Bytes of UTF-8 sort as code points do.
    return word.encode("utf-8", "surrogatepass")


def _counted(
    together: NDArray[np.int64], words: list[bytes], lengths: NDArray[np.uint32]
) -> Postings:
    """Count equal pairs of term and text that stand beside each other."""
    first = _changes(together)
    counts = np.diff(first, append=len(together))
    pairs = together[first]
    texts = (pairs & (TEXT_LIMIT - 1)).astype(np.int32)
    pairs >>= CHAR_BITS
    begin = _changes(pairs)
    terms = pairs[begin]
    return Postings(
        terms=Terms(
            short=terms[: len(terms) - len(words)],
            words=Words.of(words),
            starts=np.append(begin, len(pairs)),
        ),
        texts=texts,
        counts=np.minimum(counts, np.iinfo(np.uint16).max).astype(np.uint16),
        lengths=lengths,
    )


def _changes(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the positions at which a sorted array has a new value."""
    differs = np.ones(len(values), dtype=np.bool_)
    np.not_equal(values[1:], values[:-1], out=differs[1:])
    return np.flatnonzero(differs)


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    source = iter(texts)
    while batch := list(islice(source, _BATCH)):
        yield batch
