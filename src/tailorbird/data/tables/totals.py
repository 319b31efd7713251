"""What can be said about rows only when all have been seen: repeats, numbers, swapped columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.data.tables.repeats import Repeats

if TYPE_CHECKING:
    from tailorbird.data.problems import Problems
    from tailorbird.data.tables.options import TableLimits
    from tailorbird.data.tables.rows import Batch
    from tailorbird.exceptions import Severity

_ASKING = ("?", "？", "か。", "か")
_SAMPLED_ROWS = 1000
_SMALLEST_SAMPLE = 10
_MINIMUM = (
    "fine-tuning needs at least 10 examples (OpenAI, 'Supervised fine-tuning', read 2026-11-22)"
)


class RowTotals:
    """Adds up batches of rows."""

    def __init__(self, limits: TableLimits, problems: Problems) -> None:
        """Start with no rows."""
        self.rows = 0
        """How many rows there were."""
        self.unit = "line"
        """What places are counted in: `line`, or `row` for rows from no file."""
        self._limits = limits
        self._problems = problems
        self._questions = Repeats(limits.compared_rows)
        self._ids = Repeats(limits.compared_rows)
        self._asking = 0
        self._answers_asking = 0

    def add(self, batch: Batch) -> None:
        """Count some rows and remember what they ask."""
        if batch.lines is None:
            self.unit = "row"
        places = batch.places
        self._questions.add(batch.questions, batch.answers, places)
        if batch.ids is not None and any(batch.ids):
            given = [at for at, name in enumerate(batch.ids) if name]
            names = [batch.ids[at] for at in given]
            self._ids.add(names, names, [places[at] for at in given])
        if self.rows < _SAMPLED_ROWS:
            self._asking += sum(text.endswith(_ASKING) for text in batch.questions)
            self._answers_asking += sum(text.endswith(_ASKING) for text in batch.answers)
        self.rows += len(batch)

    def finish(self, *, skipped: int) -> None:
        """Report what is wrong with the rows as a whole; `skipped` rows were left out."""
        self._report_repeats()
        self._report_number(skipped)
        sampled = min(self.rows, _SAMPLED_ROWS)
        swapped = self._answers_asking * 2 > sampled and self._asking * 10 < sampled
        if sampled >= _SMALLEST_SAMPLE and swapped:
            reason = "most answers end like questions, and hardly any question does"
            fix = "if the columns are swapped, say so: columns={'question': …, 'answer': …}"
            self._problems.add("warning", "row.swapped", reason, fix)

    def _report_repeats(self) -> None:
        for one in self._questions.found():
            if one.same:
                code, reason = "row.repeated", f"the same row as in {self.unit} {one.first}"
                fix = "remove one of the two"
            else:
                code = "row.contradiction"
                reason = f"the same question as in {self.unit} {one.first}, with another answer"
                fix = "keep the right answer, or tell the two questions apart"
            self._report("warning", code, reason, fix, one.place)
        for one in self._ids.found():
            reason = f"the same id as in {self.unit} {one.first}"
            self._report("error", "row.id", reason, "give each row an id of its own", one.place)
        if self.rows > self._limits.compared_rows:
            compared = self._limits.compared_rows
            reason = f"repeats were looked for in the first {compared:,} rows only"
            self._problems.add("note", "row.repeats-unchecked", reason)

    def _report(self, severity: Severity, code: str, reason: str, fix: str, place: int) -> None:
        line, record = (place, None) if self.unit == "line" else (None, place)
        self._problems.add(severity, code, reason, fix, line=line, record=record)

    def _report_number(self, skipped: int) -> None:
        least, most = self._limits.min_rows, self._limits.max_rows
        if not self.rows and not self._problems.error_count:
            left = "no row is left" if skipped else "there are no data rows"
            reason = f"{left}; {_MINIMUM}"
            self._problems.add("error", "row.none", reason, "add rows of question and answer")
        elif least is not None and self.rows < least.value:
            reason = f"{self.rows:,} rows found, {least.value:,} needed ({least.source})"
            self._problems.add("error", "row.too-few", reason, "add rows")
        if most is not None and self.rows > most.value:
            reason = f"{self.rows:,} rows, the limit is {most.value:,} ({most.source})"
            fix = "split the file, or take a sample"
            self._problems.add("error", "row.too-many", reason, fix)
