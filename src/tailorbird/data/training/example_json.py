"""Turn rows as they stand in a training file into typed examples, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from tailorbird.data.training.checks.rows import CHAT_KEYS
from tailorbird.types.chat import ImagePart, Part, TextPart, Tool, ToolCall
from tailorbird.types.questions import Example, GradedPrompt, PreferencePair, TrainingMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pydantic import JsonValue

    from tailorbird.data.training.row import AnyExample, JsonObject, TrainingKind
    from tailorbird.types.chat import Role


def example_of(row: JsonObject, *, kind: TrainingKind, line: int) -> AnyExample:
    """Turn a checked row into an example; old forms (`functions`) become new ones."""
    return _READERS[kind](row, line)


def kind_of_example(example: AnyExample) -> TrainingKind:
    """Name the kind of training that an example is for."""
    if isinstance(example, Example):
        return "sft"
    return "dpo" if isinstance(example, PreferencePair) else "rft"


def row_of(example: AnyExample) -> JsonObject:
    """Turn an example into a row as it stands in a training file."""
    if isinstance(example, Example):
        return _conversation(example)
    if isinstance(example, PreferencePair):
        return {
            "input": _conversation(example),
            "preferred_output": [_message_row(example.preferred)],
            "non_preferred_output": [_message_row(example.rejected)],
        }
    row: JsonObject = {"messages": [_message_row(one) for one in example.messages]}
    if example.tools:
        row["tools"] = [_tool_row(tool) for tool in example.tools]
    return row | dict(example.item)


def _conversation(example: Example | PreferencePair) -> JsonObject:
    row: JsonObject = {"messages": [_message_row(one) for one in example.messages]}
    if example.tools:
        row["tools"] = [_tool_row(tool) for tool in example.tools]
    if example.parallel_tool_calls is not None:
        row["parallel_tool_calls"] = example.parallel_tool_calls
    return row


def _message_row(message: TrainingMessage) -> JsonObject:
    row: JsonObject = {"role": message.role}
    if isinstance(message.content, str):
        row["content"] = message.content
    elif message.content is not None:
        row["content"] = [_part_row(part) for part in message.content]
    if message.tool_calls:
        row["tool_calls"] = [_call_row(call) for call in message.tool_calls]
    facts = {
        "name": message.name,
        "tool_call_id": message.tool_call_id,
        "refusal": message.refusal,
        "weight": message.weight,
    }
    return row | {key: value for key, value in facts.items() if value is not None}


def _part_row(part: Part) -> JsonObject:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    return {"type": "image_url", "image_url": {"url": part.url, "detail": part.detail}}


def _call_row(call: ToolCall) -> JsonObject:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _tool_row(tool: Tool) -> JsonObject:
    function: JsonObject = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters:
        function["parameters"] = dict(tool.parameters)
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _example(row: JsonObject, line: int) -> Example:
    return Example(
        messages=_messages(row),
        tools=_tools(row),
        parallel_tool_calls=cast("bool | None", row.get("parallel_tool_calls")),
        line=line,
    )


def _pair(row: JsonObject, line: int) -> PreferencePair:
    given = cast("JsonObject", row["input"])
    better = cast("list[JsonObject]", row["preferred_output"])
    worse = cast("list[JsonObject]", row["non_preferred_output"])
    return PreferencePair(
        messages=_messages(given),
        preferred=_message(better[0]),
        rejected=_message(worse[0]),
        tools=_tools(given),
        parallel_tool_calls=cast("bool | None", given.get("parallel_tool_calls")),
        line=line,
    )


def _graded(row: JsonObject, line: int) -> GradedPrompt:
    kept = CHAT_KEYS - {"parallel_tool_calls"}
    item = {key: value for key, value in row.items() if key not in kept}
    return GradedPrompt(
        messages=_messages(row),
        item=cast("Mapping[str, JsonValue]", item),
        tools=_tools(row),
        line=line,
    )


_READERS: Mapping[TrainingKind, Callable[[JsonObject, int], AnyExample]] = {
    "sft": _example,
    "dpo": _pair,
    "rft": _graded,
}


def _messages(row: JsonObject) -> tuple[TrainingMessage, ...]:
    return tuple(map(_message, _renewed(cast("list[JsonObject]", row["messages"]))))


def _renewed(messages: Iterable[JsonObject]) -> Iterable[JsonObject]:
    """Bring the old form of calls and their answers into the new one, with made-up ids."""
    last = ""
    for at, message in enumerate(messages):
        if message.get("function_call") is not None:
            last = f"call_{at}"
            call = {"id": last, "function": message["function_call"]}
            yield message | {"tool_calls": [call], "function_call": None}
        elif message.get("role") == "function":
            yield message | {"role": "tool", "tool_call_id": last}
        else:
            yield message


def _message(message: JsonObject) -> TrainingMessage:
    content = message.get("content")
    if isinstance(content, list):
        content = tuple(map(_part, cast("list[JsonObject]", content)))
    weight = message.get("weight")
    calls = cast("list[JsonObject]", message.get("tool_calls") or [])
    return TrainingMessage(
        role=cast("Role", message["role"]),
        content=cast("str | tuple[Part, ...] | None", content),
        name=cast("str | None", message.get("name")),
        tool_calls=tuple(map(_call, calls)),
        tool_call_id=cast("str | None", message.get("tool_call_id")),
        refusal=cast("str | None", message.get("refusal")),
        weight=None if weight is None else (1 if weight else 0),
    )


def _part(part: JsonObject) -> Part:
    if part["type"] == "text":
        return TextPart(text=cast("str", part["text"]))
    image = cast("dict[str, str]", part["image_url"])
    return ImagePart.model_validate(image)


def _call(call: JsonObject) -> ToolCall:
    function = cast("dict[str, str]", call["function"])
    return ToolCall(
        id=cast("str", call["id"]), name=function["name"], arguments=function["arguments"]
    )


def _tools(row: JsonObject) -> tuple[Tool, ...]:
    wrapped = cast("list[dict[str, JsonObject]]", row.get("tools") or [])
    bare = cast("list[JsonObject]", row.get("functions") or [])
    return tuple(map(_tool, [*(tool["function"] for tool in wrapped), *bare]))


def _tool(function: JsonObject) -> Tool:
    return Tool.model_validate({key: value for key, value in function.items() if value is not None})
