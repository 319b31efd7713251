"""Messages: who speaks, with which keys, in which order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tailorbird.data.training.row import TrainingKind
from tailorbird.data.training.rules import training_rules
from tailorbird.data.training.validation import validate_training_file
from tailorbird.exceptions import Problem

SYSTEM = {"role": "system", "content": "短く答える。"}
USER = {"role": "user", "content": "締め切りは？"}
ASSISTANT = {"role": "assistant", "content": "月末です。"}


def found_in(folder: Path, *messages: object, kind: TrainingKind = "sft") -> list[Problem]:
    """Return what is wrong with a conversation."""
    path = folder / "train.jsonl"
    path.write_text(json.dumps({"messages": messages}) + "\n", encoding="utf-8")
    return list(validate_training_file(path, kind=kind, use="validation").problems)


def told(folder: Path, *messages: object, kind: TrainingKind = "sft") -> list[tuple[str, ...]]:
    """Return severity, code and field of what is wrong with a conversation."""
    found = found_in(folder, *messages, kind=kind)
    return [(one.severity, one.code, one.field or "") for one in found]


@pytest.mark.parametrize(
    ("role", "near"),
    [
        ("bot", "assistant"),
        ("System", "system"),
        ("human", "user"),
        ("asistant", "assistant"),
        (" USER ", "user"),
    ],
)
def test_unknown_roles_are_guessed(tmp_path: Path, role: str, near: str) -> None:
    """A role that does not exist is refused with the one that was meant."""
    problem = found_in(tmp_path, SYSTEM, {"role": role, "content": "x"}, USER, ASSISTANT)[0]
    assert (problem.code, problem.field) == ("chat.role-unknown", "messages[1].role")
    assert f"did you mean {near!r}" in problem.fix
    assert "'developer'" in problem.fix


def test_strange_roles_are_only_refused(tmp_path: Path) -> None:
    """A role that resembles nothing gets the list of what there is."""
    [problem] = found_in(tmp_path, {"role": "zzz", "content": "x"}, USER, ASSISTANT)
    assert problem.fix.startswith("take one of 'system'")


@pytest.mark.parametrize(("role", "said"), [(None, "is missing"), (7, "is a number")])
def test_roles_that_are_no_texts(tmp_path: Path, role: object, said: str) -> None:
    """A message without a role, or with something else in its place, is refused."""
    problem = found_in(tmp_path, USER, {"role": role, "content": "x"}, ASSISTANT)[0]
    assert (problem.code, problem.field) == ("chat.role-missing", "messages[1].role")
    assert said in problem.reason


def test_function_is_the_old_name_of_tool(tmp_path: Path) -> None:
    """The old role is accepted with a warning."""
    call = {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}}
    answer = {"role": "function", "name": "f", "content": "1"}
    codes = {one[1] for one in told(tmp_path, USER, call, answer, ASSISTANT)}
    assert codes == {
        "chat.role-deprecated",
        "chat.function-call-deprecated",
        "tools.unknown-tool",
    }


@pytest.mark.parametrize("message", ["hello", None, 3, ["user", "hello"]])
def test_messages_must_be_objects(tmp_path: Path, message: object) -> None:
    """Anything but an object in the list is refused; the others are still checked."""
    found = told(tmp_path, USER, message, {"role": "assistant", "content": ""})
    assert ("error", "chat.message-not-object", "messages[1]") in found
    assert ("error", "chat.content-empty", "messages[2].content") in found


def test_unknown_keys_of_messages(tmp_path: Path) -> None:
    """A key that messages do not have is refused, with a guess where there is one."""
    first, second = found_in(tmp_path, {**USER, "contents": 1}, {**ASSISTANT, "score": 1})
    assert (first.code, first.field) == ("chat.key-unknown", "messages[0].contents")
    assert "did you mean 'content'" in first.fix
    assert (second.field, second.fix) == ("messages[1].score", "remove it")


@pytest.mark.parametrize("weight", [2, -1, 0.5, "1", True, [1]])
def test_weight_is_nought_or_one(tmp_path: Path, weight: object) -> None:
    """Any other weight is refused."""
    found = told(tmp_path, USER, {**ASSISTANT, "weight": weight})
    assert found == [("error", "chat.weight-invalid", "messages[1].weight")]


def test_weight_belongs_to_the_assistant(tmp_path: Path) -> None:
    """A weight on another message is refused; none is no problem."""
    found = told(tmp_path, {**USER, "weight": 1}, {**ASSISTANT, "weight": None})
    assert found == [("error", "chat.weight-role", "messages[0].weight")]


def test_weight_has_no_effect_on_prompts(tmp_path: Path) -> None:
    """Outside of supervised training a weight gets a warning."""
    found = told(tmp_path, USER, {**ASSISTANT, "weight": 0}, USER, kind="rft")
    assert found == [("warning", "chat.weight-unused", "messages[1].weight")]


def test_answers_that_are_all_only_read(tmp_path: Path) -> None:
    """When every answer has the weight 0, nothing is learned."""
    silent = {**ASSISTANT, "weight": 0}
    assert told(tmp_path, USER, silent, USER, silent) == [
        ("error", "sft.nothing-learned", "messages")
    ]
    assert told(tmp_path, USER, silent, USER, {**ASSISTANT, "weight": 1}) == []


@pytest.mark.parametrize(
    ("messages", "place", "said"),
    [
        ([SYSTEM, SYSTEM, USER, ASSISTANT], "messages[1]", "2 system messages"),
        ([USER, SYSTEM, ASSISTANT], "messages[1]", "not the first one"),
        ([USER, SYSTEM, SYSTEM, ASSISTANT], "messages[1]", "2 system messages"),
        ([SYSTEM, USER, {**SYSTEM, "role": "developer"}, ASSISTANT], "messages[2]", "2 system"),
    ],
)
def test_system_messages_out_of_place(
    tmp_path: Path, messages: list[object], place: str, said: str
) -> None:
    """A second system message, or one that is not first, gets a warning at its place."""
    [problem] = found_in(tmp_path, *messages)
    assert (problem.severity, problem.code) == ("warning", "chat.system-placement")
    assert problem.field == place
    assert said in problem.reason


def test_rules_decide_how_bad_a_second_system_message_is(tmp_path: Path) -> None:
    """A provider that refuses it makes it an error."""
    found_in(tmp_path, SYSTEM, SYSTEM, USER, ASSISTANT)
    rules = training_rules().model_copy(update={"system_placement": "error"})
    report = validate_training_file(tmp_path / "train.jsonl", rules=rules, use="validation")
    assert [one.code for one in report.errors] == ["chat.system-placement"]


def test_conversation_without_a_question(tmp_path: Path) -> None:
    """Without a message of the user there is a warning."""
    assert told(tmp_path, SYSTEM, ASSISTANT) == [("warning", "chat.no-user", "messages")]


def test_conversation_that_does_not_end_with_the_answer(tmp_path: Path) -> None:
    """The last message must be the assistant's."""
    found = told(tmp_path, USER, ASSISTANT, USER)
    assert found == [("error", "sft.last-not-assistant", "messages[2].role")]


@pytest.mark.parametrize(("name", "said"), [("", "empty"), ("  ", "empty"), (7, "a number")])
def test_names_are_texts(tmp_path: Path, name: object, said: str) -> None:
    """The name of a speaker is a text with something in it."""
    [problem] = found_in(tmp_path, {**USER, "name": name}, ASSISTANT)
    assert (problem.code, problem.field) == ("chat.name-invalid", "messages[0].name")
    assert said in problem.reason


def test_names_are_fine(tmp_path: Path) -> None:
    """A speaker may have a name, or null."""
    assert found_in(tmp_path, {**USER, "name": "花子"}, {**ASSISTANT, "name": None}) == []


def test_refusals(tmp_path: Path) -> None:
    """A refusal is a text of the assistant and stands for the content."""
    refusing = {"role": "assistant", "refusal": "お答えできません。"}
    assert found_in(tmp_path, USER, refusing) == []
    assert found_in(tmp_path, USER, {**ASSISTANT, "refusal": None}) == []
    place = "messages[1].refusal"
    assert told(tmp_path, USER, {**ASSISTANT, "refusal": 1}) == [
        ("error", "chat.refusal-invalid", place)
    ]
    found = told(tmp_path, {**USER, "refusal": "no"}, ASSISTANT)
    assert found == [("error", "chat.refusal-invalid", "messages[0].refusal")]
