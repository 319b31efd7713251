"""Deployments that are paid for from a purse."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird.exceptions import ConfigError, NotFoundError
from tailorbird.journal import Hosting
from tailorbird.journal.holds import to_nano
from tailorbird.protocols import Deployments
from tailorbird.types.deployments import Deployment, HostingQuote
from tailorbird.workflow.money.meter import was_never_sent
from tailorbird.workflow.money.pricing import FROM_PROFILE, TUNED_PREFIX

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tailorbird.journal import Ledger
    from tailorbird.protocols import Clock
    from tailorbird.types.budget import Budget
    from tailorbird.types.deployments import DeploymentSpec
    from tailorbird.types.ids import DeploymentName, ModelId
    from tailorbird.workflow.money.meter import Meter

_OWN = "the prices of the profile"


class MeteredDeployments(Deployments):
    """Makes deployments within the budget; everything else is passed on."""

    def __init__(self, inner: Deployments, meter: Meter) -> None:
        """Deploy by `inner`, and let `meter` see to the money."""
        self._inner = inner
        self._meter = meter

    @override
    async def quote(self, spec: DeploymentSpec) -> HostingQuote:
        """Say what the deployment would cost; a price of the profile's goes before the provider's.

        What is free stays free: a developer's tier has no price to change.
        """
        quote = await self._inner.quote(spec)
        self._meter.promised(quote, HostingQuote, "deployments.quote", spec.model)
        own = self._own_price(spec.model)
        if own is None or quote.hourly == 0:
            return quote
        return quote.model_copy(update={"hourly": own, "source": _OWN})

    def _own_price(self, model: ModelId) -> Decimal | None:
        """Find the profile's price for a tuned model by the name of its base."""
        name = model.removeprefix(TUNED_PREFIX)
        for price in self._meter.tariff.prices:
            if price.source == FROM_PROFILE and price.hosting_per_hour is not None:
                base = price.model.removeprefix(TUNED_PREFIX)
                if name == base or name.startswith((f"{base}.", f"{base}:")):
                    return price.hosting_per_hour
        return None

    @override
    async def create(self, spec: DeploymentSpec) -> Deployment:
        """Hold what the first hours cost, and deploy; see `Deployments.create`.

        Raises:
            BudgetExceededError: The budget does not allow it; nothing was made.
            ConfigError: There is a budget, and the price of hosting is not known.
        """
        budget = self._meter.budget
        if budget is None or await self._stands(spec.name):
            return self._checked(await self._inner.create(spec), "create", spec.name)
        hourly = await self._hourly(spec)
        return await self._create(spec, hourly, budget)

    async def _create(self, spec: DeploymentSpec, hourly: Decimal, budget: Budget) -> Deployment:
        purse = self._meter.purse
        nano = to_nano(hourly * Decimal(str(budget.hosting_hours)))
        await purse.hold("hosting", spec.name, nano, subject=spec.name)
        try:
            made = self._checked(await self._inner.create(spec), "create", spec.name)
        except BaseException as exc:
            if was_never_sent(exc):
                await purse.let_go("hosting", spec.name, nano)
            raise
        if not made.required:
            await purse.let_go("hosting", spec.name, nano)
            return made
        await self._ledger.begin_hosting(
            Hosting(
                identity=self._meter.provider.identity,
                name=made.name,
                model=spec.model,
                hourly=hourly,
                since=made.created_at or self._clock.now(),
            )
        )
        return made

    async def _hourly(self, spec: DeploymentSpec) -> Decimal:
        quote = await self.quote(spec)
        if quote.hourly is not None:
            return quote.hourly
        message = (
            f"there is a budget, and nobody knows what hosting {spec.model!r} costs; nothing was"
            f" sent. Look it up and add to the configuration:\n"
            f'[profiles.{self._meter.tariff.profile}.prices."{spec.model}"]\n'
            "  hosting_per_hour = …"
        )
        raise ConfigError(message)

    async def _stands(self, name: DeploymentName) -> bool:
        standing = await self._ledger.list_hosting(identity=self._meter.provider.identity)
        return any(one.name == name for one in standing)

    def _checked(self, made: Deployment, operation: str, about: str) -> Deployment:
        return self._meter.promised(made, Deployment, f"deployments.{operation}", about)

    @property
    def _ledger(self) -> Ledger:
        return self._meter.workspace.journal.ledger

    @property
    def _clock(self) -> Clock:
        return self._meter.provider.clock

    @override
    async def delete(self, name: DeploymentName) -> None:
        try:
            await self._inner.delete(name)
        except NotFoundError:
            await self._gone(name)
            raise
        await self._gone(name)

    async def _gone(self, name: DeploymentName) -> None:
        await self._ledger.end_hosting(
            name, identity=self._meter.provider.identity, at=self._clock.now()
        )

    @override
    async def get(self, name: DeploymentName) -> Deployment:
        return self._checked(await self._inner.get(name), "get", name)

    @override
    def list(self) -> AsyncIterator[Deployment]:
        return self._inner.list()

    @override
    async def wait_ready(self, name: DeploymentName, *, timeout_s: float = 3600.0) -> Deployment:
        ready = await self._inner.wait_ready(name, timeout_s=timeout_s)
        return self._checked(ready, "wait_ready", name)
