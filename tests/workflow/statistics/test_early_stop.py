"""Stopping early."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from tailorbird.exceptions import InvalidInputError
from tailorbird.workflow.statistics import EarlyStop

counts = st.integers(min_value=0, max_value=30)


@given(counts, counts)
def test_the_worth_is_the_average_over_all_coins(wins: int, losses: int) -> None:
    """One look gives the mean likelihood ratio of all coins against the fair one, by scipy."""
    n = wins + losses
    likelihood, _ = integrate.quad(lambda coin: stats.binom.pmf(wins, n, coin), 0, 1)
    ratio = likelihood / stats.binom.pmf(wins, n, 0.5)
    stop = EarlyStop()
    stop.update(wins, losses)
    assert stop.p_value == pytest.approx(min(1.0, 1 / ratio))


@given(counts, counts)
def test_the_worth_is_a_fair_game(wins: int, losses: int) -> None:
    """The worth is the mean of what one win and one loss more would make of it, exactly."""

    def worth(won: int, lost: int) -> Fraction:
        return Fraction(
            2 ** (won + lost) * math.factorial(won) * math.factorial(lost),
            math.factorial(won + lost + 1),
        )

    assert worth(wins, losses) == (worth(wins + 1, losses) + worth(wins, losses + 1)) / 2
    stop = EarlyStop()
    stop.update(wins, losses)
    assert stop.p_value == pytest.approx(min(1.0, float(1 / worth(wins, losses))))


def test_eight_in_a_row_decide() -> None:
    """2^7 / 8 = 16 is below 20 and 2^8 / 9 = 28 above it; among 15 pairs it takes 12."""
    stop = EarlyStop()
    assert [stop.update(won, 0) for won in range(1, 9)] == ["go on"] * 7 + ["better"]
    assert stop.p_value == pytest.approx(9 / 2**8)
    stop = EarlyStop(comparisons=15)
    assert [stop.update(0, lost) for lost in range(1, 13)] == ["go on"] * 11 + ["worse"]


def test_what_is_decided_stays_decided() -> None:
    """Later losses change neither the word nor the p-value."""
    stop = EarlyStop()
    assert stop.update(8, 0) == "better"
    value = stop.p_value
    assert stop.update(8, 30, remaining=0) == "better"
    assert stop.p_value <= value


def test_hopeless_pairs_are_given_up() -> None:
    """Where the rest could not show a difference, going on is useless; one more question could."""
    assert EarlyStop().update(3, 3, remaining=8) == "no difference can be shown"
    assert EarlyStop().update(5, 0, remaining=3) == "go on"
    assert EarlyStop().update(5, 0, remaining=2) == "no difference can be shown"
    assert EarlyStop().update(0, 5, remaining=3) == "go on"
    stop = EarlyStop()
    assert stop.update(5, 0) == "go on"
    assert stop.update(5, 0, remaining=0) == "no difference can be shown"


@pytest.mark.parametrize(("wins", "losses", "remaining"), [(2, 4, 5), (4, 1, 5), (4, 4, -1)])
def test_counts_only_grow(wins: int, losses: int, remaining: int) -> None:
    """Counts of a single look, or negative ones, are refused."""
    stop = EarlyStop()
    stop.update(3, 3)
    with pytest.raises(InvalidInputError, match="only grow"):
        stop.update(wins, losses, remaining=remaining)


@pytest.mark.parametrize(("comparisons", "level"), [(0, 0.05), (1, 0.0), (1, 1.0)])
def test_early_stopping_needs_a_level(comparisons: int, level: float) -> None:
    """No pairs, or certainty, cannot be watched."""
    with pytest.raises(InvalidInputError, match="early stopping"):
        EarlyStop(comparisons=comparisons, level=level)
