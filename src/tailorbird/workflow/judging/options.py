"""How answers are judged."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tailorbird.types.base import Settings
from tailorbird.types.chat import ChatOptions
from tailorbird.types.judgements import HumanLabel
from tailorbird.workflow.answering.arm import DEFAULT_CONCURRENCY
from tailorbird.workflow.judging.rubrics import RUBRICS, Rubric

DEFAULT_QUESTIONS = 200
"""Questions whose answers are judged when nothing else is said: six arms and three rubrics make at
most 3,600 calls of them, and a share of one half has an interval of 7 points to either side."""


class JudgeOptions(Settings):
    """How answers are judged by a model."""

    role: str = "judge"
    """Which role judges: one that is not of the family of the models that are compared."""
    rubrics: tuple[Rubric, ...] = Field(default=RUBRICS, min_length=1)
    """By what each answer is judged: correctness, style and groundedness, or rubrics of one's own;
    names must be unique."""
    questions: int | None = Field(default=DEFAULT_QUESTIONS, ge=1)
    """How many questions have their answers judged, drawn by `seed`, the same ones for all arms;
    None judges all."""
    seed: int = 7
    """Draws the questions, and what is asked again."""
    repeat: float = Field(default=0.1, ge=0, le=1)
    """Share of the judgements that are asked for twice, to see how steady the judge is, 0..1."""
    labels: tuple[HumanLabel, ...] = ()
    """What people say of some answers, to hold the judge against; answers that are labeled are
    judged whether their question was drawn or not."""
    own_family: Literal["tell", "refuse"] = "tell"
    """What to do when models that are compared are of the judge's family: say so in the report, or
    raise before anything is judged."""
    decides: bool = False
    """Whether the judge decides what is right (`Scores.correct`) where it judged correctness: the
    highest level is right, every other one is wrong. Everything that was not judged then has no
    `correct`, except for questions about style and those that nobody can answer."""
    concurrency: int = Field(default=DEFAULT_CONCURRENCY, ge=1, le=1_000)
    """How many judgements to ask for at once, 1..1,000."""
    chat: ChatOptions = Field(default_factory=ChatOptions)
    """How the judge is asked."""
