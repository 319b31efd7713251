"""Is the successor no worse than the model that is gone? Paired, on recorded answers."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from pydantic import Field
from typing_extensions import override

from tailorbird.exceptions import InvalidInputError
from tailorbird.types.base import Frozen
from tailorbird.types.ids import ModelId
from tailorbird.workflow.answering.arm import Arm
from tailorbird.workflow.answering.results import ALL_KINDS, ComparisonData, Verdict
from tailorbird.workflow.comparing.advice import ALL_TUNED
from tailorbird.workflow.comparing.evidence import simplicity
from tailorbird.workflow.statistics import (
    MARGIN,
    NoWorseWord,
    no_worse,
    questions_for_no_worse,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tailorbird.journal.bundles import Bundle, Recorded
    from tailorbird.types.answers import Answer
    from tailorbird.types.questions import Question

RECORDED = "recorded"
"""What an arm of recorded answers is called, with the arm's own name behind it."""


class Successor(Frozen):
    """An arm against the recording, on the questions of one kind."""

    arm: str
    """The successor."""
    kind: str
    """Kind of question, or `all`."""
    n: int = Field(ge=1)
    """Questions on which both were scored."""
    wins: int = Field(ge=0)
    """Questions that only the successor got right."""
    losses: int = Field(ge=0)
    """Questions that only the recorded model got right."""
    difference: float
    """Share right of the successor minus that of the recording, -1..1."""
    low: float
    """Lower end of the 95 % interval of the difference (Tango's score interval)."""
    high: float
    """Upper end of that interval."""
    word: NoWorseWord
    """What may be said against the margin."""
    more_questions: int | None = None
    """About how many more questions would settle it, if things stay as they are; None when it is
    settled, or when no number would."""


class Succession(Frozen):
    """Whether successors are no worse than a recorded model, with all that it rests on."""

    name: str
    """The recorded run."""
    model: ModelId
    """The recorded model."""
    recorded_from: date
    """Day of the oldest recorded answer."""
    recorded_to: date
    """Day of the latest one."""
    baseline: str
    """The recorded arm that successors are held against, as the comparison calls it."""
    margin: float = Field(gt=0, lt=1)
    """Share of right answers that may be lost; chosen before looking."""
    successors: tuple[Successor, ...]
    """Each successor, in all and by kind."""
    lost: tuple[tuple[str, str], ...] = ()
    """Successor and question, where only the recorded model was right: read these first."""
    comparison: ComparisonData
    """All answers side by side, with this as the verdict; `Comparison(…)` writes it as HTML."""

    @property
    def no_worse(self) -> tuple[str, ...]:
        """The successors that are shown to be no worse in all."""
        return tuple(
            one.arm for one in self.successors if one.kind == ALL_KINDS and one.word == "no worse"
        )

    @override
    def __str__(self) -> str:
        """Say it in words, a line for each successor and kind."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield (
            f"{self.name} ({self.model}), recorded {self.recorded_from} to {self.recorded_to};"
            f" a successor may lose {self.margin:.0%} of the answers"
        )
        for one in self.successors:
            if one.kind == ALL_KINDS:
                yield f"{one.arm}: {_words(one)}"
            else:
                yield f"  {one.kind}: {_words(one)}"


def recorded_arm(bundle: Bundle, name: str) -> Arm:
    """Give the arm whose answers were recorded; it is never asked."""
    tuned = bundle.tuned
    return Arm(name=f"{RECORDED} {name}", model=tuned.model, system=tuned.system, tuned=tuned)


def recorded_answers(
    bundle: Bundle, recorded: Sequence[Recorded], *, arm: str | None = None
) -> tuple[Arm, Mapping[str, Answer], tuple[Question, ...], tuple[date, date]]:
    """Give one recorded arm, its answers, their questions, and the days of the oldest and latest.

    Args:
        bundle: The bundle.
        recorded: What was recorded in it.
        arm: Which recorded arm; None takes the only one.

    Raises:
        InvalidInputError: Nothing was recorded, there is no such arm, or there are several and none
            was named.
    """
    names = list(dict.fromkeys(one.arm for one in recorded))
    if not names:
        message = (
            f"the bundle of {bundle.tuned.name!r} has no recorded answers: record them while the"
            " model answers (tailorbird record)"
        )
        raise InvalidInputError(message)
    if arm is None and len(names) > 1:
        message = f"several arms were recorded ({', '.join(map(repr, names))}): say which"
        raise InvalidInputError(message)
    name = names[0] if arm is None else arm
    mine = [one for one in recorded if one.arm == name]
    if not mine:
        message = f"no arm {name!r} was recorded; there is {', '.join(map(repr, names))}"
        raise InvalidInputError(message)
    days = sorted(one.asked_at.date() for one in mine)
    return (
        recorded_arm(bundle, name),
        {one.question.id: one.answer for one in mine},
        tuple(one.question for one in mine),
        (days[0], days[-1]),
    )


def judge_successors(
    bundle: Bundle,
    data: ComparisonData,
    *,
    baseline: str,
    days: tuple[date, date],
    margin: float = MARGIN,
) -> Succession:
    """Hold every other arm of a comparison against the recorded one.

    Args:
        bundle: The recorded model.
        data: A comparison whose arm `baseline` holds the recorded answers.
        baseline: Name of that arm.
        days: When its answers were recorded, first and last day.
        margin: Share of right answers that may be lost, above 0 and below 1.

    Raises:
        InvalidInputError: No question could be scored for both, or the margin is out of range.
    """
    right = {
        (one.arm, one.question): one.scores.correct
        for one in data.outcomes
        if one.scores.correct is not None
    }
    rows: list[Successor] = []
    lost: list[tuple[str, str]] = []
    for arm in data.arms:
        if arm.name == baseline:
            continue
        both = [
            one
            for one in data.questions
            if (arm.name, one.id) in right and (baseline, one.id) in right
        ]
        pairs = [(one, right[arm.name, one.id], right[baseline, one.id]) for one in both]
        lost += [(arm.name, one.id) for one, mine, old in pairs if mine < old]
        kinds = dict.fromkeys(one.kind for one in both if one.kind is not None)
        for kind in (ALL_KINDS, *kinds):
            part = [(mine, old) for one, mine, old in pairs if kind in {ALL_KINDS, one.kind}]
            if part:
                rows.append(_row(arm.name, kind, part, margin))
    if not rows:
        message = "no question was answered and scored on both sides: record answers again"
        raise InvalidInputError(message)
    found = Succession(
        name=bundle.tuned.name,
        model=bundle.tuned.model,
        recorded_from=days[0],
        recorded_to=days[1],
        baseline=baseline,
        margin=margin,
        successors=tuple(rows),
        lost=tuple(lost),
        comparison=data,
    )
    verdict = _verdict(found, data)
    return found.model_copy(update={"comparison": data.model_copy(update={"verdict": verdict})})


def _verdict(found: Succession, data: ComparisonData) -> Verdict:
    """Say what to move to: the question is not which arm is best, and the old one is no answer."""
    overall = {one.arm: one for one in found.successors if one.kind == ALL_KINDS}
    ranked = sorted((arm for arm in data.arms if arm.name in found.no_worse), key=simplicity)
    taken = max(ranked, key=lambda arm: overall[arm.name].difference, default=None)
    if taken is None:
        headline = f"No successor is shown to be no worse than {found.baseline!r}."
        asks = [one.more_questions for one in overall.values() if one.more_questions is not None]
        steps = [f"Ask about {min(asks)} more questions like these."] if asks else []
        steps += [
            "Look at the questions that only the old model got right, and mend what they need."
        ]
    else:
        headline = f"Move to {taken.name!r}: it is shown to be no worse than {found.baseline!r}."
        mine = sum(arm == taken.name for arm, _ in found.lost)
        steps = [f"Read the {mine} questions that only the old model got right."] if mine else []
    margin = (
        f"A successor may lose {found.margin:.0%} of the answers, recorded {found.recorded_from} to"
        f" {found.recorded_to} from {found.model!r}."
    )
    return Verdict(
        headline=headline,
        recommended=None if taken is None else taken.name,
        reasons=(
            margin,
            *(
                f"{one.arm!r}, {'in all' if one.kind == ALL_KINDS else one.kind}: {_words(one)}."
                for one in found.successors
            ),
        ),
        caveats=tuple(one for one in data.verdict.caveats if one != ALL_TUNED),
        decision="cannot tell yet" if taken is None else "take the successor",
        next_steps=tuple(steps),
    )


def _row(arm: str, kind: str, pairs: Sequence[tuple[float, float]], margin: float) -> Successor:
    wins = sum(mine > old for mine, old in pairs)
    losses = sum(mine < old for mine, old in pairs)
    found = no_worse(wins, losses, len(pairs), margin=margin)
    needed = None
    if found.word in {"not shown", "too few questions"}:
        needed = questions_for_no_worse(wins, losses, len(pairs), margin=margin)
    return Successor(
        arm=arm,
        kind=kind,
        n=found.n,
        wins=wins,
        losses=losses,
        difference=found.difference,
        low=found.low,
        high=found.high,
        word=found.word,
        more_questions=None if needed is None else max(1, needed - len(pairs)),
    )


_SAID = {
    "no worse": "shown to be no worse",
    "worse": "shown to be worse",
    "not shown": "not shown to be no worse",
    "too few questions": "too few questions to tell",
}


def _words(one: Successor) -> str:
    more = "" if one.more_questions is None else f"; ask about {one.more_questions} more"
    return (
        f"{_SAID[one.word]} ({one.difference:+.1%}, 95 % interval {one.low:+.1%} to"
        f" {one.high:+.1%}, {one.wins} won, {one.losses} lost of {one.n}){more}"
    )
