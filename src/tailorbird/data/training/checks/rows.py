"""Check a row of a training file: supervised, preference or reinforcement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.data.files.jsonl import infinite, shape_of
from tailorbird.data.problems import excerpt
from tailorbird.data.training.checks.content import check_texts
from tailorbird.data.training.checks.messages import check_message, check_messages, check_roles
from tailorbird.data.training.checks.tools import check_tools
from tailorbird.data.training.row import list_in, object_in
from tailorbird.problem import did_you_mean, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tailorbird.data.training.row import JsonObject, TrainingKind, TrainingRow

CHAT_KEYS = frozenset({"messages", "tools", "parallel_tool_calls", "functions"})
"""Keys of a row for supervised training, and of `input` for preference training."""

PAIR_KEYS = frozenset({"input", "preferred_output", "non_preferred_output"})
"""Keys of a row for preference training."""

_RENAMED: Mapping[str, str] = {
    "preferred_completion": "preferred_output",
    "non_preferred_completion": "non_preferred_output",
}
_PAIR_SIGNS = PAIR_KEYS.union(_RENAMED) - {"input"}
_NAMES: Mapping[TrainingKind, str] = {
    "sft": "supervised training",
    "dpo": "preference training (DPO)",
    "rft": "reinforcement training (RFT)",
}
_CHAT_FIX = (
    'write {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}'
)
_PAIR_FIX = (
    'write {"input": {"messages": […]}, "preferred_output": [{"role": "assistant", "content":'
    ' "…"}], "non_preferred_output": [{…}]}'
)
_TABLE_FIX = "read it with read_questions, or turn it into chat rows with convert_questions"


@dataclass(frozen=True, slots=True)
class _Format:
    """A format of another tool or time, known by its keys."""

    keys: frozenset[str]
    name: str
    fix: str


_FOREIGN = tuple(
    _Format(frozenset(keys), name, fix)
    for keys, name, fix in (
        (("prompt", "completion"), "prompt and completion, as base models were tuned", _CHAT_FIX),
        (("chosen", "rejected"), "chosen and rejected, as other libraries write pairs", _PAIR_FIX),
        (("instruction", "output"), "instruction and output (Alpaca)", _CHAT_FIX),
        (("conversations",), "conversations with from and value (ShareGPT)", _CHAT_FIX),
        (("contents",), "contents with parts (Gemini)", _CHAT_FIX),
        (("custom_id", "body"), "a request of the Batch API", _CHAT_FIX),
        (("question", "answer"), "a question and its answer", _TABLE_FIX),
        (("user", "assistant"), "a question and its answer", _TABLE_FIX),
        (("質問", "回答"), "a question and its answer", _TABLE_FIX),
        (("text",), "plain text", _CHAT_FIX),
        (("role", "content"), "a single message", 'write {"messages": [ … ]} around all of it'),
    )
)


def row_kind(row: JsonObject) -> TrainingKind | None:
    """Guess what a row is for, by its keys and by who speaks last; None when nothing tells."""
    if _is_pair(row):
        return "dpo"
    if not isinstance(row.get("messages"), list):
        return None
    roles = [object_in(one).get("role") for one in list_in(row["messages"])]
    if roles and roles[-1] == "assistant":
        return "sft"
    return "rft" if "assistant" not in roles and not row.keys() <= CHAT_KEYS else None


def file_kind_of(rows: Iterable[JsonObject]) -> TrainingKind:
    """Guess what a file is for from some of its rows: what most of them are, else supervised."""
    votes = [kind for row in rows if (kind := row_kind(row)) is not None]
    return max(("sft", "dpo", "rft"), key=votes.count)


def check_row(row: JsonObject, under: TrainingRow) -> None:
    """Check one row; problems, speakers and texts are left in `under`."""
    if _is_pair(row) != (under.kind == "dpo") and (found := row_kind(row)) is not None:
        reason = f"this is a row for {_NAMES[found]}, the file is for {_NAMES[under.kind]}"
        fix = "keep each kind in a file of its own"
        under.report.error("row.kind", reason, fix, field="")
        return
    _CHECKS[under.kind](row, under)
    check_texts(under)
    images = under.rules.images
    if images is not None and under.images > images.max_per_example:
        reason = (
            f"the example holds {under.images} images, {images.max_per_example} may"
            f" ({images.source})"
        )
        fix = "use fewer images, or several examples"
        under.report.add("error", "image.too-many", reason, fix)


def _check_sft(row: JsonObject, under: TrainingRow) -> None:
    if "messages" not in row:
        _report_foreign(row, under, key="messages", fix=_CHAT_FIX)
        return
    _check_keys(row, CHAT_KEYS, under)
    messages = check_messages(row["messages"], "messages", under, tools=_tools(row, "", under))
    if messages:
        check_roles(messages, "messages", under)


def _check_rft(row: JsonObject, under: TrainingRow) -> None:
    if "messages" not in row:
        _report_foreign(row, under, key="messages", fix=_CHAT_FIX)
        return
    for key, value in row.items():
        if key not in CHAT_KEYS:
            _check_value(value, excerpt(key), under)
    messages = check_messages(row["messages"], "messages", under, tools=_tools(row, "", under))
    if messages and messages[-1].get("role") == "assistant":
        reason = (
            "the prompt ends with an answer of the assistant, which the model is to give itself"
        )
        fix = "remove the last message; what the grader compares with goes into a key of its own"
        place = f"messages[{len(messages) - 1}]"
        under.report.error("rft.ends-with-assistant", reason, fix, field=place)


def _check_dpo(row: JsonObject, under: TrainingRow) -> None:
    renamed = {_RENAMED.get(key, key): value for key, value in row.items()}
    for key in row.keys() & _RENAMED.keys():
        reason = f"the key {key!r} is an old name"
        fix = f"write {_RENAMED[key]!r}"
        under.report.error("dpo.key-renamed", reason, fix, field=key)
    if PAIR_KEYS.isdisjoint(renamed):
        _report_foreign(row, under, key="input", fix=_PAIR_FIX)
        return
    _check_keys(renamed, PAIR_KEYS, under)
    tools = _check_input(renamed.get("input"), under)
    better = _check_output(renamed, "preferred_output", under, tools)
    worse = _check_output(renamed, "non_preferred_output", under, tools)
    if better is not None and better == worse:
        reason = "the preferred and the non-preferred answer are the same"
        fix = "write two different answers, or remove the row"
        under.report.error("dpo.outputs-equal", reason, fix, field="non_preferred_output")


_CHECKS: Mapping[TrainingKind, Callable[[JsonObject, TrainingRow], None]] = {
    "sft": _check_sft,
    "dpo": _check_dpo,
    "rft": _check_rft,
}


def _check_input(value: object, under: TrainingRow) -> set[str]:
    """Check the conversation before the two answers; give the names of its tools."""
    found = object_in(value)
    if "messages" not in found:
        what = "is missing" if value is None else f"holds no messages: it is {shape_of(value)}"
        fix = 'write "input": {"messages": [{"role": "user", "content": "…"}]}'
        under.report.error("dpo.input-missing", f"the input {what}", fix, field="input")
        return set()
    _check_keys(found, CHAT_KEYS, under, where="input.")
    tools = _tools(found, "input.", under)
    messages = check_messages(found["messages"], "input.messages", under, tools=tools)
    if messages and messages[-1].get("role") == "assistant":
        reason = "the conversation before the two answers ends with an answer"
        fix = "remove the last message of the input"
        place = f"input.messages[{len(messages) - 1}]"
        under.report.error("dpo.input-ends-with-assistant", reason, fix, field=place)
    return tools


def _check_output(
    row: JsonObject, key: str, under: TrainingRow, tools: set[str]
) -> JsonObject | None:
    value = row.get(key)
    fix = f'write "{key}": [{{"role": "assistant", "content": "…"}}]'
    if value is None or value == []:
        what = "missing" if value is None else "empty"
        under.report.error("dpo.output-missing", f"{key!r} is {what}", fix, field=key)
        return None
    found = list_in(value)
    if len(found) != 1:
        what = f"{len(found)} messages" if found else shape_of(value)
        reason = f"{key!r} must be a list of one message, and is {what}"
        under.report.error("dpo.output-invalid", reason, fix, field=key)
        return None
    message = check_message(found[0], f"{key}[0]", under, tools=tools)
    if message is not None and message.get("role") != "assistant":
        reason = f"the message in {key!r} is not the assistant's"
        under.report.error("dpo.output-invalid", reason, fix, field=f"{key}[0].role")
    return message


def _tools(row: JsonObject, where: str, under: TrainingRow) -> set[str]:
    # Most rows hold nothing but messages.
    return check_tools(row, where, under) if len(row) > 1 else set()


def _check_keys(
    row: JsonObject, known: frozenset[str], under: TrainingRow, *, where: str = ""
) -> None:
    for key in (one for one in row if one not in known):
        place = f"{where}{excerpt(key)}"
        near = did_you_mean(key, known)
        fix = f"{near} If not, remove it" if near else "remove it"
        reason = f"training knows no key {excerpt(key)!r}"
        under.report.warning("row.unknown-key", reason, fix, field=place)
        _check_value(row[key], place, under)


def _check_value(value: object, place: str, under: TrainingRow) -> None:
    """Check a value that training does not look into, as far as it must be JSON and no secret."""
    if isinstance(value, str):
        under.unlearned.append((place, value))
    elif spot := infinite(value, place):
        reason = "a number is too large to be finite"
        under.report.error("jsonl.not-finite", reason, "write a smaller one", field=spot)


def _report_foreign(row: JsonObject, under: TrainingRow, *, key: str, fix: str) -> None:
    """Report a row without the key that makes it one, and what it looks like instead."""
    known = next((form for form in _FOREIGN if form.keys <= row.keys()), None)
    if known is not None:
        reason = f"the row is in another format: {known.name}"
        under.report.error("row.foreign-format", reason, known.fix, field="")
        return
    near = nearest(key, row)
    names = ", ".join(excerpt(one) for one in list(row)[:5]) or "nothing"
    reason = f"the key {key!r} is missing; the row has {names}"
    hint = "" if near is None else f"did you mean {key!r} by {excerpt(near)!r}? "
    code = "chat.messages-missing" if key == "messages" else "dpo.input-missing"
    under.report.error(code, reason, hint + fix, field=key)


def _is_pair(row: JsonObject) -> bool:
    if not _PAIR_SIGNS.isdisjoint(row):
        return True
    return "messages" in object_in(row.get("input"))
