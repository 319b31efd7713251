"""What the Azure provider's tests share: the provider over the wire app, and a judge's notes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import httpx2
import pytest

from tailorbird.providers.azure import AzureProvider, AzureSettings, DeploySettings, SearchSettings
from tailorbird.providers.fake import FakeProvider, FakeSettings
from tailorbird.testing.wire import WireApp, WireSettings, wire_app
from tailorbird.types import DeploymentName, ModelId, RoleModel

T = TypeVar("T")

TOKENS = {
    "https://ai.azure.com/.default": "test-token",
    "https://management.azure.com/.default": "test-arm-token",
    "https://search.azure.com/.default": "test-search-token",
}
FOREVER = 4_000_000_000

WIRE = WireSettings(bearer_tokens=("test-token",))

ROLES = {
    "chat": RoleModel(model=ModelId("gpt-4.1-mini-2025-04-14"), deployment=DeploymentName("chat")),
    "judge": RoleModel(model=ModelId("gpt-4.1-mini-2025-04-14"), deployment=DeploymentName("chat")),
    "tune_base": RoleModel(model=ModelId("gpt-4.1-mini-2025-04-14")),
    "embedding": RoleModel(
        model=ModelId("text-embedding-3-small"), deployment=DeploymentName("embed")
    ),
}

SETTINGS = AzureSettings(
    endpoint="https://contoso.openai.azure.com",
    deploy=DeploySettings(
        subscription_id=WIRE.subscription_id,
        resource_group=WIRE.resource_group,
        account=WIRE.account,
    ),
    search=SearchSettings(endpoint="https://contoso.search.windows.net"),
)


@dataclass(frozen=True)
class Token:
    """What a credential gives."""

    token: str
    expires_on: int = FOREVER


@dataclass
class ScriptedCredential:
    """Gives a token for each audience, and remembers what it was asked for."""

    tokens: Mapping[str, str] = field(default_factory=lambda: dict(TOKENS))
    asked: list[str] = field(default_factory=list)
    closed: bool = False

    def get_token(self, *scopes: str) -> Token:
        """Give the token for an audience."""
        self.asked.append(scopes[0])
        return Token(self.tokens[scopes[0]])

    def close(self) -> None:
        """Be closed."""
        self.closed = True


@dataclass
class AzureWorld:
    """A fake cloud with the provider that talks to it."""

    fake: FakeProvider
    app: WireApp
    credential: ScriptedCredential

    def provider(self, settings: AzureSettings = SETTINGS) -> AzureProvider:
        """Make a closed provider."""
        return AzureProvider(
            settings,
            credential=self.credential,
            clock=self.fake.clock,
            roles=ROLES,
            environ={},
            transport=httpx2.ASGITransport(app=self.app),
        )


@pytest.fixture
async def world() -> AsyncIterator[AzureWorld]:
    """A fake of the flavor `azure` behind the wire."""
    async with FakeProvider(FakeSettings(flavor="azure")) as fake:
        yield AzureWorld(fake, wire_app(fake, settings=WIRE), ScriptedCredential())


@pytest.fixture
async def provider(world: AzureWorld) -> AsyncIterator[AzureProvider]:
    """An open provider."""
    async with world.provider() as opened:
        yield opened


@pytest.fixture
def make_provider(world: AzureWorld) -> Callable[[], AzureProvider]:
    """Makes providers."""
    return world.provider
