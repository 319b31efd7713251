"""Start a fine-tuning job once, however often and from wherever it is asked for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from tailorbird.exceptions import (
    InvalidInputError,
    JobOutcomeUnknownError,
    NotFoundError,
    ProviderError,
    UnsupportedError,
)
from tailorbird.types.base import Frozen
from tailorbird.types.capabilities import Capability
from tailorbird.types.files import StoredFile
from tailorbird.types.ids import FileId, ModelId
from tailorbird.types.jobs import Job, JobSpec, JobStatus, TrainingTier, TuningMethod

if TYPE_CHECKING:
    from tailorbird.journal import Journal
    from tailorbird.protocols import Clock, Files, FineTuningJobs
    from tailorbird.types.capabilities import Capabilities

RUN_KEY = "tailorbird_run"
"""Metadata key under which a provider keeps our run key with a job."""

# A job whose creation was not answered is looked for this long: nobody documents how long a
# listing lags behind a creation (reliability notes, open points, 2026-11-22).
_SETTLE_PAUSES_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)

# Listings are read this far back; a listing whose cursor runs in a circle must end somewhere.
_LOOKED_AT = 1_000

_METHODS: Mapping[str, Capability] = {
    "supervised": Capability.TUNE_SUPERVISED,
    "dpo": Capability.TUNE_DPO,
    "reinforcement": Capability.TUNE_REINFORCEMENT,
}


_RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def check_run_name(name: str) -> None:
    """Do nothing for a name that can stand for a run, in a file name and at a provider.

    Raises:
        InvalidInputError: It is empty, too long, or holds other characters.
    """
    if not _RUN_NAME.fullmatch(name):
        message = (
            f"{name!r} cannot name a run: use 1 to 64 letters, digits, '_', '.' or '-',"
            " beginning with a letter or digit"
        )
        raise InvalidInputError(message)


class TrainingFile(Frozen):
    """A checked training file on disk, ready to be uploaded."""

    path: Path
    """Where it is."""
    sha256: str
    """Hash of its bytes, in hexadecimal."""
    examples: int = Field(ge=1)
    """How many rows it has."""


class TuneRequest(Frozen):
    """Everything that decides what a run makes; the same request under one name is one job."""

    name: str
    """The run's name: 1 to 64 letters, digits, `_`, `.`, `-`."""
    base: ModelId
    """Base model."""
    method: TuningMethod
    """How to train."""
    training: TrainingFile
    """What to train on."""
    validation: TrainingFile | None = None
    """What to validate on; None for nothing."""
    suffix: str | None = None
    """Part of the model's name; None leaves it out."""
    seed: int | None = None
    """Seed of the training; None lets the provider choose."""
    tier: TrainingTier | None = None
    """Where to train; None takes the profile's."""

    def run_key(self, *, identity: str) -> str:
        """Give a hash of the intent: account, name, data, base and method."""
        parts = [
            identity,
            self.name,
            self.base,
            self.method.model_dump_json(),
            self.training.sha256,
            self.validation.sha256 if self.validation else "",
            self.suffix or "",
            str(self.seed),
            self.tier or "",
        ]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def summary(self) -> Mapping[str, str]:
        """Give what a reader needs to see why two requests differ."""
        return {
            "base": self.base,
            "method": self.method.model_dump_json(exclude_none=True),
            "training": self.training.sha256,
            "validation": self.validation.sha256 if self.validation else "none",
            "suffix": self.suffix or "none",
            "seed": "any" if self.seed is None else str(self.seed),
            "tier": self.tier or "profile",
        }


class TunePlan(Frozen):
    """A run as it is written down before it starts: enough to finish it in another process."""

    request: TuneRequest
    """What is asked for."""
    system: str | None = None
    """The exact system prompt of all training rows; None when they have none or differ."""
    split: Mapping[str, str | int | float] = Field(default_factory=dict)
    """How the rows were split from the held-out ones; empty when that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuner:
    """Starts jobs at one provider by the protocol: intent, look-up, one request, settle."""

    files: Files
    """Takes the training files."""
    jobs: FineTuningJobs
    """Makes the jobs."""
    capabilities: Capabilities
    """Says what can be done today."""
    clock: Clock
    """Says what day it is, and waits."""
    journal: Journal
    """Remembers intents and outcomes."""
    identity: str
    """Provider and account."""

    async def start(self, plan: TunePlan, *, again: bool = False) -> Job:
        """Give the run's job: the one that exists, or else a new one.

        The intent is written down before anything is sent. Then the provider is asked whether it
        has the job already; only if not, the files are uploaded and one creation is sent.

        Args:
            plan: What to make.
            again: Make a new job although the run's earlier one failed or was cancelled, or
                although nobody knows whether the earlier creation succeeded.

        Raises:
            UnsupportedError: The provider does not tune (this way, or any more); files that were
                uploaded for this run are deleted again.
            InvalidInputError: The name stands for another request; the message shows the
                difference.
            JobOutcomeUnknownError: The answer to the creation was lost, and no job shows up yet.
            ProviderError: Anything else the provider said; no job was made.
        """
        request = plan.request
        today = self.clock.today()
        self.capabilities.require(Capability.JOBS_CREATE, on=today)
        self.capabilities.require(_METHODS[request.method.type], on=today)
        key = request.run_key(identity=self.identity)
        run = await self.journal.begin_run(
            request.name,
            identity=self.identity,
            run_key=key,
            summary=request.summary(),
            plan=plan.model_dump_json(),
            at=self.clock.now(),
        )
        attempt = run.attempt + 1 if again and run.job_id is not None else run.attempt
        tag = key if attempt == 0 else f"{key[:56]}-{attempt}"
        if run.job_id is not None and not again:
            return await self.jobs.get(run.job_id)
        if run.job_id is not None:
            await self._check_ended(await self.jobs.get(run.job_id))
        else:
            known = await (self._settle(tag) if run.state == "creating" else self._find(tag))
            if known is not None:
                await self.journal.record_job(run.id, job_id=known.id, attempt=attempt)
                return known
            if run.state == "creating" and not again:
                raise _unknown(request)
        spec = await self._upload(request, tag)
        return await self._create(request, spec, run_id=run.id, tag=tag, attempt=attempt)

    async def _check_ended(self, job: Job) -> None:
        if not job.status.is_final or job.status is JobStatus.SUCCEEDED:
            message = (
                f"job {job.id} is {job.raw_status!r}; again=True is for jobs that failed or were"
                " cancelled. Cancel it first, or choose another name"
            )
            raise InvalidInputError(message)

    async def _find(self, tag: str) -> Job | None:
        """Look for jobs that carry our key: the oldest one is the run's."""
        looked_at = 0
        ours: list[Job] = []
        async for job in self.jobs.list(metadata={RUN_KEY: tag}):
            looked_at += 1
            # A provider that ignores the filter gives everybody's jobs.
            if job.metadata.get(RUN_KEY) == tag:
                ours.append(job)
            if looked_at >= _LOOKED_AT:
                break
        return min(ours, key=lambda one: one.created_at) if ours else None

    async def _upload(self, request: TuneRequest, tag: str) -> JobSpec:
        training = await self._stored(request.training, f"{request.name}-{tag[:12]}")
        validation = (
            None
            if request.validation is None
            else await self._stored(request.validation, f"{request.name}-{tag[:12]}-validation")
        )
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

    async def _stored(self, file: TrainingFile, stem: str) -> FileId:
        known = await self.journal.get_upload(self.identity, file.sha256)
        stored: StoredFile | None = None
        if known is not None:
            try:
                stored = await self.files.get(known)
            except NotFoundError:
                stored = None  # deleted or expired meanwhile: it is uploaded again
        if stored is None:
            stored = await self.files.create(file.path, name=f"{stem}.jsonl")
            await self.journal.put_upload(self.identity, file.sha256, stored.id)
        return (await self.files.wait_ready(stored.id)).id

    async def _create(
        self, request: TuneRequest, spec: JobSpec, *, run_id: int, tag: str, attempt: int
    ) -> Job:
        await self.journal.set_run_state(run_id, "creating")
        try:
            job = await self.jobs.create(spec)
        except UnsupportedError:
            await self.journal.set_run_state(run_id, "new")
            await self._clean_up(spec, request)
            raise
        except ProviderError as exc:
            if exc.accepted == "no":
                await self.journal.set_run_state(run_id, "new")
                raise
            found = await self._settle(tag)
            if found is None:
                raise _unknown(request) from exc
            job = found
        await self.journal.record_job(run_id, job_id=job.id, attempt=attempt)
        return job

    async def _settle(self, tag: str) -> Job | None:
        for pause in _SETTLE_PAUSES_S:
            found = await self._find(tag)
            if found is not None:
                return found
            await self.clock.sleep(pause)
        return await self._find(tag)

    async def _clean_up(self, spec: JobSpec, request: TuneRequest) -> None:
        # A refused job leaves its uploads behind (OpenAI facts, 1.1): they are ours to delete.
        pairs = [(spec.training_file, request.training)]
        if spec.validation_file is not None and request.validation is not None:
            pairs.append((spec.validation_file, request.validation))
        for file_id, file in pairs:
            await self.files.delete(file_id)
            await self.journal.forget_upload(self.identity, file.sha256)


def _unknown(request: TuneRequest) -> JobOutcomeUnknownError:
    return JobOutcomeUnknownError(
        f"the answer to creating run {request.name!r} was lost, and the provider does not list the"
        " job (yet). Call the same again later: it looks before it creates anything. again=True"
        " creates another job, which may be a second one to pay for",
        name=request.name,
    )
