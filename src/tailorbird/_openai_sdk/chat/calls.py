"""A chat call before it is sent: what is asked, of whom, in which dialect, on which surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tailorbird.exceptions import UnsupportedError

if TYPE_CHECKING:
    from tailorbird._openai_sdk.chat.structured import OutputForm
    from tailorbird.types.chat import ChatOptions, Message
    from tailorbird.types.ids import ModelId
    from tailorbird.types.models import ModelTraits

SurfaceName = Literal["chat-completions", "responses"]
"""The two ways to ask a model."""

ChatOperation = Literal["chat.complete", "chat.stream", "batches.submit"]
"""What asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatDialect:
    """In which ways a server differs from OpenAI's; the defaults are OpenAI's own ways."""

    surface: SurfaceName | None = None
    """The one surface it has; None where the model decides."""
    store: bool = True
    """Whether it knows `store`, by which storing is switched off."""
    stream_usage: bool = True
    """Whether it knows `stream_options.include_usage`."""
    obfuscation: bool = True
    """Whether it knows `stream_options.include_obfuscation`."""
    structured: bool = True
    """Whether it can be held to a JSON schema."""
    developer_role: bool = True
    """Whether it knows the role `developer`; if not, such messages go as `system`."""
    needs_end_mark: bool = True
    """Whether a stream without a finish reason and without `[DONE]` was cut off; false for gateways
    that send neither."""
    default_max_output_tokens: int | None = None
    """Longest answer in tokens when the caller names none: Azure counts this number against the
    rate limit when the call arrives; None sends none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCall:
    """One checked call."""

    operation: ChatOperation
    """What it is, for errors."""
    messages: tuple[Message, ...]
    """The conversation."""
    model: ModelId
    """What the request names as its model."""
    options: ChatOptions
    """How to answer."""
    traits: ModelTraits
    """How the model wants to be called."""
    dialect: ChatDialect
    """In which ways the server differs."""
    form: OutputForm[object] | None = None
    """The form of a structured answer; None for plain text."""

    @property
    def streamed(self) -> bool:
        """Whether the answer comes piece by piece."""
        return self.operation == "chat.stream"

    @property
    def max_output_tokens(self) -> int | None:
        """The longest answer in tokens; None leaves it to the server."""
        return self.options.max_output_tokens or self.dialect.default_max_output_tokens


# OpenAPI document 2.3.0, CreateResponse: `max_output_tokens` has the minimum 16.
_LEAST_RESPONSE_TOKENS = 16


def choose_surface(call: ChatCall, *, provider: str) -> SurfaceName:
    """Decide by data where a call goes.

    The model's own surface, unless something in the call works on the other one only: functions on
    Responses for most models that reason; `stop`, `seed`, names of speakers and very short answers
    on Chat Completions.

    Raises:
        UnsupportedError: The call needs both at once, or what its only surface does not have.
    """
    only_there = _needs_completions(call)
    only = call.dialect.surface or ("responses" if _needs_responses(call) else None)
    if only == "responses" and only_there is not None:
        raise UnsupportedError(
            provider=provider,
            capability=f"chat option {only_there}",
            reason=f"model {call.model!r} is called on Responses here, which does not take it",
            instead="leave it out, or leave out the tools, or ask with reasoning_effort='none'",
        )
    if only is not None:
        return only
    return call.traits.surface if only_there is None else "chat-completions"


def _needs_responses(call: ChatCall) -> bool:
    if not call.options.tools or call.traits.tools == "always":
        return False
    return call.traits.tools == "responses" or call.options.reasoning_effort != "none"


def _needs_completions(call: ChatCall) -> str | None:
    """Give what Responses does not take; None when there is nothing of the kind.

    Source: OpenAPI document 2.3.0, CreateResponse.
    """
    if call.options.stop:
        return "stop"
    if call.options.seed is not None:
        return "seed"
    most = call.options.max_output_tokens
    if most is not None and most < _LEAST_RESPONSE_TOKENS:
        return f"max_output_tokens below {_LEAST_RESPONSE_TOKENS}"
    return "name" if any(message.name is not None for message in call.messages) else None
