"""What an index needs from time to time as it grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.retrieval.postgres.store import read_index
from tailorbird.retrieval.postgres.tables import HALF_DIMENSIONS, build_hnsw

if TYPE_CHECKING:
    from tailorbird.retrieval.postgres.connecting import Connection
    from tailorbird.retrieval.postgres.settings import PostgresSettings
    from tailorbird.retrieval.postgres.store import IndexRow
    from tailorbird.types.ids import IndexName

_GROWTH = 2  # statistics are made anew when there are so many times the chunks
_LEAST = 1000  # below, any plan is a good one


async def keep_up(connection: Connection, settings: PostgresSettings, name: IndexName) -> None:
    """Make the planner's statistics anew, and the HNSW index that is missing.

    One process at a time does it; another one that comes meanwhile leaves it at that.

    Raises:
        IndexMissingError: The index was deleted meanwhile.
    """
    row = await read_index(connection, settings.db_schema, name)
    if not (_is_stale(row) or _lacks_hnsw(row, settings)):
        return
    key = f"tailorbird {settings.db_schema} {row.tables.number}"
    locked = await connection.execute(
        "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (key,)
    )
    if await locked.fetchone() == (False,):
        return
    try:
        await _keep_up(connection, settings, row)
    finally:
        # A connection that is lost has lost its locks.
        if not connection.closed:
            await connection.execute(
                "SELECT pg_advisory_unlock(hashtextextended(%s, 0)),"
                " set_config('statement_timeout', %s, false)",
                (key, str(settings.timeout_ms)),
            )


async def _keep_up(connection: Connection, settings: PostgresSettings, row: IndexRow) -> None:
    if _is_stale(row):
        await connection.execute(row.tables.sql("ANALYZE {chunks}, {terms}"))
        await connection.execute(
            row.tables.sql("UPDATE {schema}.indexes SET analyzed = %s WHERE id = %s"),
            (row.chunks, row.tables.number),
        )
    if _lacks_hnsw(row, settings):
        await build_hnsw(connection, row.tables, row.spec.dimensions or 0)


def _is_stale(row: IndexRow) -> bool:
    return row.chunks >= max(_LEAST, _GROWTH * row.analyzed)


def _lacks_hnsw(row: IndexRow, settings: PostgresSettings) -> bool:
    width = row.spec.dimensions
    return (
        width is not None
        and width <= HALF_DIMENSIONS
        and row.chunks > settings.hnsw_above
        and not row.has_hnsw
    )
