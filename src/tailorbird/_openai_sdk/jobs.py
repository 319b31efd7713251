"""Fine-tuning jobs of OpenAI and of those who speak its language."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from typing_extensions import override

from tailorbird._openai_sdk.answers import Page, read, require_id
from tailorbird._openai_sdk.connection import checked_path
from tailorbird._openai_sdk.job_wire import WireCheckpoint, WireEvent, WireJob, spec_body
from tailorbird._openai_sdk.paging import Listing
from tailorbird.exceptions import (
    ConflictError,
    InvalidRequestError,
    ProviderError,
    UnsupportedError,
)
from tailorbird.protocols import FineTuningJobs
from tailorbird.protocols.arguments import check_id
from tailorbird.retry import was_in_doubt
from tailorbird.types.capabilities import TUNING, Capability
from tailorbird.types.jobs import RUN_KEY, Checkpoint, Job, JobEvent, JobStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tailorbird._openai_sdk.connection import Connection
    from tailorbird._openai_sdk.received import Received
    from tailorbird._openai_sdk.settings import CallSettings
    from tailorbird.types.capabilities import Capabilities
    from tailorbird.types.ids import JobId
    from tailorbird.types.jobs import JobSpec

V1_TIERS: Mapping[str, str] = {
    "standard": "Standard",
    "data-zone": "DataZoneStandard",
    "global": "GlobalStandard",
    "developer": "DeveloperTier",
}
"""Spellings of Azure's `trainingType` on the v1 route. Only `GlobalStandard` is documented there
(Microsoft Learn, "Customize a model with fine-tuning", 2026-10-05); the others follow the names of
its deployments."""

DATED_TIERS: Mapping[str, str] = {
    "standard": "standard",
    "data-zone": "datazonestandard",
    "global": "globalstandard",
    "developer": "developerTier",
}
"""The same on routes with a dated `api-version`: Microsoft Learn for 2025-04-01-preview, and
reports of users, read 2026-11-22; `datazonestandard` is formed like the others."""

_PAGE = {"limit": "100"}
_POSSIBLE: Mapping[str, Callable[[JobStatus], bool]] = {
    "cancel": lambda status: not status.is_final,
    "pause": lambda status: status is JobStatus.RUNNING,
    "resume": lambda status: status.is_held,
}
_DONE: Mapping[str, Callable[[JobStatus], bool]] = {
    "cancel": lambda status: status is JobStatus.CANCELLED,
    "pause": lambda status: status.is_held,
    "resume": lambda status: not status.is_held and not status.is_final,
}
_HEADER_VALUE = re.compile(r"[!-~]{1,255}")

_log = logging.getLogger("tailorbird.jobs")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsDialect:
    """In what jobs of one provider differ from those of another."""

    tier_field: str | None = None
    """Field of a request that says where to train; None where there is no choice."""
    tiers: Mapping[str, str] = field(default_factory=dict[str, str])
    """How that field spells our words (`TrainingTier`)."""
    tier: str | None = None
    """Where to train when a job does not say: one of our words, or the provider's own spelling,
    which is sent as it is. None sends nothing."""
    advised_suffix: str | None = None
    """Regular expression for a suffix; one that does not fit is sent with a warning, because
    sources disagree. None advises nothing."""
    closed_codes: frozenset[str] = frozenset({"training_not_available"})
    """Codes by which an account is told that it may not train (any more)."""


class SdkJobs(FineTuningJobs):
    """Jobs of one account."""

    def __init__(
        self,
        connection: Connection,
        *,
        dialect: JobsDialect,
        capabilities: Capabilities,
        calls: CallSettings,
    ) -> None:
        """Share the connection of a provider.

        Args:
            connection: The account.
            dialect: How its jobs differ.
            capabilities: What it offers, and between which dates.
            calls: How patiently calls are made.
        """
        self._connection = connection
        self._dialect = dialect
        self._capabilities = capabilities
        self._timeout_s = calls.timeout_s

    @override
    async def create(self, spec: JobSpec) -> Job:
        check_id(spec.training_file, what="file")
        if spec.validation_file is not None:
            check_id(spec.validation_file, what="file")
        self._require(Capability.JOBS_CREATE)
        self._require(TUNING[spec.method.type])
        body = self._body(spec)
        try:
            received = await self._connection.post(
                "/fine_tuning/jobs",
                operation="jobs.create",
                repeat="if-refused",
                body=body,
                timeout_s=self._timeout_s,
                headers=_idempotency(spec),
            )
        except ProviderError as exc:
            if exc.code not in self._dialect.closed_codes:
                raise
            raise self._closed(exc) from exc
        return self._job(received, "jobs.create")

    @override
    async def get(self, job_id: JobId) -> Job:
        path = checked_path("/fine_tuning/jobs/{job}", job=job_id)
        self._require(Capability.JOBS_READ)
        received = await self._connection.get(path, operation="jobs.get", timeout_s=self._timeout_s)
        return self._job(received, "jobs.get", asked=job_id)

    @override
    async def list(self, *, metadata: Mapping[str, str] | None = None) -> AsyncIterator[Job]:
        wanted = dict(metadata or {})
        self._require(Capability.JOBS_READ)
        if wanted and not self._keeps_metadata:
            return
        listing = Listing(
            path="/fine_tuning/jobs",
            operation="jobs.list",
            page=Page[WireJob],
            query=_PAGE | {f"metadata[{key}]": value for key, value in wanted.items()},
        )
        async for wire in listing.items(self._connection, timeout_s=self._timeout_s):
            job = wire.job()
            # A provider that ignores the filter gives everybody's jobs.
            if wanted.items() <= job.metadata.items():
                yield job

    @override
    async def cancel(self, job_id: JobId) -> Job:
        return await self._steer("cancel", job_id)

    @override
    async def pause(self, job_id: JobId) -> Job:
        return await self._steer("pause", job_id)

    @override
    async def resume(self, job_id: JobId) -> Job:
        return await self._steer("resume", job_id)

    @override
    async def events(self, job_id: JobId) -> AsyncIterator[JobEvent]:
        path = checked_path("/fine_tuning/jobs/{job}/events", job=job_id)
        self._require(Capability.JOBS_READ)
        listing = Listing(path=path, operation="jobs.events", page=Page[WireEvent], query=_PAGE)
        async for wire in listing.items(self._connection, timeout_s=self._timeout_s):
            yield wire.event()

    @override
    async def checkpoints(self, job_id: JobId) -> AsyncIterator[Checkpoint]:
        path = checked_path("/fine_tuning/jobs/{job}/checkpoints", job=job_id)
        self._require(Capability.JOBS_READ)
        self._require(Capability.JOBS_CHECKPOINTS)
        listing = Listing(
            path=path, operation="jobs.checkpoints", page=Page[WireCheckpoint], query=_PAGE
        )
        items = listing.items(self._connection, timeout_s=self._timeout_s)
        kept = [wire.checkpoint(job_id) async for wire in items]
        # There are few, and nobody documents their order.
        for checkpoint in sorted(kept, key=lambda one: one.step, reverse=True):
            yield checkpoint

    async def _steer(
        self,
        verb: Literal["cancel", "pause", "resume"],
        job_id: JobId,
    ) -> Job:
        """Send one of the commands that change a job; sending it twice does no harm."""
        path = checked_path("/fine_tuning/jobs/{job}/" + verb, job=job_id)
        self._require(Capability.JOBS_READ if verb == "cancel" else Capability.JOBS_PAUSE)
        operation = f"jobs.{verb}"
        try:
            received = await self._connection.post(
                path, operation=operation, repeat="safe", timeout_s=self._timeout_s
            )
        except (ConflictError, InvalidRequestError) as exc:
            lost = was_in_doubt(exc)
            if isinstance(exc, ConflictError) and not lost:
                raise
            # Providers refuse it as wrong in general; the job's state tells whether it is that, or
            # whether an attempt whose answer was lost has done it.
            job = await self.get(job_id)
            if lost and _DONE[verb](job.status):
                return job
            if _POSSIBLE[verb](job.status):
                raise
            raise ConflictError(
                f"job {job_id!r} is {job.raw_status!r}, so it cannot {verb}",
                provider=self._connection.provider,
                operation=operation,
                status_code=exc.status_code,
                code=exc.code,
                request_id=exc.request_id,
                accepted="no",
            ) from exc
        return self._job(received, operation, asked=job_id)

    def _body(self, spec: JobSpec) -> dict[str, object]:
        body = spec_body(spec)
        if spec.metadata and self._keeps_metadata:
            body["metadata"] = dict(spec.metadata)
        body |= self._tier(spec)
        advised = self._dialect.advised_suffix
        if spec.suffix is not None and advised and not re.fullmatch(advised, spec.suffix):
            _log.warning(
                "%s: the suffix %r may be refused; it should match %s",
                *(self._connection.provider, spec.suffix, advised),
            )
        return body

    def _tier(self, spec: JobSpec) -> dict[str, object]:
        name, tier = self._dialect.tier_field, spec.tier or self._dialect.tier
        if name is None and spec.tier is not None:
            raise UnsupportedError(
                provider=self._connection.provider,
                capability=f"tier={spec.tier!r}",
                reason="this provider offers no choice of where to train",
                instead="leave the tier out",
            )
        if name is None or tier is None:
            return {}
        return {name: self._dialect.tiers.get(tier, tier)}

    def _closed(self, exc: ProviderError) -> UnsupportedError:
        entry = self._capabilities.find(Capability.JOBS_CREATE)
        known = f"; {entry.reason}" if entry.reason else ""
        return UnsupportedError(
            provider=self._connection.provider,
            capability=Capability.JOBS_CREATE.value,
            reason="this account may not create fine-tuning jobs (any more)"
            f" (status {exc.status_code}, code {exc.code!r}){known}",
            instead=entry.instead or "train on another provider, or retrieve from documents",
            since=entry.since,
            until=entry.until,
        )

    def _job(self, received: Received, operation: str, *, asked: JobId | None = None) -> Job:
        where = self._connection
        wire = read(WireJob, received, connection=where, operation=operation)
        if asked is not None:
            require_id(wire.id, asked, received=received, connection=where, operation=operation)
        return wire.job()

    @property
    def _keeps_metadata(self) -> bool:
        today = self._connection.clock.today()
        return self._capabilities.supports(Capability.JOBS_METADATA, on=today)

    def _require(self, capability: Capability) -> None:
        self._capabilities.require(capability, on=self._connection.clock.today())


def _idempotency(spec: JobSpec) -> Mapping[str, str] | None:
    """Give the header by which a server that honors it makes one job of two requests.

    Neither OpenAI nor Azure documents it for jobs: it is sent, and nothing relies on it.
    """
    key = spec.metadata.get(RUN_KEY, "")
    return {"Idempotency-Key": key} if _HEADER_VALUE.fullmatch(key) else None
