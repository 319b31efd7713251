"""The plain twin of `workbench.leaving`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.sync.tuning import SyncTuner
from tailorbird.workflow.answering.arm import DEFAULT_CONCURRENCY
from tailorbird.workflow.progress import OnProgress, silent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tailorbird.journal.bundles import Bundle
    from tailorbird.types.ids import ModelId
    from tailorbird.types.questions import Question
    from tailorbird.types.tuned import TunedModel
    from tailorbird.workbench import Workbench
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.answering.arms import ArmOptions
    from tailorbird.workflow.leaving.recording import Recording
    from tailorbird.workflow.leaving.succession import Succession
    from tailorbird.workflow.searching.index import Index


class SyncLeaver(SyncTuner):
    """Moving on with a tuned model; see `Workbench` for what each method does."""

    def export_tuned(self, name: str, *, to: Path | str) -> Bundle:
        """Write a tuned model into a folder of plain files."""
        return self.call(self.bench.export_tuned, name, to=to)

    def record(
        self,
        name: str,
        questions: Sequence[Question],
        *,
        bundle: Path | str,
        index: Index | str | None = None,
        options: ArmOptions | None = None,
        on_progress: OnProgress = silent,
    ) -> Recording:
        """Ask a tuned model questions and keep its answers, with dates, in its bundle."""
        return self.call(
            self.bench.record,
            name,
            questions,
            bundle=bundle,
            index=index,
            options=options,
            on_progress=on_progress,
        )

    def retrain(
        self,
        bundle: Path | str,
        *,
        on: Workbench | None = None,
        name: str | None = None,
        base: ModelId | None = None,
        on_progress: OnProgress = silent,
    ) -> TunedModel:
        """Train on a bundle's rows again, with the same prompts and method, as another run."""
        return self.call(
            self.bench.retrain, bundle, on=on, name=name, base=base, on_progress=on_progress
        )

    def check_successor(
        self,
        bundle: Path | str,
        arms: Sequence[Arm],
        *,
        recorded: str | None = None,
        margin: float | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        on_progress: OnProgress = silent,
    ) -> Succession:
        """Ask successors the recorded questions, and say whether they are no worse."""
        return self.call(
            self.bench.check_successor,
            bundle,
            arms,
            recorded=recorded,
            margin=margin,
            concurrency=concurrency,
            on_progress=on_progress,
        )
