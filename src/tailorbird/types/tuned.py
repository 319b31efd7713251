"""A tuned model and all that is needed to use it rightly and to make it again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from pydantic import Field

from tailorbird.types.base import Frozen
from tailorbird.types.ids import DeploymentName, JobId, ModelId
from tailorbird.types.jobs import StepMetrics, TuningMethod


class TunedModel(Frozen):
    """A portable bundle: what was trained, on what, how, and how to call it."""

    name: str
    """The run's name, given by the user."""
    provider: str
    """Name of the provider that trained it."""
    identity: str
    """Which account or resource of the provider, without any secret."""
    base: ModelId
    """The base model."""
    model: ModelId
    """The tuned model's id."""
    deployment: DeploymentName | None = None
    """Name it is deployed under; None where no deployment is needed, or it is not deployed."""
    system: str | None = None
    """The exact system prompt of training; chat sends it along. None when there was none."""
    job: JobId
    """The job that made it."""
    method: TuningMethod
    """How it was trained."""
    seed: int | None = None
    """Seed of the training; None when the provider chose one."""
    training_hash: str
    """SHA-256 of the uploaded training file's bytes, in hexadecimal."""
    validation_hash: str | None = None
    """SHA-256 of the uploaded validation file's bytes; None when there was none."""
    examples: int = Field(ge=0)
    """Rows in the training file."""
    trained_tokens: int | None = None
    """Billed tokens over all epochs; None where the provider does not say."""
    metrics: StepMetrics = Field(default_factory=StepMetrics)
    """How training stood at the end, or at `step`."""
    step: int | None = None
    """Step after which it was taken, for a checkpoint; None for the model at the end."""
    split: Mapping[str, str | int | float] = Field(default_factory=dict)
    """How the data was split (`held_out`, `seed`); empty when it was not."""
    created_at: datetime
    """When the job ended; aware, UTC."""
    shutdown_date: date | None = None
    """Day on which the model stops answering; None when no day is announced."""

    @property
    def callable_id(self) -> ModelId:
        """What a chat call names as its model."""
        return self.model if self.deployment is None else ModelId(self.deployment)
