"""The protocol of creation through the real SDK: what counts is counted at the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx2
import pytest

from tailorbird import JobHandle, QuestionSet, Workbench
from tailorbird.config import Profile
from tailorbird.exceptions import JobOutcomeUnknownError, UnsupportedError
from tailorbird.providers.fake import (
    FakeProvider,
    FakeSettings,
    Fault,
    Lag,
    Script,
    Statuses,
    VirtualClock,
)
from tailorbird.providers.openai import OpenAIProvider
from tailorbird.testing.wire import wire_app
from tailorbird.types import ModelId, RoleModel
from tailorbird.types.secrets import Secret

ROLES = {
    "chat": RoleModel(model=ModelId("gpt-6-luna")),
    "tune_base": RoleModel(model=ModelId("gpt-4.1-mini-2025-04-14")),
    "embedding": RoleModel(model=ModelId("text-embedding-3-small")),
}

Open = Callable[[Script], AbstractAsyncContextManager[tuple[FakeProvider, Workbench]]]


@pytest.fixture
def over_wire() -> Open:
    """Open a workbench on OpenAI whose server is a scripted fake."""

    @asynccontextmanager
    async def opened(script: Script) -> AsyncIterator[tuple[FakeProvider, Workbench]]:
        fake = FakeProvider(FakeSettings(flavor="openai"), script=script, clock=VirtualClock())
        async with fake, wire_app(fake) as app:
            provider = OpenAIProvider(
                key=Secret("test-key", source="test"),
                clock=fake.clock,
                transport=httpx2.ASGITransport(app=app),
            )
            profile = Profile(name="openai", provider="openai", roles=ROLES)
            async with Workbench(provider, profile=profile) as bench:
                yield fake, bench

    return opened


async def start(bench: Workbench, rows: QuestionSet, *, again: bool = False) -> JobHandle:
    """Start the run `shop`."""
    return await bench.start_fine_tune(rows, name="shop", system="Be brief.", again=again)


async def at_server(fake: FakeProvider) -> tuple[int, int]:
    """Count live or succeeded jobs, and training files, at the server."""
    jobs = [job async for job in fake.jobs.list()]
    files = [file async for file in fake.files.list(purpose="fine-tune")]
    return sum(job.raw_status not in {"cancelled", "failed"} for job in jobs), len(files)


@pytest.mark.parametrize(
    "script",
    [
        Script(),
        Script().on("jobs.create", Fault.lost_answer()),
        Script().on("jobs.create", Fault.unavailable(after_effect=True)),
        Script().on("jobs.create", Fault.timed_out(after_effect=True)),
        Script().on("jobs.create", Fault.lost_answer()).on("jobs.create", Lag(listings=2)),
        Script().on("files.create", Fault.lost_answer()),
        Script().on("jobs.create", Lag(lookups=3)),
    ],
)
async def test_whatever_is_lost_there_is_one_job(
    rows: QuestionSet, over_wire: Open, script: Script
) -> None:
    """Lost answers, errors after the effect and lagging lists: one job, one file, one model."""
    async with over_wire(script) as (fake, bench):
        handle = await start(bench, rows)
        assert await at_server(fake) == (1, 1)
        assert (await bench.resume("shop")).job_id == handle.job_id
        assert (await bench.finish("shop")).job == handle.job_id


async def test_a_list_that_lags_too_long_is_told_and_found_later(
    rows: QuestionSet, over_wire: Open
) -> None:
    """Nothing is created unasked, and the run's name finds the job in the end."""
    script = Script().on("jobs.create", Fault.lost_answer()).on("jobs.create", Lag(listings=10))
    async with over_wire(script) as (fake, bench):
        with pytest.raises(JobOutcomeUnknownError):
            await start(bench, rows)
        handle = await bench.resume("shop")
        assert await at_server(fake) == (1, 1)
        assert (await handle.wait()).fine_tuned_model


async def test_a_closed_door_leaves_no_file(rows: QuestionSet, over_wire: Open) -> None:
    """The refusal of the server's own words is one clear error."""
    async with over_wire(Script().on("jobs.create", Fault.training_closed())) as (fake, bench):
        with pytest.raises(UnsupportedError):
            await start(bench, rows)
        assert await at_server(fake) == (0, 0)


async def test_a_cancelled_start_loses_nothing(rows: QuestionSet, over_wire: Open) -> None:
    """Cancelled as soon as the job is there, its id is in the journal."""
    async with over_wire(Script()) as (fake, bench):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(start(bench, rows))
            # As soon as the creation has arrived; the server tells nobody when that is.
            while "jobs.create" not in {call.operation for call in fake.calls}:  # noqa: ASYNC110
                await asyncio.sleep(0)
            task.cancel()
        assert task.cancelled()
        [run] = await bench.jobs()
        assert [job.id async for job in fake.jobs.list()] == [run.job_id]
        assert (await start(bench, rows)).job_id == run.job_id
        assert await at_server(fake) == (1, 1)


async def test_the_profile_is_examined_over_the_wire(over_wire: Open) -> None:
    """The roles are found among the account's models, with their dates."""
    async with over_wire(Script()) as (_, bench):
        found = await bench.diagnose()
    assert found.ok, str(found)
    assert found.examination is not None
    assert {one.found for one in found.examination.roles} == {True}


async def test_a_failed_job_is_made_again(rows: QuestionSet, over_wire: Open) -> None:
    """On the user's word, and with a tag of its own."""
    async with over_wire(Script().on("jobs.create", Statuses("failed"))) as (fake, bench):
        failed = await start(bench, rows)
        again = await start(bench, rows, again=True)
        assert again.job_id != failed.job_id
        assert await at_server(fake) == (1, 1)
