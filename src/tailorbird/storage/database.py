"""SQLite files that survive a crash at any moment."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

from tailorbird.exceptions import (
    StorageError,
    StorageFullError,
    StoreBusyError,
    StoreVersionError,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

_BUSY_MS = 10_000
_FULL = {"SQLITE_FULL", "SQLITE_IOERR_WRITE"}
_BUSY = {"SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT", "SQLITE_LOCKED"}


class Database:
    """One SQLite database: write-ahead log, full synchronization, a schema that only grows.

    `steps` is the schema's history: statement list number n takes version n to n + 1, all missing
    ones run in one transaction at opening. The object is safe to use from several threads, one
    statement group at a time; `path` None keeps everything in memory.

    Calls block, briefly: callers on an event loop go through `asyncio.to_thread`.
    """

    def __init__(self, path: Path | None, *, steps: Sequence[str]) -> None:
        """Open, check and if needed migrate the database.

        Raises:
            StoreVersionError: A newer version of tailorbird wrote it.
            StoreBusyError: Another process holds it for more than ten seconds.
            StorageError: The file is damaged or cannot be opened.
        """
        self._path = path
        self._lock = RLock()
        with self._translate():
            self._connection = sqlite3.connect(
                ":memory:" if path is None else path,
                timeout=_BUSY_MS / 1000,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                self._prepare(steps)
            except BaseException:
                self._connection.close()
                raise

    def _prepare(self, steps: Sequence[str]) -> None:
        run = self._connection.execute
        run(f"PRAGMA busy_timeout = {_BUSY_MS}")
        if self._path is not None:
            run("PRAGMA journal_mode = WAL")
            run("PRAGMA synchronous = FULL")
        run("PRAGMA foreign_keys = ON")
        with self.transaction():
            version = int(run("PRAGMA user_version").fetchone()[0])
            if version > len(steps):
                message = (
                    f"{self._path} has schema version {version}, this tailorbird knows up to"
                    f" {len(steps)}: install the newer tailorbird, or use another workspace"
                )
                raise StoreVersionError(message)
            for step in steps[version:]:
                for statement in step.split(";\n"):
                    run(statement)
            run(f"PRAGMA user_version = {len(steps)}")

    def execute(self, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Run one statement and give all its rows.

        Raises:
            StoreBusyError: Another process holds the write lock for more than ten seconds.
            StorageFullError: There is no room left; the statement had no effect.
            StorageError: The file is damaged.
        """
        with self._lock, self._translate():
            return self._connection.execute(sql, values).fetchall()

    def execute_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run one statement for each row; inside `transaction` all or none take effect.

        Raises:
            StorageError: As for `execute`.
        """
        with self._lock, self._translate():
            self._connection.executemany(sql, rows)

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Make everything in the block take effect together, or not at all.

        Raises:
            StorageError: As for `execute`.
        """
        with self._lock, self._translate():
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file; calling it again does nothing."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _translate(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as exc:
            name = getattr(exc, "sqlite_errorname", "")
            if name in _BUSY:
                message = f"{self._path} is being written by another process: try again"
                raise StoreBusyError(message) from exc
            if name in _FULL:
                raise StorageFullError(str(self._path)) from exc
            message = f"{self._path} cannot be used: {exc}"
            raise StorageError(message) from exc
