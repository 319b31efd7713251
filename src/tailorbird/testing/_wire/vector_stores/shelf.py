"""Vector stores as they are kept: what stands in them, and how a file gets in.

Each store is an index of the fake's hosted retrieval, so that search, scripted faults and the
record of calls are the fake's own. Names, attributes and states live as long as the application.
"""

from __future__ import annotations

import asyncio
import codecs
import hashlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from tailorbird.data.documents.chunks import ChunkOptions, chunk_document
from tailorbird.exceptions import IndexMissingError, NotFoundError
from tailorbird.testing._wire.errors import WireError
from tailorbird.types.ids import DocumentId, FileId, IndexName
from tailorbird.types.retrieval import ChunkedDocument, Document, IndexSpec, SearchQuery

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import JsonValue

    from tailorbird.testing._wire.world import World
    from tailorbird.types.filters import Filter
    from tailorbird.types.retrieval import Hit, MetadataValue

_MOST_BYTES = 20 << 20  # about the 5,000,000 tokens that a file may have
_TEXT_TYPES = frozenset({
    ".c", ".cpp", ".cs", ".css", ".go", ".html", ".java", ".js", ".json", ".md", ".php", ".py",
    ".rb", ".sh", ".tex", ".ts", ".txt",
})  # fmt: skip
# OpenAI: file search guide, "Supported files", read 2026-11-22; those of them that are plain text.
_UNSUPPORTED = "The file type is not supported."
_UNREADABLE = "The file could not be parsed because it is not in UTF-8 or UTF-16."


@dataclass(slots=True, kw_only=True)
class Kept:
    """A file of a store."""

    id: FileId
    """Its id."""
    attributes: Mapping[str, MetadataValue]
    """Values to filter by."""
    cut: ChunkOptions
    """How it is cut."""
    attached_at: datetime
    """When it was attached."""
    batch: str | None = None
    """The batch it came with; None for one that came alone."""
    name: str = ""
    """Its name, once it was read."""
    status: str = "in_progress"
    """`in_progress`, `completed`, `failed` or `cancelled`."""
    error: tuple[str, str] | None = None
    """Code and words when it failed."""
    usage_bytes: int = 0
    """What it takes."""
    texts: tuple[str, ...] = ()
    """Its pieces."""


@dataclass(slots=True, kw_only=True)
class StoreBatch:
    """Files that were attached together."""

    id: str
    """Its id."""
    created_at: datetime
    """When it was made."""
    files: tuple[FileId, ...]
    """Its files."""


@dataclass(slots=True, kw_only=True)
class VectorStore:
    """One store."""

    id: str
    """Its id, and the name of its index."""
    name: str
    """What it is called."""
    description: str | None
    """What it is for."""
    metadata: dict[str, str]
    """Pairs that are kept with it."""
    days: int | None
    """Days without use until it expires; None keeps it."""
    created_at: datetime
    """When it was made."""
    last_active_at: datetime
    """When it was last used."""
    files: dict[FileId, Kept] = field(default_factory=dict[FileId, Kept])
    """Its files, oldest first."""
    batches: dict[str, StoreBatch] = field(default_factory=dict[str, StoreBatch])
    """What was attached together."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while files are read."""

    @property
    def expires_at(self) -> datetime | None:
        """When it expires; None when it does not."""
        return None if self.days is None else self.last_active_at + timedelta(days=self.days)


class Shelf:
    """The vector stores of one world."""

    def __init__(self, world: World) -> None:
        """Begin empty, and let go of files that are deleted."""
        self._world = world
        self._retrieval = world.provider.retrieval
        self.stores: dict[str, VectorStore] = {}
        """The stores, oldest first."""
        world.file_gone.append(self._file_gone)

    async def create(self, store: VectorStore) -> None:
        """Put a new store on the shelf.

        Raises:
            TailorbirdError: The fake refused.
        """
        await self._retrieval.create(IndexSpec(name=IndexName(store.id)))
        self.stores[store.id] = store

    def find(self, wanted: str) -> VectorStore:
        """Give a store.

        Raises:
            WireError: There is none of that id (404).
        """
        store = self.stores.get(wanted)
        if store is None:
            raise WireError(f"Vector store with id {wanted[:80]!r} not found.", status=404)
        return store

    async def delete(self, store: VectorStore) -> None:
        """Take a store away; its files stay.

        Raises:
            TailorbirdError: The fake refused.
        """
        await self._retrieval.delete(IndexName(store.id))
        del self.stores[store.id]

    async def attach(self, store: VectorStore, files: Sequence[Kept]) -> None:
        """Attach files; reading them takes a while.

        Raises:
            NotFoundError: One of them does not exist; none was attached.
        """
        for one in files:
            stored = await self._world.provider.files.get(one.id)
            one.name = stored.name
        store.files.update({one.id: one for one in files})
        store.last_active_at = self._world.now()

    async def settle(self, store: VectorStore) -> None:
        """Read the files for which the time has come.

        Raises:
            TailorbirdError: The fake refused.
        """
        due = timedelta(seconds=self._world.settings.indexing_s)
        async with store.turn:
            for one in list(store.files.values()):
                if one.status == "in_progress" and one.attached_at + due <= self._world.now():
                    await self._read(store, one)

    async def change(self, store: VectorStore, one: Kept) -> None:
        """Take over new attributes of a file that was read.

        Raises:
            TailorbirdError: The fake refused.
        """
        async with store.turn:
            if one.status == "completed":
                await self._read(store, one)

    async def detach(self, store: VectorStore, file_id: FileId) -> None:
        """Take a file out of a store.

        Raises:
            TailorbirdError: The fake refused.
        """
        async with store.turn:
            del store.files[file_id]
            await self._retrieval.remove(IndexName(store.id), [DocumentId(file_id)])

    async def search(
        self, store: VectorStore, texts: Sequence[str], query: tuple[int, float, Filter | None]
    ) -> list[Hit]:
        """Search, in one or several wordings; a chunk that several find has its best score.

        Args:
            store: Where.
            texts: The wordings.
            query: How many hits, the least score, and which files.

        Raises:
            TailorbirdError: The fake refused.
        """
        top_k, least, condition = query
        best: dict[str, Hit] = {}
        for text in texts:
            asked = SearchQuery(text=text, top_k=top_k, filter=condition, min_score=least)
            try:
                hits = await self._retrieval.search(IndexName(store.id), asked)
            except IndexMissingError:
                continue
            for hit in hits:
                if hit.chunk.id not in best or best[hit.chunk.id].score < hit.score:
                    best[hit.chunk.id] = hit
        store.last_active_at = self._world.now()
        return sorted(best.values(), key=lambda hit: (-hit.score, hit.chunk.id))[:top_k]

    async def _read(self, store: VectorStore, one: Kept) -> None:
        try:
            content = await self._content(one)
        except NotFoundError:
            one.status, one.error = "failed", ("server_error", "The file was deleted.")
            return
        if PurePosixPath(one.name).suffix.lower() not in _TEXT_TYPES:
            one.status, one.error = "failed", ("unsupported_file", _UNSUPPORTED)
            return
        text = _decoded(content)
        if text is None:
            one.status, one.error = "failed", ("invalid_file", _UNREADABLE)
            return
        document = Document(
            id=DocumentId(one.id),
            text=text,
            title=one.name,
            source=one.name,
            metadata=one.attributes,
        )
        chunks = await self._world.in_thread(lambda: chunk_document(document, one.cut))
        digest = hashlib.sha256(content).hexdigest()
        ready = ChunkedDocument(document=document, chunks=chunks, content_hash=digest)
        await self._retrieval.upsert(IndexName(store.id), [ready])
        one.texts = tuple(chunk.text for chunk in chunks)
        one.usage_bytes = len(content)
        one.status, one.error = "completed", None

    async def _content(self, one: Kept) -> bytes:
        content = bytearray()
        async for piece in self._world.provider.files.content(one.id):
            content += piece
            if len(content) > _MOST_BYTES:
                return b"\xff"
        return bytes(content)

    async def _file_gone(self, file_id: FileId) -> None:
        for store in self.stores.values():
            if file_id in store.files:
                await self.detach(store, file_id)


def counts_json(files: Sequence[Kept]) -> dict[str, JsonValue]:
    """Count files by their status."""
    counts = Counter(one.status for one in files)
    names = ("in_progress", "completed", "failed", "cancelled")
    return {**{name: counts[name] for name in names}, "total": len(files)}


def _decoded(content: bytes) -> str | None:
    """Read a text; None when it is none."""
    encoding = "utf-8-sig"
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
