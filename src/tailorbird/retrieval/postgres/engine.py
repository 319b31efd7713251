"""The engine `postgres`: checks, connections, storage and ranking put together."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from psycopg import IsolationLevel
from typing_extensions import override

from tailorbird.protocols.clock import SystemClock
from tailorbird.protocols.index_arguments import check_filter, check_same
from tailorbird.protocols.retrieval import Retrieval
from tailorbird.retrieval.checks import (
    SCORE_KINDS,
    check_spec,
    checked_documents,
    checked_mode,
    empty_index,
    query_vector,
)
from tailorbird.retrieval.postgres.connecting import connect
from tailorbird.retrieval.postgres.errors import ENGINE, translated
from tailorbird.retrieval.postgres.filters import where
from tailorbird.retrieval.postgres.legs import Legs
from tailorbird.retrieval.postgres.pool import Pool
from tailorbird.retrieval.postgres.searching import CANDIDATES, by_both, by_vector, by_words
from tailorbird.retrieval.postgres.settings import read_dsn, read_settings
from tailorbird.retrieval.postgres.store import (
    add_index,
    drop_index,
    read_chunks,
    read_contents,
    read_index,
    read_indexes,
)
from tailorbird.retrieval.postgres.tables import migrate
from tailorbird.retrieval.postgres.terms import chunk_terms
from tailorbird.retrieval.postgres.texts import check_text, check_texts
from tailorbird.retrieval.postgres.upkeep import keep_up
from tailorbird.retrieval.postgres.writing import put_document, remove_document
from tailorbird.types.retrieval import EngineTraits, Hit

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    import numpy as np
    from numpy.typing import NDArray

    from tailorbird.protocols.clock import Clock
    from tailorbird.retrieval.postgres.connecting import Connection
    from tailorbird.retrieval.postgres.searching import Ranked
    from tailorbird.retrieval.postgres.settings import PostgresSettings
    from tailorbird.retrieval.postgres.store import IndexRow
    from tailorbird.retrieval.postgres.terms import ChunkTerms
    from tailorbird.types.ids import DocumentId, IndexName
    from tailorbird.types.retrieval import (
        Chunk,
        ChunkedDocument,
        IndexedDocument,
        IndexInfo,
        IndexSpec,
        SearchQuery,
    )
    from tailorbird.types.secrets import Secret


class PostgresRetrieval(Retrieval):
    """Indexes in a schema of a PostgreSQL database, shared by whoever connects to it.

    A document is added, replaced or removed in one transaction; a search sees one state of the
    database. Up to `hnsw_above` chunks the vectors are compared one by one; beyond, an HNSW index
    over half precision gives candidates that are compared exactly. It is built at the end of the
    `upsert` that crosses the line, which takes minutes; searches go on meanwhile, one by one.

    Nothing is opened before the first call. Use it with `async with`, or close it; until then, from
    one event loop.
    """

    def __init__(
        self, dsn: Secret, *, settings: PostgresSettings, clock: Clock | None = None
    ) -> None:
        """Connect to nothing yet.

        Args:
            dsn: Connection string of the database; it is in no message.
            settings: Everything else.
            clock: Tells when an index was made; None takes the machine's.
        """
        self._dsn = dsn
        self._settings = settings
        self._clock = SystemClock() if clock is None else clock
        self._pool = Pool(self._connect, size=settings.pool_size)
        self._is_migrated = False

    @classmethod
    def from_options(
        cls, options: Mapping[str, object], *, folder: Path | None, environ: Mapping[str, str]
    ) -> Self:
        """Make it from a profile's `[profiles.X.retrieval]`; the folder is not used.

        Raises:
            ConfigError: An option is unknown, missing or wrong, or the environment variable that
                `dsn_env` names is not set.
        """
        del folder  # nothing is kept on this machine
        settings = read_settings(options)
        return cls(read_dsn(environ, settings.dsn_env), settings=settings)

    async def __aenter__(self) -> Self:
        """Open nothing yet."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        await self.close()

    @override
    async def close(self) -> None:
        """Close all connections; later calls open new ones."""
        await self._pool.close()

    async def reach(self) -> str:
        """Connect and check server and extension; no schema is made. See `Reachable`.

        Raises:
            ConfigError: The server or its extension pgvector is missing something.
            ConnectError: The server does not answer or refuses the connection.
        """
        connection = await connect(self._dsn, self._settings)
        await connection.close()
        return (
            f"the PostgreSQL server that {self._settings.dsn_env} names answers; indexes are kept"
            f" in its schema {self._schema!r}"
        )

    @property
    @override
    def traits(self) -> EngineTraits:
        return EngineTraits(
            name=ENGINE,
            modes=("hybrid", "vector", "lexical"),
            needs_vectors=True,
            keeps_spans=True,
            filters=True,
        )

    @override
    async def create(self, spec: IndexSpec) -> IndexInfo:
        check_spec(spec)
        async with self._lent("create", spec.name) as connection:
            row = await add_index(connection, self._schema, spec, created_at=self._clock.now())
        check_same(row.spec, spec)
        return row.info

    @override
    async def get(self, name: IndexName) -> IndexInfo:
        async with self._lent("get", name) as connection:
            return (await read_index(connection, self._schema, name)).info

    @override
    async def list(self) -> AsyncIterator[IndexInfo]:
        async with self._lent("list", None) as connection:
            rows = await read_indexes(connection, self._schema)
        for row in rows:
            yield row.info

    @override
    async def delete(self, name: IndexName) -> None:
        async with self._lent("delete", name) as connection:
            await drop_index(connection, self._schema, name)

    @override
    async def upsert(self, name: IndexName, documents: Sequence[ChunkedDocument]) -> None:
        async with self._lent("upsert", name) as connection:
            row = await read_index(connection, self._schema, name)
            checked = checked_documents(documents, spec=row.spec)
            check_texts(checked)
            for given in checked:
                # In a thread, because cutting a long document into terms takes a while.
                terms = await asyncio.to_thread(_terms, given.chunks)
                await put_document(connection, row, given, terms)
        if checked:
            async with self._lent("upsert", name) as connection:
                await keep_up(connection, self._settings, name)

    @override
    async def remove(self, name: IndexName, documents: Sequence[DocumentId]) -> int:
        for document in documents:
            check_text(document, subject="a document's id")
        async with self._lent("remove", name) as connection:
            row = await read_index(connection, self._schema, name)
            found = [await remove_document(connection, row, one) for one in documents]
        return sum(found)

    @override
    async def contents(self, name: IndexName) -> AsyncIterator[IndexedDocument]:
        async with self._lent("contents", name) as connection:
            documents = [one async for one in read_contents(connection, self._schema, name)]
        for one in documents:
            yield one

    @override
    async def search(
        self,
        name: IndexName,
        query: SearchQuery,
        *,
        vector: NDArray[np.float32] | None = None,
    ) -> tuple[Hit, ...]:
        async with self._lent("search", name) as connection, _one_state(connection):
            row = await read_index(connection, self._schema, name)
            return await self._search(connection, row, query, vector)

    async def _search(
        self,
        connection: Connection,
        row: IndexRow,
        query: SearchQuery,
        vector: NDArray[np.float32] | None,
    ) -> tuple[Hit, ...]:
        mode = checked_mode(query, spec=row.spec)
        check_filter(query.filter, tenant_field=row.spec.tenant_field)
        condition = None if query.filter is None else where(query.filter)
        unit = None if mode == "lexical" else query_vector(vector, spec=row.spec)
        if not row.chunks:
            raise empty_index(row.spec.name)
        legs = Legs(
            connection,
            row,
            where=condition,
            settings=self._settings,
            count=max(CANDIDATES, 2 * query.top_k),
        )
        if unit is None:
            ranked = await by_words(legs, query.text, top_k=query.top_k)
        elif mode == "vector":
            ranked = await by_vector(legs, unit)
        else:
            ranked = await by_both(legs, query.text, unit, top_k=query.top_k)
        best = _best(ranked, query)
        chunks = await read_chunks(connection, row.tables, [one.number for one in best])
        return tuple(
            Hit(
                chunk=chunks[one.number],
                score=one.score,
                score_kind=SCORE_KINDS[mode],
                legs=one.legs,
            )
            for one in best
        )

    @property
    def _schema(self) -> str:
        return self._settings.db_schema

    @asynccontextmanager
    async def _lent(self, operation: str, name: IndexName | None) -> AsyncGenerator[Connection]:
        subject = f"schema {self._schema!r}" if name is None else f"index {name!r}"
        with translated(operation, subject=subject):
            async with self._pool.connection() as connection:
                yield connection

    async def _connect(self) -> Connection:
        connection = await connect(self._dsn, self._settings)
        if not self._is_migrated:
            try:
                await migrate(connection, self._schema)
            except BaseException:
                await connection.close()
                raise
            self._is_migrated = True
        return connection


@asynccontextmanager
async def _one_state(connection: Connection) -> AsyncGenerator[None]:
    """Let all statements of a block see one state of the database, and change nothing."""
    await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    await connection.set_read_only(True)
    try:
        async with connection.transaction():
            yield
    finally:
        # What is broken or was left in its transaction is not lent again, and takes no settings.
        if not connection.closed:
            await connection.set_isolation_level(None)
            await connection.set_read_only(None)


def _terms(chunks: Sequence[Chunk]) -> list[ChunkTerms]:
    return [chunk_terms(chunk) for chunk in chunks]


def _best(ranked: Sequence[Ranked], query: SearchQuery) -> Sequence[Ranked]:
    least = query.min_score
    return [one for one in ranked[: query.top_k] if least is None or one.score >= least]
