"""The tables of documents and their chunks. All calls block."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from tailorbird.exceptions import InvalidInputError
from tailorbird.retrieval.content_version import document_digest
from tailorbird.retrieval.local.sealing import damaged, row_seal
from tailorbird.retrieval.local.writing import NewChunk
from tailorbird.types.ids import ChunkId, DocumentId
from tailorbird.types.retrieval import Chunk, IndexedDocument, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tailorbird.storage import Database
    from tailorbird.types.retrieval import ChunkedDocument, MetadataValue

# What a chunk's seal is made of, in this order; `_Told` is a row of it.
_TOLD = (
    "c.name, d.name, c.text, c.span_start, c.span_end, coalesce(c.title, d.title),"
    " coalesce(c.source, d.source), c.section, c.page, coalesce(c.metadata, d.metadata)"
)
_Told = tuple[str, str, str, int, int, str, str, str | None, int | None, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a change of a document does to the index that holds it."""

    document: int
    """Number of the document in its table."""
    chunks: int
    """How many chunks it has."""
    digest: int
    """What the document adds to the digest of the index."""


class Documents:
    """The documents and chunks of all indexes of a database."""

    def __init__(self, database: Database) -> None:
        """Work on a database with the tables of `schema`."""
        self._database = database

    def take_out(self, index: int, name: DocumentId) -> Change | None:
        """Delete a document with its chunks; None where it is not there.

        Raises:
            StorageError: Its row is not of the kinds that are written.
        """
        found = self._database.execute(
            "SELECT id, content_hash, chunks FROM documents WHERE index_id = ? AND name = ?",
            (index, name),
        )
        if not found:
            return None
        if tuple(map(type, found[0])) != (int, str, int):
            raise damaged(f"the row of document {name!r} is not as it was written")
        number, content_hash, chunks = cast("tuple[int, str, int]", found[0])
        self._database.execute("DELETE FROM documents WHERE id = ?", (number,))
        return Change(document=number, chunks=chunks, digest=document_digest(name, content_hash))

    def put_in(self, index: int, given: ChunkedDocument) -> tuple[Change, list[NewChunk]]:
        """Add a document whose id is free.

        Raises:
            InvalidInputError: A chunk's id is used by another document.
        """
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
        number = self._last_row()
        told = [_told(chunk, metadata, document.metadata) for chunk in given.chunks]
        self._database.execute_many(
            "INSERT INTO chunks (index_id, document_id, ordinal, name, text, span_start,"
            " span_end, section, page, title, source, metadata)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *(index, number, ordinal, one[0], one[2], one[3], one[4], one[7], one[8]),
                    None if one[5] == document.title else one[5],
                    None if one[6] == document.source else one[6],
                    None if one[9] == metadata else one[9],
                )
                for ordinal, one in enumerate(told)
            ],
        )
        # Rows of one transaction in a table that counts on have numbers without gaps.
        first = self._last_row() - len(told) + 1
        change = Change(
            document=number,
            chunks=len(told),
            digest=document_digest(document.id, given.content_hash),
        )
        return change, [_new(first + place, number, one) for place, one in enumerate(told)]

    def _last_row(self) -> int:
        return cast("int", self._database.execute("SELECT last_insert_rowid()")[0][0])

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

    def contents(self, index: int) -> list[IndexedDocument]:
        """Give what is remembered of each document, sorted by id.

        Raises:
            StorageError: A row is not of the kinds that are written.
        """
        rows = self._database.execute(
            "SELECT name, content_hash, chunks FROM documents WHERE index_id = ? ORDER BY name",
            (index,),
        )
        if any(tuple(map(type, row)) != (str, str, int) for row in rows):
            raise damaged("a row of the table of documents is not as it was written")
        return [
            IndexedDocument(id=DocumentId(name), content_hash=content_hash, chunks=chunks)
            for name, content_hash, chunks in cast("list[tuple[str, str, int]]", rows)
        ]

    def read(self, documents: Sequence[int]) -> Iterator[NewChunk]:
        """Give the chunks of documents as a segment takes them, in order of the numbers."""
        for document in documents:
            rows = self._database.execute(
                f"SELECT c.id, {_TOLD} FROM documents AS d JOIN chunks AS c"  # noqa: S608 - ours
                " ON c.document_id = d.id WHERE d.id = ? ORDER BY c.ordinal",
                (document,),
            )
            for row in rows:
                yield _new(cast("int", row[0]), document, cast("_Told", row[1:]))

    def names(self, rows: Sequence[int]) -> dict[int, str]:
        """Give the ids of chunks by their numbers."""
        found = self._database.execute(
            "SELECT id, name FROM chunks WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(rows),),
        )
        # What is no text is told by `chunks`, which has the seals.
        return {cast("int", row): str(name) for row, name in found}

    def chunks(self, seals: Mapping[int, int]) -> dict[int, Chunk]:
        """Give chunks by their numbers, and see that they are what was written.

        Args:
            seals: The numbers, each with the seal that the segment has of it.

        Raises:
            StorageError: One is not there, or has changed.
        """
        found = self._database.execute(
            f"SELECT c.id, {_TOLD} FROM chunks AS c JOIN documents AS d"  # noqa: S608 - ours
            " ON d.id = c.document_id WHERE c.id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(seals)),),
        )
        told = {cast("int", row[0]): cast("_Told", row[1:]) for row in found}
        for row, seal in seals.items():
            if row not in told or _seal(told[row], tuple(map(type, told[row]))) != seal:
                raise damaged(f"the row {row} of the table of chunks is not as it was written")
        return {row: _chunk(one) for row, one in told.items()}


def _told(chunk: Chunk, shared: str, metadata: Mapping[str, MetadataValue]) -> _Told:
    own = shared if chunk.metadata == metadata else _json(chunk.metadata)
    return (
        *(chunk.id, chunk.document, chunk.text, chunk.span.start, chunk.span.end),
        *(chunk.title, chunk.source, chunk.section, chunk.page, own),
    )


def _new(row: int, document: int, told: _Told) -> NewChunk:
    return NewChunk(
        row=row,
        document=document,
        seal=row_seal(told),
        title=told[5],
        text=told[2],
        metadata=told[9],
    )


# The memos change no result, as what was read is what they go by: many questions find one chunk.
@lru_cache(maxsize=1 << 10)
def _seal(told: _Told, kinds: tuple[type, ...]) -> int:
    """Give the seal of a row; 1 and 1.0 are equal, and their rows have different ones."""
    del kinds
    return row_seal(told)


@lru_cache(maxsize=1 << 10)
def _chunk(told: _Told) -> Chunk:
    name, document, text, start, end, title, source, section, page, metadata = told
    return Chunk(
        id=ChunkId(name),
        document=DocumentId(document),
        text=text,
        span=Span(start=start, end=end),
        title=title,
        source=source,
        section=section,
        page=page,
        metadata=cast("dict[str, MetadataValue]", json.loads(metadata)),
    )


def _json(metadata: Mapping[str, MetadataValue]) -> str:
    return json.dumps(dict(metadata), ensure_ascii=False, sort_keys=True)
