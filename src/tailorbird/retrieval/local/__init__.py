"""The engine that needs nothing: exact vectors, words and both, in memory or in the workspace."""

from __future__ import annotations

from tailorbird.retrieval.local.engine import LocalRetrieval
from tailorbird.retrieval.local.settings import LocalSettings

__all__ = ["LocalRetrieval", "LocalSettings"]
