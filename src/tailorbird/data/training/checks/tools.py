"""Check tools: their definitions, the calls, and that calls and answers belong together."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tailorbird.data.files.jsonl import infinite, shape_of
from tailorbird.data.problems import excerpt
from tailorbird.data.training.row import list_in, object_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.data.training.row import JsonObject, TrainingRow

# "Create chat completion", https://developers.openai.com/api/reference/chat (read 2026-11-22): the
# name of a function has at most 64 of these characters, and a request at most 128 functions.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_TOOLS = 128
_TOOL_FIX = 'write {"type": "function", "function": {"name": "…", "parameters": {…}}}'
_CALL_FIX = 'write {"id": "…", "type": "function", "function": {"name": "…", "arguments": "{…}"}}'
_DUMP_FIX = "write the arguments as text: json.dumps(arguments)"


def check_tools(row: JsonObject, where: str, under: TrainingRow) -> set[str]:
    """Check the definitions of tools next to a conversation.

    Returns:
        The names that are defined.
    """
    report = under.report
    names: set[str] = set()
    if "functions" in row:
        reason = "the key 'functions' is the old form of 'tools'"
        fix = 'write "tools": [{"type": "function", "function": {…}}]'
        report.warning("tools.functions-deprecated", reason, fix, field=f"{where}functions")
        names |= _check_definitions(row["functions"], f"{where}functions", under, wrapped=False)
    if row.get("tools") is not None:
        names |= _check_definitions(row["tools"], f"{where}tools", under, wrapped=True)
    parallel = row.get("parallel_tool_calls")
    if parallel is not None and not isinstance(parallel, bool):
        place = f"{where}parallel_tool_calls"
        reason = f"parallel_tool_calls is {shape_of(parallel)}, not true or false"
        report.error("tools.invalid", reason, "write true or false", field=place)
    return names


def _check_definitions(value: object, where: str, row: TrainingRow, *, wrapped: bool) -> set[str]:
    tools = list_in(value)
    if tools is not value:
        reason = f"the tools are {shape_of(value)}, not a list"
        row.report.error("tools.invalid", reason, "write [ … ] around them", field=where)
    if len(tools) > _MOST_TOOLS:
        reason = f"{len(tools)} tools are defined, {_MOST_TOOLS} are possible"
        row.report.error("tools.invalid", reason, "define fewer", field=where)
    names: set[str] = set()
    for at, tool in enumerate(tools):
        name = _check_definition(tool, f"{where}[{at}]", row, wrapped=wrapped)
        if name in names:
            reason = "two tools have the same name"
            row.report.error("tools.invalid", reason, "rename one", field=f"{where}[{at}]")
        names.add(name)
    return names


def _check_definition(tool: object, where: str, row: TrainingRow, *, wrapped: bool) -> str:
    found = object_in(tool)
    if wrapped:
        found = object_in(found.get("function")) if found.get("type") == "function" else {}
        where = f"{where}.function"
    if not found:
        row.report.error("tools.invalid", "this defines no tool", _TOOL_FIX, field=where)
        return ""
    name = found.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        reason = "the name of a tool has 1 to 64 letters, digits, '_' and '-'"
        row.report.error("tools.invalid", reason, "rename it", field=f"{where}.name")
        name = ""
    kinds = {"description": str, "parameters": dict, "strict": bool}
    for key, kind in kinds.items():
        value = found.get(key)
        if value is not None and not isinstance(value, kind):
            reason = f"{key!r} of a tool cannot be {shape_of(value)}"
            row.report.error("tools.invalid", reason, _TOOL_FIX, field=f"{where}.{key}")
    if place := infinite(found, where):
        reason = "a number is too large to be finite"
        row.report.error("jsonl.not-finite", reason, "write a smaller one", field=place)
    row.texts.append((where, json.dumps(found, ensure_ascii=False)))
    return name


def check_calls(message: JsonObject, where: str, row: TrainingRow, tools: set[str]) -> None:
    """Check the calls of one message, new form and old."""
    old, calls = message.get("function_call"), message.get("tool_calls")
    if old is not None:
        place = f"{where}.function_call"
        reason = "the key 'function_call' is the old form of 'tool_calls'"
        row.report.warning("chat.function-call-deprecated", reason, _CALL_FIX, field=place)
        _check_caller(message, place, row)
        _check_function(old, place, row, tools)
    if calls is None:
        return
    place = f"{where}.tool_calls"
    _check_caller(message, place, row)
    each = list_in(calls)
    if not each:
        reason = "the tool calls are " + ("an empty list" if calls == [] else shape_of(calls))
        fix = "remove the key, or write a list of calls"
        row.report.error("tools.calls-invalid", reason, fix, field=place)
        return
    seen: set[object] = set()
    for at, call in enumerate(each):
        _check_call(call, f"{place}[{at}]", row, tools)
        identity = call_id(call)
        if identity is not None and identity in seen:
            reason = f"two calls of the message have the id {excerpt(identity)!r}"
            fix = "give each call an id of its own"
            row.report.error("tools.call-id-repeated", reason, fix, field=f"{place}[{at}].id")
        seen.add(identity)


def _check_caller(message: JsonObject, place: str, row: TrainingRow) -> None:
    if message.get("role") != "assistant":
        reason = "only the assistant calls tools"
        fix = "remove the call, or correct the role"
        row.report.error("tools.calls-role", reason, fix, field=place)


def _check_call(call: object, where: str, row: TrainingRow, tools: set[str]) -> None:
    found = object_in(call)
    if call_id(call) is None or found.get("type", "function") != "function":
        reason = "a tool call needs an id and the type 'function'"
        row.report.error("tools.calls-invalid", reason, _CALL_FIX, field=where)
    _check_function(found.get("function"), f"{where}.function", row, tools)


def _check_function(value: object, where: str, row: TrainingRow, tools: set[str]) -> None:
    found = object_in(value)
    name = found.get("name")
    if not isinstance(name, str) or not name:
        reason = "a call must name its function"
        row.report.error("tools.calls-invalid", reason, _CALL_FIX, field=f"{where}.name")
    else:
        row.texts.append((f"{where}.name", name))
        if name not in tools:
            known = excerpt(", ".join(sorted(tools))) or "none"
            reason = f"the tool {excerpt(name)!r} is not defined in the row (defined: {known})"
            fix = 'define it in "tools", or correct the name'
            row.report.warning("tools.unknown-tool", reason, fix, field=f"{where}.name")
    _check_arguments(found.get("arguments"), f"{where}.arguments", row)


def _check_arguments(value: object, where: str, row: TrainingRow) -> None:
    if not isinstance(value, str):
        reason = f"the arguments are {shape_of(value)}, not a text that holds JSON"
        row.report.error("tools.arguments-not-text", reason, _DUMP_FIX, field=where)
        return
    row.texts.append((where, value))
    try:
        arguments: object = json.loads(value, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        reason = "the arguments are not JSON"
        row.report.error("tools.arguments-not-json", reason, _DUMP_FIX, field=where, shown=value)
        return
    if isinstance(arguments, str):
        reason = "the arguments were encoded twice: they are a text within a text"
        fix = "encode them once: json.dumps(arguments) of the object itself"
        row.report.error("tools.arguments-double-encoded", reason, fix, field=where, shown=value)
    elif not isinstance(arguments, dict):
        reason = f"the arguments are {shape_of(arguments)}, not an object"
        row.report.error("tools.arguments-not-object", reason, _DUMP_FIX, field=where, shown=value)


def _refuse_constant(name: str) -> object:
    raise ValueError(name)


def call_id(call: object) -> str | None:
    """Give the id of a tool call; None when it has none."""
    found = object_in(call).get("id")
    return found if isinstance(found, str) and found else None


def check_answers(messages: Sequence[JsonObject], where: str, row: TrainingRow) -> None:
    """Check that every call is answered right behind it, and that every answer was asked for.

    Calls of the last message need no answer: they are what is learned.
    """
    open_calls: dict[str, str] = {}
    for at, message in enumerate(messages):
        place = f"{where}[{at}]"
        if message.get("role") == "tool":
            _check_answer(message, place, row, open_calls)
            continue
        _report_open(open_calls, row)
        calls = enumerate(list_in(message.get("tool_calls")))
        each = ((call_id(call), f"{place}.tool_calls[{i}]") for i, call in calls)
        open_calls = {identity: spot for identity, spot in each if identity is not None}
    if messages and messages[-1].get("role") == "tool":
        _report_open(open_calls, row)


def _check_answer(
    message: JsonObject, place: str, row: TrainingRow, open_calls: dict[str, str]
) -> None:
    identity = message.get("tool_call_id")
    if isinstance(identity, str) and open_calls.pop(identity, None) is not None:
        return
    shown = f"the id {excerpt(identity)!r}" if isinstance(identity, str) else "no id"
    reason = f"the tool's message answers no open call: it has {shown}"
    fix = "give it the id of a call in the assistant's message before it"
    row.report.error("tools.answer-unasked", reason, fix, field=f"{place}.tool_call_id")


def _report_open(open_calls: dict[str, str], row: TrainingRow) -> None:
    for identity, place in open_calls.items():
        reason = f"the call {excerpt(identity)!r} has no answer"
        fix = 'add {"role": "tool", "tool_call_id": "…", "content": "…"} with its id behind it'
        row.report.error("tools.call-unanswered", reason, fix, field=place)
