"""The part of a workbench that builds indexes, searches them, and measures how well that works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.types.ids import IndexName
from tailorbird.workflow.progress import OnProgress, silent
from tailorbird.workflow.searching.index import Index, name_of, read_index

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tailorbird.data import ChunkOptions
    from tailorbird.types.filters import Filter
    from tailorbird.types.questions import Question
    from tailorbird.types.retrieval import Document, Hit, SearchMode
    from tailorbird.workbench.parts import Parts
    from tailorbird.workflow.searching.retrieval_quality import RetrievalQuality
    from tailorbird.workflow.searching.selection import Selection


class Finder:
    """What `Workbench` has for documents; made by nobody else."""

    _parts: Parts

    async def build_index(
        self,
        documents: Path | str | Sequence[Document],
        *,
        name: str,
        chunking: ChunkOptions | None = None,
        tenant_field: str | None = None,
        on_progress: OnProgress = silent,
    ) -> Index:
        """Make an index hold these documents; only what changed is cut and embedded again.

        Args:
            documents: A folder or a file of a kind that `read_documents` loads, or documents.
            name: Name of the index: 1 to 64 letters, digits, `-`, `_`.
            chunking: How documents are cut; None takes the default.
            tenant_field: Key in the metadata that keeps tenants apart: each document needs it, and
                each search has to pin it down by `where`; None for an index without tenants.
            on_progress: Called after each group of documents.

        Raises:
            DataError: No document could be read; every file's problem is listed.
            InvalidInputError: A document does not say which tenant it belongs to.
            IndexMismatchError: An index of that name exists with another model, cut or tenants.
            ProviderError: What the embedding model said; what was done so far is kept.
        """
        return await self._parts.build_index(
            documents,
            name=IndexName(name),
            chunking=chunking,
            tenant_field=tenant_field,
            on_progress=on_progress,
        )

    async def index(self, name: str) -> Index:
        """Give an index that was built before.

        Raises:
            IndexMissingError: There is none of that name.
        """
        return await read_index(await self._parts.retrieval(), IndexName(name))

    async def search(
        self,
        query: str,
        *,
        index: Index | str,
        top_k: int = 5,
        mode: SearchMode | None = None,
        where: Filter | None = None,
        selection: Selection | None = None,
    ) -> tuple[Hit, ...]:
        """Find the chunks of an index that fit a question best, best first.

        Args:
            query: Question or words, not empty.
            index: The index, or its name.
            top_k: How many hits at most, 1..50.
            mode: `vector`, `lexical` or `hybrid`; None takes the best the engine offers.
            where: Which chunks to look at; None looks at all.
            selection: What is left out or joined; None gives what the engine finds.

        Raises:
            InvalidInputError: An argument is outside its range.
            IndexMissingError: There is no such index, or it is empty.
            IndexMismatchError: The index was built with another embedding model.
        """
        return await self._parts.search(
            query, name=name_of(index), top_k=top_k, mode=mode, where=where, selection=selection
        )

    async def evaluate_retrieval(
        self,
        index: Index | str,
        questions: Sequence[Question],
        *,
        modes: Sequence[SearchMode] | None = None,
        where: Filter | None = None,
        on_progress: OnProgress = silent,
    ) -> RetrievalQuality:
        """Measure how often searches find the documents that hold the answers, by mode.

        `questions` without `sources` are counted and not asked; `modes` None takes all that the
        engine offers, `where` None looks at all chunks. `on_progress` is called after each search.

        Raises:
            InvalidInputError: No question names a source, or the engine does not offer a mode.
            IndexMissingError: There is no such index, or it is empty.
        """
        return await self._parts.evaluate_retrieval(
            name_of(index), questions, modes=modes, where=where, on_progress=on_progress
        )
