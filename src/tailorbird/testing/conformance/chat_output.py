"""Clauses `C20` to `C32`: answers of a given form, tool calls and probabilities."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pytest
from pydantic import BaseModel, ConfigDict, TypeAdapter, with_config
from typing_extensions import TypedDict

from tailorbird.exceptions import OutputInvalidError, UnsupportedError
from tailorbird.testing.conformance.clauses import clause, lacks, needs
from tailorbird.testing.conformance.trial import SuiteOptions, Trial
from tailorbird.types import (
    Capability,
    ChatOptions,
    Message,
    Tool,
    ToolName,
)

if TYPE_CHECKING:
    from tailorbird.protocols import Provider
    from tailorbird.types import ModelId, ToolCall

CLAIM = (
    Message.system("You fill in forms from what people write."),
    Message.user(
        "大阪へ新幹線で14,720円、宿泊は「ホテルさくら🌸」で9,800円。領収書は二枚とも有ります。"
    ),
)
WEATHER = Tool(
    name="look_up_weather",
    description="Gives the weather of a city.",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
)
RAIN = (Message.user("Use the tool to say what the weather in 金沢 is."),)


class Item(BaseModel):
    """One line of an expense claim."""

    kind: Literal["transport", "lodging", "other"]
    """What the money was spent on."""
    yen: int
    """Amount in yen."""
    note: str | None
    """Remark; None when there is none."""


class Claim(BaseModel):
    """A travel-expense claim."""

    destination: str
    """Where the journey went."""
    items: list[Item]
    """What was paid."""
    receipts: bool
    """Whether receipts are there."""


@dataclass(frozen=True)
class Trip:
    """A journey, as a dataclass."""

    destination: str
    """Where it went."""
    nights: int
    """How many nights it took."""


@with_config(ConfigDict(extra="forbid"))
class Stay(TypedDict):
    """A night, as a typed dictionary."""

    hotel: str
    """Name of the house."""
    yen: int
    """Amount in yen."""


class ChatOutputConformance:
    """How `Chat` gives structured output, tool calls and probabilities; needs `provider`."""

    options = SuiteOptions()

    @clause("C20")
    async def test_output_is_a_model(self, provider: Provider) -> None:
        """With a pydantic model the output is an instance of it, and the text is its JSON."""
        needs(provider, Capability.CHAT, Capability.CHAT_STRUCTURED)
        async with Trial(provider, self.options) as trial:
            reply = await provider.chat.complete(CLAIM, model=trial.model("chat"), output=Claim)
            assert type(reply.output) is Claim
            assert Claim.model_validate_json(reply.text) == reply.output

    @clause("C21")
    async def test_output_is_a_dataclass(self, provider: Provider) -> None:
        """With a dataclass the output is an instance of it."""
        needs(provider, Capability.CHAT, Capability.CHAT_STRUCTURED)
        async with Trial(provider, self.options) as trial:
            reply = await provider.chat.complete(CLAIM, model=trial.model("chat"), output=Trip)
            assert type(reply.output) is Trip
            assert TypeAdapter(Trip).validate_json(reply.text) == reply.output

    @clause("C22")
    async def test_output_is_a_typed_dictionary(self, provider: Provider) -> None:
        """With a typed dictionary the output is a dictionary of that form."""
        needs(provider, Capability.CHAT, Capability.CHAT_STRUCTURED)
        async with Trial(provider, self.options) as trial:
            reply = await provider.chat.complete(CLAIM, model=trial.model("chat"), output=Stay)
            assert TypeAdapter(Stay).validate_python(reply.output, strict=True) == reply.output

    @clause("C23")
    async def test_output_is_a_list(self, provider: Provider) -> None:
        """With a list of models the output is a list of instances."""
        needs(provider, Capability.CHAT, Capability.CHAT_STRUCTURED)
        async with Trial(provider, self.options) as trial:
            reply = await provider.chat.complete(
                CLAIM, model=trial.model("chat"), output=list[Item]
            )
            assert type(reply.output) is list
            assert {type(item) for item in reply.output} <= {Item}

    @clause("C24")
    async def test_cut_output_is_invalid(self, provider: Provider) -> None:
        """Structured output that is cut off raises `OutputInvalidError` with the text so far."""
        needs(provider, Capability.CHAT, Capability.CHAT_STRUCTURED)
        async with Trial(provider, self.options) as trial:
            with pytest.raises(OutputInvalidError) as caught:
                await provider.chat.complete(
                    CLAIM,
                    model=trial.model("chat"),
                    output=Claim,
                    options=ChatOptions(max_output_tokens=2),
                )
            assert caught.value.text not in str(caught.value) or not caught.value.text

    @clause("C25")
    async def test_missing_output_is_unsupported(self, provider: Provider) -> None:
        """Where structured output is not offered, asking for it raises `UnsupportedError`."""
        needs(provider, Capability.CHAT)
        lacks(provider, Capability.CHAT_STRUCTURED)
        async with Trial(provider, self.options) as trial:
            with pytest.raises(UnsupportedError):
                await provider.chat.complete(CLAIM, model=trial.model("chat"), output=Claim)

    @clause("C26")
    async def test_tool_is_called(self, provider: Provider) -> None:
        """A model that must call a function calls it, with an id and a JSON object."""
        needs(provider, Capability.CHAT, Capability.CHAT_TOOLS)
        async with Trial(provider, self.options) as trial:
            [call] = await calls_of(provider, trial.model("chat"))
            assert call.id
            assert call.name == WEATHER.name
            assert isinstance(json.loads(call.arguments)["city"], str)

    @clause("C27")
    async def test_tool_is_answered(self, provider: Provider) -> None:
        """After the answer of the function the model answers with text."""
        needs(provider, Capability.CHAT, Capability.CHAT_TOOLS)
        async with Trial(provider, self.options) as trial:
            model = trial.model("chat")
            [call] = await calls_of(provider, model)
            messages = [
                *RAIN,
                Message(role="assistant", tool_calls=(call,)),
                Message.tool("雨、摂氏12度", tool_call_id=call.id),
            ]
            reply = await provider.chat.complete(
                messages, model=model, options=ChatOptions(tools=(WEATHER,))
            )
            assert reply.text.strip()
            assert reply.tool_calls == ()

    @clause("C28")
    async def test_tool_is_left_alone(self, provider: Provider) -> None:
        """A model that may call no function answers with text."""
        needs(provider, Capability.CHAT, Capability.CHAT_TOOLS)
        async with Trial(provider, self.options) as trial:
            options = ChatOptions(tools=(WEATHER,), tool_choice="none")
            reply = await provider.chat.complete(RAIN, model=trial.model("chat"), options=options)
            assert reply.text.strip()
            assert reply.tool_calls == ()

    @clause("C29")
    async def test_tool_call_is_streamed(self, provider: Provider) -> None:
        """The pieces of a streamed tool call, joined, are the call of the reply."""
        needs(provider, Capability.CHAT, Capability.CHAT_TOOLS, Capability.CHAT_STREAM)
        options = ChatOptions(tools=(WEATHER,), tool_choice=ToolName(name=WEATHER.name))
        async with (
            Trial(provider, self.options) as trial,
            provider.chat.stream(RAIN, model=trial.model("chat"), options=options) as stream,
        ):
            pieces = [piece async for chunk in stream for piece in chunk.tool_calls]
            [call] = stream.reply().tool_calls
            assert {piece.index for piece in pieces} == {0}
            assert [piece.id for piece in pieces if piece.id is not None] == [call.id]
            assert [piece.name for piece in pieces if piece.name is not None] == [call.name]
            assert "".join(piece.arguments for piece in pieces) == call.arguments

    @clause("C30")
    async def test_missing_tools_are_unsupported(self, provider: Provider) -> None:
        """Where tools are not offered, giving one raises `UnsupportedError`."""
        needs(provider, Capability.CHAT)
        lacks(provider, Capability.CHAT_TOOLS)
        async with Trial(provider, self.options) as trial:
            with pytest.raises(UnsupportedError):
                await calls_of(provider, trial.model("chat"))

    @clause("C31")
    async def test_probabilities_are_given(self, provider: Provider) -> None:
        """Probabilities that were asked for are logarithms of at most 0, one a token, in order."""
        needs(provider, Capability.CHAT, Capability.CHAT_LOGPROBS)
        async with Trial(provider, self.options) as trial:
            reply = await provider.chat.complete(
                CLAIM, model=trial.sampling_model, options=ChatOptions(logprobs=2)
            )
            assert reply.logprobs
            assert "".join(token.token for token in reply.logprobs) == reply.text
            for token in reply.logprobs:
                assert len(token.alternatives) <= 2  # noqa: PLR2004 - asked for above
                for logarithm in (token.logprob, *token.alternatives.values()):
                    assert math.isfinite(logarithm)
                    assert logarithm <= 0

    @clause("C32")
    async def test_missing_probabilities_are_unsupported(self, provider: Provider) -> None:
        """Where probabilities are not offered, asking for them raises `UnsupportedError`."""
        needs(provider, Capability.CHAT)
        lacks(provider, Capability.CHAT_LOGPROBS)
        async with Trial(provider, self.options) as trial:
            with pytest.raises(UnsupportedError):
                await provider.chat.complete(
                    CLAIM, model=trial.model("chat"), options=ChatOptions(logprobs=0)
                )


async def calls_of(provider: Provider, model: ModelId) -> tuple[ToolCall, ...]:
    """Give the tool calls of a model that must call the function."""
    options = ChatOptions(tools=(WEATHER,), tool_choice=ToolName(name=WEATHER.name))
    return (await provider.chat.complete(RAIN, model=model, options=options)).tool_calls
