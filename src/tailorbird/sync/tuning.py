"""The plain twin of `workbench.tuner`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.sync.calling import Caller
from tailorbird.workflow.progress import OnProgress, silent

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tailorbird.data import ExampleSet, QuestionSet, TokenCounter
    from tailorbird.journal import RunRecord
    from tailorbird.types.tuned import TunedModel
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.answering.arms import ArmOptions
    from tailorbird.workflow.searching.index import Index
    from tailorbird.workflow.tuning.estimate import Estimate
    from tailorbird.workflow.tuning.handle import JobHandle
    from tailorbird.workflow.tuning.training import TuneOptions


class SyncTuner(Caller):
    """Runs of fine-tuning; see `Workbench` for what each method does."""

    def estimate(
        self,
        train: QuestionSet | ExampleSet,
        *,
        system: str | None = None,
        options: TuneOptions | None = None,
        count: TokenCounter | None = None,
    ) -> Estimate:
        """Say what training on these rows would use and cost; nothing is sent."""
        return self.call(self.bench.estimate, train, system=system, options=options, count=count)

    def start_fine_tune(
        self,
        train: QuestionSet | ExampleSet,
        *,
        name: str,
        system: str | None = None,
        validation: QuestionSet | ExampleSet | None = None,
        options: TuneOptions | None = None,
        again: bool = False,
    ) -> JobHandle:
        """Start a run, or find the one of this name that was started before."""
        return self.call(
            self.bench.start_fine_tune,
            train,
            name=name,
            system=system,
            validation=validation,
            options=options,
            again=again,
        )

    def fine_tune(
        self,
        train: QuestionSet | ExampleSet,
        *,
        name: str,
        system: str | None = None,
        validation: QuestionSet | ExampleSet | None = None,
        options: TuneOptions | None = None,
        on_progress: OnProgress = silent,
    ) -> TunedModel:
        """Start a run (or find it), wait for it, and give its model once it answers."""
        return self.call(
            self.bench.fine_tune,
            train,
            name=name,
            system=system,
            validation=validation,
            options=options,
            on_progress=on_progress,
        )

    def resume(self, name: str) -> JobHandle:
        """Find a run that was started before, in this process or another one."""
        return self.call(self.bench.resume, name)

    def jobs(self) -> tuple[RunRecord, ...]:
        """Give the runs that this workspace knows, newest first."""
        return self.call(self.bench.jobs)

    def finish(
        self, name: str, *, timeout_s: float | None = None, on_progress: OnProgress = silent
    ) -> TunedModel:
        """Wait for a run and give its model, deployed where that is needed, once it answers."""
        return self.call(self.bench.finish, name, timeout_s=timeout_s, on_progress=on_progress)

    def deployed(
        self, name: str, *, timeout_s: float | None = None, on_progress: OnProgress = silent
    ) -> AbstractContextManager[TunedModel]:
        """Give a run's model for a block, and take its deployment away at the end of the block."""
        block = self.bench.deployed(name, timeout_s=timeout_s, on_progress=on_progress)
        return self._block(block)

    def tuned(self, name: str) -> TunedModel:
        """Give a tuned model that was finished before."""
        return self.call(self.bench.tuned, name)

    def undeploy(self, name: str) -> TunedModel:
        """Take a tuned model's deployment away, so that hosting costs nothing any more."""
        return self.call(self.bench.undeploy, name)

    def checkpoint_arms(
        self,
        name: str,
        *,
        index: Index | str | None = None,
        options: ArmOptions | None = None,
    ) -> tuple[Arm, ...]:
        """Make arms of a run's checkpoints and of its model at the end, the earliest first."""
        return self.call(self.bench.checkpoint_arms, name, index=index, options=options)
