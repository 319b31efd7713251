"""Clauses `M…`: the list of models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tailorbird.exceptions import (
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    UnsupportedError,
)
from tailorbird.testing.conformance import data
from tailorbird.testing.conformance.clauses import clause, lacks, needs
from tailorbird.testing.conformance.jobs import needs_tuning
from tailorbird.testing.conformance.trial import SuiteOptions, Trial
from tailorbird.types import Capability, ModelId

if TYPE_CHECKING:
    from tailorbird.protocols import Provider
    from tailorbird.types import ModelCard

UNKNOWN = ModelId(data.UNKNOWN)


class ModelsConformance:
    """What every implementation of `Models` promises; needs a fixture `provider`."""

    options = SuiteOptions()

    @clause("M1")
    async def test_list_is_sorted(self, provider: Provider) -> None:
        """`list` gives each model once, sorted by id."""
        needs(provider, Capability.MODELS)
        ids = [card.id for card in await listed(provider)]
        assert ids
        assert ids == sorted(set(ids))

    @clause("M2")
    async def test_get_gives_a_listed_model(self, provider: Provider) -> None:
        """`get` gives every listed model as `list` does."""
        needs(provider, Capability.MODELS)
        for card in await listed(provider):
            assert await provider.models.get(card.id) == card

    @clause("M3")
    async def test_unknown_model_is_not_found(self, provider: Provider) -> None:
        """A model that nobody has raises `NotFoundError`."""
        needs(provider, Capability.MODELS)
        with pytest.raises(NotFoundError) as caught:
            await provider.models.get(UNKNOWN)
        assert caught.value.provider == provider.name
        assert caught.value.operation

    @clause("M4")
    async def test_tune_base_is_listed(self, provider: Provider) -> None:
        """The model that is tuned is listed, not as a tuned one, and still lives."""
        needs(provider, Capability.MODELS, Capability.JOBS_CREATE)
        base = Trial(provider, self.options).tune_base
        card = {card.id: card for card in await listed(provider)}[base]
        assert card.base is None
        left = card.days_left(provider.clock.today())
        assert left is None or left > 0

    @clause("M5")
    async def test_trained_model_is_listed(self, provider: Provider) -> None:
        """A tuned model is listed, and names its base where that is known."""
        needs_tuning(provider)
        needs(provider, Capability.MODELS)
        async with Trial(provider, self.options) as trial:
            _, tuned = await trial.train()
            assert tuned in [card.id for card in await listed(provider)]
            assert (await provider.models.get(tuned)).base in {None, trial.tune_base}

    @clause("M6")
    async def test_trained_model_is_deleted(self, provider: Provider) -> None:
        """A deleted model is neither listed nor given nor deleted again."""
        needs_tuning(provider)
        needs(provider, Capability.MODELS, Capability.MODELS_DELETE)
        async with Trial(provider, self.options) as trial:
            _, tuned = await trial.train()
            await provider.models.delete(tuned)
            assert tuned not in [card.id for card in await listed(provider)]
            with pytest.raises(NotFoundError):
                await provider.models.get(tuned)
            with pytest.raises(NotFoundError):
                await provider.models.delete(tuned)

    @clause("M7")
    async def test_trained_model_is_kept_while_deployed(self, provider: Provider) -> None:
        """A model that is deployed cannot be deleted."""
        needs_tuning(provider)
        needs(provider, Capability.MODELS_DELETE, Capability.DEPLOYMENTS_REQUIRED)
        async with Trial(provider, self.options) as trial:
            _, tuned = await trial.train()
            deployed = await trial.deploy(tuned)
            with pytest.raises(ConflictError):
                await provider.models.delete(tuned)
            await provider.deployments.delete(deployed.name)
            await provider.models.delete(tuned)

    @clause("M8")
    async def test_base_model_is_not_deleted(self, provider: Provider) -> None:
        """A model that is not this account's own tuned one cannot be deleted, and stays."""
        needs(provider, Capability.MODELS, Capability.JOBS_CREATE)
        base = Trial(provider, self.options).tune_base
        with pytest.raises((PermissionDeniedError, UnsupportedError)):
            await provider.models.delete(base)
        assert (await provider.models.get(base)).id == base

    @clause("M9")
    async def test_unknown_model_is_not_deleted(self, provider: Provider) -> None:
        """Deleting a model that nobody has raises `NotFoundError`."""
        needs(provider, Capability.MODELS_DELETE)
        with pytest.raises(NotFoundError):
            await provider.models.delete(UNKNOWN)

    @clause("M10")
    async def test_missing_deletion_is_unsupported(self, provider: Provider) -> None:
        """Where models cannot be deleted, asking for it raises `UnsupportedError`."""
        lacks(provider, Capability.MODELS_DELETE)
        with pytest.raises(UnsupportedError):
            await provider.models.delete(UNKNOWN)


async def listed(provider: Provider) -> list[ModelCard]:
    """Give all models."""
    return [card async for card in provider.models.list()]
