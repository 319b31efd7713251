"""The plain twin of `workbench.reporting`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.sync.calling import Caller

if TYPE_CHECKING:
    from tailorbird.report import Comparison
    from tailorbird.workflow.comparing.changes import Changes


class SyncReporter(Caller):
    """Comparisons that were made; see `Workbench` for what each method does."""

    def reports(self) -> tuple[str, ...]:
        """Give the names of the comparisons that this workspace keeps, the latest first."""
        return self.call(self.bench.reports)

    def report(self, name: str) -> Comparison:
        """Give a comparison that was made before, without asking anything."""
        return self.call(self.bench.report, name)

    def diff(self, before: Comparison | str, after: Comparison | str) -> Changes:
        """Hold two comparisons against each other: the same arms on the same questions."""
        return self.call(self.bench.diff, before, after)
