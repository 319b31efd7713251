"""Load Excel workbooks with python-calamine, of the extra `documents`."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird.data.documents.files import report_encrypted
from tailorbird.data.documents.loaders.packages import (
    PackageLimits,
    check_package,
    is_old_office,
)
from tailorbird.data.documents.loaders.table_text import TableText
from tailorbird.data.documents.loaders.workbook import SheetFacts, sheet_facts
from tailorbird.data.documents.loading import Loader, TextBuilder
from tailorbird.exceptions import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from python_calamine import CalamineSheet, CalamineWorkbook

    from tailorbird.data.documents.loading import LoadedText, LoadOptions
    from tailorbird.data.problems import Problems
    from tailorbird.exceptions import Severity

_CellValue = str | bool | int | float | date | time | datetime | timedelta

MAX_XML_BYTES = 256 * 2**20
"""Largest XML file within a workbook: our own bound. Sheets are read as a stream."""

_SHOWN = 5
_EXACT = 1e15  # Excel keeps 15 digits


class ExcelLoader(Loader):
    """Takes each row of each visible sheet as a line that names its columns."""

    @override
    def load(self, path: Path, *, options: LoadOptions, problems: Problems) -> LoadedText | None:
        """Take the rows; formulas give the value that was last computed, or are reported."""
        try:
            # An extra, and half of it is a compiled library.
            from python_calamine import CalamineWorkbook, PasswordError  # noqa: PLC0415
        except ImportError as exc:
            raise MissingExtraError(package="python-calamine", extra="documents") from exc
        old = path.suffix.lower() == ".xls" and is_old_office(path)
        if not old and not check_package(path, PackageLimits(xml_bytes=MAX_XML_BYTES), problems):
            return None
        builder = TextBuilder(options)
        try:
            # By its path, because only so a password is told from damage; the stubs of the package
            # leave the kind of path open.
            opened = CalamineWorkbook.from_path(str(path))  # pyright: ignore[reportUnknownMemberType]
            with opened as book:
                _Book({} if old else sheet_facts(path), builder, problems).write(book)
        except PasswordError:
            report_encrypted(problems)
            return None
        return builder.loaded()


class _Book:
    """Writes the sheets of one workbook."""

    def __init__(
        self, facts: Mapping[str, SheetFacts], builder: TextBuilder, problems: Problems
    ) -> None:
        self._facts = facts
        self._builder = builder
        self._problems = problems

    def write(self, book: CalamineWorkbook) -> None:
        """Write each visible sheet, and report what of it cannot be had."""
        from python_calamine import SheetTypeEnum, SheetVisibleEnum  # noqa: PLC0415 - an extra

        hidden: list[str] = []
        shown: list[str] = []
        for sheet in book.sheets_metadata:
            if sheet.typ != SheetTypeEnum.WorkSheet:
                continue
            if sheet.visible != SheetVisibleEnum.Visible:
                hidden.append(sheet.name)
                continue
            shown.append(sheet.name)
            self._sheet(sheet.name, book.get_sheet_by_name(sheet.name))
        if hidden:
            names = ", ".join(repr(name) for name in hidden[:_SHOWN])
            more = f" and {len(hidden) - _SHOWN:,} more" if len(hidden) > _SHOWN else ""
            reason = f"hidden sheets are left out: {names}{more}"
            fix = "show them in Excel to have them read"
            self._problems.add("note", "document.hidden-part", reason, fix)
        self._report(shown)

    def _sheet(self, name: str, rows: CalamineSheet) -> None:
        facts = self._facts.get(name, SheetFacts())
        if rows.start is None and not facts.boxes:
            return
        self._builder.gap()
        self._builder.mark("sheet", name)
        self._builder.line(name)
        for line in facts.boxes:  # not behind the rows, whose numbers are counted by lines
            self._builder.line(line)
        if facts.boxes:
            self._builder.gap()
        if rows.start is not None:
            self._rows(rows, rows.start[1], facts)

    def _rows(self, rows: CalamineSheet, left: int, facts: SheetFacts) -> None:
        table = TableText(self._builder)
        merged = _Merged(rows.merged_cell_ranges or (), left)
        for number, values in enumerate(rows.iter_rows()):
            cells = [
                percentage(value) if (number, at) in facts.percents else shown(value)
                for at, value in enumerate(values, start=left)
            ]
            table.row(number + 1, merged.filled(number, cells))

    def _report(self, names: Sequence[str]) -> None:
        """Report formulas, errors and drawings by the sheets that they stand in."""
        known = [(name, self._facts[name]) for name in names if name in self._facts]
        for severity, code, number_of, reason, fix in _TOLD:
            if found := [(name, number_of(one)) for name, one in known if number_of(one)]:
                self._problems.add(severity, code, f"{reason} left out: {_counted(found)}", fix)


_TOLD: Sequence[tuple[Severity, str, Callable[[SheetFacts], int], str, str]] = (
    (
        "warning",
        "document.formulas",
        lambda one: one.uncomputed,
        "formulas that have no computed value are",
        "open it in Excel or LibreOffice and save it: that computes them",
    ),
    (
        "note",
        "document.cell-errors",
        lambda one: one.errors,
        "cells that show an error such as #N/A are",
        "correct their formulas, if the values matter",
    ),
    (
        "note",
        "document.hidden-part",
        lambda one: one.hidden,
        "hidden shapes on sheets are",
        "show them in Excel to have them read",
    ),
    (
        "warning",
        "document.broken-part",
        lambda one: one.damaged,
        "drawings and charts that cannot be read are",
        "save it again in Excel",
    ),
)
"""What is told of a sheet: how bad it is, its code, how often it is there, reason, and fix."""


class _Merged:
    """Cells that are merged over several rows, whose value holds for each of them."""

    def __init__(
        self, ranges: Iterable[tuple[tuple[int, int], tuple[int, int]]], left: int
    ) -> None:
        """Take the ranges: first and last row and column, from 0; `left` is the first column."""
        self._lasts = {
            (top, column - left): bottom for (top, column), (bottom, _) in ranges if bottom > top
        }
        self._open: dict[int, tuple[int, str]] = {}  # by column: last row, value

    def filled(self, number: int, cells: list[str]) -> list[str]:
        """Give a row, from 0, with the values of merged cells that began above it."""
        if not any(cells):
            return cells
        self._open = {at: one for at, one in self._open.items() if one[0] >= number}
        filled = cells.copy()
        for at, (_, value) in self._open.items():
            filled[at] = cells[at] or value
        for at, cell in enumerate(cells):
            if cell and (last := self._lasts.get((number, at))):
                self._open[at] = (last, cell)
        return filled


def _counted(found: Sequence[tuple[str, int]]) -> str:
    listed = ", ".join(f"{count:,} in {name!r}" for name, count in found[:_SHOWN])
    more = f" and in {len(found) - _SHOWN:,} more sheets" if len(found) > _SHOWN else ""
    return f"{listed}{more}"


def percentage(value: _CellValue) -> str:
    """Write the value of a cell that is formatted as a percentage: 0.085 is 8.5%."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return shown(value)
    # Multiplying adds an error in the last place: 0.07 * 100 is 7.000000000000001.
    return f"{value * 100:.12g}%"


def shown(cell: _CellValue) -> str:
    """Write the value of a cell, close to what a reader of the sheet sees."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        # Excel computes with 15 digits: the 0.30000000000000004 of a file is 0.3 to its reader.
        return str(int(cell)) if cell.is_integer() and abs(cell) < _EXACT else f"{cell:.15g}"
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ")
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return _hours(cell)
    return str(cell)


def _hours(cell: timedelta) -> str:
    """Write a length of time as Excel does: 30 hours are 30:00:00."""
    seconds = round(abs(cell.total_seconds()))
    sign = "-" if cell < timedelta() else ""
    return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
