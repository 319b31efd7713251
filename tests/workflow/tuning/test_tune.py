"""One run makes one job, whatever is lost on the way."""

from __future__ import annotations

import pytest

import tailorbird
from tailorbird import QuestionSet, TuneOptions, Workbench
from tailorbird.exceptions import (
    InvalidInputError,
    JobOutcomeUnknownError,
    RateLimitError,
    UnsupportedError,
)
from tailorbird.providers.fake import FakeProvider, FakeSettings, Fault, Lag, Script, Statuses
from tailorbird.types import Supervised
from tailorbird.types.jobs import RUN_KEY


async def job_count(bench: Workbench) -> int:
    """Count the jobs at the provider."""
    return len([job async for job in bench.provider.jobs.list()])


async def file_count(bench: Workbench) -> int:
    """Count the training files at the provider."""
    return len([file async for file in bench.provider.files.list(purpose="fine-tune")])


async def start(bench: Workbench, rows: QuestionSet, **changes: bool):  # noqa: ANN201 - a handle
    """Start the run `shop`."""
    return await bench.start_fine_tune(rows, name="shop", system="Be brief.", **changes)


async def test_the_same_call_gives_the_same_job(bench: Workbench, rows: QuestionSet) -> None:
    """Calling twice uploads once and creates once."""
    first = await start(bench, rows)
    second = await start(bench, rows)
    assert first.job_id == second.job_id
    assert (await job_count(bench), await file_count(bench)) == (1, 1)


async def test_a_name_stands_for_one_request(bench: Workbench, rows: QuestionSet) -> None:
    """Other rows under the same name are refused, and the difference is shown."""
    await start(bench, rows)
    with pytest.raises(InvalidInputError, match="another training"):
        await bench.start_fine_tune(rows[:11], name="shop", system="Be brief.")
    options = TuneOptions(method=Supervised(n_epochs=2))
    with pytest.raises(InvalidInputError, match="another method"):
        await bench.start_fine_tune(rows, name="shop", system="Be brief.", options=options)
    assert await job_count(bench) == 1


async def test_a_lost_answer_makes_no_second_job(rows: QuestionSet) -> None:
    """The job that was made although its answer was lost is found and adopted."""
    script = Script().on("jobs.create", Fault.lost_answer())
    async with Workbench(FakeProvider(script=script)) as bench:
        handle = await start(bench, rows)
        assert (await handle.status()).metadata[RUN_KEY]
        assert await job_count(bench) == 1


async def test_a_listing_that_lags_is_waited_for(rows: QuestionSet) -> None:
    """A job that shows up late is adopted all the same."""
    script = Script().on("jobs.create", Fault.lost_answer()).on("jobs.create", Lag(listings=3))
    async with Workbench(FakeProvider(script=script)) as bench:
        await start(bench, rows)
        assert await job_count(bench) == 1


async def test_an_outcome_that_stays_unknown_is_told_and_found_later(rows: QuestionSet) -> None:
    """Where the job does not show up, nothing is created again; a later call finds it."""
    script = Script().on("jobs.create", Fault.lost_answer()).on("jobs.create", Lag(listings=20))
    async with Workbench(FakeProvider(script=script)) as bench:
        with pytest.raises(JobOutcomeUnknownError, match="looks before it creates") as error:
            await start(bench, rows)
        assert error.value.name == "shop"
        with pytest.raises(JobOutcomeUnknownError):
            await bench.resume("shop")
        handle = await start(bench, rows)
        assert await job_count(bench) == 1
        assert (await bench.resume("shop")).job_id == handle.job_id


async def test_a_creation_that_never_arrived_stays_unknown_until_the_user_decides(
    rows: QuestionSet,
) -> None:
    """Only `again` creates anew when nobody knows whether the first creation arrived."""
    script = Script().on("jobs.create", Fault.timed_out())
    async with Workbench(FakeProvider(script=script)) as bench:
        for _ in range(2):
            with pytest.raises(JobOutcomeUnknownError):
                await start(bench, rows)
        assert await job_count(bench) == 0
        await start(bench, rows, again=True)
        assert await job_count(bench) == 1


async def test_a_refusal_can_simply_be_repeated(rows: QuestionSet) -> None:
    """What certainly was not taken leaves the run as if it had never been sent."""
    script = Script().on("jobs.create", Fault.rate_limited())
    async with Workbench(FakeProvider(script=script)) as bench:
        with pytest.raises(RateLimitError):
            await start(bench, rows)
        await start(bench, rows)
        assert (await job_count(bench), await file_count(bench)) == (1, 1)


async def test_a_closed_door_is_found_before_anything_is_sent(rows: QuestionSet) -> None:
    """Where training is not offered any more, no file is uploaded."""
    settings = FakeSettings(training_available=False)
    async with Workbench(FakeProvider(settings)) as bench:
        with pytest.raises(UnsupportedError):
            await start(bench, rows)
        assert await file_count(bench) == 0


async def test_a_door_that_closes_at_the_last_moment_leaves_no_file(rows: QuestionSet) -> None:
    """A refusal at the creation itself takes the uploads back."""
    script = Script().on("jobs.create", Fault.training_closed())
    async with Workbench(FakeProvider(script=script)) as bench:
        with pytest.raises(UnsupportedError):
            await bench.start_fine_tune(
                rows[:10], name="shop", system="Be brief.", validation=rows[10:]
            )
        assert await file_count(bench) == 0


async def test_a_failed_job_is_made_again_on_the_users_word(rows: QuestionSet) -> None:
    """Without `again` the failed job stays the run's job; with it a new one is made."""
    script = Script().on("jobs.create", Statuses("failed"))
    async with Workbench(FakeProvider(script=script)) as bench:
        failed = await start(bench, rows)
        with pytest.raises(tailorbird.JobFailedError):
            await failed.wait()
        assert (await start(bench, rows)).job_id == failed.job_id
        anew = await start(bench, rows, again=True)
        assert anew.job_id != failed.job_id
        assert (await anew.wait()).fine_tuned_model
        assert (await bench.resume("shop")).job_id == anew.job_id


async def test_again_is_not_for_jobs_that_live(bench: Workbench, rows: QuestionSet) -> None:
    """A job that runs or has succeeded is never paid for a second time."""
    handle = await start(bench, rows)
    with pytest.raises(InvalidInputError, match="again=True is for jobs that failed"):
        await start(bench, rows, again=True)
    await handle.wait()
    with pytest.raises(InvalidInputError, match="again=True is for jobs that failed"):
        await start(bench, rows, again=True)


async def test_a_file_that_was_deleted_is_uploaded_again(
    bench: Workbench, rows: QuestionSet
) -> None:
    """The journal's knowledge about uploads is checked before it is used."""
    await start(bench, rows)
    async for file in bench.provider.files.list(purpose="fine-tune"):
        await bench.provider.files.delete(file.id)
    await bench.start_fine_tune(rows, name="other", system="Be brief.")
    assert await file_count(bench) == 1


async def test_a_lost_job_is_found_by_the_runs_name_alone(rows: QuestionSet) -> None:
    """Resuming adopts the job whose answer was lost, without the rows."""
    script = Script().on("jobs.create", Fault.lost_answer()).on("jobs.create", Lag(listings=10))
    async with Workbench(FakeProvider(script=script)) as bench:
        with pytest.raises(JobOutcomeUnknownError):
            await start(bench, rows)
        handle = await bench.resume("shop")
        assert [job.id async for job in bench.provider.jobs.list()] == [handle.job_id]
        assert (await bench.finish("shop")).job == handle.job_id
