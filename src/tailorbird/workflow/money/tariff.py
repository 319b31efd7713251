"""Which price stands behind a name that is called: a model, a deployment, or something tuned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from tailorbird.exceptions import ConfigError
from tailorbird.types.ids import ModelId
from tailorbird.types.usage import Price
from tailorbird.workflow.money.pricing import FROM_PROFILE, TUNED_PREFIX, find_price

if TYPE_CHECKING:
    from tailorbird.journal import Workspace
    from tailorbird.types.models import RoleModel

STALE_DAYS = 92
"""Days after which a price is said to be old: providers changed theirs about once a quarter in 2026
(OpenAI: model pages and release notes, developers.openai.com/api/docs, read 2026-11-22)."""


def merge_prices(
    known: Sequence[Price], own: Mapping[str, Mapping[str, object]]
) -> tuple[Price, ...]:
    """Put a user's own prices before those that a provider knows.

    A table that names only some of a model's prices changes only these.

    Args:
        known: The provider's prices.
        own: The fields of `Price` that the user set, by model, `read_on` among them.

    Returns:
        The user's prices, then the provider's for other models: one for each model.
    """
    mine: list[Price] = []
    for model, values in own.items():
        base = find_price(model, known)
        fields = {} if base is None else base.model_dump()
        fields |= {**values, "model": model, "source": FROM_PROFILE}
        mine.append(Price.model_validate(fields))
    return (*mine, *(one for one in known if one.model not in own))


def stale_prices(
    prices: Sequence[Price], models: Sequence[str], *, today: date
) -> tuple[Price, ...]:
    """Give the prices of these models that were read more than `STALE_DAYS` days ago."""
    found = [find_price(model, prices) for model in dict.fromkeys(models)]
    return tuple(
        one for one in found if one is not None and (today - one.read_on).days > STALE_DAYS
    )


@dataclass(slots=True, kw_only=True)
class Tariff:
    """Finds prices, and remembers what it found."""

    prices: Sequence[Price]
    """What is known; the user's own first."""
    profile: str
    """Name of the profile, for messages."""
    roles: Mapping[str, RoleModel]
    """Which models stand behind deployments."""
    workspace: Workspace
    """Knows what was tuned here, and how it is called."""
    identity: str
    """Provider and account."""
    _found: dict[str, Price | None] = field(init=False, default_factory=dict[str, "Price | None"])

    async def find(self, model: str) -> Price | None:
        """Give the price of whatever is called by this name; None when none is known."""
        if model not in self._found:
            self._found[model] = await self._look(model)
        return self._found[model]

    async def _look(self, name: str) -> Price | None:
        found = find_price(name, self.prices)
        if found is None:
            model, base = await self.model_behind(name)
            found = find_price(model, self.prices, base=base)
        return found

    async def model_behind(self, name: str) -> tuple[str, str | None]:
        """Give the model that a name stands for, and the base that one was tuned from, if any.

        What is not known here is taken for a model, and for one that was tuned where it is called
        as providers call those: `ft:<base>:…` or `<base>.…` of a base whose price is known.
        """
        for tuned in await self.workspace.list_tuned(identity=self.identity):
            if name in {tuned.model, tuned.deployment}:
                return tuned.model, tuned.base
        standing = await self.workspace.journal.ledger.list_hosting(identity=self.identity)
        behind = {role.callable_id: role.model for role in self.roles.values()}
        behind |= {ModelId(one.name): one.model for one in standing}
        model = behind.get(ModelId(name), ModelId(name))
        return model, self._base_of(model)

    def _base_of(self, model: str) -> str | None:
        if model.startswith(TUNED_PREFIX):
            return model.split(":")[1]
        known = {price.model.removeprefix(TUNED_PREFIX) for price in self.prices}
        return max((one for one in known if model.startswith(f"{one}.")), key=len, default=None)

    async def require(self, model: str, *fields: str) -> Price:
        """Give a price that says what each of these fields costs.

        Raises:
            ConfigError: It is not known; the message names the key to set.
        """
        price = await self.find(model)
        missing = [one for one in fields if price is None or getattr(price, one) is None]
        if price is None or missing:
            self._found.pop(model, None)  # a model may be tuned or deployed by the next time
            raise ConfigError(self._unknown(model, missing))
        return price

    def _unknown(self, model: str, missing: Sequence[str]) -> str:
        keys = "\n".join(f"  {one} = …" for one in missing)
        return (
            f"there is a budget, and no price is known for {model!r}; nothing was sent. Look it up"
            f' and add to the configuration:\n[profiles.{self.profile}.prices."{model}"]\n{keys}'
        )
