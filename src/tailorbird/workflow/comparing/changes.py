"""What differs between two comparisons: the same arms on the same questions, before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field
from typing_extensions import override

from tailorbird.exceptions import InvalidInputError
from tailorbird.types.base import Frozen
from tailorbird.workflow.answering.results import ALL_KINDS, PairWord
from tailorbird.workflow.comparing.evidence import p_words
from tailorbird.workflow.statistics import (
    LEVEL,
    can_show,
    difference_interval,
    holm,
    mcnemar,
    watched_difference,
    watched_p,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tailorbird.types.questions import Question
    from tailorbird.workflow.answering.results import ComparisonData

_SHOWN_FLIPS = 10


class ArmChange(Frozen):
    """How an arm did before and after, on the questions that both runs scored."""

    arm: str
    """Name of the arm."""
    kind: str
    """Kind of question, or `all`."""
    n: int = Field(ge=1)
    """Questions that were scored in both runs."""
    before: float
    """Share right before, 0..1."""
    after: float
    """Share right after, 0..1."""
    wins: int = Field(ge=0)
    """Questions that were wrong before and are right now."""
    losses: int = Field(ge=0)
    """Questions that were right before and are wrong now."""
    low: float
    """Lower end of the 95 % interval of the difference (Tango's score interval)."""
    high: float
    """Upper end of that interval."""
    p_adjusted: float
    """Two-sided exact McNemar test, corrected after Holm over the arms of the kind."""
    word: PairWord
    """What follows at the 5 % level for `after` against `before`."""


class Flip(Frozen):
    """A question that one run got right and the other one did not."""

    arm: str
    """Name of the arm."""
    question: str
    """Id of the question."""
    right_now: bool
    """Whether it is right after, and was wrong before."""


class Changes(Frozen):
    """Two comparisons, held against each other."""

    before: str
    """Name of the earlier run."""
    after: str
    """Name of the later run."""
    shared: int = Field(ge=0)
    """Questions that stand in both runs with the same text."""
    arms: tuple[ArmChange, ...]
    """Each arm that both runs have, in all and by kind."""
    flips: tuple[Flip, ...] = ()
    """Questions that changed, losses first."""
    only_before: tuple[str, ...] = ()
    """Arms that only the earlier run has."""
    only_after: tuple[str, ...] = ()
    """Arms that only the later run has."""

    @override
    def __str__(self) -> str:
        """Say it in words: each arm, the kinds in which it changed, and what was lost."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.before} -> {self.after}: {self.shared} questions in both"
        for one in self.arms:
            if one.kind != ALL_KINDS and not one.wins + one.losses:
                continue
            indent = "" if one.kind == ALL_KINDS else "  "
            name = one.arm if one.kind == ALL_KINDS else one.kind
            yield (
                f"{indent}{name}: {one.before:.2f} -> {one.after:.2f}, {one.word}"
                f" ({one.wins} won, {one.losses} lost of {one.n},"
                f" {p_words(one.p_adjusted)})"
            )
        lost = [one for one in self.flips if not one.right_now]
        for flip in lost[:_SHOWN_FLIPS]:
            yield f"lost by {flip.arm}: {flip.question}"
        if len(lost) > _SHOWN_FLIPS:
            yield f"… and {len(lost) - _SHOWN_FLIPS} more"
        for names, which in ((self.only_before, self.before), (self.only_after, self.after)):
            if names:
                yield f"only in {which}: {', '.join(names)}"


def compare_runs(before: ComparisonData, after: ComparisonData) -> Changes:
    """Hold two runs against each other, arm by arm, on the questions that they share.

    Where one of them might have stopped early, what was asked depends on what was answered: then
    p-values and intervals are those that hold all the same, as for its pairs of arms.

    Args:
        before: The earlier run.
        after: The later one.

    Raises:
        InvalidInputError: They share no arm, or no question that both scored.
    """
    shared = _shared(before.questions, after.questions)
    watched = before.early_stop is not None or after.early_stop is not None
    old, new = _right(before), _right(after)
    names = [one.name for one in after.arms if one.name in {arm.name for arm in before.arms}]
    rows: list[ArmChange] = []
    for kind in (ALL_KINDS, *dict.fromkeys(one.kind for one in shared if one.kind is not None)):
        asked = [one for one in shared if kind in {ALL_KINDS, one.kind}]
        rows += _changes(kind, _pairs(names, asked, old, new), watched=watched)
    if not rows:
        message = (
            f"{before.name!r} and {after.name!r} have no arm with scored answers to the same"
            " questions: compare runs of the same question file"
        )
        raise InvalidInputError(message)
    order = {name: place for place, name in enumerate(names)}
    return Changes(
        before=before.name,
        after=after.name,
        shared=len(shared),
        arms=tuple(sorted(rows, key=lambda one: order[one.arm])),
        flips=tuple(sorted(_flips(names, shared, old, new), key=lambda one: one.right_now)),
        only_before=tuple(one.name for one in before.arms if one.name not in order),
        only_after=tuple(one.name for one in after.arms if one.name not in order),
    )


def _shared(before: Sequence[Question], after: Sequence[Question]) -> list[Question]:
    texts = {one.id: one.text for one in before}
    return [one for one in after if texts.get(one.id) == one.text]


def _right(data: ComparisonData) -> Mapping[tuple[str, str], bool]:
    return {
        (one.arm, one.question): one.scores.correct > 0
        for one in data.outcomes
        if one.scores.correct is not None
    }


def _pairs(
    names: Sequence[str],
    asked: Sequence[Question],
    old: Mapping[tuple[str, str], bool],
    new: Mapping[tuple[str, str], bool],
) -> Mapping[str, Sequence[tuple[bool, bool]]]:
    """Give whether each arm was and is right, question by question."""
    return {
        name: [
            (old[name, one.id], new[name, one.id])
            for one in asked
            if (name, one.id) in old and (name, one.id) in new
        ]
        for name in names
    }


def _changes(
    kind: str, pairs: Mapping[str, Sequence[tuple[bool, bool]]], *, watched: bool
) -> list[ArmChange]:
    found = {name: some for name, some in pairs.items() if some}
    counts = {
        name: (sum(now and not was for was, now in some), sum(was and not now for was, now in some))
        for name, some in found.items()
    }
    test, interval = (watched_p, watched_difference) if watched else (mcnemar, difference_interval)
    adjusted = holm([test(wins, losses) for wins, losses in counts.values()])
    rows: list[ArmChange] = []
    for (name, some), p_adjusted in zip(found.items(), adjusted, strict=True):
        wins, losses = counts[name]
        low, high = interval(wins, losses, len(some))
        possible = can_show(len(some), comparisons=len(found), watched=watched)
        rows.append(
            ArmChange(
                arm=name,
                kind=kind,
                n=len(some),
                before=sum(was for was, _ in some) / len(some),
                after=sum(now for _, now in some) / len(some),
                wins=wins,
                losses=losses,
                low=low,
                high=high,
                p_adjusted=p_adjusted,
                word=_word(wins - losses, p_adjusted, possible=possible),
            )
        )
    return rows


def _word(lead: int, p_adjusted: float, *, possible: bool) -> PairWord:
    if p_adjusted < LEVEL:
        return "better" if lead > 0 else "worse"
    return "no difference shown" if possible else "too few questions"


def _flips(
    names: Sequence[str],
    asked: Sequence[Question],
    old: Mapping[tuple[str, str], bool],
    new: Mapping[tuple[str, str], bool],
) -> Iterator[Flip]:
    for name in names:
        for one in asked:
            key = name, one.id
            if key in old and key in new and old[key] != new[key]:
                yield Flip(arm=name, question=one.id, right_now=new[key])
