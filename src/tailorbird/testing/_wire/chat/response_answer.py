"""Responses as the clouds send them, whole and as typed events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tailorbird.testing._wire.chat.answer import event, logprobs_json
from tailorbird.types.chat import FinishReason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic import JsonValue

    from tailorbird.testing._wire.chat.response_request import AskedTool, ResponseBody
    from tailorbird.types.chat import ChatChunk, ChatOptions, Reply
    from tailorbird.types.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a response says besides its answer."""

    id: str
    """Its id."""
    item_id: str
    """Id of its message."""
    created_at: int
    """When it was made, in seconds since 1970."""
    body: ResponseBody
    """What it was asked for with."""
    options: ChatOptions
    """How it was asked to answer."""
    search: dict[str, JsonValue] | None = None
    """The search that was made before; None without one."""
    notes: list[JsonValue] = field(default_factory=list["JsonValue"])
    """What the text cites."""


def response_json(
    frame: Frame, *, status: str, model: str, reply: Reply[None] | None = None
) -> dict[str, JsonValue]:
    """Give a response; without a reply it is one that has just begun."""
    body = frame.body
    finish = None if reply is None else reply.finish_reason
    reason = _INCOMPLETE.get(finish) if finish is not None else None
    shown: dict[str, JsonValue] = {
        "id": frame.id,
        "object": "response",
        "created_at": frame.created_at,
        "status": status if reason is None else "incomplete",
        "background": body.background is True,
        "conversation": None if body.conversation_id is None else {"id": body.conversation_id},
        "error": None,
        "incomplete_details": None if reason is None else {"reason": reason},
        "instructions": body.instructions,
        "max_output_tokens": body.max_output_tokens,
        "metadata": dict(body.metadata or {}),
        "model": model,
        "output": [] if reply is None else output_items(frame, reply),
        "parallel_tool_calls": body.parallel_tool_calls is not False,
        "previous_response_id": body.previous_response_id,
        "reasoning": {"effort": frame.options.reasoning_effort, "summary": None},
        "store": body.store is not False,
        "temperature": 1.0 if body.temperature is None else body.temperature,
        "text": _text(body),
        "tool_choice": _choice(body),
        "tools": [_tool(one) for one in body.tools or ()],
        "top_p": 1.0 if body.top_p is None else body.top_p,
        "top_logprobs": body.top_logprobs or 0,
        "truncation": "disabled",
    }
    if reply is not None and reply.usage is not None:
        shown["usage"] = _usage(reply.usage)
    return shown


_INCOMPLETE = {
    FinishReason.LENGTH: "max_output_tokens",
    FinishReason.CONTENT_FILTER: "content_filter",
}


def output_items(frame: Frame, reply: Reply[None]) -> list[JsonValue]:
    """Give what a reply holds: a message, and the functions that it calls."""
    items: list[JsonValue] = [] if frame.search is None else [frame.search]
    status = "incomplete" if reply.finish_reason in _INCOMPLETE else "completed"
    if reply.text or reply.refusal is not None:
        items.append(_message(frame, [_content(frame, reply)], status))
    items += [_call(one.id, one.name, one.arguments, "completed") for one in reply.tool_calls]
    return items


def response_events(
    frame: Frame, chunks: Sequence[ChatChunk], reply: Reply[None] | None, *, model: str
) -> Iterator[bytes]:
    """Give a streamed answer as typed events; `reply` None stands for one that was cut off."""
    stream = _Stream(frame)
    begun = response_json(frame, status="in_progress", model=model)
    yield stream.event("response.created", response=begun)
    yield stream.event("response.in_progress", response=begun)
    yield from stream.search()
    for chunk in chunks:
        yield from stream.pieces(chunk)
    if reply is None:
        return
    yield from stream.ends(reply)
    done = response_json(frame, status="completed", model=model, reply=reply)
    ended = "response.incomplete" if done["status"] == "incomplete" else "response.completed"
    yield stream.event(ended, response=done)


class _Stream:
    """Counts the events of one answer, and opens its parts as they begin."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._number = -1
        self._open_part: str | None = None
        self._calls: dict[int, str] = {}

    def event(self, kind: str, **fields: JsonValue | dict[str, JsonValue]) -> bytes:
        self._number += 1
        return event({"type": kind, "sequence_number": self._number, **fields}, name=kind)

    def search(self) -> Iterator[bytes]:
        """Give the events of the search that was made before."""
        item = self._frame.search
        if item is None:
            return
        begun = {**item, "status": "in_progress", "queries": [], "results": None}
        yield self.event("response.output_item.added", output_index=0, item=begun)
        for step in ("in_progress", "searching", "completed"):
            kind = f"response.file_search_call.{step}"
            yield self.event(kind, output_index=0, item_id=item["id"])
        yield self.event("response.output_item.done", output_index=0, item=item)

    def pieces(self, chunk: ChatChunk) -> Iterator[bytes]:
        """Give the events of one piece."""
        for kind, piece in (("output_text", chunk.text), ("refusal", chunk.refusal or "")):
            if piece:
                yield from self._opened(kind)
                more: dict[str, JsonValue] = {"logprobs": []} if kind == "output_text" else {}
                yield self.event(f"response.{kind}.delta", delta=piece, **self._place(), **more)
        for call in chunk.tool_calls:
            index = self._index(call.index)
            if call.id is not None:
                self._calls[call.index] = call.id
                item = _call(call.id, call.name or "", "", "in_progress")
                yield self.event("response.output_item.added", output_index=index, item=item)
            yield self.event(
                "response.function_call_arguments.delta",
                item_id=_item_id(self._calls[call.index]),
                output_index=index,
                delta=call.arguments,
            )

    def ends(self, reply: Reply[None]) -> Iterator[bytes]:
        """Give the events that close what was opened."""
        items = output_items(self._frame, reply)
        if self._open_part is not None:
            part = _content(self._frame, reply)
            for number, note in enumerate(self._frame.notes):
                place = {**self._place(), "annotation_index": number, "annotation": note}
                yield self.event("response.output_text.annotation.added", **place)
            whole: dict[str, JsonValue] = {"refusal": reply.refusal}
            if self._open_part == "output_text":
                whole = {"text": reply.text, "logprobs": part["logprobs"]}
            yield self.event(f"response.{self._open_part}.done", **self._place(), **whole)
            yield self.event("response.content_part.done", part=part, **self._place())
            at = self._before
            yield self.event("response.output_item.done", output_index=at, item=items[at])
        for number, call in enumerate(reply.tool_calls):
            index = self._index(number)
            yield self.event(
                "response.function_call_arguments.done",
                item_id=_item_id(call.id),
                output_index=index,
                name=call.name,
                arguments=call.arguments,
            )
            yield self.event("response.output_item.done", output_index=index, item=items[index])

    def _opened(self, kind: str) -> Iterator[bytes]:
        if self._open_part is not None:
            return
        self._open_part = kind
        item = _message(self._frame, [], "in_progress")
        yield self.event("response.output_item.added", output_index=self._before, item=item)
        part: dict[str, JsonValue] = {"type": "refusal", "refusal": ""}
        if kind == "output_text":
            part = {"type": kind, "text": "", "annotations": [], "logprobs": []}
        yield self.event("response.content_part.added", part=part, **self._place())

    def _index(self, call: int) -> int:
        return self._before + call + (self._open_part is not None)

    @property
    def _before(self) -> int:
        """How many items stand before the message."""
        return int(self._frame.search is not None)

    def _place(self) -> dict[str, JsonValue]:
        return {"item_id": self._frame.item_id, "output_index": self._before, "content_index": 0}


def _message(
    frame: Frame, content: list[dict[str, JsonValue]], status: str
) -> dict[str, JsonValue]:
    parts: list[JsonValue] = [*content]
    return {
        "id": frame.item_id,
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": parts,
    }


def _content(frame: Frame, reply: Reply[None]) -> dict[str, JsonValue]:
    if reply.refusal is not None:
        return {"type": "refusal", "refusal": reply.refusal}
    found = logprobs_json(reply.logprobs)
    logprobs = [] if found is None else found["content"]
    return {
        "type": "output_text",
        "text": reply.text,
        "annotations": frame.notes,
        "logprobs": logprobs,
    }


def _call(call_id: str, name: str, arguments: str, status: str) -> dict[str, JsonValue]:
    return {
        "id": _item_id(call_id),
        "type": "function_call",
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
        "status": status,
    }


def _item_id(call_id: str) -> str:
    return f"fc_{call_id.removeprefix('call_')}"


def _text(body: ResponseBody) -> JsonValue:
    shape = None if body.text is None else body.text.format
    if shape is None or shape.type != "json_schema":
        return {"format": {"type": "text" if shape is None else shape.type}}
    return {
        "format": {
            "type": "json_schema",
            "name": shape.name,
            "schema": shape.schema_,
            "strict": bool(shape.strict),
        }
    }


def _choice(body: ResponseBody) -> JsonValue:
    choice = body.tool_choice
    if choice is None or isinstance(choice, str):
        return choice or "auto"
    return choice.model_dump(mode="json", exclude_unset=True)


def _tool(one: AskedTool) -> JsonValue:
    if one.type == "file_search":
        shown: dict[str, JsonValue] = one.model_dump(mode="json", exclude_unset=True)
        return shown
    return {
        "type": "function",
        "name": one.name,
        "description": one.description,
        "parameters": one.parameters or {},
        "strict": one.strict is not False,
    }


def _usage(usage: Usage) -> JsonValue:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_input_tokens,
            "cache_write_tokens": 0,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }
