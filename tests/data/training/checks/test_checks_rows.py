"""Rows for supervised, preference and reinforcement training, as wholes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tailorbird.data.training.codes import TRAINING_CODES
from tailorbird.data.training.row import TrainingKind
from tailorbird.data.training.rules import training_rules
from tailorbird.data.training.validation import validate_training_file
from tailorbird.exceptions import Problem

SYSTEM = {"role": "system", "content": "短く答える。"}
USER = {"role": "user", "content": "締め切りは？"}
ASSISTANT = {"role": "assistant", "content": "月末です。"}
WORSE = {"role": "assistant", "content": "知りません。"}
PAIR = {
    "input": {"messages": [SYSTEM, USER]},
    "preferred_output": [ASSISTANT],
    "non_preferred_output": [WORSE],
}


def found_in(folder: Path, row: object, kind: TrainingKind = "sft") -> list[Problem]:
    """Return what is wrong with a row, with anything that belongs to the file left out."""
    path = folder / "train.jsonl"
    path.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    report = validate_training_file(path, kind=kind, use="validation")
    assert all(one.code in TRAINING_CODES for one in report.problems)
    return list(report.problems)


def told(
    folder: Path, row: object, kind: TrainingKind = "sft"
) -> list[tuple[str, str, str | None]]:
    """Return severity, code and field of what is wrong with a row."""
    return [(one.severity, one.code, one.field) for one in found_in(folder, row, kind)]


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("sft", {"messages": [SYSTEM, USER, ASSISTANT]}),
        ("sft", {"messages": [USER, ASSISTANT, USER, ASSISTANT]}),
        ("sft", {"messages": [{**SYSTEM, "role": "developer"}, USER, ASSISTANT]}),
        ("sft", {"messages": [USER, ASSISTANT], "parallel_tool_calls": False}),
        ("dpo", PAIR),
        ("rft", {"messages": [USER], "target": 7, "nested": {"a": [1.5, None, "x"]}}),
        ("rft", {"messages": [SYSTEM, USER, ASSISTANT, USER], "answer": "月末"}),
    ],
)
def test_right_rows_have_no_problem(tmp_path: Path, kind: TrainingKind, row: object) -> None:
    """Rows as the providers document them pass without a word."""
    assert found_in(tmp_path, row, kind) == []


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({}, "chat.messages-missing"),
        ({"message": [USER, ASSISTANT]}, "chat.messages-missing"),
        ({"messages": []}, "chat.messages-empty"),
        ({"messages": "hello"}, "chat.messages-not-list"),
        ({"messages": None}, "chat.messages-not-list"),
        ({"messages": [USER]}, "sft.no-assistant"),
    ],
)
def test_rows_without_a_conversation(tmp_path: Path, row: object, code: str) -> None:
    """Missing, empty and misshapen messages are errors about the field."""
    [(severity, found, field)] = told(tmp_path, row)
    assert (severity, found, field) == ("error", code, "messages")


def test_misspelt_messages_are_guessed(tmp_path: Path) -> None:
    """A key that resembles the missing one is named in the fix."""
    [problem] = found_in(tmp_path, {"message": [USER, ASSISTANT]})
    assert "'messages' by 'message'" in problem.fix
    assert "the row has message" in problem.reason


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"prompt": "a", "completion": "b"}, "prompt and completion"),
        ({"prompt": "a", "chosen": "b", "rejected": "c"}, "chosen and rejected"),
        ({"instruction": "a", "input": "b", "output": "c"}, "Alpaca"),
        ({"conversations": [{"from": "human", "value": "a"}]}, "ShareGPT"),
        ({"contents": []}, "Gemini"),
        ({"custom_id": "1", "body": {}}, "Batch API"),
        ({"question": "a", "answer": "b"}, "a question and its answer"),
        ({"質問": "a", "回答": "b"}, "a question and its answer"),
        ({"text": "a"}, "plain text"),
        ({"role": "user", "content": "a"}, "a single message"),
    ],
)
def test_formats_of_others_are_named(tmp_path: Path, row: object, name: str) -> None:
    """A row of another tool or time is told by name, with what to write instead."""
    [problem] = found_in(tmp_path, row)
    assert (problem.code, problem.severity) == ("row.foreign-format", "error")
    assert name in problem.reason
    assert problem.fix


def test_unknown_keys_are_warned_about(tmp_path: Path) -> None:
    """Each key that training does not know gets a warning, with a guess where there is one."""
    row = {"messages": [USER, ASSISTANT], "tool": [], "id": 1}
    first, second = found_in(tmp_path, row)
    assert (first.severity, first.code, first.field) == ("warning", "row.unknown-key", "tool")
    assert "did you mean 'tools'" in first.fix
    assert (second.field, second.fix) == ("id", "remove it")


def test_values_of_unknown_keys_are_still_read(tmp_path: Path) -> None:
    """A secret or an endless number beside the conversation is found."""
    row = {"messages": [USER, ASSISTANT], "by": "hanako@contoso.co.jp"}
    assert ("warning", "privacy.email", "by") in told(tmp_path, row)
    path = tmp_path / "big.jsonl"
    path.write_text(json.dumps({"messages": [USER, ASSISTANT], "score": 1})[:-2] + "1e999}\n")
    report = validate_training_file(path, use="validation")
    assert [one.field for one in report.errors] == ["score"]
    assert report.errors[0].code == "jsonl.not-finite"


def test_each_file_has_one_kind(tmp_path: Path) -> None:
    """A row of another kind is refused, whichever of the two it is."""
    assert told(tmp_path, PAIR, "sft") == [("error", "row.kind", "")]
    assert told(tmp_path, {"messages": [USER, ASSISTANT]}, "dpo") == [("error", "row.kind", "")]


@pytest.mark.parametrize("key", ["preferred_output", "non_preferred_output"])
def test_missing_and_empty_outputs(tmp_path: Path, key: str) -> None:
    """A pair without one of its answers is refused."""
    missing = {name: value for name, value in PAIR.items() if name != key}
    for row in (missing, {**PAIR, key: []}, {**PAIR, key: None}):
        assert told(tmp_path, row, "dpo") == [("error", "dpo.output-missing", key)]


@pytest.mark.parametrize(
    ("output", "code", "field"),
    [
        ("text", "dpo.output-invalid", "preferred_output"),
        ([ASSISTANT, ASSISTANT], "dpo.output-invalid", "preferred_output"),
        ([USER], "dpo.output-invalid", "preferred_output[0].role"),
        (["text"], "chat.message-not-object", "preferred_output[0]"),
        (
            [{"role": "assistant", "content": " "}],
            "chat.content-empty",
            "preferred_output[0].content",
        ),
    ],
)
def test_misshapen_outputs(tmp_path: Path, output: object, code: str, field: str) -> None:
    """An answer is a list of one message of the assistant with a text."""
    assert told(tmp_path, {**PAIR, "preferred_output": output}, "dpo") == [("error", code, field)]


def test_equal_outputs_teach_nothing(tmp_path: Path) -> None:
    """A pair of the same answer is refused."""
    row = {**PAIR, "non_preferred_output": [ASSISTANT]}
    [problem] = told(tmp_path, row, "dpo")
    assert problem == ("error", "dpo.outputs-equal", "non_preferred_output")


@pytest.mark.parametrize("given", [None, {}, [USER], "text", {"prompt": "x"}])
def test_input_needs_messages(tmp_path: Path, given: object) -> None:
    """The conversation before the answers must be there."""
    errors = [one for one in told(tmp_path, {**PAIR, "input": given}, "dpo") if one[0] == "error"]
    assert errors == [("error", "dpo.input-missing", "input")]


def test_input_that_ends_with_an_answer(tmp_path: Path) -> None:
    """The conversation before the answers must not be answered yet."""
    row = {**PAIR, "input": {"messages": [USER, ASSISTANT]}}
    place = "input.messages[1]"
    assert told(tmp_path, row, "dpo") == [("error", "dpo.input-ends-with-assistant", place)]


def test_old_names_of_outputs(tmp_path: Path) -> None:
    """The names of an old description are refused with the new ones."""
    row = {
        "input": PAIR["input"],
        "preferred_completion": [ASSISTANT],
        "non_preferred_completion": [WORSE],
    }
    found = found_in(tmp_path, row, "dpo")
    assert {(one.code, one.field) for one in found} == {
        ("dpo.key-renamed", "preferred_completion"),
        ("dpo.key-renamed", "non_preferred_completion"),
    }
    assert "write 'preferred_output'" in {one.fix for one in found}


def test_unknown_keys_of_the_input(tmp_path: Path) -> None:
    """A key beside the messages of the input gets a warning with its path."""
    row = {**PAIR, "input": {"messages": [USER], "temperature": 1}}
    assert told(tmp_path, row, "dpo") == [("warning", "row.unknown-key", "input.temperature")]


def test_foreign_rows_in_a_preference_file(tmp_path: Path) -> None:
    """A row without any key of a pair is named, or its keys are."""
    assert told(tmp_path, {"chosen": "a", "rejected": "b"}, "dpo")[0][1] == "row.foreign-format"
    assert told(tmp_path, {"a": 1}, "dpo") == [("error", "dpo.input-missing", "input")]


def test_prompts_with_an_answer(tmp_path: Path) -> None:
    """A prompt for reinforcement ends before the answer."""
    row = {"messages": [USER, ASSISTANT], "target": "x"}
    assert told(tmp_path, row, "rft") == [("error", "rft.ends-with-assistant", "messages[1]")]
    assert told(tmp_path, {"target": "x"}, "rft") == [
        ("error", "chat.messages-missing", "messages")
    ]


def test_what_the_grader_reads_is_checked_but_not_counted(tmp_path: Path) -> None:
    """Items may hold anything but secrets; their length costs nothing."""
    path = tmp_path / "rft.jsonl"
    row = {"messages": [USER], "target": "x" * 5000, "by": "hanako@contoso.co.jp"}
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    report = validate_training_file(path, kind="rft", use="validation")
    assert [(one.code, one.field) for one in report.problems] == [("privacy.email", "by")]
    assert report.tokens < 50


def test_too_many_images_in_one_example(tmp_path: Path) -> None:
    """The provider's number of images for one example is a limit; unknown limits are none."""
    image = {"type": "image_url", "image_url": {"url": "https://contoso.com/a.png"}}
    row = {"messages": [{"role": "user", "content": [image] * 11}, ASSISTANT]}
    assert told(tmp_path, row) == [("error", "image.too-many", None)]
    path = tmp_path / "train.jsonl"
    for rules in (training_rules("azure"), training_rules().model_copy(update={"images": None})):
        assert validate_training_file(path, rules=rules, use="validation").ok


def test_codes_are_all_explained() -> None:
    """Each code has a line of its own, without full stop."""
    assert len(set(TRAINING_CODES.values())) > 60
    for code, meaning in TRAINING_CODES.items():
        assert "." in code
        assert meaning
        assert not meaning.endswith(".")
