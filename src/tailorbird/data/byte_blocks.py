"""Read a file as blocks of whole lines, in flat memory, and hash it on the way."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from io import FileIO

BLOCK_BYTES = 1 << 20
"""How much is read at a time: the larger, the less the cost of a call matters; measured best."""

LINE_BYTES = 1 << 25
"""Longest line that is read: our own bound on memory, 32 MiB. It holds two inline images of 10 MB,
and a hundred times the text of an example of 65,536 tokens."""

SPARE_BYTES = 128
"""Bytes behind the end of a block that may be read, and mean nothing."""

_SHOWN_BYTES = 200


@dataclass(frozen=True, slots=True)
class Block:
    """Some lines in a row. It may be read until the next one is asked for."""

    buffer: bytearray
    """Holds the lines at its beginning, each with a line feed at its end."""
    end: int
    """Where the last line ends."""
    offset: int
    """Where the block begins in the file, in bytes."""
    first_line: int
    """Number of the first line, from 1."""
    cut: bool = False
    """Whether this is one line that was too long and is not whole."""

    def lines(self) -> list[bytes]:
        """Give the lines without their line feeds."""
        with memoryview(self.buffer) as view:
            return bytes(view[: self.end - 1]).split(b"\n")


class BlockReader:
    """Gives the lines of an open file in blocks; only a line feed ends a line.

    Line separators of Unicode and lone carriage returns stay within their line. A missing line feed
    at the end of the file is added to the block. The file is hashed in a thread of its own while
    the caller looks at the block: the hash costs a fifth of a fast check.
    """

    def __init__(self, file: FileIO) -> None:
        """Take an open, unbuffered file, which the caller closes."""
        self._file = file
        self._digest = hashlib.sha256()
        self._buffer = bytearray(BLOCK_BYTES + SPARE_BYTES)
        self._held = 0
        self._hashing: Future[None] | None = None
        self.size_bytes = 0
        """Bytes read so far."""
        self.ends_with_newline = True
        """Whether the last byte of the file is a line feed, once all is read."""

    @property
    def sha256(self) -> str:
        """Hash of the whole file in hexadecimal, once all is read."""
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[Block]:
        """Read the file to its end.

        Raises:
            OSError: The file cannot be read.
        """
        with ThreadPoolExecutor(1) as pool:
            yield from self._blocks(pool)

    def _blocks(self, pool: ThreadPoolExecutor) -> Iterator[Block]:
        line, skipping = 1, False
        while self._fill(pool):
            if skipping:
                skipping = not self._skip_line()
                continue
            end = self._buffer.rfind(b"\n", 0, self._held) + 1
            if end:
                block = Block(self._buffer, end, self.size_bytes - self._held, line)
                line += self._buffer.count(b"\n", 0, end)
                yield block
                self._drop(end)
            elif self._held >= LINE_BYTES:
                yield self._cut_line(line)
                line, skipping = line + 1, True
                self._drop(self._held)
        if self._held:
            self.ends_with_newline = False
            self._buffer[self._held] = 0x0A
            yield Block(self._buffer, self._held + 1, self.size_bytes - self._held, line)

    def _fill(self, pool: ThreadPoolExecutor) -> int:
        """Read behind the bytes that are held; give how much came, 0 at the end of the file."""
        self._settle()
        room = len(self._buffer) - SPARE_BYTES
        if self._held == room:
            self._buffer.extend(bytes(room))
        start = self._held
        with memoryview(self._buffer) as view, view[start : start + BLOCK_BYTES] as target:
            # None would mean that the read would block, which a regular file never does.
            count = self._file.readinto(target[: len(view) - SPARE_BYTES - start]) or 0
        self._held += count
        self.size_bytes += count
        if count:
            self._hashing = pool.submit(self._hash, start, self._held)
        return count

    def _hash(self, start: int, end: int) -> None:
        with memoryview(self._buffer) as view, view[start:end] as piece:
            self._digest.update(piece)

    def _settle(self) -> None:
        """Wait until nobody reads the buffer."""
        if self._hashing is not None:
            self._hashing.result()
            self._hashing = None

    def _drop(self, count: int) -> None:
        """Forget the first bytes and move the rest to the front."""
        self._settle()
        rest = bytes(self._buffer[count : self._held])
        self._held = len(rest)
        self._buffer[: self._held] = rest

    def _skip_line(self) -> bool:
        """Forget the bytes up to the end of a line; say whether the end was among them."""
        end = self._buffer.find(b"\n", 0, self._held) + 1
        self._drop(end or self._held)
        return bool(end)

    def _cut_line(self, line: int) -> Block:
        cut = self._buffer[:_SHOWN_BYTES] + b"\n" + bytes(SPARE_BYTES)
        return Block(cut, _SHOWN_BYTES + 1, self.size_bytes - self._held, line, cut=True)
