"""Follow a fine-tuning job, from this process or any other."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from tailorbird.exceptions import (
    ConnectError,
    DeadlineError,
    JobCancelledError,
    JobFailedError,
    NotFoundError,
    RateLimitError,
    ServiceUnavailableError,
    UnexpectedResponseError,
    WaitTimeoutError,
)
from tailorbird.types.base import Frozen
from tailorbird.types.ids import JobId
from tailorbird.types.jobs import Job, JobEvent, JobStatus
from tailorbird.workflow.progress import OnProgress, Progress, silent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tailorbird.protocols import Clock, FineTuningJobs

# What passes by itself; anything else ends a wait.
_TRANSIENT = (
    ConnectError,
    DeadlineError,
    RateLimitError,
    ServiceUnavailableError,
    UnexpectedResponseError,
)

# A new job may be invisible for a moment (reliability notes, row F2, measured 2026-11-22).
_GRACE_S = 60.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often a wait looks: soon at first, then ever more seldom, never in step with others."""

    first_s: float = 1.0
    """Seconds before the second look."""
    factor: float = 1.5
    """Growth from look to look."""
    limit_s: float = 30.0
    """Longest pause in seconds: an hour of waiting takes at most 150 looks."""

    def pause_s(self, looks: int, random: Random) -> float:
        """Give the seconds to pause after so many looks, up to a tenth shorter or longer."""
        steady = min(self.limit_s, self.first_s * self.factor ** min(looks, 50))
        return steady * random.uniform(0.9, 1.1)


class Ticket(Frozen):
    """What it takes to find a job again: plain data."""

    name: str
    """The run's name."""
    profile: str
    """Profile it was started with."""
    provider: str
    """Name of the provider."""
    job_id: JobId
    """The provider's id of the job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobHandle:
    """A job that was started: watch it, wait for it, stop it.

    Stopping to wait, with Ctrl-C or by a limit, never stops the job itself.
    """

    ticket: Ticket
    """What it takes to find the job again."""
    jobs: FineTuningJobs = field(repr=False)
    """Where the job is."""
    clock: Clock = field(repr=False)
    """What waits go by."""
    schedule: Schedule = field(default_factory=Schedule, repr=False)
    """How often to look."""
    random: Random = field(default_factory=Random, repr=False)
    """Keeps many waits out of step."""

    @property
    def name(self) -> str:
        """The run's name."""
        return self.ticket.name

    @property
    def job_id(self) -> JobId:
        """The provider's id of the job."""
        return self.ticket.job_id

    async def status(self) -> Job:
        """Give the job as it stands now.

        Raises:
            NotFoundError: The provider does not know it (any more).
        """
        return await self.jobs.get(self.job_id)

    async def cancel(self) -> Job:
        """Cancel the job at the provider; what was done is paid for.

        Raises:
            ConflictError: It is final already.
        """
        return await self.jobs.cancel(self.job_id)

    async def pause(self) -> Job:
        """Hold the job at the provider.

        Raises:
            ConflictError: It is not running.
            UnsupportedError: The provider cannot hold jobs.
        """
        return await self.jobs.pause(self.job_id)

    async def resume(self) -> Job:
        """Go on with a held job.

        Raises:
            ConflictError: It is not held.
            UnsupportedError: The provider cannot hold jobs.
        """
        return await self.jobs.resume(self.job_id)

    async def wait(
        self, *, timeout_s: float | None = None, on_progress: OnProgress = silent
    ) -> Job:
        """Wait until the job has succeeded and its model has a name.

        Trouble that passes by itself does not end the wait, nor does a status that this version
        does not know.

        Args:
            timeout_s: Seconds to wait at most; None waits for 30 days, longer than any provider
                lets a job run.
            on_progress: Called whenever the status changes.

        Raises:
            JobFailedError: The provider ended it; the error carries code and message.
            JobCancelledError: It was cancelled, here or elsewhere.
            WaitTimeoutError: The time is over; the job goes on.
            ProviderError: The provider refuses to say (key, permission, unknown job).
        """
        shown = ""
        async for job in self._looks(timeout_s):
            if job.raw_status != shown:
                shown = job.raw_status
                on_progress(Progress(step="training", done=0, detail=shown))
            if job.status is JobStatus.FAILED:
                failure = job.failure
                message = "" if failure is None else failure.message
                raise JobFailedError(
                    f"job {job.id} of run {self.name!r} failed: {message or 'no reason given'}",
                    job_id=job.id,
                    name=self.name,
                    code=None if failure is None else failure.code,
                    param=None if failure is None else failure.param,
                )
            if job.status is JobStatus.CANCELLED:
                raise JobCancelledError(
                    f"job {job.id} of run {self.name!r} was cancelled; start it again with"
                    " again=True",
                    job_id=job.id,
                    name=self.name,
                )
            # A provider may report success a moment before it reports the model's name.
            if job.status is JobStatus.SUCCEEDED and job.fine_tuned_model is not None:
                return job
        raise WaitTimeoutError(
            f"run {self.name!r} did not end within the wait; the job {self.job_id} goes on:"
            f" resume it by name",
            job_id=self.job_id,
            name=self.name,
        )

    async def events(self, *, timeout_s: float | None = None) -> AsyncIterator[JobEvent]:
        """Give the job's events, each once, oldest first, until the job is final.

        Args:
            timeout_s: Seconds to follow the job at most; None as for `wait`.

        Raises:
            ProviderError: As for `wait`.
        """
        seen: set[str] = set()
        async for job in self._looks(timeout_s):
            try:
                fresh = [one async for one in self.jobs.events(self.job_id) if one.id not in seen]
                fresh.reverse()
            except _TRANSIENT:
                continue
            # Reported newest first; the sort is stable, so events of one moment keep their order.
            for event in sorted(fresh, key=lambda one: one.created_at):
                if event.id not in seen:
                    seen.add(event.id)
                    yield event
            if job.status.is_final:
                return

    async def _looks(self, timeout_s: float | None) -> AsyncIterator[Job]:
        started = self.clock.monotonic()
        limit = started + (30 * 86_400.0 if timeout_s is None else timeout_s)
        looks = 0
        while True:
            try:
                yield await self.jobs.get(self.job_id)
            except NotFoundError:
                if self.clock.monotonic() - started > _GRACE_S:
                    raise
            except _TRANSIENT:
                pass
            left = limit - self.clock.monotonic()
            if left <= 0:
                return
            await self.clock.sleep(min(left, self.schedule.pause_s(looks, self.random)))
            looks += 1
