"""Runs of fine-tuning, from rows to a model that answers and back to nothing."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING

from tailorbird.data import read_examples, training_rules
from tailorbird.exceptions import StillDeployedError, UnsupportedError
from tailorbird.journal.threads import in_thread
from tailorbird.types.capabilities import Capability
from tailorbird.types.ids import DeploymentName
from tailorbird.workflow.once.shielding import GRACE_S, carry_through
from tailorbird.workflow.tuning.handle import JobHandle, Ticket
from tailorbird.workflow.tuning.training import Preparer, TuneOptions, worked_examples
from tailorbird.workflow.tuning.tune import TunePlan

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from tailorbird.config import Profile
    from tailorbird.data import ExampleSet, QuestionSet
    from tailorbird.journal import RunRecord, Workspace
    from tailorbird.protocols import Provider
    from tailorbird.types.jobs import Job
    from tailorbird.types.questions import Question
    from tailorbird.types.tuned import TunedModel
    from tailorbird.workflow.progress import OnProgress
    from tailorbird.workflow.tuning.creation import Creation
    from tailorbird.workflow.tuning.finish import Finisher
    from tailorbird.workflow.tuning.lookup import Begun

_LOG = logging.getLogger("tailorbird.workbench")


@dataclass(frozen=True)
class Tuning:
    """What the workbench does with runs; see its methods of the same names."""

    provider: Provider
    """Where jobs run."""
    workspace: Workspace
    """Where everything is remembered."""
    profile: Profile
    """What handles name."""
    examples: dict[str, tuple[Question, ...]] = field(
        default_factory=dict[str, "tuple[Question, ...]"]
    )
    """Rows that runs of this workspace were trained on, as far as they were needed so far."""
    grace_s: float = GRACE_S
    """Real seconds that a cancelled program is kept to undeploy."""

    @cached_property
    def creation(self) -> Creation:
        """Starts and finds jobs."""
        # Leases, uploads and finding jobs cost 8 ms that `import tailorbird` does not pay.
        from tailorbird.workflow.tuning.creation import Creation  # noqa: PLC0415

        return Creation(provider=self.provider, workspace=self.workspace)

    @cached_property
    def preparer(self) -> Preparer:
        """Writes and checks training files."""
        return Preparer(
            folder=self.workspace.training_folder,
            rules=training_rules(self.provider.capabilities.rules),
        )

    @property
    def finisher(self) -> Finisher:
        """Makes models callable."""
        from tailorbird.workflow.tuning.finish import Finisher  # noqa: PLC0415 - 2 ms, as in `creation`

        return Finisher(provider=self.provider, ledger=self.workspace.journal.ledger)

    async def start(
        self,
        train: QuestionSet | ExampleSet,
        *,
        name: str,
        system: str | None,
        validation: QuestionSet | ExampleSet | None,
        options: TuneOptions,
        again: bool,
    ) -> JobHandle:
        """Start a run, or find the one of this name; `options.base` must be given."""
        prepared = await in_thread(
            self.preparer.prepare,
            train,
            name=name,
            system=system,
            validation=validation,
            options=options,
        )
        self.examples[name] = worked_examples(prepared.rows)
        return self._handle(name, await self.creation.start(prepared.plan, again=again))

    async def resume(self, name: str) -> JobHandle:
        """Find a run that was started before."""
        return self._handle(name, await self.creation.resume(name))

    def _handle(self, name: str, begun: Begun) -> JobHandle:
        ticket = Ticket(
            name=name, profile=self.profile.name, provider=self.provider.name, job_id=begun.job_id
        )
        runs, identity = self.workspace.journal.runs, self.provider.identity
        return JobHandle(
            ticket=ticket,
            jobs=self.provider.jobs,
            clock=self.provider.clock,
            surplus=begun.surplus,
            reconcile=partial(self.creation.reconcile, name),
            claim=partial(runs.claim_event, identity),
        )

    async def runs(self) -> tuple[RunRecord, ...]:
        """Give the runs of this account, newest first."""
        return await self.workspace.journal.runs.list(identity=self.provider.identity)

    async def finish(
        self, name: str, *, timeout_s: float | None, on_progress: OnProgress
    ) -> TunedModel:
        """Wait for a run and make its model callable."""
        job = await self._succeeded(name, timeout_s=timeout_s, on_progress=on_progress)
        return await self._callable(name, job, on_progress=on_progress)

    async def _succeeded(
        self, name: str, *, timeout_s: float | None, on_progress: OnProgress
    ) -> Job:
        handle = await self.resume(name)
        return await handle.wait(timeout_s=timeout_s, on_progress=on_progress)

    async def _callable(self, name: str, job: Job, *, on_progress: OnProgress) -> TunedModel:
        mine = await self.workspace.list_tuned(identity=self.provider.identity)
        known = {one.name: one for one in mine}
        if name in known and known[name].job == job.id and await self._answers(known[name]):
            return known[name]
        run = await self.workspace.journal.runs.get(name, identity=self.provider.identity)
        plan = TunePlan.model_validate_json(run.plan)
        tuned = await self.finisher.finish(plan, job, attempt=run.attempt, on_progress=on_progress)
        await self.workspace.save_tuned(tuned)
        return tuned

    async def _answers(self, tuned: TunedModel) -> bool:
        if tuned.deployment is not None:
            return await self.finisher.stands(tuned.deployment)
        today = self.provider.clock.today()
        return not self.provider.capabilities.supports(Capability.DEPLOYMENTS_REQUIRED, on=today)

    async def tuned(self, name: str) -> TunedModel:
        """Give a tuned model that was finished before, and remember what it was trained on."""
        tuned = await self.workspace.load_tuned(name, identity=self.provider.identity)
        if name not in self.examples:
            runs = self.workspace.journal.runs
            run = await runs.get(name, identity=self.provider.identity)
            path = TunePlan.model_validate_json(run.plan).request.training.path
            self.examples[name] = await in_thread(_worked_examples, path)
        return tuned

    async def checkpoints(self, name: str) -> tuple[TunedModel, ...]:
        """Give a run's checkpoints as models, the earliest first, and its model at the end."""
        tuned = await self.tuned(name)
        capabilities, today = self.provider.capabilities, self.provider.clock.today()
        capabilities.require(Capability.JOBS_CHECKPOINTS, on=today)
        if capabilities.supports(Capability.DEPLOYMENTS_REQUIRED, on=today):
            raise UnsupportedError(
                provider=self.provider.name,
                capability=Capability.JOBS_CHECKPOINTS,
                reason="checkpoints answer only when they are deployed, each for its hours",
                instead="deploy the ones you want by provider.deployments.create, and make an Arm"
                " of each",
            )
        found = [one async for one in self.provider.jobs.checkpoints(tuned.job)]
        earlier = [
            tuned.model_copy(update={"model": one.model, "step": one.step, "metrics": one.metrics})
            for one in sorted(found, key=lambda one: one.step)
            if one.model != tuned.model
        ]
        return (*earlier, tuned)

    async def training_files(self, name: str) -> tuple[Path, Path | None]:
        """Give the files that a run was trained and validated on."""
        run = await self.workspace.journal.runs.get(name, identity=self.provider.identity)
        request = TunePlan.model_validate_json(run.plan).request
        checked = request.validation
        return request.training.path, None if checked is None else checked.path

    @asynccontextmanager
    async def deployed(
        self, name: str, *, timeout_s: float | None, on_progress: OnProgress
    ) -> AsyncGenerator[TunedModel]:
        """Make a run's model callable for a block, and take its deployment away at the end."""
        # Nothing stands before the job has succeeded.
        job = await self._succeeded(name, timeout_s=timeout_s, on_progress=on_progress)
        run = await self.workspace.journal.runs.get(name, identity=self.provider.identity)
        failed: BaseException | None = None
        try:
            yield await self._callable(name, job, on_progress=on_progress)
        except BaseException as exc:  # cancellation, too: it is told what may still stand
            failed = exc
            raise
        finally:
            work = self._take_away(run, job, failed)
            await carry_through(work, grace_s=self.grace_s)

    async def _take_away(self, run: RunRecord, job: Job, failed: BaseException | None) -> None:
        cancelled = isinstance(failed, asyncio.CancelledError)
        limit = asyncio.timeout(self.grace_s if cancelled else None)
        standing = f"the deployment of run {run.name!r} may still stand and cost money"
        try:
            async with limit:
                await self.finisher.clear(run.name, job, attempt=run.attempt)
            standing = ""
        except (StillDeployedError, TimeoutError) as exc:
            if failed is None:
                raise
            # What went wrong in the block is what is raised; a time limit has no words of its own.
            failed.add_note(str(exc) or standing)
            return
        finally:
            if standing:
                _LOG.warning("%s", standing)
        mine = await self.workspace.list_tuned(identity=self.provider.identity)
        for tuned in mine:
            if tuned.name == run.name and tuned.deployment is not None:
                await self._save_bare(tuned)

    async def undeploy(self, name: str) -> TunedModel:
        """Take a tuned model's deployment away."""
        tuned = await self.workspace.load_tuned(name, identity=self.provider.identity)
        if tuned.deployment is None:
            return tuned
        await self.finisher.undeploy(DeploymentName(tuned.deployment))
        return await self._save_bare(tuned)

    async def _save_bare(self, tuned: TunedModel) -> TunedModel:
        bare = tuned.model_copy(update={"deployment": None})
        await self.workspace.save_tuned(bare)
        return bare


def _worked_examples(path: Path) -> tuple[Question, ...]:
    # A workspace that was tidied up has no training file any more: then there is nothing to show.
    return worked_examples(read_examples(path)) if path.is_file() else ()
