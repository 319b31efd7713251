"""The engine that keeps indexes in PostgreSQL with pgvector, for several machines at once."""

from __future__ import annotations

from tailorbird.retrieval.postgres.engine import PostgresRetrieval
from tailorbird.retrieval.postgres.settings import PostgresSettings

__all__ = ["PostgresRetrieval", "PostgresSettings"]
