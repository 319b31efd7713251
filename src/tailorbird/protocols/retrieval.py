"""The contract for retrieval engines, ours and the providers'."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tailorbird.types.ids import DocumentId, IndexName
    from tailorbird.types.retrieval import (
        ChunkedDocument,
        EngineTraits,
        Hit,
        IndexedDocument,
        IndexInfo,
        IndexSpec,
        SearchQuery,
    )


class Retrieval(Protocol):
    """Keep and search indexes. Clauses `R…` of `docs/contract/retrieval.md`.

    Engines do not embed: who calls them gives vectors, for chunks and for queries, where
    `traits.needs_vectors` asks for them. That is what lets any engine work with any provider.
    """

    @property
    @abstractmethod
    def traits(self) -> EngineTraits:
        """What this engine needs and offers."""
        ...

    @abstractmethod
    async def create(self, spec: IndexSpec) -> IndexInfo:
        """Make an empty index; one that exists with the same specification is given as it is.

        Raises:
            IndexMismatchError: One of that name exists with another specification; the message
                shows the difference.
        """
        ...

    @abstractmethod
    async def get(self, name: IndexName) -> IndexInfo:
        """Give an index as it stands now.

        Raises:
            IndexMissingError: There is none of that name.
            IndexMismatchError: What a service keeps of it was changed there, so that it no longer
                says how the index was made.
        """
        ...

    @abstractmethod
    def list(self) -> AsyncIterator[IndexInfo]:
        """Give all indexes, sorted by name; one that was changed there is left out, and logged."""
        ...

    @abstractmethod
    async def delete(self, name: IndexName) -> None:
        """Delete an index with all its content.

        Raises:
            IndexMissingError: There is none of that name.
        """
        ...

    @abstractmethod
    async def upsert(self, name: IndexName, documents: Sequence[ChunkedDocument]) -> None:
        """Add documents, replacing those of the same id whole.

        Each document is replaced at once: a search sees its old chunks or its new ones, never
        both. Documents of one call may become visible one after the other.

        Raises:
            IndexMissingError: There is no index of that name.
            IndexMismatchError: The vectors' width is not the index's.
            InvalidInputError: Vectors are missing, not finite, or not one for each chunk.
        """
        ...

    @abstractmethod
    async def remove(self, name: IndexName, documents: Sequence[DocumentId]) -> int:
        """Remove documents and say how many were there.

        Raises:
            IndexMissingError: There is no index of that name.
        """
        ...

    @abstractmethod
    def contents(self, name: IndexName) -> AsyncIterator[IndexedDocument]:
        """Give what the index holds, sorted by document id.

        Raises:
            IndexMissingError: There is no index of that name.
        """
        ...

    @abstractmethod
    async def search(
        self,
        name: IndexName,
        query: SearchQuery,
        *,
        vector: NDArray[np.float32] | None = None,
    ) -> tuple[Hit, ...]:
        """Give the best chunks, best first; equal scores are ordered by chunk id.

        Args:
            name: The index.
            query: What to look for.
            vector: The query's vector, d float32 of unit length; needed for the modes `vector`
                and `hybrid` where `traits.needs_vectors`.

        Returns:
            At most `query.top_k` hits; none when nothing fits. All scores have one kind.

        Raises:
            IndexMissingError: There is no index of that name, or it is empty.
            IndexMismatchError: The vector's width is not the index's.
            InvalidInputError: The vector is missing or not finite, or the filter cannot be used.
            UnsupportedError: The engine does not offer the mode or filters.
        """
        ...

    async def close(self) -> None:
        """Let go of files and connections that the engine opened; later calls may open them again.

        An engine that holds nothing leaves this as it is.
        """
