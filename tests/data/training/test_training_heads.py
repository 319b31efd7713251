"""Files that are no JSON Lines in UTF-8, whatever their name says, and what files are for."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zipfile
from pathlib import Path

import pytest

from tailorbird.data.training.validation import FileReport, validate_training_file

USER = {"role": "user", "content": "有給休暇の申請期限は？"}
ASSISTANT = {"role": "assistant", "content": "三営業日前までです。"}
ROW = {"messages": [USER, ASSISTANT]}
PAIR = {
    "input": {"messages": [USER]},
    "preferred_output": [ASSISTANT],
    "non_preferred_output": [{**ASSISTANT, "content": "知りません。"}],
}
LINES = "".join(json.dumps(ROW, ensure_ascii=False) + "\n" for _ in range(12))


def checked(folder: Path, data: bytes) -> FileReport:
    """Return what is said about a file with these bytes."""
    path = folder / "train.jsonl"
    path.write_bytes(data)
    report = validate_training_file(path, use="validation")
    assert report.size_bytes == len(data)
    assert report.sha256 == hashlib.sha256(data).hexdigest()
    return report


def workbook() -> bytes:
    """Return the beginning of an Excel workbook."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        (b"", "file.empty", "no rows"),
        (b"\xef\xbb\xbf \n\n", "file.empty", "no rows"),
        (gzip.compress(LINES.encode()), "file.kind", "gzip"),
        (workbook(), "file.kind", "an Excel workbook"),
        (b"%PDF-1.7 \n", "file.kind", "a PDF document"),
        (b"<!DOCTYPE html><html><body>login</body>", "file.kind", "an HTML page"),
        (LINES.encode("utf-16"), "encoding.utf-16", "UTF-16"),
        (LINES.encode("utf-16-le"), "encoding.utf-16", "UTF-16"),
        (LINES.encode("cp932"), "encoding.not-utf8", "cp932"),
        (LINES.encode("euc_jp"), "encoding.not-utf8", "EUC-JP"),
        (json.dumps([ROW, ROW]).encode(), "jsonl.array", "array"),
        (json.dumps([ROW], indent=1).encode(), "jsonl.array", "array"),
        (json.dumps(ROW, indent=2).encode(), "jsonl.pretty-printed", "several lines"),
        (b'{"messages":\n [{"role": "user"', "jsonl.pretty-printed", "several lines"),
        (b"{\n  oops", "jsonl.pretty-printed", "several lines"),
        ("質問,回答\nいつ？,明日\n".encode(), "jsonl.csv", "a table"),
        (b"question\tanswer\nwhen\ttomorrow\n", "jsonl.csv", "a table"),
    ],
)
def test_other_files_are_told_by_their_content(
    tmp_path: Path, data: bytes, code: str, said: str
) -> None:
    """One error says what the file is and what to do; no line is complained about."""
    report = checked(tmp_path, data)
    [problem] = report.problems
    assert (problem.severity, problem.code) == ("error", code)
    assert said in problem.reason
    assert problem.fix
    assert (report.ok, report.examples) == (False, 0)


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + LINES.encode(),
        b"\n\n" + LINES.encode(),
        LINES.encode(),
        LINES.replace("\n", "\r\n").encode(),
        b"  " + LINES.encode(),
    ],
)
def test_training_files_are_read(tmp_path: Path, data: bytes) -> None:
    """A mark, blank lines, indentation and Windows line ends keep no file from being read."""
    report = checked(tmp_path, data)
    assert (report.ok, report.examples) == (True, 12)


def test_one_bad_first_line_is_only_that(tmp_path: Path) -> None:
    """A first line that is no JSON does not make the file something else."""
    report = checked(tmp_path, b"faq, 2026\n" + LINES.encode())
    assert [(one.code, one.line) for one in report.errors] == [("jsonl.not-json", 1)]
    report = checked(tmp_path, b'{"a": 1\n' + LINES.encode())
    assert [(one.code, one.line) for one in report.errors] == [("jsonl.not-json", 1)]


def test_one_line_of_another_encoding_is_only_that(tmp_path: Path) -> None:
    """A single cp932 line in UTF-8 is an error of that line."""
    wrong = json.dumps(ROW, ensure_ascii=False).encode("cp932") + b"\n"
    report = checked(tmp_path, LINES.encode() + wrong + LINES.encode())
    assert [(one.code, one.line) for one in report.errors] == [("encoding.undecodable", 13)]


def test_bytes_of_no_encoding_are_errors_of_their_lines(tmp_path: Path) -> None:
    """Bytes that are neither UTF-8 nor Japanese are reported line by line."""
    report = checked(tmp_path, b'{"a": "\xff\xfe\xfd"}\n' * 3)
    assert [one.code for one in report.errors] == ["encoding.undecodable"] * 3


def test_heads_may_be_cut_anywhere(tmp_path: Path) -> None:
    """A character that straddles the end of the head makes no file something else."""
    long = json.dumps({"messages": [{**USER, "content": "あ" * 70_000}, ASSISTANT]})
    for shift in range(3):
        data = json.dumps(ROW, ensure_ascii=False) + " " * shift + "\n"
        report = checked(tmp_path, (data + json.loads(f'"{"あ" * 30_000}"')).encode())
        assert [one.code for one in report.errors] == ["jsonl.not-json"]
    assert checked(tmp_path, long.encode()).examples == 1


def test_long_blank_beginning_is_no_empty_file(tmp_path: Path) -> None:
    """Rows behind many blank lines are found."""
    assert checked(tmp_path, b"\n" * 70_000 + LINES.encode()).examples == 12


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([ROW] * 3, "sft"),
        ([PAIR] * 3, "dpo"),
        ([{"preferred_completion": []}], "dpo"),
        ([{"messages": [USER], "target": 1}] * 3, "rft"),
        ([{"messages": [USER]}], "sft"),
        ([{"messages": "x"}, {"a": 1}, [], "x"], "sft"),
        ([PAIR, ROW, ROW], "sft"),
        ([ROW, PAIR, PAIR], "dpo"),
        ([{"messages": ["x"], "target": 1}], "rft"),
    ],
)
def test_kind_is_found_in_the_first_rows(tmp_path: Path, rows: list[object], kind: str) -> None:
    """What most rows are, the file is; rows that say nothing count for nobody."""
    data = "".join(json.dumps(row) + "\n" for row in rows)
    assert checked(tmp_path, data.encode()).kind == kind
