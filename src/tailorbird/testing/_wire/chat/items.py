"""Items of a conversation, as Responses and Conversations send and keep them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from tailorbird.testing._wire.bodies import WireModel, invalid
from tailorbird.types.chat import ImagePart, Message, Part, TextPart, ToolCall

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import JsonValue

    from tailorbird.testing._wire.errors import WireError
    from tailorbird.types.chat import Role

T = TypeVar("T")

_PREFIXES = {
    "message": "msg_",
    "function_call": "fc_",
    "function_call_output": "fc_",
    "reasoning": "rs_",
    "file_search_call": "fs_",
}


class _Content(WireModel):
    type: Literal["input_text", "output_text", "input_image", "refusal", "reasoning_text"]
    text: str = ""
    image_url: str | None = None
    detail: Literal["auto", "low", "high"] = "auto"
    refusal: str = ""


class Item(WireModel):
    """One item of a request."""

    type: (
        Literal[
            "message",
            "function_call",
            "function_call_output",
            "reasoning",
            "file_search_call",
            "item_reference",
        ]
        | None
    ) = None
    """What it is; without the word a message, or a reference where there is an id alone."""
    id: str | None = None
    """Its id, which an item of an earlier answer brings along."""
    role: Literal["system", "developer", "user", "assistant"] | None = None
    """Who speaks, on a message."""
    content: str | list[_Content] | None = None
    """What a message says."""
    call_id: str | None = None
    """The call of a function, and its answer."""
    name: str | None = None
    """The function that is called."""
    arguments: str | None = None
    """What it is called with."""
    output: str | list[_Content] | None = None
    """What it gave."""

    @property
    def kind(self) -> str:
        """What it is."""
        alone = self.id is not None and self.role is None
        return self.type or ("item_reference" if alone else "message")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An item that is kept."""

    shown: dict[str, JsonValue]
    """As it is shown, with its id."""
    turn: Message | None
    """What a model reads of it; None for nothing."""

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.shown["id"])


def said_by_user(text: str) -> Item:
    """Make the item that a plain text stands for."""
    return Item(type="message", role="user", content=text)


def entries_of(
    items: Sequence[Item],
    *,
    find: Callable[[str], Entry | None],
    new_id: Callable[[str], str],
    param: str = "input",
) -> tuple[Entry, ...]:
    """Read items.

    Args:
        items: What came.
        find: Gives a kept item by its id, for references.
        new_id: Makes an id that begins with a prefix.
        param: What the items are called in refusals.

    Raises:
        WireError: One of them lacks something, or refers to what is not kept; the error names it.
    """
    read: list[Entry] = []
    for number, one in enumerate(items):
        place = f"{param}[{number}]"
        if one.kind != "item_reference":
            read.append(_entry(one, place, new_id))
            continue
        wanted = _given(one.id, place, "id")
        found = find(wanted)
        if found is None:
            raise invalid(f"{place}.id", f"Item with id {wanted[:80]!r} not found.")
        read.append(found)
    return tuple(read)


def _entry(one: Item, place: str, new_id: Callable[[str], str]) -> Entry:
    turn = _turn(one, place)
    shown = one.model_dump(exclude_unset=True, exclude_none=True)
    shown |= {"type": one.kind, "id": one.id or new_id(_PREFIXES[one.kind])}
    shown.setdefault("status", "completed")
    if one.kind == "message":
        shown["content"] = _contents(one)
    return Entry(shown=shown, turn=turn)


def _contents(one: Item) -> list[JsonValue]:
    if isinstance(one.content, str):
        kind: Literal["input_text", "output_text"] = (
            "output_text" if one.role == "assistant" else "input_text"
        )
        return [_content(_Content(type=kind, text=one.content))]
    return [_content(part) for part in one.content or ()]


def _content(part: _Content) -> dict[str, JsonValue]:
    if part.type == "input_image":
        return {"type": part.type, "image_url": part.image_url, "detail": part.detail}
    if part.type == "refusal":
        return {"type": part.type, "refusal": part.refusal}
    shown: dict[str, JsonValue] = {"type": part.type, "text": part.text}
    return shown if part.type == "input_text" else {**shown, "annotations": [], "logprobs": []}


def _turn(one: Item, place: str) -> Message | None:
    if one.kind == "function_call":
        call = ToolCall(
            id=_given(one.call_id, place, "call_id"),
            name=_given(one.name, place, "name"),
            arguments=_given(one.arguments, place, "arguments"),
        )
        return Message(role="assistant", tool_calls=(call,))
    if one.kind == "function_call_output":
        output = one.output
        if output is None:
            raise _missing(place, "output")
        told = output if isinstance(output, str) else "".join(part.text for part in output)
        return Message.tool(told, tool_call_id=_given(one.call_id, place, "call_id"))
    if one.kind != "message":
        return None
    role: Role = _given(one.role, place, "role")
    content = one.content
    if content is None:
        raise _missing(place, "content")
    if isinstance(content, str):
        return Message(role=role, content=content)
    if not content:
        raise invalid(f"{place}.content", "A message must have content.", code="empty_array")
    return Message(role=role, content=tuple(_part(part) for part in content))


def _given(value: T | None, place: str, name: str) -> T:
    if value is None:
        raise _missing(place, name)
    return value


def _missing(place: str, name: str) -> WireError:
    param = f"{place}.{name}"
    message = f"Missing required parameter: {param!r}."
    return invalid(param, message, code="missing_required_parameter")


def _part(part: _Content) -> Part:
    if part.type == "input_image" and part.image_url is not None:
        return ImagePart(url=part.image_url, detail=part.detail)
    return TextPart(text=part.text or part.refusal)
