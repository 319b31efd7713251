"""What a response is asked for with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, JsonValue

from tailorbird.testing._wire.bodies import WireModel, invalid
from tailorbird.testing._wire.chat.asking import Asked
from tailorbird.testing._wire.chat.items import Entry, Item, said_by_user
from tailorbird.testing._wire.chat.request import effort_of, tool_of
from tailorbird.testing._wire.schemas import check_strict, output_type, told_form
from tailorbird.testing._wire.vector_stores.request import Ranking
from tailorbird.types.chat import ChatOptions, Message, ToolName
from tailorbird.types.ids import ModelId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.types.chat import Tool


class AskedTool(WireModel):
    """A function that may be called, or a search that may be made."""

    type: Literal["function", "file_search"]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None
    description: str | None = None
    parameters: dict[str, JsonValue] | None = None
    strict: bool | None = None
    vector_store_ids: Annotated[list[str], Field(min_length=1)] | None = None
    max_num_results: Annotated[int, Field(ge=1, le=50)] | None = None
    ranking_options: Ranking | None = None
    filters: dict[str, JsonValue] | None = None


class _Choice(WireModel):
    type: Literal["function", "file_search", "allowed_tools"]
    name: str = ""
    mode: Literal["auto", "required"] = "auto"
    tools: list[dict[str, JsonValue]] | None = None


class _Format(WireModel):
    type: Literal["text", "json_object", "json_schema"]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = "response"
    schema_: dict[str, JsonValue] | None = Field(default=None, alias="schema")
    strict: bool | None = None


class _Text(WireModel):
    format: _Format | None = None


class _Reasoning(WireModel):
    effort: str | None = None


class _Conversation(WireModel):
    id: str


class Prompted(WireModel):
    """What a response and the count of its tokens have in common."""

    instructions: str | None = None
    """What stands before the conversation."""
    text: _Text | None = None
    """Form of the answer."""
    reasoning: _Reasoning | None = None
    """How to think."""
    tools: list[AskedTool] | None = None
    """Functions the model may ask for, and searches in vector stores."""
    tool_choice: Literal["auto", "none", "required"] | _Choice | None = None
    """Whether it must call one."""
    parallel_tool_calls: bool | None = None
    """Whether one answer may hold several calls."""
    previous_response_id: str | None = None
    """The stored response that this one goes on from."""
    conversation: str | _Conversation | None = None
    """The stored conversation that it goes on with, and becomes a part of."""

    @property
    def conversation_id(self) -> str | None:
        """The id of the conversation; None without one."""
        given = self.conversation
        return given.id if isinstance(given, _Conversation) else given


class TokensBody(Prompted):
    """Body of `POST /responses/input_tokens`."""

    model: str | None = None
    """Model or deployment."""
    input: str | list[Item] | None = None
    """What is said, or the items of the conversation."""

    ignored: ClassVar[frozenset[str]] = frozenset({"personality", "truncation"})


class ResponseBody(Prompted):
    """Body of `POST /responses`."""

    model: str
    """Model or deployment."""
    input: str | Annotated[list[Item], Field(min_length=1)]
    """What is said, or the items of the conversation."""
    max_output_tokens: Annotated[int, Field(ge=16)] | None = None
    """Longest answer."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    """Randomness."""
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of probability mass."""
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    """How many alternatives of each token to report."""
    include: list[str] | None = None
    """What else to send; here the probabilities of the tokens and what a search found."""
    metadata: Annotated[dict[str, str], Field(max_length=16)] | None = None
    """Pairs that are kept with the response."""
    store: bool | None = None
    """Whether it can be fetched again; it can unless this is false."""
    background: bool | None = None
    """Whether the answer is fetched later."""
    stream: bool | None = None
    """Whether the answer comes in pieces."""

    # What else OpenAI's description of CreateResponse names, and the newest SDK sends.
    ignored: ClassVar[frozenset[str]] = frozenset({
        "access_programs", "background_options", "context_management", "image", "max_tool_calls",
        "moderation", "prompt", "prompt_cache_key", "prompt_cache_options",
        "prompt_cache_retention", "safety_identifier", "service_tier", "stream_options",
        "truncation", "user",
    })  # fmt: skip

    @property
    def searches(self) -> list[AskedTool]:
        """The searches in vector stores that it may make."""
        if self.tool_choice == "none":
            return []
        return [one for one in self.tools or () if one.type == "file_search"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """A checked request."""

    asked: Asked
    """The call that it makes."""
    entries: tuple[Entry, ...]
    """The conversation before it and what it adds, without the instructions."""
    own: tuple[Entry, ...]
    """What it adds."""


LOGPROBS = "message.output_text.logprobs"
"""The word of `include` that asks for probabilities."""


def items_of(given: str | list[Item] | None) -> list[Item]:
    """Give the items that an input stands for."""
    return [said_by_user(given)] if isinstance(given, str) else given or []


def turns_of(instructions: str | None, entries: Sequence[Entry]) -> tuple[Message, ...]:
    """Give what a model reads of a conversation."""
    told = () if instructions is None else (Message.system(instructions),)
    return (*told, *(one.turn for one in entries if one.turn is not None))


def requested(body: ResponseBody, before: Sequence[Entry], own: tuple[Entry, ...]) -> Requested:
    """Read a request that adds items to an earlier conversation, which may be empty.

    Raises:
        WireError: A parameter is wrong.
    """
    shape = None if body.text is None else body.text.format
    entries = (*before, *own)
    messages = turns_of(body.instructions, entries)
    any_object = shape is not None and shape.type == "json_object"
    return Requested(
        asked=Asked(
            model=ModelId(body.model),
            messages=messages,
            options=_options(body),
            output=told_form(one.text for one in messages) if any_object else _output(shape),
            any_object=any_object,
        ),
        entries=entries,
        own=own,
    )


def _output(shape: _Format | None) -> type[object] | None:
    if shape is None or shape.type != "json_schema":
        return None
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
    return output_type(shape.schema_, name=shape.name)


def _options(body: ResponseBody) -> ChatOptions:
    effort = None if body.reasoning is None else body.reasoning.effort
    wanted = LOGPROBS in (body.include or ()) or body.top_logprobs is not None
    tools = tuple(
        # Functions are strict here unless the request says otherwise.
        tool_of(
            _name(one, number),
            one.description,
            one.parameters,
            strict=one.strict,
            param=f"tools[{number}].parameters",
        )
        for number, one in enumerate(body.tools or ())
        if one.type == "function"
    )
    tools, choice = _chosen(body, tools)
    return ChatOptions(
        temperature=body.temperature,
        top_p=body.top_p,
        max_output_tokens=body.max_output_tokens,
        logprobs=(body.top_logprobs or 0) if wanted else None,
        reasoning_effort=effort_of(effort, param="reasoning.effort"),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=body.parallel_tool_calls,
    )


def _name(tool: AskedTool, number: int) -> str:
    if tool.name is None:
        param = f"tools[{number}].name"
        message = f"Missing required parameter: {param!r}."
        raise invalid(param, message, code="missing_required_parameter")
    return tool.name


def _chosen(
    body: ResponseBody, tools: tuple[Tool, ...]
) -> tuple[tuple[Tool, ...], Literal["auto", "none", "required"] | ToolName]:
    """Give the functions that may be called, and whether one must be.

    A search is made in any case, so where there is one no function must be called besides.
    """
    choice = body.tool_choice or "auto"
    if isinstance(choice, _Choice):
        if choice.type == "function":
            return tools, ToolName(name=choice.name)
        if choice.type == "file_search":
            return tools, "auto"
        names = [one.get("name") for one in choice.tools or ()]
        tools, choice = tuple(one for one in tools if one.name in names), choice.mode
    return tools, "auto" if choice == "required" and body.searches else choice
