"""Report what is wrong with one row, from wherever in the row it is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.data.secrets import safe_excerpt

if TYPE_CHECKING:
    from tailorbird.data.problems import Problems
    from tailorbird.exceptions import Severity


@dataclass(frozen=True, slots=True)
class RowReport:
    """Puts problems where they belong: the file's collection, with the row's line and number."""

    problems: Problems
    """The collection."""
    line: int
    """Physical line of the row, from 1."""
    record: int
    """Number of the row, blank lines not counted, from 1."""

    def error(self, code: str, reason: str, fix: str, *, field: str, shown: str = "") -> None:
        """Report something that a provider refuses."""
        self.add("error", code, reason, fix, field=field, shown=shown)

    def warning(self, code: str, reason: str, fix: str, *, field: str, shown: str = "") -> None:
        """Report something that is suspicious, but accepted."""
        self.add("warning", code, reason, fix, field=field, shown=shown)

    def add(  # noqa: PLR0913 - the parts of a problem that differ from place to place
        self,
        severity: Severity,
        code: str,
        reason: str,
        fix: str,
        *,
        field: str | None = None,
        column: int | None = None,
        shown: str = "",
    ) -> None:
        """Report a problem; `shown` is cut, escaped and cleaned of secrets before it is kept."""
        self.problems.add(
            severity,
            code,
            reason,
            fix,
            line=self.line,
            record=self.record,
            column=column,
            field=field,
            excerpt=safe_excerpt(shown, 0 if column is None else column - 1) if shown else None,
        )
