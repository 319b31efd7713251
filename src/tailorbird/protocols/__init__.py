"""The contracts that providers, retrieval engines and clocks keep."""

from __future__ import annotations

from tailorbird.protocols.batches import Batches
from tailorbird.protocols.chat import Chat, ChatStream
from tailorbird.protocols.clock import Clock, SystemClock
from tailorbird.protocols.deployments import Deployments
from tailorbird.protocols.embeddings import Embeddings
from tailorbird.protocols.files import Files
from tailorbird.protocols.jobs import FineTuningJobs
from tailorbird.protocols.models import Models
from tailorbird.protocols.provider import Provider, ProviderContext, ProviderFactory
from tailorbird.protocols.reranker import Reranker
from tailorbird.protocols.retrieval import Retrieval
from tailorbird.protocols.scoring import BatchScorer, Scorer

__all__ = [
    "BatchScorer",
    "Batches",
    "Chat",
    "ChatStream",
    "Clock",
    "Deployments",
    "Embeddings",
    "Files",
    "FineTuningJobs",
    "Models",
    "Provider",
    "ProviderContext",
    "ProviderFactory",
    "Reranker",
    "Retrieval",
    "Scorer",
    "SystemClock",
]
