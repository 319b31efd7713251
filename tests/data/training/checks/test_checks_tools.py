"""Tools: definitions, calls, and calls with their answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tailorbird.data.training.validation import validate_training_file
from tailorbird.exceptions import Problem

USER = {"role": "user", "content": "天気は？"}
ASSISTANT = {"role": "assistant", "content": "晴れです。"}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


def call(
    identity: object = "c1", arguments: object = '{"city": "東京"}', **more: object
) -> dict[str, object]:
    """Return a call of the tool."""
    function = {"name": "weather", "arguments": arguments, **more}
    return {"id": identity, "type": "function", "function": function}


def calling(*calls: object) -> dict[str, object]:
    """Return an assistant's message with calls."""
    return {"role": "assistant", "tool_calls": list(calls)}


def answer(identity: object = "c1") -> dict[str, object]:
    """Return a tool's message."""
    return {"role": "tool", "tool_call_id": identity, "content": "25度"}


def found_in(folder: Path, row: object) -> list[Problem]:
    """Return what is wrong with a row."""
    path = folder / "train.jsonl"
    path.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    return list(validate_training_file(path, kind="sft", use="validation").problems)


def told(folder: Path, *messages: object, tools: object = (TOOL,)) -> list[tuple[str, ...]]:
    """Return severity, code and field of what is wrong with a conversation."""
    found = found_in(folder, {"messages": messages, "tools": tools})
    return [(one.severity, one.code, one.field or "") for one in found]


def test_calls_and_answers_in_turn(tmp_path: Path) -> None:
    """Calls may be parallel, answered in any order, repeated later, and left open at the end."""
    turns = [USER, calling(call("a"), call("b")), answer("b"), answer("a"), ASSISTANT]
    assert told(tmp_path, *turns) == []
    assert told(tmp_path, *turns, USER, calling(call("a"))) == []


def test_call_without_answer(tmp_path: Path) -> None:
    """A call in the middle must be answered before somebody else speaks."""
    place = "messages[1].tool_calls[1]"
    found = told(tmp_path, USER, calling(call("a"), call("b")), answer("a"), ASSISTANT)
    assert found == [("error", "tools.call-unanswered", place)]
    found = told(tmp_path, USER, calling(call("a"), call("b")), answer("a"))
    assert ("error", "tools.call-unanswered", place) in found


@pytest.mark.parametrize("identity", ["other", None, 7])
def test_answer_without_call(tmp_path: Path, identity: object) -> None:
    """An answer needs the id of an open call."""
    found = told(tmp_path, USER, calling(call()), answer(), answer(identity), ASSISTANT)
    assert found == [("error", "tools.answer-unasked", "messages[3].tool_call_id")]


def test_answer_out_of_the_blue(tmp_path: Path) -> None:
    """A tool's message without any key but role and content is refused."""
    found = told(tmp_path, USER, {"role": "tool", "content": "25度"}, ASSISTANT)
    assert found == [("error", "tools.answer-unasked", "messages[1].tool_call_id")]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"city": "東京"}, "tools.arguments-not-text"),
        (None, "tools.arguments-not-text"),
        ("city=東京", "tools.arguments-not-json"),
        ("", "tools.arguments-not-json"),
        ('{"t": NaN}', "tools.arguments-not-json"),
        (json.dumps('{"city": "東京"}'), "tools.arguments-double-encoded"),
        ("[1]", "tools.arguments-not-object"),
    ],
)
def test_arguments_are_json_text(tmp_path: Path, arguments: object, code: str) -> None:
    """Arguments are the JSON text of an object, encoded once."""
    place = "messages[1].tool_calls[0].function.arguments"
    assert told(tmp_path, USER, calling(call(arguments=arguments))) == [("error", code, place)]


@pytest.mark.parametrize("calls", [[], "weather", {"id": "a"}])
def test_calls_are_a_list(tmp_path: Path, calls: object) -> None:
    """Something else, or nothing, in place of the list is refused."""
    found = told(tmp_path, USER, {**ASSISTANT, "tool_calls": calls})
    assert found == [("error", "tools.calls-invalid", "messages[1].tool_calls")]


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ("weather", ""),
        (call(identity=None), ""),
        (call(identity=""), ""),
        ({**call(), "type": "retrieval"}, ""),
        (call(name=None), ".function.name"),
    ],
)
def test_misshapen_calls(tmp_path: Path, bad: object, field: str) -> None:
    """A call has an id, the type of a function, and the function's name."""
    found = told(tmp_path, USER, calling(bad))
    assert ("error", "tools.calls-invalid", f"messages[1].tool_calls[0]{field}") in found


def test_repeated_ids(tmp_path: Path) -> None:
    """Two calls of one message need two ids."""
    found = told(tmp_path, USER, calling(call("a"), call("a")))
    assert found == [("error", "tools.call-id-repeated", "messages[1].tool_calls[1].id")]


def test_only_the_assistant_calls(tmp_path: Path) -> None:
    """A call in the user's message is refused."""
    found = told(tmp_path, {**USER, "tool_calls": [call()]}, ASSISTANT)
    assert ("error", "tools.calls-role", "messages[0].tool_calls") in found


def test_calls_of_undefined_tools(tmp_path: Path) -> None:
    """A call that names no defined tool gets a warning with those that are."""
    place = "messages[1].tool_calls[0].function.name"
    row = {"messages": [USER, calling(call(name="wether"))], "tools": [TOOL]}
    [problem] = found_in(tmp_path, row)
    assert (problem.severity, problem.code, problem.field) == (
        "warning",
        "tools.unknown-tool",
        place,
    )
    assert "defined: weather" in problem.reason
    [problem] = found_in(tmp_path, {"messages": [USER, calling(call())]})
    assert "defined: none" in problem.reason


@pytest.mark.parametrize(
    ("tools", "field"),
    [
        ({"name": "weather"}, "tools"),
        (["weather"], "tools[0].function"),
        ([{"name": "weather"}], "tools[0].function"),
        ([{"type": "function"}], "tools[0].function"),
        ([{"type": "function", "function": {"name": "天気"}}], "tools[0].function.name"),
        ([{"type": "function", "function": {"name": "x" * 65}}], "tools[0].function.name"),
        (
            [{"type": "function", "function": {"name": "f", "parameters": "x"}}],
            "tools[0].function.parameters",
        ),
        (
            [{"type": "function", "function": {"name": "f", "strict": "yes"}}],
            "tools[0].function.strict",
        ),
        ([TOOL, TOOL], "tools[1]"),
        ([{"type": "function", "function": {"name": f"f{n}"}} for n in range(129)], "tools"),
    ],
)
def test_misshapen_definitions(tmp_path: Path, tools: object, field: str) -> None:
    """Definitions are wrapped, named with plain characters, unlike each other, and few."""
    assert told(tmp_path, USER, ASSISTANT, tools=tools) == [("error", "tools.invalid", field)]


def test_endless_numbers_in_definitions(tmp_path: Path) -> None:
    """A number too large for a float is found inside of a schema."""
    path = tmp_path / "train.jsonl"
    row = json.dumps({"messages": [USER, ASSISTANT], "tools": [TOOL]})
    path.write_text(row.replace('"object"', "[1, -1e999]") + "\n", encoding="utf-8")
    [problem] = validate_training_file(path, use="validation").problems
    assert problem.code == "jsonl.not-finite"
    assert problem.field == "tools[0].function.parameters.type[1]"


def test_no_tools_at_all(tmp_path: Path) -> None:
    """Null in place of the tools is no problem; a text for the parallel switch is."""
    assert told(tmp_path, USER, ASSISTANT, tools=None) == []
    row = {"messages": [USER, ASSISTANT], "parallel_tool_calls": "yes"}
    [problem] = found_in(tmp_path, row)
    assert (problem.code, problem.field) == ("tools.invalid", "parallel_tool_calls")


def test_old_forms_are_accepted_with_warnings(tmp_path: Path) -> None:
    """`functions` and `function_call` are checked like their successors."""
    old = {"role": "assistant", "function_call": {"name": "weather", "arguments": "{}"}}
    row = {"messages": [USER, old], "functions": [TOOL["function"]]}
    found = found_in(tmp_path, row)
    assert [(one.severity, one.code) for one in found] == [
        ("warning", "tools.functions-deprecated"),
        ("warning", "chat.function-call-deprecated"),
    ]
    assert "tools.calls-role" in {
        one.code for one in found_in(tmp_path, {"messages": [{**USER, **old, "role": "user"}]})
    }
