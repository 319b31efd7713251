"""The workbench: one method for each step from a user's rows to a decision."""

from __future__ import annotations

from tailorbird.workbench.bench import Workbench
from tailorbird.workbench.opening import WORKSPACE, open

__all__ = ["WORKSPACE", "Workbench", "open"]
