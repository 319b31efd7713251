"""Finish what must not be left half done, although the caller was cancelled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")

GRACE_S = 30.0
"""Real seconds that a cancelled caller waits at most for what is under way: somebody sits at the
keyboard, so no provider's clock counts here."""


async def carry_through(work: Coroutine[object, object, T], *, grace_s: float = GRACE_S) -> T:
    """Run to the end although the caller is cancelled meanwhile; then the cancellation goes on.

    asyncio's own shield leaves the work behind when the caller is cancelled; this waits for it, so
    that nothing goes on after the program believes to have ended.

    Args:
        work: What to run.
        grace_s: Real seconds to go on after a cancellation; then the work is cancelled too.

    Raises:
        CancelledError: The caller was cancelled; the work has ended all the same.
        Exception: What the work raises, unless the caller was cancelled.
    """
    loop = asyncio.get_running_loop()
    # Awaited to its end in every case: no task is left behind.
    task = loop.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        end = loop.time() + grace_s
        while not task.done() and loop.time() < end:
            await _wait_once(task, end - loop.time())
        while not task.done():
            task.cancel()
            await _wait_once(task, None)
        if not task.cancelled():
            # Looked at, so that asyncio does not complain; the cancellation is what counts.
            task.exception()
        raise


async def _wait_once(task: asyncio.Task[T], timeout_s: float | None) -> None:
    try:
        await asyncio.wait({task}, timeout=timeout_s)
    except asyncio.CancelledError:
        # Cancelled again: the answer stays the same, and the caller raises it in the end.
        return
