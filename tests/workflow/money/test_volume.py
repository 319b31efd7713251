"""What arms cost a month, checked by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tailorbird.workflow.money.volume import (
    ArmCosts,
    break_even,
    costs_of,
    monthly_costs,
)

# A tuned model: cheap questions, 1.70 USD an hour, 24 USD of training over 12 months.
TUNED = ArmCosts(
    arm="tuned",
    usd_per_question=Decimal("0.001"),
    hosting_hourly=Decimal("1.70"),
    training_usd=Decimal(24),
    correct=0.5,
)
# Retrieval: long prompts, 1.20 USD for the vectors of the documents.
RETRIEVAL = ArmCosts(
    arm="retrieval",
    usd_per_question=Decimal("0.005"),
    indexing_usd=Decimal("1.20"),
    correct=0.8,
)
UNKNOWN = ArmCosts(arm="unknown", usd_per_question=None, correct=0.9)


def test_costs_by_volume() -> None:
    """Tokens come with each question, hosting and a share of the rest with the month."""
    few, many = monthly_costs([TUNED], volumes=(100, 100_000))
    assert few.fixed_usd == Decimal("1.70") * 730 + 2 == Decimal("1243.00")
    assert few.answers_usd == Decimal("0.1")
    assert few.usd == Decimal("1243.1")
    assert few.usd_per_correct == Decimal("1243.1") / 50
    assert many.usd == Decimal(1343)
    assert many.usd_per_correct == Decimal(1343) / 50_000


def test_months_and_hours_can_be_chosen() -> None:
    """A model that lives two months and is up eight hours a working day costs less, and more."""
    [found] = monthly_costs([TUNED], volumes=(1,), months=2, hours=160)
    assert found.fixed_usd == Decimal("1.70") * 160 + 12


def test_break_even() -> None:
    """The volume at which dear questions and a dear month cost the same."""
    assert break_even(TUNED, RETRIEVAL) == pytest.approx((1243.0 - 0.1) / 0.004)
    assert break_even(RETRIEVAL, TUNED) is None


def test_cheaper_from_the_first_question_on() -> None:
    """Whoever is cheaper in all has no crossing, and is cheaper from 0 on."""
    cheap = ArmCosts(arm="base", usd_per_question=Decimal("0.0001"), correct=0.2)
    assert break_even(cheap, RETRIEVAL) == 0
    assert costs_of([cheap, RETRIEVAL]).break_even == ()


def test_what_is_not_known_is_not_guessed() -> None:
    """An unknown part makes the sum unknown, never smaller."""
    [found] = monthly_costs([UNKNOWN], volumes=(100,))
    assert (found.usd, found.usd_per_correct, found.fixed_usd) == (None, None, Decimal(0))
    unhosted = TUNED.model_copy(update={"hosting_hourly": None})
    untrained = TUNED.model_copy(update={"training_usd": None})
    for arm in (unhosted, untrained):
        [found] = monthly_costs([arm], volumes=(100,))
        assert (found.usd, found.fixed_usd, found.answers_usd) == (None, None, Decimal("0.1"))
        assert break_even(arm, RETRIEVAL) is None
    assert break_even(UNKNOWN, RETRIEVAL) is None
    assert break_even(RETRIEVAL, UNKNOWN) is None


def test_cost_per_correct_answer() -> None:
    """An arm that is never right has no price for a right answer."""
    assert RETRIEVAL.usd_per_correct == Decimal("0.00625")
    assert UNKNOWN.usd_per_correct is None
    wrong = RETRIEVAL.model_copy(update={"correct": 0.0})
    unscored = RETRIEVAL.model_copy(update={"correct": None})
    assert wrong.usd_per_correct is unscored.usd_per_correct is None
    [found] = monthly_costs([wrong], volumes=(10,))
    assert found.usd_per_correct is None


def test_all_together() -> None:
    """Arm by arm and volume by volume, with the crossings that there are."""
    costs = costs_of([RETRIEVAL, TUNED, UNKNOWN])
    assert [(one.arm, one.questions) for one in costs.volumes[:5]] == [
        ("retrieval", 100),
        ("retrieval", 1_000),
        ("retrieval", 10_000),
        ("retrieval", 100_000),
        ("tuned", 100),
    ]
    [crossing] = costs.break_even
    assert (crossing.arm, crossing.baseline) == ("tuned", "retrieval")
    assert round(crossing.questions) == 310_725
