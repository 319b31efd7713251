"""The tables of the engine, how they came to be, and how statements name them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString

from psycopg import sql

from tailorbird.exceptions import StoreVersionError

if TYPE_CHECKING:
    from tailorbird.retrieval.postgres.connecting import Connection

DIMENSIONS = 1_000_000_000
"""Width of a sparse vector of terms, the most there is (pgvector 0.8 README, Sparsevec type)."""

HALF_DIMENSIONS = 4000
"""The widest vectors of half precision that HNSW takes (pgvector 0.8 README, HNSW)."""

# A page has 8,192 bytes; a wider vector does not fit into one beside the row's and page's heads.
_PLAIN_DIMENSIONS = 1950

_FIRST: LiteralString = """
CREATE TABLE {schema}.indexes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    spec text NOT NULL,
    created_at timestamptz NOT NULL,
    documents bigint NOT NULL DEFAULT 0,
    chunks bigint NOT NULL DEFAULT 0,
    terms bigint NOT NULL DEFAULT 0,
    digest numeric(39) NOT NULL DEFAULT 0,
    analyzed bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE TABLE {schema}.documents (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    index_id bigint NOT NULL REFERENCES {schema}.indexes (id) ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,
    content_hash text,
    title text NOT NULL DEFAULT '',
    source text NOT NULL DEFAULT '',
    chunks integer NOT NULL DEFAULT 0,
    UNIQUE (index_id, name)
)"""

STEPS: tuple[LiteralString, ...] = (_FIRST,)
"""Version n of the schema is what the first n steps make.

`indexes.digest` is the sum, modulo 2**128, of a hash for each document; `indexes.terms` counts the
terms of all chunks, for their mean length. Each index has tables of its own, so that its columns
and indexes have its width, and dropping it is one step.
"""

_CONTENT: LiteralString = """
CREATE TABLE {chunks} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    document_id bigint NOT NULL,
    ordinal integer NOT NULL,
    name text COLLATE "C" NOT NULL UNIQUE,
    text text NOT NULL,
    span_start bigint NOT NULL,
    span_end bigint NOT NULL,
    section text,
    page integer,
    title text NOT NULL,
    source text NOT NULL,
    metadata jsonb NOT NULL,
    UNIQUE (document_id, ordinal)
);
CREATE INDEX ON {chunks} USING gin (metadata jsonb_path_ops);
CREATE TABLE {terms} (
    id bigint PRIMARY KEY REFERENCES {chunks} (id) ON DELETE CASCADE,
    length integer NOT NULL,
    terms integer[] NOT NULL,
    weights sparsevec NOT NULL
) WITH (toast_tuple_target = 8160);
ALTER TABLE {terms} ALTER terms SET STORAGE MAIN, ALTER weights SET STORAGE MAIN;
CREATE INDEX ON {terms} USING gin (terms) WITH (gin_pending_list_limit = 512);
CREATE TABLE {lexicon} (
    term integer PRIMARY KEY,
    chunks bigint NOT NULL
) WITH (fillfactor = 70)"""

_VECTORS: LiteralString = """
CREATE TABLE {vectors} (
    id bigint PRIMARY KEY REFERENCES {chunks} (id) ON DELETE CASCADE,
    vector vector({dimensions}) NOT NULL
);
ALTER TABLE {vectors} ALTER vector SET STORAGE {storage}"""

_DROP: LiteralString = "DROP TABLE IF EXISTS {vectors}, {lexicon}, {terms}, {chunks}"

_HNSW: LiteralString = (
    "CREATE INDEX CONCURRENTLY {hnsw_name} ON {vectors}"
    " USING hnsw ((vector::halfvec({dimensions})) halfvec_cosine_ops)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """Names of the tables of one index: a checked schema, fixed words and a number."""

    schema: str
    """The schema."""
    number: int = 0
    """Number of the index, never used again; 0 for what belongs to all of them."""

    @property
    def hnsw(self) -> str:
        """Name of the HNSW index, without the schema."""
        return f"hnsw_{self.number}"

    def sql(self, text: LiteralString, **parts: sql.Composable) -> sql.Composed:
        """Put the names into a statement, and other parts that were made safe before."""
        names = {
            one: sql.Identifier(self.schema, f"{one}_{self.number}")
            for one in ("chunks", "terms", "lexicon", "vectors")
        }
        return sql.SQL(text).format(
            schema=sql.Identifier(self.schema),
            hnsw_name=sql.Identifier(self.hnsw),
            hnsw=sql.Identifier(self.schema, self.hnsw),
            **names,
            **parts,
        )


async def migrate(
    connection: Connection, schema: str, *, steps: Sequence[LiteralString] = STEPS
) -> None:
    """Bring the schema to the version of this code, whoever else does the same just now.

    Raises:
        StoreVersionError: A newer version of tailorbird made it.
    """
    tables = Tables(schema=schema)
    async with connection.transaction():
        await connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('tailorbird ' || %s, 0))", (schema,)
        )
        found = await _version(connection, tables)
        if found > len(steps):
            message = (
                f"the schema {schema!r} has version {found}, this tailorbird knows {len(steps)}:"
                " upgrade tailorbird, or name another schema in the profile"
            )
            raise StoreVersionError(message)
        for step in steps[found:]:
            await connection.execute(tables.sql(step))
        if found < len(steps):
            await connection.execute(
                tables.sql("UPDATE {schema}.meta SET version = %s"), (len(steps),)
            )


async def _version(connection: Connection, tables: Tables) -> int:
    known = await connection.execute(
        "SELECT to_regclass(format('%%I.meta', %s::text))", (tables.schema,)
    )
    if await known.fetchone() == (None,):
        await _create_schema(connection, tables)
        await connection.execute(tables.sql("CREATE TABLE {schema}.meta (version int NOT NULL)"))
        await connection.execute(tables.sql("INSERT INTO {schema}.meta VALUES (0)"))
    found = await connection.execute(tables.sql("SELECT version FROM {schema}.meta"))
    versions = [int(version) async for (version,) in found]
    return max(versions)


async def _create_schema(connection: Connection, tables: Tables) -> None:
    # `IF NOT EXISTS` asks for the right to make schemas also where there is nothing to make.
    found = await connection.execute(
        "SELECT FROM pg_namespace WHERE nspname = %s", (tables.schema,)
    )
    if await found.fetchone() is None:
        await connection.execute(tables.sql("CREATE SCHEMA {schema}"))


async def create_content(connection: Connection, tables: Tables, dimensions: int | None) -> None:
    """Make the tables of an index; within a transaction."""
    await connection.execute(tables.sql(_CONTENT))
    if dimensions is not None:
        plain = dimensions <= _PLAIN_DIMENSIONS
        await connection.execute(
            tables.sql(
                _VECTORS,
                dimensions=sql.Literal(dimensions),
                # In the row, where a scan finds it, not in a side table; it would not shrink.
                storage=sql.SQL("PLAIN") if plain else sql.SQL("EXTERNAL"),
            )
        )


async def drop_content(connection: Connection, tables: Tables) -> None:
    """Drop the tables of an index; within a transaction."""
    await connection.execute(tables.sql(_DROP))


async def build_hnsw(connection: Connection, tables: Tables, dimensions: int) -> None:
    """Build the HNSW index anew, while others read and write; takes minutes."""
    async with connection.transaction():
        await connection.execute(tables.sql("DROP INDEX IF EXISTS {hnsw}"))
    await connection.execute("SET statement_timeout TO 0")
    await connection.execute(tables.sql(_HNSW, dimensions=sql.Literal(dimensions)))
    await connection.execute(tables.sql("ANALYZE {vectors}"))
