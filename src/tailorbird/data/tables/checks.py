"""Check rows for everything that would spoil training or measuring, batch by batch."""

from __future__ import annotations

from dataclasses import replace
from itertools import compress
from operator import itemgetter
from typing import TYPE_CHECKING

from tailorbird.data.problems import PROBLEM_LIMIT, excerpt
from tailorbird.data.secrets import REMARKS, find_sensitive
from tailorbird.data.tables.cells import UNUSUAL_STARTS, remark_on_conversion, remark_on_start
from tailorbird.data.tables.cleaning import Count, RowCleaner
from tailorbird.data.tables.kinds import kind_fix, kind_of
from tailorbird.data.tables.totals import RowTotals
from tailorbird.data.tokens import estimate_tokens
from tailorbird.data.unusual_text import LINE_SEPARATORS, findings
from tailorbird.text.normalize import normalize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tailorbird.data.problems import Problems
    from tailorbird.data.tables.columns import Role
    from tailorbird.data.tables.options import Limit, ReadOptions
    from tailorbird.data.tables.rows import Batch

_FIRST_CHARACTER = itemgetter(slice(0, 1))
_CUT = "cut the text, or index it as a document instead of training on it"


class RowChecker:
    """Checks batches of rows; `finish` tells what needs all of them."""

    def __init__(self, options: ReadOptions, problems: Problems, *, to_train: bool) -> None:
        """Start; with `to_train` every row needs an answer, whatever its kind."""
        self._problems = problems
        self._limits = options.limits
        self._count_tokens = options.limits.count_tokens or estimate_tokens
        self._cleaner = RowCleaner(options, problems, to_train=to_train)
        self._totals = RowTotals(options.limits, problems)
        self._separators = Count(
            "{} cell(s) hold U+2028, U+2029 or U+0085; they are kept, and escaped when written",
            "text.line-separator",
        )
        # Help desks write their own address in every other answer: one note tells of all.
        self._addresses = Count("{} cell(s) hold what looks like a mail address", "privacy.email")

    def check(self, batch: Batch) -> Batch:
        """Report what is wrong with some rows; give the rows that have texts, mended."""
        batch = self._cleaner.clean(self._without_headers(batch))
        for role, cells in _texts(batch):
            if batch.unusual:
                self._look_for_unusual(batch, role, cells)
            self._look_at_cells(batch, role, cells)
            self._look_for_sensitive(batch, role, cells)
        if any(map(str.isdecimal, batch.questions)):
            self._report_numbers(batch)
        if batch.kinds is not None:
            batch = replace(batch, kinds=self._kinds(batch, batch.kinds))
        if self._limits.max_row_tokens is not None:
            self._check_tokens(batch, self._limits.max_row_tokens)
        self._totals.add(batch)
        return batch

    def finish(self) -> None:
        """Report what is known at the end: counts, repeats, limits on the number of rows."""
        self._cleaner.finish(self._totals.unit)
        self._separators.report(self._problems, self._totals.unit)
        self._addresses.report(self._problems, self._totals.unit)
        self._totals.finish(skipped=self._cleaner.skipped)

    def _without_headers(self, batch: Batch) -> Batch:
        """Report and leave out rows that repeat the header, as files do that were put together."""
        question, answer = batch.layout.name("question"), batch.layout.name("answer")
        if batch.form != "csv" or answer not in batch.answers:
            return batch
        repeated = {
            at
            for at, cell in enumerate(batch.answers)
            if cell == answer and normalize(batch.questions[at]) == normalize(question)
        }
        fix = "remove the line: files with a header each were put together"
        for at in sorted(repeated):
            remark = ("row.header", "the row repeats the header", fix)
            batch.cell(at, "question").report(self._problems, "error", remark)
        return batch.without(repeated)

    def _look_for_unusual(self, batch: Batch, role: Role, cells: list[str]) -> None:
        for at, cell in enumerate(cells):
            # In a table, surrogates stand for bytes that have been reported already.
            for one in findings(cell, surrogates=batch.form != "csv"):
                remark = (one.code, one.reason, one.fix)
                where = batch.cell(at, role)
                where.report(self._problems, one.severity, remark, excerpt(cell, one.at))
            if LINE_SEPARATORS.search(cell):
                self._separators.add(batch.places[at])

    def _look_at_cells(self, batch: Batch, role: Role, cells: list[str]) -> None:
        starts = list(map(_FIRST_CHARACTER, cells))
        if not UNUSUAL_STARTS.isdisjoint(starts):
            marked = map(UNUSUAL_STARTS.__contains__, starts)
            for at in compress(range(len(cells)), marked):
                if remark := remark_on_start(cells[at]):
                    shown = excerpt(cells[at])
                    batch.cell(at, role).report(self._problems, "warning", remark, shown)
        if batch.converted:
            for at, cell in enumerate(cells):
                if remark := remark_on_conversion(cell):
                    batch.cell(at, role).report(self._problems, "warning", remark, excerpt(cell))
        if max(map(len, cells), default=0) > self._limits.max_cell_chars.value:
            self._report_long(batch, role, cells)

    def _look_for_sensitive(self, batch: Batch, role: Role, cells: list[str]) -> None:
        # All at once first: hardly a batch has any.
        if not any(find_sensitive("\n".join(cells))):
            return
        for at, cell in enumerate(cells):
            found = list(find_sensitive(cell))
            if any(one.kind == "email" for one in found):
                self._addresses.add(batch.places[at])
            for one in found:
                if one.kind != "email":
                    where = batch.cell(at, role)
                    where.report(self._problems, "warning", REMARKS[one.kind], one.hint(cell))

    def _report_long(self, batch: Batch, role: Role, cells: list[str]) -> None:
        limit = self._limits.max_cell_chars
        for at, cell in enumerate(cells):
            if len(cell) > limit.value:
                reason = (
                    f"the {role} has {len(cell):,} characters (about {self._count_tokens(cell):,}"
                    f" tokens), the limit is {limit.value:,} ({limit.source})"
                )
                remark = ("cell.too-long", reason, _CUT)
                batch.cell(at, role).report(self._problems, "error", remark, excerpt(cell))

    def _report_numbers(self, batch: Batch) -> None:
        fix = "is this the column of the questions? say which one is: columns={'question': …}"
        remark = ("row.number", "the question is only a number", fix)
        for at, cell in enumerate(batch.questions):
            if cell.isdecimal():
                where = batch.cell(at, "question")
                where.report(self._problems, "warning", remark, excerpt(cell))

    def _kinds(self, batch: Batch, kinds: list[str]) -> list[str]:
        known = {word: kind_of(word) or "" for word in set(kinds)}
        for at, word in enumerate(kinds):
            if word and not known[word]:
                reason = f"{excerpt(word)!r} is no kind of question"
                # Finding the nearest word is slow, and later problems are only counted.
                fix = kind_fix(word) if self._problems.error_count < PROBLEM_LIMIT else ""
                remark = ("row.kind", reason, fix)
                batch.cell(at, "kind").report(self._problems, "error", remark, excerpt(word))
        return [known[word] for word in kinds]

    def _check_tokens(self, batch: Batch, limit: Limit) -> None:
        systems = batch.systems or [""] * len(batch)
        rows = zip(batch.questions, batch.answers, systems, strict=True)
        for at, texts in enumerate(rows):
            # A token is at least one byte, and a character at most four.
            if 4 * sum(map(len, texts)) <= limit.value:
                continue
            tokens = sum(map(self._count_tokens, texts))
            if tokens > limit.value:
                reason = (
                    f"the row has about {tokens:,} tokens, the limit is"
                    f" {limit.value:,} ({limit.source})"
                )
                remark = ("row.too-long", reason, _CUT)
                batch.cell(at, "question").report(self._problems, "error", remark)


def _texts(batch: Batch) -> Iterator[tuple[Role, list[str]]]:
    yield "question", batch.questions
    yield "answer", batch.answers
    if batch.systems is not None:
        yield "system", batch.systems
