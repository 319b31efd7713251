"""Read a file as blocks of whole lines, in flat memory, and hash it on the way."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

BLOCK_BYTES = 1 << 21
"""How much is read at a time: more makes calls matter less, until the caches of the processor are
too small for it. 2 MiB were measured best."""

LINE_BYTES = 1 << 25
"""Longest line that is read: our own bound on memory, 32 MiB. It holds two inline images of 10 MB,
and a hundred times the text of an example of 65,536 tokens."""

SPARE_BYTES = 128
"""Bytes behind the end of a block that may be read, and mean nothing."""

BLOCKS_ALIVE = 4
"""How many blocks exist at a time: the one given last and those before it."""

_SHOWN_BYTES = 200


@dataclass(frozen=True, slots=True)
class Block:
    """Some lines in a row. It may be read until `BLOCKS_ALIVE` further ones were asked for."""

    buffer: bytearray
    """Holds the lines at its beginning, each with a line feed at its end."""
    end: int
    """Where the last line ends."""
    offset: int
    """Where the block begins in the file, in bytes."""
    cut: bool = False
    """Whether this is one line that was too long and is not whole."""

    def lines(self) -> list[bytes]:
        """Give the lines without their line feeds."""
        return bytes(self.buffer[: self.end - 1]).split(b"\n")


class BlockReader:
    """Gives the lines of an open file in blocks; only a line feed ends a line.

    Line separators of Unicode and lone carriage returns stay within their line. A missing line feed
    at the end of the file is added to the last block.
    """

    def __init__(self, file: FileIO) -> None:
        """Take an open, unbuffered file, which the caller closes."""
        self._file = file
        self._digest = hashlib.sha256()
        self._buffers = [_new_buffer() for _ in range(BLOCKS_ALIVE)]
        self._held = 0
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
        skipping = False
        while self._fill():
            if skipping:
                end = self._buffers[0].find(b"\n", 0, self._held) + 1
                skipping = not end
                self._next(end or self._held)
            buffer, offset = self._buffers[0], self.size_bytes - self._held
            end = buffer.rfind(b"\n", 0, self._held) + 1
            if end:
                yield Block(buffer, end, offset)
                self._next(end)
            elif self._held >= LINE_BYTES:
                head = buffer[:_SHOWN_BYTES] + b"\n" + bytes(SPARE_BYTES)
                yield Block(head, _SHOWN_BYTES + 1, offset, cut=True)
                skipping = True
                self._next(self._held)
        if self._held:
            self.ends_with_newline = False
            self._buffers[0][self._held] = ord("\n")
            yield Block(self._buffers[0], self._held + 1, self.size_bytes - self._held)

    def _fill(self) -> int:
        """Read behind the bytes that are held; give how much came, 0 at the end of the file."""
        buffer, start = self._buffers[0], self._held
        room = len(buffer) - SPARE_BYTES
        if start == room:
            buffer.extend(bytes(room))
            room *= 2
        with memoryview(buffer) as view, view[start : min(room, start + BLOCK_BYTES)] as target:
            # None would mean that reading would block, which a regular file never does.
            count = self._file.readinto(target) or 0
            self._digest.update(target[:count])
        self._held += count
        self.size_bytes += count
        return count

    def _next(self, done: int) -> None:
        """Take the next buffer, and the bytes behind the first `done` along."""
        used = self._buffers.pop(0)
        # Less than one read: the line feed at its front came with the last one.
        rest = bytes(used[done : self._held])
        self._held = len(rest)
        self._buffers[0][: self._held] = rest
        # A buffer that a long line made large would make every later block large.
        is_small = len(used) == BLOCK_BYTES + SPARE_BYTES
        self._buffers.append(used if is_small else _new_buffer())


def _new_buffer() -> bytearray:
    return bytearray(BLOCK_BYTES + SPARE_BYTES)
