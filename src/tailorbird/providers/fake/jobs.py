"""The fake's fine-tuning jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird.exceptions import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
)
from tailorbird.protocols import FineTuningJobs
from tailorbird.protocols.arguments import check_id
from tailorbird.providers.fake.cloud import NAME, Request
from tailorbird.providers.fake.faults import Fault
from tailorbird.providers.fake.files import file_word
from tailorbird.providers.fake.joblog import checkpoints, events, steps_done
from tailorbird.providers.fake.lifecycle import (
    CANCELLED,
    ORGANIZATION,
    PAUSED,
    PAUSING,
    RUNNING,
    begin,
    enter,
    enter_running,
    finish,
    make_id,
    show_scripted,
    word_of,
)
from tailorbird.providers.fake.script import Events, Lag, Statuses
from tailorbird.providers.fake.state import JobRecord, newest
from tailorbird.providers.fake.training import chance, resolved_method
from tailorbird.types.capabilities import TUNING, Capability
from tailorbird.types.ids import JobId
from tailorbird.types.jobs import Job, JobStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import datetime

    from tailorbird.providers.fake.catalog import Catalog
    from tailorbird.providers.fake.cloud import Cloud
    from tailorbird.providers.fake.examination import Examiner
    from tailorbird.providers.fake.operations import Operation
    from tailorbird.providers.fake.script import Turn
    from tailorbird.providers.fake.state import FileRecord
    from tailorbird.types.ids import FileId
    from tailorbird.types.jobs import Checkpoint, JobEvent, JobSpec

_MOST_SEED = 2_147_483_647
# Lengths of metadata: OpenAI's description of CreateFineTuningJobRequest, read 2026-11-22.
_KEY_LENGTH, _VALUE_LENGTH = 64, 512


class FakeJobs(FineTuningJobs):
    """Jobs of one fake."""

    def __init__(self, cloud: Cloud, catalog: Catalog, examiner: Examiner) -> None:
        """Share the state of a fake."""
        self._cloud = cloud
        self._catalog = catalog
        self._examiner = examiner

    @override
    async def create(self, spec: JobSpec) -> Job:
        check_id(spec.training_file, what="file")
        if spec.validation_file is not None:
            check_id(spec.validation_file, what="file")

        async def effect(turn: Turn) -> Job:
            if not self._cloud.settings.training_available:
                raise Fault.training_closed().to_error(provider=NAME, operation="jobs.create")
            record = await self._made(spec, turn)
            return self._shown(record)

        request = Request(
            operation="jobs.create",
            facts={
                "model": spec.model,
                "training_file": spec.training_file,
                "validation_file": spec.validation_file,
                "method": spec.method.type,
            },
            needs=(Capability.JOBS_CREATE, TUNING[spec.method.type]),
        )
        return await self._cloud.call(request, effect)

    @override
    async def get(self, job_id: JobId) -> Job:
        check_id(job_id, what="job")

        async def effect(_: Turn) -> Job:
            record = self._find(job_id, "jobs.get")
            if record.words or record.hidden_lookups:
                self._cloud.changed()
            if not record.look_up():
                raise self._missing(job_id, "jobs.get")
            self._show_scripted(record)
            return self._shown(record)

        return await self._cloud.call(_read("jobs.get", job=job_id), effect)

    @override
    async def list(self, *, metadata: Mapping[str, str] | None = None) -> AsyncIterator[Job]:
        wanted = dict(metadata or {})

        async def effect(_: Turn) -> list[Job]:
            records = sorted(self._cloud.state.jobs.values(), key=newest, reverse=True)
            if any(one.hidden_listings for one in records):
                self._cloud.changed()
            shown = [self._shown(one) for one in records if one.list_up()]
            return [one for one in shown if wanted.items() <= dict(one.metadata).items()]

        for job in await self._cloud.call(_read("jobs.list", filters=len(wanted)), effect):
            yield job

    @override
    async def cancel(self, job_id: JobId) -> Job:
        check_id(job_id, what="job")

        async def effect(_: Turn) -> Job:
            record = self._find(job_id, "jobs.cancel")
            if word_of(record).is_final:
                raise self._conflict(record, "jobs.cancel", "only a job that is not final can end")
            finish(
                self._cloud.state,
                self._cloud.flavor,
                record,
                CANCELLED,
                seed=self._cloud.settings.seed,
                at=self._cloud.now(),
            )
            return self._changed(record)

        return await self._cloud.call(_read("jobs.cancel", job=job_id), effect)

    @override
    async def pause(self, job_id: JobId) -> Job:
        check_id(job_id, what="job")

        async def effect(_: Turn) -> Job:
            record = self._find(job_id, "jobs.pause")
            if record.history[-1].word != RUNNING:
                raise self._conflict(record, "jobs.pause", "only a running job can be held")
            if self._cloud.flavor.pause_needs_step and not steps_done(record, self._cloud.now()):
                raise self._conflict(record, "jobs.pause", "it can be held after its first step")
            lasts_s = self._cloud.flavor.pausing_s
            if lasts_s:
                enter(record, PAUSING, self._cloud.now(), lasts_s=lasts_s)
            else:
                enter(record, PAUSED, self._cloud.now())
            return self._changed(record)

        return await self._cloud.call(_hold("jobs.pause", job_id), effect)

    @override
    async def resume(self, job_id: JobId) -> Job:
        check_id(job_id, what="job")

        async def effect(_: Turn) -> Job:
            record = self._find(job_id, "jobs.resume")
            if not word_of(record).is_held:
                raise self._conflict(record, "jobs.resume", "only a held job can go on")
            enter_running(record, self._cloud.now())
            return self._changed(record)

        return await self._cloud.call(_hold("jobs.resume", job_id), effect)

    @override
    async def events(self, job_id: JobId) -> AsyncIterator[JobEvent]:
        check_id(job_id, what="job")

        async def effect(turn: Turn) -> tuple[JobEvent, ...]:
            record = self._find(job_id, "jobs.events")
            scripted = turn.find(Events)
            if scripted is not None:
                return scripted.events
            return tuple(reversed(events(record, self._cloud.flavor, self._cloud.now())))

        for event in await self._cloud.call(_read("jobs.events", job=job_id), effect):
            yield event

    @override
    async def checkpoints(self, job_id: JobId) -> AsyncIterator[Checkpoint]:
        check_id(job_id, what="job")

        async def effect(_: Turn) -> list[Checkpoint]:
            record = self._find(job_id, "jobs.checkpoints")
            return checkpoints(record, self._cloud.flavor, self._cloud.now())[::-1]

        request = Request(
            operation="jobs.checkpoints",
            facts={"job": job_id},
            needs=(Capability.JOBS_READ, Capability.JOBS_CHECKPOINTS),
        )
        for checkpoint in await self._cloud.call(request, effect):
            yield checkpoint

    async def _made(self, spec: JobSpec, turn: Turn) -> JobRecord:
        """Check a specification as a provider does, and keep the new job."""
        cloud = self._cloud
        base = self._catalog.tuning_base(spec)
        training = self._usable(spec.training_file)
        validation = None if spec.validation_file is None else self._usable(spec.validation_file)
        self._check_details(spec)
        number = cloud.state.next_number("job")
        job_id = JobId(make_id("ftjob-", cloud.settings.seed, number))
        findings = await self._examiner.examine(spec, training, validation)
        statuses, lag = turn.find(Statuses), turn.find(Lag)
        now = cloud.now()
        seed = int(chance(cloud.settings.seed, job_id) * _MOST_SEED)
        record = JobRecord(
            number=number,
            created_at=now,
            words=statuses.words if statuses else (),
            hidden_lookups=lag.lookups if lag else 0,
            hidden_listings=lag.listings if lag else 0,
            id=job_id,
            spec=spec,
            base=base,
            seed=seed if spec.seed is None else spec.seed,
            recipe=findings.recipe,
            failure=statuses.failure if statuses else findings.failure,
            history=begin(cloud.flavor, now=now, timed=statuses is None),
        )
        cloud.state.jobs[job_id] = record
        self._show_scripted(record)
        cloud.changed()
        return record

    def _usable(self, file_id: FileId) -> FileRecord:
        """Give a file that a job may name."""
        record = self._cloud.state.files.get(file_id)
        if record is None:
            message = f"there is no file {file_id!r}: upload it first"
            raise self._cloud.error(NotFoundError, "jobs.create", message, status_code=404)
        if record.purpose != "fine-tune":
            message = f"file {file_id!r} is for {record.purpose!r}: upload it for 'fine-tune'"
            raise self._refused(message, code="invalid_file_purpose")
        word = file_word(self._cloud, record)
        if self._cloud.flavor.strict_files and word != "processed":
            # Code and words as Azure's users report them, read 2026-11-22.
            message = (
                f"file {file_id!r} is {word!r}: the training file must point to a completed file"
                " import; wait with files.wait_ready"
            )
            raise self._refused(message, code="invalidPayload")
        return record

    def _check_details(self, spec: JobSpec) -> None:
        if spec.method.type == "reinforcement" and spec.validation_file is None:
            message = "reinforcement fine-tuning needs a validation file: give validation_file"
            raise self._refused(message, code="missing_validation_file")
        for key, value in spec.metadata.items():
            if len(key) > _KEY_LENGTH or len(value) > _VALUE_LENGTH:
                message = (
                    f"metadata {key[:_KEY_LENGTH]!r} is too long: keys have at most {_KEY_LENGTH}"
                    f" characters, values {_VALUE_LENGTH}"
                )
                raise self._refused(message, code="invalid_metadata")

    def _shown(self, record: JobRecord) -> Job:
        """Give a job as the flavor reports it."""
        cloud = self._cloud
        word = record.history[-1].word
        status = JobStatus.parse(word)
        succeeded = status is JobStatus.SUCCEEDED
        keeps_metadata = cloud.capabilities.find(Capability.JOBS_METADATA).available
        recipe = record.recipe
        job = Job(
            id=record.id,
            status=status,
            raw_status=word,
            model=cloud.flavor.own_id(record.spec.model),
            fine_tuned_model=record.model,
            training_file=record.spec.training_file,
            validation_file=record.spec.validation_file,
            result_files=() if record.result_file is None else (record.result_file,),
            method=resolved_method(record),
            trained_tokens=recipe.epoch_tokens * recipe.n_epochs if succeeded else None,
            failure=record.failure if status is JobStatus.FAILED else None,
            suffix=record.spec.suffix,
            seed=record.seed,
            metadata=record.spec.metadata if keeps_metadata else {},
            tier=record.spec.tier,
            created_at=record.created_at,
            finished_at=record.history[-1].begins_at if status.is_final else None,
            estimated_finish=self._estimate(record),
            organization_id=ORGANIZATION,
        )
        return job.model_copy(update=dict.fromkeys(cloud.flavor.hidden_job_fields))

    def _show_scripted(self, record: JobRecord) -> None:
        cloud = self._cloud
        show_scripted(cloud.state, cloud.flavor, record, seed=cloud.settings.seed, now=cloud.now())

    def _estimate(self, record: JobRecord) -> datetime | None:
        last = record.history[-1]
        if last.word != RUNNING or last.lasts_s is None:
            return None
        return last.begins_at + timedelta(seconds=last.lasts_s)

    def _changed(self, record: JobRecord) -> Job:
        self._cloud.changed()
        return self._shown(record)

    def _find(self, job_id: JobId, operation: Operation) -> JobRecord:
        record = self._cloud.state.jobs.get(job_id)
        if record is None:
            raise self._missing(job_id, operation)
        return record

    def _missing(self, job_id: JobId, operation: Operation) -> NotFoundError:
        message = f"there is no job {job_id!r}: list the jobs"
        return self._cloud.error(NotFoundError, operation, message, status_code=404)

    def _refused(self, message: str, *, code: str) -> InvalidRequestError:
        return self._cloud.error(
            InvalidRequestError, "jobs.create", message, status_code=400, code=code
        )

    def _conflict(self, record: JobRecord, operation: Operation, rule: str) -> ConflictError:
        message = f"job {record.id!r} is {record.history[-1].word!r}: {rule}"
        return self._cloud.error(ConflictError, operation, message, status_code=409)


def _read(operation: Operation, **facts: str | int) -> Request:
    return Request(operation=operation, facts=facts, needs=(Capability.JOBS_READ,))


def _hold(operation: Operation, job_id: JobId) -> Request:
    return Request(operation=operation, facts={"job": job_id}, needs=(Capability.JOBS_PAUSE,))
