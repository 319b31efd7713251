"""What so many questions can show, and how many it takes."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, special, stats

from tailorbird.exceptions import InvalidInputError
from tailorbird.workflow.statistics import (
    LEVEL,
    can_show,
    mcnemar,
    questions_missing,
    questions_needed,
    smallest_difference,
)

small_counts = st.integers(min_value=0, max_value=7)


def test_six_questions_can_show_something() -> None:
    """Alone, six questions suffice for the 5 % level; among fifteen pairs it takes ten."""
    assert [can_show(n) for n in (0, 5, 6)] == [False, False, True]
    assert [can_show(n, comparisons=15) for n in (9, 10)] == [False, True]


def test_needed_questions_know_their_value() -> None:
    """Connor's formula, computed by hand: 15 % against 5 % of questions apart takes 155."""
    # (1.959964 * sqrt(0.2) + 0.841621 * sqrt(0.2 - 0.01))^2 / 0.01 = 154.7
    assert questions_needed(15, 5, 100) == 155
    assert questions_needed(5, 15, 100) == 155


def test_needed_questions_are_never_too_few_to_show_anything() -> None:
    """Where the formula says four, six are named, because the exact test needs six."""
    assert questions_needed(1, 0, 1) == 6


def test_needed_questions_have_power(pairs: Callable[[int], tuple[int, int]]) -> None:
    """With the number it names, about four of five repetitions show the difference."""
    needed = questions_needed(15, 5, 100)
    assert needed is not None
    shown = sum(mcnemar(*pairs(needed)) < 0.05 for _ in range(400))
    assert 0.7 < shown / 400 < 0.9


@pytest.mark.parametrize(("wins", "losses", "comparisons"), [(15, 5, 1), (30, 10, 1), (40, 5, 15)])
def test_needed_questions_have_power_where_one_looks(
    wins: int, losses: int, comparisons: int
) -> None:
    """Watched, the number shows the lead four times out of five; McNemar's would half as often."""
    needed = questions_needed(wins, losses, 100, comparisons=comparisons, watched=True)
    fixed = questions_needed(wins, losses, 100, comparisons=comparisons)
    assert needed is not None
    assert fixed is not None
    assert fixed < needed
    random = np.random.default_rng(7)
    assert 0.77 < watched_power(random, needed, wins, losses, comparisons) < 0.95
    assert watched_power(random, fixed, wins, losses, comparisons) < 0.7


def watched_power(
    random: np.random.Generator, n: int, wins: int, losses: int, comparisons: int
) -> float:
    """Draw runs of n questions, and look after each: how often is the lead shown at some look?"""
    drawn = random.random((1000, n))
    won = (drawn < wins / 100).cumsum(axis=1)
    lost = ((drawn >= wins / 100) & (drawn < (wins + losses) / 100)).cumsum(axis=1)
    bar = np.log(comparisons / LEVEL)
    worth = (won + lost) * np.log(2) + special.gammaln(won + 1) + special.gammaln(lost + 1)
    return float((worth - special.gammaln(won + lost + 2) >= bar).any(axis=1).mean())


@pytest.fixture
def pairs() -> Callable[[int], tuple[int, int]]:
    """Draws wins and losses among n questions with rates 0.15 and 0.05."""
    source = random.Random(5)  # noqa: S311 - a simulation, no secret

    def draw(n: int) -> tuple[int, int]:
        rolls = [source.random() for _ in range(n)]
        return sum(roll < 0.15 for roll in rolls), sum(0.15 <= roll < 0.2 for roll in rolls)

    return draw


@given(small_counts, small_counts, st.integers(min_value=15, max_value=40))
def test_needed_questions_can_show_something(wins: int, losses: int, n: int) -> None:
    """The number is never below what can show anything; a tie gives none."""
    needed = questions_needed(wins, losses, n, comparisons=15)
    if wins == losses:
        assert needed is None
    else:
        assert needed is not None
        assert can_show(needed, comparisons=15)


@pytest.mark.parametrize(("wins", "losses", "n"), [(-1, 0, 5), (0, -1, 5), (4, 2, 5), (0, 0, 0)])
def test_needed_questions_refuse_what_does_not_fit(wins: int, losses: int, n: int) -> None:
    """More differences than questions cannot be."""
    with pytest.raises(InvalidInputError, match="do not fit"):
        questions_needed(wins, losses, n)


def test_missing_questions_are_rounded_up_to_tens() -> None:
    """What was asked is taken off; at least ten are named, also where nothing was seen."""
    assert questions_missing(15, 5, 100) == 60
    assert questions_missing(10, 0, 100) == 10
    assert questions_missing(0, 0, 3) == 10
    assert questions_missing(0, 0, 0, comparisons=10_000) == 20
    assert questions_missing(0, 0, 0, comparisons=15) == 10
    assert questions_missing(0, 0, 0, comparisons=15, watched=True) == 20
    assert questions_missing(15, 5, 100, watched=True) == 210


def power(n: int, apart: float, lead: float) -> float:
    """Compute the chance that the exact test shows the lead, over all that can be seen."""
    total = 0.0
    ahead = (apart + lead) / 2 / apart
    for seen in range(n + 1):
        shown = [one for one in range(seen + 1) if mcnemar(one, seen - one) < LEVEL]
        total += stats.binom.pmf(seen, n, apart) * stats.binom.pmf(shown, seen, ahead).sum()
    return float(total)


@pytest.mark.parametrize(("n", "apart"), [(60, 0.5), (100, 0.3), (150, 0.6)])
def test_the_smallest_difference_is_shown_four_times_out_of_five(n: int, apart: float) -> None:
    """The exact power at the difference that is named is about 80 %, the test being cautious."""
    found = smallest_difference(n, apart)
    assert found is not None
    assert 0.7 < power(n, apart, found) < 0.85


def test_the_smallest_difference_solves_its_equation() -> None:
    """Connor's equation, solved by scipy, has the same root; more pairs need a larger one."""
    error, miss = stats.norm.ppf(1 - 0.05 / 15 / 2), stats.norm.ppf(0.8)

    def off(lead: float) -> float:
        return error * np.sqrt(0.4) + miss * np.sqrt(0.4 - lead**2) - lead * np.sqrt(120)

    found = smallest_difference(120, 0.4, comparisons=15)
    assert found == pytest.approx(optimize.brentq(off, 0, 0.4))
    single = smallest_difference(120, 0.4)
    assert single is not None
    assert single < found
    assert smallest_difference(480, 0.4, comparisons=15) == pytest.approx(found / 2, rel=0.05)


@pytest.mark.parametrize(("n", "apart"), [(0, 0.5), (5, 1.0), (40, 0.1), (100, 0.0)])
def test_some_questions_show_no_difference_at_all(n: int, apart: float) -> None:
    """Too few questions, or too few on which the arms differ, have no smallest difference."""
    assert smallest_difference(n, apart) is None


def test_needed_questions_and_smallest_difference_fit() -> None:
    """Asking as many as are needed makes the difference that was seen the smallest one."""
    needed = questions_needed(15, 5, 100)
    assert needed is not None
    assert smallest_difference(needed, 0.2) == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize(("n", "comparisons"), [(150, 1), (400, 15)])
def test_watched_questions_show_larger_differences_only(n: int, comparisons: int) -> None:
    """Where one looks, the smallest difference is larger, and as many questions as it needs fit."""
    fixed = smallest_difference(n, 0.4, comparisons=comparisons)
    found = smallest_difference(n, 0.4, comparisons=comparisons, watched=True)
    assert fixed is not None
    assert found is not None
    assert 1.1 < found / fixed < 1.6
    wins = round((0.4 + found) / 2 * 100_000)
    needed = questions_needed(wins, 40_000 - wins, 100_000, comparisons=comparisons, watched=True)
    assert needed == pytest.approx(n, abs=1)


def test_watched_questions_may_show_nothing() -> None:
    """Where even winning all that differ is not shown, there is no smallest difference."""
    assert smallest_difference(50, 0.1) is None
    assert smallest_difference(50, 0.15, watched=True) is None
    assert smallest_difference(50, 0.0, watched=True) is None


@pytest.mark.parametrize(("n", "apart"), [(-1, 0.5), (10, -0.1), (10, 1.1)])
def test_the_smallest_difference_refuses_what_does_not_fit(n: int, apart: float) -> None:
    """Negative numbers of questions and shares outside 0..1 cannot be."""
    with pytest.raises(InvalidInputError, match="apart"):
        smallest_difference(n, apart)
