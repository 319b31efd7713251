"""Indexes and what they hold, without any searching and adding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString

from tailorbird.retrieval.checks import can_be_name, missing_index
from tailorbird.retrieval.content_version import content_version
from tailorbird.retrieval.postgres.tables import Tables, create_content, drop_content
from tailorbird.types.ids import ChunkId, DocumentId, IndexName
from tailorbird.types.retrieval import Chunk, IndexedDocument, IndexInfo, IndexSpec, Span

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from tailorbird.retrieval.postgres.connecting import Connection

_ROW: LiteralString = """
SELECT id, spec, created_at, documents, chunks, terms, digest, analyzed, coalesce(
    (SELECT indisvalid FROM pg_index WHERE indexrelid =
        to_regclass(format('%%I.%%I', %(schema)s::text, 'hnsw_' || indexes.id))), false)
FROM {schema}.indexes"""

_CHUNK: LiteralString = """
SELECT c.id, c.name, d.name, c.text, c.span_start, c.span_end, c.title, c.source, c.section, c.page,
    c.metadata
FROM {chunks} AS c JOIN {schema}.documents AS d ON d.id = c.document_id
WHERE c.id = ANY (%s)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRow:
    """An index as it stands in its table."""

    tables: Tables
    """Where its content is."""
    spec: IndexSpec
    """What it is bound to."""
    created_at: datetime
    """When it was made; aware, UTC."""
    documents: int
    """How many documents there are."""
    chunks: int
    """How many chunks there are."""
    terms: int
    """How many terms all chunks have together."""
    digest: int
    """Sum of a digest for each document."""
    analyzed: int
    """How many chunks there were when the planner's statistics were made last."""
    has_hnsw: bool
    """Whether there is an HNSW index that can be used."""

    @property
    def mean_length(self) -> float:
        """Mean number of terms of a chunk, at least 1."""
        return max(1.0, self.terms / max(1, self.chunks))

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


async def read_indexes(
    connection: Connection, schema: str, name: IndexName | None = None
) -> list[IndexRow]:
    """Give all indexes sorted by name, or only the one of a name."""
    tables = Tables(schema=schema)
    cursor = await connection.execute(
        tables.sql(_ROW + " WHERE %(name)s::text IS NULL OR name = %(name)s ORDER BY name"),
        {"schema": schema, "name": name},
    )
    return [
        IndexRow(
            tables=Tables(schema=schema, number=number),
            spec=IndexSpec.model_validate_json(spec),
            created_at=created_at,
            documents=documents,
            chunks=chunks,
            terms=terms,
            digest=int(digest),
            analyzed=analyzed,
            has_hnsw=has_hnsw,
        )
        for (
            *(number, spec, created_at, documents, chunks, terms, digest, analyzed, has_hnsw),
        ) in await cursor.fetchall()
    ]


async def read_index(connection: Connection, schema: str, name: IndexName) -> IndexRow:
    """Give the index of a name.

    Raises:
        IndexMissingError: There is none.
    """
    if can_be_name(name) and (rows := await read_indexes(connection, schema, name)):
        return rows[0]
    known = await connection.execute(Tables(schema=schema).sql("SELECT name FROM {schema}.indexes"))
    raise missing_index(name, [IndexName(one) for (one,) in await known.fetchall()])


async def add_index(
    connection: Connection, schema: str, spec: IndexSpec, *, created_at: datetime
) -> IndexRow:
    """Make an index, or give the one that has its name."""
    async with connection.transaction():
        # Touches a row that is there, so that somebody who deletes it just now is waited for.
        cursor = await connection.execute(
            Tables(schema=schema).sql(
                "INSERT INTO {schema}.indexes (name, spec, created_at) VALUES (%s, %s, %s)"
                " ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id, xmax = 0"
            ),
            (spec.name, spec.model_dump_json(), created_at),
        )
        for number, is_new in await cursor.fetchall():
            if is_new:
                tables = Tables(schema=schema, number=number)
                await create_content(connection, tables, spec.dimensions)
        return await read_index(connection, schema, spec.name)


async def drop_index(connection: Connection, schema: str, name: IndexName) -> None:
    """Delete an index with its content.

    Raises:
        IndexMissingError: There is none of that name.
    """
    async with connection.transaction():
        row = await read_index(connection, schema, name)
        # The row first: it waits for whoever is adding, and whoever comes later finds no index.
        await connection.execute(
            row.tables.sql("DELETE FROM {schema}.indexes WHERE id = %s"), (row.tables.number,)
        )
        await drop_content(connection, row.tables)


async def read_contents(
    connection: Connection, schema: str, name: IndexName
) -> AsyncIterator[IndexedDocument]:
    """Give what is remembered of each document, sorted by id.

    Raises:
        IndexMissingError: There is no index of that name.
    """
    row = await read_index(connection, schema, name)
    cursor = await connection.execute(
        row.tables.sql(
            "SELECT name, content_hash, chunks FROM {schema}.documents WHERE index_id = %s"
            " ORDER BY name"
        ),
        (row.tables.number,),
    )
    async for document, content_hash, chunks in cursor:
        yield IndexedDocument(id=DocumentId(document), content_hash=content_hash, chunks=chunks)


async def read_chunks(
    connection: Connection, tables: Tables, numbers: Sequence[int]
) -> dict[int, Chunk]:
    """Give chunks by their numbers."""
    cursor = await connection.execute(tables.sql(_CHUNK), (list(numbers),))
    return {
        number: Chunk(
            id=ChunkId(name),
            document=DocumentId(document),
            text=text,
            span=Span(start=start, end=end),
            title=title,
            source=source,
            section=section,
            page=page,
            metadata=metadata,
        )
        for (
            *(number, name, document, text, start, end, title, source, section, page, metadata),
        ) in await cursor.fetchall()
    }
