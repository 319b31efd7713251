"""One run makes one job: cancelled, lost, doubled, or started twice at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Generator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from typing_extensions import override

from tailorbird import JobHandle, QuestionSet, Workbench
from tailorbird.exceptions import (
    ConnectError,
    InvalidInputError,
    InvalidRequestError,
    JobOutcomeUnknownError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServiceUnavailableError,
    UnsupportedError,
)
from tailorbird.journal import Runs, Workspace
from tailorbird.protocols import FineTuningJobs
from tailorbird.providers.fake import FakeProvider, FakeSettings, Fault, Lag, Script, Statuses
from tailorbird.types import (
    DeploymentSpec,
    HostingQuote,
    Job,
    JobId,
    JobSpec,
    JobStatus,
    ModelCard,
    StoredFile,
)
from tailorbird.types.jobs import RUN_KEY
from tailorbird.workflow.tuning.lookup import Lookup


class Cancelled:
    """Runs a coroutine and cancels its task when it waits for the n-th time."""

    def __init__(self, work: Coroutine[Any, Any, object], *, at: int) -> None:
        """Count from 1."""
        self._work = work
        self._at = at

    def __await__(self) -> Generator[Any, Any, object]:
        """Pass on every wait."""
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None
        inner = self._work.__await__()
        step, value, waits = inner.send, None, 0
        while True:
            try:
                waited_for = step(value)
            except StopIteration as end:
                return end.value
            waits += 1
            if waits == self._at:
                loop.call_soon(task.cancel)
            try:
                value = yield waited_for
                step = inner.send
            except BaseException as exc:  # noqa: BLE001 - passed on
                step, value = inner.throw, exc


async def start(bench: Workbench, rows: QuestionSet, *, again: bool = False) -> JobHandle:
    """Start the run `shop`."""
    return await bench.start_fine_tune(rows, name="shop", system="Be brief.", again=again)


async def jobs_of(bench: Workbench) -> list[Job]:
    """Give the jobs at the provider, newest first."""
    return [job async for job in bench.provider.jobs.list()]


async def files_of(bench: Workbench) -> list[str]:
    """Give the names of the training files at the provider."""
    return [file.name async for file in bench.provider.files.list(purpose="fine-tune")]


@pytest.mark.parametrize("flavor", ["plain", "azure"])
@pytest.mark.parametrize("at", range(1, 41))
async def test_cancelled_at_any_wait_nothing_is_lost(
    rows: QuestionSet, tmp_path: Path, at: int, flavor: str
) -> None:
    """Whenever a start is cancelled, the next one ends with one job and one file."""
    async with Workbench(
        FakeProvider(FakeSettings(flavor=flavor)), workspace=Workspace(tmp_path / "room")
    ) as bench:

        async def run() -> object:
            return await Cancelled(start(bench, rows), at=at)

        async with asyncio.TaskGroup() as group:
            task = group.create_task(run())
            await asyncio.wait({task})
        [run_record] = await bench.jobs() or [None]
        if run_record is not None:
            assert run_record.lease_owner is None
            # What was sent was written down: nobody has to look for it.
            known = [job.id for job in await jobs_of(bench)]
            assert known == ([] if run_record.job_id is None else [run_record.job_id])
        handle = await start(bench, rows)
        assert [job.id for job in await jobs_of(bench)] == [handle.job_id]
        assert len(await files_of(bench)) == 1
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert left == []


async def test_two_tasks_start_one_job(rows: QuestionSet) -> None:
    """The same run started twice at once is one job, and both get it."""
    async with Workbench(FakeProvider()) as bench:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(start(bench, rows)) for _ in range(4)]
        [job] = await jobs_of(bench)
        assert {task.result().job_id for task in tasks} == {job.id}
        assert len(await files_of(bench)) == 1


async def test_tasks_that_want_it_again_at_once_make_one_job(rows: QuestionSet) -> None:
    """Whoever waited takes the job that the first one made; whoever came later hears of it."""

    async def once_more(bench: Workbench) -> str:
        try:
            return (await start(bench, rows, again=True)).job_id
        except InvalidInputError:  # the other's job lives by now
            return ""

    async with Workbench(FakeProvider()) as bench:
        first = await start(bench, rows)
        await first.cancel()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(once_more(bench)) for _ in range(3)]
        [second] = {task.result() for task in tasks} - {""}
        assert {job.id for job in await jobs_of(bench)} == {first.job_id, second}


async def test_who_waited_while_it_was_made_again_takes_that_job(rows: QuestionSet) -> None:
    """The wish to have it again is granted by whoever was first."""
    async with Workbench(FakeProvider()) as bench:
        first = await start(bench, rows)
        await first.cancel()
        runs, now = bench.workspace.journal.runs, bench.workspace.clock.now()
        [run] = await bench.jobs()
        await runs.hold(run, owner="first", now=now, ttl_s=15)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(start(bench, rows, again=True))
            await asyncio.wait({task}, timeout=0.3)
            await runs.begin_attempt(run)
            job = await surplus_job(bench, await first.status())
            await runs.record_job(run.id, job.id)
            await runs.release(run.id, owner="first")
        assert task.result().job_id == job.id
        assert len(await jobs_of(bench)) == 2


async def test_without_metadata_the_file_tells_the_job(rows: QuestionSet) -> None:
    """A provider that keeps no metadata is asked for the job that trains on the run's file."""
    script = Script().on("jobs.create", Fault.lost_answer())
    provider = FakeProvider(FakeSettings(flavor="azure"), script=script)
    async with Workbench(provider) as bench:
        handle = await start(bench, rows)
        await bench.start_fine_tune(rows, name="other", system="Be brief.")
        jobs = await jobs_of(bench)
        assert [job.metadata for job in jobs] == [{}, {}]
        assert len(set(await files_of(bench))) == 2
        assert handle.job_id in {job.id for job in jobs}
        assert (await bench.resume("shop")).job_id == handle.job_id
        assert (await bench.resume("other")).job_id != handle.job_id


async def test_an_upload_whose_answer_was_lost_is_found_by_its_name(rows: QuestionSet) -> None:
    """A file that arrived is not sent a second time."""
    script = Script().on("files.create", Fault.lost_answer()).on("files.create", Lag(listings=2))
    async with Workbench(FakeProvider(script=script)) as bench:
        await start(bench, rows)
        assert len(await files_of(bench)) == 1


async def test_an_upload_that_never_arrived_is_told_and_made_up_for(rows: QuestionSet) -> None:
    """Trouble with the upload is an error, and the next call goes on."""
    script = (
        Script()
        .on("files.create", Fault.no_connection())
        .on("files.create", Fault.unavailable(), occurrence=2)
    )
    async with Workbench(FakeProvider(script=script)) as bench:
        with pytest.raises(ConnectError):
            await start(bench, rows)
        with pytest.raises(ServiceUnavailableError):
            await start(bench, rows)
        await start(bench, rows)
        assert (len(await jobs_of(bench)), len(await files_of(bench))) == (1, 1)


async def test_a_file_that_went_bad_is_uploaded_anew(rows: QuestionSet) -> None:
    """Neither the journal nor the list of files is believed about a file that cannot be used."""
    script = Script().on("files.create", Statuses("error"))
    async with Workbench(FakeProvider(script=script)) as bench:
        with pytest.raises(InvalidRequestError):
            await start(bench, rows)
        await start(bench, rows)
        assert len(await files_of(bench)) == 2


async def surplus_job(bench: Workbench, job: Job) -> Job:
    """Make another job like this one, as a creation does whose answer was lost."""
    spec = JobSpec(model=job.model, training_file=job.training_file, metadata=job.metadata)
    return await bench.provider.jobs.create(spec)


async def test_a_second_live_job_is_cancelled_when_the_run_is_met_again(
    rows: QuestionSet, caplog: pytest.LogCaptureFixture
) -> None:
    """The oldest job stays, the other is cancelled and reported."""
    async with Workbench(FakeProvider()) as bench:
        handle = await start(bench, rows)
        await bench.provider.clock.sleep(1)
        second = await surplus_job(bench, await handle.status())
        with caplog.at_level(logging.WARNING, "tailorbird.workflow"):
            again = await bench.resume("shop")
        assert (again.job_id, again.surplus) == (handle.job_id, (second.id,))
        assert f"job {second.id} was cancelled" in caplog.text
        assert (await bench.provider.jobs.get(second.id)).status is JobStatus.CANCELLED


async def test_a_wait_reconciles_once_and_follows_the_job_that_stays(rows: QuestionSet) -> None:
    """A handle on the younger of two jobs moves to the older one."""
    script = Script().on("jobs.create", Fault.lost_answer()).on("jobs.create", Lag(listings=30))
    async with Workbench(FakeProvider(script=script)) as bench:
        with pytest.raises(JobOutcomeUnknownError):
            await start(bench, rows)
        handle = await start(bench, rows, again=True)
        second = handle.job_id
        for _ in range(30):
            await jobs_of(bench)
        job = await handle.wait()
        assert handle.job_id == job.id != second
        assert handle.surplus == (second,)
        statuses = {one.id: one.status for one in await jobs_of(bench)}
        assert statuses == {job.id: JobStatus.SUCCEEDED, second: JobStatus.CANCELLED}
        assert (await bench.finish("shop")).job == job.id


async def test_trouble_with_reconciling_is_made_up_for(rows: QuestionSet) -> None:
    """A listing that fails hides no handle, and the wait asks again."""
    script = Script().on("jobs.list", Fault.unavailable(), occurrence=2, times=3)
    async with Workbench(FakeProvider(script=script)) as bench:
        handle = await start(bench, rows)
        again = await bench.resume("shop")
        assert again.job_id == handle.job_id
        second = await surplus_job(bench, await handle.status())
        await again.wait()
        assert again.surplus == (second.id,)


async def test_a_job_that_succeeded_stays_whatever_else_lives(rows: QuestionSet) -> None:
    """A model that was paid for is not given up for a job that has only begun."""
    async with Workbench(FakeProvider()) as bench:
        handle = await start(bench, rows)
        await handle.wait()
        second = await surplus_job(bench, await handle.status())
        assert (await bench.resume("shop")).surplus == (second.id,)
        assert (await bench.finish("shop")).job == handle.job_id


class Ending:
    """Jobs of which one ends at the very moment it is to be cancelled."""

    def __init__(self, jobs: FineTuningJobs) -> None:
        """Stand before the jobs of a provider."""
        self._jobs = jobs

    async def cancel(self, job_id: JobId) -> Job:
        """End it, and refuse."""
        await self._jobs.cancel(job_id)
        return await self._jobs.cancel(job_id)

    async def list(self, *, metadata: Mapping[str, str] | None = None) -> AsyncIterator[Job]:
        """Give all jobs, whatever is asked for."""
        assert metadata
        own = [job async for job in self._jobs.list()]
        strangers = [
            own[0].model_copy(update={"id": f"ftjob-{number}", "metadata": {}})
            for number in range(5)
        ]
        for job in (*strangers, *own):
            yield job


async def test_strangers_and_jobs_that_end_by_themselves_are_left_alone(
    rows: QuestionSet,
) -> None:
    """A provider that ignores the filter gives everybody's jobs; none of them is touched."""
    async with Workbench(FakeProvider()) as bench:
        handle = await start(bench, rows)
        job = await handle.status()
        await surplus_job(bench, job)
        lookup = Lookup(jobs=cast("FineTuningJobs", Ending(bench.provider.jobs)), by_metadata=True)
        found = await lookup.by_tag(job.metadata[RUN_KEY])
        assert len(found) == 2
        begun = await lookup.keep_one(found)
        assert (begun.job_id, begun.surplus) == (handle.job_id, ())


async def test_a_run_that_failed_elsewhere_is_made_again_on_the_users_word(
    rows: QuestionSet, tmp_path: Path
) -> None:
    """A new workspace finds the failed job first, and makes another one only when it is told to."""
    script = Script().on("jobs.create", Statuses("failed"))
    provider = FakeProvider(script=script, state=tmp_path / "state")
    async with Workbench(provider, workspace=Workspace(tmp_path / "first")) as bench:
        failed = await start(bench, rows)
    provider = FakeProvider(state=tmp_path / "state")
    async with Workbench(provider, workspace=Workspace(tmp_path / "second")) as bench:
        made = await start(bench, rows, again=True)
        assert made.job_id != failed.job_id
        assert (await made.wait()).fine_tuned_model
    provider = FakeProvider(state=tmp_path / "state")
    async with Workbench(provider, workspace=Workspace(tmp_path / "third")) as bench:
        assert (await start(bench, rows)).job_id == failed.job_id
        assert (await start(bench, rows, again=True)).job_id == made.job_id


async def test_an_old_creation_is_looked_for_once(rows: QuestionSet) -> None:
    """What does not show up an hour later is not waited for a minute."""
    script = Script().on("jobs.create", Fault.timed_out())
    async with Workbench(FakeProvider(script=script)) as bench:
        with pytest.raises(JobOutcomeUnknownError):
            await start(bench, rows)
        clock = bench.provider.clock
        await clock.sleep(3600)
        before = clock.monotonic()
        with pytest.raises(JobOutcomeUnknownError):
            await bench.resume("shop")
        assert clock.monotonic() - before < 5


async def test_a_known_run_is_found_when_the_door_has_closed(rows: QuestionSet) -> None:
    """Starting a run again asks for nothing new, so it works after training has ended."""
    provider = FakeProvider(FakeSettings(flavor="openai"))
    async with Workbench(provider) as bench:
        handle = await start(bench, rows)
        await bench.provider.clock.sleep(90 * 86_400)
        assert (await start(bench, rows)).job_id == handle.job_id
        with pytest.raises(UnsupportedError):
            await bench.start_fine_tune(rows, name="new", system="Be brief.")
        assert [run.name for run in await bench.jobs()] == ["shop"]


async def test_a_refusal_leaves_files_of_other_runs_alone(rows: QuestionSet) -> None:
    """Rows that another job trains on stay where they are."""
    script = Script().on("jobs.create", Fault.training_closed(), occurrence=2)
    async with Workbench(FakeProvider(script=script)) as bench:
        await start(bench, rows)
        with pytest.raises(UnsupportedError):
            await bench.start_fine_tune(rows, name="other", system="Be brief.")
        assert len(await files_of(bench)) == 1


@pytest.mark.parametrize(
    ("fault", "left"),
    [
        (Fault(error=NotFoundError, message="gone", accepted="no"), 1),
        (Fault(error=PermissionDeniedError, message="no", accepted="no"), 1),
    ],
)
async def test_trouble_with_cleaning_up_does_not_hide_the_refusal(
    rows: QuestionSet, fault: Fault, left: int
) -> None:
    """The caller hears why there is no job, whatever becomes of the upload."""
    script = Script().on("jobs.create", Fault.training_closed()).on("files.delete", fault)
    async with Workbench(FakeProvider(script=script)) as bench:
        with pytest.raises(UnsupportedError):
            await start(bench, rows)
        assert len(await files_of(bench)) == left


class Retired(FakeProvider):
    """A provider whose base model was shut down."""

    promise: Mapping[str, str] = {"tunable_until": "2026-11-22"}

    @property
    @override
    def models(self) -> Any:
        """Give dated cards."""
        outer = super().models
        promise = self.promise

        class Dated:
            list = outer.list

            async def get(self, model: str) -> ModelCard:
                card = await outer.get(model)
                update = {"shutdown_date": "2026-11-22", "successor": "fake-next"}
                return ModelCard.model_validate(card.model_dump() | update | promise)

        return Dated()


async def test_a_base_that_was_shut_down_is_refused_with_its_successor(rows: QuestionSet) -> None:
    """Nothing is uploaded for a model that is gone."""
    async with Workbench(Retired()) as bench:
        with pytest.raises(UnsupportedError, match=r"shut down on 2026-11-22\. Instead: train"):
            await start(bench, rows)
        assert await files_of(bench) == []


async def test_a_base_may_be_trained_after_its_own_end(rows: QuestionSet) -> None:
    """A provider that promises training beyond a model's shutdown is taken at its word."""
    provider = Retired()
    provider.promise = {"tunable_until": "2026-11-23"}
    async with Workbench(provider) as bench:
        await start(bench, rows)
        assert len(await jobs_of(bench)) == 1


class Homeless(FakeProvider):
    """A provider whose profile does not say where models are deployed."""

    asked = 0
    error: Exception = UnsupportedError(
        provider="fake", capability="deployments", reason="not said", instead="say it"
    )

    @property
    @override
    def deployments(self) -> Any:
        """Count what is asked, and refuse it."""
        outer = self

        class Nowhere:
            async def quote(self, _: DeploymentSpec) -> HostingQuote:
                outer.asked += 1
                raise outer.error

        return Nowhere()


async def test_nothing_is_trained_that_could_not_be_deployed(rows: QuestionSet) -> None:
    """A profile that names no account for deployments is told before anything is paid for."""
    async with Workbench(Homeless(FakeSettings(flavor="azure"))) as bench:
        with pytest.raises(UnsupportedError, match="say it"):
            await start(bench, rows)
        assert (await files_of(bench), await jobs_of(bench), await bench.jobs()) == ([], [], ())


async def test_a_price_that_is_not_told_stops_nothing(rows: QuestionSet) -> None:
    """What hosting costs may be unknown for the moment: training goes on."""
    provider = Homeless(FakeSettings(flavor="azure"))
    provider.error = ServiceUnavailableError("later", provider="fake", operation="quote")
    async with Workbench(provider) as bench:
        await start(bench, rows)
        assert len(await jobs_of(bench)) == provider.asked == 1


async def test_where_nothing_is_deployed_no_price_is_asked(rows: QuestionSet) -> None:
    """Models that answer by themselves need no host."""
    provider = Homeless()
    async with Workbench(provider) as bench:
        await start(bench, rows)
        assert (len(await jobs_of(bench)), provider.asked) == (1, 0)


@pytest.mark.parametrize("fault", [Fault.wrong_key(), Fault.unavailable()])
async def test_a_key_that_may_not_list_models_may_train(rows: QuestionSet, fault: Fault) -> None:
    """Whether a model is retired is no reason to fail when it cannot be found out."""
    async with Workbench(FakeProvider(script=Script().on("models.get", fault))) as bench:
        await start(bench, rows)
        assert len(await jobs_of(bench)) == 1


class Slow(FakeProvider):
    """A provider whose uploads take so long that somebody else takes the run over."""

    runs: Runs

    @property
    @override
    def files(self) -> Any:
        """Lose the lease after each upload."""
        outer = super().files
        runs, identity = self.runs, self.identity

        class Losing:
            list, get, wait_ready = outer.list, outer.get, outer.wait_ready

            async def create(self, source: Path, *, name: str) -> StoredFile:
                run = await runs.get("shop", identity=identity)
                later = datetime.now(UTC) + timedelta(seconds=20)
                await runs.hold(run, owner="process 7 on elsewhere", now=later, ttl_s=15)
                return await outer.create(source, name=name)

        return Losing()


async def test_a_process_that_stood_still_sends_nothing(rows: QuestionSet) -> None:
    """Whoever lost the lease finds that out before the creation is sent."""
    provider = Slow()
    async with Workbench(provider) as bench:
        provider.runs = bench.workspace.journal.runs
        with pytest.raises(JobOutcomeUnknownError):
            await start(bench, rows)
        assert await jobs_of(bench) == []
        [run] = await bench.jobs()
        assert (run.state, run.lease_owner) == ("new", "process 7 on elsewhere")


async def test_reconciling_needs_a_job(rows: QuestionSet) -> None:
    """A run without a job cannot be reconciled."""
    script = Script().on("jobs.create", Fault.rate_limited())
    async with Workbench(FakeProvider(script=script)) as bench:
        creation = bench._parts.tuning.creation  # noqa: SLF001 - made nowhere else
        with pytest.raises(InvalidInputError, match="no run 'shop'"):
            await creation.reconcile("shop")
        with pytest.raises(RateLimitError):
            await start(bench, rows)
        with pytest.raises(JobOutcomeUnknownError):
            await creation.reconcile("shop")
