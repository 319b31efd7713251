"""Intervals that hold although one looked on the way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special

from tailorbird.exceptions import InvalidInputError
from tailorbird.workflow.statistics import (
    LEVEL,
    difference_interval,
    watched_difference,
    watched_difference_of,
    watched_interval,
    watched_p,
    watched_within,
)

counts = st.integers(min_value=0, max_value=40)
shares = st.lists(st.floats(min_value=0, max_value=1), min_size=1, max_size=30)


def worth(values: list[float], mean: float) -> float:
    """Integrate what a stake becomes that is spread evenly over all bets against a mean."""

    def stake(bet: float) -> float:
        factors = (one * bet / mean + (1 - one) * (1 - bet) / (1 - mean) for one in values)
        return math.prod(factors)

    return float(integrate.quad(stake, 0, 1)[0])


@given(counts, counts, counts)
def test_the_interval_says_what_the_test_says(wins: int, losses: int, ties: int) -> None:
    """It leaves out 0 exactly where the p-value of the same counts is at most 5 %."""
    n = wins + losses + ties
    if n == 0:
        return
    low, high = watched_difference(wins, losses, n)
    assert (low > 0 or high < 0) == (watched_p(wins, losses) <= LEVEL)
    assert low <= (wins - losses) / n <= high
    turned = watched_difference(losses, wins, n)
    assert turned == pytest.approx((-high, -low), abs=1e-6)


def test_what_holds_at_all_looks_is_wider() -> None:
    """Against an interval that holds at one look, it is wider, by half about."""
    for wins, losses, n in [(10, 5, 50), (60, 30, 300), (0, 0, 72), (30, 30, 100)]:
        low, high = watched_difference(wins, losses, n)
        least, most = difference_interval(wins, losses, n)
        assert low < least
        assert high > most
        assert 1.2 < (high - low) / (most - least) < 2


@pytest.mark.parametrize("values", [[1.0, 0.0, 1.0, 1.0], [0.2, 0.9, 0.55, 0.1, 1.0], [0.5] * 9])
def test_the_ends_are_where_the_worth_reaches_twenty(values: list[float]) -> None:
    """Integrated by scipy, the worth of the even spread is 20 at both ends that lie inside."""
    low, high = watched_interval(values)
    assert worth(values, low) == pytest.approx(20, rel=1e-3)
    if high < 1:
        assert worth(values, high) == pytest.approx(20, rel=1e-3)


@given(st.integers(min_value=0, max_value=60), st.integers(min_value=0, max_value=60))
def test_shares_are_bets_on_a_coin(right: int, wrong: int) -> None:
    """Of zeros and ones, the worth has a closed form: a beta function."""
    if right + wrong == 0:
        return
    low, high = watched_interval([1.0] * right + [0.0] * wrong)

    def log_worth(share: float) -> float:
        at_share = special.xlogy(right, share) + special.xlog1py(wrong, -share)
        return float(special.betaln(right + 1, wrong + 1) - at_share)

    for end in (low, high):
        if 0 < end < 1:
            # Near 0 and 1 the worth is steep: the end lies within the precision of where it is 20.
            around = sorted(log_worth(min(1.0, max(0.0, end + step))) for step in (-2e-7, 2e-7))
            assert around[0] <= math.log(20) + 1e-6
            assert around[1] >= math.log(20) - 1e-6
    assert (low == 0) == (right == 0)
    assert (high == 1) == (wrong == 0)


@given(shares)
def test_the_interval_holds_the_mean(values: list[float]) -> None:
    """The mean that was seen is never left out, and the ends stay in 0..1."""
    low, high = watched_interval(values)
    assert 0 <= low <= sum(values) / len(values) + 1e-12
    assert sum(values) / len(values) - 1e-12 <= high <= 1


@pytest.mark.parametrize("wins", range(0, 31, 6))
def test_what_is_kept_is_one_piece(wins: int) -> None:
    """From the mean outwards the worth reaches 20 once and stays above it."""
    values = [1.0] * wins + [0.5] * 20 + [0.0] * 12
    low, high = watched_interval(values)
    for mean in np.linspace(0.01, 0.99, 99).tolist():
        assert (worth(values, mean) < 20) == (low < mean < high)


def test_differences_are_values_of_another_range() -> None:
    """Differences of -1, 0 and 1 get the interval of their counts."""
    differences = [1.0] * 12 + [0.0] * 30 + [-1.0] * 3
    assert watched_difference_of(differences) == pytest.approx(watched_difference(12, 3, 45))


def test_more_confidence_is_wider() -> None:
    """At 99 % an interval holds the one of 95 %."""
    low, high = watched_difference(12, 3, 45)
    least, most = watched_difference(12, 3, 45, confidence=0.99)
    assert least < low < high < most


def test_hundreds_of_different_values_are_put_together() -> None:
    """Where neighbors are put together, the interval is a little wider, never narrower."""
    values = np.random.default_rng(4).beta(2, 2, 501)
    low, high = watched_interval(values.tolist())
    least, most = watched_interval((np.round(values * 250) / 250).tolist())
    assert low == pytest.approx(least, abs=4e-3)
    assert high == pytest.approx(most, abs=4e-3)
    rounded_down, rounded_up = np.floor(values * 500) / 500, np.ceil(values * 500) / 500
    assert low == pytest.approx(watched_interval(rounded_down.tolist())[0])
    assert high == pytest.approx(watched_interval(rounded_up.tolist())[1])


@given(counts, counts, counts, st.sampled_from([0.05, 0.1, 0.3]))
def test_within_is_read_from_the_interval(wins: int, losses: int, ties: int, margin: float) -> None:
    """An interval lies within a margin exactly when both ends do."""
    n = wins + losses + ties
    if n == 0:
        return
    low, high = watched_difference(wins, losses, n)
    assert watched_within(wins, losses, n, margin=margin) == (-margin < low and high < margin)


def test_stopping_when_it_looks_best_misses_one_in_twenty_at_most() -> None:
    """At the look with the largest lead of thirty, Tango's interval misses, this one does not."""
    random, repetitions, n = np.random.default_rng(5), 400, 300
    lead = (random.random((repetitions, n)) < 0.3).astype(int)
    lead -= (lead == 0) & (random.random((repetitions, n)) < 0.3 / 0.7)
    missed = naive = 0
    for row in lead:
        sums = row.cumsum()[9::10]
        stop = 10 * (int(np.argmax(np.abs(sums) / np.sqrt(np.arange(10, n + 1, 10)))) + 1)
        seen = row[:stop]
        found = (int((seen > 0).sum()), int((seen < 0).sum()), stop)
        low, high = watched_difference(*found)
        missed += not low <= 0 <= high
        low, high = difference_interval(*found)
        naive += not low <= 0 <= high
    assert missed <= LEVEL * repetitions
    assert naive > 2 * LEVEL * repetitions


@pytest.mark.parametrize(
    ("values", "confidence"), [([], 0.95), ([0.5, 1.1], 0.95), ([math.nan], 0.95), ([0.5], 1.0)]
)
def test_intervals_refuse_what_they_cannot_use(values: list[float], confidence: float) -> None:
    """No values, values out of range, and certainty are refused."""
    with pytest.raises(InvalidInputError, match="an interval needs"):
        watched_interval(values, confidence=confidence)


@pytest.mark.parametrize(
    ("wins", "losses", "n", "confidence", "hint"),
    [
        (-1, 0, 5, 0.95, "fit"),
        (3, 3, 5, 0.95, "fit"),
        (0, 0, 0, 0.95, "fit"),
        (1, 0, 5, 0.0, "con"),
    ],
)
def test_differences_refuse_what_does_not_fit(
    wins: int, losses: int, n: int, confidence: float, hint: str
) -> None:
    """More differences than questions cannot be, nor can certainty."""
    with pytest.raises(InvalidInputError, match=hint):
        watched_difference(wins, losses, n, confidence=confidence)
    with pytest.raises(InvalidInputError, match=hint):
        watched_within(wins, losses, n, margin=0.1, confidence=confidence)


def test_a_margin_is_a_share() -> None:
    """A margin of nothing, or of everything, is none."""
    with pytest.raises(InvalidInputError, match="margin"):
        watched_within(1, 0, 5, margin=1.0)
