"""The nest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from typing_extensions import override

from tailorbird.exceptions import ConfigError, InvalidInputError, UnsupportedError
from tailorbird.protocols import (
    Batches,
    Chat,
    Clock,
    Deployments,
    Embeddings,
    Files,
    FineTuningJobs,
    Models,
    Provider,
    ProviderContext,
    Retrieval,
    SystemClock,
)
from tailorbird.types import Availability, Capabilities, Capability, ModelId, Price, RoleModel

from .chat import NestChat, NestModels, Roost
from .missing import Missing

OFFERED = (Capability.CHAT, Capability.MODELS)


class NestProvider(Provider):
    """A nest in some tree."""

    def __init__(self, tree: str, *, clock: Clock | None = None) -> None:
        """Name the tree."""
        self._tree = tree
        self._clock = clock or SystemClock()
        self._roost = Roost()
        self._chat = NestChat(self._roost, self.capabilities)
        self._models = NestModels(self._roost)

    @property
    @override
    def name(self) -> str:
        return "nest"

    @property
    @override
    def identity(self) -> str:
        return f"nest/{self._tree}"

    @property
    @override
    def capabilities(self) -> Capabilities:
        entries = tuple(Availability(capability=one) for one in OFFERED)
        return Capabilities(provider="nest", entries=entries)

    @property
    @override
    def clock(self) -> Clock:
        return self._clock

    @property
    @override
    def prices(self) -> Sequence[Price]:
        return ()

    @property
    @override
    def roles(self) -> Mapping[str, RoleModel]:
        return {"chat": RoleModel(model=ModelId("parrot"))}

    @property
    @override
    def files(self) -> Files:
        return Missing(Capability.FILES)

    @property
    @override
    def jobs(self) -> FineTuningJobs:
        return Missing(Capability.JOBS_CREATE)

    @property
    @override
    def chat(self) -> Chat:
        return self._chat

    @property
    @override
    def embeddings(self) -> Embeddings:
        return Missing(Capability.EMBEDDINGS)

    @property
    @override
    def batches(self) -> Batches:
        return Missing(Capability.BATCHES)

    @property
    @override
    def retrieval(self) -> Retrieval:
        raise UnsupportedError(
            provider="nest",
            capability=Capability.RETRIEVAL.value,
            reason="a nest has none",
            instead="the engine `local`",
        )

    @property
    @override
    def deployments(self) -> Deployments:
        return Missing(Capability.DEPLOYMENTS)

    @property
    @override
    def models(self) -> Models:
        return self._models

    @override
    async def __aenter__(self) -> Self:
        if self._roost.is_open:
            message = "this nest provider is open already"
            raise InvalidInputError(message)
        self._roost.is_open = True
        return self

    @override
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._roost.is_open = False


def open_provider(options: Mapping[str, object], *, context: ProviderContext) -> NestProvider:
    """Make the provider of a profile."""
    unknown = sorted(set(options) - {"tree"})
    if unknown:
        message = f"unknown key {unknown[0]!r}: known is tree"
        raise ConfigError(message)
    return NestProvider(str(options.get("tree", "oak")), clock=context.clock)
