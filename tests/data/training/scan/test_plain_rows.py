"""The scan for plain rows: whatever it lets pass, the careful checks would let pass as well."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tailorbird.data.files.blocks import SPARE_BYTES, Block
from tailorbird.data.problems import Problems
from tailorbird.data.training.line_checks import LineChecker, Tally
from tailorbird.data.training.rules import training_rules
from tailorbird.data.training.scan.plain_rows import PlainRows, PlainScan
from tailorbird.data.training.validation import FileReport, validate_training_file

LONGEST = 65_536
SYSTEM = {"role": "system", "content": "短く答える。"}
ASSISTANT = {"role": "assistant", "content": "三営業日前までです。"}

# What rows are damaged with: signs of JSON, of encodings, of everything that is reported.
PIECES = (
    b'"',
    b"\\",
    b'\\"',
    b"\\\\",
    b'"}',
    b"\n",
    b"\r\n",
    b"\r",
    b"\x00",
    b"\t",
    b"\xff",
    b"\xc0\x80",
    b"\xe0\x80\x80",
    b"\xe3\x81",
    b"\xed\xa0\x80",
    b"\xf0\x80\x80\x80",
    b"\xf4\x90\x80\x80",
    "😀é備ﾊﾟ가".encode(),
    "\u3099か\u3099e\u0301\u061c".encode(),
    "\u200b".encode(),
    "\ufeff".encode(),
    "\ufffd".encode(),
    "\u202e\u2066".encode(),
    "\u2028\x85\xad".encode(),
    "\U000e0041".encode(),
    b"\\u0041\\u3042\\u00e9",
    b"\\u200b",
    b"\\ud83d",
    b"\\ud83d\\ude00",
    b"\\u12x4",
    b"\\x",
    b"\\/",
    b"\\b",
    b"sk-proj-Ab3dEf6hIj9lMn2pQr5t",
    b"AKIAIOSFODNN7EXAMPLE",
    b"-----BEGIN PRIVATE KEY-----\\nMIIEow1BAAKCAQEAMIIEow1BAAKCAQEAMIIEow1BAAKCAQEA",
    b"hanako@contoso.co.jp",
    b"name@example.com",
    b"123456789018",
    b"1234 5678 9018",
    b"4111-1111-1111-1111",
    b"1000000-150000=850000/2",
    "１２３４５６７８９０１８".encode(),
    b'"}, {"role": "assistant", "content": "',
    b'"}, {"role": "user", "content": "',
    b'"}, {"role": "system", "content": "',
    b'"}]}\n{"messages": [{"role": "user", "content": "',
    b'"}]}\n{"messages": [{"role": "assistant", "content": "',
    b'{"messages": [{"role": "user", "content": "',
    b'"}]}',
    b'"weight": 0, ',
    b'"name": "content", ',
    b"system",
    b"assistant",
    b" ",
    "\u3000\u00a0".encode(),
    b"x" * 200,
)
CONTENTS = st.text(max_size=30) | st.sampled_from(
    ["期限は？", "はい", "", " ", "\n \t", "\u3000", "\u00a0\u2003", "a b", "\\", '"', "}", '"}]}']
)
ROLES = st.sampled_from(["system", "developer", "user", "assistant", "tool", "function"])
TURNS = st.sampled_from(
    [["user", "assistant"], ["system", "user", "assistant"], ["user", "assistant"] * 2]
) | st.lists(ROLES, max_size=4)


@st.composite
def rows(draw: st.DrawFn) -> bytes:
    """Draw a line: mostly a right row in some style, sometimes with damage."""
    messages = [{"role": role, "content": draw(CONTENTS)} for role in draw(TURNS)]
    separators = draw(st.sampled_from([(", ", ": "), (",", ":"), (" , ", " : ")]))
    escaped = draw(st.booleans())
    line = json.dumps({"messages": messages}, ensure_ascii=escaped, separators=separators).encode()
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2]))):
        at = draw(st.integers(0, len(line)))
        cut = draw(st.sampled_from([0, 0, 1, 7, 1000]))
        line = line[:at] + draw(st.sampled_from((b"", *PIECES))) + line[at + cut :]
    return line


def scanned(data: bytes, spare: bytes = b"") -> PlainScan:
    """Scan some lines; `spare` stands behind them in the buffer and means nothing."""
    buffer = bytearray(data + spare[:SPARE_BYTES].ljust(SPARE_BYTES, b'"'))
    return PlainRows(longest_bytes=LONGEST).scan(Block(buffer, len(data), 0))


def check_against_care(data: bytes, found: PlainScan) -> None:
    """Check all plain lines with care: nothing to report, and the same numbers."""
    lines = data.split(b"\n")[:-1]
    assert len(lines) == len(found.line_ends)
    doubtful = set(found.doubtful.tolist())
    problems = Problems("x")
    checker = LineChecker(problems, kind="sft", rules=training_rules(), count_tokens=None)
    for index, line in enumerate(lines):
        if index not in doubtful:
            checker.check(line, index + 2)
            assert problems.found == ()
    checker.tally.has_crlf = found.has_crlf
    plain = Tally()
    plain.add_plain(found)
    assert plain == checker.tally


@settings(max_examples=300)
@given(st.lists(rows(), min_size=1, max_size=5))
@example([b'{"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content":"}]}'])
@example([b'{"messages": [{"role": "user", "content": "a', b'b"}]}'])
@example([b'{"messages": [{"role": "assistant", "content": "a"}]}'])
@example([b'{"messages": [{"role": "user", "content": "a"}]}', b'{"messages": []}'])
@example(
    [
        b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}',
        b'{"messages": [{"role": "assistant", "content": "0"}]}',
    ]
)
@example([b"", b"x"])
def test_plain_rows_have_nothing_to_report(lines: list[bytes]) -> None:
    """No plain line would have been reported, and plain lines are counted as careful ones are."""
    data = b"\n".join(lines) + b"\n"
    check_against_care(data, scanned(data, spare=data))


@given(st.lists(rows(), min_size=1, max_size=4), st.integers(0, 5))
def test_scanner_remembers_nothing_wrong(lines: list[bytes], at: int) -> None:
    """A scanner that has seen other blocks judges a block as a fresh one does."""
    scanner = PlainRows(longest_bytes=LONGEST)
    for count in range(1, len(lines) + 1):
        data = b"\n".join(lines[:count]) + b"\n"
        found = scanner.scan(Block(bytearray(data + bytes(SPARE_BYTES)), len(data), at))
        check_against_care(data, found)


@given(st.lists(rows(), min_size=1, max_size=3), st.lists(rows(), max_size=2))
def test_marks_do_not_depend_on_neighbors(lines: list[bytes], before: list[bytes]) -> None:
    """A line has the same mark wherever it stands."""
    alone = b"\n".join(lines) + b"\n"
    behind = b"\n".join([*before, *lines]) + b"\n"
    count = alone.count(b"\n")
    first, second = scanned(alone).marks.tolist(), scanned(behind).marks.tolist()
    long = [len(line) >= 64 for line in alone.split(b"\n")[:-1]]
    assert first == second[-count:]
    assert [mark > 0 for mark in first] == long


NUMBERS = st.lists(
    st.sampled_from(["4111", "1111", "1234", "5678", "9018", "0", "12", " ", "-", "x", "期"]),
    max_size=14,
).map("".join)
KEYS = st.lists(
    st.sampled_from(["sk-", "sk-proj-", "ghp_", "AKIA", "IOSFODNN7", "Ab3d", "EXAMPLE", "x", " "]),
    max_size=14,
).map("".join)


@given(st.lists(NUMBERS | KEYS, min_size=1, max_size=6), st.booleans())
def test_what_looks_sensitive_is_never_plain(texts: list[str], escaped: bool) -> None:  # noqa: FBT001 - drawn
    """Numbers and keys at any place of a block, whatever stands around them, are not overlooked."""
    rows = [{"messages": [{"role": "user", "content": text}, ASSISTANT]} for text in texts]
    lines = [json.dumps(row, ensure_ascii=escaped) for row in rows]
    data = "".join(line + "\n" for line in lines).encode()
    check_against_care(data, scanned(data))


def chat(number: int, answer: str = "三営業日前までです。") -> dict[str, list[dict[str, str]]]:
    """Return a plain row that differs from every other one."""
    question = {"role": "user", "content": f"規程第{number}条の期限は？"}
    return {"messages": [SYSTEM, question, {"role": "assistant", "content": answer}]}


def test_usual_rows_are_plain() -> None:
    """Rows of the usual styles need no careful look, short ones and escaped ones included."""
    styles = [(", ", ": "), (",", ":")]
    lines = [
        json.dumps(chat(number, answer), ensure_ascii=escaped, separators=separators).encode()
        for number, answer in enumerate(
            [
                "はい",
                "It’s “fine” — 5 €",
                'He said "no".\nThen left.',
                "C:\\a\\\\b",
                " 10:30 ",
                "ｳﾂ",
            ]
        )
        for escaped in (True, False)
        for separators in styles
    ]
    for end in (b"\n", b"\r\n"):
        found = scanned(end.join(lines) + end)
        assert found.doubtful.tolist() == []
        assert found.roles == (24, 0, 24, 24)
        assert found.has_crlf == (end == b"\r\n")
    assert len(set(found.marks.tolist())) == 24


def test_rows_with_and_without_a_system_message_are_plain() -> None:
    """Beginnings of rows that differ only behind their first bytes are told apart."""
    rows = [chat(number) for number in range(8)]
    for row in rows[::2]:
        row["messages"] = [{"role": "user", "content": "期限は？"}, ASSISTANT]
    data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    found = scanned(data)
    assert found.doubtful.tolist() == []
    assert found.roles == (4, 0, 8, 8)


def test_what_is_dense_is_told_apart_as_well() -> None:
    """Blocks full of escapes, of characters beyond U+FFFF, of indents and of keys are looked at."""
    plain = [
        "期限は三営業日前まで" * 40,
        "ありがとう🎉" * 40,
        "a:\n" + "        x = {'a': 1}\n" * 40,
    ]
    keys = ["Ab3dEf6hIj9lMn2pQr5tUv8x " * 40]
    for escaped in (True, False):
        lines = [json.dumps(chat(1, text), ensure_ascii=escaped) for text in plain + keys]
        data = "".join(line + "\n" for line in lines).encode()
        found = scanned(data)
        # Written as escapes, characters beyond U+FFFF are halves of pairs.
        assert found.doubtful.tolist() == ([1, 3] if escaped else [3])
        check_against_care(data, found)


def test_many_styles_in_one_block_are_doubted_at_worst() -> None:
    """More styles than are learned at a time cost speed, not correctness."""
    rows = [
        json.dumps(chat(number), ensure_ascii=False, separators=("," + " " * n, ":" + " " * m))
        for number, (n, m) in enumerate((n, m) for n in range(6) for m in range(6))
    ]
    data = "".join(row + "\n" for row in rows * 2).encode()
    scanner = PlainRows(longest_bytes=LONGEST)
    for _ in range(6):
        found = scanner.scan(Block(bytearray(data + bytes(SPARE_BYTES)), len(data), 0))
        check_against_care(data, found)
    assert len(found.doubtful) < len(found.line_ends)


def test_long_rows_are_doubted() -> None:
    """A row with more bytes than an example may have tokens is left to the careful checks."""
    data = json.dumps(chat(1, "長" * 30_000), ensure_ascii=False).encode() + b"\n"
    assert scanned(data).doubtful.tolist() == [0]


def large(folder: Path, odd: dict[int, str], *, count: int = 36_000) -> tuple[Path, FileReport]:
    """Check a file of many rows, some of which are replaced; give both."""
    path = folder / "train.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number in range(1, count + 1):
            row = odd.get(number) or json.dumps(chat(number), ensure_ascii=False)
            file.write(row + "\n")
    assert path.stat().st_size > 8 << 20
    return path, validate_training_file(path)


def test_large_files_are_reported_line_by_line(tmp_path: Path) -> None:
    """In a file that is scanned, every problem has its line, and all rows are counted."""
    answer = "長い答えです。" * 8
    first = json.dumps(chat(7, answer), ensure_ascii=False)
    odd = {
        number: json.dumps(chat(number, answer), ensure_ascii=False) for number in range(1, 36_001)
    }
    odd |= {
        1: "\ufeff" + odd[1],
        7: first,
        500: "{'a': 1}",
        9_000: " ",
        9_001: odd[9_001].replace("長い", "長\u200bい", 1),
        20_000: odd[20_000].replace('"assistant"', '"bot"'),
        30_000: first,
        36_000: odd[36_000].replace("規程", "hanako@contoso.co.jp"),
    }
    _, report = large(tmp_path, odd)
    assert [(one.code, one.line) for one in report.problems] == [
        ("jsonl.python-literal", 500),
        ("chat.role-unknown", 20_000),
        ("sft.no-assistant", 20_000),
        ("text.invisible", 9_001),
        ("jsonl.repeated-row", 30_000),
        ("privacy.email", 36_000),
        ("encoding.bom", 1),
        ("jsonl.blank-line", 9_000),
    ]
    assert report.examples == 35_999
    assert report.messages == {"system": 35_998, "user": 35_998, "assistant": 35_997, "bot": 1}
    assert report.errors[1].record == 19_999


def test_large_files_of_other_rows(tmp_path: Path) -> None:
    """A file whose rows are hardly plain is checked to the end, scan or not."""
    part = [{"type": "text", "text": "長い質問です。" * 200}]
    odd = {
        number: json.dumps(
            {"messages": [{"role": "user", "content": part, "name": f"n{number}"}, ASSISTANT]},
            ensure_ascii=False,
        )
        for number in range(1, 2_401)
    }
    odd[2_399] = "{"
    _, report = large(tmp_path, odd, count=2_400)
    assert [(one.code, one.line) for one in report.problems] == [("jsonl.not-json", 2_399)]
    assert report.examples == 2_400


def test_large_files_with_huge_lines(tmp_path: Path) -> None:
    """Lines of several blocks, and lines that are not read at all, keep the numbers right."""
    answer = "長い答えです。" * 8
    odd = {
        number: json.dumps(chat(number, answer), ensure_ascii=False) for number in range(1, 36_001)
    }
    odd[100] = json.dumps(chat(100, "長" * 1_700_000), ensure_ascii=False)
    odd[200] = "x" * 34_000_000
    odd[36_000] = "["
    _, report = large(tmp_path, odd)
    assert [(one.code, one.line) for one in report.problems] == [
        ("jsonl.line-too-long", 200),
        ("jsonl.not-json", 36_000),
        ("row.too-long", 100),
    ]
    assert report.examples == 36_000


def test_scanned_and_unscanned_files_agree(tmp_path: Path) -> None:
    """A large file has the tokens, the messages and the examples of its halves together."""
    answer = 'He said "no".\n' + "長い答えです。" * 80
    odd = {number: json.dumps(chat(number, answer)) for number in range(1, 2_601)}
    path, whole = large(tmp_path, odd, count=2_600)
    lines = path.read_bytes().splitlines(keepends=True)
    parts: list[FileReport] = []
    for at in range(2):
        part = tmp_path / f"{at}.jsonl"
        part.write_bytes(b"".join(lines[at::2]))
        assert part.stat().st_size < 8 << 20
        parts.append(validate_training_file(part))
    assert (whole.problems, parts[0].problems, parts[1].problems) == ((), (), ())
    assert whole.examples == parts[0].examples + parts[1].examples
    assert abs(whole.tokens - parts[0].tokens - parts[1].tokens) <= 2
    assert whole.messages == dict.fromkeys(("system", "user", "assistant"), 2_600)
