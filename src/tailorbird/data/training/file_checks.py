"""Check all lines of an open training file in one pass."""

from __future__ import annotations

import os
from array import array
from typing import TYPE_CHECKING

from tailorbird.data.files.blocks import LINE_BYTES, BlockReader
from tailorbird.data.training.repeats import RowMarks, mark_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from io import FileIO

    from tailorbird.data.files.blocks import Block
    from tailorbird.data.problems import Problems
    from tailorbird.data.training.line_checks import LineChecker
    from tailorbird.data.training.scan.plain_rows import PlainScan

SCANNED_BYTES = 8 << 20
"""Smallest file that is scanned for plain rows: below, loading numpy takes longer than checking
every line with care."""


class FileCheck:
    """One pass over an open file."""

    def __init__(self, file: FileIO, checker: LineChecker, problems: Problems) -> None:
        """Take a file at its beginning, and what checks its lines."""
        self.reader = BlockReader(file)
        self._file = file
        self._checker = checker
        self._problems = problems
        self._marks = RowMarks()

    def measure(self) -> None:
        """Read the file for its size and hash only."""
        for _ in self.reader:
            pass

    def run(self, *, plain_bytes: int | None) -> None:
        """Check all lines.

        Args:
            plain_bytes: Longest row that may be passed as plain by a scan; None for no scan.

        Raises:
            OSError: The file cannot be read.
        """
        line = 1
        for block, found in self._blocks(plain_bytes):
            if block.cut:
                reason = f"the line has more than {LINE_BYTES:,} bytes and was not read"
                self._checker.skip(line, reason)
                self._marks.add(array("Q", [0]), offset=block.offset, size=block.end)
                line += 1
            elif found is None:
                line += self._check_all(block, line)
            else:
                line += self._check_doubtful(block, found, line)
        self._check_ends(line - 1)
        self._report_repeats()

    def _blocks(self, plain_bytes: int | None) -> Iterable[tuple[Block, PlainScan | None]]:
        if plain_bytes is None or os.fstat(self._file.fileno()).st_size < SCANNED_BYTES:
            return ((block, None) for block in self.reader)
        # Loads numpy: 100 ms and 20 MB that only large files pay for.
        from tailorbird.data.training.scan.block_scans import BlockScans  # noqa: PLC0415

        return BlockScans(self.reader, longest_bytes=plain_bytes)

    def _check_all(self, block: Block, first: int) -> int:
        """Check each line of a block; give how many there are."""
        lines = block.lines()
        marks = array("Q")
        for line, raw in enumerate(lines, start=first):
            self._checker.check(raw, line)
            marks.append(mark_of(raw))
        self._marks.add(marks, offset=block.offset, size=block.end)
        return len(lines)

    def _check_doubtful(self, block: Block, found: PlainScan, first: int) -> int:
        """Check the lines of a block that are not plain; give how many there are in all."""
        ends = found.line_ends
        for index in found.doubtful.tolist():
            start = int(ends[index - 1]) + 1 if index else 0
            self._checker.check(bytes(block.buffer[start : int(ends[index])]), first + index)
        self._checker.tally.add_plain(found)
        marks = array("Q")
        marks.frombytes(found.marks.tobytes())
        self._marks.add(marks, offset=block.offset, size=block.end)
        return len(ends)

    def _check_ends(self, last: int) -> None:
        if self._checker.tally.has_crlf:
            self._problems.add("note", "jsonl.crlf", "lines end with CR LF: accepted")
        if not self.reader.ends_with_newline:
            reason = "the last line has no line end: accepted"
            self._problems.add("note", "jsonl.no-final-newline", reason, line=last)

    def _report_repeats(self) -> None:
        for line, first in self._marks.repeats(self._file):
            reason = f"the row is the same as the one in line {first}"
            fix = "remove it, unless it is meant to weigh more"
            self._problems.add("warning", "jsonl.repeated-row", reason, fix, line=line)
