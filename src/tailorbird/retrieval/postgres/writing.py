"""Add and remove documents: one transaction each, whatever happens meanwhile.

Whoever writes a document holds its row from the first statement to the last. The terms' counts and
the index's are changed at the end and in one order, so that writers wait for each other briefly and
never in a circle.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg.types.json import Jsonb

from tailorbird.exceptions import InvalidInputError
from tailorbird.retrieval.content_version import MODULUS, document_digest
from tailorbird.retrieval.postgres.filters import exact

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tailorbird.retrieval.postgres.connecting import Connection
    from tailorbird.retrieval.postgres.store import IndexRow
    from tailorbird.retrieval.postgres.tables import Tables
    from tailorbird.retrieval.postgres.terms import ChunkTerms
    from tailorbird.types.ids import DocumentId
    from tailorbird.types.retrieval import ChunkedDocument


@dataclass(slots=True)
class _Change:
    """What a transaction changes in the sums of an index."""

    terms: Counter[int]
    documents: int = 0
    chunks: int = 0
    length: int = 0
    digest: int = 0


async def put_document(
    connection: Connection, index: IndexRow, given: ChunkedDocument, terms: Sequence[ChunkTerms]
) -> None:
    """Add a document that was checked, replacing the one of its id whole.

    Raises:
        InvalidInputError: A chunk's id is used by another document.
    """
    tables = index.tables
    document = given.document
    async with connection.transaction():
        cursor = await connection.execute(
            tables.sql(
                "INSERT INTO {schema}.documents (index_id, name) VALUES (%s, %s)"
                " ON CONFLICT (index_id, name) DO UPDATE SET name = excluded.name RETURNING id"
            ),
            (tables.number, document.id),
        )
        [(number,)] = await cursor.fetchall()
        change = await _empty(connection, tables, document.id, number)
        await _refuse_taken(connection, tables, given)
        await _put_chunks(connection, tables, number, given, terms)
        await connection.execute(
            tables.sql(
                "UPDATE {schema}.documents SET content_hash = %s, title = %s, source = %s,"
                " chunks = %s WHERE id = %s"
            ),
            (given.content_hash, document.title, document.source, len(given.chunks), number),
        )
        change.terms.update(_one_each(terms))
        change.documents += 1
        change.chunks += len(given.chunks)
        change.length += sum(one.length for one in terms)
        change.digest += document_digest(document.id, given.content_hash)
        await _apply(connection, tables, change)


async def remove_document(connection: Connection, index: IndexRow, name: DocumentId) -> bool:
    """Remove a document and say whether it was there."""
    tables = index.tables
    async with connection.transaction():
        cursor = await connection.execute(
            tables.sql(
                "SELECT id FROM {schema}.documents WHERE index_id = %s AND name = %s FOR UPDATE"
            ),
            (tables.number, name),
        )
        found = await cursor.fetchone()
        if found is None:
            return False
        [number] = found
        change = await _empty(connection, tables, name, number)
        await connection.execute(
            tables.sql("DELETE FROM {schema}.documents WHERE id = %s"), (number,)
        )
        await _apply(connection, tables, change)
    return True


async def _empty(connection: Connection, tables: Tables, name: DocumentId, number: int) -> _Change:
    """Take the chunks out of a document, and say what that changes; nothing for a new one."""
    change = _Change(Counter())
    cursor = await connection.execute(
        tables.sql(
            "SELECT content_hash, chunks FROM {schema}.documents"
            " WHERE id = %s AND content_hash IS NOT NULL"
        ),
        (number,),
    )
    for content_hash, chunks in await cursor.fetchall():
        change.documents -= 1
        change.chunks -= chunks
        change.digest -= document_digest(name, content_hash)
        old = await connection.execute(
            tables.sql(
                "SELECT t.length, t.terms FROM {terms} AS t JOIN {chunks} AS c USING (id)"
                " WHERE c.document_id = %s"
            ),
            (number,),
        )
        for length, terms in await old.fetchall():
            change.length -= length
            change.terms.subtract(terms)
        await connection.execute(
            tables.sql("DELETE FROM {chunks} WHERE document_id = %s"), (number,)
        )
    return change


async def _refuse_taken(connection: Connection, tables: Tables, given: ChunkedDocument) -> None:
    cursor = await connection.execute(
        tables.sql(
            "SELECT c.name, d.name FROM {chunks} AS c JOIN {schema}.documents AS d"
            " ON d.id = c.document_id WHERE c.name = ANY (%s) LIMIT 1"
        ),
        ([chunk.id for chunk in given.chunks],),
    )
    for chunk, owner in await cursor.fetchall():
        message = (
            f"document {given.document.id!r}: the chunk id {chunk!r} is used by document"
            f" {owner!r}; chunk ids must be unique within an index"
        )
        raise InvalidInputError(message)


async def _put_chunks(
    connection: Connection,
    tables: Tables,
    document: int,
    given: ChunkedDocument,
    terms: Sequence[ChunkTerms],
) -> None:
    cursor = await connection.execute(
        tables.sql("SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"),
        (tables.sql("{chunks}").as_string(connection), len(given.chunks)),
    )
    numbers = [number for (number,) in await cursor.fetchall()]
    cursor = connection.cursor()
    async with cursor.copy(
        tables.sql(
            "COPY {chunks} (id, document_id, ordinal, name, text, span_start, span_end, section,"
            " page, title, source, metadata) FROM STDIN"
        )
    ) as copy:
        for ordinal, (number, chunk) in enumerate(zip(numbers, given.chunks, strict=True)):
            await copy.write_row(
                (
                    *(number, document, ordinal, chunk.id, chunk.text),
                    *(chunk.span.start, chunk.span.end, chunk.section, chunk.page),
                    *(
                        chunk.title,
                        chunk.source,
                        Jsonb({key: exact(one) for key, one in chunk.metadata.items()}),
                    ),
                )
            )
    async with cursor.copy(
        tables.sql("COPY {terms} (id, length, terms, weights) FROM STDIN (FORMAT BINARY)")
    ) as copy:
        copy.set_types(["int8", "int4", "int4[]", "sparsevec"])
        for number, one in zip(numbers, terms, strict=True):
            await copy.write_row((number, one.length, one.numbers, one.weights))
    if given.vectors is None:
        return
    async with cursor.copy(
        tables.sql("COPY {vectors} (id, vector) FROM STDIN (FORMAT BINARY)")
    ) as copy:
        copy.set_types(["int8", "vector"])
        for number, vector in zip(numbers, given.vectors, strict=True):
            await copy.write_row((number, vector))


async def _apply(connection: Connection, tables: Tables, change: _Change) -> None:
    changed = sorted((term, count) for term, count in change.terms.items() if count)
    await connection.execute(
        tables.sql(
            "INSERT INTO {lexicon} AS l (term, chunks) SELECT * FROM"
            " unnest(%s::int4[], %s::int8[]) AS new (term, chunks) ORDER BY term"
            " ON CONFLICT (term) DO UPDATE SET chunks = l.chunks + excluded.chunks"
        ),
        ([term for term, _ in changed], [count for _, count in changed]),
    )
    await connection.execute(
        tables.sql(
            "UPDATE {schema}.indexes SET documents = documents + %s, chunks = chunks + %s,"
            " terms = terms + %s, digest = mod(digest + %s, %s) WHERE id = %s"
        ),
        (
            *(change.documents, change.chunks, change.length),
            *(change.digest % MODULUS, MODULUS, tables.number),
        ),
    )


def _one_each(terms: Iterable[ChunkTerms]) -> Counter[int]:
    return Counter(number for one in terms for number in one.numbers)
