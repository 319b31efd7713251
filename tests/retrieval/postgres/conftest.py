"""Engines on a real server for the tests of `postgres`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import psycopg
import pytest

from tailorbird.retrieval.engines import open_engine
from tailorbird.retrieval.postgres import PostgresRetrieval

OpenEngine = Callable[..., PostgresRetrieval]


@pytest.fixture
async def open_postgres(postgres_dsn: str, postgres_schema: str) -> AsyncIterator[OpenEngine]:
    """Open engines on the same schema, with options; they are closed in the end."""
    opened: list[PostgresRetrieval] = []

    def open_one(dsn: str = postgres_dsn, **options: object) -> PostgresRetrieval:
        engine = open_engine(
            "postgres",
            folder=None,
            options={"dsn_env": "PG_DSN", "schema": postgres_schema, **options},
            environ={"PG_DSN": dsn},
        )
        assert isinstance(engine, PostgresRetrieval)
        opened.append(engine)
        return engine

    yield open_one
    for engine in opened:
        await engine.close()


@pytest.fixture
async def admin(postgres_dsn: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """A superuser's connection beside the engine's."""
    async with await psycopg.AsyncConnection.connect(postgres_dsn, autocommit=True) as connection:
        yield connection
