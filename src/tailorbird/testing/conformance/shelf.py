"""One clause's indexes in a retrieval engine: filled, waited for, and taken away."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tailorbird.exceptions import IndexMissingError
from tailorbird.types import (
    Chunk,
    ChunkedDocument,
    ChunkId,
    Document,
    DocumentId,
    IndexName,
    IndexSpec,
    SearchQuery,
    Span,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Self

    import numpy as np
    from numpy.typing import NDArray

    from tailorbird.protocols import Clock, Embeddings, Retrieval
    from tailorbird.types import Hit, IndexInfo, MetadataValue, ModelId, SearchMode

_BREAK = "\n\n"
_READY_S = 600.0
_POLL_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedder:
    """Makes the vectors for engines that need them, with any provider's embeddings."""

    embeddings: Embeddings
    """Who embeds."""
    model: ModelId
    """With which model."""
    clock: Clock
    """The clock to go by while an engine takes in what was added."""

    async def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Give one row of unit length for each text."""
        return (await self.embeddings.embed(texts, model=self.model)).vectors


class Shelf:
    """An engine with an embedder; leaving the block deletes the indexes that were made."""

    def __init__(self, engine: Retrieval, embed: Embedder) -> None:
        """Make nothing yet."""
        self.engine = engine
        self.embed = embed
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, traceback)

    async def spec(self, name: str = "", *, chunking: str = "") -> IndexSpec:
        """Describe an index, by default one of a name that nobody has."""
        named = IndexName(name or f"conformance-{secrets.token_hex(4)}")
        if not self.engine.traits.needs_vectors:
            return IndexSpec(name=named, chunking=chunking)
        width = int((await self.embed.vectors(["width"])).shape[1])
        return IndexSpec(
            name=named, embedding_model=self.embed.model, dimensions=width, chunking=chunking
        )

    async def create(self, spec: IndexSpec) -> IndexInfo:
        """Make an index that is deleted at the end."""
        made = await self.engine.create(spec)

        async def delete() -> None:
            with suppress(IndexMissingError):  # the clause itself may have deleted it
                await self.engine.delete(spec.name)

        self._stack.push_async_callback(delete)
        return made

    async def index(self, documents: Mapping[str, str] | None = None) -> IndexName:
        """Make an index of documents, given as ids with texts."""
        spec = await self.spec()
        await self.create(spec)
        if documents:
            await self.add(spec.name, [await self.cut(*one) for one in documents.items()])
        return spec.name

    async def cut(
        self,
        document: str,
        text: str,
        *,
        metadata: Mapping[str, MetadataValue] | None = None,
        vectors: NDArray[np.float32] | None = None,
    ) -> ChunkedDocument:
        """Cut a document into its paragraphs and embed them, unless vectors are given."""
        source = Document(
            id=DocumentId(document),
            text=text,
            title=f"About {document}",
            source=f"folder/{document}",
            metadata=metadata or {},
        )
        chunks = tuple(_paragraphs(source))
        if vectors is None and self.engine.traits.needs_vectors:
            vectors = await self.embed.vectors([chunk.text for chunk in chunks])
        digest = hashlib.sha256(repr((text, sorted(source.metadata.items()))).encode())
        return ChunkedDocument(
            document=source, chunks=chunks, content_hash=digest.hexdigest(), vectors=vectors
        )

    async def add(self, name: IndexName, documents: Sequence[ChunkedDocument]) -> None:
        """Add documents and wait until the engine has taken them in."""
        await self.engine.upsert(name, documents)
        end = self.embed.clock.monotonic() + _READY_S
        while not (await self.engine.get(name)).ready:
            if self.embed.clock.monotonic() > end:
                pytest.fail(f"index {name!r} was not ready within {_READY_S:g} s")
            await self.embed.clock.sleep(_POLL_S)

    async def search(
        self, name: IndexName, query: SearchQuery | str, *, mode: SearchMode | None = None
    ) -> tuple[Hit, ...]:
        """Search with a query, or with a text in a mode; a vector goes along where one is needed.

        Without a mode the engine takes its best one, which may need the vector.
        """
        if isinstance(query, str):
            query = SearchQuery(text=query, mode=mode)
        vector: NDArray[np.float32] | None = None
        if self.engine.traits.needs_vectors and query.mode != "lexical":
            [vector] = await self.embed.vectors([query.text])
        return await self.engine.search(name, query, vector=vector)


def _paragraphs(document: Document) -> list[Chunk]:
    chunks: list[Chunk] = []
    start = 0
    for text in document.text.split(_BREAK):
        chunks.append(
            Chunk(
                id=ChunkId(f"{document.id}#{len(chunks)}"),
                document=document.id,
                text=text,
                span=Span(start=start, end=start + len(text)),
                title=document.title,
                source=document.source,
                section=f"§{len(chunks)}",
                page=len(chunks) + 1,
                metadata=document.metadata,
            )
        )
        start += len(text) + len(_BREAK)
    return chunks


def documents_of(hits: Sequence[Hit]) -> list[str]:
    """Give the documents of hits, in order, each once."""
    return list(dict.fromkeys(hit.chunk.document for hit in hits))
