"""Look figures up the way a verdict asks for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird.types.questions import QUESTION_KINDS
from tailorbird.workflow.answering.results import ALL_KINDS
from tailorbird.workflow.statistics import (
    LEVEL,
    can_show,
    mcnemar,
    questions_missing,
    smallest_difference,
    watched_p,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.answering.results import ArmFigures, Cell, Pair
    from tailorbird.workflow.money.volume import Costs

FACTS = "facts"
"""All questions but those about style and those that nobody can answer."""

NOT_FACTS = ("style", "unanswerable")
"""Kinds of question that ask for no fact."""

_SMALLEST_SHOWN = 0.001


@dataclass(frozen=True, slots=True)
class Tally:
    """How many answers of an arm were right."""

    right: int
    """Right answers."""
    n: int
    """Scored answers."""

    @property
    def share(self) -> float:
        """Share of right answers, 0..1; 0 when none was scored."""
        return self.right / self.n if self.n else 0.0

    @override
    def __str__(self) -> str:
        """Write it as `right/n`."""
        return f"{self.right}/{self.n}"


@dataclass(frozen=True, slots=True)
class Duel:
    """Two arms on the same questions, seen from the first one."""

    wins: int
    """Questions that only the first arm got right."""
    losses: int
    """Questions that only the second arm got right."""
    n: int
    """Questions that both were scored on."""
    p: float
    """p-value, corrected for the number of pairs."""
    comparisons: int
    """How many pairs were tested at once."""
    watched: bool = False
    """Whether one looked while the questions were asked."""

    @property
    def conclusive(self) -> bool:
        """Whether this many questions can show anything at all."""
        return can_show(self.n, comparisons=self.comparisons, watched=self.watched)

    @property
    def lead(self) -> float:
        """Share right of the first arm minus that of the second, -1..1."""
        return (self.wins - self.losses) / self.n if self.n else 0.0

    @property
    def shown_better(self) -> bool:
        """Whether the first arm is shown better at the 5 % level."""
        return self.conclusive and self.p < LEVEL and self.wins > self.losses

    @property
    def more_questions(self) -> int:
        """How many more questions would show this lead, or anything at all; rounded up to tens."""
        return questions_missing(
            self.wins, self.losses, self.n, comparisons=self.comparisons, watched=self.watched
        )

    @property
    def detectable(self) -> float | None:
        """The smallest lead that these questions show four times out of five; None if none is."""
        apart = (self.wins + self.losses) / self.n if self.n else 0.0
        return smallest_difference(
            self.n, apart, comparisons=self.comparisons, watched=self.watched
        )

    @override
    def __str__(self) -> str:
        """Write the figures that the test rests on."""
        return f"{self.wins} won, {self.losses} lost, {p_words(self.p)}"


def p_words(value: float) -> str:
    """Write a p-value: `p = 0.03`, with two digits that say something, or `p < 0.001`."""
    return "p < 0.001" if value < _SMALLEST_SHOWN else f"p = {value:.2g}"


def simplicity(arm: Arm) -> int:
    """Rank an arm by what it takes to build and keep, 0 is simplest.

    In order: the model as it is, a prompt, worked examples, retrieval, tuning, both. Retrieval
    comes before tuning because a changed document is indexed in a minute, and a changed fact means
    training again.
    """
    if arm.tuned is not None:
        return 4 if arm.index is None else 5
    if arm.index is not None:
        return 3
    if arm.shots:
        return 2
    return 0 if arm.system is None else 1


@dataclass(frozen=True, slots=True)
class Evidence:
    """The figures of a comparison, ready to be asked."""

    arms: tuple[Arm, ...]
    """Arms with at least one scored answer, the simplest first."""
    cells: dict[tuple[str, str], Tally]
    pairs: dict[tuple[str, str, str], Pair]
    costs: dict[str, ArmFigures]
    kinds: tuple[str, ...]
    """Kinds that occur, without `all`."""
    intervals: dict[str, tuple[float, float]] = field(
        default_factory=dict[str, "tuple[float, float]"]
    )
    """The 95 % interval of each arm's right answers to all questions."""
    days: dict[str, int] = field(default_factory=dict[str, int])
    """Days until an arm's tuned model stops answering, where a day is announced; below 1 when it
    has stopped."""
    months: Costs | None = None
    """What the arms cost a month, by volume; None when nobody counted."""

    @classmethod
    def of(
        cls,
        arms: Sequence[Arm],
        *,
        cells: Iterable[Cell],
        pairs: Iterable[Pair],
        figures: Iterable[ArmFigures],
        months: Costs | None = None,
        today: date | None = None,
    ) -> Evidence:
        """Sort the figures; without `today` no days are counted."""
        right = [one for one in cells if one.metric == "correct"]
        tallies = {(one.arm, one.kind): Tally(round(one.value * one.n), one.n) for one in right}
        present = {kind for _, kind in tallies}
        scored = [arm for arm in arms if (arm.name, ALL_KINDS) in tallies]
        return cls(
            arms=tuple(sorted(scored, key=simplicity)),
            cells=tallies,
            pairs={(one.arm, one.baseline, one.kind): one for one in pairs},
            costs={one.arm: one for one in figures},
            kinds=tuple(kind for kind in QUESTION_KINDS if kind in present),
            intervals={one.arm: (one.low, one.high) for one in right if one.kind == ALL_KINDS},
            days=days_left(arms, today),
            months=months,
        )

    @property
    def tuned(self) -> tuple[Arm, ...]:
        """The arms that ask a tuned model."""
        return tuple(arm for arm in self.arms if arm.tuned is not None)

    @property
    def untuned(self) -> tuple[Arm, ...]:
        """The arms that do not."""
        return tuple(arm for arm in self.arms if arm.tuned is None)

    def tally(self, arm: Arm, kind: str = ALL_KINDS) -> Tally:
        """Count an arm's right answers to a kind of question, `all` or `facts` included."""
        if kind != FACTS:
            return self.cells.get((arm.name, kind), Tally(0, 0))
        parts = [self.tally(arm, one) for one in NOT_FACTS]
        whole = self.tally(arm)
        return Tally(
            whole.right - sum(one.right for one in parts), whole.n - sum(one.n for one in parts)
        )

    def tallies(self, arms: Iterable[Arm], kind: str = ALL_KINDS) -> str:
        """Write what arms got right of a kind of question."""
        return ", ".join(f"{arm.name!r} {self.tally(arm, kind)}" for arm in arms)

    def best(self, among: Sequence[Arm], kind: str = ALL_KINDS) -> Arm:
        """Give the arm with the largest share; of equal ones the first, which is the simplest."""
        return max(among, key=lambda arm: self.tally(arm, kind).share)

    def duel(self, arm: Arm, other: Arm, kind: str = ALL_KINDS) -> Duel:
        """Compare two arms by the exact test.

        For `all` and single kinds the p-value is the summary's, with Holm's correction. For `facts`
        the counts of style and refusals are taken from those of all questions, and the p-value is
        multiplied by the number of pairs, which is never less strict.
        """
        wins, losses, n = self._counts(arm, other, kind)
        found = self._pair(arm, other, kind)
        comparisons = self._comparisons(kind)
        watched = any(one.watched for one in self.pairs.values())
        p_value = watched_p(wins, losses) if watched else mcnemar(wins, losses)
        strict = min(1.0, p_value * comparisons)
        return Duel(
            wins=wins,
            losses=losses,
            n=n,
            p=strict if found is None else found.p_adjusted,
            comparisons=comparisons,
            watched=watched,
        )

    def _comparisons(self, kind: str) -> int:
        """Count the pairs that are tested at once, at least 1: those of a kind with all kinds."""
        if kind in {ALL_KINDS, FACTS}:
            return max(1, sum(one == ALL_KINDS for _, _, one in self.pairs))
        tested = {one.kind for one in self.pairs.values() if one.word != "too few questions"}
        return max(1, sum(one in tested - {ALL_KINDS} for _, _, one in self.pairs))

    def _pair(self, arm: Arm, other: Arm, kind: str) -> Pair | None:
        straight = self.pairs.get((arm.name, other.name, kind))
        return straight or self.pairs.get((other.name, arm.name, kind))

    def _counts(self, arm: Arm, other: Arm, kind: str) -> tuple[int, int, int]:
        if kind == FACTS:
            wins, losses, n = self._counts(arm, other, ALL_KINDS)
            less = [self._counts(arm, other, one) for one in NOT_FACTS]
            return (
                wins - sum(one[0] for one in less),
                losses - sum(one[1] for one in less),
                n - sum(one[2] for one in less),
            )
        pair = self._pair(arm, other, kind)
        if pair is None:
            return 0, 0, 0
        turned = pair.arm != arm.name
        return (pair.losses, pair.wins, pair.n) if turned else (pair.wins, pair.losses, pair.n)


def days_left(arms: Iterable[Arm], today: date | None) -> dict[str, int]:
    """Count the days that are left to the arms whose end is known; none at all without `today`."""
    ends = {
        arm.name: arm.tuned.shutdown_date
        for arm in arms
        if arm.tuned is not None and arm.tuned.shutdown_date is not None
    }
    return {} if today is None else {name: (day - today).days for name, day in ends.items()}
