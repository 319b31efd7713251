"""The engine `postgres` keeps the contract, searching one by one and by HNSW."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tailorbird.protocols import Retrieval
from tailorbird.providers.fake import FakeProvider, FakeSettings, VirtualClock
from tailorbird.retrieval.engines import open_engine
from tailorbird.testing.conformance import Embedder, RetrievalConformance, SearchConformance

pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")


@pytest.fixture(params=["exact", "hnsw"])
async def engine(
    request: pytest.FixtureRequest, postgres_dsn: str, postgres_schema: str, tmp_path: Path
) -> AsyncIterator[Retrieval]:
    """An engine that compares all vectors, and one that has an HNSW index from the beginning."""
    options: dict[str, object] = {"dsn_env": "PG_DSN", "schema": postgres_schema}
    if request.param == "hnsw":
        options["hnsw_above"] = 0
    engine = open_engine(
        "postgres", folder=tmp_path, options=options, environ={"PG_DSN": postgres_dsn}
    )
    yield engine
    await engine.close()


@pytest.fixture
async def embed() -> AsyncIterator[Embedder]:
    """The fake's embeddings."""
    async with FakeProvider(FakeSettings(), clock=VirtualClock()) as provider:
        model = provider.roles["embedding"].callable_id
        yield Embedder(embeddings=provider.embeddings, model=model, clock=provider.clock)


class TestRetrieval(RetrievalConformance):
    """Clauses R, keeping."""


class TestSearch(SearchConformance):
    """Clauses R, searching."""
