"""Files of arrays that never change: memory-mapped, and checked before what they say is used.

A file begins with a mark and the number of its format. Arrays follow, little-endian, each at a
multiple of 64 bytes; then a checksum for each block of 128 kB; then a table in JSON; then two
numbers that say where the table stands. Whoever keeps the file's length and checksum (a hash of
mark, table and numbers) can tell at once whether it is the file that was meant: the table holds the
hash of the blocks' checksums, and each block is compared with its own when it is first touched.
So opening reads a few kilobytes, and a flipped bit is found before anything is made of it.

A block's checksum is the CRC-32 of 1,021 sums, modulo 2**64, of 16 words each that stand 1,021
apart. Summing runs nearly at the speed of memory, where a CRC over everything takes five times as
long (40 and 210 ms for 614 MB, numpy 2.4, 2026-11-22). Every change within one word is noticed. Two
changes can make up for each other only at a distance of 1,021 words or a multiple of it, which
nothing on a disk or in memory has: its pages and lines are powers of two, hence the prime.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar, cast

import numpy as np

from tailorbird.exceptions import StorageError, StoreVersionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

_Scalar = TypeVar("_Scalar", bound=np.generic)
_Element_co = TypeVar("_Element_co", bound=np.generic, covariant=True)

FORMAT = 1
"""The number of the format that this version writes; it reads all up to it."""

_HEAD = struct.Struct("<8sI52x")
_MARK = b"tailbird"
_TAIL = struct.Struct("<QQ")
_ALIGNED = 64  # a cache line, and the widest registers of today's processors
_SUMS = 1021
_SUMMED = 16
_BLOCK = _SUMMED * _SUMS * 8
_RUN = 32  # blocks that are summed together: four megabytes stay in the processor's cache
_WRITTEN = 8  # blocks that are written together


@dataclass(frozen=True, slots=True)
class Column(Generic[_Element_co]):
    """The name of an array in a file, and what it is made of."""

    name: str
    """Its name, unique in a file."""
    kind: type[_Element_co]
    """The type of its elements."""

    @property
    def stored(self) -> np.dtype[_Element_co]:
        """The type as it stands in a file, little-endian."""
        return np.dtype(self.kind).newbyteorder("<")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section(Generic[_Element_co]):
    """An array that is to be written, in pieces that need not be in memory together."""

    column: Column[_Element_co]
    """What it is."""
    parts: Iterable[NDArray[_Element_co]]
    """Its pieces, which stand behind each other along the first axis; gone through once."""
    width: int | None = None
    """Elements of a row; None for an array of one axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What has to be kept of a file to recognize it."""

    size: int
    """Its length in bytes."""
    checksum: str
    """32 hexadecimal digits."""


def write_arrays(
    file: BinaryIO, sections: Iterable[Section[np.generic]], *, facts: Mapping[str, int]
) -> Seal:
    """Write a file of arrays.

    Args:
        file: Open for writing, empty.
        sections: The arrays, written in this order.
        facts: Numbers to keep along with them.
    """
    head = _HEAD.pack(_MARK, FORMAT)
    body = _Body(file)
    body.write(head)
    table: dict[str, tuple[str, list[int], int]] = {}
    for section in sections:
        body.align()
        start = body.size
        rows = 0
        kind = section.column.stored
        for part in section.parts:
            body.write(np.ascontiguousarray(part, dtype=kind).reshape(-1).view(np.uint8).data)
            rows += len(part)
        shape = [rows] if section.width is None else [rows, section.width]
        table[section.column.name] = (kind.str, shape, start)
    sums = body.finish()
    told = {
        "arrays": table,
        "body": body.size,
        "facts": dict(facts),
        "sums": hashlib.blake2b(sums, digest_size=16).hexdigest(),
    }
    text = json.dumps(told, sort_keys=True).encode("ascii")
    tail = _TAIL.pack(body.size + len(sums), len(text))
    file.writelines((sums, text, tail))
    return Seal(
        size=body.size + len(sums) + len(text) + len(tail), checksum=_checksum(head, text, tail)
    )


class ArrayFile:
    """A file of arrays that is open; what it gives is read-only and was checked."""

    def __init__(self, buffer: mmap.mmap | bytes | memoryview, *, name: str, seal: Seal) -> None:
        """Read the table.

        Args:
            buffer: The whole file.
            name: What to call it in errors.
            seal: What was kept of it when it was written.

        Raises:
            StorageError: It is not the file that was written, or damaged.
            StoreVersionError: A newer version of tailorbird wrote it.
        """
        self._name = name
        self._bytes = np.frombuffer(buffer, dtype=np.uint8)
        head = bytes(buffer[: _HEAD.size])
        if len(buffer) < _HEAD.size + _TAIL.size:
            raise self._damaged("it is too short")
        mark, version = _HEAD.unpack(head)
        if mark == _MARK and version > FORMAT and len(buffer) == seal.size:
            self._refuse_newer(version, buffer, seal)
        if len(buffer) != seal.size:
            raise self._damaged(f"it has {len(buffer):,} bytes, {seal.size:,} were written")
        tail = bytes(buffer[-_TAIL.size :])
        start, length = _TAIL.unpack(tail)
        text = bytes(buffer[start : start + length])
        if _checksum(head, text, tail) != seal.checksum:
            raise self._damaged("its table does not have the checksum that was kept")
        told = json.loads(text)
        self.facts: Mapping[str, int] = told["facts"]
        """The numbers that were given along when it was written."""
        self._table = cast("dict[str, tuple[str, list[int], int]]", told["arrays"])
        self._body = int(told["body"])
        sums = bytes(buffer[self._body : start])
        if hashlib.blake2b(sums, digest_size=16).hexdigest() != told["sums"]:
            raise self._damaged("its list of checksums is not the one that was written")
        self._sums = np.frombuffer(sums, dtype="<u4")
        self._checked = bytearray(len(self._sums))  # 1 for a block that was compared
        self._arrays: dict[str, NDArray[np.generic]] = {}

    def __contains__(self, column: object) -> bool:
        """Say whether there is such an array."""
        return isinstance(column, Column) and column.name in self._table

    def width(self, column: Column[np.generic]) -> int:
        """Say how many elements a row of an array has."""
        return self._array(column)[:1].size

    def whole(self, column: Column[_Scalar]) -> NDArray[_Scalar]:
        """Give an array of which everything was checked.

        Raises:
            StorageError: It is damaged.
        """
        return self.part(column, 0, len(self._array(column)))

    def was_checked(self, column: Column[np.generic], start: int, stop: int) -> bool:
        """Say whether some rows of an array were checked before."""
        width = self._array(column)[:1].nbytes
        first = self._table[column.name][2]
        touched = (first + start * width) // _BLOCK, (first + stop * width) // _BLOCK + 1
        return self._checked.find(0, *touched) < 0

    def steps(self, column: Column[_Scalar], start: int, stop: int) -> Iterator[NDArray[_Scalar]]:
        """Give rows as `part` does, piece by piece, and check each piece just before it is given.

        Who works through rows that may be touched for the first time has each piece in the
        processor's cache twice, instead of reading everything from memory twice. Rows that were
        checked come in one piece.

        Raises:
            StorageError: It is damaged.
        """
        rows = max(1, stop - start)
        if not self.was_checked(column, start, stop):
            rows = max(1, _RUN * _BLOCK // max(1, self._array(column)[:1].nbytes))
        for begin in range(start, stop, rows):
            yield self.part(column, begin, min(begin + rows, stop))

    def part(self, column: Column[_Scalar], start: int, stop: int) -> NDArray[_Scalar]:
        """Give the rows of an array from `start` up to, not with, `stop`, and check only them.

        Raises:
            StorageError: They are damaged.
        """
        [found] = self.parts(column, [slice(start, stop)])
        return found

    def parts(self, column: Column[_Scalar], stretches: Sequence[slice]) -> list[NDArray[_Scalar]]:
        """Give several stretches of rows, each as `part` does.

        Raises:
            StorageError: They are damaged.
        """
        array = self._array(column)
        width = array[:1].nbytes
        first = self._table[column.name][2]
        for one in stretches:
            if one.stop > one.start and width:
                end = first + one.stop * width
                self._check_blocks((first + one.start * width) // _BLOCK, (end - 1) // _BLOCK + 1)
        return [array[one] for one in stretches]

    def picked(self, column: Column[_Scalar], rows: NDArray[np.intp]) -> NDArray[_Scalar]:
        """Give some rows of an array, in their order, and check only them.

        Raises:
            StorageError: They are damaged.
        """
        array = self._array(column)
        if len(rows) and 0 in self._checked:
            width = array[:1].nbytes
            start = self._table[column.name][2] + rows * width
            spans = np.stack([start // _BLOCK, (start + max(width - 1, 0)) // _BLOCK])
            # `np.unique` would load `numpy.ma`, which takes longer than opening a whole index.
            for block in np.flatnonzero(np.bincount(spans.reshape(-1))).tolist():
                self._check_blocks(block, block + 1)
            # A row wider than a block has more between its first and its last.
            if width > _BLOCK:
                for row in rows.tolist():
                    self.part(column, row, row + 1)
        return array[rows]

    def check(self) -> None:
        """Check everything anew, whatever was checked before.

        Raises:
            StorageError: It is damaged.
        """
        self._checked = bytearray(len(self._sums))
        self._check_blocks(0, len(self._sums))

    def _array(self, column: Column[_Scalar]) -> NDArray[_Scalar]:
        found = self._arrays.get(column.name)
        if found is None:
            kind, shape, start = self._table[column.name]
            size = int(np.prod(shape)) * np.dtype(kind).itemsize
            found = self._bytes[start : start + size].view(kind).reshape(shape)
            found.flags.writeable = False
            self._arrays[column.name] = found
        return cast("NDArray[_Scalar]", found)

    def _check_blocks(self, start: int, stop: int) -> None:
        """Compare blocks with their checksums, from the first on that was not compared before."""
        first = self._checked.find(0, start, stop)
        if first < 0:
            return
        for run in range(first, stop, _RUN):
            end = min(run + _RUN, stop)
            found = _sums(self._bytes[run * _BLOCK : min(end * _BLOCK, self._body)])
            wrong = np.flatnonzero(found != self._sums[run:end])
            if len(wrong):
                place = (run + int(wrong[0])) * _BLOCK
                raise self._damaged(f"the {_BLOCK:,} bytes from {place:,} on have changed")
            self._checked[run:end] = b"\1" * (end - run)

    def _refuse_newer(
        self, version: int, buffer: mmap.mmap | bytes | memoryview, seal: Seal
    ) -> None:
        # A flipped bit of the number looks the same, so the seal has to bear the number out.
        tail = bytes(buffer[-_TAIL.size :])
        start, length = _TAIL.unpack(tail)
        text = bytes(buffer[start : start + length])
        if _checksum(bytes(buffer[: _HEAD.size]), text, tail) == seal.checksum:
            message = (
                f"{self._name!r} has format {version}, this tailorbird knows up to {FORMAT}:"
                " install the newer tailorbird, or use another workspace"
            )
            raise StoreVersionError(message)

    def _damaged(self, reason: str) -> StorageError:
        return StorageError(
            f"{self._name!r} is damaged: {reason}; delete the index and build it again, or bring"
            " its folder back from a backup"
        )


def open_arrays(path: Path, *, seal: Seal) -> ArrayFile:
    """Map a file of arrays into memory.

    Raises:
        FileNotFoundError: There is no such file.
        StorageError: It cannot be read, is not the file that was written, or is damaged.
        StoreVersionError: A newer version of tailorbird wrote it.
    """
    try:
        with path.open("rb") as file:
            # An empty file cannot be mapped.
            size = file.seek(0, 2)
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
    except FileNotFoundError:
        raise
    except OSError as exc:
        raise StorageError(f"cannot read {str(path)!r}: {exc.strerror or exc}") from exc
    return ArrayFile(content, name=str(path), seal=seal)


def aligned(content: bytes | memoryview) -> NDArray[np.uint8]:
    """Copy the content of a file to where its arrays are as well placed as in a mapped file.

    Elsewhere half of the reads of a wide register touch two cache lines.
    """
    room = np.empty(len(content) + _ALIGNED, dtype=np.uint8)
    start = -room.ctypes.data % _ALIGNED
    found = room[start : start + len(content)]
    found[:] = np.frombuffer(content, dtype=np.uint8)
    return found


class _Body:
    """What is written into a file, summed up by blocks on the way."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        # One buffer for the whole file: who writes much must not make the process grow.
        self._waiting = memoryview(bytearray(_WRITTEN * _BLOCK))
        self._found: list[NDArray[np.uint32]] = []
        self.size = 0

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes."""
        rest = memoryview(data)
        while rest:
            held = self.size % len(self._waiting)
            part = rest[: len(self._waiting) - held]
            self._waiting[held : held + len(part)] = part
            self.size += len(part)
            rest = rest[len(part) :]
            if held + len(part) == len(self._waiting):
                self._give(self._waiting)

    def align(self) -> None:
        """Go on at a place where an array may begin."""
        self.write(bytes(-self.size % _ALIGNED))

    def finish(self) -> bytes:
        """Write what is left, and give the blocks' checksums."""
        self.align()
        self._give(self._waiting[: self.size % len(self._waiting)])
        return np.concatenate(self._found).astype("<u4").tobytes()

    def _give(self, data: memoryview) -> None:
        self._found.append(_sums(np.frombuffer(data, dtype=np.uint8)))
        self._file.write(data)


def _sums(data: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Give the checksums of blocks, of which the last may be shorter."""
    whole = len(data) - len(data) % _BLOCK
    # Only the last is copied: a copy of a run would touch a thousand new pages of each file.
    last = np.zeros(_BLOCK if whole < len(data) else 0, dtype=np.uint8)
    last[: len(data) - whole] = data[whole:]
    summed = [
        part.view("<u8").reshape(-1, _SUMMED, _SUMS).sum(axis=1).astype("<u8", copy=False)
        for part in (data[:whole], last)
    ]
    return np.array([zlib.crc32(row.data) for rows in summed for row in rows], dtype=np.uint32)


def _checksum(*parts: bytes) -> str:
    return hashlib.blake2b(b"".join(parts), digest_size=16).hexdigest()
