"""Lines that are no JSON, or JSON that training files must not hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.data.files.jsonl import MAX_DEPTH, LineParser, shape_of
from tailorbird.data.problems import Problems
from tailorbird.data.row_report import RowReport
from tailorbird.data.training.validation import validate_training_file
from tailorbird.exceptions import Problem

ROW = '{"messages": [{"role": "user", "content": "質問"}, {"role": "assistant", "content": "答"}]}'


def problems_in(raw: bytes) -> tuple[Problem, ...]:
    """Return what is wrong with a line that stands in line 7."""
    problems = Problems("train.jsonl")
    LineParser().parse(raw, RowReport(problems, 7, 7))
    return problems.found


@pytest.mark.parametrize(
    ("line", "column", "fix"),
    [
        ('{"a": 1 , }', 9, "remove the comma"),
        ('{"a": [1, 2,]}', 12, "remove the comma"),
        ('{"a": 1,, "b": 2}', 9, "one complete JSON object"),
        ('{"a": }', 7, "missing before the bracket"),
        ('{"質問": tru}', 8, "one complete JSON object"),
        ('{"a": 1} // 注', 10, "no comments"),
        ('{"a": 1 # b\n}', 9, "no comments"),
        ("# nothing", 1, "no comments"),
        ('{"a": “b”}', 7, "straight quotes"),
        ("{'a': 'b", 2, "double quotes"),
        ('{"a": undefined}', 7, "a number or null"),
        ('{"a": "b\tc"}', 9, "escaped"),
        ('{"a": 1', 8, "too early"),
        ('{"a": 1}{"b": 2}', 9, "line of its own"),
        ('{"a": 1} x', 10, "one complete JSON object"),
        (r'{"a": "C:\work"}', 10, r"a backslash as \\"),
        ('{"a": 01}', 8, "one complete JSON object"),
        ('{"a": 1},', 9, "the comma at the end of the line"),
        ('\ufeff{"a": 1}', 1, "beginning of the file only"),
    ],
)
def test_syntax_errors_give_column_and_fix(line: str, column: int, fix: str) -> None:
    """Broken JSON is reported at the character, counted from 1, with what to change."""
    [problem] = problems_in(line.encode())
    assert (problem.code, problem.severity) == ("jsonl.not-json", "error")
    assert (problem.line, problem.column) == (7, column)
    assert fix in problem.fix
    assert problem.excerpt is not None


@pytest.mark.parametrize(
    "line",
    [
        "{'messages': [{'role': 'user', 'content': 'Don\\'t'}]}",
        '{"weight": None, "parallel": True}',
        r"{'path': 'C:\d'}",
    ],
)
def test_python_notation_is_named(line: str) -> None:
    """Rows written with str() instead of json.dumps are told by name."""
    [problem] = problems_in(line.encode())
    assert problem.code == "jsonl.python-literal"
    assert "json.dumps" in problem.fix


@pytest.mark.parametrize("line", ["{'a': b}", "{'a': " + "9" * 200_000 + "}", "['a']"])
def test_half_python_is_plain_wrong(line: str) -> None:
    """What Python cannot read either, or what is too long to try, is just not JSON."""
    [problem] = problems_in(line.encode())
    assert problem.code == "jsonl.not-json"


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ('{"a": 1, "a": 2}', "a"),
        ('{"messages": [{"role": "user", "content": "x", "role": "x"}]}', "messages[0].role"),
    ],
)
def test_repeated_keys_are_refused(line: str, field: str) -> None:
    """A key that comes twice in one object is named with its path."""
    [problem] = problems_in(line.encode())
    assert (problem.code, problem.field) == ("jsonl.duplicate-key", field)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_outside_of_json_are_refused(number: str) -> None:
    """NaN and infinities are named with their path."""
    [problem] = problems_in(f'{{"item": {{"score": [1, {number}]}}}}'.encode())
    assert (problem.code, problem.field) == ("jsonl.not-finite", "item.score[1]")


def test_several_values_are_reported_together() -> None:
    """A line with a repeated key, NaN and half a character gets all three problems."""
    line = r'{"a": 1, "a": NaN, "b": 1e999, "c": "\ud83d", "\ude00": "x"}'
    found = problems_in(line.encode())
    assert sorted(one.code for one in found) == [
        "jsonl.duplicate-key",
        "jsonl.lone-surrogate",
        "jsonl.lone-surrogate",
        "jsonl.not-finite",
        "jsonl.not-finite",
    ]
    for one in found:
        str(one).encode()  # nothing in it that cannot be printed


def test_half_characters_are_refused() -> None:
    """A lone surrogate is named with its path."""
    line = r'{"messages": [{"role": "user", "content": "smile \ud83d"}]}'
    [problem] = problems_in(line.encode())
    assert (problem.code, problem.field) == ("jsonl.lone-surrogate", "messages[0].content")


def test_deep_nesting_is_refused() -> None:
    """Nesting beyond the limit is reported, at the limit of Python's parser as well."""
    assert problems_in(b'{"a":' + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1) + b"}") == ()
    for depth in (MAX_DEPTH + 10, 100_000):
        [problem] = problems_in(b"[" * depth + b"]" * depth)
        assert problem.code == "jsonl.too-deep"


def test_endless_numbers_are_refused() -> None:
    """A whole number with thousands of digits is reported as such."""
    [problem] = problems_in(b'{"a": ' + b"9" * 5000 + b"}")
    assert problem.code == "jsonl.number-too-long"


@pytest.mark.parametrize(
    ("line", "shape"),
    [("[1]", "a list"), ('"x"', "a text"), ("1", "a number"), ("null", "null"), ("true", "true")],
)
def test_other_values_are_no_rows(line: str, shape: str) -> None:
    """JSON that is no object is named by its shape."""
    [problem] = problems_in(line.encode())
    assert problem.code == "jsonl.not-object"
    assert shape in problem.reason


def test_shape_of_an_object() -> None:
    """An object is called one."""
    assert shape_of({}) == "an object"


def test_bytes_of_another_encoding_are_read_aloud() -> None:
    """A cp932 line is reported with the column, the bytes and what they mean."""
    [problem] = problems_in('{"a": "x質問"}'.encode("cp932"))
    assert (problem.code, problem.column) == ("encoding.undecodable", 9)
    assert "8E BF 96 E2" in problem.reason
    assert "質問" in problem.reason


@pytest.mark.parametrize(
    ("raw", "said"),
    [(b'{"a": "\xff"}', "the bytes FF are not UTF-8"), (b'{"a": "\xed\xa0\xbd"}', "half of a")],
)
def test_bytes_of_no_encoding(raw: bytes, said: str) -> None:
    """Bytes that mean nothing, or half a character, are shown in hexadecimal."""
    [problem] = problems_in(raw)
    assert problem.code == "encoding.undecodable"
    assert said in problem.reason


def test_separators_of_unicode_stay_within_the_line(tmp_path: Path) -> None:
    """U+2028, U+2029 and U+0085 in a text end no line."""
    path = tmp_path / "train.jsonl"
    odd = ROW.replace("質問", "一\u2028二\u2029三\x85四")
    path.write_text(f"{odd}\n{ROW}\n", encoding="utf-8", newline="\n")
    report = validate_training_file(path, use="validation")
    assert (report.examples, report.problems) == (2, ())


def test_errors_in_one_line_hide_nothing_in_the_others(tmp_path: Path) -> None:
    """Every broken line is reported, with its own number."""
    path = tmp_path / "train.jsonl"
    lines = [ROW, '{"a": 1,}', ROW, "{'a': 1}", ROW, "[]", '{"a": NaN}', ROW]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    report = validate_training_file(path, use="validation")
    assert [one.line for one in report.errors] == [2, 4, 6, 7]


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    ),
    st.booleans(),
)
def test_what_json_writes_is_read(value: object, escaped: bool) -> None:  # noqa: FBT001 - drawn
    """Whatever Python writes as strict JSON is read again."""
    problems = Problems("x")
    raw = json.dumps({"value": value}, ensure_ascii=escaped, allow_nan=False).encode()
    assert LineParser().parse(raw, RowReport(problems, 1, 1)) == {"value": value}
    assert problems.total == 0


@given(st.binary(max_size=60))
def test_any_bytes_give_a_row_or_a_reason(raw: bytes) -> None:
    """No line crashes the parser; each gives an object or at least one printable problem."""
    problems = Problems("x")
    row = LineParser().parse(raw, RowReport(problems, 1, 1))
    assert (row is None) == bool(problems.error_count)
    for one in problems.found:
        str(one).encode()


@given(
    st.integers(0, 90), st.sampled_from(["", '"', "\\", "{", ",", "\x01", "NaN", "\\ud800", "'"])
)
def test_any_damage_gives_a_row_or_a_reason(at: int, piece: str) -> None:
    """A row with something put in or cut off is read, or refused with a reason."""
    for damaged in (ROW[:at] + piece + ROW[at:], ROW[:at] + piece):
        problems = Problems("x")
        row = LineParser().parse(damaged.encode(), RowReport(problems, 1, 1))
        assert (row is None) == bool(problems.error_count)
