"""Say who judged, what it took, and how far it can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.types.judgements import Agreement, JudgeReport
from tailorbird.workflow.judging.agreement import agreement
from tailorbird.workflow.judging.families import family_of
from tailorbird.workflow.judging.labels import fits, unjudged_labels
from tailorbird.workflow.judging.rubrics import CORRECTNESS
from tailorbird.workflow.money.pricing import batch_cost, usage_cost

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal

    from tailorbird.exceptions import Problem
    from tailorbird.types.ids import ModelId
    from tailorbird.types.judgements import Grade
    from tailorbird.types.usage import Price, Usage
    from tailorbird.workflow.judging.grading import Grading
    from tailorbird.workflow.judging.options import JudgeOptions

RIGHT_ABOVE = 0.5
"""Grade of correctness above which an answer counts as right: of three levels, the highest."""

_STEADY = 0.9  # below it, one judgement in ten changes when asked again
# "Substantial" agreement begins above 0.6: J. R. Landis and G. G. Koch, "The Measurement of
# Observer Agreement for Categorical Data", Biometrics 33, 1977.
_RELIABLE = 0.6
_FEWEST_LABELS = 30  # below it, an interval of kappa is wider than the words for it


def report(
    grading: Grading,
    *,
    model: ModelId,
    price: Price | None,
    own_family: tuple[str, ...],
    problems: tuple[Problem, ...] = (),
) -> JudgeReport:
    """Sum up what was judged.

    Args:
        grading: What was judged.
        model: What the judge is.
        price: What it costs; None when that is not known.
        own_family: Arms whose models are of its family.
        problems: Which labels do not count.
    """
    options = grading.options
    grades = [one for found in grading.grades.values() for one in found]
    told = JudgeReport(
        model=model,
        rubrics=tuple(one.name for one in options.rubrics),
        questions=len(grading.drawn),
        judged=sum(one.value is not None for one in grades),
        reused=sum(one.reused for one in grades),
        failed=sum(one.value is None for one in grades),
        usage=grading.usage,
        usd=judging_cost(grading.usage, price, bulk=grading.desk.batches is not None),
        consistency=tuple(
            agreement(one.name, grading.repeated[one.name])
            for one in options.rubrics
            if one.name in grading.repeated
        ),
        people=_people(grading, options),
        problems=(*problems, *_unjudged(grading, options)),
        family=family_of(model),
        own_family=own_family,
    )
    caveats = tuple(_caveats(told, options, asked=len(grading.answered.questions)))
    return told.model_copy(update={"caveats": caveats})


def judging_cost(usage: Usage, price: Price | None, *, bulk: bool) -> Decimal | None:
    """Price judgements, in US dollars; None when that is not known.

    Args:
        usage: Their tokens.
        price: What the judge costs; None when that is not known.
        bulk: Whether batches answered. Those that were kept from direct calls are then priced too
            low, because nobody knows any more which they were.
    """
    if bulk:
        return batch_cost(usage, price)
    return None if price is None else usage_cost(usage, price)


def is_right(grades: Sequence[Grade]) -> bool | None:
    """Say whether the judge holds an answer for right; None where it did not judge that."""
    values = (one.value for one in grades if one.rubric == CORRECTNESS.name)
    return next((one > RIGHT_ABOVE for one in values if one is not None), None)


def family_caveats(model: str, arms: Sequence[str], *, role: str) -> tuple[str, ...]:
    """Say that a judge judges its own family; empty where it does not."""
    if not arms:
        return ()
    told = (
        f"The judge {model!r} is of the same family ({family_of(model)}) as the models of"
        f" {', '.join(arms)}: judges tend to favor their own kind; a model of another maker for"
        f" the role {role!r} would be fairer."
    )
    return (told,)


def _people(grading: Grading, options: JudgeOptions) -> Agreement | None:
    """Compare with what people say; labels that do not count are left out."""
    if not options.labels:
        return None
    pairs: list[tuple[bool, bool]] = []
    for label in options.labels:
        right = is_right(grading.grades.get((label.arm, label.question), ()))
        if right is not None and fits(label, grading.answered.answers):
            pairs.append((right, label.right))
    return agreement(CORRECTNESS.name, pairs)


def _unjudged(grading: Grading, options: JudgeOptions) -> tuple[Problem, ...]:
    judged = {place for place, grades in grading.grades.items() if is_right(grades) is not None}
    return unjudged_labels(options.labels, grading.answered.answers, judged=judged)


def _caveats(told: JudgeReport, options: JudgeOptions, *, asked: int) -> Iterator[str]:
    yield from family_caveats(told.model, told.own_family, role=options.role)
    if options.decides:
        yield f"What is right was decided by the judge {told.model!r}, not by comparing texts."
    if told.questions < asked:
        yield (
            f"The judge saw the answers to {told.questions} of {asked} questions, drawn with seed"
            f" {options.seed}."
        )
    if told.failed:
        yield f"{told.failed} judgements are missing, because the judge gave none."
    for one in told.consistency:
        if one.share is not None and one.share < _STEADY:
            yield (
                f"Asked again about {one.rubric}, the judge said something else for"
                f" {1 - one.share:.0%} of {one.n} answers."
            )
    yield from (f"{one.reason}." for one in told.problems)
    yield from _trust(told.people)


def _trust(people: Agreement | None) -> Iterator[str]:
    if people is None or not people.n:
        yield "No answer that was judged was labeled by a person: nobody knows how right it is."
    elif people.n < _FEWEST_LABELS:
        yield (
            f"Only {people.n} answers have labels of people: that is too few to know how right the"
            f" judge is; label {_FEWEST_LABELS} at least."
        )
    elif people.kappa is None or people.kappa < _RELIABLE:
        kappa = "no kappa, as all got one label" if people.kappa is None else f"{people.kappa:.2f}"
        yield (
            f"The judge agrees with people on {people.share:.0%} of {people.n} answers (Cohen's"
            f" kappa: {kappa}): do not rest a decision on it."
        )
