"""A provider with the meter before it keeps the contract, within a budget.

What it passes on as it is (files, models, retrieval) is not asked again here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from decimal import Decimal

import pytest

from tailorbird.exceptions import UnsupportedError
from tailorbird.journal import Workspace
from tailorbird.protocols import Provider
from tailorbird.providers.fake import FakeProvider, FakeSettings, VirtualClock
from tailorbird.testing.conformance import (
    BatchesConformance,
    ChatConformance,
    ChatOutputConformance,
    DeploymentsConformance,
    EmbeddingsConformance,
    FineTuningJobsConformance,
    JobLifeConformance,
    ProviderConformance,
)
from tailorbird.testing.conformance.data import UNKNOWN
from tailorbird.types import Capability
from tailorbird.types.budget import Budget
from tailorbird.workflow.money.meter import Meter
from tailorbird.workflow.money.metered import MeteredProvider
from tailorbird.workflow.money.tariff import Tariff, merge_prices

PRICES = {
    # The suite wants to hear that nobody has these, and not that nobody knows what they cost.
    name: {
        "input_per_mtok": "1",
        "output_per_mtok": "4",
        "training_per_mtok": "10",
        "read_on": "2026-11-22",
    }
    for name in (UNKNOWN, "conformance")
}
VARIANTS = {
    "within a budget": (FakeSettings(flavor="openai"), Budget(usd=Decimal(100_000))),
    "for a month": (FakeSettings(flavor="azure"), Budget(usd=Decimal(100_000), period="month")),
}


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    """Where is written down what was spent."""
    async with Workspace(None) as opened:
        yield opened


@pytest.fixture(params=VARIANTS)
def make_provider(request: pytest.FixtureRequest, workspace: Workspace) -> Callable[[], Provider]:
    """A maker of fakes with the meter before them."""
    settings, budget = VARIANTS[request.param]

    def make() -> Provider:
        fake = FakeProvider(settings, clock=VirtualClock())
        tariff = Tariff(
            prices=merge_prices(fake.prices, PRICES),
            profile="fake",
            roles=fake.roles,
            workspace=workspace,
            identity=fake.identity,
        )
        return MeteredProvider(
            Meter(provider=fake, workspace=workspace, tariff=tariff, budget=budget)
        )

    return make


@pytest.fixture
async def provider(make_provider: Callable[[], Provider]) -> AsyncIterator[Provider]:
    """An open provider."""
    async with make_provider() as opened:
        yield opened


class TestJobs(FineTuningJobsConformance):
    """Clauses J, making and finding."""

    async def test_reinforcement_job_is_trained(self, provider: Provider) -> None:
        """What is billed by the hour has no place in a budget, which is said before."""
        if provider.capabilities.supports(Capability.TUNE_REINFORCEMENT, on=provider.clock.today()):
            with pytest.raises(UnsupportedError, match="billed by the hour"):
                await super().test_reinforcement_job_is_trained(provider)


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


class TestProvider(ProviderConformance):
    """Clauses P."""
