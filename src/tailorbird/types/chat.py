"""Conversations: what is sent to a model and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Generic, Literal, TypeAlias

from pydantic import AfterValidator, Field, JsonValue
from typing_extensions import TypeVar

from tailorbird.types.base import Frozen, SaidText, without_halves
from tailorbird.types.ids import ModelId
from tailorbird.types.usage import Usage

Role = Literal["system", "developer", "user", "assistant", "tool"]
"""Who speaks."""

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
"""How long a reasoning model may think; which words a model takes is data of its provider."""


class TextPart(Frozen):
    """A piece of text within a message."""

    type: Literal["text"] = "text"
    """Tells the parts apart."""
    text: str
    """The text."""


class ImagePart(Frozen):
    """An image within a user's message."""

    type: Literal["image"] = "image"
    """Tells the parts apart."""
    url: str
    """Address of the image, or a `data:` URL with its content."""
    detail: Literal["auto", "low", "high"] = "auto"
    """How closely the model looks."""


Part = Annotated[TextPart | ImagePart, Field(discriminator="type")]
"""A piece of a message, told apart by `type`."""


class ToolCall(Frozen):
    """A model's wish to have a function called."""

    id: str
    """Links the call to the tool message that answers it."""
    name: str
    """Name of the function."""
    arguments: str
    """The arguments as the model wrote them: JSON text that may be wrong; check before use."""


class Message(Frozen):
    """One turn of a conversation."""

    role: Role
    """Who speaks."""
    content: str | tuple[Part, ...] | None = None
    """What is said; None only on an assistant's message that calls tools or refuses."""
    name: str | None = None
    """Tells speakers of one role apart."""
    tool_calls: tuple[ToolCall, ...] = ()
    """What an assistant's message wants called."""
    tool_call_id: str | None = None
    """On a tool's message: the call it answers."""
    refusal: str | None = None
    """On an assistant's message: its words of refusal."""

    @classmethod
    def system(cls, content: str) -> Message:
        """Make an instruction."""
        return cls(role="system", content=content)

    @classmethod
    def user(cls, content: str | tuple[Part, ...]) -> Message:
        """Make a user's turn."""
        return cls(role="user", content=content)

    @classmethod
    def assistant(cls, content: str) -> Message:
        """Make an assistant's turn."""
        return cls(role="assistant", content=content)

    @classmethod
    def tool(cls, content: str, *, tool_call_id: str) -> Message:
        """Make the answer to a tool call."""
        return cls(role="tool", content=content, tool_call_id=tool_call_id)

    @property
    def text(self) -> str:
        """The text of the content, its parts joined; images leave nothing."""
        if self.content is None:
            return ""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content if isinstance(part, TextPart))


class Tool(Frozen):
    """A function that a model may ask to have called."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    """1 to 64 letters, digits, `_`, `-`."""
    description: str = ""
    """When and what for the model should call it."""
    parameters: Mapping[str, JsonValue] = Field(default_factory=dict)
    """JSON schema of the arguments; empty for a function without any."""
    strict: bool | None = None
    """Whether the model must follow the schema to the letter; None takes the provider's default."""


class ToolName(Frozen):
    """The one function a model must call."""

    name: str
    """Name of the function."""


class ChatOptions(Frozen):
    """How to answer. None leaves a value to the provider, and it is not sent.

    Which of these a model takes is data of its provider: reasoning models refuse `temperature`,
    `top_p`, `logprobs` and `stop`. Giving one that the model cannot take raises `UnsupportedError`
    before anything is sent.
    """

    temperature: float | None = Field(default=None, ge=0, le=2)
    """Randomness, 0..2."""
    top_p: float | None = Field(default=None, ge=0, le=1)
    """Share of probability mass that is drawn from, 0..1."""
    max_output_tokens: int | None = Field(default=None, ge=1)
    """Longest answer in tokens, reasoning included, at least 1."""
    stop: tuple[str, ...] = Field(default=(), max_length=4)
    """At most 4 texts that end the answer; they are not part of it."""
    seed: int | None = None
    """For answers that can be repeated, as far as the provider keeps that."""
    logprobs: int | None = Field(default=None, ge=0, le=20)
    """How many alternatives to report for each token, 0..20; None reports no probabilities."""
    reasoning_effort: ReasoningEffort | None = None
    """How long to think."""
    tools: tuple[Tool, ...] = ()
    """Functions the model may ask for."""
    tool_choice: Literal["auto", "required", "none"] | ToolName = "auto"
    """Whether it must call one: a word, or the one it must call."""
    parallel_tool_calls: bool | None = None
    """Whether one answer may hold several calls."""


class FinishReason(StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"
    OTHER = "other"
    """A word this version does not know; it stands in `raw_finish_reason`."""

    @classmethod
    def parse(cls, word: str) -> FinishReason:
        """Read a provider's word; one that is not known becomes `OTHER`."""
        known = {member.value: member for member in cls if member is not cls.OTHER}
        return known.get(word, cls.OTHER)


class TokenLogprob(Frozen):
    """How probable a token of the answer was."""

    token: SaidText
    """The token's text."""
    logprob: float
    """Natural logarithm of its probability, at most 0."""
    alternatives: Mapping[str, float] = Field(default_factory=dict)
    """Other tokens at this place with their logarithms."""


T = TypeVar("T", default=None)


def _said_call(call: ToolCall) -> ToolCall:
    """Mend what a model wrote; in a message of the user's own, providers refuse it instead."""
    arguments = without_halves(call.arguments)
    # Compared by identity: an answer without such a half, which is nearly each, makes no copy.
    if arguments is call.arguments:
        return call
    return call.model_copy(update={"arguments": arguments})


class Reply(Frozen, Generic[T]):
    """A complete answer.

    `Reply[None]` is plain text; `Reply[T]` carries the structured output in `output`. Where the
    model's words hold half of a surrogate pair, U+FFFD stands in its place.
    """

    text: SaidText
    """What the model said; empty when it only calls tools."""
    output: T
    """The structured output, of the type that was asked for; None when none was."""
    tool_calls: tuple[Annotated[ToolCall, AfterValidator(_said_call)], ...] = ()
    """What the model wants called."""
    refusal: SaidText | None = None
    """The model's words when it declined; None when it did not."""
    finish_reason: FinishReason = FinishReason.STOP
    """Why the answer ended."""
    raw_finish_reason: str = "stop"
    """The provider's own word."""
    model: ModelId
    """The model that answered, as the provider names it."""
    usage: Usage | None = None
    """Tokens used; None when the provider did not say."""
    logprobs: tuple[TokenLogprob, ...] | None = None
    """Probabilities of the tokens; None when not asked for or not offered."""
    id: str = ""
    """The provider's id of the answer."""
    request_id: str | None = None
    """The provider's id of the request, for its support."""
    warnings: tuple[str, ...] = ()
    """What looked odd, such as an answer by another model family than the one asked."""


# Pydantic makes a class for each parameter, which takes longer than making a reply, and forgets it
# with the last reply of it; those that are made for every answer are kept.
PlainReply: TypeAlias = Reply[None]
"""A reply of text."""

AnyReply: TypeAlias = Reply[object]
"""A reply whose output has a type that is not looked at."""


class ToolCallDelta(Frozen):
    """A piece of a tool call; pieces of one `index` belong together, arguments are joined."""

    index: int = Field(ge=0)
    """Which call of the answer this piece belongs to, from 0."""
    id: str | None = None
    """The call's id; on its first piece only."""
    name: str | None = None
    """The function's name; on its first piece only."""
    arguments: SaidText = ""
    """The next piece of the arguments."""


class ChatChunk(Frozen):
    """A piece of a streamed answer."""

    text: SaidText = ""
    """The next piece of text; may be empty."""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    """Pieces of tool calls."""
    refusal: SaidText | None = None
    """The next piece of a refusal."""
    finish_reason: FinishReason | None = None
    """Why the answer ended; None until it has."""
    usage: Usage | None = None
    """Tokens used; at most on one of the last pieces."""
