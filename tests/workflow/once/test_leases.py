"""One holder at a time is at work on a run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from tailorbird.exceptions import StorageError, StoreBusyError
from tailorbird.journal import Journal, RunRecord, Runs
from tailorbird.providers.fake import VirtualClock
from tailorbird.types import JobId
from tailorbird.workflow.once.leases import Holder, Leases

ACCOUNT = "fake/test"


@pytest.fixture
async def journal() -> AsyncIterator[Journal]:
    """A journal in memory."""
    opened = await asyncio.to_thread(Journal, None)
    yield opened
    await opened.close()


async def begin(journal: Journal) -> RunRecord:
    """Begin a run."""
    at = datetime(2026, 11, 22, tzinfo=UTC)
    return await journal.runs.begin(
        "shop", identity=ACCOUNT, run_key="k", summary={}, plan="{}", at=at
    )


def job_of(run: RunRecord) -> str | None:
    """Give a run's job."""
    return run.job_id


async def test_one_after_the_other(journal: Journal) -> None:
    """Tasks of one process wait for each other, too."""
    run = await begin(journal)
    leases = Leases(runs=journal.runs, clock=VirtualClock())
    inside: list[str] = []

    async def work(holder: Holder) -> str:
        inside.append(holder.owner)
        assert len(inside) == 1
        await asyncio.sleep(0)
        inside.remove(holder.owner)
        return holder.owner

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(leases.within(run, work, done=lambda _: None)) for _ in range(4)]
    assert len({task.result() for task in tasks}) == 4
    assert (await journal.runs.get("shop", identity=ACCOUNT)).lease_owner is None


async def test_who_waits_gets_the_result_as_soon_as_it_is_there(journal: Journal) -> None:
    """The second does not wait for the end of the first one's work."""
    run = await begin(journal)
    leases = Leases(runs=journal.runs, clock=VirtualClock())
    seen, go = asyncio.Event(), asyncio.Event()

    async def first(_: Holder) -> str:
        seen.set()
        await journal.runs.record_job(run.id, JobId("ftjob-1"))
        await go.wait()
        return "first"

    async def second(_: Holder) -> str:
        raise AssertionError

    async with asyncio.TaskGroup() as group:
        group.create_task(leases.within(run, first, done=job_of))
        await seen.wait()
        assert await leases.within(run, second, done=job_of) == "ftjob-1"
        go.set()


async def test_a_dead_holder_is_followed_when_its_lease_ends(journal: Journal) -> None:
    """Nobody has to clean up after a process that was killed."""
    run = await begin(journal)
    clock = VirtualClock()
    await journal.runs.hold(run, owner="dead", now=clock.now(), ttl_s=15)
    leases = Leases(runs=journal.runs, clock=clock)

    async def work(_: Holder) -> float:
        return clock.monotonic()

    assert 15 <= await leases.within(run, work, done=lambda _: None) < 17


async def test_a_holder_that_lives_is_named_in_the_end(journal: Journal) -> None:
    """A lease that is renewed is waited for, up to a limit."""
    run = await begin(journal)
    clock = VirtualClock()
    leases = Leases(runs=journal.runs, clock=clock, wait_s=100)
    held, go = asyncio.Event(), asyncio.Event()

    async def first(_: Holder) -> str:
        held.set()
        await go.wait()
        return "first"

    async with asyncio.TaskGroup() as group:
        task = group.create_task(leases.within(run, first, done=job_of))
        await held.wait()
        with pytest.raises(StoreBusyError, match=r"^process \d+ on .* at work on run 'shop'"):
            await leases.within(run, first, done=job_of)
        assert clock.monotonic() >= 100
        go.set()
    assert task.result() == "first"


async def test_errors_come_through_as_they_are(journal: Journal) -> None:
    """No group of errors is made of one, and the lease is given back."""
    run = await begin(journal)
    leases = Leases(runs=journal.runs, clock=VirtualClock())

    async def work(_: Holder) -> str:
        raise LookupError

    with pytest.raises(LookupError):
        await leases.within(run, work, done=job_of)
    assert (await journal.runs.get("shop", identity=ACCOUNT)).lease_owner is None


class FullDisk(Runs):
    """Runs whose renewals fail at first."""

    failures = 3

    def expect(self) -> asyncio.Event:
        """Give what is set when a renewal went through again."""
        self.renewed = asyncio.Event()
        return self.renewed

    async def hold(self, run: RunRecord, *, owner: str, now: datetime, ttl_s: float) -> RunRecord:
        """Fail when a lease is renewed."""
        held = await self.get(run.name, identity=run.identity)
        if held.lease_owner == owner and self.failures:
            self.failures -= 1
            message = "no room"
            raise StorageError(message)
        if held.lease_owner == owner:
            self.renewed.set()
        return await super().hold(run, owner=owner, now=now, ttl_s=ttl_s)


async def test_a_renewal_that_fails_is_tried_again(journal: Journal) -> None:
    """Trouble with the disk does not end the work that the lease is for."""
    run = await begin(journal)
    runs = FullDisk(journal._database)  # noqa: SLF001 - the same file
    renewed = runs.expect()

    async def work(_: Holder) -> str:
        await renewed.wait()
        return "done"

    leases = Leases(runs=runs, clock=VirtualClock())
    assert await leases.within(run, work, done=job_of) == "done"
    assert runs.failures == 0
