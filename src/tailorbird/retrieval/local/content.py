"""What an index holds, in memory and ready to be searched."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tailorbird.retrieval.local.lexical import LexicalIndex
from tailorbird.retrieval.local.store import read_metadata
from tailorbird.types.filters import holds
from tailorbird.types.ids import ChunkId

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from tailorbird.retrieval.local.store import IndexRow, Store
    from tailorbird.types.filters import Filter
    from tailorbird.types.retrieval import MetadataValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """All chunks of an index at one moment; position i means the same chunk everywhere."""

    changes: int
    """The state of the index that this is; -1 for what was never in the store."""
    rows: NDArray[np.int64]
    """n numbers of the chunks in their table."""
    documents: NDArray[np.int64]
    """n numbers of the chunks' documents, not decreasing."""
    names: tuple[ChunkId, ...]
    """n chunk ids."""
    kinds: NDArray[np.int32]
    """n positions in `metadata`."""
    metadata: Mapping[str, Mapping[str, MetadataValue]]
    """The different metadata that occur, by their JSON."""
    vectors: NDArray[np.float32]
    """n × d float32 of unit length; d is 0 for an index without an embedding model."""
    words: LexicalIndex
    """The terms of n titles with texts."""

    @classmethod
    def empty(cls, *, dimensions: int) -> Content:
        """Give the content of an index that holds nothing."""
        return cls(
            changes=-1,
            rows=np.zeros(0, dtype=np.int64),
            documents=np.zeros(0, dtype=np.int64),
            names=(),
            kinds=np.zeros(0, dtype=np.int32),
            metadata={},
            vectors=np.zeros((0, dimensions), dtype=np.float32),
            words=LexicalIndex.of(()),
        )

    def matching(self, condition: Filter) -> NDArray[np.intp]:
        """Give the positions of the chunks for which a filter is true, increasing.

        Raises:
            InvalidInputError: The filter cannot be evaluated.
        """
        # A filter sees metadata only, so each that occurs is asked once, however many share it.
        table = [holds(condition, one) is True for one in self.metadata.values()]
        return np.flatnonzero(np.array(table, dtype=np.bool_)[self.kinds])

    def updated(self, store: Store, index: IndexRow) -> Content:
        """Give the content as it is now, reading only the documents that are new.

        The caller holds a snapshot of the store, in which `index` was read.
        """
        current = store.documents(index.id)
        keep = np.isin(self.documents, np.array(current, dtype=np.int64))
        kept = np.flatnonzero(keep)
        known = int(self.documents[-1]) if len(self.documents) else 0
        new = [number for number in current if number > known]
        added = _Added(metadata=dict(self.metadata))
        words = self.words.changed(keep, added.texts(store, new))
        vectors = np.empty((len(kept) + len(added.rows), self.vectors.shape[1]), dtype=np.float32)
        vectors[: len(kept)] = self.vectors[keep]
        _fill(vectors[len(kept) :], store.load_vectors(new))
        return Content(
            changes=index.changes,
            rows=np.append(self.rows[keep], np.array(added.rows, dtype=np.int64)),
            documents=np.append(self.documents[keep], np.array(added.documents, dtype=np.int64)),
            names=(*(self.names[place] for place in kept), *added.names),
            kinds=np.append(self.kinds[keep], np.array(added.kinds, dtype=np.int32)),
            metadata=added.metadata,
            vectors=vectors,
            words=words,
        )


@dataclass(slots=True, kw_only=True)
class _Added:
    """Columns of chunks that are being read."""

    metadata: dict[str, Mapping[str, MetadataValue]]
    rows: list[int] = field(default_factory=list[int])
    documents: list[int] = field(default_factory=list[int])
    names: list[ChunkId] = field(default_factory=list[ChunkId])
    kinds: list[int] = field(default_factory=list[int])

    def texts(self, store: Store, documents: Sequence[int]) -> Iterator[str]:
        """Give what to search in, one text at a time, and keep everything else."""
        places = {text: place for place, text in enumerate(self.metadata)}
        for chunk in store.load_chunks(documents):
            if chunk.metadata not in places:
                places[chunk.metadata] = len(places)
                self.metadata[chunk.metadata] = read_metadata(chunk.metadata)
            self.rows.append(chunk.row)
            self.documents.append(chunk.document)
            self.names.append(chunk.name)
            self.kinds.append(places[chunk.metadata])
            yield f"{chunk.title}\n{chunk.text}"


def _fill(target: NDArray[np.float32], blobs: Iterator[bytes]) -> None:
    place = 0
    for blob in blobs:
        part = np.frombuffer(blob, dtype="<f4").reshape(-1, target.shape[1])
        target[place : place + len(part)] = part
        place += len(part)
