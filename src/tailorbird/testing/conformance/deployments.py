"""Clauses `D…`: deployments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tailorbird.exceptions import ConflictError, NotFoundError
from tailorbird.testing.conformance import data
from tailorbird.testing.conformance.clauses import clause, lacks, needs
from tailorbird.testing.conformance.jobs import needs_tuning
from tailorbird.testing.conformance.trial import SuiteOptions, Trial
from tailorbird.types import (
    Capability,
    DeploymentName,
    DeploymentSpec,
    DeploymentStatus,
    ModelId,
)

if TYPE_CHECKING:
    from tailorbird.protocols import Provider
    from tailorbird.types import Deployment

NAME = DeploymentName("conformance")
UNKNOWN = DeploymentName(data.UNKNOWN)
QUESTION = next(iter(data.FACTS))


class DeploymentsConformance:
    """What every implementation of `Deployments` promises; needs a fixture `provider`."""

    options = SuiteOptions()

    @clause("D1")
    async def test_quote_creates_nothing(self, provider: Provider) -> None:
        """`quote` says what hosting costs, 0 or more or not known, and creates nothing."""
        needs(provider, Capability.JOBS_CREATE)
        before = await listed(provider)
        base = Trial(provider, self.options).tune_base
        quote = await provider.deployments.quote(DeploymentSpec(model=base, name=NAME))
        assert quote.hourly is None or quote.hourly >= 0
        assert await listed(provider) == before

    @clause("D2")
    async def test_trained_model_is_deployed(self, provider: Provider) -> None:
        """Once a deployment is ready, its name answers as the model behind it was trained."""
        needs_deploying(provider)
        async with Trial(provider, self.options) as trial:
            _, tuned = await trial.train()
            deployed = await trial.deploy(tuned)
            assert (deployed.name, deployed.model, deployed.required) == (NAME, tuned, True)
            assert deployed.status is DeploymentStatus.SUCCEEDED
            assert data.MARK in await trial.ask(QUESTION, model=ModelId(deployed.name))

    @clause("D3")
    async def test_trained_model_is_silent_before(self, provider: Provider) -> None:
        """Where deployments are needed, neither the model nor an unknown name answers."""
        needs_deploying(provider)
        async with Trial(provider, self.options) as trial:
            _, tuned = await trial.train()
            for silent in (tuned, ModelId(NAME)):
                with pytest.raises(NotFoundError):
                    await trial.ask(QUESTION, model=silent)

    @clause("D4")
    async def test_trained_model_is_deployed_once(self, provider: Provider) -> None:
        """The same name with the same model is given as it is; with another it is refused."""
        needs_deploying(provider)
        async with Trial(provider, self.options) as trial:
            (_, first), (_, second) = await trial.train(), await trial.train()
            deployed = await trial.deploy(first)
            again = await provider.deployments.create(DeploymentSpec(model=first, name=NAME))
            assert (again.name, again.model) == (deployed.name, first)
            with pytest.raises(ConflictError):
                await provider.deployments.create(DeploymentSpec(model=second, name=NAME))
            assert (await provider.deployments.get(NAME)).model == first
            assert [one.name for one in await listed(provider)].count(NAME) == 1

    @clause("D5")
    async def test_trained_models_are_listed(self, provider: Provider) -> None:
        """`list` gives each deployment once, sorted by name, as `get` gives it."""
        needs_deploying(provider)
        async with Trial(provider, self.options) as trial:
            _, tuned = await trial.train()
            for name in ("conformance-b", "conformance-a"):
                await trial.deploy(tuned, name=name)
            found = await listed(provider)
            names = [one.name for one in found]
            assert names == sorted(set(names))
            assert {"conformance-a", "conformance-b"} <= set(names)
            for one in found:
                assert (await provider.deployments.get(one.name)).model == one.model

    @clause("D6")
    async def test_trained_model_stays_when_taken_away(self, provider: Provider) -> None:
        """A deleted deployment neither answers nor is given; its model can be deployed again."""
        needs_deploying(provider)
        async with Trial(provider, self.options) as trial:
            _, tuned = await trial.train()
            await trial.deploy(tuned)
            await provider.deployments.delete(NAME)
            with pytest.raises(NotFoundError):
                await trial.ask(QUESTION, model=ModelId(NAME))
            with pytest.raises(NotFoundError):
                await provider.deployments.get(NAME)
            assert NAME not in [one.name for one in await listed(provider)]
            await trial.deploy(tuned)
            assert data.MARK in await trial.ask(QUESTION, model=ModelId(NAME))

    @clause("D7")
    async def test_unknown_deployment_is_not_found(self, provider: Provider) -> None:
        """Where deployments are needed, a name that nobody has raises `NotFoundError`."""
        needs(provider, Capability.DEPLOYMENTS_REQUIRED)
        with pytest.raises(NotFoundError) as caught:
            await provider.deployments.get(UNKNOWN)
        assert caught.value.provider == provider.name
        with pytest.raises(NotFoundError):
            await provider.deployments.delete(UNKNOWN)
        with pytest.raises(NotFoundError):
            await provider.deployments.wait_ready(UNKNOWN)

    @clause("D8")
    async def test_unknown_model_is_not_deployed(self, provider: Provider) -> None:
        """Where deployments are needed, a model that nobody has raises `NotFoundError`."""
        needs(provider, Capability.DEPLOYMENTS_REQUIRED)
        with pytest.raises(NotFoundError):
            await provider.deployments.create(
                DeploymentSpec(model=ModelId(data.UNKNOWN), name=NAME)
            )
        assert NAME not in [one.name for one in await listed(provider)]

    @clause("D9")
    async def test_trained_model_answers_by_itself(self, provider: Provider) -> None:
        """Where no deployment is needed, a tuned model is its own, free and always ready."""
        needs_tuning(provider)
        needs(provider, Capability.CHAT)
        lacks(provider, Capability.DEPLOYMENTS_REQUIRED)
        async with Trial(provider, self.options) as trial:
            _, tuned = await trial.train()
            quote = await provider.deployments.quote(DeploymentSpec(model=tuned, name=NAME))
            assert quote.hourly == 0
            deployed = await trial.deploy(tuned)
            assert (str(deployed.name), deployed.model) == (tuned, tuned)
            assert not deployed.required
            assert data.MARK in await trial.ask(QUESTION, model=tuned)

    @clause("D10")
    async def test_trained_model_stays_by_itself(self, provider: Provider) -> None:
        """Where no deployment is needed, deleting one does nothing, and none is listed."""
        needs_tuning(provider)
        needs(provider, Capability.CHAT)
        lacks(provider, Capability.DEPLOYMENTS_REQUIRED)
        async with Trial(provider, self.options) as trial:
            _, tuned = await trial.train()
            deployed = await trial.deploy(tuned)
            await provider.deployments.delete(deployed.name)
            assert data.MARK in await trial.ask(QUESTION, model=tuned)
            assert await listed(provider) == []

    @clause("D11")
    async def test_model_stands_for_its_deployment(self, provider: Provider) -> None:
        """Where no deployment is needed, `get` gives a model that there is, and no other."""
        needs(provider, Capability.MODELS)
        lacks(provider, Capability.DEPLOYMENTS_REQUIRED)
        base = Trial(provider, self.options).tune_base
        found = await provider.deployments.get(DeploymentName(base))
        assert (found.model, found.required) == (base, False)
        with pytest.raises(NotFoundError):
            await provider.deployments.get(UNKNOWN)


def needs_deploying(provider: Provider) -> None:
    """Skip the running test where models cannot be tuned, or answer without being deployed."""
    needs_tuning(provider)
    needs(provider, Capability.CHAT, Capability.DEPLOYMENTS_REQUIRED)


async def listed(provider: Provider) -> list[Deployment]:
    """Give all deployments."""
    return [one async for one in provider.deployments.list()]
