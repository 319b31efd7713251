"""A job is followed until it ends, whatever happens on the way."""

from __future__ import annotations

from random import Random

import pytest

from tailorbird import QuestionSet, Workbench
from tailorbird.exceptions import (
    ConflictError,
    JobCancelledError,
    JobFailedError,
    NotFoundError,
    WaitTimeoutError,
)
from tailorbird.providers.fake import Events, FakeProvider, Fault, Lag, Script, Statuses
from tailorbird.types import JobEvent
from tailorbird.workflow.handle import Schedule
from tailorbird.workflow.progress import Progress


async def started(bench: Workbench, rows: QuestionSet):  # noqa: ANN201 - a handle
    """Start a run."""
    return await bench.start_fine_tune(rows, name="shop", system="Be brief.")


async def test_waiting_gives_the_job_with_its_model(bench: Workbench, rows: QuestionSet) -> None:
    """A wait ends when the job has succeeded, and takes no real time on the fake."""
    handle = await started(bench, rows)
    seen: list[Progress] = []
    job = await handle.wait(on_progress=seen.append)
    assert job.fine_tuned_model is not None
    assert [one.detail for one in seen][-1] == "succeeded"
    assert len({one.detail for one in seen}) == len(seen)


async def test_passing_trouble_does_not_end_a_wait(rows: QuestionSet) -> None:
    """Four failed looks in a row are survived."""
    script = Script().on("jobs.get", Fault.unavailable(), times=4)
    async with Workbench(FakeProvider(script=script)) as bench:
        handle = await started(bench, rows)
        assert (await handle.wait()).fine_tuned_model


async def test_an_unknown_status_is_neither_running_nor_final(rows: QuestionSet) -> None:
    """A word that this version does not know is waited through."""
    script = Script().on("jobs.create", Statuses("queued", "polishing", "succeeded"))
    async with Workbench(FakeProvider(script=script)) as bench:
        handle = await started(bench, rows)
        seen: list[Progress] = []
        await handle.wait(on_progress=seen.append)
        assert "polishing" in [one.detail for one in seen]


async def test_a_new_job_may_be_invisible_for_a_moment(rows: QuestionSet) -> None:
    """A job that is not found right after its creation is looked for again."""
    script = Script().on("jobs.create", Lag(lookups=3))
    async with Workbench(FakeProvider(script=script)) as bench:
        handle = await started(bench, rows)
        assert (await handle.wait()).fine_tuned_model


async def test_a_job_that_stays_invisible_is_reported(bench: Workbench, rows: QuestionSet) -> None:
    """After a minute, an unknown job is an error."""
    handle = await started(bench, rows)
    lost = type(handle)(
        ticket=handle.ticket.model_copy(update={"job_id": "ftjob-none"}),
        jobs=handle.jobs,
        clock=handle.clock,
    )
    with pytest.raises(NotFoundError):
        await lost.wait()


async def test_a_failed_job_tells_why(rows: QuestionSet) -> None:
    """The provider's code and words are in the error."""
    script = Script().on("jobs.create", Statuses("running", "failed"))
    async with Workbench(FakeProvider(script=script)) as bench:
        handle = await started(bench, rows)
        with pytest.raises(JobFailedError, match="'shop' failed") as error:
            await handle.wait()
        assert error.value.job_id == handle.job_id
        assert error.value.name == "shop"


async def test_a_cancelled_job_is_no_success(bench: Workbench, rows: QuestionSet) -> None:
    """A job that was cancelled, here or elsewhere, raises."""
    handle = await started(bench, rows)
    await handle.cancel()
    with pytest.raises(JobCancelledError, match="again=True"):
        await handle.wait()
    with pytest.raises(ConflictError):
        await handle.cancel()


async def test_the_end_of_a_wait_is_not_the_end_of_the_job(
    bench: Workbench, rows: QuestionSet
) -> None:
    """The limit of a wait is told, and the job goes on."""
    handle = await started(bench, rows)
    with pytest.raises(WaitTimeoutError, match="goes on") as error:
        await handle.wait(timeout_s=2)
    assert error.value.job_id == handle.job_id
    assert (await handle.wait()).fine_tuned_model


async def test_a_job_is_held_and_goes_on(bench: Workbench, rows: QuestionSet) -> None:
    """A running job can be paused and resumed through its handle."""
    handle = await started(bench, rows)
    while (await handle.status()).raw_status != "running":
        await handle.clock.sleep(5)
    await handle.clock.sleep(20)
    await handle.pause()
    await handle.clock.sleep(3600)
    assert (await handle.status()).status.is_held
    await handle.resume()
    assert (await handle.wait()).fine_tuned_model


async def test_events_come_once_and_in_order(bench: Workbench, rows: QuestionSet) -> None:
    """Following a job gives each event once, oldest first, up to the end."""
    handle = await started(bench, rows)
    events = [event async for event in handle.events()]
    assert len({event.id for event in events}) == len(events) > 3
    assert [one.created_at for one in events] == sorted(one.created_at for one in events)
    assert "metrics" in {event.type for event in events}


async def test_trouble_while_reading_events_loses_none(rows: QuestionSet) -> None:
    """A failed listing of events is made up for by the next one."""
    script = Script().on("jobs.events", Fault.unavailable())
    async with Workbench(FakeProvider(script=script)) as bench:
        handle = await started(bench, rows)
        events = [event async for event in handle.events()]
        again = [event async for event in handle.jobs.events(handle.job_id)]
        assert {one.id for one in events} == {one.id for one in again}


def test_pauses_grow_to_a_limit_and_are_never_in_step() -> None:
    """An hour of waiting takes at most 150 looks."""
    schedule, random = Schedule(), Random(1)  # noqa: S311 - no secret
    pauses = [schedule.pause_s(looks, random) for looks in range(150)]
    assert sum(pauses) > 3600
    assert len(set(pauses)) == len(pauses)
    assert 0.9 <= pauses[0] <= 1.1
    assert max(pauses) <= 33


async def test_an_event_that_is_reported_twice_comes_once(rows: QuestionSet) -> None:
    """The id of an event decides, not how often it is listed."""
    event = JobEvent.model_validate({"id": "e", "created_at": "2026-11-22T00:00:00Z"})
    script = Script().on("jobs.events", Events(event, event), times=None)
    async with Workbench(FakeProvider(script=script)) as bench:
        handle = await started(bench, rows)
        assert [one.id async for one in handle.events()] == ["e"]


async def test_following_a_job_can_be_limited(bench: Workbench, rows: QuestionSet) -> None:
    """After its limit a follower stops, although the job goes on."""
    handle = await started(bench, rows)
    events = [event async for event in handle.events(timeout_s=3)]
    assert events
    assert not (await handle.status()).status.is_final
