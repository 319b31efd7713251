"""How figures are written."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tailorbird.report.figures import (
    NOTHING,
    dollars,
    interval,
    p_value,
    score_of,
    seconds,
    share,
    subtitle,
)
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
