"""Keep what a model says, with dates, before it stops answering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.journal.bundles import Bundle, BundleFolder, Recorded
from tailorbird.journal.threads import in_thread
from tailorbird.types.base import Frozen
from tailorbird.workflow.progress import OnProgress, silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.protocols import Clock
    from tailorbird.types.questions import Question
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.comparing.compare import Comparer


class Recording(Frozen):
    """What was recorded."""

    bundle: Bundle
    """The bundle as it stands now."""
    recorded: int
    """Answers that were written into it, by all arms together."""
    failed: tuple[str, ...] = ()
    """Ids of the questions to which some arm gave no answer: record these again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Asks a model's questions and writes the answers into its bundle."""

    comparer: Comparer
    """Asks, once each, and remembers."""
    folder: BundleFolder
    """The model's bundle."""
    clock: Clock
    """Dates the answers."""

    async def record(
        self,
        arms: Sequence[Arm],
        questions: Sequence[Question],
        *,
        on_progress: OnProgress = silent,
    ) -> Recording:
        """Ask every arm every question and keep the answers; what came once is not asked again.

        Raises:
            InvalidInputError: There is no question, or an id stands twice.
            StorageError: The folder is no bundle, is damaged, or cannot be written.
            ProviderError: All further calls would fail too; answers that had come are kept in the
                workspace, and the next call goes on there.
        """
        # A folder that is no bundle must not be found out after everything was paid for.
        await in_thread(self.folder.read)
        data = await self.comparer.compare(arms, questions, on_progress=on_progress)
        by_id = {one.id: one for one in questions}
        now = self.clock.now()
        answers = [
            Recorded(arm=one.arm, question=by_id[one.question], answer=one.answer, asked_at=now)
            for one in data.outcomes
            if one.answer is not None
        ]
        bundle = await in_thread(self.folder.record, answers)
        failed = dict.fromkeys(one.question for one in data.outcomes if one.answer is None)
        return Recording(bundle=bundle, recorded=len(answers), failed=tuple(failed))
