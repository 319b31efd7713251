"""What the engine says of a server that is absent, too old, unprepared, or goes away."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import psycopg
import pytest

from tailorbird import Workbench
from tailorbird.config import Profile, RetrievalSettings
from tailorbird.exceptions import (
    ConfigError,
    ConnectError,
    DeadlineError,
    IndexMissingError,
    PermissionDeniedError,
    ServiceUnavailableError,
    StoreVersionError,
    UnexpectedResponseError,
)
from tailorbird.providers.fake import FakeProvider
from tailorbird.retrieval.engines import open_engine
from tailorbird.retrieval.postgres import PostgresRetrieval, PostgresSettings
from tailorbird.retrieval.postgres.connecting import connect
from tailorbird.retrieval.postgres.tables import STEPS, migrate
from tailorbird.types import DocumentId, IndexName, SearchQuery
from tailorbird.types.secrets import Secret

if TYPE_CHECKING:
    from tests.retrieval.conftest import Library
    from tests.retrieval.postgres.conftest import OpenEngine

NAME = IndexName("library")
PASSWORD = "hunter2"


async def names(engine: PostgresRetrieval) -> list[str]:
    """List the indexes."""
    return [one.spec.name async for one in engine.list()]


@pytest.fixture
async def database(admin: psycopg.AsyncConnection, postgres_dsn: str) -> AsyncIterator[str]:
    """Give the address of a database of one's own, without pgvector."""
    name = f"db_{secrets.token_hex(6)}"
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    yield postgres_dsn.replace("/postgres?", f"/{name}?")
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def run(dsn: str, *statements: str) -> None:
    """Run statements in a database."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        for one in statements:
            await connection.execute(one)


async def test_extension_is_missing(open_postgres: OpenEngine, database: str) -> None:
    """The error says what to run."""
    with pytest.raises(ConfigError, match=r"PG_DSN names lacks .*superuser run CREATE EXTENSION"):
        await names(open_postgres(database))


async def test_extension_is_too_old(open_postgres: OpenEngine, database: str) -> None:
    """The error says which version is needed and how to get it."""
    await run(
        database,
        "CREATE EXTENSION vector",
        "UPDATE pg_extension SET extversion = '0.7.4' WHERE extname = 'vector'",
    )
    with pytest.raises(ConfigError, match=r"has pgvector 0\.7\.4, 0\.8\.0 is needed.*ALTER EXT"):
        await names(open_postgres(database))


async def test_extension_in_another_schema(
    open_postgres: OpenEngine, database: str, library: Library
) -> None:
    """The extension may be installed in a schema that is in no search path."""
    await run(
        database, 'CREATE SCHEMA "Extra Types"', 'CREATE EXTENSION vector SCHEMA "Extra Types"'
    )
    engine = open_postgres(database)
    await engine.create(library.spec)
    await engine.upsert(NAME, [library.document("a", "本棚の本")])
    [hit] = await engine.search(NAME, SearchQuery(text="本"), vector=library.vector("本"))
    assert hit.chunk.text == "本棚の本"
    await engine.close()


async def test_database_is_not_in_utf8(
    open_postgres: OpenEngine, admin: psycopg.AsyncConnection, postgres_dsn: str
) -> None:
    """A database that cannot hold Japanese is refused."""
    name = f"db_{secrets.token_hex(6)}"
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    with pytest.raises(ConfigError, match="keeps its database in LATIN1"):
        await names(open_postgres(postgres_dsn.replace("/postgres?", f"/{name}?")))
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def test_server_is_too_old(postgres_dsn: str) -> None:
    """A server below the least version is refused with both versions."""
    settings = PostgresSettings(dsn_env="PG_DSN")
    with pytest.raises(ConfigError, match=r"has version \d\d, 99 is needed"):
        await connect(Secret(postgres_dsn, source="PG_DSN"), settings, least_server=99)


async def test_server_is_absent(open_postgres: OpenEngine) -> None:
    """Where nobody listens, the error names the variable and not what is in it."""
    engine = open_postgres(f"postgresql://me:{PASSWORD}@127.0.0.1:9/data")
    with pytest.raises(ConnectError, match="server that PG_DSN names") as caught:
        await names(engine)
    assert caught.value.accepted == "no"
    assert PASSWORD not in str(caught.value) + repr(engine)
    assert "postgresql://" not in str(caught.value)


async def test_reaching_the_server_changes_nothing(
    open_postgres: OpenEngine, admin: psycopg.AsyncConnection, postgres_schema: str
) -> None:
    """Server and extension are checked without the schema being made."""
    text = await open_postgres().reach()
    assert text.endswith(f"names answers; indexes are kept in its schema {postgres_schema!r}")
    found = await admin.execute(
        "SELECT count(*) FROM pg_namespace WHERE nspname = %s", (postgres_schema,)
    )
    assert await found.fetchone() == (0,)
    with pytest.raises(ConnectError, match="server that PG_DSN names"):
        await open_postgres(f"postgresql://me:{PASSWORD}@127.0.0.1:9/data").reach()


async def test_a_profile_on_postgres_is_examined(
    postgres_dsn: str, admin: psycopg.AsyncConnection, postgres_schema: str
) -> None:
    """`diagnose` tells of the server, and makes nothing there."""
    options = {"dsn_env": "PG_DSN", "schema": postgres_schema}
    profile = Profile(
        name="mine",
        provider="fake",
        retrieval=RetrievalSettings(engine="postgres", options=options),
    )
    async with Workbench(
        FakeProvider(), profile=profile, environ={"PG_DSN": postgres_dsn}
    ) as bench:
        found = await bench.diagnose()
    [engine] = [one for one in found.findings if one.topic == "retrieval"]
    assert (engine.subject, engine.level) == ("postgres", "ok")
    assert engine.text.startswith("the PostgreSQL server that PG_DSN names answers")
    known = await admin.execute(
        "SELECT count(*) FROM pg_namespace WHERE nspname = %s", (postgres_schema,)
    )
    assert await known.fetchone() == (0,)


@pytest.mark.parametrize(
    "dsn", [f"{PASSWORD}", f"postgresql://me:{PASSWORD}@[::1", f"host='{PASSWORD}"]
)
async def test_address_cannot_be_read(open_postgres: OpenEngine, dsn: str) -> None:
    """What is no address is refused without being shown, neither in the error nor behind it."""
    with pytest.raises(ConfigError, match="PG_DSN holds no connection string") as caught:
        await names(open_postgres(dsn))
    assert PASSWORD not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "'dsn_env' is missing: add it, e.g. dsn_env = \"TAILORBIRD_POSTGRES\""),
        ({"dsn_env": f"postgresql://me:{PASSWORD}@db"}, "'dsn_env': it must name the environment"),
        ({"dsn_env": "PG_DSN", "pol_size": 3}, "unknown key 'pol_size': did you mean 'pool_size'"),
        ({"dsn_env": "PG_DSN", "x": 3}, "unknown key 'x': remove it, known are dsn_env, schema"),
        ({"dsn_env": "PG_DSN", "schema": "a; drop"}, "'schema': string should match"),
        ({"dsn_env": "PG_DSN", "schema": "pg_own"}, "'schema': string should match"),
        ({"dsn_env": "PG_DSN", "pool_size": 0}, "'pool_size': input should be greater"),
        ({"dsn_env": "PG_DS"}, "PG_DS is not set, but PG_DSN is"),
        ({"dsn_env": "ANOTHER_ONE"}, "ANOTHER_ONE is not set; set it to the connection string"),
    ],
)
def test_wrong_options(options: dict[str, object], expected: str) -> None:
    """A mistake in the profile is told by its key, before anything is opened."""
    with pytest.raises(ConfigError, match="retrieval engine 'postgres'") as caught:
        open_engine(
            "postgres", folder=None, options=options, environ={"PG_DSN": f"host={PASSWORD}"}
        )
    assert expected in str(caught.value)
    assert PASSWORD not in str(caught.value)


async def test_newer_schema_is_refused(
    open_postgres: OpenEngine, admin: psycopg.AsyncConnection, postgres_schema: str
) -> None:
    """A schema that a newer version made is left alone."""
    await names(open_postgres())
    await admin.execute(f"UPDATE {postgres_schema}.meta SET version = 99")  # noqa: S608
    with pytest.raises(StoreVersionError, match="has version 99, this tailorbird knows"):
        await names(open_postgres())


async def test_older_schema_is_brought_up(
    open_postgres: OpenEngine,
    admin: psycopg.AsyncConnection,
    library: Library,
    postgres_dsn: str,
    postgres_schema: str,
) -> None:
    """What a newer version adds comes once, whoever opens the schema at once, and data stay."""
    engine = open_postgres()
    await engine.create(library.spec)
    steps = (*STEPS, "ALTER TABLE {schema}.indexes ADD COLUMN note text DEFAULT 'new'")
    async with (
        await psycopg.AsyncConnection.connect(postgres_dsn, autocommit=True) as other,
        asyncio.TaskGroup() as group,
    ):
        for connection in (admin, other):
            group.create_task(migrate(connection, postgres_schema, steps=steps))
    cursor = await admin.execute(
        f"SELECT name, note, version FROM {postgres_schema}.indexes, {postgres_schema}.meta"  # noqa: S608
    )
    assert await cursor.fetchall() == [("library", "new", len(steps))]


async def test_schema_that_somebody_else_made(
    open_postgres: OpenEngine, admin: psycopg.AsyncConnection, postgres_schema: str
) -> None:
    """A role that may not make schemas uses one that was made for it."""
    role = f"role_{secrets.token_hex(6)}"
    await admin.execute(f"CREATE ROLE {role} LOGIN")
    dsn = admin.info.dsn.replace("user=postgres", f"user={role}")
    with pytest.raises(PermissionDeniedError, match="grant it USAGE and CREATE"):
        await names(open_postgres(dsn))
    await admin.execute(f"CREATE SCHEMA {postgres_schema} AUTHORIZATION {role}")
    engine = open_postgres(dsn)
    assert await names(engine) == []
    await engine.close()
    await admin.execute(f"DROP OWNED BY {role} CASCADE")
    await admin.execute(f"DROP ROLE {role}")


async def end_all(admin: psycopg.AsyncConnection) -> None:
    """End all connections of engines, as a restart of the server would."""
    await admin.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE application_name = 'tailorbird'"
    )


async def wait_for_lock(admin: psycopg.AsyncConnection) -> None:
    """Wait until one of the engine's statements waits for a lock."""
    while True:
        await admin.execute("SELECT pg_stat_clear_snapshot()")
        cursor = await admin.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND application_name = 'tailorbird'"
        )
        [(found,)] = await cursor.fetchall()
        if found:
            return
        await asyncio.sleep(0.01)


async def test_connection_is_lost_between_calls(
    open_postgres: OpenEngine, admin: psycopg.AsyncConnection
) -> None:
    """A server that was restarted meanwhile is connected to again."""
    engine = open_postgres()
    assert await names(engine) == []
    await end_all(admin)
    assert await names(engine) == []


async def test_connection_is_lost_amid_a_search(
    open_postgres: OpenEngine,
    admin: psycopg.AsyncConnection,
    library: Library,
    postgres_schema: str,
) -> None:
    """The call that is under way fails with an error that says so, the next one works."""
    engine = open_postgres()
    await engine.create(library.spec)
    await engine.upsert(NAME, [library.document("a", "本棚の本")])
    async with admin.transaction():
        await admin.execute(f"LOCK TABLE {postgres_schema}.lexicon_1")
        async with asyncio.TaskGroup() as group:
            call = group.create_task(find_none(engine, ServiceUnavailableError))
            await wait_for_lock(admin)
            await end_all(admin)
        assert call.result().accepted == "no"
    [hit] = await engine.search(NAME, SearchQuery(text="本", mode="lexical"))
    assert hit.chunk.text == "本棚の本"


async def find_none(
    engine: PostgresRetrieval, error: type[ServiceUnavailableError]
) -> ServiceUnavailableError:
    """Search, expect an error, and give it."""
    with pytest.raises(error) as caught:
        await engine.search(NAME, SearchQuery(text="本", mode="lexical"))
    return caught.value


async def test_connection_is_lost_amid_the_upkeep(
    open_postgres: OpenEngine,
    admin: psycopg.AsyncConnection,
    library: Library,
    postgres_schema: str,
) -> None:
    """Documents that were added stay when the building of an index behind them is broken off."""
    engine = open_postgres(hnsw_above=0)
    await engine.create(library.spec)

    async def add() -> None:
        with pytest.raises(ServiceUnavailableError):
            await engine.upsert(NAME, [library.document("a", "本棚の本")])

    async with admin.transaction():
        await admin.execute(
            f"LOCK TABLE {postgres_schema}.vectors_1 IN SHARE UPDATE EXCLUSIVE MODE"
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(add())
            await wait_for_lock(admin)
            await end_all(admin)
    assert (await engine.get(NAME)).documents == 1


async def test_server_is_slow(
    open_postgres: OpenEngine,
    admin: psycopg.AsyncConnection,
    library: Library,
    postgres_schema: str,
) -> None:
    """A statement that takes too long is given up."""
    engine = open_postgres(timeout_s=3.0)
    await engine.create(library.spec)
    async with admin.transaction():
        await admin.execute(f"LOCK TABLE {postgres_schema}.documents")
        with pytest.raises(DeadlineError, match="after `timeout_s`"):
            await engine.upsert(NAME, [library.document("a", "x")])


async def test_tables_that_somebody_changed(
    open_postgres: OpenEngine,
    admin: psycopg.AsyncConnection,
    library: Library,
    postgres_schema: str,
) -> None:
    """A statement that the server refuses is told by its code."""
    engine = open_postgres()
    await engine.create(library.spec)
    await admin.execute(f"ALTER TABLE {postgres_schema}.documents DROP COLUMN content_hash")
    with pytest.raises(UnexpectedResponseError, match="UndefinedColumn") as caught:
        await engine.upsert(NAME, [library.document("a", "x")])
    assert caught.value.code == "42703"


async def test_index_is_deleted_meanwhile(
    open_postgres: OpenEngine,
    admin: psycopg.AsyncConnection,
    library: Library,
    postgres_schema: str,
) -> None:
    """A document that comes too late finds its index missing."""
    engine = open_postgres()
    await engine.create(library.spec)
    async with asyncio.TaskGroup() as group, admin.transaction():
        await admin.execute(f"DELETE FROM {postgres_schema}.indexes")  # noqa: S608
        group.create_task(add_too_late(engine, library))
        await wait_for_lock(admin)
    assert await names(engine) == []


async def add_too_late(engine: PostgresRetrieval, library: Library) -> None:
    """Add a document to an index that is being deleted."""
    with pytest.raises(IndexMissingError, match="was deleted while 'upsert' went on"):
        await engine.upsert(NAME, [library.document("a", "x")])


async def test_calls_wait_for_a_connection(
    open_postgres: OpenEngine, admin: psycopg.AsyncConnection, library: Library
) -> None:
    """No more connections are opened than the profile allows, and each call gets its turn."""
    engine = open_postgres(pool_size=2)
    await engine.create(library.spec)
    async with asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(engine.upsert(NAME, [library.document(f"d{number}", "本")]))
    cursor = await admin.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tailorbird'"
    )
    assert await cursor.fetchall() == [(2,)]
    assert (await engine.get(NAME)).documents == 8
    assert await engine.remove(NAME, [DocumentId("d0"), DocumentId("never")]) == 1


async def test_close_amid_a_call(
    open_postgres: OpenEngine,
    admin: psycopg.AsyncConnection,
    library: Library,
    postgres_schema: str,
) -> None:
    """A call that is under way when the engine is closed is finished, and its connection closed."""
    async with open_postgres() as engine:
        await engine.create(library.spec)
        async with asyncio.TaskGroup() as group, admin.transaction():
            await admin.execute(f"SELECT FROM {postgres_schema}.indexes FOR NO KEY UPDATE")
            group.create_task(engine.upsert(NAME, [library.document("a", "x")]))
            await wait_for_lock(admin)
            await engine.close()
        assert (await engine.get(NAME)).documents == 1
