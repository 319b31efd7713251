"""What happened before: runs, uploads, vectors, answers, tuned models."""

from __future__ import annotations

from tailorbird.journal.journal import Journal, RunRecord, RunState, Spending
from tailorbird.journal.workspace import Workspace

__all__ = ["Journal", "RunRecord", "RunState", "Spending", "Workspace"]
