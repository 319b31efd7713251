"""Look figures up the way a verdict asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird.types.questions import QUESTION_KINDS
from tailorbird.workflow.answering.results import ALL_KINDS
from tailorbird.workflow.statistics import LEVEL, can_show, mcnemar, questions_needed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tailorbird.workflow.answering.results import Arm, ArmFigures, Cell, Pair

FACTS = "facts"
"""All questions but those about style and those that nobody can answer."""

_SMALLEST_SHOWN = 0.001
_NOT_FACTS = ("style", "unanswerable")


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

    @property
    def conclusive(self) -> bool:
        """Whether this many questions can show anything at all."""
        return can_show(self.n, comparisons=self.comparisons)

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
        needed = None
        if self.n:
            needed = questions_needed(self.wins, self.losses, self.n, comparisons=self.comparisons)
        if needed is None:
            needed = next(n for n in count(1) if can_show(n, comparisons=self.comparisons))
        # The exact test can miss what the formula says suffices, so it is never less than ten.
        return -(-max(1, needed - self.n) // 10) * 10

    @override
    def __str__(self) -> str:
        """Write the figures that the test rests on."""
        p = "p < 0.001" if self.p < _SMALLEST_SHOWN else f"p = {self.p:.2g}"
        return f"{self.wins} won, {self.losses} lost, {p}"


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

    @classmethod
    def of(
        cls,
        arms: Sequence[Arm],
        *,
        cells: Iterable[Cell],
        pairs: Iterable[Pair],
        figures: Iterable[ArmFigures],
    ) -> Evidence:
        """Sort the figures."""
        tallies = {
            (one.arm, one.kind): Tally(round(one.value * one.n), one.n)
            for one in cells
            if one.metric == "correct"
        }
        present = {kind for _, kind in tallies}
        scored = [arm for arm in arms if (arm.name, ALL_KINDS) in tallies]
        return cls(
            arms=tuple(sorted(scored, key=simplicity)),
            cells=tallies,
            pairs={(one.arm, one.baseline, one.kind): one for one in pairs},
            costs={one.arm: one for one in figures},
            kinds=tuple(kind for kind in QUESTION_KINDS if kind in present),
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
        parts = [self.tally(arm, one) for one in _NOT_FACTS]
        whole = self.tally(arm)
        return Tally(
            whole.right - sum(one.right for one in parts), whole.n - sum(one.n for one in parts)
        )

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
        strict = min(1.0, mcnemar(wins, losses) * self.comparisons)
        return Duel(
            wins=wins,
            losses=losses,
            n=n,
            p=strict if found is None else found.p_adjusted,
            comparisons=self.comparisons,
        )

    @property
    def comparisons(self) -> int:
        """How many pairs of arms were tested at once; at least 1."""
        return max(1, sum(kind == ALL_KINDS for _, _, kind in self.pairs))

    def _pair(self, arm: Arm, other: Arm, kind: str) -> Pair | None:
        straight = self.pairs.get((arm.name, other.name, kind))
        return straight or self.pairs.get((other.name, arm.name, kind))

    def _counts(self, arm: Arm, other: Arm, kind: str) -> tuple[int, int, int]:
        if kind == FACTS:
            wins, losses, n = self._counts(arm, other, ALL_KINDS)
            less = [self._counts(arm, other, one) for one in _NOT_FACTS]
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
