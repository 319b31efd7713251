"""Where models answer by themselves, deploying is a matter of waiting for the first answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird._openai_sdk.probing import wait_answering
from tailorbird.protocols import Deployments
from tailorbird.types.deployments import Deployment, DeploymentStatus, HostingQuote
from tailorbird.types.ids import DeploymentName, ModelId

if TYPE_CHECKING:
    from tailorbird.protocols import Chat, Clock, Models
    from tailorbird.types.deployments import DeploymentSpec


class NoDeployments(Deployments):
    """Deployments of a provider that needs none: names are model ids."""

    def __init__(self, chat: Chat, models: Models | None, *, clock: Clock, provider: str) -> None:
        """Share the interfaces of a provider.

        Args:
            chat: Is asked whether a model is ready.
            models: Is asked whether there is a model; None where the provider does not list any,
                so that every name counts as one.
            clock: The clock of waits.
            provider: Name of the provider, for messages.
        """
        self._chat = chat
        self._models = models
        self._clock = clock
        self._provider = provider

    @override
    async def quote(self, spec: DeploymentSpec) -> HostingQuote:
        return HostingQuote(hourly=Decimal(0), source="models answer without being deployed")

    @override
    async def create(self, spec: DeploymentSpec) -> Deployment:
        return _deployment(spec.model)

    @override
    async def get(self, name: DeploymentName) -> Deployment:
        if self._models is not None:
            await self._models.get(ModelId(name))
        return _deployment(ModelId(name))

    @override
    def list(self) -> AsyncIterator[Deployment]:
        return _Nothing()

    @override
    async def wait_ready(self, name: DeploymentName, *, timeout_s: float = 3600.0) -> Deployment:
        await wait_answering(
            self._chat,
            ModelId(name),
            clock=self._clock,
            timeout_s=timeout_s,
            provider=self._provider,
        )
        return _deployment(ModelId(name))

    @override
    async def delete(self, name: DeploymentName) -> None:
        return None


class _Nothing(AsyncIterator[Deployment]):
    """A listing without anything on it."""

    @override
    async def __anext__(self) -> Deployment:
        raise StopAsyncIteration


def _deployment(model: ModelId) -> Deployment:
    return Deployment(
        name=DeploymentName(model),
        model=model,
        status=DeploymentStatus.SUCCEEDED,
        required=False,
    )
