"""One suite a protocol: subclass them with your provider's fixtures and let pytest collect them."""

from __future__ import annotations

from tailorbird.testing.conformance.batches import BatchesConformance
from tailorbird.testing.conformance.chat import ChatConformance
from tailorbird.testing.conformance.chat_output import ChatOutputConformance
from tailorbird.testing.conformance.clauses import Clause, clause, clauses_of, lacks, needs
from tailorbird.testing.conformance.deployments import DeploymentsConformance
from tailorbird.testing.conformance.embeddings import EmbeddingsConformance
from tailorbird.testing.conformance.files import FilesConformance
from tailorbird.testing.conformance.job_life import JobLifeConformance
from tailorbird.testing.conformance.jobs import FineTuningJobsConformance
from tailorbird.testing.conformance.models import ModelsConformance
from tailorbird.testing.conformance.provider import ProviderConformance
from tailorbird.testing.conformance.retrieval import RetrievalConformance
from tailorbird.testing.conformance.search import SearchConformance
from tailorbird.testing.conformance.shelf import Embedder
from tailorbird.testing.conformance.trial import SuiteOptions

__all__ = [
    "BatchesConformance",
    "ChatConformance",
    "ChatOutputConformance",
    "Clause",
    "DeploymentsConformance",
    "Embedder",
    "EmbeddingsConformance",
    "FilesConformance",
    "FineTuningJobsConformance",
    "JobLifeConformance",
    "ModelsConformance",
    "ProviderConformance",
    "RetrievalConformance",
    "SearchConformance",
    "SuiteOptions",
    "clause",
    "clauses_of",
    "lacks",
    "needs",
]
