"""Find the jobs of a run at the provider, and see to it that only one of them lives."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.exceptions import ConflictError, NotFoundError
from tailorbird.types.jobs import RUN_KEY, JobStatus
from tailorbird.workflow.once.listing import distinct

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tailorbird.protocols import FineTuningJobs
    from tailorbird.types.ids import FileId, JobId
    from tailorbird.types.jobs import Job

_LOG = logging.getLogger("tailorbird.workflow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A run's job."""

    job_id: JobId
    """The provider's id of the job."""
    surplus: tuple[JobId, ...] = ()
    """Jobs of the same run that were found beside it, and cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """Looks for jobs by what they carry of a run."""

    jobs: FineTuningJobs
    """Where jobs are."""
    by_metadata: bool
    """Whether the provider keeps metadata; else a job is told by the file it trains on."""

    async def by_tag(self, tag: str) -> tuple[Job, ...]:
        """Give the jobs that carry a run's key, the oldest first.

        Raises:
            ProviderError: The jobs cannot be listed.
        """
        listed = await distinct(self.jobs.list(metadata={RUN_KEY: tag}), lambda one: one.id)
        # A provider that ignores the filter gives everybody's jobs.
        return _oldest_first([one for one in listed if one.metadata.get(RUN_KEY) == tag])

    async def by_file(self, files: Collection[FileId]) -> tuple[Job, ...]:
        """Give the jobs that train on one of these files, the oldest first.

        Raises:
            ProviderError: The jobs cannot be listed.
        """
        if not files:
            return ()
        listed = await distinct(self.jobs.list(), lambda one: one.id)
        return _oldest_first([one for one in listed if one.training_file in files])

    async def keep_one(self, jobs: Sequence[Job]) -> Begun:
        """Cancel all live jobs of a run but one, and say which one stays.

        The one that stays is the oldest that has succeeded, else the oldest that lives, else the
        newest that has ended: every process chooses the same one.

        Args:
            jobs: The run's jobs, at least one, the oldest first.

        Raises:
            ProviderError: A job cannot be cancelled.
        """
        kept = choose(jobs)
        surplus: list[JobId] = []
        for job in jobs:
            if job.id == kept.id or job.status.is_final:
                continue
            try:
                await self.jobs.cancel(job.id)
            except (ConflictError, NotFoundError) as exc:
                _LOG.debug("a surplus job has ended meanwhile: %s", exc)
                continue
            surplus.append(job.id)
            _LOG.warning("job %s was cancelled: job %s is of the same run", job.id, kept.id)
        return Begun(job_id=kept.id, surplus=tuple(surplus))


def choose(jobs: Sequence[Job]) -> Job:
    """Give the job that stands for a run; see `Lookup.keep_one`."""
    succeeded = [job for job in jobs if job.status is JobStatus.SUCCEEDED]
    live = [job for job in jobs if not job.status.is_final]
    return (succeeded or live or [jobs[-1]])[0]


def has_ended_badly(job: Job) -> bool:
    """Say whether a job ended without a model, so that only the user can want another one."""
    return job.status in {JobStatus.FAILED, JobStatus.CANCELLED}


def _oldest_first(jobs: Sequence[Job]) -> tuple[Job, ...]:
    # Providers count in seconds: the id decides between jobs of one second, everywhere alike.
    return tuple(sorted(jobs, key=lambda one: (one.created_at, one.id)))
