"""Models as a provider lists them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from tailorbird.types.base import Frozen
from tailorbird.types.ids import DeploymentName, ModelId

TuningKind = Literal["supervised", "dpo", "reinforcement"]
"""The ways of fine-tuning."""


class ModelCard(Frozen):
    """What is known about one model."""

    id: ModelId
    """The provider's id."""
    owned_by: str = ""
    """Who made it, in the provider's words."""
    created_at: datetime | None = None
    """When it appeared; aware, UTC; None when not given."""
    base: ModelId | None = None
    """The model it was tuned from; None for a model that is not tuned, or when not known."""
    shutdown_date: date | None = None
    """Day on which calls to it begin to fail; None when no day is announced."""
    successor: ModelId | None = None
    """What its provider recommends instead; None when nothing is named."""
    kinds: tuple[Literal["chat", "embedding"], ...] | None = None
    """What it can be called for; None when the provider does not say."""
    tunable: tuple[TuningKind, ...] | None = None
    """How it can be tuned: empty when it cannot, None when the provider does not say."""

    def days_left(self, today: date) -> int | None:
        """Count the days until the shutdown: 0 or less means gone, None means no day is known."""
        return None if self.shutdown_date is None else (self.shutdown_date - today).days


class RoleModel(Frozen):
    """Which model plays a role, by both of its names where a cloud has two."""

    model: ModelId
    """What it is: decides about price, limits and parameters."""
    deployment: DeploymentName | None = None
    """What it is called by; None where the model's id is what calls name."""

    @property
    def callable_id(self) -> ModelId:
        """What a call names as its model."""
        return self.model if self.deployment is None else ModelId(self.deployment)
