"""Work of many tasks goes beside the loop in few hops, and each gets its own result."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tailorbird.storage.lane import Lane

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


class Ledger:
    """Counts the contexts that work was done in, and undoes what one of them did when it fails."""

    def __init__(self, *, broken: int | None = None) -> None:
        self.sizes: list[int] = []
        self.kept: list[int] = []
        self._broken = broken

    @contextmanager
    def together(self) -> Generator[None]:
        """Undo what the block kept when it fails."""
        before = list(self.kept)
        try:
            yield
        except BaseException:
            self.kept = before
            raise
        self.sizes.append(len(self.kept) - len(before))

    def keep(self, number: int) -> int:
        """Keep a number and give its negative."""
        if number == self._broken:
            message = f"{number} cannot be kept"
            raise ValueError(message)
        self.kept.append(number)
        return -number


async def _outcome(lane: Lane, work: Callable[[], int]) -> int | BaseException:
    try:
        return await lane.run(work)
    except BaseException as exc:  # noqa: BLE001 - looked at by the test
        return exc


async def _outcomes(lane: Lane, *works: Callable[[], int]) -> list[int | BaseException]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_outcome(lane, work)) for work in works]
    return [task.result() for task in tasks]


async def test_what_is_asked_for_at_once_goes_in_one_hop() -> None:
    """Tasks of one turn of the loop share a thread and a context, in their order."""
    ledger = Ledger()
    threads: set[int] = set()

    def work(number: int) -> int:
        threads.add(threading.get_ident())
        return ledger.keep(number)

    found = await _outcomes(Lane(ledger.together), *(partial(work, one) for one in range(5)))
    assert found == [0, -1, -2, -3, -4]
    assert ledger.kept == [0, 1, 2, 3, 4]
    assert ledger.sizes == [5]
    assert len(threads - {threading.get_ident()}) == 1


async def test_what_comes_while_a_thread_is_at_work_goes_in_the_next_hop() -> None:
    """The queue is emptied hop by hop, and nothing is left in it."""
    ledger = Ledger()
    lane = Lane(ledger.together)
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> int:
        begun.set()
        assert go_on.wait(10)
        return ledger.keep(0)

    async with asyncio.TaskGroup() as group:
        group.create_task(lane.run(slow))
        await asyncio.to_thread(begun.wait, 10)
        rest = group.create_task(_outcomes(lane, *(partial(ledger.keep, n) for n in (1, 2, 3))))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        go_on.set()
    assert rest.result() == [-1, -2, -3]
    assert ledger.kept == [0, 1, 2, 3]
    assert ledger.sizes == [1, 3]


async def test_an_error_is_that_of_its_own_piece() -> None:
    """When one of several pieces fails, all are undone and the others are done by themselves."""
    ledger = Ledger(broken=1)
    found = await _outcomes(Lane(ledger.together), *(partial(ledger.keep, n) for n in range(3)))
    assert (found[0], found[2]) == (0, -2)
    assert isinstance(found[1], ValueError)
    assert ledger.kept == [0, 2]
    assert ledger.sizes == [1, 1]


async def test_without_a_context_each_piece_is_done_once() -> None:
    """An error of one piece leaves the others as they are."""
    ledger = Ledger(broken=1)
    found = await _outcomes(Lane(), *(partial(ledger.keep, n) for n in range(3)))
    assert ledger.kept == [0, 2]
    assert isinstance(found[1], ValueError)


async def test_nobody_waits_for_the_long_work_of_others() -> None:
    """What is done when a hop has lasted long enough is told; the rest goes in the next ones."""
    lane = Lane(hop_s=0)
    told = threading.Event()

    def slow() -> int:
        assert told.wait(10)
        return 2

    async with asyncio.TaskGroup() as group:
        quick = group.create_task(lane.run(lambda: 1))
        rest = [group.create_task(lane.run(slow)) for _ in range(2)]
        assert await quick == 1
        assert not any(one.done() for one in rest)
        told.set()
    assert [one.result() for one in rest] == [2, 2]


async def test_what_is_cancelled_between_two_hops_is_not_begun() -> None:
    """A piece that did not fit into a hop may still be taken back."""
    ledger = Ledger()
    lane = Lane(hop_s=0)
    go_on = threading.Event()

    def slow() -> int:
        assert go_on.wait(10)
        return ledger.keep(1)

    async with asyncio.TaskGroup() as group:
        first = group.create_task(lane.run(slow))
        gone = group.create_task(lane.run(lambda: ledger.keep(2)))
        last = group.create_task(lane.run(lambda: ledger.keep(3)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gone.cancel()
        go_on.set()
    assert (first.result(), last.result()) == (-1, -3)
    assert ledger.kept == [1, 3]


async def test_the_end_of_an_iterator_reaches_its_caller_and_no_other() -> None:
    """`StopIteration`, which no future can hold, becomes an error that names it."""
    lane = Lane()
    found = await _outcomes(lane, partial(next, iter(list[int]())), lambda: 2)
    assert isinstance(found[0], RuntimeError)
    assert isinstance(found[0].__cause__, StopIteration)
    assert found[1] == 2
    assert await lane.run(lambda: 3) == 3


async def test_a_cancelled_piece_is_not_begun() -> None:
    """Who does not wait any more gets nothing done; the others do."""
    ledger = Ledger()
    lane = Lane(ledger.together)
    async with asyncio.TaskGroup() as group:
        gone = group.create_task(lane.run(lambda: ledger.keep(1)))
        kept = group.create_task(lane.run(lambda: ledger.keep(2)))
        await asyncio.sleep(0)
        gone.cancel()
    assert gone.cancelled()
    assert kept.result() == -2
    async with asyncio.TaskGroup() as group:
        only = group.create_task(lane.run(lambda: ledger.keep(3)))
        await asyncio.sleep(0)
        only.cancel()
    assert await lane.run(lambda: ledger.keep(4)) == -4
    assert ledger.kept == [2, 4]


async def test_work_that_was_begun_goes_on_when_its_caller_is_cancelled() -> None:
    """What is under way in a thread is carried to its end, and the lane goes on."""
    ledger = Ledger()
    lane = Lane(ledger.together)
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> int:
        begun.set()
        assert go_on.wait(10)
        return ledger.keep(0)

    async with asyncio.TaskGroup() as group:
        left = group.create_task(lane.run(slow))
        await asyncio.to_thread(begun.wait, 10)
        left.cancel()
        go_on.set()
        assert await lane.run(lambda: ledger.keep(1)) == -1
    assert left.cancelled()
    assert ledger.kept == [0, 1]


async def test_work_sees_the_variables_of_its_caller() -> None:
    """Context variables are those of the task that asked."""
    lane = Lane()
    name: ContextVar[str] = ContextVar("name", default="nobody")

    async def ask(value: str) -> str:
        name.set(value)
        return await lane.run(name.get)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ask(value)) for value in ("one", "two")]
    assert [task.result() for task in tasks] == ["one", "two"]


def test_one_lane_serves_one_loop_after_another() -> None:
    """A loop that ended with work in its queue does not stop the next one."""
    lane = Lane()

    async def leave() -> None:
        work = lane.run(lambda: 1)
        work.send(None)
        work.close()

    async def ask() -> int:
        return await lane.run(lambda: 7)

    asyncio.run(leave())
    assert asyncio.run(ask()) == 7


async def test_a_loop_without_threads_says_so() -> None:
    """Work that cannot be handed over any more fails; nobody waits for ever."""
    lane = Lane()
    await asyncio.get_running_loop().shutdown_default_executor()
    with pytest.raises(RuntimeError, match="shutdown"):
        await lane.run(lambda: 1)


async def test_threads_that_are_let_go_cancel_what_waits_for_them() -> None:
    """A hop that is thrown away is told to all who wait for it."""
    threads = ThreadPoolExecutor(max_workers=1)
    asyncio.get_running_loop().set_default_executor(threads)
    go_on = threading.Event()
    threads.submit(go_on.wait, 10)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(Lane().run(lambda: 1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        threads.shutdown(wait=False, cancel_futures=True)
        go_on.set()
    assert waiting.cancelled()


async def test_what_is_no_error_of_the_work_reaches_all() -> None:
    """A thread that is interrupted fails every piece of its hop."""

    def interrupted() -> int:
        raise GeneratorExit

    found = await _outcomes(Lane(), interrupted, lambda: 2)
    assert [type(one) for one in found] == [GeneratorExit, GeneratorExit]
