"""Local indexes in SQLite: what is kept, without any searching. All calls block."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast

from tailorbird.exceptions import InvalidInputError
from tailorbird.retrieval.content_version import MODULUS, content_version, document_digest
from tailorbird.retrieval.local.schema import STEPS
from tailorbird.storage import Database
from tailorbird.types.ids import ChunkId, DocumentId
from tailorbird.types.retrieval import Chunk, IndexedDocument, IndexInfo, IndexSpec, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tailorbird.types.retrieval import ChunkedDocument, MetadataValue

_PAGE = 256  # documents read at once


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRow:
    """An index as it stands in its table."""

    id: int
    """Number of the index, never used again."""
    spec: IndexSpec
    """What the index is bound to."""
    created_at: datetime
    """When it was made."""
    changes: int
    """Grows with each change of the content."""
    digest: int
    """Sum of a hash for each document."""
    documents: int
    """How many documents there are."""
    chunks: int
    """How many chunks there are."""

    @property
    def info(self) -> IndexInfo:
        """The index as callers see it; equal content gives the equal version."""
        return IndexInfo(
            spec=self.spec,
            documents=self.documents,
            chunks=self.chunks,
            version=content_version(self.spec, self.digest),
            created_at=self.created_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedChunk:
    """What searching needs to know of a chunk."""

    row: int
    """Number of the chunk in its table."""
    document: int
    """Number of its document in its table."""
    name: ChunkId
    """The chunk's id."""
    title: str
    """Title to search in."""
    text: str
    """Text to search in."""
    metadata: str
    """Metadata as JSON with sorted keys."""


class Store:
    """All local indexes of one folder, or of memory."""

    def __init__(self, path: Path | None) -> None:
        """Open the file, or make it; None keeps everything in memory.

        Raises:
            StorageError: It cannot be opened.
        """
        self._database = Database(path, steps=STEPS)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def snapshot(self) -> AbstractContextManager[None]:
        """Let everything in a block read one state."""
        return self._database.snapshot()

    def transaction(self) -> AbstractContextManager[None]:
        """Let everything in a block take effect together."""
        return self._database.transaction()

    def indexes(self, name: str | None = None) -> list[IndexRow]:
        """Give all indexes sorted by name, or only the one of a name."""
        rows = self._database.execute(
            "SELECT id, spec, created_at, changes, digest, documents, chunks FROM indexes"
            " WHERE ? IS NULL OR name = ? ORDER BY name",
            (name, name),
        )
        return [
            IndexRow(
                id=number,
                spec=IndexSpec.model_validate_json(spec),
                created_at=datetime.fromisoformat(created_at),
                changes=changes,
                digest=int(digest, 16),
                documents=documents,
                chunks=chunks,
            )
            for number, spec, created_at, changes, digest, documents, chunks in cast(
                "list[tuple[int, str, str, int, str, int, int]]", rows
            )
        ]

    def add_index(self, spec: IndexSpec, *, created_at: datetime) -> IndexRow:
        """Make an index, or give the one that has its name."""
        with self.transaction():
            self._database.execute(
                "INSERT OR IGNORE INTO indexes (name, spec, created_at) VALUES (?, ?, ?)",
                (spec.name, spec.model_dump_json(), created_at.isoformat()),
            )
            return self.indexes(spec.name)[0]

    def drop_index(self, index: int) -> None:
        """Delete an index with its content, and give its room back to the disk."""
        self._database.execute("DELETE FROM indexes WHERE id = ?", (index,))
        self._database.shrink()

    def put(self, index: int, documents: Sequence[ChunkedDocument]) -> None:
        """Add documents, replacing those of the same id whole; within a transaction.

        Raises:
            InvalidInputError: A chunk's id is used by another document.
        """
        for document in documents:
            self._take_out(index, document.document.id)
            self._put_in(index, document)

    def remove(self, index: int, documents: Sequence[DocumentId]) -> int:
        """Remove documents and say how many were there; within a transaction."""
        return sum(self._take_out(index, document) for document in documents)

    def _take_out(self, index: int, name: DocumentId) -> bool:
        found = self._database.execute(
            "SELECT id, content_hash, chunks FROM documents WHERE index_id = ? AND name = ?",
            (index, name),
        )
        if not found:
            return False
        number, content_hash, chunks = cast("tuple[int, str, int]", found[0])
        self._database.execute("DELETE FROM documents WHERE id = ?", (number,))
        self._count(
            index, documents=-1, chunks=-chunks, digest=-document_digest(name, content_hash)
        )
        return True

    def _put_in(self, index: int, given: ChunkedDocument) -> None:
        document = given.document
        self._refuse_taken(index, given)
        metadata = _json(document.metadata)
        self._database.execute(
            "INSERT INTO documents"
            " (index_id, name, content_hash, title, source, metadata, chunks)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                *(index, document.id, given.content_hash),
                *(document.title, document.source, metadata, len(given.chunks)),
            ),
        )
        number = cast("int", self._database.execute("SELECT last_insert_rowid()")[0][0])
        self._database.execute_many(
            "INSERT INTO chunks (index_id, document_id, ordinal, name, text, span_start,"
            " span_end, section, page, title, source, metadata)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *(index, number, ordinal, chunk.id, chunk.text),
                    *(chunk.span.start, chunk.span.end, chunk.section, chunk.page),
                    None if chunk.title == document.title else chunk.title,
                    None if chunk.source == document.source else chunk.source,
                    None if chunk.metadata == document.metadata else _json(chunk.metadata),
                )
                for ordinal, chunk in enumerate(given.chunks)
            ],
        )
        if given.vectors is not None and given.chunks:
            data = given.vectors.astype("<f4").tobytes()
            self._database.execute("INSERT INTO vectors VALUES (?, ?)", (number, data))
        digest = document_digest(document.id, given.content_hash)
        self._count(index, documents=1, chunks=len(given.chunks), digest=digest)

    def _refuse_taken(self, index: int, given: ChunkedDocument) -> None:
        taken = self._database.execute(
            "SELECT chunks.name, documents.name FROM chunks JOIN documents ON documents.id ="
            " document_id WHERE chunks.index_id = ? AND chunks.name IN"
            " (SELECT value FROM json_each(?)) LIMIT 1",
            (index, json.dumps([chunk.id for chunk in given.chunks])),
        )
        if taken:
            chunk, owner = taken[0]
            message = (
                f"document {given.document.id!r}: the chunk id {chunk!r} is used by document"
                f" {owner!r}; chunk ids must be unique within an index"
            )
            raise InvalidInputError(message)

    def _count(self, index: int, *, documents: int, chunks: int, digest: int) -> None:
        old = cast(
            "str", self._database.execute("SELECT digest FROM indexes WHERE id = ?", (index,))[0][0]
        )
        self._database.execute(
            "UPDATE indexes SET changes = changes + 1, documents = documents + ?,"
            " chunks = chunks + ?, digest = ? WHERE id = ?",
            (documents, chunks, f"{(int(old, 16) + digest) % MODULUS:x}", index),
        )

    def contents(self, index: int) -> list[IndexedDocument]:
        """Give what is remembered of each document, sorted by id."""
        rows = self._database.execute(
            "SELECT name, content_hash, chunks FROM documents WHERE index_id = ? ORDER BY name",
            (index,),
        )
        return [
            IndexedDocument(id=DocumentId(name), content_hash=content_hash, chunks=chunks)
            for name, content_hash, chunks in cast("list[tuple[str, str, int]]", rows)
        ]

    def documents(self, index: int) -> list[int]:
        """Give the numbers of an index's documents, increasing."""
        rows = self._database.execute(
            "SELECT id FROM documents WHERE index_id = ? ORDER BY id", (index,)
        )
        return [cast("int", number) for (number,) in rows]

    def load_chunks(self, documents: Sequence[int]) -> Iterator[LoadedChunk]:
        """Read the chunks of documents, in the order of the documents' numbers."""
        for page in _pages(documents):
            rows = self._database.execute(
                "SELECT c.id, d.id, c.name, coalesce(c.title, d.title), c.text,"
                " coalesce(c.metadata, d.metadata)"
                " FROM documents AS d JOIN chunks AS c ON c.document_id = d.id"
                " WHERE d.id IN (SELECT value FROM json_each(?)) ORDER BY d.id, c.ordinal",
                (page,),
            )
            for row, document, name, title, text, metadata in cast(
                "list[tuple[int, int, str, str, str, str]]", rows
            ):
                yield LoadedChunk(
                    row=row,
                    document=document,
                    name=ChunkId(name),
                    title=title,
                    text=text,
                    metadata=metadata,
                )

    def load_vectors(self, documents: Sequence[int]) -> Iterator[bytes]:
        """Read the vectors of documents in the same order, as little-endian float32."""
        for page in _pages(documents):
            rows = self._database.execute(
                "SELECT data FROM vectors WHERE document_id IN"
                " (SELECT value FROM json_each(?)) ORDER BY document_id",
                (page,),
            )
            for (data,) in rows:
                yield cast("bytes", data)

    def chunks(self, rows: Sequence[int]) -> dict[int, Chunk]:
        """Give chunks by their numbers."""
        found = self._database.execute(
            "SELECT c.id, c.name, d.name, c.text, c.span_start, c.span_end,"
            " coalesce(c.title, d.title), coalesce(c.source, d.source), c.section, c.page,"
            " coalesce(c.metadata, d.metadata)"
            " FROM chunks AS c JOIN documents AS d ON d.id = c.document_id"
            " WHERE c.id IN (SELECT value FROM json_each(?))",
            (json.dumps(rows),),
        )
        return {row[0]: _chunk(row) for row in cast("list[_ChunkRow]", found)}


# As `Store.chunks` selects it.
_ChunkRow = tuple[int, str, str, str, int, int, str, str, str | None, int | None, str]


def _chunk(row: _ChunkRow) -> Chunk:
    _, name, document, text, start, end, title, source, section, page, metadata = row
    return Chunk(
        id=ChunkId(name),
        document=DocumentId(document),
        text=text,
        span=Span(start=start, end=end),
        title=title,
        source=source,
        section=section,
        page=page,
        metadata=read_metadata(metadata),
    )


def read_metadata(text: str) -> dict[str, MetadataValue]:
    """Read metadata that this module wrote."""
    return cast("dict[str, MetadataValue]", json.loads(text))


def _json(metadata: Mapping[str, MetadataValue]) -> str:
    return json.dumps(dict(metadata), ensure_ascii=False, sort_keys=True)


def _pages(documents: Sequence[int]) -> Iterator[str]:
    for start in range(0, len(documents), _PAGE):
        yield json.dumps(documents[start : start + _PAGE])
