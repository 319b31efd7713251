"""The suite on providers that lack something: what is missing is skipped, its refusal tested."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from tailorbird.protocols import Provider
from tailorbird.providers.fake import FakeProvider, FakeSettings, VirtualClock
from tailorbird.testing.conformance import (
    BatchesConformance,
    ChatConformance,
    ChatOutputConformance,
    DeploymentsConformance,
    EmbeddingsConformance,
    FilesConformance,
    FineTuningJobsConformance,
    JobLifeConformance,
    ModelsConformance,
    ProviderConformance,
)
from tailorbird.types import Capabilities, Capability

Caller = Callable[..., object]

ALWAYS = {
    "files": Capability.FILES,
    "chat": Capability.CHAT,
    "embeddings": Capability.EMBEDDINGS,
    "models": Capability.MODELS,
    "batches": Capability.BATCHES,
}
METHODS = {
    "jobs.create": Capability.JOBS_CREATE,
    "jobs.pause": Capability.JOBS_PAUSE,
    "jobs.resume": Capability.JOBS_PAUSE,
    "jobs.checkpoints": Capability.JOBS_CHECKPOINTS,
    "chat.stream": Capability.CHAT_STREAM,
    "models.delete": Capability.MODELS_DELETE,
}
ARGUMENTS = {
    "expires_after_s": Capability.FILES_EXPIRY,
    "output": Capability.CHAT_STRUCTURED,
    "dimensions": Capability.EMBEDDINGS_DIMENSIONS,
}
KINDS = {
    "supervised": Capability.TUNE_SUPERVISED,
    "dpo": Capability.TUNE_DPO,
    "reinforcement": Capability.TUNE_REINFORCEMENT,
}
BARE = {
    Capability.FILES_EXPIRY,
    Capability.JOBS_PAUSE,
    Capability.JOBS_CHECKPOINTS,
    Capability.TUNE_DPO,
    Capability.TUNE_REINFORCEMENT,
    Capability.CHAT_STREAM,
    Capability.CHAT_TOOLS,
    Capability.CHAT_STRUCTURED,
    Capability.CHAT_LOGPROBS,
    Capability.CHAT_IMAGES,
    Capability.EMBEDDINGS_DIMENSIONS,
    Capability.MODELS_DELETE,
    Capability.RETRIEVAL,
    Capability.RETRIEVAL_HYBRID,
    Capability.RETRIEVAL_FILTERS,
}
LIMITS = {"bare": BARE, "empty": set(Capability)}


class Limited:
    """A provider without some capabilities, which it refuses as the contract asks."""

    def __init__(self, inner: FakeProvider, missing: set[Capability]) -> None:
        self.inner = inner
        kept = [one for one in inner.capabilities.entries if one.capability not in missing]
        self.capabilities = Capabilities(provider=inner.name, entries=tuple(kept))
        self.roles = {} if len(missing) == len(Capability) else inner.roles

    def __getattr__(self, name: str) -> object:
        found = getattr(self.inner, name)
        interfaces = {"files", "jobs", "chat", "embeddings", "deployments", "models", "batches"}
        return Guarded(self, name, found) if name in interfaces else found

    @property
    def retrieval(self) -> object:
        """The engine, where it is offered."""
        self.require(Capability.RETRIEVAL)
        return self.inner.retrieval

    def require(self, capability: Capability) -> None:
        """Refuse what is missing."""
        self.capabilities.require(capability, on=self.inner.clock.today())

    async def __aenter__(self) -> Limited:  # noqa: PYI034 - it is not subclassed
        await self.inner.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> object:
        return await self.inner.__aexit__(*error)


class Guarded:
    """An interface that asks its provider before each call."""

    def __init__(self, provider: Limited, name: str, inner: object) -> None:
        self.provider = provider
        self.name = name
        self.inner = inner

    def __getattr__(self, method: str) -> object:
        right = getattr(self.inner, method)
        if not callable(right):
            return right

        def call(*args: object, **options: object) -> object:
            for capability in self.needed(method, args, options):
                self.provider.require(capability)
            return right(*args, **options)

        return call

    def needed(
        self, method: str, args: tuple[object, ...], options: dict[str, object]
    ) -> list[Capability]:
        """Give what a call needs."""
        wanted = [ALWAYS.get(self.name), METHODS.get(f"{self.name}.{method}")]
        wanted += [found for key, found in ARGUMENTS.items() if options.get(key) is not None]
        if (self.name, method) == ("jobs", "create"):
            wanted.append(KINDS[args[0].method.type])
        if self.name == "chat":
            wanted += needed_by_options(options.get("options"))
            wanted += [Capability.CHAT_IMAGES] * has_images(args[0])
        return [one for one in wanted if one is not None]


def needed_by_options(options: object) -> list[Capability]:
    """Give what chat options need."""
    found = []
    if options is not None and options.tools:
        found.append(Capability.CHAT_TOOLS)
    if options is not None and options.logprobs is not None:
        found.append(Capability.CHAT_LOGPROBS)
    return found


def has_images(messages: object) -> bool:
    """Say whether messages hold an image; wrong ones are left to the provider."""
    parts = [
        part
        for message in (messages if isinstance(messages, list | tuple) else [])
        for part in (getattr(message, "content", None) or ())
    ]
    return any(getattr(part, "type", "") == "image" for part in parts)


@pytest.fixture(params=LIMITS)
def make_provider(request: pytest.FixtureRequest) -> Callable[[], Limited]:
    """A maker of fakes without special capabilities, and of fakes without any."""
    missing = LIMITS[request.param]
    return lambda: Limited(FakeProvider(FakeSettings(), clock=VirtualClock()), missing)


@pytest.fixture
async def provider(make_provider: Callable[[], Provider]) -> AsyncIterator[Provider]:
    """An open one."""
    async with make_provider() as opened:
        yield opened


class TestFiles(FilesConformance):
    """Clauses F."""


class TestJobs(FineTuningJobsConformance):
    """Clauses J, making and finding."""


class TestJobLife(JobLifeConformance):
    """Clauses J, until the end."""


class TestChat(ChatConformance):
    """Clauses C, asking."""


class TestChatOutput(ChatOutputConformance):
    """Clauses C, forms and tools."""


class TestEmbeddings(EmbeddingsConformance):
    """Clauses E."""


class TestBatches(BatchesConformance):
    """Clauses B."""


class TestDeployments(DeploymentsConformance):
    """Clauses D."""


class TestModels(ModelsConformance):
    """Clauses M."""


class TestProvider(ProviderConformance):
    """Clauses P."""
