"""Collect what is wrong with a user's data, all of it in one pass, in one form."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from tailorbird.exceptions import DataError, Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

PROBLEM_LIMIT = 100
"""How many problems of each severity are kept; the rest are counted."""

_EXCERPT_LENGTH = 40
_SECRET = re.compile(r"(?:sk-|key-|ghp_|xox[abp]-|AKIA|eyJ)[A-Za-z0-9_\-.]{8,}")
_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}


def excerpt(text: str, at: int = 0) -> str:
    """Give at most 40 characters around position `at`, control characters escaped, keys masked.

    The result is safe to print: it holds no line end, no control character and nothing that looks
    like an access key.
    """
    masked = _SECRET.sub(lambda found: f"{found.group()[:3]}…", text)
    if masked != text:
        at = 0
    start = max(0, min(at - _EXCERPT_LENGTH // 4, len(masked) - _EXCERPT_LENGTH))
    piece = masked[start : start + _EXCERPT_LENGTH]
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in piece
    )
    if len(shown) > _EXCERPT_LENGTH:
        shown = shown[: _EXCERPT_LENGTH - 1] + "…"
    return shown


class Problems:
    """Collects problems of one source; every check reports here instead of raising."""

    def __init__(self, source: str, *, limit: int = PROBLEM_LIMIT) -> None:
        """Start empty; `limit` problems of each severity are kept, all are counted."""
        self.source = source
        self._limit = limit
        self._kept: list[Problem] = []
        self._counts: Counter[Severity] = Counter()

    def add(  # noqa: PLR0913 - a problem has that many parts
        self,
        severity: Severity,
        code: str,
        reason: str,
        fix: str = "",
        *,
        line: int | None = None,
        record: int | None = None,
        column: int | str | None = None,
        field: str | None = None,
        excerpt: str | None = None,
    ) -> None:
        """Report one problem; see `Problem` for the meaning of each part."""
        self._counts[severity] += 1
        if self._counts[severity] > self._limit:
            return
        self._kept.append(
            Problem(
                code=code,
                severity=severity,
                source=self.source,
                reason=reason,
                fix=fix,
                line=line,
                record=record,
                column=column,
                field=field,
                excerpt=excerpt,
            )
        )

    def extend(self, problems: Iterable[Problem]) -> None:
        """Take over problems that another collector found."""
        for problem in problems:
            self._counts[problem.severity] += 1
            if self._counts[problem.severity] <= self._limit:
                self._kept.append(problem)

    @property
    def found(self) -> tuple[Problem, ...]:
        """What was kept: errors first, then warnings, then notes, each in the file's order."""
        return tuple(sorted(self._kept, key=lambda one: (_ORDER[one.severity], one.line or 0)))

    @property
    def error_count(self) -> int:
        """How many errors were reported, the ones that were not kept included."""
        return self._counts["error"]

    @property
    def total(self) -> int:
        """How many problems of any severity were reported."""
        return self._counts.total()

    def promote_warnings(self) -> None:
        """Make errors of all warnings, for callers that want none."""
        self._kept = [
            one
            if one.severity != "warning"
            else Problem(
                code=one.code,
                severity="error",
                source=one.source,
                reason=one.reason,
                fix=one.fix,
                line=one.line,
                record=one.record,
                column=one.column,
                field=one.field,
                excerpt=one.excerpt,
            )
            for one in self._kept
        ]
        self._counts["error"] += self._counts.pop("warning", 0)

    def raise_errors(self) -> None:
        """Do nothing when there is no error.

        Raises:
            DataError: There is at least one; it carries warnings and notes as well.
        """
        if self.error_count:
            raise DataError(self.found, total=self.total)
