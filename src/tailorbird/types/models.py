"""Models as a provider lists them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from tailorbird.types.base import Frozen
from tailorbird.types.chat import ReasoningEffort
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
    tunable_until: date | None = None
    """Day until which it can be tuned at least, even if it is shut down before; None when nothing
    of the kind is said."""

    def days_left(self, today: date) -> int | None:
        """Count the days until the shutdown: 0 or less means gone, None means no day is known."""
        return None if self.shutdown_date is None else (self.shutdown_date - today).days

    def is_past_tuning(self, today: date) -> bool:
        """Say whether it was shut down and no promise to tune it on is left."""
        left = self.days_left(today)
        if left is None or left > 0:
            return False
        return self.tunable_until is None or self.tunable_until <= today


class ModelTraits(Frozen):
    """How a model wants to be called. The defaults fit a model of which nothing is known."""

    sampling: bool = True
    """Whether it takes `temperature`, `top_p`, `logprobs` and `stop` at any effort; if not, it
    takes them with the effort `none` only."""
    efforts: tuple[ReasoningEffort, ...] | None = None
    """Words of `reasoning_effort` it takes; empty when it does not reason, None when not known."""
    surface: Literal["chat-completions", "responses"] = "chat-completions"
    """Which of the two surfaces of OpenAI's API suits it."""
    tools: Literal["always", "without-reasoning", "responses"] = "always"
    """Where it calls functions: everywhere, on Chat Completions with the effort `none` only, or
    on Responses only."""
    limit_name: Literal["max_tokens", "max_completion_tokens"] = "max_completion_tokens"
    """How Chat Completions names the longest answer for it."""


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
