"""What must not be left half done is finished, and the cancellation goes on."""

from __future__ import annotations

import asyncio

import pytest

from tailorbird.workflow.once.shielding import carry_through


class Work:
    """Something that takes turns, and notes how far it came."""

    def __init__(self, *, error: Exception | None = None, stubborn: bool = False) -> None:
        """Take a few turns; raise `error` at the end; a stubborn one does not end by itself."""
        self.error = error
        self.stubborn = stubborn
        self.notes: list[str] = []
        self.begun = asyncio.Event()

    async def run(self) -> str:
        """Do it."""
        self.begun.set()
        try:
            for _ in range(5):
                await asyncio.sleep(0)
            if self.stubborn:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.notes.append("cancelled")
            raise
        self.notes.append("done")
        if self.error is not None:
            raise self.error
        return "result"


async def test_without_a_cancellation_it_is_a_plain_call() -> None:
    """Results and errors come through."""
    assert await carry_through(Work().run()) == "result"
    with pytest.raises(LookupError):
        await carry_through(Work(error=LookupError()).run())


@pytest.mark.parametrize("error", [None, LookupError()])
@pytest.mark.parametrize("times", [1, 3])
async def test_a_cancelled_caller_waits_for_the_end(times: int, error: Exception | None) -> None:
    """The work is done, however often it was cancelled, and the caller sees the cancellation."""
    work = Work(error=error)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(carry_through(work.run()))
        await work.begun.wait()
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
    assert task.cancelled()
    assert work.notes == ["done"]


async def test_work_without_end_is_cancelled_after_the_grace() -> None:
    """A caller does not wait for ever."""
    work = Work(stubborn=True)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(carry_through(work.run(), grace_s=0.02))
        await work.begun.wait()
        task.cancel()
    assert task.cancelled()
    assert work.notes == ["cancelled"]


async def test_a_deadline_of_the_caller_is_still_a_timeout() -> None:
    """`asyncio.timeout` around it raises TimeoutError once the work is done."""
    work = Work()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await carry_through(work.run())
    assert work.notes == ["done"]
