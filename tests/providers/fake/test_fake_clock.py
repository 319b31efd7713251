"""The virtual clock: time that costs nothing and keeps its order."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.exceptions import InvalidInputError
from tailorbird.providers.fake import VirtualClock


async def test_sleep_moves_time_on_and_costs_none() -> None:
    """A year of sleep takes no real time and shows on both faces of the clock."""
    clock = VirtualClock()
    started = time.perf_counter()
    await clock.sleep(365 * 86_400)
    assert time.perf_counter() - started < 3600  # a busy machine may take its time over it
    assert clock.monotonic() == 365 * 86_400
    assert clock.now() == datetime(2027, 11, 22, tzinfo=UTC)
    assert clock.today().isoformat() == "2027-11-22"


def test_start_is_kept_in_utc() -> None:
    """A start in another time zone is the same moment in UTC."""
    tokyo = timezone(timedelta(hours=9))
    clock = VirtualClock(datetime(2026, 1, 1, 9, tzinfo=tokyo))
    assert clock.now() == datetime(2026, 1, 1, tzinfo=UTC)
    assert clock.now().tzinfo is UTC


def test_start_without_zone_is_refused() -> None:
    """A start without a time zone is an error that says how to mend it."""
    with pytest.raises(InvalidInputError, match="tzinfo=UTC"):
        VirtualClock(datetime(2026, 1, 1))  # noqa: DTZ001 - this is the mistake


@pytest.mark.parametrize("seconds", [0, -1, -1e9])
async def test_sleep_of_nothing_lets_others_run(seconds: float) -> None:
    """Sleeping zero or less moves no time on, but lets other tasks run."""
    clock = VirtualClock()
    ran: list[str] = []

    async def other() -> None:
        ran.append("other")

    async with asyncio.TaskGroup() as group:
        group.create_task(other())
        await clock.sleep(seconds)
        ran.append("sleeper")
    assert ran == ["other", "sleeper"]
    assert clock.monotonic() == 0


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), float("-inf")])
async def test_endless_times_are_refused(seconds: float) -> None:
    """A time that is no finite number is refused by `sleep` and `advance`."""
    clock = VirtualClock()
    with pytest.raises(InvalidInputError, match="finite"):
        await clock.sleep(seconds)
    with pytest.raises(InvalidInputError, match="finite"):
        clock.advance(seconds)


def test_time_does_not_go_back() -> None:
    """A negative advance is refused."""
    with pytest.raises(InvalidInputError, match="cannot go back"):
        VirtualClock().advance(-1)


async def test_earliest_sleeper_wakes_first() -> None:
    """A thousand sleepers wake in the order of their moments, whatever order they began in."""
    clock = VirtualClock()
    woken: list[float] = []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        assert clock.monotonic() == seconds
        woken.append(seconds)

    async with asyncio.TaskGroup() as group:
        for number in range(1000):
            group.create_task(sleeper(float((number * 7919) % 1009)))
    assert woken == sorted(woken)
    assert len(woken) == 1000


@given(st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=6), min_size=1, max_size=8))
def test_steps_of_many_tasks_interleave_by_time(plans: list[list[int]]) -> None:
    """Tasks that sleep again and again are woken in the order of time, each at its own moment."""
    log: list[tuple[float, int]] = []

    async def main() -> None:
        clock = VirtualClock()

        async def walker(number: int, steps: list[int]) -> None:
            due = 0.0
            for step in steps:
                due += step
                await clock.sleep(step)
                assert clock.monotonic() == due
                log.append((clock.monotonic(), number))

        async with asyncio.TaskGroup() as group:
            for number, steps in enumerate(plans):
                group.create_task(walker(number, steps))

    asyncio.run(main())
    moments = [moment for moment, _ in log]
    assert moments == sorted(moments)
    assert len(log) == sum(map(len, plans))


async def test_equal_moments_wake_in_the_order_of_falling_asleep() -> None:
    """Sleepers of the same moment wake first in, first out."""
    clock = VirtualClock()
    woken: list[int] = []

    async def sleeper(number: int) -> None:
        await clock.sleep(5)
        woken.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(sleeper(number))
    assert woken == list(range(20))


async def test_time_stands_still_while_a_task_works() -> None:
    """A task that takes many turns of the loop without sleeping is not overtaken by a sleeper."""
    clock = VirtualClock()
    seen: list[float] = []

    async def worker() -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        seen.append(clock.monotonic())

    async with asyncio.TaskGroup() as group:
        group.create_task(clock.sleep(100))
        group.create_task(worker())
    assert seen == [0.0]


async def test_hold_keeps_time_still_during_work_in_a_thread() -> None:
    """Within `hold`, sleepers wait until the work outside the loop is done."""
    clock = VirtualClock()
    order: list[str] = []

    async def sleeper() -> None:
        await clock.sleep(1)
        order.append("slept")

    async def worker() -> None:
        with clock.hold():
            await asyncio.to_thread(sum, range(200_000))
            assert clock.monotonic() == 0
            order.append("worked")

    async with asyncio.TaskGroup() as group:
        group.create_task(sleeper())
        group.create_task(worker())
    assert order == ["worked", "slept"]


async def test_holds_of_several_tasks_add_up() -> None:
    """Time goes on only after the last of several holds has ended."""
    clock = VirtualClock()
    moments: list[float] = []

    async def worker(size: int) -> None:
        with clock.hold():
            await asyncio.to_thread(sum, range(size))
            moments.append(clock.monotonic())

    async with asyncio.TaskGroup() as group:
        group.create_task(worker(10))
        group.create_task(worker(300_000))
        group.create_task(clock.sleep(1))
    assert moments == [0.0, 0.0]
    assert clock.monotonic() == 1


def test_hold_without_a_sleeper_does_nothing() -> None:
    """`hold` may be used where nobody sleeps, even without an event loop."""
    clock = VirtualClock()
    with clock.hold():
        pass
    assert clock.monotonic() == 0


async def test_advance_wakes_who_is_due() -> None:
    """`advance` wakes the sleepers whose moment has come, the earliest first, and no others."""
    clock = VirtualClock()
    woken: list[int] = []

    async def sleeper(seconds: int) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    async with asyncio.TaskGroup() as group:
        for seconds in (30, 10, 20):
            group.create_task(sleeper(seconds))
        await asyncio.sleep(0)
        clock.advance(25)
        await asyncio.sleep(0)
        assert woken == [10, 20]
        assert clock.monotonic() == 25
    assert woken == [10, 20, 30]
    assert clock.monotonic() == 30


async def test_cancelled_sleeper_holds_nobody_up() -> None:
    """A cancelled sleep does not move time on, and others sleep as before."""
    clock = VirtualClock()
    async with asyncio.TaskGroup() as group:
        cancelled = group.create_task(clock.sleep(1_000))
        group.create_task(clock.sleep(2_000))
        await asyncio.sleep(0)
        cancelled.cancel()
        await clock.sleep(5)
        assert clock.monotonic() == 5
    assert clock.monotonic() == 2_000


async def test_cancelled_and_due_sleeper_is_left_alone() -> None:
    """A sleeper that is cancelled in the very turn in which it is due does no harm."""
    clock = VirtualClock()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(clock.sleep(10))
        await asyncio.sleep(0)
        task.cancel()
        clock.advance(10)
    assert task.cancelled()
    await clock.sleep(1)
    assert clock.monotonic() == 11


def test_loop_that_was_left_behind_moves_no_time() -> None:
    """Once another loop uses the clock, the first one does not move time any more."""
    clock = VirtualClock()
    with asyncio.Runner() as first, asyncio.Runner() as second:
        loop = first.get_loop()
        waiting = loop.create_task(clock.sleep(60))
        first.run(asyncio.sleep(0))
        second.run(clock.sleep(5))
        for _ in range(50):
            first.run(asyncio.sleep(0))
        assert clock.monotonic() == 5
        waiting.cancel()


def test_clock_serves_one_loop_after_another() -> None:
    """A clock whose loop ended while tasks slept serves the next loop."""
    clock = VirtualClock()

    async def leave_sleepers() -> None:
        for task in [asyncio.Task(clock.sleep(60)), asyncio.Task(clock.sleep(70))]:
            await asyncio.sleep(0)
            assert not task.done()

    asyncio.run(leave_sleepers())
    asyncio.run(clock.sleep(5))
    assert clock.monotonic() == 5
