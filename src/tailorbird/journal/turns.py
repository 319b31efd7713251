"""Whose turn it is, among the tasks and processes of one workspace."""

from __future__ import annotations

import sqlite3
from contextlib import asynccontextmanager
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING

from tailorbird.exceptions import StorageError, StoreBusyError
from tailorbird.journal.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from tailorbird.protocols import Clock

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0
_GROWTH = 1.5
_WAIT_S = 900.0  # as long as for a lease


class Turns:
    """Lets one at a time do something that two would pay for.

    A turn is a lock that SQLite holds on a file of its own. The operating system lets go of it when
    the process ends, however it ends, so that nobody waits for the dead; unlike a lease it needs no
    clock and nobody who renews it, and there is nothing to read in it.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        """Name where the files are.

        Args:
            folder: The folder; it is made for the first turn.
            clock: What waiting goes by.
        """
        self._folder = folder
        self._clock = clock

    @asynccontextmanager
    async def of(self, name: str, *, wait_s: float = _WAIT_S) -> AsyncGenerator[None]:
        """Wait for the turn, and keep it for the block.

        Args:
            name: What is done; of any characters.
            wait_s: Seconds to wait for another one, at least 0.

        Raises:
            StoreBusyError: Another one still had the turn after `wait_s`.
            StorageError: The file cannot be made.
        """
        turn = _Turn(name, self._folder)
        limit = self._clock.monotonic() + wait_s
        pause = _FIRST_PAUSE_S
        try:
            while not await in_thread(turn.take):
                if self._clock.monotonic() >= limit:
                    message = (
                        f"somebody else has been at work on {name} for more than {wait_s:g} s:"
                        " call the same again when that is done"
                    )
                    raise StoreBusyError(message)
                await self._clock.sleep(pause)
                pause = min(_LONGEST_PAUSE_S, pause * _GROWTH)
            yield
        finally:
            await _always(turn.give)


async def _always(function: Callable[[], None]) -> None:
    """Run a function in a thread; it is run also when the task is cancelled meanwhile, again."""
    # asyncio costs 20 ms that `import tailorbird` does not pay: whoever awaits has loaded it.
    import asyncio  # noqa: PLC0415

    await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, function))


class _Turn:
    """One turn. Taking it goes on when its task is cancelled; giving it back waits for that."""

    def __init__(self, name: str, folder: Path) -> None:
        self._folder = folder
        self._path = folder / f"{sha256(name.encode()).hexdigest()[:32]}.lock"
        self._connection: sqlite3.Connection | None = None
        self._busy = Lock()

    def take(self) -> bool:
        """Say whether it is ours now.

        Raises:
            StorageError: The file cannot be made.
        """
        with self._busy:
            try:
                self._take()
            except (OSError, sqlite3.Error) as exc:
                if getattr(exc, "sqlite_errorname", "").startswith("SQLITE_BUSY"):
                    return False
                raise StorageError(f"{str(self._path)!r} cannot be used: {exc}") from exc
            return True

    def _take(self) -> None:
        if self._connection is None:
            self._folder.mkdir(exist_ok=True)
            self._connection = sqlite3.connect(
                self._path, timeout=0, isolation_level=None, check_same_thread=False
            )
        # Nothing is ever written, so there is nothing to keep a journal of in a file beside it.
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("BEGIN EXCLUSIVE")

    def give(self) -> None:
        """Let the next one have it, where it is ours; `take` fails from now on."""
        with self._busy:
            # A `take` whose task was cancelled may come only now: it must not find nothing here.
            self._connection = self._connection or sqlite3.connect(":memory:")
            self._connection.close()
