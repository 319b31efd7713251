"""The workbench for code that is not async: the same methods, each waits for its result."""

from __future__ import annotations

from tailorbird.sync.bench import SyncWorkbench, open_sync

__all__ = ["SyncWorkbench", "open_sync"]
