"""Chat and embeddings against the wire app: both clouds, both surfaces, and the fake behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from random import Random

import httpx2
import numpy as np
import pytest
from pydantic import BaseModel

from tailorbird._http import HttpSettings
from tailorbird._openai_sdk.chat.calls import ChatDialect
from tailorbird._openai_sdk.chat.chat import SdkChat
from tailorbird._openai_sdk.connection import Connection
from tailorbird._openai_sdk.embeddings import EmbeddingLimits, SdkEmbeddings
from tailorbird._openai_sdk.endpoint import Endpoint
from tailorbird._openai_sdk.model_traits import traits_of
from tailorbird.exceptions import InvalidInputError, NotFoundError
from tailorbird.providers.fake import FakeProvider, FakeSettings, VirtualClock
from tailorbird.retry import Retrier, RetryBudget, RetryPolicy
from tailorbird.testing.wire import WireApp, wire_app
from tailorbird.types import ChatOptions, FinishReason, Message, ModelId, Tool, ToolName
from tailorbird.types.secrets import Secret

ASK = [
    Message.system("短く答えてください。"),
    Message.user("大阪へ新幹線で14,720円、宿泊は「ホテルさくら🌸」で9,800円。"),
]
WEATHER = Tool(
    name="look_up_weather",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}},
)
CASES = {
    "openai, chat completions": ("openai", "/v1", "chat-completions"),
    "openai, responses": ("openai", "/v1", "responses"),
    "azure, chat completions": ("azure", "/openai/v1", "chat-completions"),
    "azure, responses": ("azure", "/openai/v1", "responses"),
}


class Claim(BaseModel):
    """A claim."""

    destination: str
    yen: int
    parts: list[str]


@dataclass
class Side:
    """Our side, and what stands behind the wire."""

    fake: FakeProvider
    app: WireApp
    chat: SdkChat
    embeddings: SdkEmbeddings
    surface: str

    @property
    def model(self) -> ModelId:
        """The model or deployment for chat."""
        return self.fake.roles["chat"].callable_id

    @property
    def reasons(self) -> bool:
        """Whether the model for chat reasons."""
        return not traits_of(self.fake.roles["chat"].model).sampling

    @property
    def embedder(self) -> ModelId:
        """The model or deployment for embeddings."""
        return self.fake.roles["embedding"].callable_id


@pytest.fixture(params=CASES)
async def side(request: pytest.FixtureRequest) -> AsyncIterator[Side]:
    """Both sides, in this process."""
    flavor, base, surface = CASES[request.param]
    clock = VirtualClock()
    fake = FakeProvider(FakeSettings(flavor=flavor), clock=clock)
    async with fake, wire_app(fake) as app:
        connection = Connection(
            Endpoint(
                provider=flavor,
                base_url=f"http://localhost{base}",
                key=Secret("test-key", source="test"),
            ),
            retrier=Retrier(RetryPolicy(), clock, Random(7), RetryBudget(100)),  # noqa: S311 - spreads waits
            http=HttpSettings(),
            transport=httpx2.ASGITransport(app=app),
        )
        await connection.open()
        names = {role.callable_id: role.model for role in fake.roles.values()}
        chat = SdkChat(
            connection,
            capabilities=fake.capabilities,
            traits=lambda name: traits_of(names.get(name, name)),
            model_of=names.get,
            dialect=ChatDialect(surface=surface, obfuscation=flavor == "openai"),
        )
        embeddings = SdkEmbeddings(connection, capabilities=fake.capabilities, model_of=names.get)
        yield Side(fake, app, chat, embeddings, surface)
        await connection.close()


async def test_answer_is_the_one_behind_the_wire(side: Side) -> None:
    """Text, reason and counts come over as the fake gave them, without a warning."""
    reply = await side.chat.complete(ASK, model=side.model)
    direct = await side.fake.chat.complete(ASK, model=side.model)
    assert (reply.text, reply.finish_reason) == (direct.text, direct.finish_reason)
    assert reply.usage == direct.usage
    assert reply.warnings == ()
    assert reply.request_id
    assert {"chat-completions": "chat", "responses": "responses"}[side.surface] in str(
        side.app.seen[0].path
    )


async def test_stream_is_the_answer(side: Side) -> None:
    """The pieces of a stream are the answer, with Azure's oddities around them."""
    async with side.chat.stream(ASK, model=side.model) as stream:
        pieces = [piece async for piece in stream]
    reply, whole = stream.reply(), await side.chat.complete(ASK, model=side.model)
    assert "".join(piece.text for piece in pieces) == reply.text == whole.text
    assert len(pieces) > 2
    assert [piece.finish_reason for piece in pieces if piece.finish_reason] == [FinishReason.STOP]
    assert reply.usage == pieces[-1].usage == whole.usage


async def test_form_is_filled(side: Side) -> None:
    """An object and a list come back as what was asked for."""
    reply = await side.chat.complete(ASK, model=side.model, output=Claim)
    assert type(reply.output) is Claim
    assert Claim.model_validate_json(reply.text) == reply.output
    many = await side.chat.complete(ASK, model=side.model, output=list[Claim])
    assert {type(one) for one in many.output} <= {Claim}


async def test_function_is_called_and_answered(side: Side) -> None:
    """A call comes over whole and in pieces, and its answer goes back."""
    effort = "none" if side.surface == "chat-completions" and side.reasons else None
    free = ChatOptions(tools=(WEATHER,), reasoning_effort=effort)
    options = free.model_copy(update={"tool_choice": ToolName(name=WEATHER.name)})
    reply = await side.chat.complete(ASK, model=side.model, options=options)
    [call] = reply.tool_calls
    assert (call.name, reply.finish_reason) == (WEATHER.name, FinishReason.TOOL_CALLS)
    async with side.chat.stream(ASK, model=side.model, options=options) as stream:
        deltas = [delta async for piece in stream for delta in piece.tool_calls]
    assert "".join(delta.arguments for delta in deltas) == call.arguments
    assert stream.reply().tool_calls[0].name == WEATHER.name
    answered = [
        *ASK,
        Message(role="assistant", tool_calls=(call,)),
        Message.tool("雨、摂氏12度", tool_call_id=call.id),
    ]
    assert (await side.chat.complete(answered, model=side.model, options=free)).text


async def test_answer_is_cut_at_its_limit(side: Side) -> None:
    """The limit reaches the model under the name of each surface."""
    story = [Message.user("Tell in two hundred words how a bird sews leaves into a nest. " * 5)]
    options = ChatOptions(max_output_tokens=16)
    reply = await side.chat.complete(story, model=side.model, options=options)
    assert reply.finish_reason is FinishReason.LENGTH


async def test_probabilities_come_over(side: Side) -> None:
    """Each token has its logarithm and alternatives."""
    options = ChatOptions(logprobs=2, reasoning_effort="none" if side.reasons else None)
    reply = await side.chat.complete(ASK, model=side.model, options=options)
    assert reply.logprobs is not None
    assert "".join(one.token for one in reply.logprobs) == reply.text
    assert {len(one.alternatives) for one in reply.logprobs} == {2}


async def test_unknown_model_is_not_found(side: Side) -> None:
    """Both clouds' ways of saying so are understood."""
    with pytest.raises(NotFoundError):
        await side.chat.complete(ASK, model=ModelId("no-such-model"))
    with pytest.raises(NotFoundError):
        async with side.chat.stream(ASK, model=ModelId("no-such-model")):
            raise AssertionError


async def test_vectors_are_the_ones_behind_the_wire(side: Side) -> None:
    """Vectors come over bit by bit, in order, in as many requests as the limits ask for."""
    texts = [f"{number}番の本" for number in range(2100)]
    result = await side.embeddings.embed(texts, model=side.embedder)
    direct = await side.fake.embeddings.embed(texts, model=side.embedder)
    np.testing.assert_allclose(result.vectors, direct.vectors, atol=1e-6)
    assert result.usage == direct.usage
    assert [one.operation for one in side.app.seen] == ["embeddings.embed"] * 2


async def test_vectors_come_as_numbers_too(side: Side) -> None:
    """Without base64 the same vectors come."""
    texts, model = ["交通費の精算", "出張"], side.embedder
    plain = SdkEmbeddings(
        side.embeddings._connection,  # noqa: SLF001 - the same account, another dialect
        capabilities=side.fake.capabilities,
        limits=EmbeddingLimits(base64=False),
    )
    numbers = await plain.embed(texts, model=model, dimensions=256)
    packed = await side.embeddings.embed(texts, model=model, dimensions=256)
    np.testing.assert_allclose(numbers.vectors, packed.vectors, atol=1e-6)


async def test_wrong_width_is_refused_here(side: Side) -> None:
    """What the model does not offer is not asked of the server."""
    with pytest.raises(InvalidInputError):
        await side.embeddings.embed(["a"], model=side.embedder, dimensions=100_000)
    assert len(side.app.seen) == 0
