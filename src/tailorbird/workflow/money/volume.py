"""What ways of answering cost a month, by how many questions come, and from where on one pays off.

Some of it comes with each question (tokens), some with the month (hosting), some once (training,
making vectors of the documents); what comes once is spread over the months of its use.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import combinations

from pydantic import Field

from tailorbird.types.base import Frozen

VOLUMES = (100, 1_000, 10_000, 100_000)
"""Questions a month that tables show."""

HOURS_PER_MONTH = 730
"""Hours for which hosting is paid in a month: a year's 8,760 by twelve."""

MONTHS = 12
"""Months over which what is paid once is spread. A choice, not a measurement: tuned models live
about as long (OpenAI's of gpt-4.1 until 2027-01-14, 21 months after the base appeared)."""


class ArmCosts(Frozen):
    """What one way of answering costs, by what the cost comes with. None is never taken for 0."""

    arm: str
    """Name of the arm."""
    usd_per_question: Decimal | None = None
    """US dollars for the tokens of one question, passages included; None when not known."""
    hosting_hourly: Decimal | None = Decimal(0)
    """US dollars for each hour; None when it is hosted at an unknown price."""
    training_usd: Decimal | None = Decimal(0)
    """US dollars for training, once; None when it was trained at an unknown price."""
    indexing_usd: Decimal | None = Decimal(0)
    """US dollars for the vectors of its documents, once; None when not known."""
    correct: float | None = Field(default=None, ge=0, le=1)
    """Share of questions it got right, 0..1; None when nothing was scored."""

    @property
    def usd_per_correct(self) -> Decimal | None:
        """US dollars of tokens for each right answer; None when not known, or none was right."""
        if self.usd_per_question is None or not self.correct:
            return None
        return self.usd_per_question / Decimal(str(self.correct))

    def monthly(self, *, months: float, hours: float) -> Decimal | None:
        """Give US dollars a month that do not depend on the number of questions.

        Args:
            months: Over how many months what is paid once is spread, above 0.
            hours: Hours of hosting in a month, at least 0.
        """
        parts = (self.hosting_hourly, self.training_usd, self.indexing_usd)
        hourly, *once = parts
        if hourly is None or None in once:
            return None
        spread = sum((one for one in once if one is not None), Decimal(0))
        return hourly * Decimal(str(hours)) + spread / Decimal(str(months))


class VolumeCosts(Frozen):
    """What one way of answering costs in a month of so many questions."""

    arm: str
    """Name of the arm."""
    questions: int = Field(ge=1)
    """Questions a month."""
    answers_usd: Decimal | None
    """US dollars for answering them; None when not known."""
    fixed_usd: Decimal | None
    """US dollars for hosting, and this month's share of what was paid once; None when not known."""
    usd: Decimal | None
    """Both together; None when a part is not known."""
    usd_per_correct: Decimal | None
    """US dollars for each right answer, all costs included; None when not known, or none is
    right."""


class BreakEven(Frozen):
    """From how many questions a month on one way of answering is cheaper than another."""

    arm: str
    """The arm that is cheaper above."""
    baseline: str
    """The arm that is cheaper below."""
    questions: float = Field(ge=0)
    """Questions a month at which both cost the same."""


class Costs(Frozen):
    """What the arms of a comparison cost, and what that comes to by volume."""

    arms: tuple[ArmCosts, ...]
    """What each arm costs."""
    volumes: tuple[VolumeCosts, ...]
    """Arm by arm, volume by volume."""
    break_even: tuple[BreakEven, ...]
    """For each two arms whose costs cross; for others one of the two is cheaper at any volume, or
    something is not known."""
    months: float = MONTHS
    """Over how many months what is paid once is spread."""
    hours_per_month: float = HOURS_PER_MONTH
    """Hours of hosting in a month."""
    judge_usd: Decimal | None = None
    """US dollars for judging this comparison, once: a part of measuring, and of no arm's costs.
    None when nothing was judged, or the judge's price is not known."""

    def crossing(self, arm: str, baseline: str) -> float | None:
        """Give the questions a month from which on an arm is cheaper than another one, above 0.

        None where the two do not cross, or something is not known.
        """
        found = (one for one in self.break_even if (one.arm, one.baseline) == (arm, baseline))
        return next((one.questions for one in found), None)

    def month(self, arm: str, questions: int) -> VolumeCosts | None:
        """Give what an arm costs in a month of so many questions; None for other volumes."""
        found = (one for one in self.volumes if (one.arm, one.questions) == (arm, questions))
        return next(found, None)


def monthly_costs(
    arms: Sequence[ArmCosts],
    *,
    volumes: Sequence[int] = VOLUMES,
    months: float = MONTHS,
    hours: float = HOURS_PER_MONTH,
) -> tuple[VolumeCosts, ...]:
    """Compute what arms cost in months of so many questions.

    Args:
        arms: What each costs.
        volumes: Questions a month, each at least 1.
        months: Over how many months what is paid once is spread, above 0.
        hours: Hours of hosting in a month, at least 0.

    Returns:
        Arm by arm in the order given, volume by volume.
    """
    return tuple(
        _at_volume(arm, volume, arm.monthly(months=months, hours=hours))
        for arm in arms
        for volume in volumes
    )


def _at_volume(arm: ArmCosts, questions: int, fixed: Decimal | None) -> VolumeCosts:
    each = arm.usd_per_question
    answers = None if each is None else each * questions
    total = None if answers is None or fixed is None else answers + fixed
    right = Decimal(str(arm.correct or 0)) * questions
    return VolumeCosts(
        arm=arm.arm,
        questions=questions,
        answers_usd=answers,
        fixed_usd=fixed,
        usd=total,
        usd_per_correct=None if total is None or not right else total / right,
    )


def break_even(
    arm: ArmCosts,
    baseline: ArmCosts,
    *,
    months: float = MONTHS,
    hours: float = HOURS_PER_MONTH,
) -> float | None:
    """Compute the questions a month from which on `arm` is cheaper than `baseline`.

    Returns:
        Questions a month, at least 0: 0 when it is cheaper from the first question on. None when it
        never is, or when something is not known.
    """
    fixed = arm.monthly(months=months, hours=hours)
    other = baseline.monthly(months=months, hours=hours)
    each, theirs = arm.usd_per_question, baseline.usd_per_question
    if fixed is None or other is None or each is None or theirs is None or each >= theirs:
        return None
    return max(0.0, float((fixed - other) / (theirs - each)))


def costs_of(
    arms: Sequence[ArmCosts],
    *,
    volumes: Sequence[int] = VOLUMES,
    months: float = MONTHS,
    hours: float = HOURS_PER_MONTH,
) -> Costs:
    """Put together what arms cost, by volume and against each other; see `monthly_costs`."""
    crossings: list[BreakEven] = []
    for first, second in combinations(arms, 2):
        for arm, baseline in ((first, second), (second, first)):
            questions = break_even(arm, baseline, months=months, hours=hours)
            if questions:
                crossings.append(BreakEven(arm=arm.arm, baseline=baseline.arm, questions=questions))
    return Costs(
        arms=tuple(arms),
        volumes=monthly_costs(arms, volumes=volumes, months=months, hours=hours),
        break_even=tuple(crossings),
        months=months,
        hours_per_month=hours,
    )
