"""Files of arrays give back what was written, or say that they are damaged."""

from __future__ import annotations

import hashlib
import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.exceptions import StorageError, StoreVersionError
from tailorbird.storage.arrays import ArrayFile, Column, Seal, Section, open_arrays, write_arrays

NUMBERS = Column("numbers", np.int64)
ROWS = Column("rows", np.float32)
EMPTY = Column("empty", np.uint16)
ABSENT = Column("absent", np.uint8)
BYTES = Column("bytes", np.uint8)


def written(
    rows: int, width: int
) -> tuple[bytes, Seal, np.ndarray[tuple[int, int], np.dtype[np.float32]]]:
    """Write a file of three arrays."""
    file = BytesIO()
    values = np.random.default_rng(rows).standard_normal((rows, width), dtype=np.float32)
    seal = write_arrays(
        file,
        [
            Section(column=NUMBERS, parts=[np.arange(5), np.arange(5, 9)]),
            Section(column=EMPTY, parts=[]),
            Section(column=ROWS, parts=np.array_split(values, 3), width=width),
        ],
        facts={"answer": 42},
    )
    return file.getvalue(), seal, values


@pytest.mark.parametrize(("rows", "width"), [(0, 3), (1, 1), (7, 3), (2000, 300), (3, 90_000)])
def test_arrays_come_back(rows: int, width: int) -> None:
    """Whole, in parts, piece by piece and row by row, arrays are what was written."""
    content, seal, values = written(rows, width)
    assert seal.size == len(content)

    def opened() -> ArrayFile:
        return ArrayFile(content, name="file", seal=seal)

    file = opened()
    assert file.facts == {"answer": 42}
    assert file.whole(NUMBERS).tolist() == list(range(9))
    assert file.part(NUMBERS, 2, 4).tolist() == [2, 3]
    stretches = [slice(7, 9), slice(3, 3), slice(0, 2)]
    assert [one.tolist() for one in file.parts(NUMBERS, stretches)] == [[7, 8], [], [0, 1]]
    assert file.whole(EMPTY).tolist() == []
    assert (ROWS in file, ABSENT in file, "rows" in file) == (True, False, False)
    assert file.width(ROWS) == (width if rows else 0)
    assert np.array_equal(opened().whole(ROWS), values)
    for _ in range(2):
        assert np.array_equal(np.concatenate([values[:0], *file.steps(ROWS, 0, rows)]), values)
    places = np.arange(rows)[::-2].astype(np.intp)
    for fresh in (opened(), file):
        assert np.array_equal(fresh.picked(ROWS, places), values[places])
    file.check()
    with pytest.raises(ValueError, match="read-only"):
        file.whole(NUMBERS)[0] = 1


@pytest.mark.parametrize("more", [-64, 0, 64])
@pytest.mark.parametrize("buffers", [1, 2])
def test_files_of_whole_buffers_come_back(buffers: int, more: int) -> None:
    """Where all blocks are full nothing is missing, nor where one is a line longer or shorter."""
    buffer = 8 * 16 * 1021 * 8  # what is written together
    size = buffers * buffer - 64 + more  # the head takes the other 64
    values = np.random.default_rng(2).integers(0, 256, size, dtype=np.uint8)
    file = BytesIO()
    seal = write_arrays(file, [Section(column=BYTES, parts=np.array_split(values, 3))], facts={})
    assert seal.size == len(file.getvalue())
    opened = ArrayFile(file.getvalue(), name="file", seal=seal)
    opened.check()
    assert np.array_equal(opened.whole(BYTES), values)


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_every_flipped_bit_is_found(place: float, bit: int) -> None:
    """With any bit flipped the file does not open, or says so before the bit is used."""
    content, seal, values = written(300, 200)
    damaged = bytearray(content)
    damaged[int(place * len(content))] ^= 1 << bit
    with pytest.raises(StorageError, match="'file' is damaged"):
        ArrayFile(bytes(damaged), name="file", seal=seal).check()
    for read in (
        lambda file: file.whole(ROWS),
        lambda file: file.picked(ROWS, np.arange(300)),
        lambda file: np.concatenate(list(file.steps(ROWS, 0, 300))),
    ):
        try:
            found = read(ArrayFile(bytes(damaged), name="file", seal=seal))
        except StorageError:
            continue
        assert np.array_equal(found, values)


def test_wide_rows_are_checked_whole() -> None:
    """A flipped bit in the midst of a row of several blocks is found when the row is picked."""
    content, seal, _ = written(3, 90_000)
    damaged = bytearray(content)
    damaged[64 * 10 + 90_000 * 6] ^= 1
    file = ArrayFile(bytes(damaged), name="file", seal=seal)
    with pytest.raises(StorageError, match="have changed"):
        file.picked(ROWS, np.array([1]))


@pytest.mark.parametrize("size", [0, 5, 79, 81, 3000])
def test_another_length_is_told(size: int) -> None:
    """A file that is shorter or longer than what was written does not open."""
    content, seal, _ = written(7, 3)
    with pytest.raises(StorageError, match="'file' is damaged"):
        ArrayFile((content + bytes(3000))[:size], name="file", seal=seal)


def test_newer_format_is_told_from_damage() -> None:
    """A format of the future is refused as such, a damaged number of the format as damage."""
    content, seal, _ = written(7, 3)
    newer = bytearray(content)
    struct.pack_into("<I", newer, 8, 7)
    with pytest.raises(StorageError, match="is damaged"):
        ArrayFile(bytes(newer), name="file", seal=seal)
    start, length = struct.unpack("<QQ", content[-16:])
    told = bytes(newer[:64] + newer[start : start + length] + newer[-16:])
    fitting = Seal(size=seal.size, checksum=hashlib.blake2b(told, digest_size=16).hexdigest())
    with pytest.raises(StoreVersionError, match="has format 7, this tailorbird knows up to 1"):
        ArrayFile(bytes(newer), name="file", seal=fitting)


def test_files_are_mapped(tmp_path: Path) -> None:
    """A file on disk is opened by its seal; one that is missing or cannot be read is told."""
    content, seal, values = written(7, 3)
    path = tmp_path / "file"
    path.write_bytes(content)
    assert np.array_equal(open_arrays(path, seal=seal).whole(ROWS), values)
    path.write_bytes(b"")
    with pytest.raises(StorageError, match="too short"):
        open_arrays(path, seal=seal)
    with pytest.raises(FileNotFoundError):
        open_arrays(tmp_path / "absent", seal=seal)
    with pytest.raises(StorageError, match="cannot read"):
        open_arrays(tmp_path, seal=seal)


def test_damaged_list_of_checksums_is_told() -> None:
    """A flipped bit in a checksum is damage, although the arrays are as they were."""
    content, seal, _ = written(7, 3)
    start, _ = struct.unpack("<QQ", content[-16:])
    damaged = bytearray(content)
    damaged[start - 1] ^= 1
    with pytest.raises(StorageError, match="list of checksums"):
        ArrayFile(bytes(damaged), name="file", seal=seal)
