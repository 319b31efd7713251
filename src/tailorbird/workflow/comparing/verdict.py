"""What follows from a comparison, in words: the rules, one after the other.

**Which arm.** Arms are ranked by what they take to build and keep: the model as it is, a prompt,
worked examples, retrieval, tuning, tuning with retrieval. The best arm is the one with the largest
share of right answers. From the simplest arm upwards:

1. An arm that the best one is *shown* better than (exact McNemar test, Holm's correction, 5 %) is
   passed over.
2. An arm that is not, and is behind by at most `CLEAR_LEAD`, is recommended. A lead that small,
   which the questions do not even show to be real, does not pay for more parts.
3. An arm that is not, and is behind by more, cannot be decided on: the lead may be real or chance.
   Then nothing is recommended, and the verdict says how many more questions would tell.

So an arm with more parts, and tuning with retrieval above all, has to be shown better than every
simpler one. When so few questions were asked that not even a clean sweep could be shown, nothing is
recommended either.

**Whether to tune.** Tuning is judged on facts alone (all questions but style and the unanswerable)
against the best arm without tuning, and on style separately, because that is where it differs. A
tuned arm that is recommended without being shown ahead on facts is recommended for style, and the
headline says so.

Each reason names the figures it rests on. What the figures cannot say stands in the caveats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.types.questions import QUESTION_KINDS
from tailorbird.workflow.answering.results import Verdict
from tailorbird.workflow.comparing.evidence import FACTS, Evidence
from tailorbird.workflow.statistics import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from decimal import Decimal

    from tailorbird.workflow.answering.results import Arm, ArmFigures, Cell, Pair
    from tailorbird.workflow.comparing.evidence import Duel

CLEAR_LEAD = 0.1
"""Lead in share that is not waved away although the test does not show it: one question in ten.

A choice, not a measurement: below it, the cost of a wrong choice is small, and with fewer than a
hundred questions the test could hardly show it.
"""

_POOR = 0.5  # share right below which even the recommended arm is no good answer
_KIND_WORDS = {
    "verbatim": "Asked as trained (verbatim)",
    "paraphrase": "Trained facts in other words (paraphrase)",
    "unseen": "Facts that only the documents hold (unseen)",
    "style": "House style kept (style)",
    "unanswerable": "Declined what nobody knows (unanswerable)",
    "conflict": "Followed the documents against training (conflict)",
}


def conclude(
    arms: Sequence[Arm],
    *,
    cells: Iterable[Cell],
    pairs: Iterable[Pair],
    figures: Iterable[ArmFigures] = (),
    caveat: str | None = None,
) -> Verdict:
    """Say which arm to take and why, or that the questions cannot tell.

    What an arm is follows from its `tuned`, `index`, `shots` and `system`, never from its name.

    Args:
        arms: The arms that were compared.
        cells: What `summary.summarize` gave.
        pairs: What `summary.compare_pairs` gave.
        figures: What `summary.figures` gave.
        caveat: What must be said about the provider; always repeated.
    """
    known = tuple(figures)
    found = Evidence.of(arms, cells=cells, pairs=pairs, figures=known)
    caveats = tuple(_caveats(arms, found, known, caveat))
    if not found.arms:
        return Verdict(
            headline="Nothing can be said: no answer could be scored. Give the questions reference"
            " answers.",
            recommended=None,
            reasons=(),
            caveats=caveats,
        )
    headline, taken = _choice(found)
    return Verdict(
        headline=headline,
        recommended=None if taken is None else taken.name,
        reasons=tuple(_reasons(found, taken)),
        caveats=caveats,
    )


def _choice(found: Evidence) -> tuple[str, Arm | None]:
    """Apply the rules of the module's docstring."""
    best = found.best(found.arms)
    if len(found.arms) == 1:
        return f"{best.name!r} is the only arm with scored answers: add others to compare.", None
    if not found.tally(best).right:
        return "None of the arms got a question right: write a better prompt, or add data.", None
    duels = [found.duel(best, arm) for arm in found.arms if arm is not best]
    if not any(duel.conclusive for duel in duels):
        return _nothing_shown(found, max(duels, key=lambda duel: duel.n)), None
    for arm in found.arms[: found.arms.index(best)]:
        duel = found.duel(best, arm)
        if duel.shown_better:
            continue
        if not duel.conclusive or duel.lead > CLEAR_LEAD:
            return _too_few(found, best, arm), None
        return _advice(found, arm), arm
    return _advice(found, best), best


def _nothing_shown(found: Evidence, duel: Duel) -> str:
    return (
        f"Too few questions to tell: {duel.n} cannot show any difference among"
        f" {len(found.arms)} arms. Ask about {duel.more_questions} more."
    )


def _too_few(found: Evidence, best: Arm, arm: Arm) -> str:
    words = (
        f"Too few questions to tell whether {best.name!r} is worth more than the simpler"
        f" {arm.name!r}: ask about {found.duel(best, arm).more_questions} more like these."
    )
    more_style = best.tuned is not None and _style_lead(found, [best], [arm]) > 0
    if more_style and found.duel(best, arm, FACTS).lead <= 0:
        words += " On facts it is not ahead, only in style."
    return words


def _advice(found: Evidence, taken: Arm) -> str:
    """Name the arm to take, and what not to do."""
    words = [_action(found, taken)]
    if taken.tuned is None and taken.index is not None and found.tuned:
        words.append("Do not fine-tune.")
    if taken.tuned is None and _style_lead(found, found.tuned, found.untuned) > _POOR:
        words.append("Only the house style would gain from tuning.")
    tally = found.tally(taken)
    if tally.share < _POOR:
        words.append(f"It is right in only {tally}: improve the prompt and the data first.")
    return " ".join(words)


def _action(found: Evidence, taken: Arm) -> str:
    name = taken.name
    if taken.tuned is not None:
        style = "" if _tuning_adds_facts(found, taken) else " for style"
        also = "" if taken.index is None else f" and retrieve{' for facts' if style else ''}"
        return f"{'Tune' if also and style else 'Fine-tune'}{style}{also}: take {name!r}."
    if taken.index is not None:
        return f"Retrieve: take {name!r}."
    searched = any(arm.index is not None and arm.tuned is None for arm in found.arms)
    if found.tuned and searched:
        return f"Neither tuning nor retrieval is shown to help: do not fine-tune, take {name!r}."
    if found.tuned:
        return f"Do not fine-tune: take {name!r}."
    return f"{'Retrieval is not shown to help: take' if searched else 'Take'} {name!r}."


def _tuning_adds_facts(found: Evidence, taken: Arm) -> bool:
    """Say whether the tuned arm is shown to know more facts than any arm without tuning."""
    if not found.untuned:
        return True
    return found.duel(taken, found.best(found.untuned, FACTS), FACTS).shown_better


def _style_lead(found: Evidence, tuned: Sequence[Arm], others: Sequence[Arm]) -> float:
    """Tell by how much the best of the tuned arms keeps the house style more often, -1..1."""
    if not tuned or "style" not in found.kinds:
        return 0.0
    best, rival = found.best(tuned, "style"), found.best(others, "style")
    return found.tally(best, "style").share - found.tally(rival, "style").share


def _reasons(found: Evidence, taken: Arm | None) -> Iterator[str]:
    best = found.best(found.arms)
    focus = _focus(found, best, taken)
    yield f"Right answers in all: {', '.join(_with_interval(found, arm) for arm in focus)}."
    yield from _passed_over(found, best)
    yield from _undecided(found, best, taken)
    yield from _tuning(found)
    for kind in found.kinds:
        yield f"{_KIND_WORDS[kind]}: {_tallies(found, _with_best(found, focus, kind), kind)}."
    yield from _time_and_money(found, focus)


def _focus(found: Evidence, best: Arm, taken: Arm | None) -> tuple[Arm, ...]:
    """Choose the arms worth naming: taken, best, best with and without tuning, simplest first."""
    chosen = {best.name: best}
    for arm in (taken, *(found.best(group) for group in (found.tuned, found.untuned) if group)):
        if arm is not None:
            chosen[arm.name] = arm
    return tuple(arm for arm in found.arms if arm.name in chosen)


def _with_best(found: Evidence, focus: Sequence[Arm], kind: str) -> tuple[Arm, ...]:
    """Add the arm that is best at a kind of question, where none of the others is as good."""
    top = found.best(found.arms, kind)
    reached = max(found.tally(arm, kind).share for arm in focus)
    ahead = found.tally(top, kind).share > reached
    return tuple(arm for arm in found.arms if arm in focus or (ahead and arm is top))


def _with_interval(found: Evidence, arm: Arm) -> str:
    tally = found.tally(arm)
    low, high = wilson_interval(tally.share, tally.n)
    return f"{arm.name!r} {tally} (95 % interval {low:.2f} to {high:.2f})"


def _tallies(found: Evidence, arms: Iterable[Arm], kind: str) -> str:
    return ", ".join(f"{arm.name!r} {found.tally(arm, kind)}" for arm in arms)


def _passed_over(found: Evidence, best: Arm) -> Iterator[str]:
    duels = ((arm, found.duel(best, arm)) for arm in found.arms if arm is not best)
    worse = [f"{arm.name!r} ({duel})" for arm, duel in duels if duel.shown_better]
    if worse:
        yield f"{best.name!r} is shown better than {', '.join(worse)}."


def _undecided(found: Evidence, best: Arm, taken: Arm | None) -> Iterator[str]:
    """Say what stands between the best arm and the simpler one that is not shown worse."""
    simpler = found.arms[: found.arms.index(best)]
    open_ones = [arm for arm in simpler if not found.duel(best, arm).shown_better]
    if not open_ones:
        return
    arm = open_ones[0]
    duel = found.duel(best, arm)
    behind = f"{best.name!r} is {duel.lead:.0%} ahead of {arm.name!r} ({duel})"
    if arm is taken:
        yield f"{behind}: not shown to be real, and too little to pay for more parts."
    else:
        yield f"{behind}: that may be chance."


def _tuning(found: Evidence) -> Iterator[str]:
    """Judge tuning on facts, against the best arm without it."""
    if not found.tuned or not found.untuned:
        return
    tuned, other = found.best(found.tuned, FACTS), found.best(found.untuned, FACTS)
    duel = found.duel(tuned, other, FACTS)
    if not duel.n:
        return
    figures = f"{_tallies(found, (other, tuned), FACTS)} ({duel})"
    if duel.shown_better:
        yield f"Tuning is shown to add facts: {figures}."
    elif found.duel(other, tuned, FACTS).shown_better:
        yield f"Tuning is shown to lose facts: {figures}. Do not fine-tune for facts."
    else:
        yield f"Tuning is not shown to add facts: {figures}. Do not fine-tune for facts."


def _time_and_money(found: Evidence, arms: Sequence[Arm]) -> Iterator[str]:
    known = [found.costs[arm.name] for arm in arms if arm.name in found.costs]
    costs = [
        f"{one.arm!r} {_dollars(one.usd_per_1000)} USD"
        for one in known
        if one.usd_per_1000 is not None
    ]
    if costs:
        yield f"A thousand questions like these cost: {', '.join(costs)}."
    times = [
        f"{one.arm!r} {one.latency_p50_s:.2g} s" for one in known if one.latency_p50_s is not None
    ]
    if times:
        yield f"Half of the answers came within: {', '.join(times)}."


def _dollars(value: Decimal) -> str:
    return f"{value:.2f}" if value >= 1 else f"{value:.2g}"


def _caveats(
    arms: Sequence[Arm], found: Evidence, figures: Sequence[ArmFigures], caveat: str | None
) -> Iterator[str]:
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
    dates = {arm.tuned.shutdown_date for arm in arms if arm.tuned is not None}
    for day in sorted(date for date in dates if date is not None):
        names = [repr(arm.name) for arm in arms if arm.tuned and arm.tuned.shutdown_date == day]
        yield f"{', '.join(names)}: the tuned model stops answering on {day}."


def _scored(found: Evidence, name: str) -> int:
    return next((found.tally(arm).n for arm in found.arms if arm.name == name), 0)
