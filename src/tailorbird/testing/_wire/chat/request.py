"""What a chat completion is asked for with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias, TypeVar, cast, get_args

from pydantic import Field, JsonValue

from tailorbird.testing._wire.bodies import WireModel, invalid
from tailorbird.testing._wire.chat.asking import Asked
from tailorbird.testing._wire.schemas import check_strict, output_type, told_form
from tailorbird.types.chat import (
    ChatOptions,
    ImagePart,
    Message,
    Part,
    ReasoningEffort,
    TextPart,
    Tool,
    ToolCall,
    ToolName,
)
from tailorbird.types.ids import ModelId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.testing._wire.world import World

T = TypeVar("T")

_Percent: TypeAlias = Annotated[float, Field(ge=0, le=1)]
_Penalty: TypeAlias = Annotated[float, Field(ge=-2, le=2)]


class _ImageUrl(WireModel):
    url: str
    detail: Literal["auto", "low", "high"] = "auto"


class _Part(WireModel):
    type: Literal["text", "image_url", "refusal"]
    text: str = ""
    image_url: _ImageUrl | None = None
    refusal: str = ""


class _Function(WireModel):
    name: str
    arguments: str


class _ToolCall(WireModel):
    id: str
    type: Literal["function"]
    function: _Function


class _Message(WireModel):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | Annotated[list[_Part], Field(min_length=1)] | None = None
    name: str | None = None
    tool_calls: list[_ToolCall] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None


class _FunctionTool(WireModel):
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    description: str | None = None
    parameters: dict[str, JsonValue] | None = None
    strict: bool | None = None


class _Tool(WireModel):
    type: Literal["function"]
    function: _FunctionTool


class _Named(WireModel):
    name: str


class _NamedTool(WireModel):
    type: Literal["function"]
    function: _Named


class _Allowed(WireModel):
    mode: Literal["auto", "required"]
    tools: list[_NamedTool]


class _Choice(WireModel):
    type: Literal["function", "allowed_tools"]
    function: _Named | None = None
    allowed_tools: _Allowed | None = None


class _JsonSchema(WireModel):
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    description: str | None = None
    schema_: dict[str, JsonValue] = Field(default_factory=dict, alias="schema")
    strict: bool | None = None


class _Format(WireModel):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: _JsonSchema | None = None


class _StreamOptions(WireModel):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class ChatBody(WireModel):
    """Body of `POST /chat/completions`."""

    model: str
    """Model or deployment."""
    messages: Annotated[list[_Message], Field(min_length=1)]
    """The conversation."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    """Randomness."""
    top_p: _Percent | None = None
    """Share of probability mass."""
    n: Annotated[int, Field(ge=1, le=128)] | None = None
    """How many answers; each is asked of the fake by itself."""
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Longest answer, for models that do not reason."""
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    """Longest answer."""
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None
    """Texts that end the answer."""
    seed: int | None = None
    """For answers that can be repeated."""
    logprobs: bool | None = None
    """Whether to report probabilities."""
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    """How many alternatives of each token to report."""
    reasoning_effort: str | None = None
    """How long to think."""
    frequency_penalty: _Penalty | None = None
    """Against words that were said often; changes nothing here."""
    presence_penalty: _Penalty | None = None
    """Against words that were said; changes nothing here."""
    functions: list[JsonValue] | None = None
    """What `tools` replaced; refused."""
    tools: list[_Tool] | None = None
    """Functions the model may ask for."""
    tool_choice: Literal["auto", "none", "required"] | _Choice | None = None
    """Whether it must call one."""
    parallel_tool_calls: bool | None = None
    """Whether one answer may hold several calls."""
    response_format: _Format | None = None
    """Form of the answer."""
    store: bool | None = None
    """Whether the completion can be fetched again."""
    metadata: Annotated[dict[str, str], Field(max_length=16)] | None = None
    """Pairs that are kept with it."""
    stream: bool | None = None
    """Whether the answer comes in pieces."""
    stream_options: _StreamOptions | None = None
    """What comes with the pieces."""

    # What else OpenAI's description of CreateChatCompletionRequest names.
    ignored: ClassVar[frozenset[str]] = frozenset({
        "access_programs", "audio", "function_call", "logit_bias",
        "modalities", "moderation", "prediction", "prompt_cache_key",
        "prompt_cache_options", "prompt_cache_retention", "safety_identifier", "service_tier",
        "user", "user_security_context", "verbosity", "web_search_options",
    })  # fmt: skip


def asked_of(body: ChatBody, world: World) -> Asked:
    """Read a call.

    Raises:
        WireError: A parameter is wrong, or the model does not take it.
    """
    _check_limits(body, world)
    output = None
    shape = body.response_format
    if shape is not None and shape.type == "json_schema":
        if shape.json_schema is None:
            raise invalid(
                "response_format.json_schema",
                "Missing required parameter: 'response_format.json_schema'.",
                code="missing_required_parameter",
            )
        schema = shape.json_schema
        if schema.strict:
            check_strict(schema.schema_, name=schema.name, param="response_format")
        output = output_type(schema.schema_, name=schema.name)
    messages = _messages(body.messages)
    any_object = shape is not None and shape.type == "json_object"
    if any_object and not any("json" in one.text.lower() for one in messages):
        raise invalid(
            "messages",
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type"
            " 'json_object'.",
            code=None,
        )
    if any_object:
        output = told_form(one.text for one in messages)
    return Asked(
        model=ModelId(body.model),
        messages=messages,
        options=_options(body),
        output=output,
        any_object=any_object,
    )


def effort_of(word: str | None, *, param: str) -> ReasoningEffort | None:
    """Read a reasoning effort.

    Raises:
        WireError: No model knows the word.
    """
    if word is not None and word not in get_args(ReasoningEffort):
        known = ", ".join(repr(one) for one in get_args(ReasoningEffort))
        message = f"Invalid value: {word[:40]!r}. Supported values are: {known}."
        raise invalid(param, message)
    return cast("ReasoningEffort | None", word)


def tool_of(
    name: str,
    description: str | None,
    parameters: dict[str, JsonValue] | None,
    *,
    strict: bool | None,
    param: str,
) -> Tool:
    """Make a tool.

    Raises:
        WireError: It is strict and its schema does not keep the rules.
    """
    if strict:
        check_strict(parameters or {}, name=name, param=param, code="invalid_function_parameters")
    return Tool(
        name=name, description=description or "", parameters=parameters or {}, strict=strict
    )


def _check_limits(body: ChatBody, world: World) -> None:
    """Do nothing unless the limits of the answer do not fit the model or this server."""
    facts = world.facts_of(body.model)
    if body.max_tokens is not None and facts is not None and not facts.sampling:
        raise invalid(
            "max_tokens",
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use"
            " 'max_completion_tokens' instead.",
            code="unsupported_parameter",
        )
    if body.functions is not None:
        raise invalid(
            "functions",
            "'functions' is deprecated, and not offered by this server. Use 'tools' instead.",
            code="unsupported_parameter",
        )
    if body.top_logprobs is not None and not body.logprobs:
        raise invalid("top_logprobs", "'top_logprobs' is only allowed when 'logprobs' is true.")
    if body.stream_options is not None and not body.stream:
        raise invalid("stream_options", "'stream_options' is only allowed when 'stream' is true.")


def _options(body: ChatBody) -> ChatOptions:
    tools = tuple(
        tool_of(
            one.function.name,
            one.function.description,
            one.function.parameters,
            strict=one.function.strict,
            param=f"tools[{number}].function.parameters",
        )
        for number, one in enumerate(body.tools or ())
    )
    tools, choice = _chosen(body.tool_choice, tools)
    stop = body.stop or ()
    return ChatOptions(
        temperature=body.temperature,
        top_p=body.top_p,
        max_output_tokens=body.max_completion_tokens or body.max_tokens,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        seed=body.seed,
        logprobs=(body.top_logprobs or 0) if body.logprobs else None,
        reasoning_effort=effort_of(body.reasoning_effort, param="reasoning_effort"),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=body.parallel_tool_calls,
    )


def _chosen(
    choice: Literal["auto", "none", "required"] | _Choice | None, tools: tuple[Tool, ...]
) -> tuple[tuple[Tool, ...], Literal["auto", "none", "required"] | ToolName]:
    """Give the functions that may be called, and whether one must be."""
    if not isinstance(choice, _Choice):
        return tools, choice or "auto"
    if choice.type == "function":
        return tools, ToolName(name=_given(choice.function, "function").name)
    allowed = _given(choice.allowed_tools, "allowed_tools")
    names = {one.function.name for one in allowed.tools}
    return tuple(one for one in tools if one.name in names), allowed.mode


def _given(value: T | None, name: str) -> T:
    if value is None:
        param = f"tool_choice.{name}"
        message = f"Missing required parameter: {param!r}."
        raise invalid(param, message, code="missing_required_parameter")
    return value


def _messages(given: Sequence[_Message]) -> tuple[Message, ...]:
    asked_for: set[str] = set()
    read: list[Message] = []
    for number, one in enumerate(given):
        if one.role == "tool" and one.tool_call_id not in asked_for:
            raise invalid(
                f"messages.[{number}].role",
                "Invalid parameter: messages with role 'tool' must be a response to a preceding"
                " message with 'tool_calls'.",
                code=None,
            )
        if one.content is None and not one.tool_calls and one.refusal is None:
            raise invalid(
                f"messages.[{number}].content",
                f"Invalid value for 'content': expected a string, got null. (messages[{number}])",
                code=None,
            )
        asked_for |= {call.id for call in one.tool_calls or ()}
        read.append(_message(one))
    return tuple(read)


def _message(one: _Message) -> Message:
    content = one.content
    return Message(
        role=one.role,
        content=content
        if content is None or isinstance(content, str)
        else tuple(_part(part) for part in content),
        name=one.name,
        tool_calls=tuple(
            ToolCall(id=call.id, name=call.function.name, arguments=call.function.arguments)
            for call in one.tool_calls or ()
        ),
        tool_call_id=one.tool_call_id,
        refusal=one.refusal,
    )


def _part(part: _Part) -> Part:
    if part.type == "image_url" and part.image_url is not None:
        return ImagePart(url=part.image_url.url, detail=part.image_url.detail)
    return TextPart(text=part.text or part.refusal)
