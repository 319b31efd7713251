"""What a run of fine-tuning is to make, and what tells it from every other one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from tailorbird.exceptions import InvalidInputError
from tailorbird.types.base import Frozen
from tailorbird.types.ids import ModelId
from tailorbird.types.jobs import TrainingTier, TuningMethod

_RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def check_run_name(name: str) -> None:
    """Do nothing for a name that can stand for a run, in a file name and at a provider.

    Raises:
        InvalidInputError: It is empty, too long, or holds other characters.
    """
    if not _RUN_NAME.fullmatch(name):
        message = (
            f"{name!r} cannot name a run: use 1 to 64 letters, digits, '_', '.' or '-',"
            " beginning with a letter or digit"
        )
        raise InvalidInputError(message)


class TrainingFile(Frozen):
    """A checked training file on disk, ready to be uploaded."""

    path: Path
    """Where it is."""
    sha256: str
    """Hash of its bytes, in hexadecimal."""
    examples: int = Field(ge=1)
    """How many rows it has."""


class TuneRequest(Frozen):
    """Everything that decides what a run makes; the same request under one name is one job."""

    name: str
    """The run's name: 1 to 64 letters, digits, `_`, `.`, `-`."""
    base: ModelId
    """Base model."""
    method: TuningMethod
    """How to train."""
    training: TrainingFile
    """What to train on."""
    validation: TrainingFile | None = None
    """What to validate on; None for nothing."""
    suffix: str | None = None
    """Part of the model's name; None leaves it out."""
    seed: int | None = None
    """Seed of the training; None lets the provider choose."""
    tier: TrainingTier | None = None
    """Where to train; None takes the profile's."""

    def run_key(self, *, identity: str) -> str:
        """Give a hash of the intent: account, name, data, base and method."""
        parts = [
            identity,
            self.name,
            self.base,
            self.method.model_dump_json(),
            self.training.sha256,
            self.validation.sha256 if self.validation else "",
            self.suffix or "",
            str(self.seed),
            self.tier or "",
        ]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def summary(self) -> Mapping[str, str]:
        """Give what a reader needs to see why two requests differ."""
        return {
            "base": self.base,
            "method": self.method.model_dump_json(exclude_none=True),
            "training": self.training.sha256,
            "validation": self.validation.sha256 if self.validation else "none",
            "suffix": self.suffix or "none",
            "seed": "any" if self.seed is None else str(self.seed),
            "tier": self.tier or "profile",
        }


class TunePlan(Frozen):
    """A run as it is written down before it starts: enough to finish it in another process."""

    request: TuneRequest
    """What is asked for."""
    system: str | None = None
    """The exact system prompt of all training rows; None when they have none or differ."""
    split: Mapping[str, str | int | float] = Field(default_factory=dict)
    """How the rows were split from the held-out ones; empty when that is not known."""
