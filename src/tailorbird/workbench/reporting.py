"""The part of a workbench that keeps comparisons and holds them against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.journal.threads import in_thread

if TYPE_CHECKING:
    from tailorbird.journal import Workspace
    from tailorbird.report import Comparison
    from tailorbird.workflow.answering.results import ComparisonData
    from tailorbird.workflow.comparing.changes import Changes


class Reporter:
    """What `Workbench` has for comparisons that were made; made by nobody else."""

    workspace: Workspace

    async def reports(self) -> tuple[str, ...]:
        """Give the names of the comparisons that this workspace keeps, the latest first."""
        return await self.workspace.list_reports()

    async def report(self, name: str) -> Comparison:
        """Give a comparison that was made before, without asking anything.

        Raises:
            InvalidInputError: There is none of that name; the message lists the latest ones.
            StorageError: It cannot be read.
        """
        from tailorbird.report import Comparison  # noqa: PLC0415 - 15 ms of `import tailorbird`
        from tailorbird.report.document import from_json  # noqa: PLC0415

        content = await self.workspace.load_report(name)
        return Comparison(await in_thread(from_json, content, source=name))

    async def diff(self, before: Comparison | str, after: Comparison | str) -> Changes:
        """Hold two comparisons against each other: the same arms on the same questions.

        Args:
            before: The earlier one, or its name.
            after: The later one, or its name.

        Raises:
            InvalidInputError: There is no such run, or the two share no arm and question.
            StorageError: A run cannot be read.
        """
        from tailorbird.workflow.comparing.changes import compare_runs  # noqa: PLC0415 - as above

        old = await self.report(before) if isinstance(before, str) else before
        new = await self.report(after) if isinstance(after, str) else after
        return await in_thread(compare_runs, old.data, new.data)

    async def _kept(self, data: ComparisonData) -> Comparison:
        """Keep a comparison, whatever its size, and give it to its user."""
        from tailorbird.report import Comparison  # noqa: PLC0415 - as in `report`
        from tailorbird.report.document import json_pieces  # noqa: PLC0415 - as in `report`

        await self.workspace.save_report(data.name, json_pieces(data))
        return Comparison(data)
