"""The part of a workbench that builds indexes, searches them, and measures how well that works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.types.ids import IndexName
from tailorbird.workbench.arguments import check_documents, check_questions
from tailorbird.workflow.money.subject import spending_on
from tailorbird.workflow.progress import OnProgress, silent
from tailorbird.workflow.searching.index import Index, IndexEstimate, name_of, read_index

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable, Sequence
    from pathlib import Path

    from tailorbird.data import ChunkOptions
    from tailorbird.protocols import Reranker
    from tailorbird.types.filters import Filter
    from tailorbird.types.questions import Question
    from tailorbird.types.retrieval import Document, SearchMode
    from tailorbird.workbench.indexing import Indexing
    from tailorbird.workbench.parts import Parts
    from tailorbird.workflow.bulk.asking import BulkOptions
    from tailorbird.workflow.searching.index import IndexOptions
    from tailorbird.workflow.searching.retrieval_quality import RetrievalQuality
    from tailorbird.workflow.searching.search import SearchResult
    from tailorbird.workflow.searching.selection import Rerank, Selection


class Finder:
    """What `Workbench` has for documents; made by nobody else."""

    _parts: Parts

    async def build_index(  # noqa: PLR0913 - what to index, and how
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
        """Make an index hold these documents; only what changed is cut and embedded again.

        They are read as a stream, so that a source of any size takes little memory. After an error,
        a cancellation or a crash the same call goes on: no text is embedded twice, but for those of
        the calls that were under way, at most `options.concurrency` with 256 texts each. Of several
        calls for one index, also in other processes with this workspace, one is at work and the
        others wait for it, fifteen minutes at most.

        Args:
            documents: A folder or a file of a kind that `read_documents` loads, or documents.
            name: Name of the index: 1 to 64 letters, digits, `-`, `_`.
            chunking: How documents are cut; None takes the default.
            tenant_field: Key in the metadata that keeps tenants apart: each document needs it, and
                each search has to pin it down by `where`; None for an index without tenants.
            bulk: Embed by batches: about half the price, within a day. The source is read twice.
                Whoever stops waiting, or is killed, finds the batches again by the same call, from
                whatever process.
            options: How many calls at a time, and what becomes of documents that are gone.
            on_progress: Called as it goes on: `reading`, `embedding`, `indexing`.

        Raises:
            DataError: No document could be read; every file's problem is listed.
            InvalidInputError: There is no document, two have one id, one does not say which tenant
                it belongs to, or `bulk` cannot be used here.
            IndexMismatchError: An index of that name exists with another model, cut or tenants.
            IndexShrinkError: Most documents of the index are gone from the source.
            StoreBusyError: Somebody else was still building it after fifteen minutes.
            UnsupportedError: The provider has no batches; nothing was sent.
            JobError: Batches did not end in time, or some texts got no vector from them.
            ProviderError: What the embedding model said; what was done so far is kept.
        """
        check_documents(documents)
        work = self._indexing(name, chunking, tenant_field, bulk, options, on_progress)
        with spending_on(name):
            return await work.build(documents)

    async def estimate_index(
        self,
        documents: Path | str | Iterable[Document] | AsyncIterable[Document],
        *,
        name: str,
        chunking: ChunkOptions | None = None,
        tenant_field: str | None = None,
        bulk: bool | BulkOptions = False,
        on_progress: OnProgress = silent,
    ) -> IndexEstimate:
        """Say what `build_index` would do and cost; everything is read, nothing sent or written.

        The arguments are those of `build_index`, and so are the errors of reading.
        """
        check_documents(documents)
        work = self._indexing(name, chunking, tenant_field, bulk, None, on_progress)
        return await work.estimate(documents)

    def _indexing(
        self,
        name: str,
        chunking: ChunkOptions | None,
        tenant_field: str | None,
        bulk: bool | BulkOptions,  # noqa: FBT001 - private, and the same as above
        options: IndexOptions | None,
        on_progress: OnProgress,
    ) -> Indexing:
        # Cutting, batches and what they need cost 30 ms that `import tailorbird` does not pay.
        from tailorbird.workbench.indexing import Indexing  # noqa: PLC0415
        from tailorbird.workflow.bulk.asking import BulkOptions  # noqa: PLC0415

        batches = bulk if isinstance(bulk, BulkOptions) else BulkOptions() if bulk else None
        return Indexing(
            parts=self._parts,
            name=IndexName(name),
            chunking=chunking,
            tenant_field=tenant_field,
            bulk=batches,
            options=options,
            on_progress=on_progress,
        )

    async def index(self, name: str) -> Index:
        """Give an index that was built before.

        Raises:
            IndexMissingError: There is none of that name.
        """
        return await read_index(await self._parts.retrieval(), IndexName(name))

    async def indexes(self) -> tuple[Index, ...]:
        """Give all indexes that the profile's engine holds, sorted by name.

        One that somebody changed by other means is left out, and logged.
        """
        engine = await self._parts.retrieval()
        return tuple([Index(name=info.spec.name, info=info) async for info in engine.list()])

    async def delete_index(self, index: Index | str) -> None:
        """Delete an index with all its content.

        The workspace keeps the vectors that were paid for: building the index again from the same
        documents embeds nothing.

        Raises:
            IndexMissingError: There is none of that name.
            StoreBusyError: Somebody was still building it after fifteen minutes.
        """
        engine, name = await self._parts.retrieval(), name_of(index)
        async with self._parts.workspace.turns.of(f"index {name!r}"):
            await engine.delete(name)

    async def search(  # noqa: PLR0913 - where to look, and what to make of it
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
        """Find the chunks of an index that fit a question best, best first.

        Args:
            query: Question or words, not empty.
            index: The index, or its name.
            top_k: How many hits at most, 1..50.
            mode: `vector`, `lexical` or `hybrid`; None takes the best the engine offers.
            where: Which chunks to look at; None looks at all.
            selection: What is left out or joined; None gives what the engine finds.
            rerank: Whether the best hits are put into a better order before the first `top_k` are
                taken, and how: by a `Reranker`, the workbench's own, or the model of the role
                `reranker`, else of `chat`. None does as the profile says, else not.

        Returns:
            The hits, with the tokens of reranking as `usage`.

        Raises:
            InvalidInputError: An argument is outside its range, or a reranker lost hits.
            OutputInvalidError: The reranking model left passages out, or named others.
            UnsupportedError: Reranking by a model needs structured answers; there are none.
            IndexMissingError: There is no such index, or it is empty.
            IndexMismatchError: The index was built with another embedding model.
        """
        return await self._parts.search(
            query,
            name=name_of(index),
            top_k=top_k,
            mode=mode,
            where=where,
            selection=selection,
            rerank=rerank,
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
        check_questions(questions, name="questions")
        return await self._parts.evaluate_retrieval(
            name_of(index), questions, modes=modes, where=where, on_progress=on_progress
        )
