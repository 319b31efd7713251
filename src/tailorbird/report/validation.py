"""What is wrong with a file, as text and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tailorbird.exceptions import Problem


class ProblemRow(TypedDict):
    """A problem as a row; every row has every key, None where there is nothing."""

    code: str
    severity: str
    source: str
    line: int | None
    record: int | None
    column: int | str | None
    field: str | None
    excerpt: str | None
    reason: str
    fix: str


class ProblemReport(TypedDict):
    """All problems of a file."""

    ok: bool
    total: int
    problems: list[ProblemRow]


def problem_row(problem: Problem) -> ProblemRow:
    """Give a problem as a row."""
    return ProblemRow(
        code=problem.code,
        severity=problem.severity,
        source=problem.source,
        line=problem.line,
        record=problem.record,
        column=problem.column,
        field=problem.field,
        excerpt=problem.excerpt,
        reason=problem.reason,
        fix=problem.fix,
    )


def problem_report(problems: Iterable[Problem], *, total: int | None = None) -> ProblemReport:
    """Give problems as JSON values.

    Args:
        problems: What was found; `ok` is true when none of them is an error.
        total: How many there were, the ones that were not kept included; None counts those given.
    """
    rows = [problem_row(problem) for problem in problems]
    return ProblemReport(
        ok=all(row["severity"] != "error" for row in rows),
        total=len(rows) if total is None else total,
        problems=rows,
    )


def problems_to_json(problems: Iterable[Problem], *, total: int | None = None) -> str:
    """Write `problem_report` as indented JSON."""
    report = problem_report(problems, total=total)
    return json.dumps(report, ensure_ascii=False, indent=2) + "\n"


def problems_to_text(problems: Iterable[Problem], *, total: int | None = None) -> str:
    """Write one line a problem, and how many there are of each severity.

    Args:
        problems: What was found.
        total: How many there were, the ones that were not kept included; None counts those given.
    """
    found = list(problems)
    lines = [str(problem) for problem in found]
    left = (len(found) if total is None else total) - len(found)
    if left > 0:
        lines.append(f"… and {left} more")
    counts = ", ".join(
        f"{count} {severity}{'' if count == 1 else 's'}"
        for severity in ("error", "warning", "note")
        if (count := sum(problem.severity == severity for problem in found))
    )
    return "\n".join([*lines, counts or "no problems"])
