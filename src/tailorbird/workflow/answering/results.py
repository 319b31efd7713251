"""What a comparison found, as plain data that can be stored, compared and shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import Field
from typing_extensions import override

from tailorbird.types.answers import Answer
from tailorbird.types.base import Frozen
from tailorbird.types.judgements import Grade, JudgeReport
from tailorbird.types.questions import Question
from tailorbird.types.usage import Usage
from tailorbird.workflow.answering.arm import Arm
from tailorbird.workflow.money.volume import Costs

Metric = Literal[
    "correct",
    "exact",
    "contains",
    "f1",
    "chrf",
    "numbers",
    "dates",
    "similarity",
    "abstention",
    "style",
    "tone",
    "citation",
    "grounded",
    "obedience",
    "retrieved",
    "recall",
]
"""What is measured for each answer; `workflow.comparing.scoring` says how."""

ALL_KINDS = "all"
"""The row of a table that takes all kinds of question together."""


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
    dates: float | None = None
    """Share of the reference's dates that stand in the answer, however written; None when it has
    none."""
    similarity: float | None = None
    """Cosine of the embeddings of the answer and the nearest accepted one, at least 0; None unless
    it was asked for."""
    abstention: float | None = None
    """1 when declining or answering was right for this question, else 0."""
    style: float | None = None
    """1 when the answer has the references' house style, else 0; None where they share none."""
    tone: float | None = None
    """How much the whole text is written like the answers that were learned from, by characters
    and length; None where these are fewer than three."""
    citation: float | None = None
    """Share of the citations that name an expected source; None without citations or sources."""
    grounded: float | None = None
    """Share of the answer's sentences that a cited span supports; None without retrieval, and for
    an answer that declines."""
    obedience: float | None = None
    """1 when the answer to a question of kind `conflict` follows the document that it was shown,
    else 0; None for other kinds, and where the document was not shown."""
    retrieved: float | None = None
    """1 when an expected source was among the passages, else 0; None without retrieval."""
    recall: float | None = None
    """Share of the expected sources that were among the passages; None without retrieval."""
    extra: Mapping[str, float | None] = Field(default_factory=dict)
    """Figures of the user's own scorers and of the judge, by name, in the ranges that these state;
    None where a scorer did not apply."""


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
    grades: tuple[Grade, ...] = ()
    """What the judge says of it, by rubric; empty where it was not judged."""
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
    metric: str
    """What is measured: a `Metric`, or the name of a figure in `Scores.extra`."""
    n: int = Field(ge=1)
    """How many answers it rests on."""
    value: float
    """Mean over these answers, 0..1; of a scorer's figure in the range of that."""
    low: float
    """Lower end of the 95 % interval; of a comparison that might have stopped early, it holds at
    all looks together."""
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
    """Two-sided exact McNemar test; of a comparison that was watched, what `EarlyStop` gives."""
    p_adjusted: float
    """The same after Holm's correction: for `all` over its pairs, for a kind over the pairs of all
    kinds that have enough questions."""
    word: PairWord
    """What follows at the 5 % level."""
    low: float | None = None
    """Lower end of the 95 % interval of the difference (Tango's; of a comparison that was watched,
    what `statistics.watched_difference` gives); None without questions."""
    high: float | None = None
    """Upper end of the 95 % interval of the difference; None without questions."""
    detectable: float | None = None
    """Smallest difference that these questions would show four times out of five, given how often
    the two arms differ; None when not even the largest one possible."""
    more_questions: int | None = None
    """About how many more questions would show the difference that was seen, if it is real; None
    when none was seen, or when it is shown already."""
    watched: bool = False
    """Whether one looked while the questions were asked: then p-values and intervals hold however
    often that was, and whenever asking stopped."""


class Contrast(Frozen):
    """Two arms on the same questions by another metric than `correct`, for all questions."""

    arm: str
    """The arm in question."""
    baseline: str
    """The arm it is compared with."""
    metric: Metric
    """What is compared."""
    n: int = Field(ge=1)
    """How many questions both arms have a value for."""
    difference: float
    """Mean of `arm` minus that of `baseline` on these questions, -1..1."""
    low: float
    """Lower end of the 95 % interval of the difference (paired bootstrap; of a comparison that
    might have stopped early, what `statistics.watched_difference_of` gives)."""
    high: float
    """Upper end of the 95 % interval of the difference."""
    p_value: float
    """Two-sided paired permutation test."""
    p_adjusted: float
    """The same after Holm's correction over all pairs of the metric, and times the looks that were
    planned where the comparison might have stopped at any of them."""
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
    first_token_p50_s: float | None = None
    """Median seconds to the first token, by the provider's clock; None where nothing streamed."""
    usage: Usage = Field(default_factory=Usage)
    """Tokens of all answers together."""
    usd: Decimal | None = None
    """US dollars for these tokens; None when the price of the model is not known."""
    usd_per_1000: Decimal | None = None
    """US dollars for a thousand questions like these; None when the price is not known."""


Decision = Literal[
    "do not fine-tune",
    "retrieve",
    "fine-tune",
    "tune for style and retrieve for facts",
    "fine-tune and retrieve",
    "a prompt is enough",
    "neither helps: write a better prompt",
    "cannot tell yet",
    "take the successor",
]
"""What a comparison leads to; `workflow.comparing.verdict` says by which rules.

`take the successor` is said only of arms that are held against a recording, by
`workflow.leaving.succession`.
"""


class Verdict(Frozen):
    """What to do, in words, and the figures it rests on."""

    headline: str
    """One sentence or two."""
    recommended: str | None
    """Name of the arm to take; None when the data cannot tell."""
    reasons: tuple[str, ...]
    """The figures, one sentence each."""
    caveats: tuple[str, ...] = ()
    """What the reader must keep in mind."""
    decision: Decision = "cannot tell yet"
    """What to do, as one of few values: for programs."""
    next_steps: tuple[str, ...] = ()
    """What to do next, one sentence each, the most useful first."""


class EarlyStopping(Frozen):
    """How a comparison was asked that looked at its answers on the way, and what made it stop."""

    given: int = Field(ge=1)
    """Questions that there were."""
    asked: int = Field(ge=1)
    """Questions that were asked; the others stand nowhere in the comparison."""
    block: int = Field(ge=1)
    """Questions between two looks."""
    looks: int = Field(ge=1)
    """How often one looked."""
    planned: int = Field(ge=1)
    """How often one would have looked at most."""
    seed: int
    """Drew the order of the questions."""
    leader: str
    """The arm in front at the last look."""
    shown: tuple[str, ...] = ()
    """Arms that are shown to differ from it."""
    close: tuple[str, ...] = ()
    """Arms that it is not ahead of by as much as a verdict pays for, nor they of it: the 95 %
    interval of the difference, which knows of the looks, lies within a tenth to both sides."""
    undecided: tuple[str, ...] = ()
    """Arms of which neither is known, and which the questions that are left could not tell from
    it."""
    method: str = (
        "test martingale (Ville 1939; Robbins 1970) for each pair of arms, corrected by Holm's"
        " method over the pairs; intervals by betting (Waudby-Smith and Ramdas 2024)"
    )
    """What p-values and intervals are, so that looking makes them neither smaller nor narrower."""

    @property
    def stopped(self) -> bool:
        """Whether questions were left when asking stopped."""
        return self.asked < self.given

    @override
    def __str__(self) -> str:
        """Say it in one or two sentences."""
        if self.stopped:
            text = (
                f"Stopped after {self.asked} of {self.given} questions: look {self.looks} of at"
                f" most {self.planned}, one after every {self.block} questions."
            )
        else:
            text = (
                f"All {self.given} questions were asked, with a look after every {self.block}:"
                " nothing was decided before."
            )
        parts = (
            ("shown to differ from", self.shown),
            ("within a tenth of", self.close),
            ("not to be told from", self.undecided),
        )
        told = [f"{how} {', '.join(map(repr, arms))}" for how, arms in parts if arms]
        return f"{text} In front is {self.leader!r}: {'; '.join(told)}."


LeakReason = Literal["same-question", "near-question", "same-row", "same-span"]
"""How a training row gives a test question away.

`same-question`: the texts are equal after folding width and case; `near-question`: their sets of
character pairs have a Jaccard similarity of at least `data.questions.facts.NEAR`; `same-row`: the
question was made from that row; `same-span`: both were made from overlapping characters of one
document.
"""


class Leak(Frozen):
    """A test question that a training row gives away."""

    question: str
    """Id of the test question."""
    row: str
    """Id of the training row."""
    reason: LeakReason
    """How."""
    similarity: float
    """Jaccard similarity of their character pairs, 0..1."""
    expected: bool
    """Whether the question's kind says that its fact was trained (`verbatim`, `paraphrase`)."""


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
    leaks: tuple[Leak, ...] = ()
    """Test questions that a known training row gives away."""
    contrasts: tuple[Contrast, ...] = ()
    """Arms against each other by the other metrics."""
    judge: JudgeReport | None = None
    """How far the judge can be trusted; None where nothing was judged."""
    costs: Costs | None = None
    """What the arms cost a month, by volume; None in comparisons of older versions."""
    early_stop: EarlyStopping | None = None
    """How one looked while the questions were asked; None where all were asked without a look."""
    scorers: Mapping[str, tuple[float, float]] = Field(default_factory=dict)
    """Lowest and highest value of each figure in `Scores.extra`, by name."""
    settings: Mapping[str, str | int | float | bool] = Field(default_factory=dict)
    """What the run depended on beside arms and questions, such as `held_out` and `seed`."""
