"""Live tests: how much of a real account they may use.

| variable | what it allows |
|---|---|
| `TAILORBIRD_LIVE_TRAINING=yes` | jobs, and on Azure deployments: dollars and hours |
| `TAILORBIRD_LIVE_BATCHES=yes` | to wait until batches are answered: cents, and up to a day |
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tailorbird.protocols import Provider
from tailorbird.types import Availability, Capabilities, Capability

HERE = Path(__file__).parent
TRAINING = os.environ.get("TAILORBIRD_LIVE_TRAINING") == "yes"
BATCHES = os.environ.get("TAILORBIRD_LIVE_BATCHES") == "yes"
CALL_LIMIT_S = 600
TRAINING_LIMIT_S = 6 * 3600
DAY_S = 24 * 3600
REASON = "training costs dollars: set TAILORBIRD_LIVE_TRAINING=yes"
UNPAID = Availability(capability=Capability.JOBS_CREATE, available=False, reason=REASON)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is here as live, give it time, and skip what was not paid for."""
    for item in items:
        if not item.path.is_relative_to(HERE):
            continue
        item.add_marker(pytest.mark.live)
        item.add_marker(pytest.mark.enable_socket)
        limit = TRAINING_LIMIT_S if TRAINING else CALL_LIMIT_S
        if "answered" in item.name:
            limit = DAY_S
            if not BATCHES:
                reason = "a batch takes up to a day: set TAILORBIRD_LIVE_BATCHES=yes"
                item.add_marker(pytest.mark.skip(reason=reason))
        item.add_marker(pytest.mark.timeout(limit))


class Frugal:
    """A provider that says it cannot train, so that no clause of a suite does."""

    def __init__(self, inner: Provider) -> None:
        """Stand before a provider."""
        self._inner = inner

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    @property
    def capabilities(self) -> Capabilities:
        """What the provider can do, but for training."""
        found = self._inner.capabilities
        kept = [one for one in found.entries if one.capability is not Capability.JOBS_CREATE]
        return found.model_copy(update={"entries": (*kept, UNPAID)})

    async def __aenter__(self) -> Frugal:  # noqa: PYI034 - it is not subclassed
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._inner.__aexit__(*error)


@pytest.fixture
def within_means() -> Callable[[Provider], Provider]:
    """Keep a provider from training, unless it is allowed."""
    return (lambda provider: provider) if TRAINING else Frugal
