"""Rows that stand in a file twice."""

from __future__ import annotations

import tempfile
from array import array
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.data.training.repeats import COMPARED_ROWS, RowMarks, mark_of


def repeats_in(folder: Path, blocks: list[list[bytes]], *, blur: int = 0) -> list[tuple[int, int]]:
    """Return the repeated lines of a file; `blur` bits of each mark are cleared."""
    path = folder / "file"
    marks = RowMarks()
    offset = 0
    with path.open("wb") as file:
        for lines in blocks:
            data = b"".join(line + b"\n" for line in lines)
            file.write(data)
            found = array("Q", [mark_of(line) >> blur for line in lines])
            marks.add(found, offset=offset, size=len(data))
            offset += len(data)
    with path.open("rb", buffering=0) as file:
        return list(marks.repeats(file))


def test_repeats_name_the_first_line(tmp_path: Path) -> None:
    """Each repetition comes with the line of the first, across blocks."""
    blocks = [[b"a", b"b", b"a"], [b"c"], [b"b", b"d", b"a"]]
    assert repeats_in(tmp_path, blocks) == [(3, 1), (5, 2), (7, 1)]


def test_blank_lines_are_not_compared(tmp_path: Path) -> None:
    """Blank lines are no rows."""
    assert repeats_in(tmp_path, [[b"", b" ", b"", b" ", b"a"]]) == []


def test_line_ends_of_windows_make_no_difference(tmp_path: Path) -> None:
    """Lines with equal marks are compared without their carriage return."""
    assert repeats_in(tmp_path, [[b"a\r", b"b", b"a"]], blur=63) in ([(3, 1)], [])
    assert repeats_in(tmp_path, [[b"a\r", b"b\r", b"a\r"]]) == [(3, 1)]


def test_equal_marks_are_verified(tmp_path: Path) -> None:
    """Lines that only look alike are read again and told apart."""
    lines = [b"%d" % number for number in range(200)]
    assert repeats_in(tmp_path, [lines[:100], lines[100:]], blur=60) == []


@pytest.mark.parametrize("count", [100, 30_000])
def test_small_and_large_files_agree(tmp_path: Path, count: int) -> None:
    """The way to find equal marks depends on the size, the result does not."""
    lines = [b"%d" % number for number in range(count)]
    lines[count // 2] = lines[3]
    assert repeats_in(tmp_path, [lines]) == [(count // 2 + 1, 4)]


def test_endless_files_are_compared_up_to_a_bound() -> None:
    """Beyond the bound nothing is remembered."""
    marks = RowMarks()
    marks.add(array("Q", bytes(8 * COMPARED_ROWS)), offset=0, size=1)
    marks.add(array("Q", [1, 1]), offset=0, size=1)
    with Path("/dev/null").open("rb", buffering=0) as file:
        assert list(marks.repeats(file)) == []


@given(st.lists(st.sampled_from([b"a", b"b", b"c", b"", b"d"]), max_size=20), st.integers(0, 20))
def test_every_repetition_is_found(lines: list[bytes], cut: int) -> None:
    """What is given is what a dictionary of all lines would give."""
    expected: list[tuple[int, int]] = []
    first: dict[bytes, int] = {}
    for number, line in enumerate(lines, start=1):
        if line and first.setdefault(line, number) != number:
            expected.append((number, first[line]))
    blocks = [part for part in (lines[:cut], lines[cut:]) if part]
    with tempfile.TemporaryDirectory() as folder:
        assert repeats_in(Path(folder), blocks) == expected
