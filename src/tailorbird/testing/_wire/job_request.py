"""What a fine-tuning job is asked for with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field, JsonValue, ValidationError

from tailorbird.testing._wire.bodies import WireModel, invalid
from tailorbird.types.ids import FileId, ModelId
from tailorbird.types.jobs import (
    DirectPreference,
    JobSpec,
    Reinforcement,
    Supervised,
    WandbIntegration,
)

if TYPE_CHECKING:
    from tailorbird.types.jobs import TrainingTier, TuningMethod

_Tuning: TypeAlias = dict[str, JsonValue]

_TIERS: dict[str, TrainingTier] = {
    "standard": "standard",
    "globalstandard": "global",
    "datazonestandard": "data-zone",
    "developertier": "developer",
    "developer": "developer",
}
# Spellings that were seen to work, whatever their case: pages of 2025 and 2026, and users' reports.
TIER_WORDS: dict[str, str] = {
    "standard": "Standard",
    "global": "GlobalStandard",
    "data-zone": "DataZoneStandard",
    "developer": "developerTier",
}
"""How a job shows its tier."""


class _Hyperparameters(WireModel):
    hyperparameters: _Tuning | None = None
    grader: _Tuning | None = None
    response_format: _Tuning | None = None


class _Method(WireModel):
    type: Literal["supervised", "dpo", "reinforcement"]
    supervised: _Hyperparameters | None = None
    dpo: _Hyperparameters | None = None
    reinforcement: _Hyperparameters | None = None


class _Wandb(WireModel):
    project: str
    name: str | None = None
    entity: str | None = None
    tags: list[str] | None = None


class _Integration(WireModel):
    type: Literal["wandb"]
    wandb: _Wandb


class JobBody(WireModel):
    """Body of `POST /fine_tuning/jobs`."""

    model: str
    """Base model, or a tuned one to go on from."""
    training_file: str
    """Id of the training file."""
    validation_file: str | None = None
    """Id of the validation file."""
    method: _Method | None = None
    """How to train."""
    hyperparameters: _Tuning | None = None
    """The older place for the numbers of supervised training."""
    suffix: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """Becomes part of the model's name."""
    seed: Annotated[int, Field(ge=0, le=2147483647)] | None = None
    """For runs that can be repeated."""
    metadata: Annotated[dict[str, str], Field(max_length=16)] | None = None
    """Pairs to find the job by."""
    integrations: list[_Integration] | None = None
    """Where else to report metrics."""


class AzureJobBody(JobBody):
    """The same on Azure."""

    trainingType: str | Literal[1] | None = None  # noqa: N815 - the name on the wire
    """Where to train."""

    ignored: ClassVar[frozenset[str]] = frozenset({"expires_after"})


def spec_of(body: JobBody) -> JobSpec:
    """Read what to make.

    Raises:
        WireError: A number is out of its range, or a word is unknown.
    """
    try:
        return JobSpec(
            model=ModelId(body.model),
            training_file=FileId(body.training_file),
            validation_file=None if body.validation_file is None else FileId(body.validation_file),
            method=_method(body),
            suffix=body.suffix,
            seed=body.seed,
            metadata=body.metadata or {},
            tier=_tier(body),
            integrations=tuple(
                WandbIntegration(
                    project=one.wandb.project,
                    name=one.wandb.name,
                    entity=one.wandb.entity,
                    tags=tuple(one.wandb.tags or ()),
                )
                for one in body.integrations or ()
            ),
        )
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False, include_context=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "method"
    raise invalid(f"method.{name}", f"Invalid value for {name!r}: {first['msg']}.")


def _method(body: JobBody) -> TuningMethod:
    method = body.method
    if method is None:
        return Supervised.model_validate(body.hyperparameters or {})
    chosen = {
        "supervised": method.supervised,
        "dpo": method.dpo,
        "reinforcement": method.reinforcement,
    }[method.type] or _Hyperparameters()
    numbers = chosen.hyperparameters or {}
    if method.type == "supervised":
        return Supervised.model_validate(numbers)
    if method.type == "dpo":
        return DirectPreference.model_validate(numbers)
    if chosen.grader is None:
        raise invalid(
            "method.reinforcement.grader",
            "Missing required parameter: 'method.reinforcement.grader'.",
            code="missing_required_parameter",
        )
    return Reinforcement.model_validate(
        {**numbers, "grader": chosen.grader, "response_format": chosen.response_format}
    )


def _tier(body: JobBody) -> TrainingTier | None:
    word = body.trainingType if isinstance(body, AzureJobBody) else None
    if word is None:
        return None
    if word == 1:
        # What litellm sends: users report that it trains where leaving it out, the standard tier,
        # does not. So the number of the next word, the global tier; our conclusion.
        return "global"
    if word.lower() not in _TIERS:
        raise invalid(
            "trainingType", f"The training type {word[:40]!r} is not supported for this model."
        )
    return _TIERS[word.lower()]
