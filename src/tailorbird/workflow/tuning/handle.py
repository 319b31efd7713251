"""Follow a fine-tuning job, from this process or any other."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from math import isfinite
from random import Random
from typing import TYPE_CHECKING, Literal

from tailorbird.exceptions import (
    InvalidInputError,
    JobCancelledError,
    JobFailedError,
    JobOutcomeUnknownError,
    NotFoundError,
    ProviderError,
    UnexpectedResponseError,
    WaitTimeoutError,
)
from tailorbird.retry import PASSING
from tailorbird.types.base import Frozen
from tailorbird.types.ids import JobId
from tailorbird.types.jobs import Job, JobEvent, JobStatus
from tailorbird.workflow.once.listing import MOST_EVENTS, distinct
from tailorbird.workflow.progress import OnProgress, Progress, silent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from datetime import datetime

    from tailorbird.protocols import Clock, FineTuningJobs
    from tailorbird.types.ids import EventId
    from tailorbird.workflow.tuning.lookup import Begun

_LOG = logging.getLogger("tailorbird.workflow")

EventsFrom = Literal["unseen", "start"]
"""`unseen`: events that nobody in this workspace was handed yet; `start`: all of them."""

_NAMELESS_S = 600.0  # between success and the model's name pass seconds
_LONGEST_S = 30 * 86_400.0  # longer than any provider lets a job run

# A new job may be invisible for a moment (reliability notes, row F2, measured 2026-11-22).
_GRACE_S = 60.0
_MISSES = 5  # one slow answer may take as long as the grace


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


@dataclass(slots=True, kw_only=True)
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
    surplus: tuple[JobId, ...] = ()
    """Jobs of the same run that were found beside it and cancelled: a creation whose answer was
    lost may have been taken after all."""
    schedule: Schedule = field(default_factory=Schedule, repr=False)
    """How often to look."""
    random: Random = field(default_factory=Random, repr=False)
    """Keeps many waits out of step."""
    reconcile: Callable[[], Awaitable[Begun]] | None = field(default=None, repr=False)
    """Sees to it that one job of the run lives; asked once, when a wait first reaches the job."""
    claim: Callable[[JobId, EventId], Awaitable[bool]] | None = field(default=None, repr=False)
    """Takes an event for this process; None hands out every event."""

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
            timeout_s: Seconds to wait at most, at least 0; None waits for 30 days, longer than any
                provider lets a job run.
            on_progress: Called whenever the status changes.

        Raises:
            InvalidInputError: `timeout_s` is negative or not a number.
            JobFailedError: The provider ended it; the error carries code and message.
            UnexpectedResponseError: It has succeeded, and names no model after ten minutes.
            JobCancelledError: It was cancelled, here or elsewhere.
            WaitTimeoutError: The time is over; the job goes on.
            ProviderError: The provider refuses to say (key, permission, unknown job).
        """
        shown = ""
        nameless_since: datetime | None = None
        async for job in self._looks(timeout_s):
            if job.raw_status != shown:
                shown = job.raw_status
                on_progress(Progress(step="training", done=0, detail=shown))
                if job.status is JobStatus.OTHER:
                    _LOG.warning("job %s has a status nobody knows yet: %r", job.id, shown)
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
            if job.status is JobStatus.SUCCEEDED:
                if job.fine_tuned_model is not None:
                    return job
                # A provider may report success a moment before it reports the model's name.
                nameless_since = nameless_since or self.clock.now()
                self._require_name_by(nameless_since)
        raise WaitTimeoutError(
            f"run {self.name!r} did not end within the wait; the job {self.job_id} goes on:"
            f" resume it by name",
            job_id=self.job_id,
            name=self.name,
        )

    def _require_name_by(self, since: datetime) -> None:
        if (self.clock.now() - since).total_seconds() > _NAMELESS_S:
            raise UnexpectedResponseError(
                f"job {self.job_id} has succeeded, and names no model after {_NAMELESS_S:g} s: ask"
                " the provider's support with the job's id",
                provider=self.ticket.provider,
                operation="jobs.get",
                accepted="yes",
            )

    async def events(
        self, *, since: EventsFrom = "unseen", timeout_s: float | None = None
    ) -> AsyncIterator[JobEvent]:
        """Give the job's events, each once, oldest first, until the job is final.

        Which events were handed out is remembered in the workspace: a program that was stopped and
        started again goes on where it was, and of two programs that follow one job each event
        reaches one. An event counts as handed out before it is given.

        Args:
            since: `unseen` leaves out what was handed out before, by whatever process; `start`
                gives all events once more.
            timeout_s: Seconds to follow the job at most; None as for `wait`.

        Raises:
            InvalidInputError: `timeout_s` is negative or not a number.
            UnexpectedResponseError: The job is final, and its list of events stays unreadable, e.g.
                because its pages run in a circle; what could be read of it was given.
            ProviderError: As for `wait`.
        """
        seen: set[EventId] = set()
        misses = 0
        async for job in self._looks(timeout_s):
            fresh, trouble = await self._listed(job.id)
            if trouble is not None:
                _LOG.debug("job %s: its events were not all listed: %s", job.id, trouble)
                lasting = isinstance(trouble, UnexpectedResponseError) and job.status.is_final
                misses = misses + 1 if lasting else 0
                if misses < _MISSES:
                    continue  # they come with the next look, in their order
            # Reported newest first; the sort is stable, so events of one moment keep their order.
            fresh.reverse()
            for event in sorted(fresh, key=lambda one: one.created_at):
                if event.id in seen:
                    continue
                seen.add(event.id)
                if since == "start" or await self._claimed(event.id):
                    yield event
            if trouble is not None:
                raise trouble
            if job.status.is_final:
                return

    async def _listed(self, job: JobId) -> tuple[list[JobEvent], ProviderError | None]:
        """Give the events that came, each once, and the passing trouble that kept the rest."""
        trouble: list[ProviderError] = []

        async def untroubled() -> AsyncIterator[JobEvent]:
            try:
                async for event in self.jobs.events(job):
                    yield event
            except PASSING as exc:
                trouble.append(exc)

        listed = await distinct(untroubled(), lambda one: one.id, most=MOST_EVENTS)
        return listed, trouble[0] if trouble else None

    async def _claimed(self, event: EventId) -> bool:
        return self.claim is None or await self.claim(self.job_id, event)

    async def _looks(self, timeout_s: float | None) -> AsyncIterator[Job]:
        if timeout_s is not None and not (isfinite(timeout_s) and timeout_s >= 0):
            message = f"timeout_s must be a number of seconds, at least 0, got {timeout_s!r}"
            raise InvalidInputError(message)
        started = self.clock.monotonic()
        limit = started + (_LONGEST_S if timeout_s is None else timeout_s)
        looks = misses = 0
        while True:
            try:
                job = await self.jobs.get(self.job_id)
                if await self._is_the_one():
                    yield job
            except NotFoundError:
                misses += 1
                if misses >= _MISSES and self.clock.monotonic() - started > _GRACE_S:
                    raise
            except PASSING as exc:
                _LOG.debug("job %s: looking failed, and goes on: %s", self.job_id, exc)
            left = limit - self.clock.monotonic()
            if left <= 0:
                return
            await self.clock.sleep(min(left, self.schedule.pause_s(looks, self.random)))
            looks += 1

    async def _is_the_one(self) -> bool:
        """Reconcile the run once; say whether this job is still the one to follow."""
        if self.reconcile is None:
            return True
        try:
            begun = await self.reconcile()
        except (JobOutcomeUnknownError, ProviderError) as exc:
            # The next look tries again; or somebody is about to make the job anew.
            _LOG.debug("run %r was not reconciled: %s", self.name, exc)
            return True
        self.reconcile = None
        self.surplus += begun.surplus
        moved = begun.job_id != self.job_id
        self.ticket = self.ticket.model_copy(update={"job_id": begun.job_id})
        return not moved
