"""SQLite files that survive a crash at any moment."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING
from weakref import finalize

from tailorbird.exceptions import (
    InvalidInputError,
    StorageError,
    StorageFullError,
    StoreBusyError,
    StoreVersionError,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

_BUSY_S = 10.0
_SWITCH_ATTEMPTS = 50
# SQLite has a code of its own for a full disk, and none for the writes that a limit on the size of
# files ends; growing its shared memory file fails first when a database is opened.
# "Result and Error Codes", https://www.sqlite.org/rescode.html (2026-11-22).
_FULL = {"SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE"}
_BUSY = {"SQLITE_BUSY", "SQLITE_BUSY_RECOVERY", "SQLITE_BUSY_SNAPSHOT", "SQLITE_LOCKED"}
_SHUT = {
    *("SQLITE_CANTOPEN", "SQLITE_CANTOPEN_SYMLINK", "SQLITE_READONLY"),
    *("SQLITE_READONLY_CANTINIT", "SQLITE_READONLY_CANTLOCK", "SQLITE_READONLY_DIRECTORY"),
}


class Database:
    """One SQLite database: write-ahead log, full synchronization, a schema that only grows.

    `steps` is the schema's history: statement list number n takes version n to n + 1, all missing
    ones run in one transaction at opening. Before that a file of an older version is copied to
    `<name>.v<version>.bak`. The object is safe to use from several threads, one statement group at
    a time; `path` None keeps everything in memory.

    The file must lie on a local disk: the log's shared memory does not work over a network
    ("Write-Ahead Logging", https://www.sqlite.org/wal.html, 2026-11-22).

    Calls block, briefly: callers on an event loop go through `asyncio.to_thread`.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        steps: Sequence[str],
        busy_s: float = _BUSY_S,
        to_read: bool = False,
    ) -> None:
        """Open, check and if needed migrate the database.

        Args:
            path: The file; its folder must exist. None keeps everything in memory.
            steps: The schema's history; statements of a step are parted by `;` and a line end.
            busy_s: Seconds to wait for another process that writes, at least 0.
            to_read: Whether to take a file also as it is, from a medium or folder that cannot be
                written: what was committed last must be in the file itself, and writing is refused.

        Raises:
            StoreVersionError: A newer version of tailorbird wrote it.
            StoreBusyError: Another process holds it for longer than `busy_s`.
            StorageFullError: There is no room left.
            StorageError: The file is damaged or cannot be opened.
        """
        self._path = path
        self._lock = RLock()
        self._busy_s = busy_s
        with self._translate():
            self._connection = self._connect(":memory:" if path is None else path)
            try:
                self._prepare(steps)
            except BaseException as exc:
                self._connection.close()
                if path is None or not to_read or not _holds_all(path, exc):
                    raise
                self._take_as_it_is(path, steps)
        # Whoever cannot say when it is done with it (an engine has no end) leaves it to this.
        finalize(self, self._connection.close)

    def _connect(self, where: Path | str, *, is_uri: bool = False) -> sqlite3.Connection:
        return sqlite3.connect(
            where, timeout=self._busy_s, isolation_level=None, check_same_thread=False, uri=is_uri
        )

    def _take_as_it_is(self, path: Path, steps: Sequence[str]) -> None:
        # Without locks and shared memory, for which SQLite would write beside the file: "immutable"
        # in "Uniform Resource Identifiers", https://www.sqlite.org/uri.html (2026-11-22).
        uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        self._connection = self._connect(uri, is_uri=True)
        try:
            version = self._version(steps)
        except BaseException:
            self._connection.close()
            raise
        if version < len(steps):
            self._connection.close()
            message = (
                f"{str(path)!r} has schema version {version} of an earlier tailorbird, and cannot"
                " be written to bring it up to date: read a copy of its folder"
            )
            raise StoreVersionError(message)

    def _prepare(self, steps: Sequence[str]) -> None:
        run = self._connection.execute
        if run("PRAGMA page_count").fetchone() == (0,):
            # What `shrink` needs; it can be set on a new file only, and asks others to wait.
            run("PRAGMA auto_vacuum = INCREMENTAL")
        if self._path is not None:
            self._switch_to_log()
            run("PRAGMA synchronous = FULL")
        run("PRAGMA foreign_keys = ON")
        # Asked without a write lock first, so that opening never waits for somebody who writes.
        if (version := self._version(steps)) == len(steps):
            return
        if version and self._path is not None:
            backup = self._path.with_name(f"{self._path.name}.v{version}.bak")
            with closing(sqlite3.connect(backup)) as copy:
                self._connection.backup(copy)
        with self.transaction():
            for step in steps[self._version(steps) :]:
                for statement in step.split(";\n"):
                    run(statement)
            run(f"PRAGMA user_version = {len(steps)}")

    def _switch_to_log(self) -> None:
        # Two processes that open a new file at once: the switch fails for one of them without
        # waiting, so that one waits for a write lock, which SQLite does with patience. An error of
        # another kind comes again, from there or from the last try.
        for _ in range(_SWITCH_ATTEMPTS):
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.execute("ROLLBACK")
            else:
                return
        self._connection.execute("PRAGMA journal_mode = WAL")

    def _version(self, steps: Sequence[str]) -> int:
        version = int(self._connection.execute("PRAGMA user_version").fetchone()[0])
        if version > len(steps):
            message = (
                f"{str(self._path)!r} has schema version {version}, this tailorbird knows up to"
                f" {len(steps)}: install the newer tailorbird, or use another workspace"
            )
            raise StoreVersionError(message)
        return version

    def execute(self, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Run one statement and give all its rows.

        Raises:
            StoreBusyError: Another process holds the write lock for more than ten seconds.
            StorageFullError: There is no room left; the statement had no effect.
            StorageError: The file is damaged.
            InvalidInputError: A text among the values holds half of a surrogate pair.
        """
        with self._lock, self._translate():
            return self._connection.execute(sql, values).fetchall()

    def execute_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run one statement for each row; inside `transaction` all or none take effect.

        Raises:
            StorageError: As for `execute`.
            InvalidInputError: As for `execute`.
        """
        with self._lock, self._translate():
            self._connection.executemany(sql, rows)

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Make everything in the block take effect together, or not at all.

        Raises:
            StorageError: As for `execute`.
        """
        with self._group("BEGIN IMMEDIATE"):
            yield

    @contextmanager
    def snapshot(self) -> Generator[None]:
        """Let everything in the block read one state, whatever other processes write meanwhile.

        The block must not write: that would fail when another process has written.

        Raises:
            StorageError: As for `execute`.
        """
        with self._group("BEGIN"):
            yield

    @contextmanager
    def _group(self, begin: str) -> Generator[None]:
        with self._lock, self._translate():
            nested = self._connection.in_transaction
            if nested:
                yield
                return
            self._connection.execute(begin)
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                # After some errors, a full disk for one, SQLite has rolled back by itself.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def shrink(self) -> None:
        """Give the room of deleted rows back to the disk, where it is otherwise kept for later.

        Raises:
            StorageError: As for `execute`.
        """
        with self.transaction():
            [(free,)] = self.execute("PRAGMA freelist_count")
            # Each call frees one page only: `sqlite3` takes one step of statements without columns.
            for _ in range(int(str(free))):
                self.execute("PRAGMA incremental_vacuum")

    def close(self) -> None:
        """Close the file; calling it again does nothing.

        Later calls raise `StorageError`.
        """
        with self._lock:
            self._connection.close()

    @contextmanager
    def _translate(self) -> Generator[None]:
        try:
            yield
        except UnicodeEncodeError as exc:
            message = (
                f"a text cannot be stored: character {exc.start} of it is half of a surrogate pair"
                f" ({exc.object[exc.start]!r}); read the text again with its right encoding"
            )
            raise InvalidInputError(message) from exc
        except sqlite3.Error as exc:
            name = getattr(exc, "sqlite_errorname", "")
            if name in _BUSY:
                message = (
                    f"another process has been writing {str(self._path)!r} for more than"
                    f" {self._busy_s:g} s: try again when it is done"
                )
                raise StoreBusyError(message) from exc
            if name in _FULL:
                raise StorageFullError(str(self._path)) from exc
            # "Read-Only Databases", https://www.sqlite.org/wal.html (2026-11-22): readers, too.
            hint = "; whoever reads it must be able to write to its folder" if name in _SHUT else ""
            raise StorageError(f"{str(self._path)!r} cannot be used: {exc}{hint}") from exc


def _holds_all(path: Path, error: BaseException) -> bool:
    """Say whether a file that cannot be written holds what was committed last: its log is empty."""
    name = getattr(error.__cause__ or error, "sqlite_errorname", "")
    if name not in _SHUT or not path.is_file():
        return False
    log = path.with_name(f"{path.name}-wal")
    return not log.exists() or not log.stat().st_size
