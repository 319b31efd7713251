"""What a comparison found, as plain data that can be stored, compared and shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import Field

from tailorbird.types.answers import Answer
from tailorbird.types.base import Frozen
from tailorbird.types.chat import ChatOptions
from tailorbird.types.filters import Filter
from tailorbird.types.ids import IndexName, ModelId
from tailorbird.types.questions import Question
from tailorbird.types.retrieval import SearchMode
from tailorbird.types.tuned import TunedModel
from tailorbird.types.usage import Usage
from tailorbird.workflow.searching.selection import Selection

Metric = Literal[
    "correct",
    "exact",
    "contains",
    "f1",
    "chrf",
    "numbers",
    "abstention",
    "style",
    "citation",
    "retrieved",
]
"""What is measured for each answer; `workflow.comparing.scoring` says how."""

DEFAULT_CONCURRENCY = 16
"""Answers that are asked for at once: more only queues in the connection pool, which an own limit
of about 32 keeps flat (our measurement of 2026-11-22 on two cores)."""

ALL_KINDS = "all"
"""The row of a table that takes all kinds of question together."""


class Shot(Frozen):
    """A worked example that is shown to the model before the question."""

    question: str
    """What was asked."""
    answer: str
    """What was answered."""


class Arm(Frozen):
    """One way of answering a question; a comparison asks every question of every arm."""

    name: str = Field(min_length=1, max_length=60)
    """Shown in tables; unique within a comparison."""
    model: ModelId
    """Model or deployment that is asked."""
    system: str | None = None
    """System prompt that is sent; None sends none."""
    shots: tuple[Shot, ...] = ()
    """Worked examples; all of them are sent, or the nearest `nearest_shots`."""
    nearest_shots: int = Field(default=0, ge=0)
    """How many of `shots` to pick by nearness to the question; 0 sends all of them."""
    tuned: TunedModel | None = None
    """The tuned model behind `model`; None for an arm without tuning."""
    index: IndexName | None = None
    """Index that passages are taken from; None for an arm without retrieval."""
    index_version: str = ""
    """Version of the index's content when the arm was made; part of the fingerprint."""
    top_k: int = Field(default=5, ge=1, le=50)
    """How many passages the model sees, 1..50."""
    mode: SearchMode | None = None
    """How passages are searched; None takes the best the engine offers."""
    where: Filter | None = None
    """Which chunks are looked at; None looks at all."""
    selection: Selection = Field(default_factory=Selection)
    """What is left out of the passages that were found, and what is joined."""
    only_from_data: bool = False
    """Whether the arm abstains without asking when no passage is near enough, and when no citation
    of the answer could be verified."""
    form: bool | None = None
    """Whether an answer from passages is asked for as a form with quotes (`GroundedReply`); None
    takes one where the provider offers it and the model was not tuned to answer in plain text."""
    options: ChatOptions = Field(default_factory=ChatOptions)
    """How the model is asked."""


class Scores(Frozen):
    """How good one answer is; each number is in 0..1, None where it does not apply."""

    correct: float | None = None
    """1 when the answer counts as right, else 0; the figure that paired tests compare."""
    exact: float | None = None
    """1 when the normalized text equals an accepted answer, else 0; house style included."""
    contains: float | None = None
    """1 when an accepted answer stands in the normalized text, else 0; without house style."""
    f1: float | None = None
    """Overlap with the best accepted answer, of words or CJK characters; without house style."""
    chrf: float | None = None
    """Character n-gram F-score against the best accepted answer; house style included."""
    numbers: float | None = None
    """Share of the reference's numbers that stand in the answer; None when it has none."""
    abstention: float | None = None
    """1 when declining or answering was right for this question, else 0."""
    style: float | None = None
    """1 when the answer has the references' house style, else 0; None where they share none."""
    citation: float | None = None
    """Share of the citations that name an expected source; None without citations or sources."""
    retrieved: float | None = None
    """1 when an expected source was among the passages, else 0; None without retrieval."""


class Outcome(Frozen):
    """What one arm said to one question, and how good it is."""

    arm: str
    """Name of the arm."""
    question: str
    """Id of the question."""
    answer: Answer | None
    """What came back; None when the call failed."""
    scores: Scores
    """How good it is; all None when the call failed."""
    error: str | None = None
    """Why the call failed, without content; None when it did not."""
    reused: bool = False
    """Whether the answer was taken from an earlier run instead of being asked again."""


class Cell(Frozen):
    """One figure of the summary."""

    arm: str
    """Name of the arm."""
    kind: str
    """Kind of question, or `all`."""
    metric: Metric
    """What is measured."""
    n: int = Field(ge=1)
    """How many answers it rests on."""
    value: float
    """Mean over these answers, 0..1."""
    low: float
    """Lower end of the 95 % interval."""
    high: float
    """Upper end of the 95 % interval."""


PairWord = Literal["better", "worse", "no difference shown", "too few questions"]
"""What a paired test allows to say."""


class Pair(Frozen):
    """Two arms on the same questions, compared question by question."""

    arm: str
    """The arm in question."""
    baseline: str
    """The arm it is compared with."""
    kind: str
    """Kind of question, or `all`."""
    n: int = Field(ge=0)
    """How many questions both arms were scored on."""
    wins: int = Field(ge=0)
    """Questions that only `arm` got right."""
    losses: int = Field(ge=0)
    """Questions that only `baseline` got right."""
    difference: float
    """Share right of `arm` minus that of `baseline`, -1..1."""
    p_value: float
    """Two-sided exact McNemar test."""
    p_adjusted: float
    """The same after Holm's correction over all pairs of the kind."""
    word: PairWord
    """What follows at the 5 % level."""


class ArmFigures(Frozen):
    """What an arm costs in time, tokens and money."""

    arm: str
    """Name of the arm."""
    answers: int = Field(ge=0)
    """How many answers it gave."""
    failed: int = Field(default=0, ge=0)
    """How many calls failed."""
    abstained: int = Field(default=0, ge=0)
    """How often it said that it cannot answer."""
    latency_p50_s: float | None = None
    """Median seconds for an answer, by the provider's clock; None without answers."""
    latency_p95_s: float | None = None
    """Seconds within which 95 % of the answers came; None without answers."""
    usage: Usage = Field(default_factory=Usage)
    """Tokens of all answers together."""
    usd: Decimal | None = None
    """US dollars for these tokens; None when the price of the model is not known."""
    usd_per_1000: Decimal | None = None
    """US dollars for a thousand questions like these; None when the price is not known."""


class Verdict(Frozen):
    """What to do, in words, and the figures it rests on."""

    headline: str
    """One sentence."""
    recommended: str | None
    """Name of the arm to take; None when the data cannot tell."""
    reasons: tuple[str, ...]
    """The figures, one sentence each."""
    caveats: tuple[str, ...] = ()
    """What the reader must keep in mind."""


class ComparisonData(Frozen):
    """Arms × questions: everything that was asked, answered, scored and concluded."""

    name: str
    """Name of the run."""
    provider: str
    """Provider that was asked."""
    created_at: datetime
    """When it was finished; aware, UTC, by the provider's clock."""
    arms: tuple[Arm, ...]
    """The arms, in the order of the tables."""
    questions: tuple[Question, ...]
    """The questions."""
    outcomes: tuple[Outcome, ...]
    """One for each arm and question, arm by arm, in the order of the questions."""
    summary: tuple[Cell, ...]
    """Figures by arm, kind and metric."""
    pairwise: tuple[Pair, ...]
    """Arms against each other."""
    figures: tuple[ArmFigures, ...]
    """Time, tokens and money by arm."""
    verdict: Verdict
    """What to do."""
    settings: Mapping[str, str | int | float | bool] = Field(default_factory=dict)
    """What the run depended on beside arms and questions, such as `held_out` and `seed`."""
