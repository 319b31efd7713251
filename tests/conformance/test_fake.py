"""The fake keeps the contract, whichever cloud it looks like."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import date

import pytest

from tailorbird.protocols import Provider, Retrieval
from tailorbird.providers.fake import FakeProvider, FakeSettings, VirtualClock
from tailorbird.testing.conformance import (
    BatchesConformance,
    ChatConformance,
    ChatOutputConformance,
    DeploymentsConformance,
    Embedder,
    EmbeddingsConformance,
    FilesConformance,
    FineTuningJobsConformance,
    JobLifeConformance,
    ModelsConformance,
    ProviderConformance,
    RetrievalConformance,
    SearchConformance,
)

VARIANTS = {
    "plain": FakeSettings(flavor="plain"),
    "openai": FakeSettings(flavor="openai"),
    "azure": FakeSettings(flavor="azure"),
    "without tuning": FakeSettings(flavor="openai", training_until=date(2026, 1, 1)),
}


@pytest.fixture(params=VARIANTS)
def make_provider(request: pytest.FixtureRequest) -> Callable[[], Provider]:
    """A maker of fakes, for each flavor and for the time after tuning has ended."""
    settings = VARIANTS[request.param]
    return lambda: FakeProvider(settings, clock=VirtualClock())


@pytest.fixture
async def provider(make_provider: Callable[[], Provider]) -> AsyncIterator[Provider]:
    """An open fake."""
    async with make_provider() as opened:
        yield opened


@pytest.fixture
def engine(provider: Provider) -> Retrieval:
    """The retrieval that the fake hosts."""
    return provider.retrieval


@pytest.fixture
def embed(provider: Provider) -> Embedder:
    """The fake's own embeddings."""
    model = provider.roles["embedding"].callable_id
    return Embedder(embeddings=provider.embeddings, model=model, clock=provider.clock)


class TestFiles(FilesConformance):
    """Clauses F."""


class TestJobs(FineTuningJobsConformance):
    """Clauses J, making and finding."""


class TestJobLife(JobLifeConformance):
    """Clauses J, until the end."""


class TestChat(ChatConformance):
    """Clauses C, asking."""


class TestChatOutput(ChatOutputConformance):
    """Clauses C, forms and tools."""


class TestEmbeddings(EmbeddingsConformance):
    """Clauses E."""


class TestBatches(BatchesConformance):
    """Clauses B."""


class TestDeployments(DeploymentsConformance):
    """Clauses D."""


class TestModels(ModelsConformance):
    """Clauses M."""


class TestProvider(ProviderConformance):
    """Clauses P."""


class TestRetrieval(RetrievalConformance):
    """Clauses R, keeping."""


class TestSearch(SearchConformance):
    """Clauses R, searching."""
