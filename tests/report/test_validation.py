"""Problems of a file as text and JSON."""

from __future__ import annotations

import json

from tailorbird.exceptions import Problem
from tailorbird.report import problem_report, problem_row, problems_to_json, problems_to_text

ERROR = Problem(
    code="csv.row-width",
    severity="error",
    source="faq.csv",
    reason="the row has 3 cells, the header 2.",
    fix="Quote the cell.",
    line=7,
    record=5,
    column="answer",
    field="answer",
    excerpt="はい、どうぞ",
)
NOTE = Problem(
    code="csv.encoding", severity="note", source="faq.csv", reason="It is cp932.", fix=""
)


def test_rows_have_every_key() -> None:
    """A row has all parts of a problem, None where there is nothing."""
    assert problem_row(ERROR) == {
        "code": "csv.row-width",
        "severity": "error",
        "source": "faq.csv",
        "line": 7,
        "record": 5,
        "column": "answer",
        "field": "answer",
        "excerpt": "はい、どうぞ",
        "reason": "the row has 3 cells, the header 2.",
        "fix": "Quote the cell.",
    }
    assert problem_row(NOTE)["line"] is None


def test_only_errors_are_not_ok() -> None:
    """Notes leave a file in order, an error does not; the total counts what was not kept."""
    assert problem_report([NOTE])["ok"]
    assert not problem_report([NOTE, ERROR])["ok"]
    assert problem_report([]) == {"ok": True, "total": 0, "problems": []}
    assert problem_report([ERROR], total=250)["total"] == 250


def test_json_is_the_report() -> None:
    """The JSON holds the report, Japanese unescaped."""
    text = problems_to_json([ERROR], total=2)
    assert json.loads(text) == problem_report([ERROR], total=2)
    assert "はい、どうぞ" in text


def test_text_has_a_line_each_and_counts() -> None:
    """Each problem has its line, then what was left out and how many of each severity."""
    assert problems_to_text([ERROR, NOTE, NOTE], total=9).splitlines() == [
        str(ERROR),
        str(NOTE),
        str(NOTE),
        "… and 6 more",
        "1 error, 2 notes",
    ]
    assert problems_to_text([]) == "no problems"
