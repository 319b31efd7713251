"""The contract, kept by Azure over the wire app."""

from __future__ import annotations

import pytest

from tailorbird.protocols import Retrieval
from tailorbird.providers.azure import AzureProvider
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

ROLES = {
    "chat": RoleModel(model=ModelId("gpt-4.1-mini-2025-04-14"), deployment=DeploymentName("chat")),
    "tune_base": RoleModel(model=ModelId("gpt-4.1-mini-2025-04-14")),
    "embedding": RoleModel(
        model=ModelId("text-embedding-3-small"), deployment=DeploymentName("embed")
    ),
}
OPTIONS = SuiteOptions(
    roles=ROLES, secrets=("test-token", "test-arm-token", "test-search-token", "test-key")
)


@pytest.fixture
def engine(provider: AzureProvider) -> Retrieval:
    """Azure AI Search of the provider."""
    return provider.retrieval


@pytest.fixture
def embed(provider: AzureProvider) -> Embedder:
    """Embeddings of the provider."""
    return Embedder(embeddings=provider.embeddings, model=ModelId("embed"), clock=provider.clock)


class TestProvider(ProviderConformance):
    """The provider around the interfaces."""

    options = OPTIONS


class TestBatches(BatchesConformance):
    """Batches."""

    options = OPTIONS


class TestFiles(FilesConformance):
    """Files."""

    options = OPTIONS


class TestJobs(FineTuningJobsConformance):
    """Jobs, making and finding."""

    options = OPTIONS


class TestJobLife(JobLifeConformance):
    """Jobs, until the end."""

    options = OPTIONS


class TestChat(ChatConformance):
    """Chat, asking."""

    options = OPTIONS


class TestChatOutput(ChatOutputConformance):
    """Chat, forms and tools."""

    options = OPTIONS


class TestEmbeddings(EmbeddingsConformance):
    """Embeddings."""

    options = OPTIONS


class TestDeployments(DeploymentsConformance):
    """Deployments by Azure Resource Manager."""

    options = OPTIONS


class TestModels(ModelsConformance):
    """The list of models."""

    options = OPTIONS


class TestRetrieval(RetrievalConformance):
    """Indexes in Azure AI Search."""


class TestSearch(SearchConformance):
    """Searches in Azure AI Search."""
