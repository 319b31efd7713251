"""The local engine keeps the contract, in memory and in a folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tailorbird.protocols import Retrieval
from tailorbird.providers.fake import FakeProvider, FakeSettings, VirtualClock
from tailorbird.retrieval.local import LocalRetrieval
from tailorbird.testing.conformance import Embedder, RetrievalConformance, SearchConformance


@pytest.fixture(params=["memory", "folder"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Retrieval:
    """An engine in memory and one in a folder."""
    return LocalRetrieval(tmp_path if request.param == "folder" else None)


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
