"""The figures that a verdict rests on, one sentence each."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tailorbird.workflow.comparing.evidence import FACTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.comparing.evidence import Evidence

_KIND_WORDS = {
    "verbatim": "Asked as trained (verbatim)",
    "paraphrase": "Trained facts in other words (paraphrase)",
    "unseen": "Facts that only the documents hold (unseen)",
    "style": "House style kept (style)",
    "unanswerable": "Declined what nobody knows (unanswerable)",
    "conflict": "Followed the documents against training (conflict)",
}
_MUCH_CHEAPER = 2  # times; less is eaten by how prices and prompts change
_VOLUMES = (1_000, 100_000)  # questions a month: a small and a large one of `money.volume`
_NOTABLE = 20  # the part of a month's costs from which on it is told what is paid whatever is asked


def reasons(found: Evidence, candidates: Sequence[Arm], taken: Arm | None) -> Iterator[str]:
    """Give the reasons.

    Args:
        found: The figures; at least one arm has scored answers.
        candidates: The arms that may be recommended, the simplest first; at least one.
        taken: The arm that is recommended, or None.
    """
    best = found.best(candidates)
    focus = _focus(found, best, taken)
    yield f"Right answers in all: {', '.join(_with_interval(found, arm) for arm in focus)}."
    yield from _passed_over(found, best)
    yield from _undecided(found, candidates, best, taken)
    yield from _tuning(found)
    yield from _set_aside(found, candidates)
    for kind in found.kinds:
        yield f"{_KIND_WORDS[kind]}: {found.tallies(_with_best(found, focus, kind), kind)}."
    yield from _shown_by_kind(found, focus)
    yield from _sensitivity(found, best, taken)
    money = [*_costs(found, focus), *_cheaper(found, candidates, best, taken)]
    if money:
        yield " ".join(money)
    months = [*_months(found, focus), *_crossings(found, focus)]
    if months:
        yield " ".join(months)
    yield from _times(found, focus)


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
    low, high = found.intervals[arm.name]
    return f"{arm.name!r} {tally} (95 % interval {low:.2f} to {high:.2f})"


def _passed_over(found: Evidence, best: Arm) -> Iterator[str]:
    duels = ((arm, found.duel(best, arm)) for arm in found.arms if arm is not best)
    worse = [f"{arm.name!r} ({duel})" for arm, duel in duels if duel.shown_better]
    if worse:
        yield f"{best.name!r} is shown better than {', '.join(worse)}."


def _undecided(
    found: Evidence, candidates: Sequence[Arm], best: Arm, taken: Arm | None
) -> Iterator[str]:
    """Say what stands between the best arm and the simpler one that is not shown worse."""
    simpler = candidates[: candidates.index(best)]
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
    figures = f"{found.tallies((other, tuned), FACTS)} ({duel})"
    if duel.shown_better:
        yield f"Tuning is shown to add facts: {figures}."
    elif found.duel(other, tuned, FACTS).shown_better:
        yield f"Tuning is shown to lose facts: {figures}. Do not fine-tune for facts."
    else:
        yield f"Tuning is not shown to add facts: {figures}. Do not fine-tune for facts."


def _set_aside(found: Evidence, candidates: Sequence[Arm]) -> Iterator[str]:
    """Name the arms that may not be recommended, and what they have against them."""
    aside = [arm for arm in found.arms if arm not in candidates]
    for arm in aside:
        days = found.days.get(arm.name)
        lost = [
            f"{kind} {found.tallies((rival, arm), kind)} ({duel})"
            for kind in ("unanswerable", "conflict")
            for rival in ([found.best(found.untuned, FACTS)] if found.untuned else [])
            if (duel := found.duel(rival, arm, kind)).shown_better
        ]
        if lost:
            yield f"{arm.name!r} is set aside, for it is shown to have lost restraint: {lost[0]}."
        else:
            yield (
                f"{arm.name!r} ({found.tally(arm)}) is set aside: its model stops answering in"
                f" {days} days."
            )


def _shown_by_kind(found: Evidence, focus: Sequence[Arm]) -> Iterator[str]:
    """Say which differences by kind are shown, corrected over all kinds with enough questions."""
    shown = [
        f"{kind}: {arm.name!r} better than {other.name!r} ({duel})"
        for kind in found.kinds
        for arm in focus
        for other in focus
        if (duel := found.duel(arm, other, kind)).shown_better
    ]
    if shown:
        yield f"Shown by kind: {'; '.join(shown)}."


def _sensitivity(found: Evidence, best: Arm, taken: Arm | None) -> Iterator[str]:
    """Say how small a difference would have been seen, where one was not."""
    rivals = [arm for arm in found.arms if arm is not best]
    hidden = [arm for arm in rivals if not found.duel(best, arm).shown_better]
    if not hidden:
        return
    arm = taken if taken in hidden else found.best(hidden)
    duel = found.duel(best, arm)
    if duel.detectable is not None and (duel.wins or duel.losses):
        yield (
            f"Between {best.name!r} and {arm.name!r}, {duel.n} questions show a lead of"
            f" {duel.detectable:.0%} four times out of five, and smaller ones less often."
        )


def _costs(found: Evidence, arms: Sequence[Arm]) -> Iterator[str]:
    costs = [
        f"{arm.name!r} {_dollars(usd)} USD"
        for arm in arms
        if (usd := _a_thousand(found, arm)) is not None
    ]
    if costs:
        yield f"A thousand questions like these cost: {', '.join(costs)}."
    right = [
        f"{arm.name!r} {_dollars(usd)} USD"
        for arm in arms
        if (usd := _a_right(found, arm)) is not None
    ]
    if right:
        yield f"A thousand right answers cost: {', '.join(right)}."


def _months(found: Evidence, arms: Sequence[Arm]) -> Iterator[str]:
    """Say what months cost, where that is known and much of it is paid whatever is asked."""
    costs = found.months
    if costs is None:
        return
    told: list[str] = []
    matters = False
    for volume in _VOLUMES:
        known = {arm.name: costs.month(arm.name, volume) for arm in arms}
        totals = {
            name: (one.usd, one.fixed_usd)
            for name, one in known.items()
            if one is not None and one.usd is not None and one.fixed_usd is not None
        }
        matters |= any(fixed * _NOTABLE >= usd > 0 for usd, fixed in totals.values())
        if len(totals) == len(arms):
            each = (f"{name!r} {_dollars(usd)} USD" for name, (usd, _) in totals.items())
            told.append(f"of {volume:,} questions {', '.join(each)}")
    unknown = [
        arm.name
        for arm in arms
        if (one := costs.month(arm.name, _VOLUMES[0])) is not None
        and one.fixed_usd is None
        and one.answers_usd is not None
    ]
    if unknown:
        yield (
            f"What {', '.join(map(repr, unknown))} costs a month is not known: the price of"
            " hosting, training or vectors is missing, and the profile's `prices` can say it."
        )
    if matters and told:
        yield (
            f"A month costs, hosting and 1/{costs.months:g} of what is paid once included:"
            f" {'; '.join(told)}."
        )


def _crossings(found: Evidence, arms: Sequence[Arm]) -> Iterator[str]:
    """Say from how many questions a month on an arm is cheaper than another one."""
    if found.months is None:
        return
    for arm in arms:
        for other in arms:
            questions = found.months.crossing(arm.name, other.name)
            if questions is not None:
                yield (
                    f"{arm.name!r} is cheaper than {other.name!r} from about {questions:,.0f}"
                    " questions a month on."
                )


def _times(found: Evidence, arms: Sequence[Arm]) -> Iterator[str]:
    known = [found.costs[arm.name] for arm in arms if arm.name in found.costs]
    times = [
        f"{one.arm!r} {one.latency_p50_s:.2g} s" for one in known if one.latency_p50_s is not None
    ]
    if times:
        yield f"Half of the answers came within: {', '.join(times)}."


def _cheaper(
    found: Evidence, candidates: Sequence[Arm], best: Arm, taken: Arm | None
) -> Iterator[str]:
    """Name an arm with more parts that is as good and much cheaper per right answer."""
    price = None if taken is None else _a_right(found, taken)
    if taken is None or not price:
        return
    rivals = [
        (cost, arm)
        for arm in candidates[candidates.index(taken) + 1 :]
        if (cost := _a_right(found, arm)) is not None and not found.duel(best, arm).shown_better
    ]
    if rivals and (least := min(rivals, key=lambda one: one[0]))[0] * _MUCH_CHEAPER <= price:
        cost, arm = least
        crossing = None if found.months is None else found.months.crossing(arm.name, taken.name)
        often = "many questions" if crossing is None else f"more than {crossing:,.0f} a month"
        yield (
            f"{arm.name!r} ({found.tally(arm)}) is not shown worse, and a thousand of its right"
            f" answers cost {_dollars(cost)} USD instead of {_dollars(price)} USD, hosting and"
            f" training apart: with {often} that may decide."
        )


def _a_thousand(found: Evidence, arm: Arm) -> Decimal | None:
    """Give the US dollars for a thousand questions; None when they are not known."""
    known = found.costs.get(arm.name)
    return None if known is None else known.usd_per_1000


def _a_right(found: Evidence, arm: Arm) -> Decimal | None:
    """Give the US dollars for a thousand right answers; None when they are not known."""
    cost, share = _a_thousand(found, arm), found.tally(arm).share
    return cost / Decimal(share) if cost is not None and share else None


def _dollars(value: Decimal) -> str:
    return f"{value:.2f}" if value >= 1 else f"{value:.2g}"
