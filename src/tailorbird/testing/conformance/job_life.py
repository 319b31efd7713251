"""Clauses `J20` to `J36`: what happens to a fine-tuning job until it is final, and what stays."""

from __future__ import annotations

import csv
import io
import math
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tailorbird.exceptions import ConflictError, UnsupportedError
from tailorbird.testing.conformance import data
from tailorbird.testing.conformance.clauses import clause, lacks, needs
from tailorbird.testing.conformance.jobs import assert_without_result, needs_tuning
from tailorbird.testing.conformance.trial import SuiteOptions, Trial
from tailorbird.types import Capability, JobSpec, JobStatus

if TYPE_CHECKING:
    from tailorbird.protocols import Provider
    from tailorbird.types import Checkpoint, Job, JobEvent, JobId, StepMetrics

SUFFIX = "conformance"


class JobLifeConformance:
    """How a job runs, is stopped and held, and what it leaves; needs a fixture `provider`."""

    options = SuiteOptions()

    @clause("J20")
    async def test_trained_job_succeeds(self, provider: Provider) -> None:
        """A job on good rows ends as succeeded, with its model, its end and no failure."""
        needs_tuning(provider)
        async with Trial(provider, self.options) as trial:
            job, model = await trial.train()
            assert model != trial.tune_base
            assert job.failure is None
            assert job.finished_at is not None
            assert job.finished_at.utcoffset() == timedelta(0)
            assert job.finished_at >= job.created_at
            assert job.trained_tokens is None or job.trained_tokens > 0

    @clause("J21")
    async def test_status_of_trained_job_is_not_guessed(self, provider: Provider) -> None:
        """Each status is the provider's own word, and before the final one there is no result."""
        needs_tuning(provider)
        seen: list[JobStatus] = []

        def final(job: Job) -> bool:
            assert job.raw_status
            assert job.status is JobStatus.parse(job.raw_status)
            if not job.status.is_final:
                assert_without_result(job)
            seen.append(job.status)
            return job.status.is_final

        async with Trial(provider, self.options) as trial:
            started = await trial.start()
            await trial.until(started.id, final, what="final")
            await trial.finish(started.id)
            assert len(seen) > 1

    @clause("J22")
    async def test_trained_job_stays_as_it_is(self, provider: Provider) -> None:
        """A final job does not change any more and cannot be cancelled."""
        needs_tuning(provider)
        async with Trial(provider, self.options) as trial:
            job, _ = await trial.train()
            with pytest.raises(ConflictError):
                await provider.jobs.cancel(job.id)
            await provider.clock.sleep(self.options.poll_s)
            assert await provider.jobs.get(job.id) == job

    @clause("J23")
    async def test_suffix_of_trained_job_is_used(self, provider: Provider) -> None:
        """The suffix stands in the name of the trained model, or at least in the job."""
        needs_tuning(provider)
        async with Trial(provider, self.options) as trial:
            file_id = await trial.training_file()
            spec = JobSpec(model=trial.tune_base, training_file=file_id, suffix=SUFFIX)
            job, model = await trial.train(spec)
            assert SUFFIX in model or job.suffix == SUFFIX

    @clause("J24")
    async def test_trained_model_can_be_trained_again(self, provider: Provider) -> None:
        """A tuned model can be the base of a further job, which makes another model."""
        needs_tuning(provider)
        async with Trial(provider, self.options) as trial:
            _, first = await trial.train()
            file_id = await trial.training_file()
            job, second = await trial.train(JobSpec(model=first, training_file=file_id))
            assert job.model == first
            assert second != first

    @clause("J25")
    async def test_cancelled_job_gives_no_model(self, provider: Provider) -> None:
        """A job that is cancelled ends as cancelled, without a model, and only once."""
        needs_tuning(provider)
        async with Trial(provider, self.options) as trial:
            started = await trial.start()
            cancelled = await provider.jobs.cancel(started.id)
            assert cancelled.id == started.id
            job = await trial.finish(started.id)
            assert (job.status, job.fine_tuned_model) == (JobStatus.CANCELLED, None)
            with pytest.raises(ConflictError):
                await provider.jobs.cancel(started.id)
            assert (await provider.jobs.get(started.id)).status is JobStatus.CANCELLED

    @clause("J26")
    async def test_held_job_waits_until_it_is_trained(self, provider: Provider) -> None:
        """A held job stands still until it is resumed; then it goes on to its model."""
        needs_tuning(provider)
        needs(provider, Capability.JOBS_PAUSE)
        async with Trial(provider, self.options) as trial:
            held = await hold(trial, (await trial.start()).id)
            await provider.clock.sleep(self.options.poll_s * 100)
            assert (await provider.jobs.get(held.id)).status.is_held
            await provider.jobs.resume(held.id)
            job = await trial.finish(held.id)
            assert job.status is JobStatus.SUCCEEDED

    @clause("J27")
    async def test_held_job_can_be_cancelled(self, provider: Provider) -> None:
        """A held job is not final: it cannot be held again, and it can be cancelled."""
        needs_tuning(provider)
        needs(provider, Capability.JOBS_PAUSE)
        async with Trial(provider, self.options) as trial:
            held = await hold(trial, (await trial.start()).id)
            assert_without_result(held)
            with pytest.raises(ConflictError):
                await provider.jobs.pause(held.id)
            await provider.jobs.cancel(held.id)
            assert (await trial.finish(held.id)).status is JobStatus.CANCELLED

    @clause("J28")
    async def test_only_a_running_job_is_held(self, provider: Provider) -> None:
        """A running job cannot be resumed; a final one can be neither held nor resumed."""
        needs_tuning(provider)
        needs(provider, Capability.JOBS_PAUSE)
        async with Trial(provider, self.options) as trial:
            job = await running(trial, (await trial.start()).id)
            with pytest.raises(ConflictError):
                await provider.jobs.resume(job.id)
            await provider.jobs.cancel(job.id)
            await trial.finish(job.id)
            with pytest.raises(ConflictError):
                await provider.jobs.pause(job.id)
            with pytest.raises(ConflictError):
                await provider.jobs.resume(job.id)

    @clause("J29")
    async def test_missing_holding_is_unsupported(self, provider: Provider) -> None:
        """Where jobs cannot be held, `pause` and `resume` raise `UnsupportedError`."""
        needs_tuning(provider)
        lacks(provider, Capability.JOBS_PAUSE)
        async with Trial(provider, self.options) as trial:
            job = await trial.start()
            with pytest.raises(UnsupportedError):
                await provider.jobs.pause(job.id)
            with pytest.raises(UnsupportedError):
                await provider.jobs.resume(job.id)

    @clause("J30")
    async def test_events_of_trained_job(self, provider: Provider) -> None:
        """Events come newest first with aware times, each with an id of its own."""
        needs_tuning(provider)
        async with Trial(provider, self.options) as trial:
            job, _ = await trial.train()
            events = await events_of(provider, job.id)
            assert events
            assert len({event.id for event in events}) == len(events)
            times = [event.created_at for event in events]
            assert times == sorted(times, reverse=True)
            assert {time.utcoffset() for time in times} == {timedelta(0)}

    @clause("J31")
    async def test_events_of_trained_job_stay(self, provider: Provider) -> None:
        """An event that was reported once is reported again with the same id and words."""
        needs_tuning(provider)
        async with Trial(provider, self.options) as trial:
            job = await running(trial, (await trial.start()).id)
            early = await events_of(provider, job.id)
            await trial.finish(job.id)
            late = await events_of(provider, job.id)
            assert len(late) > len(early)
            assert late[len(late) - len(early) :] == early

    @clause("J32")
    async def test_checkpoints_of_trained_job(self, provider: Provider) -> None:
        """Checkpoints come newest first; each names its job, its step and a model of its own."""
        needs_tuning(provider)
        needs(provider, Capability.JOBS_CHECKPOINTS)
        async with Trial(provider, self.options) as trial:
            job, _ = await trial.train()
            kept = await checkpoints_of(provider, job.id)
            assert kept
            assert {checkpoint.job for checkpoint in kept} == {job.id}
            assert len({checkpoint.id for checkpoint in kept}) == len(kept)
            assert len({checkpoint.model for checkpoint in kept}) == len(kept)
            steps = [checkpoint.step for checkpoint in kept]
            assert steps == sorted(steps, reverse=True)
            assert min(steps) >= 1

    @clause("J33")
    async def test_metrics_of_trained_job(self, provider: Provider) -> None:
        """The metrics of checkpoints are finite: losses at least 0, accuracies within 0..1."""
        needs_tuning(provider)
        needs(provider, Capability.JOBS_CHECKPOINTS)
        async with Trial(provider, self.options) as trial:
            spec = JobSpec(
                model=trial.tune_base,
                training_file=await trial.training_file(),
                validation_file=await trial.training_file(data.VALIDATION),
            )
            job, _ = await trial.train(spec)
            for checkpoint in await checkpoints_of(provider, job.id):
                assert_plausible(checkpoint.metrics)

    @clause("J34")
    async def test_missing_checkpoints_are_unsupported(self, provider: Provider) -> None:
        """Where there are no checkpoints, asking for them raises `UnsupportedError`."""
        needs_tuning(provider)
        lacks(provider, Capability.JOBS_CHECKPOINTS)
        async with Trial(provider, self.options) as trial:
            job = await trial.start()
            with pytest.raises(UnsupportedError):
                await checkpoints_of(provider, job.id)

    @clause("J35")
    async def test_results_of_trained_job_are_a_table(self, provider: Provider) -> None:
        """A result file is CSV text with a header that names `step` and one row a step."""
        needs_tuning(provider)
        async with Trial(provider, self.options) as trial:
            job, _ = await trial.train()
            for file_id in job.result_files:
                pieces = [piece async for piece in provider.files.content(file_id)]
                rows = list(csv.DictReader(io.StringIO(b"".join(pieces).decode())))
                steps = [int(row["step"]) for row in rows]
                assert steps
                assert steps == sorted(set(steps))

    @clause("J36")
    async def test_jobs_are_trained_side_by_side(self, provider: Provider) -> None:
        """Two jobs that run at the same time make two models and two logs."""
        needs_tuning(provider)
        async with Trial(provider, self.options) as trial:
            started = [(await trial.start()).id for _ in range(2)]
            jobs = [await trial.finish(job_id) for job_id in started]
            assert [job.id for job in jobs] == started
            assert len({job.fine_tuned_model for job in jobs}) == len(jobs)
            logs = [{event.id for event in await events_of(provider, job.id)} for job in jobs]
            assert logs[0].isdisjoint(logs[1])


async def running(trial: Trial, job_id: JobId) -> Job:
    """Wait until a job runs."""
    job = await trial.until(
        job_id, lambda job: job.status is JobStatus.RUNNING or job.status.is_final, what="running"
    )
    assert job.status is JobStatus.RUNNING, job
    return job


async def hold(trial: Trial, job_id: JobId) -> Job:
    """Hold a job after its first step, before which Azure refuses to, and wait until it stands."""
    await running(trial, job_id)
    while not any(event.type == "metrics" for event in await events_of(trial.provider, job_id)):
        await trial.provider.clock.sleep(trial.options.poll_s)
        await running(trial, job_id)
    answer = await trial.provider.jobs.pause(job_id)
    assert answer.id == job_id
    job = await trial.until(job_id, lambda job: job.status is not JobStatus.PAUSING, what="paused")
    assert job.status is JobStatus.PAUSED, job
    return job


async def events_of(provider: Provider, job_id: JobId) -> list[JobEvent]:
    """Give the events of a job so far."""
    return [event async for event in provider.jobs.events(job_id)]


async def checkpoints_of(provider: Provider, job_id: JobId) -> list[Checkpoint]:
    """Give the checkpoints of a job."""
    return [kept async for kept in provider.jobs.checkpoints(job_id)]


def assert_plausible(metrics: StepMetrics) -> None:
    """Expect losses and accuracies within their ranges; ones that are not given may be None."""
    for loss in (metrics.train_loss, metrics.valid_loss, metrics.full_valid_loss):
        assert loss is None or (math.isfinite(loss) and loss >= 0)
    for accuracy in (
        metrics.train_mean_token_accuracy,
        metrics.valid_mean_token_accuracy,
        metrics.full_valid_mean_token_accuracy,
    ):
        assert accuracy is None or 0 <= accuracy <= 1
