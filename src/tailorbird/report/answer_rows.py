"""A comparison as rows: one for each arm and question, for tables and spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from tailorbird.data.tables.cells import FORMULA_STARTS
from tailorbird.workflow.comparing.summary import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tailorbird.types.answers import Answer
    from tailorbird.types.questions import Question
    from tailorbird.workflow.answering.results import ComparisonData, Outcome

Value = str | int | float | bool | None
"""What a cell may hold; None where there is nothing."""

Row = dict[str, Value]
"""One answer, by the names of its columns."""


def to_rows(data: ComparisonData) -> list[Row]:
    """Give one row for each arm and question, arm by arm, with the same columns in each.

    Columns: `arm`, `id`, `kind`, `line`, `question`, `reference`, `answer`; then a column for each
    metric (`correct` … `recall`), each scorer and each rubric of the judge; then `abstained`,
    `reason`, `cited` and `found` (documents, joined by `; `), `latency_s`, `input_tokens`,
    `output_tokens`, `model`, `reused`, `error`.
    """
    return list(_rows(data))


def to_csv(data: ComparisonData) -> str:
    """Write the rows as CSV: comma, CRLF, quoted where needed (RFC 4180).

    A text that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    lines = io.StringIO(newline="")
    rows = to_rows(data)
    writer = csv.DictWriter(lines, fieldnames=_columns(data))
    writer.writeheader()
    writer.writerows({name: _defused(value) for name, value in row.items()} for row in rows)
    return lines.getvalue()


def _columns(data: ComparisonData) -> list[str]:
    return [
        *("arm", "id", "kind", "line", "question", "reference", "answer"),
        *METRICS,
        *data.scorers,
        *("abstained", "reason", "cited", "found", "latency_s", "input_tokens", "output_tokens"),
        *("model", "reused", "error"),
    ]


def _rows(data: ComparisonData) -> Iterator[Row]:
    questions = {question.id: question for question in data.questions}
    for outcome in data.outcomes:
        yield _row(outcome, questions[outcome.question], tuple(data.scorers))


def _row(outcome: Outcome, question: Question, extra: Sequence[str]) -> Row:
    answer = outcome.answer
    scores: dict[str, Value] = outcome.scores.model_dump()
    return {
        "arm": outcome.arm,
        "id": question.id,
        "kind": question.kind,
        "line": question.line,
        "question": question.text,
        "reference": question.reference,
        "answer": None if answer is None else answer.text,
        **{metric: scores[metric] for metric in METRICS},
        **{name: outcome.scores.extra.get(name) for name in extra},
        **_details(answer),
        "reused": outcome.reused,
        "error": outcome.error,
    }


def _details(answer: Answer | None) -> Row:
    if answer is None:
        names = ("abstained", "reason", "cited", "found", "latency_s", "input_tokens")
        return dict.fromkeys((*names, "output_tokens", "model"))
    return {
        "abstained": answer.abstained,
        "reason": None if answer.reason is None else answer.reason.value,
        "cited": "; ".join(dict.fromkeys(one.source or one.document for one in answer.citations)),
        "found": "; ".join(answer.retrieved_documents),
        "latency_s": answer.latency_s,
        "input_tokens": answer.usage.input_tokens,
        "output_tokens": answer.usage.output_tokens,
        "model": answer.model,
    }


def _defused(value: Value) -> Value:
    if isinstance(value, str) and value.lstrip(" ")[:1] in FORMULA_STARTS:
        return f"'{value}"
    return value
