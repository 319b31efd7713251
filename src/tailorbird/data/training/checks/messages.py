"""Check a conversation: who speaks, with which keys, in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from tailorbird.data.files.jsonl import shape_of
from tailorbird.data.problems import excerpt
from tailorbird.data.training.checks.content import check_content
from tailorbird.data.training.checks.tools import check_answers, check_calls
from tailorbird.data.training.row import list_in
from tailorbird.problem import did_you_mean, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tailorbird.data.training.row import JsonObject, TrainingRow

ROLES = ("system", "developer", "user", "assistant", "tool")
"""Who may speak in a conversation; `function` is the old name of `tool`."""

# What other tools call the same speakers.
_SYNONYMS: Mapping[str, str] = {
    "human": "user",
    "customer": "user",
    "question": "user",
    "bot": "assistant",
    "chatbot": "assistant",
    "gpt": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "agent": "assistant",
    "answer": "assistant",
    "ipython": "tool",
}
_INSTRUCTIONS = {"system", "developer"}
# "Create chat completion", https://developers.openai.com/api/reference/chat (read 2026-11-22), and
# `weight`, "Supervised fine-tuning". OpenAI's own checker refuses every other key: "Data
# preparation and analysis for chat model fine-tuning",
# https://github.com/openai/openai-cookbook/blob/main/examples/Chat_finetuning_data_prep.ipynb
# (read 2026-11-22).
_KEYS = {
    "role",
    "content",
    "name",
    "weight",
    "tool_calls",
    "tool_call_id",
    "refusal",
    "function_call",
}
_PLAIN = {"role", "content"}  # most messages have no other key
_MESSAGES_FIX = 'write {"messages": [{"role": "user", "content": "…"}, …]}'


def check_messages(
    value: object, where: str, row: TrainingRow, *, tools: set[str]
) -> list[JsonObject]:
    """Check a list of messages, each alone and all together.

    Args:
        value: What stands where the list should be.
        where: Path of the list.
        row: Where problems go.
        tools: Names of the tools that the row defines.

    Returns:
        The messages that are objects; fewer than the list has when some are not.
    """
    found = list_in(value)
    if found is not value:
        reason = f"the messages are {shape_of(value)}, not a list"
        row.report.error("chat.messages-not-list", reason, _MESSAGES_FIX, field=where)
        return []
    if not found:
        reason = "the list of messages is empty"
        row.report.error("chat.messages-empty", reason, _MESSAGES_FIX, field=where)
        return []
    messages = [
        message
        for at, one in enumerate(found)
        if (message := check_message(one, f"{where}[{at}]", row, tools=tools)) is not None
    ]
    if len(messages) == len(found):
        _check_instructions(messages, where, row)
        if any(one.keys() != _PLAIN or one.get("role") == "tool" for one in messages):
            check_answers(messages, where, row)
    return messages


def check_message(
    value: object, where: str, row: TrainingRow, *, tools: set[str]
) -> JsonObject | None:
    """Check one message.

    Returns:
        The message, or None when it is no object.
    """
    if not isinstance(value, dict):
        reason = f"the message is {shape_of(value)}, not an object"
        fix = 'write {"role": "user", "content": "…"}'
        row.report.error("chat.message-not-object", reason, fix, field=where)
        return None
    message = cast("JsonObject", value)
    _check_role(message, where, row)
    if not message.keys() <= _KEYS:
        _report_keys(message, where, row)
    check_content(message, where, row)
    if message.keys() != _PLAIN:
        _check_name(message, where, row)
        _check_refusal(message, where, row)
        _check_weight(message, where, row)
        check_calls(message, where, row, tools)
    return message


def check_roles(messages: list[JsonObject], where: str, row: TrainingRow) -> None:
    """Check who speaks in a conversation that ends with what is learned."""
    roles = [message.get("role") for message in messages]
    if "user" not in roles:
        reason = "there is no message of the user, so the answer answers nothing"
        row.report.warning("chat.no-user", reason, "add the question", field=where)
    if "assistant" not in roles:
        reason = "there is no message of the assistant, so there is nothing to learn"
        row.report.error("sft.no-assistant", reason, "add the answer", field=where)
        return
    if roles[-1] != "assistant":
        reason = "the conversation does not end with the assistant"
        fix = "add the answer, or remove what follows the last one"
        place = f"{where}[{len(roles) - 1}].role"
        row.report.error("sft.last-not-assistant", reason, fix, field=place)
    answers = [one for one in messages if one.get("role") == "assistant"]
    if all(answer.get("weight") == 0 for answer in answers):
        reason = "every answer has the weight 0, so nothing is learned"
        fix = "give one answer the weight 1, or remove the row"
        row.report.error("sft.nothing-learned", reason, fix, field=where)


def _check_role(message: JsonObject, where: str, row: TrainingRow) -> None:
    role = message.get("role")
    place = f"{where}.role"
    if isinstance(role, str):
        row.roles.append(role)
        if role not in ROLES:
            _report_role(role, place, row)
        return
    known = ", ".join(map(repr, ROLES))
    reason = "the role is missing" if role is None else f"the role is {shape_of(role)}"
    row.report.error("chat.role-missing", reason, f"take one of {known}", field=place)


def _report_role(role: str, place: str, row: TrainingRow) -> None:
    if role == "function":
        reason = "the role 'function' is the old name of 'tool'"
        fix = "write the role 'tool' with the tool_call_id of the call"
        row.report.warning("chat.role-deprecated", reason, fix, field=place)
        return
    plain = role.strip().lower()
    near = _SYNONYMS.get(plain) or nearest(plain, ROLES)
    known = ", ".join(map(repr, ROLES))
    fix = f"did you mean {near!r}? The roles are {known}" if near else f"take one of {known}"
    reason = f"there is no role {excerpt(role)!r}"
    row.report.error("chat.role-unknown", reason, fix, field=place)


def _report_keys(message: JsonObject, where: str, row: TrainingRow) -> None:
    for key in message:
        if key not in _KEYS:
            near = did_you_mean(key, _KEYS)
            fix = f"{near} If not, remove it" if near else "remove it"
            reason = f"messages have no key {excerpt(key)!r}"
            place = f"{where}.{excerpt(key)}"
            row.report.error("chat.key-unknown", reason, fix, field=place)


def _check_name(message: JsonObject, where: str, row: TrainingRow) -> None:
    name = message.get("name")
    if isinstance(name, str) and name.strip():
        row.names += 1
        row.texts.append((f"{where}.name", name))
    elif name is not None:
        reason = f"the name is {'empty' if isinstance(name, str) else shape_of(name)}"
        fix = "write who speaks, or remove the key"
        row.report.error("chat.name-invalid", reason, fix, field=f"{where}.name")


def _check_refusal(message: JsonObject, where: str, row: TrainingRow) -> None:
    refusal = message.get("refusal")
    if refusal is None:
        return
    place = f"{where}.refusal"
    if isinstance(refusal, str) and message.get("role") == "assistant":
        row.texts.append((place, refusal))
        return
    reason = "a refusal is a text, and the assistant's"
    row.report.error("chat.refusal-invalid", reason, "remove the key", field=place)


def _check_weight(message: JsonObject, where: str, row: TrainingRow) -> None:
    weight = message.get("weight")
    if weight is None:
        return
    place = f"{where}.weight"
    if isinstance(weight, bool) or weight not in (0, 1):
        reason = "the weight is neither 0 (only read) nor 1 (learned)"
        row.report.error("chat.weight-invalid", reason, "write 0 or 1", field=place)
    elif message.get("role") != "assistant":
        reason = "only the assistant's messages have a weight: nothing else is learned"
        row.report.error("chat.weight-role", reason, "remove the key", field=place)
    elif row.kind != "sft":
        reason = "the weight has no effect outside of supervised training"
        row.report.warning("chat.weight-unused", reason, "remove the key", field=place)


def _check_instructions(messages: list[JsonObject], where: str, row: TrainingRow) -> None:
    spots = [at for at, one in enumerate(messages) if one.get("role") in _INSTRUCTIONS]
    if not spots or spots == [0]:
        return
    at = spots[min(1, len(spots) - 1)] if spots[0] == 0 else spots[0]
    reason = (
        f"there are {len(spots)} system messages"
        if len(spots) > 1
        else "the system message is not the first one"
    )
    fix = "put all instructions into one message at the beginning"
    severity, place = row.rules.system_placement, f"{where}[{at}]"
    row.report.add(severity, "chat.system-placement", reason, fix, field=place)
