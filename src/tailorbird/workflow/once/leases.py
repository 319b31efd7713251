"""One process at a time is at work on a run; the others wait for it, or go on where it died."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tailorbird.exceptions import StorageError, StoreBusyError
from tailorbird.workflow.once.shielding import carry_through

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tailorbird.journal import RunRecord, Runs
    from tailorbird.protocols import Clock

T = TypeVar("T")

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0
_GROWTH = 1.5


@dataclass(frozen=True, slots=True)
class Holder:
    """A lease while it is held."""

    owner: str
    """Who holds it."""
    run: RunRecord
    """The run as it stood when the lease was taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leases:
    """Gives out leases of runs. A lease ends by itself when its holder dies."""

    runs: Runs
    """Where they are written down."""
    clock: Clock
    """The machine's clock, which all processes share."""
    ttl_s: float = 15.0
    """Seconds until a lease ends that nobody renews: so long others wait for a dead process."""
    beat_s: float = 5.0
    """Seconds between two renewals; a third of `ttl_s` survives a slow disk."""
    wait_s: float = 900.0
    """Seconds to wait for another holder: uploads and the import of files take minutes."""

    async def within(
        self,
        run: RunRecord,
        work: Callable[[Holder], Awaitable[T]],
        *,
        done: Callable[[RunRecord], T | None],
    ) -> T:
        """Do the work while nobody else does it.

        Args:
            run: The run.
            work: What to do; it is given the lease.
            done: Looks at the run before the work, and while somebody else is at it: gives the
                result when there is nothing left to do, else None.

        Raises:
            StoreBusyError: Somebody else was still at work after `wait_s`; the message says who.
            Exception: What the work raises.
        """
        # Unique also within a process: two tasks of one program are two holders.
        owner = f"process {os.getpid()} on {socket.gethostname()} ({secrets.token_hex(4)})"
        try:
            found = await self._take(run, owner, done)
            if not isinstance(found, Holder):
                return found
            return await self._beating(found, work)
        finally:
            await carry_through(self.runs.release(run.id, owner=owner))

    async def _take(
        self, run: RunRecord, owner: str, done: Callable[[RunRecord], T | None]
    ) -> Holder | T:
        limit = self.clock.monotonic() + self.wait_s
        pause = _FIRST_PAUSE_S
        while True:
            now = await carry_through(self._hold(run, owner))
            result = done(now)
            if result is not None:
                return result
            if now.lease_owner == owner:
                return Holder(owner, now)
            if self.clock.monotonic() >= limit:
                message = (
                    f"{now.lease_owner} has been at work on run {run.name!r} for more than"
                    f" {self.wait_s:g} s: call the same again when it is done"
                )
                raise StoreBusyError(message)
            await self.clock.sleep(pause)
            pause = min(_LONGEST_PAUSE_S, pause * _GROWTH)

    async def _hold(self, run: RunRecord, owner: str) -> RunRecord:
        return await self.runs.hold(run, owner=owner, now=self.clock.now(), ttl_s=self.ttl_s)

    async def _beating(self, holder: Holder, work: Callable[[Holder], Awaitable[T]]) -> T:
        """Do the work beside a task that renews the lease."""
        results: list[T] = []
        errors: list[Exception] = []
        async with asyncio.TaskGroup() as group:
            beat = group.create_task(self._beat(holder))
            try:
                results.append(await work(holder))
            except Exception as exc:  # noqa: BLE001 - raised below, outside of the task group
                errors.append(exc)
            finally:
                beat.cancel()
        # A task group would wrap the error into an ExceptionGroup.
        for error in errors:
            raise error
        return results[0]

    async def _beat(self, holder: Holder) -> None:
        while True:
            await self.clock.sleep(self.beat_s)
            try:
                await self._hold(holder.run, holder.owner)
            except StorageError:
                # The next beat tries again. A lease that is lost meanwhile is found out before
                # anything is sent: see `Runs.record_sent`.
                continue
