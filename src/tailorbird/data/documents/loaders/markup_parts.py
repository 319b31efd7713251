"""Lists and tables of HTML while they are open."""

from __future__ import annotations

from dataclasses import dataclass, field

_LETTERS = 26
_WIDEST_SPAN = 100  # columns in which cells over several rows or columns are told


@dataclass(slots=True)
class OpenList:
    """A list that is open."""

    kind: str = ""
    """How its items are numbered, as in the attribute `type`; empty when they are not."""
    last: int = 0
    """Number of the item before."""

    def next(self, number: int | None) -> str:
        """Give what stands before the next item, which may bring its number."""
        self.last = self.last + 1 if number is None else number
        if self.kind == "1":
            return f"{self.last}. "
        if self.kind in {"a", "A"} and 1 <= self.last <= _LETTERS:
            return f"{chr(ord(self.kind) + self.last - 1)}. "
        return "- "


@dataclass(slots=True)
class OpenTable:
    """A table that is open."""

    before: list[str]
    """What was read of the cell around it."""
    row: list[str] | None = None
    """Cells of the row that is open, by their column; None between rows."""
    cell: tuple[int, int] | None = None
    """Over how many rows and columns the cell that is open reaches; None between cells."""
    above: dict[int, tuple[int, str]] = field(default_factory=dict[int, tuple[int, str]])
    """Cells that reach down from rows above, by column: for how many rows more, and their text."""
    filled: bool = False
    """Whether the row has text of its own."""

    def put(self, row: list[str], text: str) -> None:
        """Put a cell into its column; what stands between cells counts where it is text."""
        if self.cell is None and not text:
            return
        rows, columns = self.cell or (1, 1)
        self.cell = None
        self.filled = self.filled or bool(text)
        while (taken := self._reaching(len(row))) is not None:
            row.append(taken)
        for at in range(max(1, min(columns, _WIDEST_SPAN - len(row)))):
            if rows > 1 and len(row) < _WIDEST_SPAN:
                self.above[len(row)] = (rows - 1, text if at == 0 else "")
            row.append(text if at == 0 else "")

    def end_row(self) -> list[str]:
        """Give the cells of the row: one that is merged over several rows counts for each."""
        row = self.row or []
        for column in sorted(one for one in self.above if one >= len(row)):
            row.append(self._reaching(column) or "")
        cells = [one for one in row if one] if self.filled else []
        self.row, self.filled = None, False
        return cells

    def _reaching(self, column: int) -> str | None:
        """Give the text of the cell that reaches down to this row; None without one."""
        if column not in self.above:
            return None
        rows, text = self.above.pop(column)
        if rows > 1:
            self.above[column] = (rows - 1, text)
        return text
