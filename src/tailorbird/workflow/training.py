"""Turn a user's rows into a checked training file and a plan that names it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, ValidationError

from tailorbird.exceptions import InvalidInputError
from tailorbird.types.base import Frozen
from tailorbird.types.ids import ModelId
from tailorbird.types.jobs import Supervised, TrainingTier, TuningMethod

if TYPE_CHECKING:
    from tailorbird.data import ExampleSet, QuestionSet


class TuneOptions(Frozen):
    """How to tune; what is None is left to profile and provider."""

    base: ModelId | None = None
    """Base model; None takes the role `tune_base`."""
    method: TuningMethod = Field(default_factory=Supervised)
    """How to train."""
    suffix: str | None = Field(default=None, min_length=1, max_length=64)
    """Part of the model's name."""
    seed: int | None = Field(default=None, ge=0, le=2147483647)
    """For repeatable runs."""
    tier: TrainingTier | None = None
    """Where to train, on clouds that offer the choice."""
