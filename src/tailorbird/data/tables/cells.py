"""What spreadsheets do to cells: formulas, error values, dates made of numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tailorbird.data.tables.rows import Remark

FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")
"""First characters that make a spreadsheet take a cell for a formula. Source: OWASP ASVS 5.0,
requirement 1.2.10, and CWE-1236 (read 2026-11-22); line ends and the full-width forms, which
Japanese spreadsheets read like the narrow ones, are ours."""

UNUSUAL_STARTS = frozenset("=+-@#'“”„‘\"＂")
"""First characters of cells that deserve a look; see `remark_on_start`."""

# A plain `-` or `+` begins list items, phone numbers and temperatures too; what follows tells.
_FORMULA = re.compile(r"=[^=>\s]|@[A-Za-z_.]+\(|[-+@][^\s|]*\||[-+@]+[A-Za-z_.]+\(|[-+]=")
# Source: Microsoft Support, "ERROR.TYPE function" and the pages on #SPILL!, #CALC!, #FIELD!,
# #BLOCKED!, #CONNECT!, #BUSY! and #UNKNOWN! (read 2026-11-22); a row of # is a column too narrow.
_ERROR_VALUE = re.compile(
    r"#(?:REF!|NAME\?|N/A|VALUE!|DIV/0!|NULL!|NUM!|SPILL!|CALC!|FIELD!|BLOCKED!|CONNECT!|BUSY!"
    r"|UNKNOWN!|GETTING_DATA)|#{3,}"
)
_ROUNDED = re.compile(r"\d(?:\.\d+)?E\+\d+")
_DATE = re.compile(
    r"\d{1,2}月\d{1,2}日|\d{1,2}-(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
    r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-\d{2}"
)
_WRAPPED = re.compile(r"[“”„‘'＂](.*)[“”’'＂]", re.DOTALL)


def remark_on_start(cell: str) -> Remark | None:
    """Say what a cell that begins with a character of `UNUSUAL_STARTS` may be; None if nothing."""
    if cell[:1] == "#" and _ERROR_VALUE.fullmatch(cell):
        reason = f"{cell[:20]} is a spreadsheet's error value, not a text"
        return "cell.error-value", reason, "mend the formula in the spreadsheet and export again"
    if _FORMULA.match(cell):
        reason = "the cell is a spreadsheet formula; it is kept as text"
        return "cell.formula", reason, "put a blank in front of it if it is meant as text"
    wrapped = _WRAPPED.fullmatch(cell)
    if wrapped and not set("“”„‘’'＂") & set(wrapped[1]):
        reason = f"the cell stands in {cell[0]} {cell[-1]}, which do not quote: they are kept"
        return "cell.quotes", reason, 'remove them, or write straight double quotes (")'
    return None


def remark_on_conversion(cell: str) -> Remark | None:
    """Say whether a spreadsheet seems to have turned a number or a text into something else."""
    if _ROUNDED.fullmatch(cell):
        reason = "a spreadsheet seems to have rounded a long number"
        return "cell.rounded", reason, "format the column as text, enter the number again, export"
    if _DATE.fullmatch(cell):
        reason = "a spreadsheet may have made this date of something like 2-3 or 2/3"
        return "cell.date", reason, "if so, format the column as text and enter it again"
    return None
