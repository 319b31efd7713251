"""What happened before: runs, uploads, vectors, answers, tuned models, money."""

from __future__ import annotations

from tailorbird.journal.holds import Claim, Grant, Hold, HoldKind, Holds, Terms
from tailorbird.journal.journal import Journal
from tailorbird.journal.ledger import Hosting, Ledger, Spending
from tailorbird.journal.runs import RunRecord, Runs, RunState
from tailorbird.journal.workspace import Workspace

__all__ = [
    "Claim",
    "Grant",
    "Hold",
    "HoldKind",
    "Holds",
    "Hosting",
    "Journal",
    "Ledger",
    "RunRecord",
    "RunState",
    "Runs",
    "Spending",
    "Terms",
    "Workspace",
]
