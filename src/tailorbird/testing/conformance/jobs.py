"""Clauses `J1` to `J19`: making and finding fine-tuning jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tailorbird.exceptions import (
    InvalidInputError,
    InvalidRequestError,
    NotFoundError,
    UnsupportedError,
)
from tailorbird.testing.conformance import data
from tailorbird.testing.conformance.clauses import clause, lacks, needs
from tailorbird.testing.conformance.trial import SuiteOptions, Trial
from tailorbird.types import (
    Capability,
    DirectPreference,
    FileId,
    JobId,
    JobSpec,
    JobStatus,
    ModelId,
    Reinforcement,
    Supervised,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tailorbird.protocols import Provider
    from tailorbird.types import Job, TuningMethod

PAGE = 25  # more than the default page of every listing known (OpenAI's jobs: 20)
NO_FILE = FileId(data.UNKNOWN)
NO_MODEL = ModelId(data.UNKNOWN)
METHODS: tuple[tuple[Capability, TuningMethod], ...] = (
    (Capability.TUNE_SUPERVISED, Supervised()),
    (Capability.TUNE_DPO, DirectPreference()),
    (Capability.TUNE_REINFORCEMENT, Reinforcement(grader=dict(data.GRADER))),
)


class FineTuningJobsConformance:
    """How `FineTuningJobs` makes, refuses and finds jobs; needs a fixture `provider`."""

    options = SuiteOptions()

    @clause("J1")
    async def test_create_gives_the_job(self, provider: Provider) -> None:
        """A created job has an id, its model, its training file, an aware time and no result."""
        needs_tuning(provider)
        async with Trial(provider, self.options) as trial:
            file_id = await trial.training_file()
            job = await trial.start(JobSpec(model=trial.tune_base, training_file=file_id))
            assert job.id
            assert (job.model, job.training_file) == (trial.tune_base, file_id)
            assert job.validation_file is None
            assert job.created_at.utcoffset() == timedelta(0)
            assert_without_result(job)

    @clause("J2")
    async def test_get_gives_the_created_job(self, provider: Provider) -> None:
        """`get` gives the job that `create` made."""
        needs_tuning(provider)
        async with Trial(provider, self.options) as trial:
            job = await trial.start()
            found = await trial.until(job.id, lambda _: True, what="visible")
            assert (found.id, found.model, found.training_file, found.created_at) == (
                *(job.id, job.model, job.training_file, job.created_at),
            )

    @clause("J3")
    async def test_create_makes_one_job_a_call(self, provider: Provider) -> None:
        """Each call makes exactly one job, also with a specification that was used before."""
        needs_tuning(provider)
        async with Trial(provider, self.options) as trial:
            file_id = await trial.training_file()
            spec = JobSpec(model=trial.tune_base, training_file=file_id)
            before = {job.id for job in await listed(provider)}
            made = [(await trial.start(spec)).id, (await trial.start(spec)).id]
            after = {job.id for job in await listed(provider)}
            assert sorted(after - before) == sorted(made)

    @clause("J4")
    async def test_list_is_newest_first(self, provider: Provider) -> None:
        """`list` gives all jobs, newest first."""
        needs_tuning(provider)
        async with Trial(provider, self.options) as trial:
            made: list[JobId] = []
            for _ in range(3):
                made.append((await trial.start()).id)
                await provider.clock.sleep(1.0)  # times at a provider have whole seconds
            jobs = await listed(provider)
            assert [job.id for job in jobs if job.id in made] == made[::-1]
            times = [job.created_at for job in jobs]
            assert times == sorted(times, reverse=True)

    @clause("J5")
    async def test_list_goes_over_pages(self, provider: Provider) -> None:
        """`list` gives each of many jobs once, however many fit on a page."""
        needs_tuning(provider)
        async with Trial(provider, self.options) as trial:
            spec = JobSpec(model=trial.tune_base, training_file=await trial.training_file())
            made: set[JobId] = set()
            for _ in range(PAGE):
                job = await trial.start(spec)
                made.add(job.id)
                await provider.jobs.cancel(job.id)  # so that no queue is filled
            found = [job.id for job in await listed(provider)]
            assert len(found) == len(set(found))
            assert made <= set(found)

    @clause("J6")
    async def test_metadata_is_kept_and_found(self, provider: Provider) -> None:
        """Metadata stays with the job, and `list` gives the jobs that carry all asked pairs."""
        needs_tuning(provider)
        needs(provider, Capability.JOBS_METADATA)
        async with Trial(provider, self.options) as trial:
            file_id = await trial.training_file()
            made: list[JobId] = []
            for metadata in ({"run": "一", "part": "1"}, {"run": "一", "part": "2"}, {"part": "1"}):
                spec = JobSpec(model=trial.tune_base, training_file=file_id, metadata=metadata)
                job = await trial.start(spec)
                assert dict(job.metadata) == metadata
                made.append(job.id)
            first, second, third = made

            async def found(metadata: Mapping[str, str]) -> set[JobId]:
                return {job.id for job in await listed(provider, metadata)} & set(made)

            assert await found({"run": "一"}) == {first, second}
            assert await found({"part": "1"}) == {first, third}
            assert await found({"run": "一", "part": "1"}) == {first}
            assert await found({"run": "一", "part": "3"}) == set()
            assert await found({}) == set(made)

    @clause("J7")
    async def test_metadata_that_is_not_kept(self, provider: Provider) -> None:
        """Where no metadata is kept, a job with some is made, and asking for any finds nothing."""
        needs_tuning(provider)
        lacks(provider, Capability.JOBS_METADATA)
        async with Trial(provider, self.options) as trial:
            file_id = await trial.training_file()
            job = await trial.start(
                JobSpec(model=trial.tune_base, training_file=file_id, metadata={"run": "1"})
            )
            assert await listed(provider, {"run": "1"}) == []
            assert job.id in {one.id for one in await listed(provider, {})}

    @clause("J8")
    async def test_validation_file_is_used(self, provider: Provider) -> None:
        """A job names the validation file it was given."""
        needs_tuning(provider)
        async with Trial(provider, self.options) as trial:
            validation = await trial.training_file(data.VALIDATION)
            job = await trial.start(
                JobSpec(
                    model=trial.tune_base,
                    training_file=await trial.training_file(),
                    validation_file=validation,
                )
            )
            assert job.validation_file == validation

    @clause("J9")
    async def test_seed_is_used(self, provider: Provider) -> None:
        """A job reports the seed it was given, or none where the provider does not say."""
        needs_tuning(provider)
        async with Trial(provider, self.options) as trial:
            file_id = await trial.training_file()
            spec = JobSpec(model=trial.tune_base, training_file=file_id, seed=2_147_483_647)
            assert (await trial.start(spec)).seed in {None, spec.seed}

    @clause("J10")
    async def test_unknown_model_is_not_found(self, provider: Provider) -> None:
        """A model that nobody has raises `NotFoundError`, and no job is made."""
        needs_tuning(provider)
        async with Trial(provider, self.options) as trial:
            spec = JobSpec(model=NO_MODEL, training_file=await trial.training_file())
            await assert_not_made(provider, spec, NotFoundError)

    @clause("J11")
    async def test_unknown_file_is_not_found(self, provider: Provider) -> None:
        """A training or validation file that nobody has raises `NotFoundError`; no job is made."""
        needs_tuning(provider)
        async with Trial(provider, self.options) as trial:
            base, known = trial.tune_base, await trial.training_file()
            spec = JobSpec(model=base, training_file=NO_FILE)
            await assert_not_made(provider, spec, NotFoundError)
            spec = JobSpec(model=base, training_file=known, validation_file=NO_FILE)
            await assert_not_made(provider, spec, NotFoundError)

    @clause("J12")
    async def test_deleted_file_is_not_found(self, provider: Provider) -> None:
        """A training file that was deleted raises `NotFoundError`, and no job is made."""
        needs_tuning(provider)
        async with Trial(provider, self.options) as trial:
            gone = await trial.training_file()
            await provider.files.delete(gone)
            spec = JobSpec(model=trial.tune_base, training_file=gone)
            await assert_not_made(provider, spec, NotFoundError)

    @clause("J13")
    @pytest.mark.parametrize("bad", data.BAD_IDS, ids=repr)
    async def test_bad_id_is_not_sent(self, provider: Provider, bad: str) -> None:
        """An id that would change the address of a request raises `InvalidInputError`."""
        needs(provider, Capability.JOBS_READ)
        await assert_refused(provider, JobId(bad), InvalidInputError)

    @clause("J14")
    async def test_unknown_job_is_not_found(self, provider: Provider) -> None:
        """An id that nobody has raises `NotFoundError` from every method that is offered."""
        needs(provider, Capability.JOBS_READ)
        await assert_refused(provider, JobId(data.UNKNOWN), NotFoundError)

    @clause("J15")
    async def test_too_few_rows_never_give_a_model(self, provider: Provider) -> None:
        """Too few rows are refused before or at creation, or fail the job with a code or words."""
        needs_tuning(provider)
        async with Trial(provider, self.options) as trial:
            try:
                file_id = await trial.training_file(data.TOO_FEW)
                job = await trial.start(JobSpec(model=trial.tune_base, training_file=file_id))
            except InvalidRequestError as refusal:
                assert refusal.provider == provider.name  # noqa: PT017 - refused early is right
                return
            job = await trial.finish(job.id)
            assert job.status is JobStatus.FAILED
            assert job.fine_tuned_model is None
            assert job.failure is not None
            assert job.failure.code or job.failure.message

    @clause("J16")
    @pytest.mark.parametrize(("capability", "method"), METHODS)
    async def test_missing_method_is_unsupported(
        self, provider: Provider, capability: Capability, method: TuningMethod
    ) -> None:
        """A way of tuning that is not offered raises `UnsupportedError`, and no job is made."""
        needs(provider, Capability.JOBS_CREATE, Capability.FILES)
        lacks(provider, capability)
        async with Trial(provider, self.options) as trial:
            spec = JobSpec(
                model=trial.tune_base, training_file=await trial.training_file(), method=method
            )
            await assert_not_made(provider, spec, UnsupportedError)

    @clause("J17")
    async def test_missing_creation_is_unsupported(self, provider: Provider) -> None:
        """Where jobs cannot be made (any more), `create` raises `UnsupportedError`."""
        lacks(provider, Capability.JOBS_CREATE)
        with pytest.raises(UnsupportedError):
            await provider.jobs.create(JobSpec(model=NO_MODEL, training_file=NO_FILE))

    @clause("J18")
    async def test_preference_job_is_trained(self, provider: Provider) -> None:
        """Where preference tuning is offered, a job on pairs of answers makes a model."""
        needs(provider, Capability.JOBS_CREATE, Capability.TUNE_DPO, Capability.MODELS)
        async with Trial(provider, self.options) as trial:
            spec = JobSpec(
                model=await trial.base_for("dpo"),
                training_file=await trial.training_file(data.PREFERENCES),
                method=DirectPreference(beta=0.1),
            )
            job, _ = await trial.train(spec)
            assert job.method is None or job.method.type == "dpo"

    @clause("J19")
    async def test_reinforcement_job_is_trained(self, provider: Provider) -> None:
        """Where reinforcement tuning is offered, a job on graded prompts makes a model."""
        needs(provider, Capability.JOBS_CREATE, Capability.TUNE_REINFORCEMENT, Capability.MODELS)
        async with Trial(provider, self.options) as trial:
            spec = JobSpec(
                model=await trial.base_for("reinforcement"),
                training_file=await trial.training_file(data.GRADED),
                validation_file=await trial.training_file(data.GRADED_VALIDATION),
                method=Reinforcement(grader=dict(data.GRADER)),
            )
            job, _ = await trial.train(spec)
            assert job.method is None or job.method.type == "reinforcement"


def needs_tuning(provider: Provider) -> None:
    """Skip the running test where supervised jobs cannot be made and followed."""
    needs(provider, Capability.FILES, Capability.JOBS_CREATE, Capability.JOBS_READ)
    needs(provider, Capability.TUNE_SUPERVISED)


async def listed(provider: Provider, metadata: Mapping[str, str] | None = None) -> list[Job]:
    """Give all jobs, or the ones that carry the pairs."""
    return [job async for job in provider.jobs.list(metadata=metadata)]


def assert_without_result(job: Job) -> None:
    """Expect that a job which is not final has neither model nor end nor failure."""
    assert not job.status.is_final, job
    assert (job.fine_tuned_model, job.finished_at, job.failure) == (None, None, None)


async def assert_not_made(provider: Provider, spec: JobSpec, error: type[Exception]) -> None:
    """Expect that a specification is refused and that there are no more jobs than before."""
    before = [job.id for job in await listed(provider)]
    with pytest.raises(error):
        await provider.jobs.create(spec)
    assert [job.id for job in await listed(provider)] == before


async def assert_refused(provider: Provider, job_id: JobId, error: type[Exception]) -> None:
    """Expect that every method which is offered refuses the id."""
    jobs, today = provider.jobs, provider.clock.today()
    with pytest.raises(error):
        await jobs.get(job_id)
    with pytest.raises(error):
        await jobs.cancel(job_id)
    with pytest.raises(error):
        _ = [event async for event in jobs.events(job_id)]
    if provider.capabilities.supports(Capability.JOBS_PAUSE, on=today):
        with pytest.raises(error):
            await jobs.pause(job_id)
        with pytest.raises(error):
            await jobs.resume(job_id)
    if provider.capabilities.supports(Capability.JOBS_CHECKPOINTS, on=today):
        with pytest.raises(error):
            _ = [kept async for kept in jobs.checkpoints(job_id)]
