"""What a response is asked for with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeVar

from pydantic import Field, JsonValue

from tailorbird.testing._wire.bodies import WireModel, invalid
from tailorbird.testing._wire.chat.asking import Asked
from tailorbird.testing._wire.chat.request import effort_of, tool_of
from tailorbird.testing._wire.schemas import check_strict, output_type
from tailorbird.types.chat import (
    ChatOptions,
    ImagePart,
    Message,
    Part,
    TextPart,
    ToolCall,
    ToolName,
)
from tailorbird.types.ids import ModelId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.types.chat import Role


T = TypeVar("T")


class _Content(WireModel):
    type: Literal["input_text", "output_text", "input_image", "refusal"]
    text: str = ""
    image_url: str | None = None
    detail: Literal["auto", "low", "high"] = "auto"
    refusal: str = ""


class _Item(WireModel):
    type: Literal["message", "function_call", "function_call_output"] = "message"
    role: Literal["system", "developer", "user", "assistant"] | None = None
    content: str | Annotated[list[_Content], Field(min_length=1)] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    output: str | None = None


class _Tool(WireModel):
    type: Literal["function"]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    description: str | None = None
    parameters: dict[str, JsonValue] | None = None
    strict: bool | None = None


class _Choice(WireModel):
    type: Literal["function"]
    name: str


class _Format(WireModel):
    type: Literal["text", "json_object", "json_schema"]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = "response"
    schema_: dict[str, JsonValue] | None = Field(default=None, alias="schema")
    strict: bool | None = None


class _Text(WireModel):
    format: _Format | None = None


class _Reasoning(WireModel):
    effort: str | None = None


class ResponseBody(WireModel):
    """Body of `POST /responses`."""

    model: str
    """Model or deployment."""
    input: str | Annotated[list[_Item], Field(min_length=1)]
    """What is said, or the items of the conversation."""
    instructions: str | None = None
    """What stands before the conversation."""
    max_output_tokens: Annotated[int, Field(ge=16)] | None = None
    """Longest answer."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    """Randomness."""
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of probability mass."""
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    """How many alternatives of each token to report."""
    include: list[str] | None = None
    """What else to send; here only the probabilities of the tokens."""
    text: _Text | None = None
    """Form of the answer."""
    reasoning: _Reasoning | None = None
    """How to think."""
    tools: list[_Tool] | None = None
    """Functions the model may ask for."""
    tool_choice: Literal["auto", "none", "required"] | _Choice | None = None
    """Whether it must call one."""
    parallel_tool_calls: bool | None = None
    """Whether one answer may hold several calls."""
    previous_response_id: str | None = None
    """The stored response that this one goes on from."""
    metadata: Annotated[dict[str, str], Field(max_length=16)] | None = None
    """Pairs that are kept with the response."""
    store: bool | None = None
    """Whether it can be fetched again; it can unless this is false."""
    stream: bool | None = None
    """Whether the answer comes in pieces."""

    # What else OpenAI's description of CreateResponse names, and the newest SDK sends.
    ignored: ClassVar[frozenset[str]] = frozenset({
        "background", "background_options", "context_management", "conversation", "max_tool_calls",
        "moderation", "prompt", "prompt_cache_key", "prompt_cache_options",
        "prompt_cache_retention", "safety_identifier", "service_tier", "stream_options",
        "truncation", "user",
    })  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """A checked request."""

    asked: Asked
    """The call that it makes."""
    turns: tuple[Message, ...]
    """The conversation without the instructions, for a response that goes on from it."""


LOGPROBS = "message.output_text.logprobs"
"""The word of `include` that asks for probabilities."""


def requested(body: ResponseBody, before: Sequence[Message]) -> Requested:
    """Read a request that goes on from an earlier conversation, which may be empty.

    Raises:
        WireError: A parameter is wrong.
    """
    shape = None if body.text is None else body.text.format
    output = None
    if shape is not None and shape.type == "json_schema":
        if shape.schema_ is None:
            raise invalid(
                "text.format.schema",
                "Missing required parameter: 'text.format.schema'.",
                code="missing_required_parameter",
            )
        if shape.strict:
            check_strict(
                shape.schema_,
                name=shape.name,
                param="text.format.schema",
                code="invalid_json_schema",
            )
        output = output_type(shape.schema_, name=shape.name)
    turns = (*before, *_turns(body.input))
    told = () if body.instructions is None else (Message.system(body.instructions),)
    return Requested(
        asked=Asked(
            model=ModelId(body.model),
            messages=(*told, *turns),
            options=_options(body),
            output=output,
            any_object=shape is not None and shape.type == "json_object",
        ),
        turns=turns,
    )


def _options(body: ResponseBody) -> ChatOptions:
    choice = body.tool_choice
    effort = None if body.reasoning is None else body.reasoning.effort
    wanted = LOGPROBS in (body.include or ()) or body.top_logprobs is not None
    return ChatOptions(
        temperature=body.temperature,
        top_p=body.top_p,
        max_output_tokens=body.max_output_tokens,
        logprobs=(body.top_logprobs or 0) if wanted else None,
        reasoning_effort=effort_of(effort, param="reasoning.effort"),
        tools=tuple(
            # Functions are strict here unless the request says otherwise.
            tool_of(
                one.name,
                one.description,
                one.parameters,
                strict=one.strict,
                param=f"tools[{number}].parameters",
            )
            for number, one in enumerate(body.tools or ())
        ),
        tool_choice=ToolName(name=choice.name) if isinstance(choice, _Choice) else choice or "auto",
        parallel_tool_calls=body.parallel_tool_calls,
    )


def _turns(given: str | list[_Item]) -> tuple[Message, ...]:
    if isinstance(given, str):
        return (Message.user(given),)
    return tuple(_turn(one, place) for place, one in enumerate(given))


def _turn(one: _Item, place: int) -> Message:
    if one.type == "function_call":
        call = ToolCall(
            id=_given(one.call_id, place, "call_id"),
            name=_given(one.name, place, "name"),
            arguments=_given(one.arguments, place, "arguments"),
        )
        return Message(role="assistant", tool_calls=(call,))
    if one.type == "function_call_output":
        output = _given(one.output, place, "output")
        return Message.tool(output, tool_call_id=_given(one.call_id, place, "call_id"))
    role: Role = _given(one.role, place, "role")
    content = one.content
    if content is None or isinstance(content, str):
        return Message(role=role, content=_given(content, place, "content"))
    return Message(role=role, content=tuple(_part(part) for part in content))


def _given(value: T | None, place: int, name: str) -> T:
    if value is None:
        param = f"input[{place}].{name}"
        message = f"Missing required parameter: {param!r}."
        raise invalid(param, message, code="missing_required_parameter")
    return value


def _part(part: _Content) -> Part:
    if part.type == "input_image" and part.image_url is not None:
        return ImagePart(url=part.image_url, detail=part.detail)
    return TextPart(text=part.text or part.refusal)
