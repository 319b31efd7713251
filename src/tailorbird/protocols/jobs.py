"""The contract for fine-tuning jobs."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tailorbird.types.ids import JobId
    from tailorbird.types.jobs import Checkpoint, Job, JobEvent, JobSpec


class FineTuningJobs(Protocol):
    """Make and follow fine-tuning jobs. Clauses `J…` of `docs/contract/jobs.md`.

    Every method raises `ProviderError`, and `InvalidInputError` before anything is sent for an id
    as described at `Files`.
    """

    @abstractmethod
    async def create(self, spec: JobSpec) -> Job:
        """Make a job. One call sends one request: it is never repeated by itself.

        Args:
            spec: What to make. Its metadata is kept with the job where the provider keeps any.

        Raises:
            UnsupportedError: The provider does not tune (this way, or any more); nothing was
                created. Also when it says so only now (`training_not_available`).
            NotFoundError: The model or a file does not exist.
            InvalidRequestError: The provider refuses the specification.
            ProviderError: Anything else. `accepted` says whether a job may exist: only `no` is
                safe to repeat.
        """
        ...

    @abstractmethod
    async def get(self, job_id: JobId) -> Job:
        """Give one job as it stands now.

        Raises:
            NotFoundError: There is none of that id; a new job may be invisible for a moment.
        """
        ...

    @abstractmethod
    def list(self, *, metadata: Mapping[str, str] | None = None) -> AsyncIterator[Job]:
        """Give all jobs, newest first, fetching pages as they are needed.

        Args:
            metadata: Only jobs that carry all these pairs; a provider that keeps no metadata
                gives none for a non-empty mapping.
        """
        ...

    @abstractmethod
    async def cancel(self, job_id: JobId) -> Job:
        """Cancel a job that is not final; work that was done is paid for.

        Raises:
            ConflictError: The job is final already.
            NotFoundError: There is none of that id.
        """
        ...

    @abstractmethod
    async def pause(self, job_id: JobId) -> Job:
        """Hold a running job after its current step; its latest checkpoint can be used.

        Raises:
            ConflictError: The job is not running.
            UnsupportedError: The provider cannot hold jobs.
            NotFoundError: There is none of that id.
        """
        ...

    @abstractmethod
    async def resume(self, job_id: JobId) -> Job:
        """Go on with a held job.

        Raises:
            ConflictError: The job is not held.
            UnsupportedError: The provider cannot hold jobs.
            NotFoundError: There is none of that id.
        """
        ...

    @abstractmethod
    def events(self, job_id: JobId) -> AsyncIterator[JobEvent]:
        """Give the events so far, newest first; one that is reported twice keeps its id.

        Raises:
            NotFoundError: There is no job of that id.
        """
        ...

    @abstractmethod
    def checkpoints(self, job_id: JobId) -> AsyncIterator[Checkpoint]:
        """Give the checkpoints that are kept, newest first; which are kept differs by provider.

        Raises:
            UnsupportedError: The provider has none.
            NotFoundError: There is no job of that id.
        """
        ...
