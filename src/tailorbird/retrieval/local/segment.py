"""A segment: some chunks of an index in one file that never changes."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, cast

import numpy as np

from tailorbird.retrieval.local.lexical import Run
from tailorbird.retrieval.local.postings import Postings, Terms, Words
from tailorbird.storage.arrays import Column

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tailorbird.storage.arrays import ArrayFile
    from tailorbird.types.retrieval import MetadataValue

ROWS = Column("rows", np.int64)
"""n numbers of the chunks in their table."""
DOCUMENTS = Column("documents", np.int64)
"""n numbers of the chunks' documents in their table."""
SEALS = Column("seals", np.uint32)
"""n checksums of what the table holds of each chunk."""
KINDS = Column("kinds", np.int32)
"""n positions in the list of different metadata."""
METADATA = Column("metadata", np.uint8)
"""That list: texts of JSON with sorted keys in one list of JSON, UTF-8."""
VECTORS = Column("vectors", np.float32)
"""n × d, of unit length; absent in an index without an embedding model."""
CODES = Column("codes", np.uint64)
"""w × n words, as `codes.encode` makes them; absent for vectors of few dimensions."""
LENGTHS = Column("lengths", np.uint32)
"""n numbers of terms."""
SHORT = Column("short", np.int64)
"""As in `postings.Terms`."""
LETTERS = Column("letters", np.uint8)
"""As in `postings.Words`."""
ENDS = Column("ends", np.int64)
"""As in `postings.Words`."""
STARTS = Column("starts", np.int64)
"""As in `postings.Terms`."""
TEXTS = Column("texts", np.int32)
"""As in `postings.Postings`."""
COUNTS = Column("counts", np.uint16)
"""As in `postings.Postings`."""

_RESCORED = 1024  # rows compared together, so that little is copied at a time


class Segment:
    """Reads a segment; nothing of it is touched before it is needed."""

    def __init__(self, file: ArrayFile) -> None:
        """Take the file."""
        self._file = file
        self.chunks = file.facts["chunks"]
        """How many chunks there are, those included that are gone."""
        self.dimensions = file.width(VECTORS) if VECTORS in file else 0
        """Width of the vectors; 0 without any."""
        self.has_codes = CODES in file
        """Whether codes of the vectors are kept."""

    @property
    def rows(self) -> NDArray[np.int64]:
        """Numbers of the chunks in their table."""
        return self._file.whole(ROWS)

    @property
    def documents(self) -> NDArray[np.int64]:
        """Numbers of the chunks' documents in their table."""
        return self._file.whole(DOCUMENTS)

    @property
    def seals(self) -> NDArray[np.uint32]:
        """Checksums of what the table holds of each chunk."""
        return self._file.whole(SEALS)

    @property
    def kinds(self) -> NDArray[np.int32]:
        """Positions in `metadata`."""
        return self._file.whole(KINDS)

    @property
    def metadata_texts(self) -> Sequence[str]:
        """The different metadata that occur, as JSON."""
        return cast("list[str]", json.loads(self._file.whole(METADATA).tobytes()))

    @cached_property
    def metadata(self) -> Sequence[Mapping[str, MetadataValue]]:
        """The different metadata that occur."""
        return [cast("dict[str, MetadataValue]", json.loads(one)) for one in self.metadata_texts]

    @property
    def codes(self) -> NDArray[np.uint64]:
        """All codes, w × n."""
        return self._file.whole(CODES)

    def vectors_of(self, places: NDArray[np.intp]) -> NDArray[np.float32]:
        """Give some vectors, reading only them."""
        return self._file.picked(VECTORS, places)

    def vectors_within(self, start: int, stop: int) -> NDArray[np.float32]:
        """Give the vectors of a stretch, reading only them."""
        return self._file.part(VECTORS, start, stop)

    def products(
        self, vector: NDArray[np.float32], start: int, stop: int, *, out: NDArray[np.float32]
    ) -> None:
        """Multiply the vectors of a stretch with one, in single precision and in this thread.

        A product row by row asks BLAS for one scalar product at a time, which it never spreads over
        several threads, and rounds equal rows equally. One thread takes 27 ms of processor time for
        100,000 × 1,536 in a mapped file, one product with the matrix 41 (2 cores, numpy 2.4,
        OpenBLAS 0.3.31, 2026-11-22).

        Args:
            vector: The other factor.
            start: The first row.
            stop: The row behind the last.
            out: Takes the products, one for each row.
        """
        for one in self._file.steps(VECTORS, start, stop):
            np.vecdot(one, vector, out=out[: len(one)])
            out = out[len(one) :]

    def products_of(
        self, places: NDArray[np.intp], vector: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Multiply some vectors with one, as `products` does."""
        found = np.empty(len(places), dtype=np.float32)
        for start in range(0, len(places), _RESCORED):
            run = slice(start, start + _RESCORED)
            np.vecdot(self.vectors_of(places[run]), vector, out=found[run])
        return found

    @property
    def lengths(self) -> NDArray[np.uint32]:
        """How many terms each chunk has."""
        return self._file.whole(LENGTHS)

    @cached_property
    def _terms(self) -> Terms:
        whole = self._file.whole
        return Terms(
            short=whole(SHORT),
            words=Words(letters=whole(LETTERS), ends=whole(ENDS)),
            starts=whole(STARTS),
        )

    def runs(self, terms: Sequence[str]) -> list[Run]:
        """Give the postings of each of some terms, reading only them."""
        stretches = self._terms.runs(terms)
        texts = self._file.parts(TEXTS, stretches)
        counts = self._file.parts(COUNTS, stretches)
        return [Run(texts=one, counts=often) for one, often in zip(texts, counts, strict=True)]

    @property
    def postings(self) -> Postings:
        """All postings."""
        whole = self._file.whole
        return Postings(
            terms=self._terms, texts=whole(TEXTS), counts=whole(COUNTS), lengths=whole(LENGTHS)
        )

    def check(self) -> None:
        """Read everything and compare it with its checksums.

        Raises:
            StorageError: Something has changed.
        """
        self._file.check()
