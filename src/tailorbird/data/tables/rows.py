"""Hold rows by column, whatever file they come from, and bring the rows of a table there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from tailorbird.data.files.lines import line_blocks
from tailorbird.data.problems import excerpt
from tailorbird.data.tables.columns import Layout, shown
from tailorbird.data.tables.delimited import csv_rows, read_header
from tailorbird.data.unusual_text import is_blank

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tailorbird.data.files.encodings import TextFile
    from tailorbird.data.problems import Problems
    from tailorbird.data.tables.columns import Role, Wanted
    from tailorbird.data.tables.delimited import Header, RowBlock
    from tailorbird.exceptions import Severity
    from tailorbird.types.questions import Origin, Swap

Remark = tuple[str, str, str]
"""Code, reason and fix of a problem."""

SEPARATOR = "|"
"""What stands between several sources, or several accepted answers, in one cell of a table."""

_WRONG_QUOTES = "'“”„‘’「『＂"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some rows in a row, by column; all columns have the same length."""

    form: Literal["csv", "json", "data"]
    """What they come from; first part of the problems' codes."""
    layout: Layout
    """Names of the columns."""
    questions: list[str]
    """What is asked."""
    answers: list[str]
    """Reference answers; empty where there is none."""
    more_answers: list[tuple[str, ...]] | None = None
    """Further accepted answers; None without any."""
    kinds: list[str] | None = None
    """Kinds of question as they were written; None without such a column."""
    sources: list[tuple[str, ...]] | None = None
    """Expected sources; None without such a column."""
    systems: list[str] | None = None
    """System prompts; None without such a column."""
    ids: list[str] | None = None
    """Given ids, empty where a row has none; None without such a column."""
    origins: list[Origin | None] | None = None
    """What each question was made from; None for what cannot say it."""
    swaps: list[Swap | None] | None = None
    """The facts that conflicts change; None for what cannot say it."""
    lines: Sequence[int] | None
    """Physical line in which each row begins; None for rows from no file."""
    records: Sequence[int]
    """Number of each row from 1, the header not counted."""
    unusual: bool
    """Whether characters of `lines.UNUSUAL` may be in it."""
    converted: bool
    """Whether dates and numbers as spreadsheets write them may be in it."""

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.questions)

    def cell(self, at: int, role: Role) -> Cell:
        """Name one cell, to report something about it."""
        return Cell(self, at, role)

    @property
    def places(self) -> Sequence[int]:
        """Where each row is: its line, or its record number for rows from no file."""
        return self.records if self.lines is None else self.lines

    def without(self, dropped: set[int]) -> Batch:
        """Leave out some rows, given by their place from 0."""
        kept = [at for at in range(len(self)) if at not in dropped]
        return replace(
            self,
            questions=[self.questions[at] for at in kept],
            answers=[self.answers[at] for at in kept],
            more_answers=self.more_answers and [self.more_answers[at] for at in kept],
            kinds=self.kinds and [self.kinds[at] for at in kept],
            sources=self.sources and [self.sources[at] for at in kept],
            systems=self.systems and [self.systems[at] for at in kept],
            ids=self.ids and [self.ids[at] for at in kept],
            origins=self.origins and [self.origins[at] for at in kept],
            swaps=self.swaps and [self.swaps[at] for at in kept],
            lines=self.lines and [self.lines[at] for at in kept],
            records=[self.records[at] for at in kept],
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a batch."""

    batch: Batch
    """Where it is."""
    at: int
    """Its row within the batch, from 0."""
    role: Role
    """Its column."""

    def report(
        self,
        problems: Problems,
        severity: Severity,
        remark: Remark,
        shown_text: str | None = None,
    ) -> None:
        """Report code, reason and fix as a problem of this cell."""
        code, reason, fix = remark
        name = self.batch.layout.name(self.role)
        lines = self.batch.lines
        problems.add(
            severity,
            code,
            reason,
            fix,
            line=None if lines is None else lines[self.at],
            record=self.batch.records[self.at],
            column=name if self.batch.form == "csv" else None,
            field=None if self.batch.form == "csv" else name,
            excerpt=shown_text,
        )


def split_cell(cell: str) -> tuple[str, ...]:
    """Split a cell with several sources or answers at `|`; blanks around each are left out."""
    return tuple(piece.strip() for piece in cell.split(SEPARATOR) if not is_blank(piece))


def table_batches(file: TextFile, wanted: Wanted | None, problems: Problems) -> Iterator[Batch]:
    """Read a table in batches of rows, reporting rows that do not fit the header."""
    header, blocks = read_header(line_blocks(file.blocks(problems), problems), wanted, problems)
    if header is None:
        return
    fitter = _Fitter(header, problems)
    for block in csv_rows(blocks, header.delimiter, problems):
        batch = fitter.batch(block)
        if len(batch):
            yield batch
    fitter.finish()


class _Fitter:
    """Brings rows to the width of the header and sorts their cells by role."""

    def __init__(self, header: Header, problems: Problems) -> None:
        self._layout = header.layout
        self._delimiter = header.delimiter
        self._width = len(header.layout.names)
        self._problems = problems
        self._records = 0
        self._trailing = 0
        self._first_trailing = 0
        self._nameless = set(header.layout.nameless)

    def batch(self, block: RowBlock) -> Batch:
        """Take the cells of some rows."""
        rows, lines, records = self._fitted(block)
        for at in sorted(self._nameless):
            self._check_nameless(rows, lines, at)
        cells = {role: [row[at] for row in rows] for role, at in self._layout.places.items()}
        answers, more = cells["answer"], None
        if self._layout.many_answers:
            split = [split_cell(cell) for cell in answers]
            answers = [parts[0] if parts else "" for parts in split]
            more = [parts[1:] for parts in split]
        sources = cells.get("sources")
        return Batch(
            form="csv",
            layout=self._layout,
            questions=cells["question"],
            answers=answers,
            more_answers=more,
            kinds=cells.get("kind"),
            sources=None if sources is None else [split_cell(cell) for cell in sources],
            systems=cells.get("system"),
            ids=cells.get("id"),
            lines=lines,
            records=records,
            unusual=block.unusual,
            converted=block.converted,
        )

    def finish(self) -> None:
        """Report what is told once for the whole file."""
        if self._trailing:
            reason = (
                f"{self._trailing} row(s) have empty cells behind the last column, the first in"
                f" line {self._first_trailing}; they were left out"
            )
            self._problems.add("note", "csv.trailing-cells", reason, line=self._first_trailing)

    def _fitted(self, block: RowBlock) -> tuple[list[list[str]], Sequence[int], Sequence[int]]:
        before = self._records
        if set(map(len, block.rows)) <= {self._width}:
            self._records += len(block.rows)
            return block.rows, block.lines, range(before + 1, self._records + 1)
        rows: list[list[str]] = []
        lines: list[int] = []
        records: list[int] = []
        for row, line in zip(block.rows, block.lines, strict=True):
            if len(row) < 2 and not "".join(row).strip():  # noqa: PLR2004 - a blank line
                continue
            self._records += 1
            if len(row) == self._width or self._trimmed(row, line):
                rows.append(row[: self._width])
                lines.append(line)
                records.append(self._records)
        return rows, lines, records

    def _trimmed(self, row: list[str], line: int) -> bool:
        """Say whether a row has only empty cells too many; report any other row."""
        rest = row[self._width :]
        if rest and not "".join(rest).strip():
            self._trailing += 1
            self._first_trailing = self._first_trailing or line
            return True
        reason = f"the row has {len(row)} cell(s), the header has {self._width}"
        if rest:
            reason += f"; left over: {shown([excerpt(cell) for cell in rest])}"
        self._problems.add(
            "error",
            "csv.row-width",
            reason,
            self._fix(row),
            line=line,
            record=self._records,
            excerpt=excerpt(self._delimiter.join(row)),
        )
        return False

    def _fix(self, row: list[str]) -> str:
        starts = [cell.strip()[:1] for cell in row]
        wrong = next((one for one in starts if one and one in _WRONG_QUOTES), None)
        if wrong:
            return f'quote cells with the straight double quote (") and not with {wrong}'
        if any(cell[:1].isspace() and cell.strip().startswith('"') for cell in row):
            return "remove the blank in front of the quote"
        if len(row) > self._width:
            return f'put the cell that contains {self._delimiter!r} into double quotes: "…"'
        return 'add the missing cell; put a cell that contains a line break into double quotes: "…"'

    def _check_nameless(self, rows: list[list[str]], lines: Sequence[int], at: int) -> None:
        for row, line in zip(rows, lines, strict=True):
            if row[at].strip():
                reason = f"column {at + 1} has no name in the header; its cells are not used"
                fix = "name it, or remove it"
                shown_cell = excerpt(row[at])
                self._problems.add(
                    "warning", "csv.nameless-column", reason, fix, line=line, excerpt=shown_cell
                )
                self._nameless.discard(at)
                return
