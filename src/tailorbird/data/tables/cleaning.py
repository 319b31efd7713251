"""Mend what may be mended in rows: blanks around texts, marks stored apart, rows without text."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tailorbird.data.tables.kinds import kind_of
from tailorbird.data.unusual_text import is_blank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.data.problems import Problems
    from tailorbird.data.tables.columns import Role
    from tailorbird.data.tables.options import ReadOptions
    from tailorbird.data.tables.rows import Batch

_BLANK_QUOTE = (
    "csv.blank-quote",
    "the quote stands behind a blank, so it is part of the text",
    "remove the blank in front of the quote",
)
_EMPTY_FIX = "fill it, remove the row, or leave such rows out: empty_answers='skip'"


@dataclass(slots=True)
class Count:
    """How often something was seen, and where first."""

    text: str
    """What is told about it; `{}` stands for the number."""
    code: str
    """The note's code."""
    number: int = 0
    """How often."""
    first: int = 0
    """Line (or record) of the first time."""

    def add(self, place: int) -> None:
        """Count one more."""
        self.number += 1
        self.first = self.first or place

    def report(self, problems: Problems, unit: str) -> None:
        """Tell about it in a note, if it was seen at all."""
        if self.number:
            reason = f"{self.text.format(f'{self.number:,}')}, the first in {unit} {self.first}"
            problems.add("note", self.code, reason)


class RowCleaner:
    """Mends batches of rows and remembers how much was mended."""

    def __init__(self, options: ReadOptions, problems: Problems, *, to_train: bool) -> None:
        """Start; with `to_train` every row needs an answer, whatever its kind."""
        self.skipped = 0
        """Rows that were left out because question or answer is empty."""
        self._problems = problems
        self._to_train = to_train
        self._skips = options.empty_answers == "skip"
        self._composes = options.normalize == "nfc"
        self._stripped = Count("blanks around {} cell(s) were left out", "cell.blanks")
        self._composed = Count("{} cell(s) were composed (NFC)", "cell.composed")

    def clean(self, batch: Batch) -> Batch:
        """Give the rows that have a question and an answer, without blanks around their texts."""
        ids, systems, kinds, more = batch.ids, batch.systems, batch.kinds, batch.more_answers
        batch = replace(
            batch,
            questions=self._clean(batch, "question", batch.questions),
            answers=self._clean(batch, "answer", batch.answers),
            ids=None if ids is None else self._clean(batch, "id", ids),
            systems=None if systems is None else self._clean(batch, "system", systems),
            kinds=None if kinds is None else self._clean(batch, "kind", kinds),
            more_answers=None if more is None else [self._texts(some) for some in more],
        )
        if "" in batch.questions or "" in batch.answers:
            return self._filled(batch)
        return batch

    def finish(self, unit: str) -> None:
        """Tell how much was mended; `unit` is `line` or `row`."""
        self._stripped.report(self._problems, unit)
        self._composed.report(self._problems, unit)

    def _clean(self, batch: Batch, role: Role, cells: list[str]) -> list[str]:
        stripped = list(map(str.strip, cells))
        if stripped != cells:
            for at in _changed(cells, stripped):
                self._stripped.add(batch.places[at])
                quoted = stripped[at].startswith('"') and not cells[at].startswith('"')
                if quoted and batch.form == "csv":
                    batch.cell(at, role).report(self._problems, "warning", _BLANK_QUOTE)
        if batch.unusual:
            stripped = ["" if is_blank(cell) else cell for cell in stripped]
        if not self._composes:
            return stripped
        composed = [unicodedata.normalize("NFC", cell) for cell in stripped]
        for at in _changed(stripped, composed):
            self._composed.add(batch.places[at])
        return composed

    def _texts(self, texts: tuple[str, ...]) -> tuple[str, ...]:
        stripped = map(str.strip, texts)
        if self._composes:
            return tuple(unicodedata.normalize("NFC", text) for text in stripped)
        return tuple(stripped)

    def _filled(self, batch: Batch) -> Batch:
        dropped: set[int] = set()
        for at, (question, answer) in enumerate(zip(batch.questions, batch.answers, strict=True)):
            if question and (answer or self._may_be_unanswered(batch, at)):
                continue
            dropped.add(at)
            role: Role = "answer" if question else "question"
            empty = "question and answer are" if not (question or answer) else f"the {role} is"
            cell = batch.cell(at, role)
            if self._skips:
                self.skipped += 1
                remark = ("row.skipped", f"the row was left out: {empty} empty", "")
                cell.report(self._problems, "warning", remark)
            else:
                cell.report(self._problems, "error", ("row.empty", f"{empty} empty", _EMPTY_FIX))
        return batch.without(dropped)

    def _may_be_unanswered(self, batch: Batch, at: int) -> bool:
        if self._to_train or batch.kinds is None:
            return False
        return kind_of(batch.kinds[at]) == "unanswerable"


def _changed(before: Sequence[str], after: Sequence[str]) -> list[int]:
    pairs = enumerate(zip(before, after, strict=True))
    return [at for at, (old, new) in pairs if old != new]
