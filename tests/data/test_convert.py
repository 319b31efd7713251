"""How questions and answers become training files, and how cells are made harmless for export."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.data.convert import (
    ConvertReport,
    convert_questions,
    questions_to_examples,
    write_training_file,
)
from tailorbird.data.questions.question_set import QuestionSet, read_questions
from tailorbird.data.tables.options import Limit, ReadOptions, TableLimits
from tailorbird.data.training.examples import write_examples
from tailorbird.exceptions import DataError, InvalidInputError, StorageError
from tailorbird.types.questions import Question

SKIP = ReadOptions(empty_answers="skip")


def saved(folder: Path, text: str, name: str = "faq.csv") -> Path:
    """Write a file in UTF-8 and return its path."""
    path = folder / name
    path.write_bytes(text.encode())
    return path


def messages(path: Path) -> list[list[tuple[str, str]]]:
    """Return role and text of the messages of each line."""
    lines = path.read_text(encoding="utf-8").split("\n")
    assert lines.pop() == ""
    return [
        [(one["role"], one["content"]) for one in json.loads(line)["messages"]] for line in lines
    ]


def test_rows_become_conversations(tmp_path: Path) -> None:
    """Each row becomes one line, byte for byte as `json.dumps` writes it."""
    source = saved(tmp_path, 'user,assistant\n質問は？,"「はい」, ""そう"" です\n\\"\nq,a\n')
    target = tmp_path / "train.jsonl"
    report = convert_questions(source, target)
    rows = [("質問は？", '「はい」, "そう" です\n\\'), ("q", "a")]
    expected = "".join(
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": one},
                    {"role": "assistant", "content": two},
                ]
            },
            ensure_ascii=False,
        )
        + "\n"
        for one, two in rows
    ).encode()
    assert target.read_bytes() == expected
    assert report == ConvertReport(
        rows=2,
        sha256=hashlib.sha256(expected).hexdigest(),
        size_bytes=len(expected),
        encoding="utf-8",
    )


def test_system_prompts(tmp_path: Path) -> None:
    """A row's own system prompt goes before the shared one; without either there is no message."""
    source = saved(tmp_path, "user,assistant,system\nq,a,Be brief.\nr,b,\n")
    target = tmp_path / "train.jsonl"
    convert_questions(source, target, system="丁寧に。")
    assert messages(target) == [
        [("system", "Be brief."), ("user", "q"), ("assistant", "a")],
        [("system", "丁寧に。"), ("user", "r"), ("assistant", "b")],
    ]
    convert_questions(source, target)
    assert messages(target)[1] == [("user", "r"), ("assistant", "b")]
    convert_questions(saved(tmp_path, "user,assistant\nq,a\n"), target, system="丁寧に。")
    assert messages(target) == [[("system", "丁寧に。"), ("user", "q"), ("assistant", "a")]]


def test_first_of_several_answers_is_learned(tmp_path: Path) -> None:
    """Of several accepted answers the reference is written."""
    target = tmp_path / "train.jsonl"
    convert_questions(saved(tmp_path, "question,answers\nq,a|b\n"), target)
    assert messages(target) == [[("user", "q"), ("assistant", "a")]]


def test_line_separators_are_escaped(tmp_path: Path) -> None:
    """Readers that cut at U+2028, U+2029 or U+0085 find whole records."""
    source = saved(tmp_path, "user,assistant,system\na\u2028b,c\u2029d\x85e,x\u2028y\n")
    target = tmp_path / "train.jsonl"
    report = convert_questions(source, target)
    text = target.read_text(encoding="utf-8")
    assert len(text.splitlines()) == 1
    assert "\\u2028" in text
    assert "\\u2029" in text
    assert "\\u0085" in text
    assert messages(target) == [
        [("system", "x\u2028y"), ("user", "a\u2028b"), ("assistant", "c\u2029d\x85e")]
    ]
    assert [one.code for one in report.problems] == ["text.line-separator"]


def test_byte_order_mark_by_request(tmp_path: Path) -> None:
    """The mark is written for backends that ask for it; hash and size include it."""
    target = tmp_path / "train.jsonl"
    report = convert_questions(saved(tmp_path, "user,assistant\nq,a\n"), target, bom=True)
    data = target.read_bytes()
    assert data.startswith(b'\xef\xbb\xbf{"messages"')
    assert (report.sha256, report.size_bytes) == (hashlib.sha256(data).hexdigest(), len(data))


def test_options_and_warnings(tmp_path: Path) -> None:
    """Reading options hold here too, and warnings and notes are reported."""
    source = saved(tmp_path, "Frage;Antwort\nq;a\nr;\n")
    options = ReadOptions(
        columns={"question": "Frage", "answer": "Antwort"}, empty_answers="skip", normalize="nfc"
    )
    report = convert_questions(source, tmp_path / "train.jsonl", options=options)
    assert report.rows == 1
    assert [(one.code, one.line) for one in report.problems] == [("row.skipped", 3)]


def test_json_lines_are_converted_too(tmp_path: Path) -> None:
    """The source may be JSON Lines, in any encoding that is read."""
    source = tmp_path / "faq.jsonl"
    source.write_bytes('{"question": "質問", "answer": "回答"}\n'.encode("cp932"))
    report = convert_questions(source, tmp_path / "train.jsonl")
    assert messages(tmp_path / "train.jsonl") == [[("user", "質問"), ("assistant", "回答")]]
    assert report.encoding == "cp932"


@pytest.mark.parametrize(
    "rows",
    [
        "q,a\nr,\n",
        "q,a\nr,b,c\n",
        'q,a\nr,"b\n',
        "q,a\n\ufffd,b\n",
        "質問,回答,種類\nq,,回答不能\n",
        "",
    ],
)
def test_nothing_is_written_when_there_is_an_error(tmp_path: Path, rows: str) -> None:
    """An error anywhere leaves no new file, no half file, and the old file as it was."""
    text = rows if rows.startswith("質問") else f"user,assistant\n{rows}"
    source = saved(tmp_path, text)
    target = tmp_path / "train.jsonl"
    with pytest.raises(DataError):
        convert_questions(source, target)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["faq.csv"]
    target.write_text("old")
    with pytest.raises(DataError):
        convert_questions(source, target)
    assert target.read_text() == "old"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["faq.csv", "train.jsonl"]


def test_error_far_behind_the_first_rows(tmp_path: Path) -> None:
    """An undecodable line near the end is found before anything can be taken for a result."""
    rows = "".join(f"質問{number},回答{number}\n" for number in range(20_000)).encode()
    source = tmp_path / "faq.csv"
    source.write_bytes(b"user,assistant\n" + rows + "質問,回答\n".encode("cp932"))
    with pytest.raises(DataError) as caught:
        convert_questions(source, tmp_path / "train.jsonl")
    assert [one.line for one in caught.value.problems] == [20_002]
    assert not (tmp_path / "train.jsonl").exists()


def test_limit_on_the_written_bytes(tmp_path: Path) -> None:
    """The limit on a training file counts what would be uploaded, not what was read."""
    source = saved(tmp_path, "user,assistant\nq,a\n")
    limit = Limit(value=40, source="Files, read 2026-11-22")
    options = ReadOptions(limits=TableLimits(max_bytes=limit))
    with pytest.raises(DataError, match=r"limit is 40 \(Files, read 2026-11-22\)"):
        convert_questions(source, tmp_path / "train.jsonl", options=options)
    assert not (tmp_path / "train.jsonl").exists()
    roomy = ReadOptions(limits=TableLimits(max_bytes=Limit(value=400, source="x")))
    assert convert_questions(source, tmp_path / "train.jsonl", options=roomy).rows == 1


def test_same_file(tmp_path: Path) -> None:
    """A file is not overwritten by its own conversion."""
    source = saved(tmp_path, "user,assistant\nq,a\n")
    with pytest.raises(InvalidInputError, match="same file"):
        convert_questions(source, tmp_path / "." / "faq.csv")


def test_folder_that_does_not_exist(tmp_path: Path) -> None:
    """A target that cannot be written is told as such."""
    with pytest.raises(StorageError, match="cannot write"):
        convert_questions(saved(tmp_path, "user,assistant\nq,a\n"), tmp_path / "no" / "x.jsonl")


@pytest.mark.parametrize(
    ("system", "message"), [(" \u3000", "blank"), ("a\ud83d", "broken character")]
)
def test_system_prompt_that_cannot_be_meant(tmp_path: Path, system: str, message: str) -> None:
    """A blank or broken system prompt is refused wherever one is given."""
    source = saved(tmp_path, "user,assistant\nq,a\n")
    questions = QuestionSet.from_rows([("q", "a")])
    calls: list[Callable[[], object]] = [
        lambda: convert_questions(source, tmp_path / "x.jsonl", system=system),
        lambda: write_training_file(questions, tmp_path / "x.jsonl", system=system),
        lambda: questions_to_examples(questions, system=system),
    ]
    for call in calls:
        with pytest.raises(InvalidInputError, match=message):
            call()
    assert not (tmp_path / "x.jsonl").exists()


def test_memory_stays_flat(tmp_path: Path) -> None:
    """Ten times the rows take no more memory than the bookkeeping of 24 bytes a row."""
    peaks: list[int] = []
    for count in (5_000, 50_000):
        rows = "".join(f"質問{number}は何ですか,回答は{number}です\n" for number in range(count))
        source = saved(tmp_path, f"user,assistant\n{rows}")
        tracemalloc.start()
        convert_questions(source, tmp_path / "train.jsonl")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # The end looks at the hashes of up to 250,000 rows at a time, about 80 bytes each.
    assert peaks[1] - peaks[0] < 45_000 * 24 + 50_000 * 100


# --- from a set


def test_a_set_is_written_as_its_file_is_converted(tmp_path: Path) -> None:
    """Reading and writing gives the bytes of converting, for many rows and with all trimmings."""
    rows = "".join(
        f"質問{number}\u2028,回答{number},{'' if number % 3 else 'Be brief.'}\n"
        for number in range(2_500)
    )
    source = saved(tmp_path, f"user,assistant,system\n{rows}")
    first = convert_questions(source, tmp_path / "1.jsonl", system="x", bom=True)
    second = write_training_file(read_questions(source), tmp_path / "2.jsonl", system="x", bom=True)
    assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()
    assert (first.sha256, first.size_bytes, first.rows) == (
        second.sha256,
        second.size_bytes,
        second.rows,
    )
    assert second.encoding is None


def test_examples_are_written_as_the_set_is(tmp_path: Path) -> None:
    """The writer of training examples gives the same bytes for the same rows."""
    found = QuestionSet.from_rows(
        [("質問\u2028", "「回答」\n"), {"question": "q", "answer": 'a"', "system": "own"}]
    )
    direct = write_training_file(found, tmp_path / "1.jsonl", system="共通")
    examples = write_examples(tmp_path / "2.jsonl", questions_to_examples(found, system="共通"))
    assert direct.sha256 == examples.sha256


def test_examples_of_a_set() -> None:
    """Each question becomes a conversation with system prompt, line and reference answer."""
    questions = [
        Question(id="1", text="q", answers=("a", "b"), line=7),
        Question(id="2", text="r", answers=("c",), system="own"),
    ]
    first, second = questions_to_examples(questions, system="shared")
    assert [(one.role, one.content) for one in first.messages] == [
        ("system", "shared"),
        ("user", "q"),
        ("assistant", "a"),
    ]
    assert first.line == 7
    assert second.messages[0].content == "own"
    [plain] = questions_to_examples(questions[:1])
    assert [one.role for one in plain.messages] == ["user", "assistant"]


@pytest.mark.parametrize(
    ("question", "code"),
    [
        (Question(id="x", text="q", kind="unanswerable", line=9), "row.no-answer"),
        (Question(id="x", text="q", answers=(" ",), line=9), "row.no-answer"),
        (Question(id="x", text="q\ud83d", answers=("a\u200b",), line=9), "text.surrogate"),
        (Question(id="x", text="q", answers=("a",), system="\x00", line=9), "text.nul"),
    ],
)
def test_questions_that_cannot_be_trained_on(tmp_path: Path, question: Question, code: str) -> None:
    """A question without answer, or with a broken character, is told with its place."""
    questions = [Question(id="y", text="q", answers=("a",)), question]
    calls: list[Callable[[], object]] = [
        lambda: write_training_file(questions, tmp_path / "x.jsonl"),
        lambda: questions_to_examples(questions),
    ]
    for call in calls:
        with pytest.raises(DataError) as caught:
            call()
        [problem] = caught.value.problems
        assert (problem.code, problem.record, problem.line) == (code, 2, 9)
    assert list(tmp_path.iterdir()) == []


# --- cells for export


CELL = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00\ufffd\x1b")
    | st.sampled_from('\n",あ\u2028'),
    max_size=15,
)


@given(
    table=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=6),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_is_written_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, table: list[tuple[str, str]], encoding: str
) -> None:
    """For any table, the lines of the training file say what reading the table says."""
    folder = tmp_path_factory.mktemp("convert")
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([("question", "answer"), *table])
    source = folder / "faq.csv"
    source.write_bytes(buffer.getvalue().encode(encoding))
    target = folder / "train.jsonl"
    try:
        report = convert_questions(source, target, options=SKIP)
    except DataError:
        with pytest.raises(DataError):
            read_questions(source, empty_answers="skip")
        assert not target.exists()
        return
    found = read_questions(source, empty_answers="skip")
    assert report.problems == found.problems
    assert messages(target) == [[("user", one.text), ("assistant", one.reference)] for one in found]
    assert len(target.read_text(encoding="utf-8").splitlines()) == len(found)
