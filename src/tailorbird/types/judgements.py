"""What a judge is asked for, what it says of answers, and how far it can be trusted."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field

from tailorbird.exceptions import Problem
from tailorbird.types.base import Frozen, SaidText
from tailorbird.types.ids import ModelId
from tailorbird.types.usage import Usage

Better = Literal["first", "second", "tie"]
"""Which of two answers is better."""


class GradeReply(Frozen):
    """The form in which a judge grades an answer; nothing is checked yet.

    The reason comes first: a grade that follows from a reason is steadier than one that a reason
    is found for afterwards.
    """

    reason: SaidText = Field(description="Why, in one or two sentences.")
    """Why."""
    level: int = Field(description="The number of the level that fits best.")
    """The number of the level, from 0."""


class PreferenceReply(Frozen):
    """The form in which a judge compares two answers; nothing is checked yet."""

    reason: SaidText = Field(description="Why, in one or two sentences.")
    """Why."""
    better: Literal["A", "B", "tie"] = Field(description="The better answer, or tie.")
    """The better answer."""


class Grade(Frozen):
    """What the judge says of one answer by one rubric."""

    rubric: str
    """Name of the rubric."""
    value: float | None
    """The level as a share of the highest one, 0..1; None when there is no judgement."""
    reason: str = ""
    """Why, in the judge's words."""
    error: str | None = None
    """Why there is no judgement, without content; None when there is one."""
    reused: bool = False
    """Whether it was taken from an earlier run instead of being asked for again."""


class Preference(Frozen):
    """Which of two answers to one question the judge prefers, asked in both orders."""

    question: str
    """Id of the question."""
    better: Better
    """The one that is preferred in both orders, else `tie`."""
    flipped: bool = False
    """Whether the verdict changed when the answers changed places: then it is a `tie`."""
    reasons: tuple[str, ...] = ()
    """The judge's words, one for each order."""


class HumanLabel(Frozen):
    """What a person says of one answer, to hold the judge against."""

    arm: str
    """Name of the arm that gave the answer."""
    question: str
    """Id of the question."""
    right: bool
    """Whether the answer is right."""
    answer: str | None = None
    """The answer that the person saw; a label of another answer is left out. None takes any."""
    source: str = "<data>"
    """Name of the file that it was read from; `<data>` for one that came from no file."""
    line: int | None = None
    """Physical line in the file, counted from 1; None for one that came from no file."""


class Agreement(Frozen):
    """How far two series of judgements agree."""

    rubric: str
    """Name of the rubric."""
    n: int = Field(ge=0)
    """How many answers were judged twice."""
    share: float | None
    """Share of them with the same judgement, 0..1; None without any."""
    kappa: float | None
    """Cohen's kappa, -1..1: 0 is what chance would give, 1 is full agreement; None without any, and
    where everything was given the same judgement, so that chance alone gives full agreement."""


class JudgeReport(Frozen):
    """Who judged, what it took, and how far it can be trusted."""

    model: ModelId
    """The model that judged."""
    rubrics: tuple[str, ...]
    """By what."""
    questions: int = Field(ge=0)
    """How many questions had their answers judged."""
    judged: int = Field(ge=0)
    """How many judgements there are, repetitions not counted."""
    reused: int = Field(default=0, ge=0)
    """How many of them were known from an earlier run, or from another arm's equal answer."""
    failed: int = Field(default=0, ge=0)
    """How many were asked for in vain."""
    usage: Usage = Field(default_factory=Usage)
    """Tokens of all judgements, those of earlier runs and repetitions included."""
    usd: Decimal | None = None
    """US dollars for these tokens; None when the price of the model is not known."""
    consistency: tuple[Agreement, ...] = ()
    """By rubric: how often the judge said the same when it was asked again."""
    people: Agreement | None = None
    """How often it agreed with the labels of people on what is right; None without labels."""
    problems: tuple[Problem, ...] = ()
    """Which of these labels do not count, by reason; empty where all of them do."""
    family: str = ""
    """Family of the judging model."""
    own_family: tuple[str, ...] = ()
    """Arms whose models are of the judge's family, which judges tend to favor."""
    caveats: tuple[str, ...] = ()
    """What a reader of the figures must know."""


class PreferenceReport(Frozen):
    """Two arms, answer by answer, as the judge prefers them."""

    arm: str
    """The arm in question: its answers are `first`."""
    baseline: str
    """The arm it is compared with: its answers are `second`."""
    model: ModelId
    """The model that judged."""
    n: int = Field(ge=0)
    """Questions with a judgement in both orders; equal answers are ties without being asked."""
    wins: int = Field(ge=0)
    """Questions on which `arm` was preferred in both orders."""
    losses: int = Field(ge=0)
    """Questions on which `baseline` was."""
    ties: int = Field(ge=0)
    """The others."""
    flipped: int = Field(ge=0)
    """Those of the ties where the verdict changed with the order: the judge's position bias."""
    failed: int = Field(default=0, ge=0)
    """Questions for which a judgement was asked for in vain."""
    p_value: float
    """Two-sided exact sign test over wins and losses."""
    usage: Usage = Field(default_factory=Usage)
    """Tokens of all judgements, those of earlier runs included."""
    preferences: tuple[Preference, ...] = ()
    """Question by question."""
    caveats: tuple[str, ...] = ()
    """What a reader of the figures must know."""
