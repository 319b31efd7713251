"""A job is followed until it ends, whatever happens on the way."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import cast

import pytest

from tailorbird import QuestionSet, Workbench
from tailorbird.exceptions import (
    ConflictError,
    InvalidInputError,
    JobCancelledError,
    JobFailedError,
    NotFoundError,
    UnexpectedResponseError,
    WaitTimeoutError,
)
from tailorbird.journal import Workspace
from tailorbird.protocols import FineTuningJobs
from tailorbird.providers.fake import Events, FakeProvider, Fault, Lag, Script, Statuses
from tailorbird.types import Job, JobEvent, JobId
from tailorbird.workflow.progress import Progress
from tailorbird.workflow.tuning.handle import Schedule


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


async def test_an_unknown_status_is_neither_running_nor_final(
    rows: QuestionSet, caplog: pytest.LogCaptureFixture
) -> None:
    """A word that this version does not know is waited through, with one warning."""
    script = Script().on("jobs.create", Statuses("queued", "polishing", "succeeded"))
    async with Workbench(FakeProvider(script=script)) as bench:
        handle = await started(bench, rows)
        seen: list[Progress] = []
        await handle.wait(on_progress=seen.append)
        assert "polishing" in [one.detail for one in seen]
        warnings = [one for one in caplog.records if one.levelno == logging.WARNING]
        assert [one.getMessage().partition(" has ")[2] for one in warnings] == [
            "a status nobody knows yet: 'polishing'"
        ]


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


@pytest.mark.parametrize("timeout_s", [-1.0, float("nan"), float("inf")])
async def test_a_limit_that_is_none_is_refused(
    bench: Workbench, rows: QuestionSet, timeout_s: float
) -> None:
    """A wait takes seconds from 0 on."""
    handle = await started(bench, rows)
    with pytest.raises(InvalidInputError, match="timeout_s must be a number of seconds"):
        await handle.wait(timeout_s=timeout_s)


async def test_events_go_on_where_another_process_stopped(
    rows: QuestionSet, tmp_path: Path
) -> None:
    """Each event is handed out once in a workspace, and all of them again to who asks."""
    ids: list[str] = []
    for _ in range(3):
        provider = FakeProvider(state=tmp_path / "state")
        async with Workbench(provider, workspace=Workspace(tmp_path / "room")) as bench:
            await started(bench, rows)
            count = 0
            async for event in (await bench.resume("shop")).events():
                ids.append(event.id)
                count += 1
                if count == 4:
                    break
    provider = FakeProvider(state=tmp_path / "state")
    async with Workbench(provider, workspace=Workspace(tmp_path / "room")) as bench:
        handle = await bench.resume("shop")
        ids += [event.id async for event in handle.events()]
        everything = [event.id async for event in handle.events(since="start")]
        assert [event.id async for event in handle.events()] == []
    assert sorted(ids) == sorted(everything)
    assert ids[:4] == everything[:4]
    assert len(ids) == len(set(ids)) > 10


class Nameless:
    """Jobs that succeed and name no model for a while."""

    def __init__(self, jobs: FineTuningJobs, looks: int) -> None:
        """Leave the name out so many times."""
        self._jobs = jobs
        self.looks = looks

    async def get(self, job_id: JobId) -> Job:
        """Give the job, at first without its model."""
        job = await self._jobs.get(job_id)
        if not job.status.is_final or self.looks == 0:
            return job
        self.looks -= 1
        return job.model_copy(update={"fine_tuned_model": None})

    async def list(self) -> AsyncIterator[Job]:
        """Give nothing."""
        for job in ():
            yield job


@pytest.mark.parametrize("looks", [2, 1000])
async def test_a_success_without_a_name_is_waited_for(
    bench: Workbench, rows: QuestionSet, looks: int
) -> None:
    """The name of a model may come a little later, but not never."""
    handle = await started(bench, rows)
    handle.jobs = cast("FineTuningJobs", Nameless(handle.jobs, looks))
    if looks == 2:
        assert (await handle.wait()).fine_tuned_model
    else:
        with pytest.raises(UnexpectedResponseError, match="names no model after 600 s"):
            await handle.wait()


async def test_a_handle_of_ones_own_needs_no_workspace(bench: Workbench, rows: QuestionSet) -> None:
    """A job can be followed by its id alone; then each call gives every event."""
    made = await started(bench, rows)
    handle = type(made)(ticket=made.ticket, jobs=made.jobs, clock=made.clock)
    assert (await handle.wait()).fine_tuned_model
    events = [event.id async for event in handle.events()]
    assert [event.id async for event in handle.events()] == events != []


async def test_a_wait_is_not_disturbed_by_another_attempt(
    bench: Workbench, rows: QuestionSet
) -> None:
    """While somebody is about to make the job anew, the old one is still told about."""
    handle = await started(bench, rows)
    await handle.cancel()
    [run] = await bench.jobs()
    await bench.workspace.journal.runs.begin_attempt(run)
    with pytest.raises(JobCancelledError):
        await handle.wait()
