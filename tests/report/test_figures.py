"""How figures are written."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tailorbird.report.figures import (
    NOTHING,
    dollars,
    interval,
    judge_line,
    p_value,
    score_of,
    seconds,
    share,
    subtitle,
)
from tailorbird.types.ids import ModelId
from tailorbird.types.judgements import Agreement, JudgeReport
from tailorbird.workflow.answering.results import Cell, ComparisonData, Pair

CELL = Cell(arm="a", kind="all", metric="correct", n=6, value=5 / 6, low=0.436, high=0.97)


def test_shares_and_intervals_have_two_decimals() -> None:
    """A share and its interval are written to two decimals, a missing one as a dash."""
    assert (share(CELL), share(None)) == ("0.83", NOTHING)
    assert interval(CELL) == "0.44-0.97"


@pytest.mark.parametrize(
    ("value", "text"), [(None, NOTHING), (0.0, "0.00"), (1.234, "1.23"), (123.4, "123")]
)
def test_seconds_are_short(value: float | None, text: str) -> None:
    """Long times need no decimals."""
    assert seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, NOTHING),
        (Decimal(0), "0.00"),
        (Decimal("0.001234"), "0.0012"),
        (Decimal("12.345"), "12.34"),
    ],
)
def test_dollars_say_something(value: Decimal | None, text: str) -> None:
    """Amounts below a dollar keep two digits that say something."""
    assert dollars(value) == text


@pytest.mark.parametrize(("value", "text"), [(1e-9, "< 0.001"), (0.0416, "0.042"), (1.0, "1")])
def test_p_values_are_short(value: float, text: str) -> None:
    """Very small p-values are not written out."""
    assert p_value(value) == text


def test_scores_are_wins_and_losses() -> None:
    """A pair is written as wins against losses."""
    pair = Pair(
        arm="a",
        baseline="b",
        kind="all",
        n=20,
        wins=12,
        losses=3,
        difference=0.45,
        p_value=0.03,
        p_adjusted=0.03,
        word="better",
    )
    assert score_of(pair) == "12:3"


def test_subtitle_says_what_where_when(data: ComparisonData) -> None:
    """A report says how much was compared, on which provider, and when."""
    assert subtitle(data) == "6 arms × 39 questions on fake, 2026-11-22 04:05 UTC"


def test_who_judged_is_said_with_how_far_to_trust_it(data: ComparisonData) -> None:
    """Steadiness, agreement with people and the cost stand where they are known, and only there."""
    assert judge_line(data) == ""
    judge = JudgeReport(model=ModelId("m"), rubrics=("correctness",), questions=4, judged=24)
    told = data.model_copy(update={"judge": judge})
    assert judge_line(told) == "Judged: 24 judgements by m."
    full = judge.model_copy(
        update={
            "usd": Decimal("0.5"),
            "consistency": (
                Agreement(rubric="correctness", n=10, share=0.9, kappa=0.8),
                Agreement(rubric="style", n=0, share=None, kappa=None),
            ),
            "people": Agreement(rubric="correctness", n=4, share=1.0, kappa=None),
        }
    )
    assert judge_line(data.model_copy(update={"judge": full})) == (
        "Judged: 24 judgements by m; asked again about correctness, it said the same of 90% of 10"
        " answers, kappa 0.80; it and people said the same of 100% of 4 answers; 0.5 USD, once,"
        " and a part of no arm's costs."
    )
