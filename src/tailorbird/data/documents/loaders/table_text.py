"""Write rows of a table as text in which each row stands for itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tailorbird.data.documents.loaders.markup import CELL_SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.data.documents.loading import TextBuilder

_BREAKS = re.compile(r"\s*[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+\s*")
_NUMBER = re.compile(r"[-+¥￥$€£]?\s*[\d０-９][\d０-９.,，/:\-年月日 ]*[%％円]?")
_COLUMNS = 2  # fewer make no table


class TableText:
    """Writes one table: `column: cell | column: cell`, so that a row is understood alone.

    The names are those of the first row with two cells or more, if all of them are different texts;
    lines above it, such as the table's title, stay as they are. Empty cells are left out, and so is
    the name of a column where a cell repeats it, as in a header over two rows. A line break within
    a cell becomes a blank: each row is one line.
    """

    def __init__(self, builder: TextBuilder) -> None:
        """Write into `builder`."""
        self._builder = builder
        self._names: list[str] | None = None
        self._expected = 0  # number of the row that the next line is taken for

    def row(self, number: int, cells: Sequence[str]) -> None:
        """Write a row.

        Args:
            number: The row in its sheet or file, from 1; larger than that of the row before.
            cells: Its cells; empty ones are ''.
        """
        cells = [_BREAKS.sub(" ", cell).strip() for cell in cells]
        filled = sum(map(bool, cells))
        if not filled:
            return
        if number != self._expected:
            self._builder.mark("row", number)
        self._expected = number + 1
        if self._names is None and filled >= _COLUMNS:
            self._names = cells if _are_names(cells) else []
            self._builder.line(CELL_SEPARATOR.join(filter(None, cells)))
            return
        names = self._names or []
        self._builder.line(
            CELL_SEPARATOR.join(
                f"{names[at]}: {cell}" if at < len(names) and names[at] not in {"", cell} else cell
                for at, cell in enumerate(cells)
                if cell
            )
        )


def _are_names(cells: Sequence[str]) -> bool:
    """Say whether the cells of a row name columns."""
    names = [cell for cell in cells if cell]
    numbers = any(_NUMBER.fullmatch(name) for name in names)
    return len(set(names)) == len(names) and not numbers
