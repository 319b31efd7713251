"""What is wrong with a user's data, told so that it can be mended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from typing_extensions import override

Severity = Literal["error", "warning", "note"]
"""How bad a problem is: an error stops everything, a warning and a note do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with, or worth knowing about, a user's data."""

    code: str
    """Stable, machine-readable name such as `csv.row-width`; documented in the reference."""
    severity: Severity
    """`error`, `warning` or `note`."""
    source: str
    """Name of the file (or `<data>` for data that came from no file)."""
    reason: str
    """What is wrong, in one sentence."""
    fix: str
    """What to type or change to mend it; empty for notes that need no action."""
    line: int | None = None
    """Physical line in the file, counted from 1; None when the problem has no line."""
    record: int | None = None
    """Record (data row, JSON object) counted from 1, header not counted; None when unknown."""
    column: int | str | None = None
    """Character column counted from 1, or the name of the table column; None when unknown."""
    field: str | None = None
    """Path inside the record such as `messages[2].role`; None when the whole record is meant."""
    excerpt: str | None = None
    """At most 40 characters around the place, control characters escaped, secrets masked."""

    @override
    def __str__(self) -> str:
        """Show place, reason and fix on one line."""
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        record = None if self.record is None else f"record {self.record}"
        column = None if self.column is None else f"column {self.column}"
        detail = ", ".join(text for text in (record, column, self.field) if text)
        where = f"{place} ({detail})" if detail else place
        shown = "" if self.excerpt is None else f" [{self.excerpt}]"
        fix = f" Fix: {self.fix}" if self.fix else ""
        return f"{where}: {self.severity}: {self.reason}{shown}{fix}"
