"""What people say of answers is read from the tables that spreadsheets make of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from tailorbird import HumanLabel, read_labels
from tailorbird.exceptions import DataError


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    """Write a file."""
    path.write_text(text, encoding=encoding, newline="")
    return path


def test_rows_with_a_word_are_labels(tmp_path: Path) -> None:
    """A label belongs to arm, question and answer; rows that nobody looked at are left out."""
    file = write(
        tmp_path / "a.csv",
        "arm,id,question,answer,correct,right\r\n"
        "base,q1,Why?,Because.,1.0,yes\r\n"
        'tuned,q1,Why?,"Two\nlines",0.0,No\r\n'
        "tuned,q2,Why?,Hm.,,\r\n"
        "tuned,q3,Why?,,,1\r\n",
    )
    name = str(file)
    assert read_labels(file) == (
        HumanLabel(arm="base", question="q1", right=True, answer="Because.", source=name, line=2),
        HumanLabel(
            arm="tuned", question="q1", right=False, answer="Two\nlines", source=name, line=3
        ),
        HumanLabel(arm="tuned", question="q3", right=True, source=name, line=6),
    )


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [("cp932", ","), ("utf-8-sig", ";"), ("utf-16", "\t"), ("utf-8", ",")],
)
def test_japanese_spreadsheets(tmp_path: Path, encoding: str, delimiter: str) -> None:
    """Encoding and delimiter are found out, and ○ and × are words as well, also in full width."""
    rows = (("方式", "質問ID", "回答", "判定"), ("base", "q1", "２日です。", "○"))
    more = (("base", "q2", "知りません。", "×"), ("base", "q3", "はい。", "１"))
    text = "".join(f"{delimiter.join(row)}\r\n" for row in (*rows, *more))
    found = read_labels(write(tmp_path / "a.csv", text, encoding))
    assert [(one.question, one.right) for one in found] == [
        ("q1", True),
        ("q2", False),
        ("q3", True),
    ]
    assert found[0].answer == "２日です。"


def test_the_guard_against_formulas_is_taken_away(tmp_path: Path) -> None:
    """An answer that our table wrote with an apostrophe is the answer that the model gave."""
    file = write(
        tmp_path / "a.csv", "arm,id,answer,right\nb,'-1,'=1+1,yes\nb,2,'tis,yes\n'+b,3,' -x,no\n"
    )
    found = read_labels(file)
    assert [one.answer for one in found] == ["=1+1", "'tis", " -x"]
    assert [(one.arm, one.question) for one in found] == [("b", "-1"), ("b", "2"), ("+b", "3")]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("arm,id,answer\nb,1,x\n", "no column 'right'"),
        ("question,answer\nWhy?,x\n", "no column 'arm', 'id', 'right'"),
        ("arm,id,right\nb,1,maybe\nb,2,yes\nb,3,perhaps\n", "line 4"),
        ("arm,id,right\nb,1,yes\nb,,no\n,2,yes\n,,\n", "line 3: the row does not say which"),
        ("\n\n", "no column"),
    ],
)
def test_what_cannot_be_understood_is_named(tmp_path: Path, text: str, hint: str) -> None:
    """Missing columns and other words than yes and no are errors, with every place."""
    with pytest.raises(DataError) as caught:
        read_labels(write(tmp_path / "a.csv", text))
    shown = " ".join(f"line {one.line}: {one.reason} {one.fix}" for one in caught.value.problems)
    assert hint in shown


def test_short_rows_are_understood(tmp_path: Path) -> None:
    """A spreadsheet that leaves empty cells at the end away says nothing about the answer."""
    file = write(tmp_path / "a.csv", "arm,id,right,answer\nb,1,yes\nb,2\n\nb,3,no,x\n")
    assert [(one.question, one.answer) for one in read_labels(file)] == [("1", None), ("3", "x")]
