"""SQLite files that survive crashes, full disks, and other processes."""

from __future__ import annotations

import gc
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tailorbird.exceptions import (
    InvalidInputError,
    StorageError,
    StorageFullError,
    StoreBusyError,
    StoreVersionError,
)
from tailorbird.storage import Database

FIRST = (
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);\nCREATE INDEX by_text ON notes (text)"
)
SECOND = "ALTER TABLE notes ADD COLUMN color TEXT"


@contextmanager
def file_limit(size: int) -> Generator[None]:
    """Let no file of this process grow beyond a size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def opened(path: Path | None, *steps: str, busy_s: float = 10.0) -> Generator[Database]:
    """Open a database and close it at the end."""
    with closing(Database(path, steps=steps or (FIRST,), busy_s=busy_s)) as database:
        yield database


def count(database: Database) -> object:
    """Give the number of notes."""
    return database.execute("SELECT count(*) FROM notes")[0][0]


@pytest.mark.parametrize("where", ["memory", "file"])
def test_rows_come_back(tmp_path: Path, where: str) -> None:
    """What was written is read, in memory and in a file."""
    with opened(tmp_path / "x.sqlite" if where == "file" else None) as database:
        database.execute("INSERT INTO notes (text) VALUES (?)", ("縫う",))
        database.execute_many("INSERT INTO notes (text) VALUES (?)", [("sew",), ("nest",)])
        rows = database.execute("SELECT text FROM notes ORDER BY id")
    assert rows == [("縫う",), ("sew",), ("nest",)]


def test_file_is_synchronized_fully(tmp_path: Path) -> None:
    """A file has a write-ahead log and waits for the disk at each commit."""
    with opened(tmp_path / "x.sqlite") as database:
        assert database.execute("PRAGMA journal_mode") == [("wal",)]
        assert database.execute("PRAGMA synchronous") == [(2,)]
        assert database.execute("PRAGMA foreign_keys") == [(1,)]


def add_and_fail(database: Database) -> None:
    """Write a note and fail before the transaction ends."""
    with database.transaction():
        database.execute("INSERT INTO notes (text) VALUES ('a')")
        raise KeyError


def test_failed_transaction_leaves_nothing() -> None:
    """An exception takes back everything that the block wrote."""
    with opened(None) as database:
        with pytest.raises(KeyError):
            add_and_fail(database)
        assert count(database) == 0


def test_inner_transaction_belongs_to_the_outer_one() -> None:
    """A failure in a transaction within another one takes back both."""
    with opened(None) as database:
        with pytest.raises(KeyError), database.transaction():
            add_and_fail(database)
        assert count(database) == 0
        with database.transaction():
            with database.transaction():
                database.execute("INSERT INTO notes (text) VALUES ('a')")
            assert count(database) == 1
        assert count(database) == 1


def test_snapshot_reads_one_state(tmp_path: Path) -> None:
    """Within a snapshot nothing changes, whatever others write; after it everything is there."""
    path = tmp_path / "x.sqlite"
    with opened(path) as reader, opened(path) as writer:
        with reader.snapshot():
            assert count(reader) == 0
            writer.execute("INSERT INTO notes (text) VALUES ('a')")
            assert count(reader) == 0
        assert count(reader) == 1


def test_reader_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    """While one process writes, another one opens the file and reads the last commit."""
    path = tmp_path / "x.sqlite"
    with opened(path) as writer, writer.transaction():
        writer.execute("INSERT INTO notes (text) VALUES ('a')")
        with opened(path, busy_s=0) as reader:
            assert count(reader) == 0


def test_second_writer_is_told(tmp_path: Path) -> None:
    """Who cannot write within the time it waits gets an error that names the file."""
    path = tmp_path / "x.sqlite"
    with opened(path) as first, opened(path, busy_s=0) as second:
        with (
            first.transaction(),
            pytest.raises(StoreBusyError, match=r"writing .*x\.sqlite.* for more than 0 s"),
        ):
            second.execute("INSERT INTO notes (text) VALUES ('b')")
        second.execute("INSERT INTO notes (text) VALUES ('b')")
        assert count(first) == 1


def test_reader_in_another_program_blocks_the_switch(tmp_path: Path) -> None:
    """A file that another program reads without a log cannot be switched, which is told."""
    path = tmp_path / "x.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE t (x)")
        other.execute("BEGIN")
        other.execute("SELECT * FROM t").fetchall()
        with pytest.raises(StoreBusyError), opened(path, busy_s=0):
            pass


def test_many_open_a_new_file_at_once(tmp_path: Path) -> None:
    """Whoever opens a new file at the same moment as others gets it with its schema."""
    failures: list[BaseException] = []

    def use(path: Path, start: threading.Barrier) -> None:
        start.wait()
        try:
            with opened(path, FIRST, SECOND) as database:
                database.execute("INSERT INTO notes (text) VALUES ('a')")
        except BaseException as exc:  # noqa: BLE001 - a thread's error must reach the test
            failures.append(exc)

    for number in range(10):
        path = tmp_path / f"{number}.sqlite"
        start = threading.Barrier(6)
        threads = [threading.Thread(target=use, args=(path, start)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with opened(path, FIRST, SECOND) as database:
            assert count(database) == 6
    assert failures == []


def test_threads_share_one_object() -> None:
    """Transactions of several threads through one object do not mix."""
    with opened(None) as database:

        def add(text: str) -> None:
            for _ in range(50):
                with database.transaction():
                    before = count(database)
                    database.execute("INSERT INTO notes (text) VALUES (?)", (text,))
                    assert count(database) == int(str(before)) + 1

        threads = [threading.Thread(target=add, args=(str(number),)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert count(database) == 200


def test_older_file_is_migrated_and_kept(tmp_path: Path) -> None:
    """An older file gets the new steps, its rows stay, and a copy of it is kept."""
    path = tmp_path / "x.sqlite"
    with opened(path, FIRST) as database:
        database.execute("INSERT INTO notes (text) VALUES ('a')")
    with opened(path, FIRST, SECOND) as database:
        assert database.execute("SELECT text, color FROM notes") == [("a", None)]
        assert database.execute("PRAGMA user_version") == [(2,)]
    with opened(tmp_path / "x.sqlite.v1.bak", FIRST) as copy:
        assert copy.execute("SELECT * FROM notes") == [(1, "a")]


def test_broken_migration_leaves_the_older_file(tmp_path: Path) -> None:
    """A step that fails takes back the whole migration."""
    path = tmp_path / "x.sqlite"
    with opened(path, FIRST):
        pass
    with (
        pytest.raises(StorageError, match="no such table: absent"),
        opened(path, FIRST, SECOND, "ALTER TABLE absent ADD COLUMN x"),
    ):
        pass
    with opened(path, FIRST) as database:
        assert database.execute("SELECT * FROM notes") == []


def test_newer_file_is_refused(tmp_path: Path) -> None:
    """A file of a newer version is refused with both versions, and stays as it is."""
    path = tmp_path / "x.sqlite"
    with opened(path, FIRST, SECOND):
        pass
    with (
        pytest.raises(StoreVersionError, match=r"x\.sqlite' has schema version 2, .* up to 1"),
        opened(path, FIRST),
    ):
        pass
    with opened(path, FIRST, SECOND) as database:
        assert database.execute("SELECT color FROM notes") == []


def test_foreign_file_is_refused(tmp_path: Path) -> None:
    """A file that is no database is an error that names it."""
    path = tmp_path / "x.sqlite"
    path.write_bytes(b"not a database, but long enough to be taken for one" * 100)
    with (
        pytest.raises(StorageError, match=r"x\.sqlite' cannot be used: file is not a database"),
        opened(path),
    ):
        pass


def test_missing_folder_is_told(tmp_path: Path) -> None:
    """A file in a folder that is not there, or not for us, cannot be opened, also for reading."""
    words = "unable to open .* must be able to write to its folder"
    with pytest.raises(StorageError, match=words), opened(tmp_path / "no" / "x.sqlite"):
        pass


def test_full_disk_in_a_statement(tmp_path: Path) -> None:
    """A statement that finds no room raises, and what was committed before is intact."""
    path = tmp_path / "x.sqlite"
    with opened(path) as database:
        database.execute("INSERT INTO notes (text) VALUES ('a')")
        with file_limit(100_000), pytest.raises(StorageFullError, match=r"x\.sqlite"):
            database.execute("INSERT INTO notes (text) VALUES (?)", ("x" * 1_000_000,))
        assert count(database) == 1
    with opened(path) as database:
        assert database.execute("PRAGMA integrity_check") == [("ok",)]


def test_full_disk_in_a_transaction(tmp_path: Path) -> None:
    """A transaction that finds no room has no effect, whichever statement fails or the commit."""
    with opened(tmp_path / "x.sqlite") as database:
        for size in (1_000, 20_000, 3_000_000):
            rows = [("x" * size,)] * (1 + 200_000 // size)
            with file_limit(150_000), pytest.raises(StorageFullError), database.transaction():
                database.execute_many("INSERT INTO notes (text) VALUES (?)", rows)
            assert count(database) == 0
        database.execute("INSERT INTO notes (text) VALUES ('a')")
        assert count(database) == 1


def test_full_disk_at_opening(tmp_path: Path) -> None:
    """A new file that finds no room is an error of room."""
    with file_limit(1000), pytest.raises(StorageFullError), opened(tmp_path / "x.sqlite"):
        pass


def test_shrinking_gives_room_back(tmp_path: Path) -> None:
    """The room of deleted rows goes back to the disk, and what is left stays readable."""
    path = tmp_path / "x.sqlite"
    with opened(path) as database:
        database.execute_many("INSERT INTO notes (text) VALUES (?)", [("x" * 5000,)] * 200)
        database.execute("INSERT INTO notes (text) VALUES ('last')")
        database.execute("DELETE FROM notes WHERE text != 'last'")
    full = path.stat().st_size
    with opened(path) as database:
        database.shrink()
        database.shrink()
        assert database.execute("SELECT text FROM notes") == [("last",)]
    assert path.stat().st_size < full / 20


def test_half_a_character_is_refused() -> None:
    """A text that cannot be written as UTF-8 is refused with the place in it."""
    with opened(None) as database, pytest.raises(InvalidInputError, match=r"character 2 .*udc00"):
        database.execute("INSERT INTO notes (text) VALUES (?)", ("ab\udc00",))


def test_closed_database_is_told() -> None:
    """After closing, which may be done twice, calls raise a typed error."""
    with opened(None) as database:
        database.close()
        with pytest.raises(StorageError, match="closed"):
            database.execute("SELECT 1")


def test_forgotten_database_is_closed(tmp_path: Path) -> None:
    """A database that nobody refers to any more has closed its file."""
    path = tmp_path / "x.sqlite"
    database = Database(path, steps=(FIRST,))
    assert path.with_name("x.sqlite-wal").exists()
    del database
    gc.collect()
    assert not path.with_name("x.sqlite-wal").exists()


WRITER = """
import sys
from pathlib import Path
from tailorbird.storage import Database
database = Database(Path(sys.argv[1]), steps=(sys.argv[2],))
while True:
    with database.transaction():
        for _ in range(10):
            database.execute("INSERT INTO notes (text) VALUES (?)", ("x" * 500,))
    print("committed", flush=True)
"""


@pytest.mark.slow
def test_kill_keeps_what_was_committed(tmp_path: Path) -> None:
    """However often a writer is killed, the file opens at once and holds whole transactions."""
    path = tmp_path / "x.sqlite"
    committed = 0
    for number in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), FIRST], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            for _ in range(3 * number + 1):
                committed += writer.stdout.readline() == "committed\n"
            writer.send_signal(signal.SIGKILL)
        with opened(path, busy_s=0) as database:
            held = int(str(count(database)))
            assert held % 10 == 0
            assert held >= 10 * committed
            assert database.execute("PRAGMA integrity_check") == [("ok",)]


STEPS = ("CREATE TABLE kept (word TEXT)", "CREATE TABLE more (word TEXT)")


def shut(folder: Path, *, steps: int = 2) -> Path:
    """Make a database whose folder SQLite cannot write to, for the superuser neither."""
    path = folder / "kept #1?.sqlite"
    made = Database(path, steps=STEPS[:steps])
    made.execute("INSERT INTO kept VALUES ('here')")
    made.close()
    # In place of the shared memory, without which SQLite reads nothing that others may write.
    memory = path.with_name(f"{path.name}-shm")
    memory.symlink_to(memory)
    return path


def test_what_cannot_be_written_is_read_as_it_is(tmp_path: Path) -> None:
    """A reader takes a shut file as it is, and can change nothing."""
    path = shut(tmp_path)
    content = path.read_bytes()
    with pytest.raises(StorageError, match="cannot be used"):
        Database(path, steps=STEPS)
    opened = Database(path, steps=STEPS, to_read=True)
    assert opened.execute("SELECT word FROM kept") == [("here",)]
    with pytest.raises(StorageError, match="readonly"):
        opened.execute("DELETE FROM kept")
    opened.close()
    assert path.read_bytes() == content


def test_a_log_that_holds_more_is_not_passed_over(tmp_path: Path) -> None:
    """Where what was committed last stands in the log alone, reading without it would be wrong."""
    path = shut(tmp_path)
    path.with_name(f"{path.name}-wal").write_bytes(b"committed")
    with pytest.raises(StorageError, match="cannot be used"):
        Database(path, steps=STEPS, to_read=True)


def test_a_shut_file_of_another_version_is_told(tmp_path: Path) -> None:
    """An older one cannot be brought up to date there, a newer one cannot be read at all."""
    path = shut(tmp_path, steps=1)
    with pytest.raises(StoreVersionError, match="read a copy of its folder"):
        Database(path, steps=STEPS, to_read=True)
    with pytest.raises(StoreVersionError, match="install the newer"):
        Database(path, steps=(), to_read=True)


def test_a_reader_of_what_can_be_written_is_like_any_other(tmp_path: Path) -> None:
    """An open file is brought up to date as always; a missing folder and damage are told."""
    path = tmp_path / "kept.sqlite"
    Database(path, steps=STEPS[:1]).close()
    Database(path, steps=STEPS, to_read=True).close()
    Database(path, steps=STEPS).close()
    with pytest.raises(StorageError, match="cannot be used"):
        Database(tmp_path / "gone" / "kept.sqlite", steps=STEPS, to_read=True)
    path.write_bytes(b"something else" * 500)
    with pytest.raises(StorageError, match="cannot be used: file is not a database"):
        Database(path, steps=STEPS, to_read=True)
