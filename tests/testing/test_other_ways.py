"""Providers and engines that keep the contract in another way than the fake pass as well."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Self

import pytest

from tailorbird.exceptions import (
    ConflictError,
    InvalidInputError,
    InvalidRequestError,
    UnsupportedError,
)
from tailorbird.protocols import Provider, Retrieval
from tailorbird.providers.fake import FakeProvider, FakeSettings, VirtualClock
from tailorbird.retrieval.local import LocalRetrieval
from tailorbird.testing.conformance import (
    ChatConformance,
    Embedder,
    FineTuningJobsConformance,
    ModelsConformance,
    ProviderConformance,
    RetrievalConformance,
    SearchConformance,
)
from tailorbird.types import (
    Availability,
    Capabilities,
    Capability,
    Chunk,
    ChunkedDocument,
    Hit,
    IndexName,
    Job,
    JobSpec,
    Message,
    ModelId,
    Reply,
    SearchMode,
    SearchQuery,
    Span,
)


class Delegate:
    """Another object, apart from what a subclass does in its own way."""

    def __init__(self, inner: object) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


class Strict(Delegate):
    """A provider that looks at the rows when a job is created."""

    @property
    def jobs(self) -> object:
        """Jobs that are refused at once."""
        provider = self.inner

        class Jobs(Delegate):
            async def create(self, spec: JobSpec) -> Job:
                rows = b"".join(
                    [piece async for piece in provider.files.content(spec.training_file)]
                )
                if rows.count(b"\n") < 10:
                    message = "too few rows"
                    raise InvalidRequestError(message, provider="fake", operation="jobs.create")
                return await self.inner.create(spec)

        return Jobs(provider.jobs)


class Uncounted(Delegate):
    """A provider that does not count tokens."""

    @property
    def chat(self) -> object:
        """Chat without usage."""

        class Chat(Delegate):
            async def complete(self, messages: Sequence[Message], *, model: ModelId) -> Reply[None]:
                reply = await self.inner.complete(messages, model=model)
                return reply.model_copy(update={"usage": None})

        return Chat(self.inner.chat)


class Deleting(Delegate):
    """A provider that needs deployments and lets models be deleted."""

    @property
    def capabilities(self) -> Capabilities:
        """One more than the fake has."""
        entries = self.inner.capabilities.entries
        more = Availability(capability=Capability.MODELS_DELETE)
        return Capabilities(provider=self.inner.name, entries=(*entries, more))

    @property
    def models(self) -> object:
        """Models that can be deleted."""
        provider = self.inner

        class Models(Delegate):
            async def delete(self, model: ModelId) -> None:
                if model in [one.model async for one in provider.deployments.list()]:
                    message = "it is deployed"
                    raise ConflictError(message, provider="fake", operation="models.delete")

        return Models(provider.models)


class Simple(Delegate):
    """An engine that searches in one way only, does not filter and keeps no spans."""

    def __init__(self, mode: SearchMode) -> None:
        super().__init__(LocalRetrieval(None))
        self.traits = self.inner.traits.model_copy(
            update={"name": "simple", "modes": (mode,), "keeps_spans": False, "filters": False}
        )

    async def upsert(self, name: IndexName, documents: Sequence[ChunkedDocument]) -> None:
        """Add documents."""
        await self.inner.upsert(name, documents)

    async def search(
        self, name: IndexName, query: SearchQuery, *, vector: object = None
    ) -> tuple[Hit, ...]:
        """Search in the one way."""
        [mode] = self.traits.modes
        if query.filter is not None or query.mode not in {None, mode}:
            raise UnsupportedError(provider="simple", capability="search", reason="it is simple")
        only = query.model_copy(update={"mode": mode})
        hits = await self.inner.search(name, only, vector=vector)
        return tuple(hit.model_copy(update={"chunk": _without_place(hit.chunk)}) for hit in hits)


def _without_place(chunk: Chunk) -> Chunk:
    return chunk.model_copy(update={"span": Span(start=0, end=0), "section": None, "page": None})


@pytest.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    """An open fake."""
    async with FakeProvider(FakeSettings(), clock=VirtualClock()) as opened:
        yield opened


@pytest.fixture(params=["vector", "lexical"])
def engine(request: pytest.FixtureRequest) -> Retrieval:
    """A simple engine for each way of searching."""
    return Simple(request.param)


@pytest.fixture
def embed(provider: Provider) -> Embedder:
    """The fake's embeddings."""
    model = provider.roles["embedding"].callable_id
    return Embedder(embeddings=provider.embeddings, model=model, clock=provider.clock)


class Guarding(Delegate):
    """A provider that watches over its opening by itself."""

    opened = False

    async def __aenter__(self) -> Self:
        if self.opened:
            message = "this provider is open already: open it once"
            raise InvalidInputError(message)
        self.opened = True
        await self.inner.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> object:
        return await self.inner.__aexit__(*error)


async def test_opening_may_be_guarded() -> None:
    """A provider that refuses a second opening stays open."""
    fake = FakeProvider(FakeSettings(), clock=VirtualClock())
    suite = ProviderConformance()
    await suite.test_open_provider_is_not_opened_again(lambda: Guarding(fake))


async def test_rows_may_be_refused_at_creation(provider: Provider) -> None:
    """Too few rows may be found when the job is created."""
    await FineTuningJobsConformance().test_too_few_rows_never_give_a_model(Strict(provider))


async def test_tokens_need_not_be_counted(provider: Provider) -> None:
    """A provider may leave out the usage."""
    await ChatConformance().test_usage_is_counted(Uncounted(provider))


async def test_deployed_models_may_be_deletable() -> None:
    """A provider may both need deployments and let models be deleted."""
    settings = FakeSettings(flavor="azure")
    async with FakeProvider(settings, clock=VirtualClock()) as provider:
        suite = ModelsConformance()
        await suite.test_trained_model_is_kept_while_deployed(Deleting(provider))


class TestRetrieval(RetrievalConformance):
    """Clauses R, keeping, for simple engines."""


class TestSearch(SearchConformance):
    """Clauses R, searching, for simple engines."""
