"""Azure itself keeps the contract. Runs only by `-m live` and with `AZURE_OPENAI_ENDPOINT`.

Without more than the first three variables it costs some cents: chat, embeddings, small files.
Training, deployments (by the hour while they stand) and waiting for batches cost more and are asked
for by the variables in `conftest.py`. Everything that is made is deleted again, also when a clause
fails; look for deployments called `conformance…` when a run was killed.

| variable | what it says |
|---|---|
| `AZURE_OPENAI_ENDPOINT` | the resource |
| `TAILORBIRD_LIVE_AZURE_CHAT` | `deployment=model` of a chat model, e.g. `chat=gpt-4.1-mini` |
| `TAILORBIRD_LIVE_AZURE_EMBEDDING` | the same of an embedding model |
| `AZURE_OPENAI_API_KEY` | the key; without it whoever is logged in by Entra ID |
| `TAILORBIRD_LIVE_AZURE_TUNE_BASE` | the model to tune; `gpt-4.1-mini-2025-04-14` when not set |
| `TAILORBIRD_LIVE_AZURE_RESOURCE_ID` | the resource's id: there models are deployed |
| `TAILORBIRD_LIVE_AZURE_MANAGEMENT` | address of Resource Manager, for other clouds |
| `AZURE_SEARCH_ENDPOINT` | an Azure AI Search service |
| `AZURE_SEARCH_API_KEY` | its key; without it whoever is logged in by Entra ID |
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable

import pytest

from tailorbird.protocols import Provider, Retrieval
from tailorbird.providers.azure import (
    AzureProvider,
    AzureSettings,
    DeploySettings,
    SearchSettings,
)
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
from tailorbird.types import DeploymentName, ModelId, RoleModel

ENDPOINT = os.environ.get("AZURE_OPENAI_ENDPOINT", "")
RESOURCE = os.environ.get("TAILORBIRD_LIVE_AZURE_RESOURCE_ID")
SEARCH = os.environ.get("AZURE_SEARCH_ENDPOINT")
KEYS = tuple(
    os.environ[name]
    for name in ("AZURE_OPENAI_API_KEY", "AZURE_SEARCH_API_KEY")
    if os.environ.get(name)
)


def named(variable: str) -> str | None:
    """Give a variable's own name where it is set."""
    return variable if os.environ.get(variable) else None


def settings() -> AzureSettings:
    """Give what the environment says."""
    return AzureSettings(
        endpoint=ENDPOINT,
        api_key_env=named("AZURE_OPENAI_API_KEY"),
        management_endpoint=os.environ.get(
            "TAILORBIRD_LIVE_AZURE_MANAGEMENT", "https://management.azure.com"
        ),
        deploy=None
        if RESOURCE is None
        else DeploySettings(resource_id=RESOURCE, sku="DeveloperTier", capacity=1),
        search=None
        if SEARCH is None
        else SearchSettings(endpoint=SEARCH, api_key_env=named("AZURE_SEARCH_API_KEY")),
    )


def deployed(name: str, otherwise: str) -> RoleModel:
    """Give the deployment of a role with its model."""
    given = os.environ.get(f"TAILORBIRD_LIVE_AZURE_{name}", otherwise)
    deployment, _, model = given.partition("=")
    return RoleModel(deployment=DeploymentName(deployment), model=ModelId(model or deployment))


TUNE_BASE = os.environ.get("TAILORBIRD_LIVE_AZURE_TUNE_BASE", "gpt-4.1-mini-2025-04-14")
ROLES = {
    "chat": deployed("CHAT", "chat=gpt-4.1-mini"),
    "tune_base": RoleModel(model=ModelId(TUNE_BASE)),
    "embedding": deployed("EMBEDDING", "embed=text-embedding-3-small"),
}
OPTIONS = SuiteOptions(roles=ROLES, wait_s=5 * 3600, poll_s=20, secrets=KEYS)

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not ENDPOINT, reason="AZURE_OPENAI_ENDPOINT is not set"),
]
needs_search = pytest.mark.skipif(not SEARCH, reason="AZURE_SEARCH_ENDPOINT is not set")
needs_resource = pytest.mark.skipif(
    not RESOURCE, reason="TAILORBIRD_LIVE_AZURE_RESOURCE_ID is not set"
)


@pytest.fixture
def make_provider(
    within_means: Callable[[Provider], Provider],
) -> Callable[[], Provider]:
    """A maker of providers that reach Azure."""
    return lambda: within_means(AzureProvider(settings(), roles=ROLES))


@pytest.fixture
async def provider(make_provider: Callable[[], Provider]) -> AsyncIterator[Provider]:
    """An open provider."""
    async with make_provider() as opened:
        yield opened


@pytest.fixture
def engine(provider: Provider) -> Retrieval:
    """Azure AI Search."""
    return provider.retrieval


@pytest.fixture
def embed(provider: Provider) -> Embedder:
    """Embeddings of the same resource."""
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
    """Clauses B; the chat deployment must be one for batches."""

    options = OPTIONS


@needs_search
class TestRetrieval(RetrievalConformance):
    """Clauses R, keeping."""


@needs_search
class TestSearch(SearchConformance):
    """Clauses R, searching."""


class TestJobs(FineTuningJobsConformance):
    """Clauses J, making and finding: costs dollars."""

    options = OPTIONS


class TestJobLife(JobLifeConformance):
    """Clauses J, until the end: costs dollars."""

    options = OPTIONS


@needs_resource
class TestDeployments(DeploymentsConformance):
    """Clauses D: costs dollars, and by the hour."""

    options = OPTIONS
