"""What is wrong with a user's data, told so that it can be mended; which word was meant."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable

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


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Give the known word that somebody probably meant; None when none is near.

    Upper and lower case, and the widths in which Japanese text has one letter, do not part words.

    Args:
        word: What was written.
        known: What there is.
        cutoff: Least similarity, 0..1, by `difflib`: twice the characters in common, divided by
            those of both words. Its own default is taken where nothing is said.
    """
    # 2 ms that `import tailorbird` does not pay: a wrong word is rare.
    import difflib  # noqa: PLC0415

    spelled = {_folded(one): one for one in reversed(list(known))}
    near = difflib.get_close_matches(_folded(word), spelled, n=1, cutoff=cutoff)
    return spelled[near[0]] if near else None


def did_you_mean(word: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """Ask for the known word that somebody probably meant; give `otherwise` when none is near."""
    near = nearest(word, known)
    return otherwise if near is None else f"did you mean {near!r}?"


def _folded(word: str) -> str:
    return unicodedata.normalize("NFKC", word).casefold()
