"""Fine-tuning jobs as they stand in requests and answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, cast

from pydantic import ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from tailorbird._openai_sdk.answers import (
    Id,
    Seconds,
    Text,
    Wire,
    moment,
    moment_or_none,
)
from tailorbird._openai_sdk.paging import Listed
from tailorbird.data.training.figures import step_metrics
from tailorbird.types.ids import CheckpointId, EventId, FileId, JobId, ModelId
from tailorbird.types.jobs import (
    Checkpoint,
    Job,
    JobEvent,
    JobFailure,
    JobSpec,
    JobStatus,
    TuningMethod,
    WandbIntegration,
)

_METHOD: TypeAdapter[TuningMethod] = TypeAdapter(
    TuningMethod, config=ConfigDict(defer_build=True, hide_input_in_errors=True)
)
# What stands beside the hyperparameters, not among them.
_BESIDE = ("grader", "response_format")


def method_body(method: TuningMethod) -> dict[str, object]:
    """Give a method as it is sent.

    What is left to the provider is left out: some models at Azure refuse the word `auto`
    (Microsoft Learn, "Customize a model with fine-tuning", read 2026-11-22).
    """
    chosen = method.model_dump(exclude={"type"}, exclude_none=True)
    inner: dict[str, object] = {name: chosen.pop(name) for name in _BESIDE if name in chosen}
    settled = {name: value for name, value in chosen.items() if value not in {"auto", "default"}}
    if settled:
        inner["hyperparameters"] = settled
    body: dict[str, object] = {"type": method.type}
    if inner:
        body[method.type] = inner
    return body


def spec_body(spec: JobSpec) -> dict[str, object]:
    """Give what every provider takes of a specification, as it is sent."""
    body: dict[str, object] = {
        "model": spec.model,
        "training_file": spec.training_file,
        "method": method_body(spec.method),
    }
    if spec.validation_file is not None:
        body["validation_file"] = spec.validation_file
    if spec.suffix is not None:
        body["suffix"] = spec.suffix
    if spec.seed is not None:
        body["seed"] = spec.seed
    if spec.integrations:
        body["integrations"] = [_integration(one) for one in spec.integrations]
    return body


class WireFailure(Wire):
    """Why a job ended; OpenAI sends one without content for a job that has not failed."""

    code: str | None = None
    """The provider's code."""
    message: str | None = None
    """Its words."""
    param: str | None = None
    """What it blames."""

    def failure(self) -> JobFailure | None:
        """Give it in our own type."""
        if not self.code and not self.message:
            return None
        return JobFailure(code=self.code or None, message=self.message or "", param=self.param)


class WireJob(Listed):
    """A job; Azure nulls or leaves out most of what is optional here."""

    id: Id
    """Its id."""
    status: Text
    """Where it stands."""
    created_at: Seconds
    """When it was made."""
    model: Text
    """The base model."""
    training_file: Text
    """The training file."""
    validation_file: str | None = None
    """The validation file."""
    fine_tuned_model: str | None = None
    """What it made."""
    result_files: list[str | None] | None = None
    """Files with metrics."""
    method: JsonValue = None
    """How it trains."""
    hyperparameters: JsonValue = None
    """Values of a supervised method, where the method does not hold them."""
    trained_tokens: int | None = None
    """Billed tokens."""
    error: WireFailure | None = None
    """Why it failed."""
    user_provided_suffix: str | None = None
    """Part of the model's name that was asked for; in no description, and sent all the same."""
    seed: int | None = None
    """The seed in use."""
    metadata: dict[str, str] | None = None
    """What the creator attached."""
    training_type: Annotated[JsonValue, Field(alias="trainingType")] = None
    """Where Azure trains; a word, or in older answers a number."""
    finished_at: Seconds | None = None
    """When it ended."""
    estimated_finish: Seconds | None = None
    """When its end is expected."""
    organization_id: str | None = None
    """Whose it is."""

    def job(self) -> Job:
        """Give it in our own type."""
        return Job(
            id=JobId(self.id),
            status=JobStatus.parse(self.status),
            raw_status=self.status,
            model=ModelId(self.model),
            fine_tuned_model=ModelId(self.fine_tuned_model) if self.fine_tuned_model else None,
            training_file=FileId(self.training_file),
            validation_file=FileId(self.validation_file) if self.validation_file else None,
            result_files=tuple(FileId(one) for one in self.result_files or () if one),
            method=method_of(self.method, self.hyperparameters),
            trained_tokens=self.trained_tokens,
            failure=None if self.error is None else self.error.failure(),
            suffix=self.user_provided_suffix or None,
            seed=self.seed,
            metadata=self.metadata or {},
            tier=None if self.training_type is None else str(self.training_type),
            created_at=moment(self.created_at),
            finished_at=moment_or_none(self.finished_at),
            estimated_finish=moment_or_none(self.estimated_finish),
            organization_id=self.organization_id or None,
        )


class WireEvent(Listed):
    """One line of a job's log."""

    id: Text
    """Its id."""
    created_at: Seconds
    """When it happened."""
    level: str | None = None
    """How grave it is."""
    message: str | None = None
    """The words."""
    type: str | None = None
    """What it is; an open set."""
    data: JsonValue = None
    """Figures, or whatever else is attached."""

    def event(self) -> JobEvent:
        """Give it in our own type."""
        attached = {} if self.data is None else {"data": self.data}
        return JobEvent(
            id=EventId(self.id),
            created_at=moment(self.created_at),
            level=self.level or "info",
            message=self.message or "",
            type=self.type or "message",
            data=self.data if isinstance(self.data, dict) else attached,
        )


class WireCheckpoint(Listed):
    """A checkpoint."""

    id: Text
    """Its id."""
    created_at: Seconds
    """When it was taken."""
    fine_tuned_model_checkpoint: Text
    """What calls, or a deployment, name to use it."""
    step_number: int
    """Step after which it was taken."""
    metrics: dict[str, JsonValue] | None = None
    """How training stood."""

    def checkpoint(self, job_id: JobId) -> Checkpoint:
        """Give it in our own type."""
        return Checkpoint(
            id=CheckpointId(self.id),
            job=job_id,
            step=self.step_number,
            model=ModelId(self.fine_tuned_model_checkpoint),
            metrics=step_metrics(self.metrics or {}),
            created_at=moment(self.created_at),
        )


def method_of(method: object, hyperparameters: object) -> TuningMethod | None:
    """Read how a job trains; None when it does not say, or says what this version does not know.

    Values that are missing, null or outside of the documented ranges count as `auto`.
    """
    table = _table(method)
    kind = table.get("type")
    inner = _table(table.get(str(kind)))
    values = _table(inner.get("hyperparameters"))
    if kind == "supervised" and not values:
        values = _table(hyperparameters)
    told = {**values, **{name: inner.get(name) for name in _BESIDE}, "type": kind}
    return _valid({name: value for name, value in told.items() if value is not None})


def _valid(told: Mapping[str, object]) -> TuningMethod | None:
    try:
        return _METHOD.validate_python(told)
    except ValidationError as exc:
        # A place is the method's kind and then the name of what is wrong.
        wrong = {one["loc"][1] for one in exc.errors(include_input=False) if len(one["loc"]) > 1}
    kept = {name: value for name, value in told.items() if name not in wrong}
    return None if len(kept) == len(told) else _valid(kept)


def _integration(integration: WandbIntegration) -> dict[str, object]:
    told = integration.model_dump(mode="json", exclude_none=True)
    if not integration.tags:
        del told["tags"]
    return {"type": "wandb", "wandb": told}


def _table(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}
