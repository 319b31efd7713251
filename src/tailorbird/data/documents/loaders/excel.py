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
from tailorbird.data.documents.loading import Loader, TextBuilder
from tailorbird.exceptions import MissingExtraError

if TYPE_CHECKING:
    from pathlib import Path

    from python_calamine import CalamineWorkbook

    from tailorbird.data.documents.loading import LoadedText, LoadOptions
    from tailorbird.data.problems import Problems

_CellValue = str | bool | int | float | date | time | datetime | timedelta

MAX_XML_BYTES = 256 * 2**20
"""Largest XML file within a workbook: our own bound. Sheets are read as a stream."""

_SHOWN = 5


class ExcelLoader(Loader):
    """Takes each row of each visible sheet as a line that names its columns."""

    @override
    def load(self, path: Path, *, options: LoadOptions, problems: Problems) -> LoadedText | None:
        """Take the rows; formulas give the value that was last computed."""
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
                _write(book, builder, problems)
        except PasswordError:
            report_encrypted(problems)
            return None
        return builder.loaded()


def _write(book: CalamineWorkbook, builder: TextBuilder, problems: Problems) -> None:
    from python_calamine import SheetTypeEnum, SheetVisibleEnum  # noqa: PLC0415 - an extra

    hidden: list[str] = []
    for sheet in book.sheets_metadata:
        if sheet.typ != SheetTypeEnum.WorkSheet:
            continue
        if sheet.visible != SheetVisibleEnum.Visible:
            hidden.append(sheet.name)
            continue
        rows = book.get_sheet_by_name(sheet.name)
        if rows.start is None:
            continue
        builder.gap()
        builder.mark("sheet", sheet.name)
        builder.line(sheet.name)
        table = TableText(builder)
        for number, cells in enumerate(rows.iter_rows(), start=1):
            table.row(number, [shown(cell) for cell in cells])
    if hidden:
        names = ", ".join(repr(name) for name in hidden[:_SHOWN])
        reason = f"{len(hidden)} hidden sheets are left out: {names}"
        problems.add("note", "document.hidden-part", reason, "show them in Excel to have them read")


def shown(cell: _CellValue) -> str:
    """Write the value of a cell, close to what a reader of the sheet sees."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ")
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    return str(cell)
