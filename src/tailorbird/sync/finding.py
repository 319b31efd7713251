"""The plain twin of `workbench.finding`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.sync.calling import Caller
from tailorbird.workflow.progress import OnProgress, silent

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable, Sequence
    from pathlib import Path

    from tailorbird.data import ChunkOptions
    from tailorbird.protocols import Reranker
    from tailorbird.types.filters import Filter
    from tailorbird.types.questions import Question
    from tailorbird.types.retrieval import Document, SearchMode
    from tailorbird.workflow.bulk.asking import BulkOptions
    from tailorbird.workflow.searching.index import Index, IndexEstimate, IndexOptions
    from tailorbird.workflow.searching.retrieval_quality import RetrievalQuality
    from tailorbird.workflow.searching.search import SearchResult
    from tailorbird.workflow.searching.selection import Rerank, Selection


class SyncFinder(Caller):
    """Indexes and searches; see `Workbench` for what each method does."""

    def build_index(  # noqa: PLR0913 - what to index, and how
        self,
        documents: Path | str | Iterable[Document] | AsyncIterable[Document],
        *,
        name: str,
        chunking: ChunkOptions | None = None,
        tenant_field: str | None = None,
        bulk: bool | BulkOptions = False,
        options: IndexOptions | None = None,
        on_progress: OnProgress = silent,
    ) -> Index:
        """Make an index hold these documents; only what changed is cut and embedded again."""
        return self.call(
            self.bench.build_index,
            documents,
            name=name,
            chunking=chunking,
            tenant_field=tenant_field,
            bulk=bulk,
            options=options,
            on_progress=on_progress,
        )

    def estimate_index(
        self,
        documents: Path | str | Iterable[Document] | AsyncIterable[Document],
        *,
        name: str,
        chunking: ChunkOptions | None = None,
        tenant_field: str | None = None,
        bulk: bool | BulkOptions = False,
        on_progress: OnProgress = silent,
    ) -> IndexEstimate:
        """Say what `build_index` would do and cost; everything is read, nothing sent or written."""
        return self.call(
            self.bench.estimate_index,
            documents,
            name=name,
            chunking=chunking,
            tenant_field=tenant_field,
            bulk=bulk,
            on_progress=on_progress,
        )

    def index(self, name: str) -> Index:
        """Give an index that was built before."""
        return self.call(self.bench.index, name)

    def indexes(self) -> tuple[Index, ...]:
        """Give all indexes that the profile's engine holds, sorted by name."""
        return self.call(self.bench.indexes)

    def delete_index(self, index: Index | str) -> None:
        """Delete an index with all its content."""
        return self.call(self.bench.delete_index, index)

    def search(  # noqa: PLR0913 - where to look, and what to make of it
        self,
        query: str,
        *,
        index: Index | str,
        top_k: int = 5,
        mode: SearchMode | None = None,
        where: Filter | None = None,
        selection: Selection | None = None,
        rerank: bool | Rerank | Reranker | None = None,
    ) -> SearchResult:
        """Find the chunks of an index that fit a question best, best first."""
        return self.call(
            self.bench.search,
            query,
            index=index,
            top_k=top_k,
            mode=mode,
            where=where,
            selection=selection,
            rerank=rerank,
        )

    def evaluate_retrieval(
        self,
        index: Index | str,
        questions: Sequence[Question],
        *,
        modes: Sequence[SearchMode] | None = None,
        where: Filter | None = None,
        on_progress: OnProgress = silent,
    ) -> RetrievalQuality:
        """Measure how often searches find the documents that hold the answers, by mode."""
        measure = self.bench.evaluate_retrieval
        return self.call(
            measure, index, questions, modes=modes, where=where, on_progress=on_progress
        )
