"""Whole training files: numbers, marks, lengths, sizes, and what is reported about them."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from tailorbird.data.files.blocks import BLOCK_BYTES, LINE_BYTES
from tailorbird.data.tokens import estimate_tokens
from tailorbird.data.training.rules import TrainingRules, training_rules
from tailorbird.data.training.validation import validate_training_file
from tailorbird.exceptions import DataError, InvalidInputError

SHARED = Path(__file__).parents[4] / "shared" / "data" / "finetune"


def row(number: int, answer: str = "三営業日前までです。") -> dict[str, object]:
    """Return a row that differs from every other one."""
    return {
        "messages": [
            {"role": "system", "content": "短く答える。"},
            {"role": "user", "content": f"規程第{number}条の期限は？"},
            {"role": "assistant", "content": answer},
        ]
    }


def saved(folder: Path, *rows: object, end: str = "\n") -> Path:
    """Write one JSON object a line (texts as they are) and return the path."""
    lines = [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in rows]
    path = folder / "train.jsonl"
    path.write_bytes((end.join(lines) + end).encode())
    return path


def rows(count: int) -> list[object]:
    """Return so many different rows."""
    return [row(number) for number in range(count)]


def test_right_file_is_counted(tmp_path: Path) -> None:
    """A right file gives its numbers and nothing else."""
    report = validate_training_file(saved(tmp_path, *rows(12)))
    assert (report.ok, report.problems, report.total) == (True, (), 0)
    assert (report.examples, report.kind, report.provider) == (12, "sft", "generic")
    assert report.messages == {"system": 12, "user": 12, "assistant": 12}
    report.raise_errors()


def test_tokens_are_estimated_with_the_framing(tmp_path: Path) -> None:
    """The estimate stays within a third of the one that looks at every character."""
    report = validate_training_file(saved(tmp_path, *rows(50)))
    messages = [message for number in range(50) for message in row(number)["messages"]]
    close = sum(estimate_tokens(message["content"]) + 3 for message in messages) + 3 * 50
    assert report.tokens == pytest.approx(close, rel=0.33)


def test_nine_examples_are_one_too_few(tmp_path: Path) -> None:
    """The smallest number is the provider's, and does not hold for validation files."""
    path = saved(tmp_path, *rows(9))
    [problem] = validate_training_file(path).errors
    assert (problem.code, problem.line) == ("jsonl.too-few", None)
    assert "9 examples found, 10 needed" in problem.reason
    assert validate_training_file(path, use="validation").ok
    with pytest.raises(DataError, match="9 examples found"):
        validate_training_file(path).raise_errors()


def test_reinforcement_has_most_rows(tmp_path: Path) -> None:
    """The largest number of rows differs between training and validation, and by provider."""
    prompts = [
        {"messages": [{"role": "user", "content": f"{number} + 1?"}], "target": number + 1}
        for number in range(1001)
    ]
    path = saved(tmp_path, *prompts)
    [problem] = validate_training_file(path, use="validation", rules="openai").errors
    assert problem.code == "jsonl.too-many"
    assert "1,001 rows found" in problem.reason
    assert validate_training_file(path, rules="openai").ok
    assert validate_training_file(path, use="validation", rules="azure").ok


def with_rules(**changes: object) -> TrainingRules:
    """Return the generic rules with other facts."""
    return training_rules().model_copy(update=changes)


def test_large_files_are_refused(tmp_path: Path) -> None:
    """A file beyond the provider's size is an error that tells both numbers."""
    path = saved(tmp_path, *rows(12))
    report = validate_training_file(path, rules=with_rules(max_file_bytes=100))
    [problem] = report.errors
    assert problem.code == "file.too-large"
    assert f"{report.size_bytes:,}" in problem.reason


def test_many_image_examples_are_refused(tmp_path: Path) -> None:
    """The number of examples with images in a file is limited."""
    images = training_rules().images
    assert images is not None
    part = {"type": "image_url", "image_url": {"url": "https://contoso.com/a.png"}}
    example = {
        "messages": [{"role": "user", "content": [part]}, {"role": "assistant", "content": "x"}]
    }
    path = saved(tmp_path, *rows(10), example)
    few = with_rules(images=images.model_copy(update={"max_examples": 0}))
    [problem] = validate_training_file(path, rules=few).errors
    assert problem.code == "image.too-many"
    assert validate_training_file(path).ok


@pytest.mark.parametrize(
    ("provider", "severity"), [("openai", "error"), ("azure", "note"), ("generic", "note")]
)
def test_byte_order_mark_by_provider(tmp_path: Path, provider: str, severity: str) -> None:
    """Whether the mark is wrong is a fact about the provider."""
    path = saved(tmp_path, *rows(12))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    [problem] = validate_training_file(path, rules=provider).problems
    assert (problem.code, problem.severity, problem.line) == ("encoding.bom", severity, 1)


def test_byte_order_mark_that_is_asked_for(tmp_path: Path) -> None:
    """A provider that wants the mark gets an error without it, and silence with it."""
    path = saved(tmp_path, *rows(12))
    [problem] = validate_training_file(path, rules=with_rules(bom="with")).errors
    assert problem.code == "encoding.no-bom"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert validate_training_file(path, rules=with_rules(bom="with")).ok


def test_blank_lines_and_missing_end_are_noted(tmp_path: Path) -> None:
    """Blank lines are skipped, counted as lines and not as records."""
    path = saved(tmp_path, *rows(6), "", "  ", *rows(12)[6:], "[]")
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    report = validate_training_file(path)
    assert report.examples == 13
    assert [(one.code, one.line) for one in report.problems] == [
        ("jsonl.not-object", 15),
        ("jsonl.blank-line", 7),
        ("jsonl.blank-line", 8),
        ("jsonl.no-final-newline", 15),
    ]
    assert report.errors[0].record == 13


def test_windows_line_ends_are_noted_once(tmp_path: Path) -> None:
    """CR LF is accepted with one note for the file."""
    report = validate_training_file(saved(tmp_path, *rows(12), end="\r\n"))
    assert [(one.severity, one.code) for one in report.problems] == [("note", "jsonl.crlf")]
    assert report.examples == 12


def test_repeated_rows_are_warned_about(tmp_path: Path) -> None:
    """Each repetition names the line of the first."""
    path = saved(tmp_path, *rows(12), row(3), row(5), row(3))
    found = validate_training_file(path).warnings
    assert [(one.code, one.line) for one in found] == [
        ("jsonl.repeated-row", n) for n in (13, 14, 15)
    ]
    assert "line 4" in found[0].reason
    assert "line 4" in found[2].reason


def test_long_examples_are_cut_or_refused(tmp_path: Path) -> None:
    """Over the limit the estimate is told; what happens then is the provider's."""
    path = saved(tmp_path, *rows(12), row(99, "長い答えです。" * 50))
    cut = with_rules(max_tokens_per_example=100)
    [problem] = validate_training_file(path, rules=cut).problems
    assert (problem.severity, problem.code, problem.line) == ("warning", "row.too-long", 13)
    assert "an estimate" in problem.reason
    assert "cut at its end" in problem.reason
    refused = with_rules(max_tokens_per_example=100, over_limit="rejected")
    [problem] = validate_training_file(path, rules=refused).errors
    assert "is refused" in problem.reason


def test_long_examples_count_up_to_the_limit(tmp_path: Path) -> None:
    """What is cut is not trained on, so it is not counted."""
    path = saved(tmp_path, *rows(12), row(99, "長い答えです。" * 50))
    whole = validate_training_file(path, rules=with_rules(max_tokens_per_example=None)).tokens
    cut = validate_training_file(path, rules=with_rules(max_tokens_per_example=100)).tokens
    short = validate_training_file(saved(tmp_path, *rows(12))).tokens
    assert cut == pytest.approx(short + 100, abs=2)
    assert whole > cut + 200


def test_counter_is_asked_only_when_it_matters(tmp_path: Path) -> None:
    """The given counter sees the texts of the one row whose bytes exceed the limit."""
    asked: list[str] = []

    def count(text: str) -> int:
        asked.append(text)
        return 1

    path = saved(tmp_path, *rows(12), row(99, "長い答えです。" * 50))
    rules = with_rules(max_tokens_per_example=300)
    report = validate_training_file(path, rules=rules, estimate_tokens=count)
    assert report.problems == ()
    assert asked == ["短く答える。", "規程第99条の期限は？", "長い答えです。" * 50]


def test_names_cost_a_token(tmp_path: Path) -> None:
    """A message with a name counts the name and one token more."""
    plain = validate_training_file(saved(tmp_path, row(1)), use="validation")
    named = row(1)
    named["messages"][1]["name"] = "abcde"
    more = validate_training_file(saved(tmp_path, named), use="validation")
    assert more.tokens - plain.tokens == 2


def test_at_most_a_hundred_problems_of_each_severity_are_kept(tmp_path: Path) -> None:
    """The rest is counted."""
    broken = [f'{{"a": {number},}}' for number in range(150)]
    report = validate_training_file(saved(tmp_path, *broken, *[""] * 120, *rows(10)))
    assert len(report.errors) == 100
    assert sum(one.severity == "note" for one in report.problems) == 100
    assert report.total == 270


def test_missing_files_cannot_be_checked(tmp_path: Path) -> None:
    """A path that leads nowhere, or to a folder, is an error about the data."""
    with pytest.raises(DataError, match="does not exist") as caught:
        validate_training_file(tmp_path / "none.jsonl")
    assert caught.value.problems[0].code == "file.missing"
    with pytest.raises(DataError, match="is a folder"):
        validate_training_file(tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        validate_training_file("/dev/null/train.jsonl")


def test_unknown_rules_are_refused(tmp_path: Path) -> None:
    """A name without rules is an error before the file is opened."""
    with pytest.raises(InvalidInputError, match="there are no training rules 'acme'"):
        validate_training_file(tmp_path / "none.jsonl", rules="acme")


def test_report_can_be_sent_as_json(tmp_path: Path) -> None:
    """The report becomes JSON, problems with all their parts included."""
    report = validate_training_file(saved(tmp_path, '{"a": 1,}', *rows(10)))
    [problem] = json.loads(report.model_dump_json())["problems"]
    assert problem["code"] == "jsonl.not-json"
    assert problem["line"] == 1


def test_endless_lines_are_passed_over(tmp_path: Path) -> None:
    """A line of 100 MB is reported and not read into memory; the lines around it are checked."""
    path = tmp_path / "train.jsonl"
    good = (json.dumps(row(1)) + "\n").encode()
    with path.open("wb") as file:
        file.write(good + b'{"messages": [{"role": "user", "content": "')
        for _ in range(100):
            file.write(b"x" * (1 << 20))
        file.write(b'"}]}\n' + good.replace(b"1", b"2") + b"{\n")
    tracemalloc.start()
    report = validate_training_file(path, use="validation")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [(one.code, one.line) for one in report.problems] == [
        ("jsonl.line-too-long", 2),
        ("jsonl.not-json", 4),
    ]
    assert report.examples == 4
    assert report.size_bytes == path.stat().st_size
    assert peak < 100_000_000


def test_endless_last_line(tmp_path: Path) -> None:
    """A line that is too long may be the last one, with or without its end."""
    path = tmp_path / "train.jsonl"
    for end in (b"", b"\n"):
        path.write_bytes(b"x" * (LINE_BYTES + BLOCK_BYTES + 5) + end)
        report = validate_training_file(path, use="validation")
        assert [one.code for one in report.problems] == ["jsonl.line-too-long"]


def test_long_lines_are_read(tmp_path: Path) -> None:
    """A line of several blocks is checked like any other."""
    path = saved(tmp_path, *rows(10), row(10, "長" * BLOCK_BYTES), *rows(20)[11:])
    report = validate_training_file(path)
    assert [(one.code, one.line) for one in report.problems] == [("row.too-long", 11)]
    assert report.examples == 20


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "kind", "examples", "ok"),
    [
        ("pirate_chat.jsonl", "sft", 10, True),
        ("gsm8k_chat_train.jsonl", "sft", 449, True),
        ("gsm8k_chat_validation.jsonl", "sft", 50, True),
        ("stock_toolcall_training.jsonl", "sft", 86, True),
        ("stock_toolcall_validation.jsonl", "sft", 10, True),
        ("orca_dpo_validation.jsonl", "dpo", 284, True),
        ("countdown_rft_train_25.jsonl", "rft", 25, True),
        ("toy_chat_fine_tuning.jsonl", "sft", 5, False),
    ],
)
def test_files_of_the_public(name: str, kind: str, examples: int, ok: bool) -> None:  # noqa: FBT001 - a column
    """Published training files are what they claim to be."""
    report = validate_training_file(SHARED / name, rules="openai")
    assert (report.kind, report.examples, report.ok) == (kind, examples, ok)


@pytest.mark.shared
def test_the_toy_file_is_refused_for_its_reasons() -> None:
    """It has five rows, and the fourth has no question."""
    report = validate_training_file(SHARED / "toy_chat_fine_tuning.jsonl")
    assert [(one.severity, one.code, one.line) for one in report.problems] == [
        ("error", "jsonl.too-few", None),
        ("warning", "chat.no-user", 4),
    ]
