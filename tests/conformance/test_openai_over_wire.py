"""OpenAI keeps the contract: the real SDK against the wire app, in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx2
import pytest

from tailorbird.protocols import Provider, Retrieval
from tailorbird.providers.fake import FakeProvider, FakeSettings, VirtualClock
from tailorbird.providers.openai import OpenAIProvider
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
    SuiteOptions,
)
from tailorbird.testing.wire import wire_app
from tailorbird.types import ModelId, RoleModel
from tailorbird.types.secrets import Secret

KEY = "test-key"
ROLES = {
    "chat": RoleModel(model=ModelId("gpt-6-luna")),
    "judge": RoleModel(model=ModelId("gpt-6-luna")),
    "tune_base": RoleModel(model=ModelId("gpt-4.1-mini-2025-04-14")),
    "embedding": RoleModel(model=ModelId("text-embedding-3-small")),
}
OPTIONS = SuiteOptions(roles=ROLES, secrets=(KEY,))


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    """What stands behind the wire."""
    async with FakeProvider(FakeSettings(flavor="openai"), clock=VirtualClock()) as opened:
        yield opened


@pytest.fixture
async def make_provider(fake: FakeProvider) -> AsyncIterator[Callable[[], Provider]]:
    """A maker of providers that reach the fake through the SDK."""
    async with wire_app(fake) as app:
        yield lambda: OpenAIProvider(
            key=Secret(KEY, source="test"),
            clock=fake.clock,
            transport=httpx2.ASGITransport(app=app),
        )


@pytest.fixture
async def provider(make_provider: Callable[[], Provider]) -> AsyncIterator[Provider]:
    """An open provider."""
    async with make_provider() as opened:
        yield opened


@pytest.fixture
def engine(provider: Provider) -> Retrieval:
    """OpenAI's vector stores."""
    return provider.retrieval


@pytest.fixture
def embed(provider: Provider) -> Embedder:
    """Embeddings of the same account."""
    model = ROLES["embedding"].callable_id
    return Embedder(embeddings=provider.embeddings, model=model, clock=provider.clock)


class TestFiles(FilesConformance):
    """Clauses F."""

    options = OPTIONS


class TestJobs(FineTuningJobsConformance):
    """Clauses J, making and finding."""

    options = OPTIONS


class TestJobLife(JobLifeConformance):
    """Clauses J, until the end."""

    options = OPTIONS


class TestChat(ChatConformance):
    """Clauses C, asking."""

    options = OPTIONS


class TestChatOutput(ChatOutputConformance):
    """Clauses C, forms and tools."""

    options = OPTIONS


class TestEmbeddings(EmbeddingsConformance):
    """Clauses E."""

    options = OPTIONS


class TestBatches(BatchesConformance):
    """Clauses B."""

    options = OPTIONS


class TestDeployments(DeploymentsConformance):
    """Clauses D."""

    options = OPTIONS


class TestModels(ModelsConformance):
    """Clauses M."""

    options = OPTIONS


class TestProvider(ProviderConformance):
    """Clauses P."""

    options = OPTIONS


class TestRetrieval(RetrievalConformance):
    """Clauses R, keeping."""


class TestSearch(SearchConformance):
    """Clauses R, searching."""
