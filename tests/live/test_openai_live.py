"""OpenAI itself keeps the contract. Runs only by `-m live` and with `OPENAI_API_KEY`.

Without more than the key it costs some cents: chat, embeddings, small files, a vector store, and
batches that are cancelled. Training and waiting for batches cost more and are asked for by the
variables in `conftest.py`. Everything that is made is deleted again, also when a clause fails.

| variable | what it says |
|---|---|
| `OPENAI_API_KEY` | the key; of a project with a budget of its own |
| `OPENAI_BASE_URL` | another address, e.g. of a gateway |
| `TAILORBIRD_LIVE_OPENAI_CHAT` | the chat model; `gpt-6-luna` when not set |
| `TAILORBIRD_LIVE_OPENAI_TUNE_BASE` | the model to tune, which also takes `stop` and `logprobs` |
| `TAILORBIRD_LIVE_OPENAI_EMBEDDING` | the embedding model |
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable

import pytest

from tailorbird.protocols import Provider, Retrieval
from tailorbird.providers.openai import OpenAIProvider, OpenAISettings
from tailorbird.testing.conformance import (
    BatchesConformance,
    ChatConformance,
    ChatOutputConformance,
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
from tailorbird.types import ModelId, RoleModel

KEY = os.environ.get("OPENAI_API_KEY", "")
URL = os.environ.get("OPENAI_BASE_URL")
SETTINGS = (
    OpenAISettings() if URL is None else OpenAISettings(base_url=URL, api_key_env="OPENAI_API_KEY")
)


def role(name: str, otherwise: str) -> RoleModel:
    """Give the model of a role."""
    return RoleModel(model=ModelId(os.environ.get(f"TAILORBIRD_LIVE_OPENAI_{name}", otherwise)))


ROLES = {
    "chat": role("CHAT", "gpt-6-luna"),
    "tune_base": role("TUNE_BASE", "gpt-4.1-mini-2025-04-14"),
    "sampling": role("TUNE_BASE", "gpt-4.1-mini-2025-04-14"),
    "embedding": role("EMBEDDING", "text-embedding-3-small"),
}
OPTIONS = SuiteOptions(roles=ROLES, wait_s=5 * 3600, poll_s=20, secrets=(KEY,) if KEY else ())

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not KEY, reason="OPENAI_API_KEY is not set"),
]


@pytest.fixture
def make_provider(
    within_means: Callable[[Provider], Provider],
) -> Callable[[], Provider]:
    """A maker of providers that reach OpenAI."""
    return lambda: within_means(OpenAIProvider(SETTINGS))


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


class TestProvider(ProviderConformance):
    """Clauses P."""

    options = OPTIONS


class TestModels(ModelsConformance):
    """Clauses M."""

    options = OPTIONS


class TestFiles(FilesConformance):
    """Clauses F."""

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


class TestRetrieval(RetrievalConformance):
    """Clauses R, keeping."""


class TestSearch(SearchConformance):
    """Clauses R, searching."""


class TestJobs(FineTuningJobsConformance):
    """Clauses J, making and finding: costs dollars."""

    options = OPTIONS


class TestJobLife(JobLifeConformance):
    """Clauses J, until the end: costs dollars."""

    options = OPTIONS
