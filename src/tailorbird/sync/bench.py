"""The workbench for code that is not async: the same methods, each waits for its result.

One event loop runs in a thread of its own for as long as the workbench is open, so connections are
kept between calls, and it works in scripts, threads and notebooks alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.sync.asking import SyncAsker
from tailorbird.sync.finding import SyncFinder
from tailorbird.sync.judging import SyncJudging
from tailorbird.sync.leaving import SyncLeaver
from tailorbird.sync.questioning import SyncQuestioner
from tailorbird.sync.reporting import SyncReporter
from tailorbird.sync.spending import SyncPayer
from tailorbird.workbench import WORKSPACE
from tailorbird.workbench import open as open_async
from tailorbird.workflow.answering.arm import DEFAULT_CONCURRENCY
from tailorbird.workflow.progress import OnProgress, silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tailorbird.protocols import Clock, Reranker
    from tailorbird.report import Comparison
    from tailorbird.types.answers import Answer
    from tailorbird.types.budget import Budget
    from tailorbird.types.models import ModelCard, RoleModel
    from tailorbird.types.questions import Question
    from tailorbird.types.tuned import TunedModel
    from tailorbird.workbench.diagnosis import Diagnosis
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.answering.arms import ArmOptions
    from tailorbird.workflow.bulk.asking import BulkOptions
    from tailorbird.workflow.comparing.appraising import AnyScorer
    from tailorbird.workflow.comparing.options import StopEarly
    from tailorbird.workflow.judging.options import JudgeOptions
    from tailorbird.workflow.searching.index import Index


def open_sync(  # noqa: PLR0913 - those of the twin
    profile: str | None = None,
    *,
    config: Path | str | None = None,
    workspace: Path | str | None = WORKSPACE,
    clock: Clock | None = None,
    environ: Mapping[str, str] | None = None,
    reranker: Reranker | None = None,
    budget: Budget | float | None = None,
) -> SyncWorkbench:
    """Make a workbench for code that is not async; enter it with `with`.

    Arguments and errors are those of `tailorbird.open`.
    """
    return SyncWorkbench(
        open_async(
            profile,
            config=config,
            workspace=workspace,
            clock=clock,
            environ=environ,
            reranker=reranker,
            budget=budget,
        )
    )


class SyncWorkbench(
    SyncLeaver, SyncFinder, SyncQuestioner, SyncJudging, SyncAsker, SyncReporter, SyncPayer
):
    """A workbench whose methods wait for their results; see `Workbench` for what each one does.

    Calls from several threads run at the same time. What is passed as `on_progress` is called
    from the loop's thread.
    """

    def role(self, name: str) -> RoleModel:
        """Give the model that plays a role."""
        return self.bench.role(name)

    def models(self) -> tuple[ModelCard, ...]:
        """Give the models of the account, sorted by id."""
        return self.call(self.bench.models)

    def diagnose(self, *, horizon_days: int | None = None) -> Diagnosis:
        """Look whether the profile works: keys, one cheap call, models of the roles, dates."""
        return self.call(self.bench.diagnose, horizon_days=horizon_days)

    def ask(
        self,
        question: str,
        *,
        tuned: TunedModel | str | None = None,
        index: Index | str | None = None,
        system: str | None = None,
        options: ArmOptions | None = None,
    ) -> Answer:
        """Answer one question."""
        return self.call(
            self.bench.ask, question, tuned=tuned, index=index, system=system, options=options
        )

    def arms(
        self,
        *,
        tuned: TunedModel | None = None,
        index: Index | None = None,
        system: str | None = None,
        examples: Sequence[Question] | None = None,
        options: ArmOptions | None = None,
    ) -> tuple[Arm, ...]:
        """Make the usual arms from what there is, the simplest first."""
        return self.bench.arms(
            tuned=tuned, index=index, system=system, examples=examples, options=options
        )

    def compare(  # noqa: PLR0913 - those of the twin
        self,
        arms: Sequence[Arm],
        questions: Sequence[Question],
        *,
        name: str | None = None,
        settings: Mapping[str, str | int | float | bool] | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        scorers: Sequence[AnyScorer] = (),
        judge: JudgeOptions | None = None,
        bulk: BulkOptions | bool = False,
        stream: bool = False,
        stop_early: StopEarly | bool = False,
        on_progress: OnProgress = silent,
    ) -> Comparison:
        """Ask every arm every question, score the answers, and say what to do."""
        return self.call(
            self.bench.compare,
            arms,
            questions,
            name=name,
            settings=settings,
            concurrency=concurrency,
            scorers=scorers,
            judge=judge,
            bulk=bulk,
            stream=stream,
            stop_early=stop_early,
            on_progress=on_progress,
        )
