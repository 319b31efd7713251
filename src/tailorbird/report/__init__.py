"""Show and write down what was found: comparisons, and problems in files."""

from __future__ import annotations

from tailorbird.report.comparison import Comparison
from tailorbird.report.validation import (
    ProblemReport,
    ProblemRow,
    problem_report,
    problem_row,
    problems_to_json,
    problems_to_text,
)

__all__ = [
    "Comparison",
    "ProblemReport",
    "ProblemRow",
    "problem_report",
    "problem_row",
    "problems_to_json",
    "problems_to_text",
]
