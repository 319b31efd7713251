"""What the reader of a verdict must keep in mind, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.types.questions import QUESTION_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.answering.results import ArmFigures, Decision, EarlyStopping, Leak
    from tailorbird.workflow.comparing.evidence import Evidence

ALL_TUNED = "No arm without tuning was compared: nothing here says that tuning is worth its cost."
"""What is said where every arm asks a tuned model."""

_NAMED = 5  # questions that a caveat names
_POOR = 0.5  # share of a kind below which an arm is said not to do it

_STEPS: dict[Decision, str] = {
    "do not fine-tune": "Keep {arm!r}: it has nothing to host, to train again, or to lose on a"
    " shutdown day.",
    "retrieve": "Put {arm!r} to use, and keep the index fresh: what changes in the documents is"
    " known at once.",
    "fine-tune": "Put {arm!r} to use, and keep these questions: each new training run has to pass"
    " them.",
    "tune for style and retrieve for facts": "Put {arm!r} to use, and change facts in the documents"
    " only: the tuned model is for the tone.",
    "fine-tune and retrieve": "Put {arm!r} to use, and keep these questions: a change of either"
    " part has to pass them.",
    "a prompt is enough": "Keep {arm!r}, and look at the questions that it got wrong.",
    "neither helps: write a better prompt": "Look at the answers, write a better prompt, and check"
    " that the documents hold the answers and are found.",
}


def next_steps(
    found: Evidence, candidates: Sequence[Arm], decision: Decision, taken: Arm | None
) -> Iterator[str]:
    """Say what to do next, the most useful first.

    Args:
        found: The figures.
        candidates: The arms that may be recommended, the simplest first; at least one.
        decision: What was decided.
        taken: The arm that is recommended, or None.
    """
    if decision in _STEPS:
        yield _STEPS[decision].format(arm=None if taken is None else taken.name)
    else:
        yield from _undecided(found, candidates)
    if taken is not None:
        yield from _restraint(found, taken)
    for arm in found.arms:
        if arm not in candidates and arm.name in found.days:
            yield (
                f"To keep what {arm.name!r} learned, train it again on a base model or a provider"
                f" that goes on, within {max(0, found.days[arm.name])} days, and compare the two."
            )
    missing = [kind for kind in QUESTION_KINDS if kind not in found.kinds]
    if missing:
        yield f"Add questions of kind {', '.join(missing)}."


def caveats(
    arms: Sequence[Arm], found: Evidence, figures: Sequence[ArmFigures], caveat: str | None
) -> Iterator[str]:
    """Name what the figures cannot say.

    Args:
        arms: All arms, those without scored answers too.
        found: The figures.
        figures: What is known of answers and failures.
        caveat: What must be said about the provider, or None.
    """
    if caveat:
        yield caveat
    for one in figures:
        if one.failed:
            asked = one.answers + one.failed
            yield f"{one.arm!r}: {one.failed} of {asked} calls failed; they are not counted."
    without = max((one.answers - _scored(found, one.arm) for one in figures), default=0)
    if without > 0:
        yield f"{without} of the questions have no reference answer and are not counted."
    missing = [kind for kind in QUESTION_KINDS if kind not in found.kinds]
    if len(missing) == len(QUESTION_KINDS):
        yield "The questions carry no kinds, so facts, tone and refusals are not told apart."
    elif missing:
        yield f"No scored question is of kind {', '.join(missing)}: that is not measured."
    if len(found.arms) > 1 and not found.untuned:
        yield ALL_TUNED
    yield from _endings(arms, found)


def early_caveats(early: EarlyStopping | None) -> Iterator[str]:
    """Say how to read a comparison that stopped before all its questions were asked."""
    if early is not None and early.stopped:
        yield (
            f"Asking stopped early: p-values are those of a {early.method}; both hold however often"
            " one looked. Shares and leads of a run that stopped because of them tend to be too"
            " large: read the intervals; kinds with few questions say little."
        )


def leak_caveats(leaks: Sequence[Leak]) -> Iterator[str]:
    """Name the questions that training rows give away although their kind does not say so."""
    given_away = [leak.question for leak in leaks if not leak.expected]
    if given_away:
        named = ", ".join(map(repr, given_away[:_NAMED]))
        more = ", …" if len(given_away) > _NAMED else ""
        yield (
            f"{len(given_away)} of the questions are given away by training rows although their"
            f" kind does not say so ({named}{more}): arms that learned from the rows look better"
            " there than they are."
        )


def _undecided(found: Evidence, candidates: Sequence[Arm]) -> Iterator[str]:
    """Say how many more questions would tell, or which arms to add."""
    if len(found.arms) == 1:
        yield "Add an arm to compare with: a system prompt, documents, or training rows."
        return
    best = found.best(candidates)
    duels = [(arm, found.duel(best, arm)) for arm in found.arms if arm is not best]
    open_ones = [(arm, duel) for arm, duel in duels if not duel.shown_better]
    if open_ones:
        arm, duel = next((one for one in open_ones if one[0] in candidates), open_ones[0])
        yield (
            f"Ask about {duel.more_questions} more questions like these {duel.n}, to tell"
            f" {best.name!r} from {arm.name!r}."
        )
    if all(arm.index is None and arm.tuned is None for arm in found.arms):
        yield "Compare retrieval and tuning too: add documents, or training rows."


def _unread(arm: Arm) -> str:
    return "look at the passages" if arm.index else "it sees no documents, so add retrieval"


def _restraint(found: Evidence, taken: Arm) -> Iterator[str]:
    """Say what to do about an arm that invents, or follows its training against the documents."""
    declined, obeyed = found.tally(taken, "unanswerable"), found.tally(taken, "conflict")
    if declined.n and declined.share < _POOR:
        how = (
            "ask with `only_from_data`" if taken.index else "tell it in the prompt when to decline"
        )
        yield f"{taken.name!r} declined only {declined} of what nobody can answer: {how}."
    if obeyed.n and obeyed.share < _POOR:
        how = "mend the rows, or retrieve without tuning" if taken.tuned else _unread(taken)
        yield (
            f"{taken.name!r} followed the documents in only {obeyed} of the cases in which they"
            f" contradict the training: {how}."
        )


def _endings(arms: Sequence[Arm], found: Evidence) -> Iterator[str]:
    dates = {arm.tuned.shutdown_date for arm in arms if arm.tuned is not None}
    for day in sorted(date for date in dates if date is not None):
        dying = [arm for arm in arms if arm.tuned and arm.tuned.shutdown_date == day]
        names = ", ".join(repr(arm.name) for arm in dying)
        days = found.days.get(dying[0].name)
        when = f"{day}" if days is None else f"{day}, in {days} days"
        yield f"{names}: the tuned model stops answering on {when}."


def _scored(found: Evidence, name: str) -> int:
    return next((found.tally(arm).n for arm in found.arms if arm.name == name), 0)
