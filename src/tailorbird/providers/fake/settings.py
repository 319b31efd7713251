"""What a user can set on a fake."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator

from tailorbird.protocols.options import read_options
from tailorbird.types.base import Settings
from tailorbird.types.ids import ModelId

_Name = Annotated[ModelId, Field(min_length=1)]


class FakeSettings(Settings):
    """How a fake behaves; every value has a default, so that none is needed."""

    flavor: str = "plain"
    """Which cloud it looks like: `plain`, `openai`, `azure`; see `flavors.FLAVORS`."""
    seed: int = Field(default=0, ge=0)
    """Decides ids, metrics and the wording of vague answers; equal seeds give equal runs."""
    training_s: float = Field(default=60.0, gt=0, allow_inf_nan=False)
    """Seconds a job runs, by the provider's clock."""
    training_steps: int | None = Field(default=None, ge=1, le=10_000)
    """Steps a job takes, 1..10,000; None computes them from rows, epochs and batch size."""
    training_available: bool = True
    """False refuses every new job as a closed account is refused (403), after the upload."""
    training_since: date | None = None
    """First day on which jobs can be created; None takes the flavor's."""
    training_until: date | None = None
    """First day on which jobs can no longer be created; None takes the flavor's."""
    batch_s: float = Field(default=60.0, gt=0, allow_inf_nan=False)
    """Seconds a batch is `in_progress`, by the provider's clock; over HTTP at least."""
    batch_requests: int = Field(default=50_000, ge=1, le=50_000)
    """Most requests of one batch, 1..50,000. Source of the default: OpenAI, guide "Batch", "Rate
    limits", read 2026-11-22."""
    latency_s: float = Field(default=0.05, ge=0, allow_inf_nan=False)
    """Seconds each call takes, by the provider's clock."""
    prices: bool = True
    """Whether it knows prices (made-up ones); of `chat_models` and `embedding_models` it never
    does."""
    chat_models: tuple[_Name, ...] = ()
    """Further chat models, by the names that a program calls; on a flavor whose models answer where
    they are deployed, each is a deployment of that name. They cannot be tuned."""
    embedding_models: tuple[_Name, ...] = ()
    """Further models for embeddings, in the same way, with vectors of up to 3,072 numbers."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if both := set(self.chat_models) & set(self.embedding_models):
            msg = f"{min(both)!r} cannot be a model for chat and for embeddings: name it once"
            raise ValueError(msg)
        return self


def read_settings(options: Mapping[str, object]) -> FakeSettings:
    """Check a profile's options.

    Raises:
        ConfigError: An option is unknown or has a wrong value; the message names each, with the
            nearest option there is or the values it takes.
    """
    return read_options(FakeSettings, options, place="the fake's settings")
