"""Read CSV, TSV and semicolon-separated text into rows, with the physical line of each."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import TYPE_CHECKING

from tailorbird.data.problems import excerpt
from tailorbird.data.tables.columns import (
    Layout,
    Misfit,
    in_order,
    looks_like_header,
    role_of,
    shown,
    understand,
)
from tailorbird.data.tables.quotes import find_fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tailorbird.data.files.lines import LineBlock
    from tailorbird.data.problems import Problems
    from tailorbird.data.tables.columns import Wanted

DELIMITERS = (",", "\t", ";")
"""Delimiters that are recognized, in the order of preference."""

# Spreadsheets have a title, a date and blank lines above their header: hardly more than this.
_TITLE_LINES = 10
_TITLE_FIX = "the header seems to stand in line {}: delete the lines above it; "
_BREAK = re.compile("\r\n|\r|\n")
_SEPARATOR_LINE = re.compile(r"sep=(.)\s*", re.IGNORECASE)
# A record in an open quote waits for more text up to this many characters. The csv module gives up
# at `csv.field_size_limit()`, 131,072 by default, which we never change: it is one for the process.
_PENDING_CHARS = 1 << 20


@dataclass(frozen=True, slots=True)
class RowBlock:
    """Some rows in a row, blank lines included (as rows without cells)."""

    rows: list[list[str]]
    """Cells of each row."""
    lines: Sequence[int]
    """Physical line in which each row begins, from 1."""
    unusual: bool
    """See `LineBlock.unusual`."""
    converted: bool
    """See `LineBlock.converted`."""


@dataclass(frozen=True, slots=True)
class Header:
    """How a table is to be read."""

    layout: Layout
    """Which column plays which role."""
    delimiter: str
    """What stands between two cells."""
    is_missing: bool
    """Whether the file has no header line: the names are the user's, the first row is data."""


def read_header(
    blocks: Iterator[LineBlock], wanted: Wanted | None, problems: Problems
) -> tuple[Header | None, Iterator[LineBlock]]:
    """Read the header line, or take the names that the user gave; find the delimiter.

    The delimiter is the one of `DELIMITERS` with which the first row shows the most of what is
    looked for (a question and an answer column), or else the most cells. A first line `sep=;`, as
    Excel writes it, decides. Nothing else in the file is looked at. When the names were given in
    order, the first row is a header if it holds them, and data otherwise.

    Returns:
        The header, or None when it cannot be understood, which has then been reported; and the
        blocks of the rows behind it.
    """
    for block in blocks:
        begin = _first_filled(block.lines)
        stated = _SEPARATOR_LINE.fullmatch(block.lines[begin]) if begin is not None else None
        if begin is not None and stated:
            begin = _first_filled(block.lines, begin + 1)
        if begin is None:
            continue
        candidates = (stated[1],) if stated else DELIMITERS
        first = _first_row(block.lines[begin:], candidates, wanted)
        if first is None:
            line = block.first + begin
            reason = "the header line has a quote that does not end as it should"
            fix = 'put a " at both ends of the cell, or at none'
            problems.add("error", "csv.header", reason, fix, line=line)
            return None, iter(())
        below = _header_below(block.lines, begin + 1, candidates, wanted)
        title = "" if below is None else _TITLE_FIX.format(block.first + below)
        header = _header(first, wanted, problems, block.first + begin, title)
        used = begin + (0 if header and header.is_missing else first.height)
        rest = replace(block, lines=block.lines[used:], first=block.first + used)
        return header, chain((rest,), blocks)
    reason = "the file has no text in it, only blank lines"
    problems.add("error", "file.empty", reason, "give the file with the rows")
    return None, iter(())


def csv_rows(blocks: Iterable[LineBlock], delimiter: str, problems: Problems) -> Iterator[RowBlock]:
    """Parse lines into rows; a broken row is reported and reading goes on behind it."""
    pending: LineBlock | None = None
    for block in blocks:
        joined = block if pending is None else _joined(pending, block)
        rows, left = _parse(joined, delimiter, problems, final=False)
        pending = None
        if left < len(joined.lines):
            pending = replace(joined, lines=joined.lines[left:], first=joined.first + left)
        yield rows
    if pending is not None:
        yield _parse(pending, delimiter, problems, final=True)[0]


def line_breaks(text: str) -> int:
    """Count the line ends in a text; CR LF is one."""
    return len(_BREAK.findall(text)) if "\n" in text or "\r" in text else 0


@dataclass(frozen=True, slots=True)
class _FirstRow:
    cells: list[str]
    height: int
    delimiter: str


def _first_filled(lines: list[str], begin: int = 0) -> int | None:
    return next((at for at in range(begin, len(lines)) if lines[at].strip()), None)


def _first_row(
    lines: list[str], delimiters: Iterable[str], wanted: Wanted | None
) -> _FirstRow | None:
    found: list[_FirstRow] = []
    for delimiter in delimiters:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        try:
            found.append(_FirstRow(next(reader), reader.line_num, delimiter))
        except csv.Error:
            continue
    return max(found, key=lambda row: (*_fitness(row.cells, wanted), len(row.cells)), default=None)


def _fitness(cells: list[str], wanted: Wanted | None) -> tuple[int, bool]:
    if wanted is None:
        return len({role_of(cell) for cell in cells} & {"question", "answer"}), False
    return wanted.found_in(cells), wanted.order is not None and len(cells) == len(wanted.order)


def _header_below(
    lines: list[str], begin: int, delimiters: Sequence[str], wanted: Wanted | None
) -> int | None:
    """Find a line that holds what the first one should: question and answer; None without one."""
    for at, line in enumerate(lines[begin : begin + _TITLE_LINES], begin):
        if any(_fitness(line.split(one), wanted)[0] > 1 for one in delimiters):
            return at
    return None


def _header(
    first: _FirstRow, wanted: Wanted | None, problems: Problems, line: int, title: str
) -> Header | None:
    cells = first.cells
    if cells[0].lstrip().startswith('{"'):
        reason = "the file holds JSON Lines under the name of a table"
        problems.add("error", "csv.header", reason, "rename it to end in .jsonl", line=line)
        return None
    if wanted is not None and wanted.order is not None and not wanted.found_in(cells):
        if looks_like_header(cells):
            reason = f"the first line is a header, but has none of the names given: {shown(cells)}"
            problems.add("error", "csv.header", reason, "leave `columns` away", line=line)
            return None
        if title:
            reason = "the first line holds none of the names given, but a later one does"
            problems.add("error", "csv.header", reason, title.rstrip("; "), line=line)
            return None
        return Header(in_order(wanted, wanted.order), first.delimiter, is_missing=True)
    layout = understand(cells, wanted)
    if isinstance(layout, Misfit):
        reason = layout.reason
        if len(cells) == 1:
            reason += "; there is no comma, tab or semicolon in the line"
        fix = title + layout.fix if layout.code == "columns-missing" else layout.fix
        problems.add("error", f"csv.{layout.code}", reason, fix, line=line)
        return None
    for note in layout.notes:
        problems.add("note", "csv.columns", note, line=line)
    return Header(layout, first.delimiter, is_missing=False)


def _joined(pending: LineBlock, block: LineBlock) -> LineBlock:
    return replace(
        pending,
        lines=pending.lines + block.lines,
        unusual=pending.unusual or block.unusual,
        converted=pending.converted or block.converted,
    )


def _parse(
    block: LineBlock, delimiter: str, problems: Problems, *, final: bool
) -> tuple[RowBlock, int]:
    """Parse a block; give its rows and how many of its lines they use up."""
    lines = block.lines
    rows: list[list[str]] = []
    starts: list[int] = []
    begin = 0
    while begin < len(lines):
        reader = csv.reader(islice(lines, begin, None), delimiter=delimiter, strict=True)
        got: list[list[str]] = []
        ends: list[int] = []
        broken = False
        try:
            # Not list(reader): the rows before a broken one would be lost with it.
            for row in reader:
                got.append(row)
                ends.append(reader.line_num)
        except csv.Error:
            broken = True
        if not broken and not rows and reader.line_num == len(got):
            numbers = range(block.first + begin, block.first + len(lines))
            return RowBlock(got, numbers, block.unusual, block.converted), len(lines)
        stop = begin + reader.line_num
        rows += got
        starts += [block.first + begin + end for end in (0, *ends[:-1])[: len(got)]]
        begin += ends[-1] if ends else 0
        if broken:
            resumed = _Broken(block, begin, stop, delimiter).report(problems, final=final)
            if resumed is None:
                break
            begin = resumed
    return RowBlock(rows, starts, block.unusual, block.converted), begin


@dataclass(frozen=True, slots=True)
class _Broken:
    """A record that the parser refused, in lines `begin` to `stop` of a block."""

    block: LineBlock
    begin: int
    stop: int
    delimiter: str

    def report(self, problems: Problems, *, final: bool) -> int | None:
        """Report what is wrong and give the line at which to go on; None: wait for more text."""
        lines = self.block.lines
        text = "".join(lines[self.begin : self.stop])
        fault = find_fault(text, self.delimiter)
        if fault.opened is not None and fault.closed is None and self.stop < len(lines):
            text = "".join(lines[self.begin :])
            fault = find_fault(text, self.delimiter)
        if fault.opened is None:
            self._report_size(problems, fault.longest)
            return self.begin + line_breaks(text[: fault.end]) + 1
        if fault.closed is None and not final and len(text) < _PENDING_CHARS:
            return None
        within = "" if final else f" within the next {len(text) - fault.opened:,} characters"
        return self._report_quote(problems, text, fault.opened, fault.closed, within)

    def _report_quote(
        self, problems: Problems, text: str, opened: int, closed: int | None, within: str
    ) -> int:
        above = line_breaks(text[:opened])
        line = self.block.first + self.begin + above
        column = opened + 1 - max(text.rfind("\n", 0, opened), text.rfind("\r", 0, opened)) - 1
        place = f"line {line}, column {column}"
        if closed is None:
            reason = f"the quote opened in {place} is never closed{within}"
            fix = 'close the cell with ", or write "" for a quote inside it'
        elif line_breaks(text[opened:closed]):
            end = line + line_breaks(text[opened:closed])
            reason = (
                f"the quote opened in {place} is probably never closed: the next one, in line"
                f" {end}, does not end a cell"
            )
            fix = f'close the cell in line {line} with "'
        else:
            reason = f"text follows the closing quote of the cell that begins in {place}"
            fix = 'write a quote inside a cell twice (""); nothing may stand behind the last one'
        at = opened if closed is None else closed
        piece = excerpt(text[opened : at + 40], at - opened)
        problems.add("error", "csv.quote", reason, fix, line=line, column=column, excerpt=piece)
        return self.begin + above + 1

    def _report_size(self, problems: Problems, size: int) -> None:
        reason = (
            f"a cell has {size:,} characters; cells of more than {csv.field_size_limit():,}"
            " cannot be read"
        )
        fix = "cut the text, or index it as a document instead of training on it"
        line = self.block.first + self.begin
        problems.add("error", "csv.cell-too-long", reason, fix, line=line)
