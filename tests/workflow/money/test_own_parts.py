"""What a provider of somebody's own gives in place of its promise is told where it comes in."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, cast

import pytest
from typing_extensions import override

from tailorbird import Arm, Budget, QuestionSet, Workbench
from tailorbird.config import Profile
from tailorbird.exceptions import UnexpectedResponseError
from tailorbird.journal import Workspace
from tailorbird.protocols import (
    Batches,
    Chat,
    Deployments,
    Embeddings,
    FineTuningJobs,
    Provider,
)
from tailorbird.providers.fake import FakeProvider
from tailorbird.types import (
    BatchId,
    ChatChunk,
    ChatOptions,
    ChatRequest,
    DeploymentName,
    DeploymentSpec,
    Document,
    DocumentId,
    EmbeddingRequest,
    FileId,
    IndexName,
    JobId,
    Message,
    ModelId,
    Question,
    Reply,
    SearchQuery,
    Supervised,
    ToolCall,
    Usage,
)
from tailorbird.types.jobs import JobSpec
from tailorbird.workbench.spending import metered
from tailorbird.workflow.searching.search import Searcher

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from tailorbird.protocols import Files, Reranker, Retrieval

CHAT = ModelId("fake-chat")
HELLO = [Message.user("How are you?")]
DEPLOYED = DeploymentSpec(model=CHAT, name=DeploymentName("mine"))


class Nothing:
    """A part whose author forgot every `return`."""

    def __getattr__(self, name: str) -> Callable[..., object]:
        async def forget(*_given: object, **_options: object) -> None:
            """Give nothing."""

        def stream(*_given: object, **_options: object) -> None:
            """Give nothing."""

        async def one(*_given: object, **_options: object) -> AsyncIterator[None]:
            yield None

        if name == "stream":
            return stream
        return one if name.endswith("_outcomes") else forget


class Forgetful(FakeProvider):
    """A provider of somebody's own, with parts that give nothing."""

    @property
    @override
    def chat(self) -> Chat:
        return cast("Chat", Nothing())

    @property
    @override
    def embeddings(self) -> Embeddings:
        return cast("Embeddings", Nothing())

    @property
    @override
    def batches(self) -> Batches:
        return cast("Batches", Nothing())

    @property
    @override
    def jobs(self) -> FineTuningJobs:
        return cast("FineTuningJobs", Nothing())

    @property
    @override
    def deployments(self) -> Deployments:
        return cast("Deployments", Nothing())


@asynccontextmanager
async def opened(provider: FakeProvider, budget: Budget | None = None) -> AsyncGenerator[Workbench]:
    """Open a workbench on a provider of somebody's own."""
    profile = Profile(name="fake", provider="fake", budget=budget)
    async with Workbench(provider, profile=profile) as bench:
        yield bench


async def _stream(provider: Provider) -> None:
    async with provider.chat.stream(HELLO, model=CHAT):
        pass


async def _outcomes(provider: Provider) -> None:
    async for _ in provider.batches.chat_outcomes(BatchId("b")):
        pass


async def _vectors(provider: Provider) -> None:
    async for _ in provider.batches.embedding_outcomes(BatchId("b")):
        pass


_CALLS: dict[str, Callable[[Provider], Awaitable[object]]] = {
    "chat.complete": lambda one: one.chat.complete(HELLO, model=CHAT),
    "chat.stream": _stream,
    "embeddings.embed": lambda one: one.embeddings.embed(["a"], model=ModelId("fake-embedding")),
    "batches.submit_chat": lambda one: one.batches.submit_chat(
        [ChatRequest(key="a", messages=tuple(HELLO))], model=CHAT
    ),
    "batches.submit_embeddings": lambda one: one.batches.submit_embeddings(
        [EmbeddingRequest(key="a", text="a")], model=ModelId("fake-embedding")
    ),
    "batches.get": lambda one: one.batches.get(BatchId("b")),
    "batches.cancel": lambda one: one.batches.cancel(BatchId("b")),
    "batches.chat_outcomes": _outcomes,
    "batches.embedding_outcomes": _vectors,
    "jobs.create": lambda one: one.jobs.create(
        JobSpec(model=CHAT, training_file=FileId("f"), method=Supervised())
    ),
    "jobs.get": lambda one: one.jobs.get(JobId("j")),
    "jobs.cancel": lambda one: one.jobs.cancel(JobId("j")),
    "jobs.pause": lambda one: one.jobs.pause(JobId("j")),
    "jobs.resume": lambda one: one.jobs.resume(JobId("j")),
    "deployments.create": lambda one: one.deployments.create(DEPLOYED),
    "deployments.quote": lambda one: one.deployments.quote(DEPLOYED),
    "deployments.get": lambda one: one.deployments.get(DEPLOYED.name),
    "deployments.wait_ready": lambda one: one.deployments.wait_ready(DEPLOYED.name),
}


@pytest.mark.parametrize("operation", sorted(_CALLS))
async def test_a_part_that_gives_nothing_is_named(operation: str) -> None:
    """The error names the provider and the operation, and what came in place of the promise."""
    profile = Profile(name="fake", provider="fake")
    async with Workspace(None) as workspace, metered(Forgetful(), workspace, profile) as provider:
        with pytest.raises(UnexpectedResponseError, match="gave nothing") as raised:
            await _CALLS[operation](provider)
    assert (raised.value.provider, raised.value.operation) == ("fake", operation)


@pytest.mark.parametrize("operation", ["chat.complete", "embeddings.embed", "batches.submit_chat"])
async def test_what_gave_nothing_may_have_been_paid_for(operation: str) -> None:
    """Within a budget, such a call counts or is held at its worst."""
    async with opened(Forgetful(), Budget(usd=Decimal(1_000))) as bench:
        with pytest.raises(UnexpectedResponseError, match="gave nothing"):
            await _CALLS[operation](bench.provider)
        spent = [one.assumed for one in await bench.spending()]
        held = [one.usd for one in await bench.reserved()]
    assert any(spent) or any(held)


class Torn(Nothing):
    """Chat that answers with a text that was cut within a character."""

    reply: object = Reply[None](
        text="半分\ud83d", output=None, model=CHAT, usage=Usage(output_tokens=3)
    )

    async def complete(self, *_given: object, **_options: object) -> object:
        """Give the reply."""
        return self.reply


class Odd(FakeProvider):
    """A provider whose chat gives what it likes."""

    def __init__(self, chat: object) -> None:
        """Answer by this part."""
        super().__init__()
        self._odd = chat

    @property
    @override
    def chat(self) -> Chat:
        return cast("Chat", self._odd)


async def test_half_a_character_of_an_own_provider_loses_no_answer() -> None:
    """A comparison keeps, reports and reads again what was paid for; U+FFFD marks the place."""
    questions = [Question(id="1", text="What?", answers=("半分",))]
    async with opened(Odd(Torn())) as bench:
        arm = Arm(name="base", model=CHAT, options=ChatOptions())
        result = await bench.compare([arm], questions)
        again = await bench.compare([arm], questions)
        kept = (await bench.report(result.data.name)).to_json()
    texts = [one.answer.text for one in (*result.outcomes, *again.outcomes) if one.answer]
    assert texts == ["半分\ufffd"] * 2
    assert "半分\ufffd" in kept


def test_halves_that_belong_together_become_their_character() -> None:
    """What a program cut in two and joined again as code units is whole; user's words are not."""
    call = ToolCall(id="1", name="f", arguments='{"a": "\ud83d"}')
    reply = Reply[None](text="\ud83d\ude00", output=None, model=CHAT, tool_calls=(call,))
    assert reply.text == "😀"
    assert reply.tool_calls[0].arguments == '{"a": "\ufffd"}'
    assert call.arguments == '{"a": "\ud83d"}'  # providers refuse it, as `Chat` says
    assert reply.model_dump_json()


class WholeStream:
    """A stream that ends with whatever it was given."""

    def __init__(self, reply: object) -> None:
        """End with this."""
        self._reply = reply

    async def __aiter__(self) -> AsyncIterator[ChatChunk]:
        yield ChatChunk(text="半分\ud83d")

    def reply(self) -> object:
        """Give the whole."""
        return self._reply


class Streams(Nothing):
    """Chat that streams."""

    def __init__(self, reply: object) -> None:
        """End each stream with this."""
        self._reply = reply

    def stream(
        self, *_given: object, **_options: object
    ) -> AbstractAsyncContextManager[WholeStream]:
        """Open a stream."""

        @asynccontextmanager
        async def block() -> AsyncGenerator[WholeStream]:
            yield WholeStream(self._reply)

        return block()


async def test_a_stream_that_ends_with_no_reply_is_told() -> None:
    """The pieces come as they are, without half characters; the whole must be a reply."""
    profile, streams = Profile(name="fake", provider="fake"), Odd(Streams("done"))
    async with (
        Workspace(None) as workspace,
        metered(streams, workspace, profile) as provider,
        provider.chat.stream(HELLO, model=CHAT) as pieces,
    ):
        assert [one.text async for one in pieces] == ["半分\ufffd"]
        with pytest.raises(UnexpectedResponseError, match=r"gave a value of class 'str'"):
            pieces.reply()


async def test_an_upload_that_gives_nothing_is_told() -> None:
    """A training file whose upload gives no file ends the run with the operation's name."""

    class Lost(FakeProvider):
        @property
        @override
        def files(self) -> Files:
            files = super().files

            class Forgets:
                list, get = files.list, files.get

                async def create(self, _source: object, *, name: str) -> None:
                    """Forget the file."""

            return cast("Files", Forgets())

    rows = QuestionSet.from_rows([(f"What is {n}?", f"It is {n}.") for n in range(12)])
    async with opened(Lost()) as bench:
        with pytest.raises(UnexpectedResponseError, match=r"files.create: .* StoredFile"):
            await bench.start_fine_tune(rows, name="shop")


async def test_an_engine_or_reranker_that_gives_nothing_is_told() -> None:
    """What is no hit, and what is no order of hits, never reaches a model."""

    class Forgets:
        identity = "mine"

        async def rerank(self, _query: str, _hits: object) -> None:
            """Forget the hits."""

    library = [Document(id=DocumentId("a"), text="Item 99 is in the cellar.")]
    own = cast("Reranker", Forgets())
    async with Workbench(FakeProvider(), reranker=own) as bench:
        await bench.build_index(library, name="library")
        with pytest.raises(UnexpectedResponseError, match=r"mine rerank: .* give a Reranked"):
            await bench.search("item 99", index="library", rerank=True)
    searcher = Searcher(retrieval=cast("Retrieval", Nothing()), embedder=None)
    with pytest.raises(UnexpectedResponseError, match=r"Nothing search: .* give a tuple"):
        await searcher.search(IndexName("library"), SearchQuery(text="item"))
