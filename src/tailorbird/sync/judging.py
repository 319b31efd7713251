"""The plain twin of `workbench.judging`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.sync.calling import Caller
from tailorbird.workflow.progress import OnProgress, silent

if TYPE_CHECKING:
    from tailorbird.report import Comparison
    from tailorbird.types.judgements import PreferenceReport
    from tailorbird.workflow.judging.options import JudgeOptions
    from tailorbird.workflow.judging.rubrics import Rubric


class SyncJudging(Caller):
    """Judging; see `Workbench` for what each method does."""

    def judge_pairs(
        self,
        result: Comparison,
        arm: str,
        baseline: str,
        *,
        rubric: Rubric | None = None,
        options: JudgeOptions | None = None,
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
            on_progress=on_progress,
        )
