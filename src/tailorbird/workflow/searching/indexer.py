"""Build an index: only what changed is cut, embedded and written again."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tailorbird.data import estimate_tokens
from tailorbird.data.documents.chunks import ChunkOptions
from tailorbird.exceptions import (
    IndexMissingError,
    IndexShrinkError,
    InvalidInputError,
    Problem,
)
from tailorbird.types.retrieval import IndexSpec
from tailorbird.types.usage import Price, Usage
from tailorbird.workflow.money.pricing import batch_cost, usage_cost
from tailorbird.workflow.progress import OnProgress, silent
from tailorbird.workflow.searching.embedder import LimitedEmbedder
from tailorbird.workflow.searching.index import Index, IndexEstimate, IndexOptions
from tailorbird.workflow.searching.ingest import Ingestion, tell
from tailorbird.workflow.searching.intake import Intake

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from tailorbird.protocols import Retrieval
    from tailorbird.types.ids import DocumentId, IndexName
    from tailorbird.types.retrieval import ChunkedDocument
    from tailorbird.workflow.searching.embedder import Embedder
    from tailorbird.workflow.searching.intake import Source

SHRINK_FROM = 20
"""Documents from which on an index is guarded against losing most of them: our own choice."""

_MOST_GONE = 0.5  # share of an index that may be gone without a word
_REMOVED_AT_ONCE = 1_000
_SHOWN_IDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexer:
    """Builds one index."""

    retrieval: Retrieval
    """The engine."""
    embedder: Embedder | None
    """Makes the vectors; None for engines that embed by themselves."""
    name: IndexName
    """The index."""
    chunking: ChunkOptions = field(default_factory=ChunkOptions)
    """How documents are cut."""
    tenant_field: str | None = None
    """Key in the metadata that every search has to pin down; None for an index without tenants."""
    options: IndexOptions = field(default_factory=IndexOptions)
    """How to build."""
    on_progress: OnProgress = silent
    """Called as it goes on."""

    async def build(self, source: Source) -> Index:
        """Make the index hold exactly these documents.

        Documents that are in the index unchanged are not touched; ones that are gone are removed as
        the options say, after everything was read and written. A crash leaves an index that the
        next call completes.

        Raises:
            InvalidInputError: There is no document, two have one id, one names no tenant, or no
                engine could keep one.
            DataError: A folder or file gives no document; every problem is listed.
            IndexMismatchError: The index exists with another model, width, cut or tenant field.
            IndexShrinkError: Most documents of the index are gone from the source.
            ProviderError: What the embedding model said; what was done so far is kept.
        """
        intake, writer = await self._begin(source)
        once = None
        if self.embedder is not None:
            once = LimitedEmbedder(self.embedder, asyncio.Semaphore(self.options.concurrency))
        work = Ingestion(
            intake=intake,
            embedder=once,
            write=writer,
            ahead=self.options.concurrency + 1,
            on_progress=self.on_progress,
        )
        await work.run()
        removed, kept, notes = await self._clear(intake)
        return Index(
            name=self.name,
            info=await self.retrieval.get(self.name),
            added=intake.added,
            changed=intake.changed,
            unchanged=intake.unchanged,
            removed=removed,
            kept=kept,
            embedded=work.embedded,
            usage=work.usage,
            problems=(*notes, *intake.problems),
        )

    async def estimate(self, source: Source, *, price: Price | None, bulk: bool) -> IndexEstimate:
        """Say what `build` would do and cost; nothing is sent or written.

        Args:
            source: What would be indexed.
            price: What the embedding model costs; None when that is not known.
            bulk: Whether it would embed by batches.

        Raises:
            TailorbirdError: What `build` raises for the source, and for the index as it is.
        """
        intake, _ = await self._begin(source)
        known: set[str] = set()
        chunks = tokens = 0
        async for count, missing in self._survey(intake):
            chunks += count
            fresh = [text for key, text in missing.items() if key not in known]
            known.update(missing)
            tokens += await asyncio.to_thread(_tokens, fresh)
        usage = Usage(input_tokens=tokens)
        usd = None
        if price is not None:
            usd = batch_cost(usage, price) if bulk else usage_cost(usage, price)
        return IndexEstimate(
            documents=intake.read,
            added=intake.added,
            changed=intake.changed,
            unchanged=intake.unchanged,
            gone=sum(map(len, intake.gone())),
            chunks=chunks,
            texts=len(known),
            input_tokens=tokens,
            usd=usd,
            problems=intake.problems,
        )

    async def new_texts(self, source: Source) -> AsyncGenerator[Mapping[str, str]]:
        """Give the texts that `build` would send, by their keys, some at a time.

        A text may come again. Nothing is sent or written.

        Raises:
            TailorbirdError: What `build` raises for the source, and for the index as it is.
        """
        intake, _ = await self._begin(source)
        async for _, missing in self._survey(intake):
            yield missing

    async def _survey(self, intake: Intake) -> AsyncGenerator[tuple[int, Mapping[str, str]]]:
        """Read everything; give the chunks of each step, and the texts without known vectors."""
        async with aclosing(intake.steps()) as steps:
            async for step in steps:
                tell(self.on_progress, "reading", step.read, intake.total)
                texts = await asyncio.to_thread(step.texts)
                missing: Mapping[str, str] = {}
                if self.embedder is not None and texts:
                    missing = await self.embedder.missing(texts)
                yield len(texts), missing

    async def _begin(self, source: Source) -> tuple[Intake, _Writer]:
        """Look at the index as it is, and prepare to read and write; nothing is written."""
        spec = self._spec()
        held: dict[DocumentId, str] = {}
        exists = await self._exists(spec)
        if exists:
            held = {one.id: one.content_hash async for one in self.retrieval.contents(self.name)}
        # In a thread: it looks for loaders that other packages have registered.
        intake = await asyncio.to_thread(
            Intake, source, options=self.chunking, tenant_field=self.tenant_field, held=held
        )
        return intake, _Writer(self.retrieval, spec, made=exists)

    def _spec(self) -> IndexSpec:
        try:
            return IndexSpec(
                name=self.name,
                embedding_model=None if self.embedder is None else self.embedder.model,
                chunking=self.chunking.fingerprint,
                tenant_field=self.tenant_field,
            )
        except ValueError as exc:
            message = (
                f"{self.name!r} cannot name an index: use 1 to 64 letters, digits, '-' or '_',"
                " beginning with a letter or digit"
            )
            raise InvalidInputError(message) from exc

    async def _exists(self, spec: IndexSpec) -> bool:
        """Say whether there is such an index.

        Raises:
            IndexMismatchError: It is of another kind.
        """
        try:
            info = await self.retrieval.get(self.name)
        except IndexMissingError:
            return False
        if self.embedder is not None:
            # The width is the model's business, and that it is the same model is checked here.
            width = self.embedder.dimensions or info.spec.dimensions or 1
            spec = spec.model_copy(update={"dimensions": width})
        await self.retrieval.create(spec)
        return True

    async def _clear(self, intake: Intake) -> tuple[int, int, tuple[Problem, ...]]:
        """Remove what is gone; give how many were removed and kept, and what to say about it."""
        gone, unread = intake.gone()
        if self.options.removal == "all":
            gone, unread = [*gone, *unread], []
        elif self.options.removal == "none" or not intake.whole:
            gone, unread = [], [*gone, *unread]
        else:
            self._guard(len(gone), of=len(gone) + len(unread) + intake.unchanged + intake.changed)
        removed = 0
        for start in range(0, len(gone), _REMOVED_AT_ONCE):
            removed += await self.retrieval.remove(
                self.name, gone[start : start + _REMOVED_AT_ONCE]
            )
        kept = self.options.removal == "guarded" and bool(unread)
        return removed, len(unread), (_kept(unread),) if kept else ()

    def _guard(self, gone: int, *, of: int) -> None:
        if of < SHRINK_FROM or gone <= of * _MOST_GONE:
            return
        message = (
            f"{gone:,} of the {of:,} documents that index {self.name!r} held are gone from the"
            " source: nothing was removed, what is new was written. Look whether the source is"
            " whole; if it is, build with removal='all'"
        )
        raise IndexShrinkError(message)


@dataclass(slots=True)
class _Writer:
    """Writes into an index, and makes it when its width is known."""

    retrieval: Retrieval
    spec: IndexSpec
    made: bool

    async def __call__(self, documents: Sequence[ChunkedDocument]) -> None:
        if not self.made:
            vectors = documents[0].vectors
            width = None if vectors is None else int(vectors.shape[1])
            await self.retrieval.create(self.spec.model_copy(update={"dimensions": width}))
            self.made = True
        await self.retrieval.upsert(self.spec.name, documents)


def _kept(documents: Sequence[DocumentId]) -> Problem:
    shown = ", ".join(map(repr, documents[:_SHOWN_IDS]))
    more = f" and {len(documents) - _SHOWN_IDS:,} more" if len(documents) > _SHOWN_IDS else ""
    reason = (
        "not all of the source could be read, so documents that did not come stay in the index as"
        f" they were: {shown}{more}"
    )
    fix = "mend what is reported, or build with removal='all'"
    return Problem(code="index.kept", severity="warning", source="<index>", reason=reason, fix=fix)


def _tokens(texts: Sequence[str]) -> int:
    return sum(map(estimate_tokens, texts))
