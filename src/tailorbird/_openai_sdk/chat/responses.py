"""The surface Responses: making requests and reading answers, whole and in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, Required

from pydantic import TypeAdapter, with_config
from typing_extensions import TypedDict, override

from tailorbird._openai_sdk.chat.collecting import CallCollector, Collector, whole_call
from tailorbird._openai_sdk.chat.completions import NO_ARGUMENTS
from tailorbird._openai_sdk.parsing import (
    STRICT,
    Said,
    UsageNames,
    read_logprobs,
    read_usage,
    table_of,
)
from tailorbird.types.chat import ChatChunk, ImagePart, ToolName

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tailorbird._openai_sdk.chat.calls import ChatCall
    from tailorbird._openai_sdk.parsing import Source
    from tailorbird.types.chat import Message, Part, TokenLogprob, Tool, ToolCallDelta

PATH = "/responses"
"""Where requests go, from the base URL."""

_USAGE = UsageNames("input_tokens", "output_tokens")

_LOGPROBS = "message.output_text.logprobs"


def request_of(call: ChatCall) -> dict[str, object]:
    """Make the body of a request; what is not given is not sent."""
    options = call.options
    body: dict[str, object] = {
        "model": call.model,
        "input": [item for one in call.messages for item in _items(one)],
        "store": False,  # else an answer is kept for 30 days and more
    }
    if (limit := call.max_output_tokens) is not None:
        body["max_output_tokens"] = limit
    for name in ("temperature", "top_p"):
        if (value := getattr(options, name)) is not None:
            body[name] = value
    if options.reasoning_effort is not None:
        body["reasoning"] = {"effort": options.reasoning_effort}
    if options.logprobs is not None:
        body |= {"include": [_LOGPROBS], "top_logprobs": options.logprobs}
    if options.tools:
        body |= _tools(call)
    if call.form is not None:
        form = {"type": "json_schema", "name": call.form.name, "schema": call.form.schema}
        body["text"] = {"format": {**form, "strict": True}}
    if call.streamed:
        body["stream"] = True
        if call.dialect.obfuscation:
            body["stream_options"] = {"include_obfuscation": False}
    return body


def _tools(call: ChatCall) -> dict[str, object]:
    options = call.options
    body: dict[str, object] = {"tools": [_tool(one) for one in options.tools]}
    choice = options.tool_choice
    if isinstance(choice, ToolName):
        body["tool_choice"] = {"type": "function", "name": choice.name}
    elif choice != "auto":
        body["tool_choice"] = choice
    if options.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = options.parallel_tool_calls
    return body


def _tool(tool: Tool) -> dict[str, object]:
    # All four are required here, and `strict` may be null: OpenAPI document 2.3.0, FunctionTool.
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description or None,
        "parameters": dict(tool.parameters or NO_ARGUMENTS),
        "strict": tool.strict,
    }


def _items(message: Message) -> Iterator[dict[str, object]]:
    """Give the items that a message becomes: calls and their answers stand apart from messages."""
    if message.role == "tool":
        yield {
            "type": "function_call_output",
            "call_id": message.tool_call_id or "",
            "output": message.text,
        }
        return
    content = _content(message)
    if content:
        yield {"type": "message", "role": message.role, "content": content}
    for call in message.tool_calls:
        yield {
            "type": "function_call",
            "call_id": call.id,
            "name": call.name,
            "arguments": call.arguments,
        }


def _content(message: Message) -> object:
    """Give a message's content; what the model itself said or declined goes as one text.

    Parts of the kind `output_text` or `refusal` stand only in messages with an id, which nobody
    has who wrote the conversation down: OpenAPI document 2.3.0, EasyInputMessage, OutputMessage.
    """
    if message.role == "assistant":
        return "\n".join(text for text in (message.text, message.refusal) if text)
    if message.content is None or isinstance(message.content, str):
        return message.content
    return [_part(one) for one in message.content]


def _part(part: Part) -> dict[str, object]:
    if isinstance(part, ImagePart):
        return {"type": "input_image", "image_url": part.url, "detail": part.detail}
    return {"type": "input_text", "text": part.text}


@with_config(STRICT)
class _Response(TypedDict):
    output: NotRequired[list[dict[str, object]]]
    status: NotRequired[str | None]
    id: NotRequired[str | None]
    model: NotRequired[str | None]
    incomplete_details: NotRequired[object]
    usage: NotRequired[object]
    error: NotRequired[object]


@with_config(STRICT)
class _Content(TypedDict):
    type: Required[str]
    text: NotRequired[object]
    refusal: NotRequired[object]
    logprobs: NotRequired[object]


@with_config(STRICT)
class _Event(TypedDict):
    type: NotRequired[str]
    delta: NotRequired[object]
    output_index: NotRequired[int]
    item: NotRequired[object]
    response: NotRequired[object]
    logprobs: NotRequired[object]
    code: NotRequired[object]
    message: NotRequired[object]
    error: NotRequired[object]


_RESPONSE = TypeAdapter(_Response)
_CONTENTS = TypeAdapter(list[_Content])
_EVENT = TypeAdapter(_Event)

# Why an answer is incomplete, in the words of the other surface. OpenAPI document 2.3.0, Response.
_WORDS: Mapping[str, str] = {"max_output_tokens": "length", "content_filter": "content_filter"}


def read_answer(content: bytes, source: Source) -> Said:
    """Read a whole answer.

    Raises:
        UnexpectedResponseError: It is not of the promised shape.
        ProviderError: It reports a failure.
    """
    return _read_response(source.read(_RESPONSE, content), source)


def _read_response(response: _Response, source: Source) -> Said:
    if (error := response.get("error")) is not None:
        raise source.failed(error)
    if "output" not in response:
        raise source.unexpected("output: Field required")
    said = Said(model=response.get("model") or "", id=response.get("id") or "")
    said.usage = read_usage(response.get("usage"), _USAGE, said.warnings)
    for item in response["output"]:
        _read_item(item, said, source)
    said.word = _word(response, calls=bool(said.tool_calls))
    return said


def _read_item(item: Mapping[str, object], said: Said, source: Source) -> None:
    """Add an item to what was said; kinds that are not known are none of our business."""
    kind = item.get("type")
    if kind == "function_call":
        call = whole_call(item.get("call_id"), item.get("name"), item.get("arguments"), source)
        said.tool_calls += (call,)
    if kind != "message":
        return
    for part in source.check(_CONTENTS, item.get("content") or []):
        if part["type"] == "output_text":
            said.text += _text(part.get("text"), source)
            if logprobs := part.get("logprobs"):
                said.logprobs = (said.logprobs or ()) + read_logprobs(logprobs, source)
        elif part["type"] == "refusal":
            said.refusal = (said.refusal or "") + _text(part.get("refusal"), source)


def _word(response: _Response, *, calls: bool) -> str:
    """Give the reason for the end in the words of Chat Completions, an unknown one as it is."""
    status = response.get("status") or ""
    if status == "completed":
        return "tool_calls" if calls else "stop"
    if status != "incomplete":
        return status
    reason = table_of(response.get("incomplete_details")).get("reason")
    return _WORDS.get(reason, reason) if isinstance(reason, str) else status


def _text(value: object, source: Source) -> str:
    if isinstance(value, str):
        return value
    raise source.unexpected("a text of the answer is no text")


class ResponseCollector(Collector):
    """Reads the events of one stream; it switches on `type` and on nothing else."""

    def __init__(self, source: Source) -> None:
        """Begin with nothing."""
        self._source = source
        self._whole: Said | None = None
        self._texts: list[str] = []
        self._refusals: list[str] = []
        self._calls = CallCollector()
        self._numbers: dict[int, int] = {}
        self._logprobs: list[TokenLogprob] = []

    @property
    @override
    def text(self) -> str:
        return "".join(self._texts)

    @property
    @override
    def is_complete(self) -> bool:
        return self._whole is not None

    @property
    @override
    def has_ended(self) -> bool:
        return self._whole is not None

    @override
    def take(self, data: bytes) -> ChatChunk | None:
        event = self._source.read(_EVENT, data)
        kind = event.get("type")
        if kind == "response.output_text.delta":
            text = _text(event.get("delta"), self._source)
            self._texts.append(text)
            if logprobs := event.get("logprobs"):
                self._logprobs += read_logprobs(logprobs, self._source)
            return ChatChunk(text=text)
        if kind == "response.refusal.delta":
            refusal = _text(event.get("delta"), self._source)
            self._refusals.append(refusal)
            return ChatChunk(refusal=refusal)
        if kind in {"response.output_item.added", "response.function_call_arguments.delta"}:
            return self._call(event)
        if kind in {"response.completed", "response.incomplete", "response.failed"}:
            self._end(event)
        elif kind == "error" or event.get("error") is not None:
            raise self._source.failed(event.get("error") or dict(event))
        return None

    @override
    def said(self) -> Said:
        said = self._whole or Said()
        said.text = self.text
        said.refusal = "".join(self._refusals) or None
        said.tool_calls = self._calls.joined(self._source)
        said.logprobs = tuple(self._logprobs) or said.logprobs
        return said

    def _call(self, event: _Event) -> ChatChunk | None:
        """Read the beginning of a call, or a piece of its arguments."""
        place = event.get("output_index", -1)
        item = table_of(event.get("item"))
        if event.get("type") == "response.function_call_arguments.delta":
            arguments = _text(event.get("delta"), self._source)
        elif item.get("type") == "function_call":
            arguments = ""
            self._numbers[place] = len(self._numbers)
        else:
            return None
        if place not in self._numbers:
            raise self._source.unexpected("arguments came for a tool call that never began")
        piece = self._piece(self._numbers[place], item, arguments)
        return ChatChunk(tool_calls=(piece,))

    def _piece(self, index: int, item: Mapping[str, object], arguments: str) -> ToolCallDelta:
        call_id, name = item.get("call_id"), item.get("name")
        return self._calls.take(
            index,
            call_id=call_id if isinstance(call_id, str) else None,
            name=name if isinstance(name, str) else None,
            arguments=arguments,
        )

    def _end(self, event: _Event) -> None:
        """Read the last event, which repeats the whole answer."""
        response = self._source.check(_RESPONSE, event.get("response"))
        if event.get("type") == "response.failed" and response.get("error") is None:
            raise self._source.failed({"message": "the answer failed without a reason"})
        whole = _read_response(response, self._source)
        if whole.text and whole.text != self.text:
            raise self._source.unexpected("the pieces of the stream are not its whole answer")
        self._whole = whole
