"""Files that appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.exceptions import StorageError, StorageFullError
from tailorbird.storage import AtomicFile, write_atomic
from tailorbird.storage.atomic import new_file

LIMIT = 64 * 1024


@contextmanager
def file_limit(size: int) -> Generator[None]:
    """Let no file of this process grow beyond a size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    """Nothing stands under the name before the end of the block, everything after it."""
    path = tmp_path / "data.jsonl"
    with AtomicFile(path) as file:
        file.write(b"one\n")
        assert not path.exists()
        file.write(b"two\n")
        assert file.size_bytes == 8
    assert path.read_bytes() == b"one\ntwo\n"
    assert file.sha256 == hashlib.sha256(b"one\ntwo\n").hexdigest()
    assert list(tmp_path.iterdir()) == [path]


def write_half(path: Path) -> None:
    """Fail in the middle of writing."""
    with AtomicFile(path) as file:
        file.write(b"new")
        raise KeyError


def test_failed_block_leaves_the_old_file(tmp_path: Path) -> None:
    """An exception in the block leaves the older file as it was, and no other file."""
    path = tmp_path / "data.jsonl"
    write_atomic(path, "old")
    with pytest.raises(KeyError):
        write_half(path)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk_while_writing(tmp_path: Path) -> None:
    """A disk that is full during a write raises, names the path and leaves the older file."""
    path = tmp_path / "data.jsonl"
    write_atomic(path, "old")
    with (
        file_limit(LIMIT),
        pytest.raises(StorageFullError, match=r"no room left to write .*data\.jsonl") as caught,
        AtomicFile(path) as file,
    ):
        file.write(b"x" * (LIMIT + 1_000_000))
    assert caught.value.path == str(path)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk_at_the_end(tmp_path: Path) -> None:
    """A disk that is full when the last bytes are flushed raises and leaves the older file."""
    path = tmp_path / "data.jsonl"
    write_atomic(path, "old")
    with file_limit(100), pytest.raises(StorageFullError):
        write_atomic(path, b"x" * 200)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_missing_folder(tmp_path: Path) -> None:
    """A folder that does not exist is an error that names the file."""
    with pytest.raises(StorageError, match=r"cannot write .*absent.*No such file"):
        write_atomic(tmp_path / "absent" / "data.jsonl", "text")


def test_permissions_are_the_usual_ones(tmp_path: Path) -> None:
    """A file gets the permissions that the user's mask leaves, not those of a temporary file."""
    path = tmp_path / "data.jsonl"
    old = os.umask(0o027)
    try:
        write_atomic(path, "text")
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("name", ["a" * 255, "就業規則" * 20, "🪡" * 60])
def test_long_names(tmp_path: Path, name: str) -> None:
    """A name that the file system just allows can be written."""
    write_atomic(tmp_path / name, "text")
    assert (tmp_path / name).read_text(encoding="utf-8") == "text"


@given(parts=st.lists(st.binary(max_size=2000), max_size=8))
def test_hash_is_that_of_the_file(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes]
) -> None:
    """The hash and the size are those of the bytes on disk, however they were written."""
    path = tmp_path_factory.mktemp("hash") / "data"
    with AtomicFile(path) as file:
        for part in parts:
            file.write(part)
    content = path.read_bytes()
    assert content == b"".join(parts)
    assert (file.sha256, file.size_bytes) == (hashlib.sha256(content).hexdigest(), len(content))


WRITER = """
import sys
from tailorbird.storage import write_atomic
for number in range(1_000_000):
    write_atomic(sys.argv[1], f"{number:08d}\\n" * 20_000)
    print(number, flush=True)
"""


@pytest.mark.slow
def test_kill_leaves_a_whole_file(tmp_path: Path) -> None:
    """However often a writer is killed, what stands under the name is one whole version."""
    path = tmp_path / "state"
    for count in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            for _ in range(count + 1):
                writer.stdout.readline()
            writer.send_signal(signal.SIGKILL)
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) == 20_000
        assert len(set(lines)) == 1


def test_new_file_stands_at_once(tmp_path: Path) -> None:
    """A new file is there while it is written, with what was written in the end."""
    path = tmp_path / "new"
    with new_file(path) as file:
        assert path.exists()
        file.write(b"data")
    assert path.read_bytes() == b"data"


def test_failed_new_file_is_removed(tmp_path: Path) -> None:
    """A block that fails leaves no file behind, and its own error comes through."""
    path = tmp_path / "new"

    def fail() -> None:
        with new_file(path) as file:
            file.write(b"data")
            raise KeyError(path)

    with pytest.raises(KeyError):
        fail()
    assert not path.exists()
    with (
        file_limit(LIMIT),
        pytest.raises(StorageFullError, match="no room left"),
        new_file(path) as file,
    ):
        file.write(bytes(2 * LIMIT))
    assert not path.exists()


def test_new_file_needs_a_free_name(tmp_path: Path) -> None:
    """A file that is there already, or a folder that is not, is an error, and nothing changes."""
    path = tmp_path / "new"
    path.write_bytes(b"old")
    with pytest.raises(StorageError, match="cannot write"), new_file(path):
        pass
    assert path.read_bytes() == b"old"
    with pytest.raises(StorageError, match="cannot write"), new_file(tmp_path / "no" / "new"):
        pass


@pytest.mark.parametrize("name", ["/dev/null", "/dev/stdout"])
def test_device_keeps_its_name(name: str) -> None:
    """What is no file is not put aside for one, even by somebody who may do everything."""
    before = os.lstat(name)
    with pytest.raises(StorageError, match=r"cannot write '/dev/.*it is a device or a pipe"):
        write_atomic(name, "gone")
    assert os.lstat(name).st_ino == before.st_ino


def test_pipe_keeps_its_name(tmp_path: Path) -> None:
    """A pipe is neither written to, which could wait for ever, nor replaced; its links neither."""
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        with pytest.raises(StorageError, match="it is a device or a pipe; name a file"):
            write_atomic(path, "gone")
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert link.is_symlink()
    assert sorted(tmp_path.iterdir()) == [link, pipe]


@pytest.mark.parametrize("name", ["", ".", "/", ".."])
def test_folder_is_no_place(name: str) -> None:
    """The name of a folder, or none at all, is told in words."""
    with pytest.raises(StorageError, match=r"it is a folder; name a file"):
        write_atomic(name, "gone")


def test_link_makes_way(tmp_path: Path) -> None:
    """A link to a file, or to nothing, is replaced; what it leads to is left alone."""
    other = tmp_path / "other"
    other.write_text("kept", encoding="utf-8")
    for target in (other, tmp_path / "nothing"):
        link = tmp_path / "link"
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        write_atomic(link, "new")
        assert link.read_text(encoding="utf-8") == "new"
        assert not link.is_symlink()
    assert other.read_text(encoding="utf-8") == "kept"
