"""What is uploaded: bytes, a file on disk, or a part of one; read in pieces, never whole.

A file is opened anew for every piece. That costs little against reading it, and leaves
nothing open when a call is cancelled while a read is still going on in its thread.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import select
import stat
import tempfile
import threading
from collections.abc import Callable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from tailorbird.exceptions import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Generator
    from io import FileIO

PIECE_BYTES = 1 << 19
"""How much is read at a time, in a thread: 512 KiB. Five readers work at the same time on a file
that goes in parts, each with a piece in hand and one on its way."""

_HASHED_BYTES = 1 << 24  # hashed by one call in a thread: the call of a cancelled task ends soon
_LOOK_S = 0.2  # how soon a wait for a pipe notices that nobody wants it any more
_NON_BLOCKING = getattr(os, "O_NONBLOCK", 0)  # Windows has no pipes among its files


@dataclass(frozen=True, slots=True)
class Source:
    """A content of known size that can be read any number of times, or a part of one."""

    read: Callable[[int, int], bytes]
    """Gives the bytes from a place of the whole content on, and so many; it blocks."""
    size_bytes: int
    """Length of this part."""
    offset: int = 0
    """Where this part begins within the whole content."""

    def part(self, offset: int, size_bytes: int) -> Source:
        """Give a part, by its place within this one."""
        return Source(self.read, size_bytes, self.offset + offset)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Give the content in pieces of at most 512 KiB.

        Raises:
            InvalidInputError: The file was changed or taken away since it was measured.
        """
        end = self.offset + self.size_bytes
        for start in range(self.offset, end, PIECE_BYTES):
            yield await asyncio.to_thread(self.read, start, min(PIECE_BYTES, end - start))

    async def md5(self) -> str:
        """Give the MD5 in hexadecimal: what a provider compares, not a protection.

        Raises:
            InvalidInputError: As for `pieces`.
        """
        digest = hashlib.md5(usedforsecurity=False)
        end = self.offset + self.size_bytes

        def feed(first: int) -> None:
            last = min(first + _HASHED_BYTES, end)
            for start in range(first, last, PIECE_BYTES):
                digest.update(self.read(start, min(PIECE_BYTES, last - start)))

        for first in range(self.offset, end, _HASHED_BYTES):
            await asyncio.to_thread(feed, first)
        return digest.hexdigest()


@asynccontextmanager
async def open_source(given: Path | bytes, *, most_bytes: int) -> AsyncGenerator[Source, None]:
    """Measure what is to be uploaded; a pipe is written to a temporary file first.

    Args:
        given: A file, a pipe, or the content itself.
        most_bytes: A pipe is read up to one byte more than that: enough to see that it is too long.

    Raises:
        InvalidInputError: It cannot be read, or it is empty.
    """
    if isinstance(given, bytes):
        yield _of_bytes(given)
    elif await asyncio.to_thread(_is_file, given):
        yield await asyncio.to_thread(_of_file, given, shown=given)
    else:
        async with _spooled(given, most_bytes) as spool:
            yield await asyncio.to_thread(_of_file, spool, shown=given)


@asynccontextmanager
async def _spooled(pipe: Path, most_bytes: int) -> AsyncGenerator[Path, None]:
    """Write what a pipe gives to a temporary file, which is deleted at the end."""
    stop = threading.Event()
    spool = await asyncio.to_thread(_new_file)
    copying = asyncio.get_running_loop().run_in_executor(None, _copy, pipe, spool, most_bytes, stop)
    try:
        await asyncio.shield(copying)
        yield spool
    finally:
        stop.set()
        # The thread ends as soon as it looks; without the shield, a cancelled call would leave
        # the user's data behind in the temporary folder.
        with anyio.CancelScope(shield=True):
            await asyncio.wait([copying])
            await asyncio.to_thread(spool.unlink)


def _new_file() -> Path:
    handle, name = tempfile.mkstemp(prefix="tailorbird-", suffix=".upload")
    os.close(handle)
    return Path(name)


def _copy(pipe: Path, spool: Path, most_bytes: int, stop: threading.Event) -> None:
    """Copy until the pipe ends, has given too much, or nobody wants it any more."""
    try:
        handle = os.open(pipe, os.O_RDONLY | _NON_BLOCKING)
        try:
            with spool.open("wb", buffering=0) as target:
                left = most_bytes + 1
                while left > 0 and not stop.is_set():
                    # Without it, a pipe that nobody opens for writing looks like one at its end.
                    if not select.select([handle], [], [], _LOOK_S)[0]:
                        continue
                    piece = os.read(handle, min(PIECE_BYTES, left))
                    if not piece:
                        return
                    target.write(piece)
                    left -= len(piece)
        finally:
            os.close(handle)
    except OSError as exc:
        raise _unreadable(pipe, exc) from exc


def _is_file(path: Path) -> bool:
    """Say whether it is a regular file; false for pipes and devices.

    Raises:
        InvalidInputError: There is nothing, or it is a folder.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as exc:  # ValueError: the path holds NUL
        raise _unreadable(path, exc) from exc
    if stat.S_ISDIR(mode):
        message = f"{str(path)!r} is a folder; give a file"
        raise InvalidInputError(message)
    return stat.S_ISREG(mode)


def _of_bytes(content: bytes) -> Source:
    if not content:
        message = "the content is empty; there is nothing to upload"
        raise InvalidInputError(message)
    return Source(lambda start, size: content[start : start + size], len(content))


def _of_file(path: Path, *, shown: Path) -> Source:
    with _reading(path, shown) as file:
        mark = _mark(file)
    size = mark[2]
    if not size:
        message = f"the file {str(shown)!r} is empty; there is nothing to upload"
        raise InvalidInputError(message)

    def read(start: int, wanted: int) -> bytes:
        with _reading(path, shown) as file:
            unchanged = _mark(file) == mark
            file.seek(start)
            piece = file.read(wanted)
        if not unchanged or len(piece) != wanted:
            message = f"the file {str(shown)!r} was changed while it was uploaded; upload it again"
            raise InvalidInputError(message)
        return piece

    return Source(read, size)


@contextmanager
def _reading(path: Path, shown: Path) -> Generator[FileIO, None, None]:
    try:
        with path.open("rb", buffering=0) as file:
            yield file
    except OSError as exc:
        raise _unreadable(shown, exc) from exc


def _mark(file: FileIO) -> tuple[int, int, int, int]:
    """Give what tells one state of a file from another; the third is its size."""
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _unreadable(path: Path, exc: Exception) -> InvalidInputError:
    reason = exc.strerror if isinstance(exc, OSError) else str(exc)
    return InvalidInputError(f"cannot read the file {str(path)!r}: {reason}")
