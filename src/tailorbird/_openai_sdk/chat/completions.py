"""The surface Chat Completions: making requests and reading answers, whole and in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, Required

from pydantic import TypeAdapter, with_config
from pydantic_core import to_json
from typing_extensions import TypedDict, override

from tailorbird._openai_sdk.chat.collecting import CallCollector, Collector, whole_call
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
    from collections.abc import Mapping

    from tailorbird._openai_sdk.chat.calls import ChatCall, ChatDialect
    from tailorbird._openai_sdk.parsing import Source
    from tailorbird.types.chat import Message, Part, TokenLogprob, Tool, ToolCallDelta

PATH = "/chat/completions"
"""Where requests go, from the base URL."""

_USAGE = UsageNames("prompt_tokens", "completion_tokens")

NO_ARGUMENTS: Mapping[str, object] = {
    "type": "object",
    "properties": {},
    "required": [],
    "additionalProperties": False,
}
"""The schema of a function without arguments, which takes `strict` as well."""


def request_of(call: ChatCall) -> dict[str, object]:
    """Make the body of a request; what is not given is not sent."""
    options, dialect = call.options, call.dialect
    body: dict[str, object] = {
        "model": call.model,
        "messages": [_message(one, dialect) for one in call.messages],
    }
    if dialect.store:
        body["store"] = False
    if (limit := call.max_output_tokens) is not None:
        body[call.traits.limit_name] = limit
    for name in ("temperature", "top_p", "seed", "reasoning_effort"):
        if (value := getattr(options, name)) is not None:
            body[name] = value
    if options.stop:
        body["stop"] = list(options.stop)
    if options.logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": options.logprobs}
    if options.tools:
        body |= _tools(call)
    if call.form is not None:
        form = {"name": call.form.name, "schema": call.form.schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    if call.streamed:
        body |= _streaming(dialect)
    return body


def _streaming(dialect: ChatDialect) -> dict[str, object]:
    asked: dict[str, object] = {}
    if dialect.stream_usage:
        asked["include_usage"] = True
    if dialect.obfuscation:
        asked["include_obfuscation"] = False
    body: dict[str, object] = {"stream": True}
    if asked:
        body["stream_options"] = asked
    return body


def _tools(call: ChatCall) -> dict[str, object]:
    options = call.options
    body: dict[str, object] = {"tools": [_tool(one) for one in options.tools]}
    choice = options.tool_choice
    if isinstance(choice, ToolName):
        body["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
    elif choice != "auto":
        body["tool_choice"] = choice
    if options.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = options.parallel_tool_calls
    return body


def _tool(tool: Tool) -> dict[str, object]:
    function: dict[str, object] = {
        "name": tool.name,
        "parameters": dict(tool.parameters or NO_ARGUMENTS),
    }
    if tool.description:
        function["description"] = tool.description
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _message(message: Message, dialect: ChatDialect) -> dict[str, object]:
    is_developer = message.role == "developer"
    role = "system" if is_developer and not dialect.developer_role else message.role
    body: dict[str, object] = {"role": role, "content": _content(message.content)}
    if message.name is not None:
        body["name"] = message.name
    if message.tool_calls:
        body["tool_calls"] = [
            {
                "id": one.id,
                "type": "function",
                "function": {"name": one.name, "arguments": one.arguments},
            }
            for one in message.tool_calls
        ]
    if message.tool_call_id is not None:
        body["tool_call_id"] = message.tool_call_id
    if message.refusal is not None:
        body["refusal"] = message.refusal
    return body


def _content(content: str | tuple[Part, ...] | None) -> object:
    if content is None or isinstance(content, str):
        return content
    return [_part(one) for one in content]


def _part(part: Part) -> dict[str, object]:
    if isinstance(part, ImagePart):
        return {"type": "image_url", "image_url": {"url": part.url, "detail": part.detail}}
    return {"type": "text", "text": part.text}


@with_config(STRICT)
class _Function(TypedDict, total=False):
    name: str | None
    # Servers that keep less strictly to the description give the object itself.
    arguments: str | dict[str, object] | None


@with_config(STRICT)
class _Call(TypedDict, total=False):
    index: int | None
    id: str | None
    function: _Function | None


@with_config(STRICT)
class _ContentPart(TypedDict, total=False):
    type: object
    text: object


@with_config(STRICT)
class _Said(TypedDict, total=False):
    """A message, or a piece of one."""

    # Parts come from gateways to models that give their thoughts along, such as Mistral's.
    content: str | list[_ContentPart] | None
    refusal: str | None
    tool_calls: list[_Call] | None


@with_config(STRICT)
class _Choice(TypedDict):
    message: Required[_Said]
    finish_reason: NotRequired[str | None]
    logprobs: NotRequired[object]
    content_filter_results: NotRequired[object]


@with_config(STRICT)
class _Completion(TypedDict):
    choices: NotRequired[list[_Choice]]
    id: NotRequired[str | None]
    model: NotRequired[str | None]
    usage: NotRequired[object]
    error: NotRequired[object]


@with_config(STRICT)
class _ChunkChoice(TypedDict, total=False):
    # Azure's chunks of annotations have no `delta`, and some have results without a reason.
    delta: _Said | None
    finish_reason: str | None
    logprobs: object
    content_filter_results: object


@with_config(STRICT)
class _Chunk(TypedDict, total=False):
    # Azure's first chunk and every last one with the usage have no choices.
    choices: list[_ChunkChoice] | None
    id: str | None
    model: str | None
    usage: object
    error: object


_COMPLETION = TypeAdapter(_Completion)
_CHUNK = TypeAdapter(_Chunk)
_WHOLE: TypeAdapter[dict[str, object]] = TypeAdapter(dict[str, object])


def read_answer(content: bytes, source: Source) -> Said:
    """Read a whole answer.

    Raises:
        UnexpectedResponseError: It is not of the promised shape.
        ProviderError: It reports a failure.
    """
    answer = source.read(_COMPLETION, content)
    if (error := answer.get("error")) is not None:
        raise source.failed(error)
    if "choices" not in answer:
        raise source.unexpected("choices: Field required")
    said = Said(model=answer.get("model") or "", id=answer.get("id") or "")
    said.usage = read_usage(answer.get("usage"), _USAGE, said.warnings)
    for choice in answer["choices"][:1]:
        message = choice["message"]
        said.text = _text_of(message.get("content"))
        said.refusal = message.get("refusal") or None
        said.tool_calls = tuple(
            whole_call(
                one.get("id"),
                (one.get("function") or {}).get("name"),
                _arguments_of(one),
                source,
            )
            for one in message.get("tool_calls") or ()
        )
        said.word = choice.get("finish_reason") or ""
        said.filtered = filtered_by(choice.get("content_filter_results"))
        if (tokens := table_of(choice.get("logprobs")).get("content")) is not None:
            said.logprobs = read_logprobs(tokens, source)
    return said


def _text_of(content: str | list[_ContentPart] | None) -> str:
    """Give the text of a content; parts of other kinds, such as thoughts, are left out."""
    if content is None or isinstance(content, str):
        return content or ""
    texts = (part.get("text") for part in content if part.get("type") == "text")
    return "".join(text for text in texts if isinstance(text, str))


def _arguments_of(call: _Call) -> str:
    given = (call.get("function") or {}).get("arguments")
    return to_json(given).decode() if isinstance(given, dict) else given or ""


def filtered_by(results: object) -> tuple[str, ...]:
    """Give the names of what a content filter acted on, sorted."""
    found = table_of(results).items()
    return tuple(sorted(name for name, one in found if table_of(one).get("filtered") is True))


class CompletionCollector(Collector):
    """Reads the chunks of one stream."""

    def __init__(self, source: Source) -> None:
        """Begin with nothing."""
        self._source = source
        self._said = Said()
        self._texts: list[str] = []
        self._refusals: list[str] = []
        self._calls = CallCollector()
        self._logprobs: list[TokenLogprob] = []

    @property
    @override
    def text(self) -> str:
        return "".join(self._texts)

    @property
    @override
    def is_complete(self) -> bool:
        return bool(self._said.word)

    @property
    @override
    def has_ended(self) -> bool:
        return False  # the usage comes behind the reason for the end

    @override
    def take(self, data: bytes) -> ChatChunk | None:
        chunk = self._source.read(_CHUNK, data)
        said = self._said
        if not said.id or not said.model:
            said.id = said.id or chunk.get("id") or ""
            said.model = said.model or chunk.get("model") or ""
        if (error := chunk.get("error")) is not None:
            raise self._source.failed(error)
        if (usage := chunk.get("usage")) is not None:
            said.usage = read_usage(usage, _USAGE, said.warnings)
        choices = chunk.get("choices")
        if choices:
            return self._choice(choices[0])
        if "choices" not in chunk:
            whole = self._source.read(_WHOLE, data)
            if whole.get("object") == "error":
                # vLLM, before it took to the field `error`: the failure is the whole event.
                raise self._source.failed(whole)
        return None

    @override
    def said(self) -> Said:
        said = self._said
        said.text = self.text
        said.refusal = "".join(self._refusals) or None
        said.tool_calls = self._calls.joined(self._source)
        said.logprobs = tuple(self._logprobs) or None
        return said

    def _choice(self, choice: _ChunkChoice) -> ChatChunk | None:
        if word := choice.get("finish_reason"):
            self._said.word = word
            self._said.filtered = filtered_by(choice.get("content_filter_results"))
        if (tokens := choice.get("logprobs")) is not None:
            content = table_of(tokens).get("content")
            self._logprobs += read_logprobs(content or [], self._source)
        delta = choice.get("delta")
        if not delta:
            return None
        text = delta.get("content")
        if isinstance(text, list):
            text = _text_of(text)
        if text:
            self._texts.append(text)
        refusal = delta.get("refusal")
        calls = delta.get("tool_calls")
        if not refusal and not calls:  # nearly all of them
            return ChatChunk(text=text) if text else None
        if refusal:
            self._refusals.append(refusal)
        pieces = tuple(self._piece(one, place) for place, one in enumerate(calls or ()))
        return ChatChunk(text=text or "", tool_calls=pieces, refusal=refusal or None)

    def _piece(self, call: _Call, place: int) -> ToolCallDelta:
        index, call_id = call.get("index"), call.get("id")
        return self._calls.take(
            self._calls.number(place if index is None else index, call_id=call_id),
            call_id=call_id,
            name=(call.get("function") or {}).get("name"),
            arguments=_arguments_of(call),
        )
