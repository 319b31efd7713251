"""Fine-tuning jobs: what is asked for, how it goes, what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from tailorbird.types.base import Frozen, SaidText
from tailorbird.types.ids import CheckpointId, EventId, FileId, JobId, ModelId

Auto = Literal["auto"]
"""Leave the value to the provider."""

TrainingTier = Literal["standard", "data-zone", "global", "developer"]
"""Where and how cheaply to train, on clouds that offer the choice (Azure's `trainingType`)."""

RUN_KEY = "tailorbird_run"
"""Key of a job's metadata under which the run that made it is found again."""

# Ranges: OpenAPI description of OpenAI, CreateFineTuningJobRequest (openai/openai-openapi f85dbe2).
_Epochs = Annotated[int, Field(ge=1, le=50)] | Auto
_BatchSize = Annotated[int, Field(ge=1, le=256)] | Auto
_Rate = Annotated[float, Field(gt=0)] | Auto


class Supervised(Frozen):
    """Train on conversations: the assistant's messages are what is learned."""

    type: Literal["supervised"] = "supervised"
    """Tells the methods apart."""
    n_epochs: _Epochs = "auto"
    """Passes over the data, 1..50."""
    batch_size: _BatchSize = "auto"
    """Examples a step, 1..256."""
    learning_rate_multiplier: _Rate = "auto"
    """Factor on the provider's learning rate, above 0."""


class DirectPreference(Frozen):
    """Train on pairs of a preferred and a rejected answer (DPO)."""

    type: Literal["dpo"] = "dpo"
    """Tells the methods apart."""
    n_epochs: _Epochs = "auto"
    """Passes over the data, 1..50."""
    batch_size: _BatchSize = "auto"
    """Examples a step, 1..256."""
    learning_rate_multiplier: _Rate = "auto"
    """Factor on the provider's learning rate, above 0."""
    beta: Annotated[float, Field(gt=0, le=2)] | Auto = "auto"
    """How hard the old model holds, above 0 up to 2: small values move further from it."""


class Reinforcement(Frozen):
    """Train on prompts whose answers a grader scores (RFT)."""

    type: Literal["reinforcement"] = "reinforcement"
    """Tells the methods apart."""
    grader: Mapping[str, JsonValue]
    """The grader in the provider's own form; it is passed on as it is."""
    response_format: Mapping[str, JsonValue] | None = None
    """JSON schema that answers must follow, in the provider's form; None for free text."""
    n_epochs: _Epochs = "auto"
    """Passes over the data, 1..50."""
    batch_size: _BatchSize = "auto"
    """Examples a step, 1..256."""
    learning_rate_multiplier: _Rate = "auto"
    """Factor on the provider's learning rate, above 0."""
    compute_multiplier: Annotated[float, Field(gt=0.00001, le=10)] | Auto = "auto"
    """Factor on the exploration's computing effort, above 0.00001 up to 10."""
    eval_interval: Annotated[int, Field(ge=1)] | Auto = "auto"
    """Steps between two evaluations, at least 1."""
    eval_samples: Annotated[int, Field(ge=1)] | Auto = "auto"
    """Answers an evaluation draws for each row, at least 1."""
    reasoning_effort: Literal["default", "low", "medium", "high"] = "default"
    """How long the model may think."""


TuningMethod = Annotated[Supervised | DirectPreference | Reinforcement, Field(discriminator="type")]
"""One of the three ways of fine-tuning, told apart by `type`."""


class WandbIntegration(Frozen):
    """Report the run's metrics to Weights & Biases; its key is registered with the provider."""

    project: str
    """Project to report to."""
    name: str | None = None
    """Name of the run; None takes the job's id."""
    entity: str | None = None
    """Team or user; None takes the key's default."""
    tags: tuple[str, ...] = ()
    """Tags of the run."""


class JobSpec(Frozen):
    """Everything that decides what a fine-tuning job makes."""

    model: ModelId
    """Base model, with its version, or an earlier tuned model to continue from."""
    training_file: FileId
    """Uploaded training file (purpose `fine-tune`)."""
    validation_file: FileId | None = None
    """Uploaded validation file; no row of it may be in the training file."""
    method: TuningMethod = Field(default_factory=Supervised)
    """How to train."""
    suffix: str | None = Field(default=None, min_length=1, max_length=64)
    """Becomes part of the model's name, 1..64 characters; some clouds allow 18."""
    seed: int | None = Field(default=None, ge=0, le=2147483647)
    """For repeatable runs, 0..2147483647; None lets the provider choose."""
    metadata: Mapping[str, str] = Field(default_factory=dict, max_length=16)
    """At most 16 pairs, key at most 64 and value at most 512 characters; finds the job again."""
    tier: TrainingTier | None = None
    """Where to train; None takes the profile's, also for a cloud's own spelling."""
    integrations: tuple[WandbIntegration, ...] = ()
    """Where else to report metrics."""


class JobStatus(StrEnum):
    """Where a job stands.

    A provider's set is open. An unknown word becomes `OTHER`, which is neither running nor final.
    """

    PENDING = "pending"
    VALIDATING_FILES = "validating_files"
    QUEUED = "queued"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    OTHER = "other"
    """A word this version does not know; it stands in `Job.raw_status`."""

    @classmethod
    def parse(cls, word: str) -> JobStatus:
        """Read a provider's word; Azure's older `canceled` is known, others become `OTHER`."""
        known = {member.value: member for member in cls if member is not cls.OTHER}
        return known.get("cancelled" if word == "canceled" else word, cls.OTHER)

    @property
    def is_final(self) -> bool:
        """Whether the job will not change any more."""
        return self in {JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED}

    @property
    def is_held(self) -> bool:
        """Whether the job stands still until it is resumed."""
        return self in {JobStatus.PAUSING, JobStatus.PAUSED}


class JobFailure(Frozen):
    """Why a provider ended a job."""

    code: str | None = None
    """The provider's code such as `invalid_training_file`; an open set."""
    message: SaidText = ""
    """The provider's explanation; it may name lines of the training file."""
    param: str | None = None
    """The parameter the provider blames."""


class Job(Frozen):
    """A fine-tuning job as the provider reports it; fields it leaves out or nulls are None."""

    id: JobId
    """The provider's id."""
    status: JobStatus
    """Where it stands."""
    raw_status: str
    """The provider's own word."""
    model: ModelId
    """The base model."""
    fine_tuned_model: ModelId | None = None
    """The tuned model; None until the job has succeeded."""
    training_file: FileId
    """The training file."""
    validation_file: FileId | None = None
    """The validation file; None when there is none."""
    result_files: tuple[FileId, ...] = ()
    """Files with metrics a step; empty until the end, and where the provider gives none."""
    method: TuningMethod | None = None
    """How it trains, with the values the provider chose; None where it does not say."""
    trained_tokens: int | None = None
    """Billed tokens over all epochs; None until the job has succeeded."""
    failure: JobFailure | None = None
    """Why it failed; None while it has not."""
    suffix: str | None = None
    """What was asked for as part of the model's name; None where the provider does not say."""
    seed: int | None = None
    """The seed in use; None where the provider does not say."""
    metadata: Mapping[str, str] = Field(default_factory=dict)
    """What the creator attached; empty where the provider keeps none."""
    tier: str | None = None
    """Where it trains, in the provider's spelling; None where it does not say."""
    created_at: datetime
    """When it was made; aware, UTC."""
    finished_at: datetime | None = None
    """When it ended; aware, UTC; None while it has not."""
    estimated_finish: datetime | None = None
    """When the provider expects the end; aware, UTC; None when it does not say."""
    organization_id: str | None = None
    """The owning organization; None on Azure."""


class JobEvent(Frozen):
    """One line of a job's log."""

    id: EventId
    """The provider's id; an event that is reported twice keeps it."""
    created_at: datetime
    """When it happened; aware, UTC."""
    level: str = "info"
    """`info`, `warn` or `error`; an open set."""
    message: SaidText = ""
    """The provider's words."""
    type: str = "message"
    """`message`, `metrics`, `moderation_checks`; an open set."""
    data: Mapping[str, JsonValue] = Field(default_factory=dict)
    """Metrics of a step (`step`, `train_loss`, …) and whatever else the provider attaches."""


class StepMetrics(Frozen):
    """How training stood at one step; losses are at least 0, accuracies within 0..1."""

    step: int | None = None
    """Number of the step, from 1."""
    train_loss: float | None = None
    """Loss on the batch."""
    train_mean_token_accuracy: float | None = None
    """Share of tokens predicted right on the batch."""
    valid_loss: float | None = None
    """Loss on a sample of the validation file."""
    valid_mean_token_accuracy: float | None = None
    """Share of tokens predicted right on a sample of the validation file."""
    full_valid_loss: float | None = None
    """Loss on the whole validation file."""
    full_valid_mean_token_accuracy: float | None = None
    """Share of tokens predicted right on the whole validation file."""


class Checkpoint(Frozen):
    """A usable state of the model before the end of training."""

    id: CheckpointId
    """The provider's id."""
    job: JobId
    """The job that made it."""
    step: int
    """Step after which it was taken, from 1."""
    model: ModelId
    """What chat (or a deployment) names to use it."""
    metrics: StepMetrics = Field(default_factory=StepMetrics)
    """How training stood."""
    created_at: datetime
    """When it was taken; aware, UTC."""
