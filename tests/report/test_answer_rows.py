"""A comparison as rows and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.report.answer_rows import to_csv, to_rows
from tailorbird.types.answers import Answer
from tailorbird.types.questions import Question
from tailorbird.workflow.answering.results import ComparisonData, Outcome, Scores


def test_rows_cover_every_arm_and_question(data: ComparisonData) -> None:
    """There is one row for each arm and question, all with the same columns."""
    rows = to_rows(data)
    assert len(rows) == 6 * 39
    assert len({tuple(row) for row in rows}) == 1
    first = rows[3 * 39]
    assert (first["arm"], first["id"], first["line"]) == ("retrieval", "q2", 2)
    assert (first["correct"], first["style"]) == (1.0, 0.0)
    assert (first["cited"], first["found"]) == ("handbook/shugyo-kisoku.md", "shugyo-kisoku.md")
    assert (first["input_tokens"], first["model"], first["reused"]) == (900, "small", True)


def test_failed_calls_have_a_row(data: ComparisonData) -> None:
    """A failed call has its error and no answer."""
    (row,) = [row for row in to_rows(data) if row["error"]]
    assert row["error"] == "fake chat.complete: the service is unavailable (status 503)"
    assert (row["answer"], row["correct"], row["latency_s"]) == (None, None, None)


def test_refusals_have_their_reason(data: ComparisonData) -> None:
    """An abstention says why, as plain text."""
    row = next(row for row in to_rows(data) if row["abstained"])
    assert row["reason"] == "declined"
    assert type(row["reason"]) is str


def test_csv_reads_back(data: ComparisonData) -> None:
    """What a CSV reader sees are the rows, line breaks and quotes included."""
    read = list(csv.DictReader(io.StringIO(to_csv(data), newline="")))
    rows = to_rows(data)
    assert [row["answer"] or None for row in read] == [row["answer"] for row in rows]
    assert list(read[0]) == list(rows[0])
    assert read[0]["line"] == "2"


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x", " =1"],
)
def test_formulas_are_defused(text: str, make_comparison: Callable[..., ComparisonData]) -> None:
    """A text that a spreadsheet would run gets an apostrophe; the rows keep it as it is."""
    data = make_comparison(names=("base",), per_kind=1)
    outcome = data.outcomes[0].model_copy(update={"answer": Answer(text=text)})
    changed = data.model_copy(update={"outcomes": (outcome,)})
    (read,) = csv.DictReader(io.StringIO(to_csv(changed), newline=""))
    assert read["answer"] == f"'{text}"
    assert to_rows(changed)[0]["answer"] == text


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_cell_begins_a_formula(question: str, answer: str) -> None:
    """Whatever is asked and answered, no cell of the CSV begins like a formula."""
    read = csv.reader(io.StringIO(to_csv(tiny(question, answer)), newline=""))
    cells = [cell.lstrip(" ") for row in read for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]


def tiny(question: str, answer: str) -> ComparisonData:
    """Make a comparison of one answer."""
    return ComparisonData.model_construct(
        questions=(Question(id="q", text=question),),
        outcomes=(Outcome(arm="a", question="q", answer=Answer(text=answer), scores=Scores()),),
    )
