"""Build an index: only what changed is cut and embedded again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from tailorbird.data.documents.chunks import ChunkOptions, chunk_document
from tailorbird.data.problems import Problems, excerpt
from tailorbird.data.unusual_text import findings
from tailorbird.exceptions import InvalidInputError, Problem
from tailorbird.types.base import Frozen
from tailorbird.types.ids import DocumentId, IndexName
from tailorbird.types.retrieval import ChunkedDocument, IndexInfo, IndexSpec
from tailorbird.types.usage import Usage
from tailorbird.workflow.progress import OnProgress, Progress, silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tailorbird.protocols import Retrieval
    from tailorbird.types.retrieval import Chunk, Document
    from tailorbird.workflow.searching.search import Embedder

_CHUNKS_A_STEP = 256
_SHOWN_IDS = 5
_HIDDEN = ("text.invisible", "text.direction")


class Index(Frozen):
    """An index that was built, and what building it took."""

    name: IndexName
    """Its name; give it, or this object, wherever an index is asked for."""
    info: IndexInfo
    """How it stands now."""
    added: int = Field(default=0, ge=0)
    """Documents that were new."""
    changed: int = Field(default=0, ge=0)
    """Documents whose content had changed."""
    unchanged: int = Field(default=0, ge=0)
    """Documents that were left as they were."""
    removed: int = Field(default=0, ge=0)
    """Documents that are gone from the source."""
    embedded: int = Field(default=0, ge=0)
    """Chunks that were sent to the embedding model."""
    usage: Usage = Field(default_factory=Usage)
    """Tokens that were embedded."""
    problems: tuple[Problem, ...] = ()
    """What was found while reading: skipped files, notes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexer:
    """Builds the indexes of one engine."""

    retrieval: Retrieval
    """The engine."""
    embedder: Embedder | None
    """Makes the vectors; None for engines that embed by themselves."""

    async def build(
        self,
        documents: Sequence[Document],
        *,
        name: IndexName,
        chunking: ChunkOptions | None = None,
        tenant_field: str | None = None,
        problems: tuple[Problem, ...] = (),
        on_progress: OnProgress = silent,
    ) -> Index:
        """Make the index hold exactly these documents.

        Documents that are in the index unchanged are not touched; ones that are not given any
        more are removed. A crash leaves an index that the next call completes.

        Args:
            documents: What to hold; ids must be unique.
            name: The index.
            chunking: How documents are cut; None takes the default.
            tenant_field: Key in the metadata that every search has to pin down; None for an index
                without tenants.
            problems: What was found while reading; carried along.
            on_progress: Called after each step.

        Raises:
            InvalidInputError: There is no document, two have one id, or one names no tenant.
            IndexMismatchError: The index exists with another model, width, cut or tenant field.
            ProviderError: What the embedding model said; what was done so far is kept.
        """
        _check_unique(documents)
        options = chunking or ChunkOptions()
        _check_tenants(documents, tenant_field)
        spec = await self._spec(name, options, documents[0])
        spec = spec.model_copy(update={"tenant_field": tenant_field})
        before = await self.retrieval.create(spec)
        held = {one.id: one.content_hash async for one in self.retrieval.contents(name)}
        hashes = {one.id: content_hash(one, options) for one in documents}
        gone = [one for one in held if one not in hashes]
        waiting = [one for one in documents if held.get(one.id) != hashes[one.id]]
        embedded, usage = 0, Usage()
        done = len(documents) - len(waiting)
        for group in _groups(waiting, options):
            cost = await self._add(name, group, hashes)
            embedded, usage = embedded + cost[0], usage + cost[1]
            done += len(group)
            on_progress(Progress(step="indexing", done=done, total=len(documents)))
        removed = await self.retrieval.remove(name, gone) if gone else 0
        added = sum(one.id not in held for one in waiting)
        return Index(
            name=name,
            info=await self.retrieval.get(before.spec.name),
            added=added,
            changed=len(waiting) - added,
            unchanged=len(documents) - len(waiting),
            removed=removed,
            embedded=embedded,
            usage=usage,
            problems=problems,
        )

    async def _spec(self, name: IndexName, options: ChunkOptions, sample: Document) -> IndexSpec:
        if self.embedder is None:
            return _named(name, chunking=options.fingerprint)
        # The width is the model's business; one known or cheap vector tells it.
        probe = await self.embedder.embed([chunk_document(sample, options)[0].text])
        return _named(name, chunking=options.fingerprint).model_copy(
            update={
                "embedding_model": self.embedder.model,
                "dimensions": int(probe.vectors.shape[1]),
            }
        )

    async def _add(
        self,
        name: IndexName,
        group: Sequence[tuple[Document, tuple[Chunk, ...]]],
        hashes: Mapping[DocumentId, str],
    ) -> tuple[int, Usage]:
        chunks = [chunk for _, cut in group for chunk in cut]
        if self.embedder is None:
            vectors, fresh, usage = None, 0, Usage()
        else:
            result = await self.embedder.embed([embedding_text(chunk) for chunk in chunks])
            vectors, fresh, usage = result.vectors, result.fresh, result.usage
        ready: list[ChunkedDocument] = []
        start = 0
        for document, cut in group:
            end = start + len(cut)
            ready.append(
                ChunkedDocument(
                    document=document,
                    chunks=cut,
                    content_hash=hashes[document.id],
                    vectors=None if vectors is None else vectors[start:end],
                )
            )
            start = end
        await self.retrieval.upsert(name, ready)
        return fresh, usage


def name_of(index: Index | str) -> IndexName:
    """Give the name of an index that is given as itself or by its name."""
    return IndexName(index) if isinstance(index, str) else index.name


def hidden_text(documents: Sequence[Document]) -> tuple[Problem, ...]:
    """Report characters that no reader sees and a model does, for documents that no file gave."""
    problems = Problems("<data>")
    for record, document in enumerate(documents, start=1):
        for text in (document.title, document.text):
            for one in findings(text):
                if one.code in _HIDDEN:
                    problems.add(
                        one.severity,
                        one.code,
                        f"document {excerpt(document.id)!r}: {one.reason}",
                        one.fix,
                        record=record,
                        excerpt=excerpt(text, one.at),
                    )
    return problems.found


async def read_index(retrieval: Retrieval, name: IndexName) -> Index:
    """Give an index that was built before.

    Raises:
        IndexMissingError: There is none of that name.
    """
    info = await retrieval.get(name)
    return Index(name=name, info=info, unchanged=info.documents)


def embedding_text(chunk: Chunk) -> str:
    """Give what is embedded for a chunk: its document's title and section lead the text."""
    heads = [head for head in (chunk.title, chunk.section) if head and head not in chunk.text]
    return "\n".join([*dict.fromkeys(heads), chunk.text])


def content_hash(document: Document, options: ChunkOptions) -> str:
    """Give a hash that changes with anything that would change the document's chunks."""
    parts = [
        document.text,
        document.title,
        document.source,
        json.dumps(dict(document.metadata), sort_keys=True, ensure_ascii=False),
        options.fingerprint,
    ]
    if document.marks:
        # Headings, pages and sheets go along with each chunk, also where the text is the same.
        marks = [mark.model_dump(mode="json") for mark in document.marks]
        parts.append(json.dumps(marks, sort_keys=True, ensure_ascii=False))
    joined = json.dumps(parts, ensure_ascii=True)
    return hashlib.sha256(joined.encode("ascii")).hexdigest()


def _named(name: IndexName, *, chunking: str) -> IndexSpec:
    try:
        return IndexSpec(name=name, chunking=chunking)
    except ValueError as exc:
        message = (
            f"{name!r} cannot name an index: use 1 to 64 letters, digits, '-' or '_', beginning"
            " with a letter or digit"
        )
        raise InvalidInputError(message) from exc


def _check_unique(documents: Sequence[Document]) -> None:
    if not documents:
        message = "there is no document to index; give a folder with texts, pages, tables or slides"
        raise InvalidInputError(message)
    seen: set[str] = set()
    for document in documents:
        if document.id in seen:
            message = f"two documents have the id {document.id!r}; ids must be unique"
            raise InvalidInputError(message)
        seen.add(document.id)


def _check_tenants(documents: Sequence[Document], field: str | None) -> None:
    lost = [one.id for one in documents if field is not None and field not in one.metadata]
    if lost:
        shown = ", ".join(map(repr, lost[:_SHOWN_IDS])) + (", …" if len(lost) > _SHOWN_IDS else "")
        message = (
            f"{len(lost)} documents name no tenant, so that nobody could find them: {shown}; give"
            f" each the key {field!r} in its metadata"
        )
        raise InvalidInputError(message)


def _groups(
    documents: Sequence[Document], options: ChunkOptions
) -> Iterator[list[tuple[Document, tuple[Chunk, ...]]]]:
    group: list[tuple[Document, tuple[Chunk, ...]]] = []
    size = 0
    for document in documents:
        chunks = chunk_document(document, options)
        if group and size + len(chunks) > _CHUNKS_A_STEP:
            yield group
            group, size = [], 0
        group.append((document, chunks))
        size += len(chunks)
    if group:
        yield group
