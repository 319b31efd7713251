"""What follows from a comparison, in words: the rules, one after the other.

**Which arms may be recommended.** All with scored answers, but for

1. arms whose tuned model stops answering within `ENDING_DAYS` days, as long as any other arm is
   there: what is ahead for a few weeks is named, with its days, and not recommended;
2. tuned arms that lost restraint for style: *shown* worse than the best arm without tuning at
   following the documents against their training (`conflict`) or at declining what nobody can
   answer (`unanswerable`), and not shown to know more facts than it.

**Which of them.** Arms are ranked by what they take to build and keep: the model as it is, a
prompt, worked examples, retrieval, tuning, tuning with retrieval. The best arm is the one with the
largest share of right answers. From the simplest arm upwards:

3. An arm that the best one is *shown* better than (exact McNemar test, Holm's correction, 5 %) is
   passed over.
4. An arm that is not, and is behind by at most `CLEAR_LEAD`, is recommended. A lead that small,
   which the questions do not even show to be real, does not pay for more parts.
5. An arm that is not, and is behind by more, cannot be decided on: the lead may be real or chance.
   Then nothing is recommended, and the verdict says how many more questions would tell.

So an arm with more parts, and tuning with retrieval above all, has to be shown better than every
simpler one. When so few questions were asked that not even a clean sweep could be shown, nothing is
recommended either.

**What it is called** (`Verdict.decision`). Tuning is judged on facts alone (all questions but style
and the unanswerable) against the best arm without tuning, and on style separately, because that is
where it differs.

* `retrieve`: the recommended arm has an index and no tuned model.
* `tune for style and retrieve for facts`: it has both, and is not shown ahead on facts of the best
  arm without tuning; `fine-tune and retrieve`: it has both, and is.
* `fine-tune`: it has a tuned model and no index; the headline says when it is for style alone.
* `do not fine-tune`: it has neither, is right in half of the answers or more, and tuning was tried;
  `a prompt is enough`: the same, and tuning was not tried.
* `neither helps: write a better prompt`: it has neither and is right in less than half of the
  answers, or no arm is right at all, although tuning or retrieval was tried.
* `cannot tell yet`: everything else.

Each reason names the figures it rests on (`reasons`). What the figures cannot say stands in the
caveats, and what to do about it in the next steps (`advice`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.workflow.answering.results import Verdict
from tailorbird.workflow.comparing.advice import caveats, early_caveats, next_steps
from tailorbird.workflow.comparing.evidence import FACTS, Evidence
from tailorbird.workflow.comparing.reasons import reasons

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.answering.results import (
        ArmFigures,
        Cell,
        Decision,
        EarlyStopping,
        Pair,
    )
    from tailorbird.workflow.comparing.evidence import Duel
    from tailorbird.workflow.money.volume import Costs

CLEAR_LEAD = 0.1
"""Lead in share that is not waved away although the test does not show it: one question in ten.

A choice, not a measurement: below it, the cost of a wrong choice is small, and with fewer than a
hundred questions the test could hardly show it.
"""

ENDING_DAYS = 90
"""Days below which a tuned model that will stop answering is not recommended.

A choice: it is when `tailorbird doctor` begins to warn, and about what it takes a team to find,
train and check a successor.
"""

POOR = 0.5
"""Share right below which even the recommended arm is no good answer."""


@dataclass(frozen=True, slots=True)
class _Choice:
    """What the rules lead to."""

    decision: Decision
    headline: str
    arm: Arm | None = None


def conclude(  # noqa: PLR0913 - all that is known
    arms: Sequence[Arm],
    *,
    cells: Iterable[Cell],
    pairs: Iterable[Pair],
    figures: Iterable[ArmFigures] = (),
    costs: Costs | None = None,
    early: EarlyStopping | None = None,
    caveat: str | None = None,
    today: date | None = None,
) -> Verdict:
    """Say which arm to take and why, or that the questions cannot tell.

    What an arm is follows from its `tuned`, `index`, `shots` and `system`, never from its name.

    Args:
        arms: The arms that were compared.
        cells: What `summary.summarize` gave.
        pairs: What `summary.compare_pairs` gave.
        figures: What `summary.figures` gave.
        costs: What the arms cost a month; None when nobody counted.
        early: How one looked while the questions were asked; None where nobody did.
        caveat: What must be said about the provider; always repeated.
        today: Day from which the days of tuned models are counted; None counts none.
    """
    known = tuple(figures)
    found = Evidence.of(arms, cells=cells, pairs=pairs, figures=known, months=costs, today=today)
    cautions = (*caveats(arms, found, known, caveat), *early_caveats(early))
    if not found.arms:
        return Verdict(
            headline="Nothing can be said: no answer could be scored. Give the questions reference"
            " answers.",
            recommended=None,
            reasons=(),
            caveats=cautions,
            next_steps=("Give the questions reference answers, and compare again.",),
        )
    candidates = _candidates(found)
    choice = _choice(found, candidates)
    return Verdict(
        headline=choice.headline,
        recommended=None if choice.arm is None else choice.arm.name,
        reasons=(
            *reasons(found, candidates, choice.arm),
            *(() if early is None else (str(early),)),
        ),
        caveats=cautions,
        decision=choice.decision,
        next_steps=tuple(next_steps(found, candidates, choice.decision, choice.arm)),
    )


def lasting_arms(arms: Sequence[Arm], days: Mapping[str, int]) -> Sequence[Arm]:
    """Apply rule 1: leave out the arms that end soon, unless all of them do.

    Args:
        arms: Arms.
        days: What `evidence.days_left` gave.
    """
    return [arm for arm in arms if _ends_in(days, arm) is None] or arms


def _ends_in(days: Mapping[str, int], arm: Arm) -> int | None:
    """Give the days of an arm that ends soon; None for one that does not."""
    left = days.get(arm.name, ENDING_DAYS)
    return max(0, left) if left < ENDING_DAYS else None


def _candidates(found: Evidence) -> tuple[Arm, ...]:
    """Apply rules 1 and 2: leave out what ends soon, and what lost restraint for style."""
    remaining = lasting_arms(found.arms, found.days)
    return tuple(arm for arm in remaining if not _lost_restraint(found, arm, remaining))


def _lost_restraint(found: Evidence, arm: Arm, among: Sequence[Arm]) -> bool:
    untuned = [one for one in among if one.tuned is None]
    if arm.tuned is None or not untuned:
        return False
    rival = found.best(untuned, FACTS)
    return not found.duel(arm, rival, FACTS).shown_better and any(
        found.duel(rival, arm, kind).shown_better for kind in ("conflict", "unanswerable")
    )


def _choice(found: Evidence, candidates: Sequence[Arm]) -> _Choice:
    """Apply rules 3 to 5, after the cases in which there is nothing to choose from."""
    if len(found.arms) == 1:
        only = found.arms[0].name
        words = f"{only!r} is the only arm with scored answers: add others to compare."
        return _Choice("cannot tell yet", words)
    best = found.best(candidates)
    duels = [found.duel(best, arm) for arm in found.arms if arm is not best]
    if not any(duel.conclusive for duel in duels):
        return _Choice("cannot tell yet", _nothing_shown(found, max(duels, key=lambda one: one.n)))
    if not found.tally(found.best(found.arms)).right:
        words = "None of the arms got a question right: write a better prompt, or add data."
        return _Choice(_without_parts(found, good=False), words)
    for arm in candidates[: candidates.index(best)]:
        duel = found.duel(best, arm)
        if duel.shown_better:
            continue
        if not duel.conclusive or duel.lead > CLEAR_LEAD:
            return _Choice("cannot tell yet", _too_few(found, best, arm))
        return _taken(found, arm)
    return _taken(found, best)


def _taken(found: Evidence, arm: Arm) -> _Choice:
    """Name the arm, or what keeps it from being named."""
    decision = _decision(found, arm)
    good = found.tally(arm).share >= POOR
    ahead = _ending_ahead(found, arm)
    if ahead is not None and not good:
        words = f"{ahead} and nothing else is right in half of the answers: move it, then compare."
        return _Choice("cannot tell yet", words)
    if decision == "cannot tell yet":
        words = (
            f"{arm.name!r} is right in only {found.tally(arm)}: improve the prompt and the data, or"
            " compare retrieval and tuning."
        )
        return _Choice(decision, words)
    words = _advice(found, arm)
    return _Choice(decision, words if ahead is None else f"{words} {ahead}.", arm)


def _decision(found: Evidence, arm: Arm) -> Decision:
    """Read the table of the module's docstring from top to bottom."""
    if arm.tuned is not None and arm.index is not None:
        adds = _tuning_adds_facts(found, arm)
        return "fine-tune and retrieve" if adds else "tune for style and retrieve for facts"
    if arm.tuned is not None:
        return "fine-tune"
    if arm.index is not None:
        return "retrieve"
    return _without_parts(found, good=found.tally(arm).share >= POOR)


def _without_parts(found: Evidence, *, good: bool) -> Decision:
    """Decide where neither tuning nor retrieval is worth it."""
    if good:
        return "do not fine-tune" if found.tuned else "a prompt is enough"
    tried = found.tuned or any(arm.index is not None for arm in found.arms)
    return "neither helps: write a better prompt" if tried else "cannot tell yet"


def _ending_ahead(found: Evidence, taken: Arm) -> str | None:
    """Say so when an arm that ends soon is shown better than the one that is taken."""
    ahead = [
        arm
        for arm in found.arms
        if _ends_in(found.days, arm) is not None and found.duel(arm, taken).shown_better
    ]
    if not ahead:
        return None
    arm = found.best(ahead)
    return (
        f"{arm.name!r} is ahead ({found.tally(arm)}; {found.duel(arm, taken)}), but its model stops"
        f" answering in {_ends_in(found.days, arm)} days"
    )


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
    if taken.tuned is None and _style_lead(found, found.tuned, found.untuned) > POOR:
        words.append("Only the house style would gain from tuning.")
    if (days := _ends_in(found.days, taken)) is not None:
        words.append(f"Its model stops answering in {days} days: train a successor.")
    tally = found.tally(taken)
    if tally.share < POOR:
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
