"""Open a connection and see that the server can do what is asked of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

import psycopg
from pgvector.psycopg import register_vector_async
from psycopg import AsyncConnection, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from tailorbird.exceptions import ConfigError, ConnectError
from tailorbird.retrieval.postgres.errors import ENGINE

if TYPE_CHECKING:
    from tailorbird.retrieval.postgres.settings import PostgresSettings
    from tailorbird.types.secrets import Secret

Connection: TypeAlias = AsyncConnection[TupleRow]
"""A connection as this engine uses it: autocommit, rows as tuples."""

LEAST_SERVER = 15
"""Major version; 14 is no longer maintained since 2026-11-12 (PostgreSQL, Versioning Policy)."""

LEAST_EXTENSION = (0, 8, 0)
"""The first one whose HNSW scans go on behind a filter (pgvector 0.8.0 release notes)."""

_CONNECT_S = 10  # a server that answers at all does so at once; 2 is the least libpq accepts

_FACTS = """
SELECT pg_catalog.current_setting('server_version_num')::int,
    pg_catalog.current_setting('server_encoding'),
    (SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'vector'),
    (SELECT nspname FROM pg_catalog.pg_extension
        JOIN pg_catalog.pg_namespace AS n ON n.oid = extnamespace WHERE extname = 'vector'),
    EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'vector')"""


async def connect(
    dsn: Secret, settings: PostgresSettings, *, least_server: int = LEAST_SERVER
) -> Connection:
    """Open a connection that is ready for vectors.

    Args:
        dsn: The connection string.
        settings: Everything else.
        least_server: Major version that the server must have.

    Raises:
        ConfigError: The connection string cannot be read, the server is too old or not in UTF-8,
            or the extension is missing or too old.
        ConnectError: The server does not answer or refuses the connection.
    """
    place = f"the PostgreSQL server that {settings.dsn_env} names"
    conninfo = _conninfo(dsn, settings)
    try:
        # Without prepared statements: poolers in front of a server mix sessions up, and a plan for
        # any terms and any filter would be a bad one for most.
        connection = await AsyncConnection.connect(
            conninfo, autocommit=True, prepare_threshold=None
        )
    except psycopg.Error as exc:
        # The driver's text tells host and user, never the password.
        message = f"no connection to {place}: {_reason(exc)}"
        raise ConnectError(message, provider=ENGINE, operation="connect", accepted="no") from exc
    try:
        await _prepare(connection, settings, place, least_server)
    except BaseException:
        await connection.close()
        raise
    return connection


def _conninfo(dsn: Secret, settings: PostgresSettings) -> str:
    try:
        options = conninfo_to_dict(dsn.reveal())
    except psycopg.Error:
        options = {}
    if not options:  # outside of the handler: the driver's error quotes the string
        message = (
            f"the environment variable {settings.dsn_env} holds no connection string that"
            " PostgreSQL understands; it looks like postgresql://user:password@host:5432/database,"
            " with reserved signs in the password written as %XX"
        )
        raise ConfigError(message)
    options.setdefault("connect_timeout", _CONNECT_S)
    options.setdefault("fallback_application_name", "tailorbird")
    return make_conninfo("", **options)


def _reason(exc: psycopg.Error) -> str:
    return " ".join(str(exc).split()) or type(exc).__name__


async def _prepare(
    connection: Connection, settings: PostgresSettings, place: str, least_server: int
) -> None:
    cursor = await connection.execute(_FACTS)
    [(number, encoding, extension, home, available)] = await cursor.fetchall()
    _check_server(number // 10_000, encoding, place, least=least_server)
    _check_extension(extension, place, available=available)
    await connection.execute(
        sql.SQL("SET search_path TO pg_catalog, {}").format(sql.Identifier(home))
    )
    await connection.execute(
        "SELECT set_config('statement_timeout', %s, false)",
        (str(settings.timeout_ms),),
    )
    await register_vector_async(connection)


def _check_server(major: int, encoding: str, place: str, *, least: int) -> None:
    if major < least:
        message = f"{place} has version {major}, {least} is needed: upgrade the server"
        raise ConfigError(message)
    if encoding != "UTF8":
        message = (
            f"{place} keeps its database in {encoding}, which cannot hold all texts: make one with"
            " CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )
        raise ConfigError(message)


def _check_extension(version: str | None, place: str, *, available: bool) -> None:
    if version is None:
        first = "" if available else "install pgvector on the server, and then "
        message = (
            f"{place} lacks the extension pgvector in this database: {first}let a superuser run"
            " CREATE EXTENSION vector"
        )
        raise ConfigError(message)
    found = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    if found < LEAST_EXTENSION:
        least = ".".join(map(str, LEAST_EXTENSION))
        message = (
            f"{place} has pgvector {version}, {least} is needed: upgrade it on the server, and then"
            " let a superuser run ALTER EXTENSION vector UPDATE"
        )
        raise ConfigError(message)
