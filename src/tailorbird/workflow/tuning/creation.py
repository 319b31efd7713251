"""Start a fine-tuning job once, however often and from wherever it is asked for.

The protocol: write the intent down; be the only one at work on it; ask the provider whether it has
the job; upload; send one creation; write its answer down although the caller is cancelled; where
the answer is lost, look for the job and never send again unasked; and whenever the run is met
again, see to it that one job lives.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.exceptions import (
    BudgetExceededError,
    ConfigError,
    InvalidInputError,
    JobOutcomeUnknownError,
    ProviderError,
    UnsupportedError,
)
from tailorbird.protocols.returned import promised
from tailorbird.types.capabilities import TUNING, Capability
from tailorbird.types.deployments import DeploymentSpec
from tailorbird.types.ids import DeploymentName
from tailorbird.types.jobs import RUN_KEY, JobSpec
from tailorbird.types.models import ModelCard
from tailorbird.workflow.once.leases import Holder, Leases
from tailorbird.workflow.once.settling import SETTLE_S, settle
from tailorbird.workflow.once.shielding import carry_through
from tailorbird.workflow.tuning.lookup import Begun, Lookup, choose, has_ended_badly
from tailorbird.workflow.tuning.tune import TrainingFile, TunePlan, TuneRequest
from tailorbird.workflow.tuning.uploads import Uploads

if TYPE_CHECKING:
    from tailorbird.journal import RunRecord, Runs, Workspace
    from tailorbird.protocols import Provider
    from tailorbird.types.ids import JobId, ModelId
    from tailorbird.types.jobs import Job

_LOG = logging.getLogger("tailorbird.workflow")

# A creation that was sent longer ago shows in every listing, or was never taken.
_OLD_NEWS_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """Starts and finds the jobs of one account.

    Takes a whole provider: it needs files, jobs, models, capabilities and the clock.
    """

    provider: Provider
    """Makes the jobs."""
    workspace: Workspace
    """Remembers intents and outcomes."""
    settle_s: float = SETTLE_S
    """Seconds to look for a job whose creation was not answered."""

    async def start(self, plan: TunePlan, *, again: bool = False) -> Begun:
        """Give the run's job: the one that exists, or else a new one.

        Args:
            plan: What to make.
            again: Make a new job although the run's earlier one failed or was cancelled, or
                although nobody knows whether the earlier creation succeeded.

        Raises:
            UnsupportedError: The provider does not tune (this way, or any more), the profile does
                not say where the model is to be deployed although that is needed, or the base model
                was shut down; files that were uploaded for this run only are deleted again.
            InvalidInputError: The name stands for another request, and the message shows the
                difference; or `again` is given for a job that lives or has succeeded.
            JobOutcomeUnknownError: The answer to the creation was lost, and no job shows up yet.
            StoreBusyError: Another process is at work on the run for too long.
            ProviderError: Anything else the provider said; no job was made.
        """
        request, identity = plan.request, self.provider.identity
        known = await self._runs.find(request.name, identity=identity)
        if known is None:
            # A door that is closed is found before anything is written down.
            self._require_open(request)
            await self._require_host(request)
        run = await self._runs.begin(
            request.name,
            identity=identity,
            run_key=request.run_key(identity=identity),
            summary=request.summary(),
            plan=plan.model_dump_json(),
            at=self.provider.clock.now(),
        )
        if run.job_id is not None and not again:
            return await self._met(run, run.job_id)
        return await self._leases.within(
            run,
            lambda holder: self._start(plan, holder, begun=run, again=again),
            done=lambda now: None if again else _begun(now),
        )

    async def resume(self, name: str) -> Begun:
        """Give the job of a run that was started before, in whatever process.

        Raises:
            InvalidInputError: The workspace knows no run of that name.
            JobOutcomeUnknownError: No job of it is known, and none shows up.
            StoreBusyError: Another process is at work on the run for too long.
        """
        run = await self._runs.get(name, identity=self.provider.identity)
        if run.job_id is None:
            return await self._leases.within(run, self._find_lost, done=_begun)
        return await self._met(run, run.job_id)

    async def reconcile(self, name: str) -> Begun:
        """See to it that one job of a run lives: the oldest stays, the others are cancelled.

        Raises:
            InvalidInputError: The workspace knows no run of that name.
            JobOutcomeUnknownError: No job of it is known.
            ProviderError: The jobs cannot be listed, or one cannot be cancelled.
        """
        run = await self._runs.get(name, identity=self.provider.identity)
        if run.job_id is None:
            raise _not_found(run)
        return await self._reconcile(run, run.job_id)

    async def _reconcile(self, run: RunRecord, known: JobId) -> Begun:
        jobs = await self._jobs_of(run)
        if known not in {job.id for job in jobs}:
            # Out of the listing's reach, or not in it yet: its id was told to somebody, so it
            # stays the run's job.
            return Begun(job_id=known)
        await self._runs.record_job(run.id, choose(jobs).id)
        return await self._lookup.keep_one(jobs)

    async def _met(self, run: RunRecord, known: JobId) -> Begun:
        try:
            return await self._reconcile(run, known)
        except ProviderError as exc:
            # The job is known; whether it is the only one is asked again while it is waited for.
            _LOG.debug("run %r was not reconciled: %s", run.name, exc)
            return Begun(job_id=known)

    async def _start(
        self, plan: TunePlan, holder: Holder, *, begun: RunRecord, again: bool
    ) -> Begun:
        run = holder.run
        if run.attempt > begun.attempt:
            # Somebody else wanted it again too, and was first.
            again = False
        if run.job_id is not None:
            if not again:
                return await self._met(run, run.job_id)
            run = await self._next_attempt(run, await self.provider.jobs.get(run.job_id))
        jobs = await self._known_jobs(run)
        if jobs and again and has_ended_badly(choose(jobs)):
            run = await self._next_attempt(run, choose(jobs))
            jobs = await self._known_jobs(run)
        if jobs:
            return await self._adopt(run, jobs)
        if run.state == "creating" and not again:
            raise _unknown(run)
        self._require_open(plan.request)
        await self._refuse_retired(plan.request.base)
        spec = await self._upload(plan.request, run)
        return await self._send(plan.request, spec, run, owner=holder.owner)

    async def _find_lost(self, holder: Holder) -> Begun:
        run = holder.run
        jobs = await self._known_jobs(run)
        if not jobs:
            raise _not_found(run)
        return await self._adopt(run, jobs)

    async def _known_jobs(self, run: RunRecord) -> tuple[Job, ...]:
        """Look for jobs of the run; for some time, when a creation was sent just now."""
        waits = run.state == "creating" and not self._is_old_news(run)
        return await settle(
            lambda: self._jobs_of(run),
            clock=self.provider.clock,
            limit_s=self.settle_s if waits else 0.0,
        )

    def _is_old_news(self, run: RunRecord) -> bool:
        # Journals of the first versions know only when the run was begun.
        sent_at = run.sent_at or run.begun_at
        return (self.provider.clock.now() - sent_at).total_seconds() > _OLD_NEWS_S

    async def _jobs_of(self, run: RunRecord) -> tuple[Job, ...]:
        tag = tag_of(run)
        if self._lookup.by_metadata:
            return await self._lookup.by_tag(tag)
        plan = TunePlan.model_validate_json(run.plan)
        stored = await self._uploads.find(plan.request.training, tag=tag)
        return await self._lookup.by_file({one.id for one in stored})

    async def _adopt(self, run: RunRecord, jobs: tuple[Job, ...]) -> Begun:
        # Written down first: what follows may fail, and the job must not be forgotten.
        job = choose(jobs).id
        await self._runs.record_job(run.id, job)
        return await self._met(run, job)

    async def _next_attempt(self, run: RunRecord, job: Job) -> RunRecord:
        if not has_ended_badly(job):
            message = (
                f"job {job.id} is {job.raw_status!r}; again=True is for jobs that failed or were"
                " cancelled. Cancel it first, or choose another name"
            )
            raise InvalidInputError(message)
        return await self._runs.begin_attempt(run)

    def _require_open(self, request: TuneRequest) -> None:
        today = self.provider.clock.today()
        self.provider.capabilities.require(Capability.JOBS_CREATE, on=today)
        self.provider.capabilities.require(TUNING[request.method.type], on=today)

    async def _require_host(self, request: TuneRequest) -> None:
        """Find out before training is paid that its model could not be made callable."""
        today = self.provider.clock.today()
        if not self.provider.capabilities.supports(Capability.DEPLOYMENTS_REQUIRED, on=today):
            return
        spec = DeploymentSpec(model=request.base, name=DeploymentName(request.name))
        try:
            await self.provider.deployments.quote(spec)
        except ProviderError as exc:
            # What hosting costs is asked again before anything is deployed.
            _LOG.debug("what hosting of run %r costs is not known: %s", request.name, exc)

    async def _refuse_retired(self, base: ModelId) -> None:
        today = self.provider.clock.today()
        if not self.provider.capabilities.supports(Capability.MODELS, on=today):
            return
        try:
            card = await self.provider.models.get(base)
            promised(card, ModelCard, by=self.provider.name, operation="models.get", about=base)
        except ProviderError as exc:
            # Not listed is not gone, and a key may train without being allowed to list models:
            # the provider will say itself whether the base can be tuned.
            _LOG.debug("whether %r was shut down is not known: %s", base, exc)
            return
        if card.is_past_tuning(today):
            raise UnsupportedError(
                provider=self.provider.name,
                capability=Capability.JOBS_CREATE.value,
                reason=f"the model {base!r} was shut down on {card.shutdown_date}",
                instead=None if card.successor is None else f"train {card.successor!r}",
                until=card.shutdown_date,
            )

    async def _upload(self, request: TuneRequest, run: RunRecord) -> JobSpec:
        tag = tag_of(run)
        validation = None
        training = await self._uploads.put(request.training, name=request.name, tag=tag)
        if request.validation is not None:
            name = f"{request.name}-validation"
            validation = await self._uploads.put(request.validation, name=name, tag=tag)
        return JobSpec(
            model=request.base,
            training_file=training,
            validation_file=validation,
            method=request.method,
            suffix=request.suffix,
            seed=request.seed,
            metadata={RUN_KEY: tag},
            tier=request.tier,
        )

    async def _send(
        self, request: TuneRequest, spec: JobSpec, run: RunRecord, *, owner: str
    ) -> Begun:
        try:
            return await carry_through(self._create(request, spec, run, owner=owner))
        except ProviderError as exc:
            if exc.accepted == "no":
                raise
            sent = await self._runs.get(run.name, identity=run.identity)
            jobs = await self._known_jobs(sent)
            if not jobs:
                raise _unknown(run) from exc
        return await self._adopt(run, jobs)

    async def _create(
        self, request: TuneRequest, spec: JobSpec, run: RunRecord, *, owner: str
    ) -> Begun:
        """Send the creation and write down what came of it; never left half done."""
        now = self.provider.clock.now()
        if not await self._runs.record_sent(run.id, owner=owner, at=now):
            # This process stood still for so long that another one has taken over.
            raise _unknown(run)
        try:
            job = await self.provider.jobs.create(spec)
        except (BudgetExceededError, ConfigError, UnsupportedError):
            await self._runs.record_refused(run.id)
            await self._clean_up(request, run)
            raise
        except ProviderError as exc:
            if exc.accepted == "no":
                await self._runs.record_refused(run.id)
            raise
        await self._runs.record_job(run.id, job.id)
        return Begun(job_id=job.id)

    async def _clean_up(self, request: TuneRequest, run: RunRecord) -> None:
        # A refused job leaves its uploads behind (OpenAI facts, 1.1): they are ours to delete,
        # unless another run trains on the same rows.
        runs = await self._runs.list(identity=run.identity)
        needed = {
            one.summary.get(use)
            for one in runs
            for use in ("training", "validation")
            if one.job_id is not None
        }
        for file in _files(request):
            if file.sha256 not in needed or not self._uploads.shared:
                await self._uploads.delete(file, tag=tag_of(run))

    @property
    def _runs(self) -> Runs:
        return self.workspace.journal.runs

    @property
    def _leases(self) -> Leases:
        return Leases(runs=self._runs, clock=self.workspace.clock)

    @property
    def _lookup(self) -> Lookup:
        return Lookup(jobs=self.provider.jobs, by_metadata=self._keeps_metadata)

    @property
    def _uploads(self) -> Uploads:
        return Uploads(
            files=self.provider.files,
            journal=self.workspace.journal,
            clock=self.provider.clock,
            identity=self.provider.identity,
            shared=self._keeps_metadata,
            settle_s=self.settle_s,
        )

    @property
    def _keeps_metadata(self) -> bool:
        today = self.provider.clock.today()
        return self.provider.capabilities.supports(Capability.JOBS_METADATA, on=today)


def tag_of(run: RunRecord) -> str:
    """Give what a run's job carries: its key, and from the second attempt on the attempt."""
    return run.run_key if run.attempt == 0 else f"{run.run_key[:56]}-{run.attempt}"


def _files(request: TuneRequest) -> tuple[TrainingFile, ...]:
    return tuple(file for file in (request.training, request.validation) if file is not None)


def _begun(run: RunRecord) -> Begun | None:
    return None if run.job_id is None else Begun(job_id=run.job_id)


def _unknown(run: RunRecord) -> JobOutcomeUnknownError:
    return JobOutcomeUnknownError(
        f"the answer to creating run {run.name!r} was lost, and the provider does not list the"
        " job (yet). Call the same again later: it looks before it creates anything. again=True"
        " creates another job, which may be a second one to pay for",
        name=run.name,
    )


def _not_found(run: RunRecord) -> JobOutcomeUnknownError:
    return JobOutcomeUnknownError(
        f"run {run.name!r} was begun, and no job of it is known: start it again with the same"
        " rows; the provider is asked for the job before one is created",
        name=run.name,
    )
