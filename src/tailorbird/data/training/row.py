"""What is known about a training row while it is checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, cast

from tailorbird.types.questions import Example, GradedPrompt, PreferencePair

if TYPE_CHECKING:
    from tailorbird.data.row_report import RowReport
    from tailorbird.data.training.rules import TrainingRules

TrainingKind = Literal["sft", "dpo", "rft"]
"""What a training file is for: supervised, preference (DPO) or reinforcement training."""

AnyExample = Example | PreferencePair | GradedPrompt
"""One row of a training file, whatever it is for."""

PLAIN_ROLES = ("system", "developer", "user", "assistant")
"""Who speaks in rows without tools."""

JsonObject = dict[str, object]
"""An object as it was read."""


@dataclass(slots=True)
class TrainingRow:
    """A row under examination: where problems go, what holds, and what was counted."""

    kind: TrainingKind
    """What the file is for."""
    rules: TrainingRules
    """What the provider accepts."""
    report: RowReport
    """Where problems go."""
    roles: list[str] = field(default_factory=list[str])
    """Who speaks, in order, in all conversations and answers of the row."""
    texts: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """What is trained on: path and text, in order."""
    unlearned: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """What is only checked, such as what a grader compares with."""
    names: int = 0
    """How many messages name their speaker."""
    images: int = 0
    """How many images the row holds."""


def object_in(value: object) -> JsonObject:
    """Give a value that should be an object; an empty one when it is something else."""
    return cast("JsonObject", value) if isinstance(value, dict) else {}


def list_in(value: object) -> list[object]:
    """Give a value that should be a list; an empty one when it is something else."""
    return cast("list[object]", value) if isinstance(value, list) else []
