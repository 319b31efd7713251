"""The plain twin of `workbench.judging`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.sync.calling import Caller
from tailorbird.workflow.progress import OnProgress, silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.report import Comparison
    from tailorbird.types.judgements import PreferenceReport
    from tailorbird.types.questions import Question
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.bulk.asking import BulkOptions
    from tailorbird.workflow.judging.estimate import JudgeEstimate
    from tailorbird.workflow.judging.options import JudgeOptions
    from tailorbird.workflow.judging.rubrics import Rubric


class SyncJudging(Caller):
    """Judging; see `Workbench` for what each method does."""

    def estimate_judging(
        self,
        arms: Sequence[Arm],
        questions: Sequence[Question],
        *,
        judge: JudgeOptions | None = None,
        bulk: bool = False,
    ) -> JudgeEstimate:
        """Say what judging a comparison would ask of the judge, and what that costs."""
        return self.call(self.bench.estimate_judging, arms, questions, judge=judge, bulk=bulk)

    def judge_pairs(  # noqa: PLR0913 - those of the twin
        self,
        result: Comparison,
        arm: str,
        baseline: str,
        *,
        rubric: Rubric | None = None,
        options: JudgeOptions | None = None,
        bulk: BulkOptions | bool = False,
        on_progress: OnProgress = silent,
    ) -> PreferenceReport:
        """Let the judge say which of two arms answers better, question by question."""
        return self.call(
            self.bench.judge_pairs,
            result,
            arm,
            baseline,
            rubric=rubric,
            options=options,
            bulk=bulk,
            on_progress=on_progress,
        )
