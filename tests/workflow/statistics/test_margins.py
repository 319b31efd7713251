"""Differences against a margin."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from tailorbird.exceptions import InvalidInputError
from tailorbird.workflow.statistics import difference_interval, no_worse, questions_for_no_worse

counts = st.integers(min_value=0, max_value=40)


def score(wins: int, losses: int, n: int, difference: float) -> float:
    """Compute Tango's statistic from its definition: the likelihood is maximized by scipy."""

    def unlikely(lost: float) -> float:
        won, even = lost + difference, 1 - 2 * lost - difference
        parts = [(wins, won), (losses, lost), (n - wins - losses, even)]
        return -sum(count * math.log(max(share, 1e-300)) for count, share in parts)

    bounds = (max(0.0, -difference), (1 - difference) / 2)
    found = optimize.minimize_scalar(
        unlikely, bounds=bounds, method="bounded", options={"xatol": 1e-10}
    )
    variance = n * (2 * found.x + difference * (1 - difference))
    return (wins - losses - n * difference) / math.sqrt(variance)


def test_the_interval_is_the_published_one() -> None:
    """Airway responses before and after a treatment: 1 against 7 of 21, from -0.517 to -0.026.

    Fagerland, Lydersen and Laake, "Recommended Tests and Confidence Intervals for Paired Binomial
    Proportions", Statistics in Medicine 33 (2014), 2850-2875.
    """
    assert difference_interval(1, 7, 21) == pytest.approx((-0.517, -0.026), abs=5e-4)


def test_the_interval_without_differences_is_known() -> None:
    """Arms that never differ are within z^2 / (n + z^2) of each other, by hand."""
    z = 1.959963984540054
    end = z * z / (100 + z * z)
    assert difference_interval(0, 0, 100) == pytest.approx((-end, end))


@given(counts, counts, st.integers(min_value=1, max_value=60))
def test_the_interval_holds_what_the_test_does_not_refuse(wins: int, losses: int, n: int) -> None:
    """At both ends the statistic, found by maximizing the likelihood, is z; turning turns it."""
    n += wins + losses
    low, high = difference_interval(wins, losses, n)
    assert -1 <= low <= (wins - losses) / n <= high <= 1
    assert difference_interval(losses, wins, n) == pytest.approx((-high, -low))
    assert score(wins, losses, n, low) == pytest.approx(1.959964, abs=2e-3)
    assert score(wins, losses, n, high) == pytest.approx(-1.959964, abs=2e-3)


@pytest.mark.parametrize(("wins", "losses"), [(9, 0), (0, 9)])
def test_the_interval_of_a_clean_sweep_ends_at_one(wins: int, losses: int) -> None:
    """When one arm always wins, the interval goes from (n - z^2) / (n + z^2) to 1, by hand."""
    low, high = difference_interval(wins, losses, 9)
    z = 1.959963984540054
    ends = sorted((abs(low), abs(high)))
    assert ends == pytest.approx([(9 - z * z) / (9 + z * z), 1.0])


def test_without_a_margin_it_is_mcnemar_s_statistic() -> None:
    """For a tiny margin the p-value is that of the normal form of McNemar's test."""
    found = no_worse(30, 18, 200, margin=1e-9)
    assert found.p_value == pytest.approx(stats.norm.sf(12 / math.sqrt(48)), abs=1e-6)


@given(counts, counts, st.integers(min_value=1, max_value=60))
def test_no_worse_follows_from_the_interval(wins: int, losses: int, n: int) -> None:
    """An arm is no worse exactly when the whole interval lies above the lost margin."""
    n += wins + losses
    found = no_worse(wins, losses, n, margin=0.1)
    if abs(found.low + 0.1) > 1e-9:
        assert (found.word == "no worse") == (found.low > -0.1)
    assert (found.low, found.high) == difference_interval(wins, losses, n)
    assert found.p_value == pytest.approx(stats.norm.sf(score(wins, losses, n, -0.1)), abs=1e-3)


@pytest.mark.parametrize(
    ("wins", "losses", "n", "word"),
    [
        (0, 0, 73, "no worse"),
        (0, 0, 72, "too few questions"),
        (9, 0, 20, "no worse"),
        (10, 12, 100, "not shown"),
        (2, 40, 100, "worse"),
        (2, 10, 100, "not shown"),
    ],
)
def test_words_follow_from_the_margin(wins: int, losses: int, n: int, word: str) -> None:
    """At a margin of 5 %, 73 questions on which the arms agree suffice, and 72 do not."""
    assert no_worse(wins, losses, n).word == word


def test_all_figures_are_given() -> None:
    """The result names what it rests on."""
    found = no_worse(10, 12, 100, margin=0.1, level=0.1)
    assert (found.wins, found.losses, found.n, found.margin) == (10, 12, 100, 0.1)
    assert found.difference == pytest.approx(-0.02)
    assert (found.low, found.high) == difference_interval(10, 12, 100, confidence=0.9)


def test_questions_for_no_worse_know_their_value() -> None:
    """By hand: (1.959964 + 0.841621)^2 * 0.1 / 0.05^2 = 313.96; agreement needs the least."""
    assert questions_for_no_worse(5, 5, 100) == 314
    assert questions_for_no_worse(0, 0, 10) == 73
    assert questions_for_no_worse(0, 5, 100) is None
    assert questions_for_no_worse(5, 0, 100) == 73


@pytest.mark.parametrize(
    ("wins", "losses", "n", "margin", "level"),
    [
        (-1, 0, 5, 0.1, 0.05),
        (0, -1, 5, 0.1, 0.05),
        (3, 3, 5, 0.1, 0.05),
        (0, 0, 0, 0.1, 0.05),
        (1, 1, 5, 0.0, 0.05),
        (1, 1, 5, 1.0, 0.05),
        (1, 1, 5, 0.1, 0.0),
    ],
)
def test_margins_refuse_what_does_not_fit(
    wins: int, losses: int, n: int, margin: float, level: float
) -> None:
    """Counts must fit, and margin and level lie between 0 and 1."""
    for ask in (no_worse, questions_for_no_worse):
        with pytest.raises(InvalidInputError, match=r"do not fit|between 0 and 1"):
            ask(wins, losses, n, margin=margin, level=level)


def test_an_interval_needs_a_confidence() -> None:
    """Certainty has no interval."""
    with pytest.raises(InvalidInputError, match="confidence"):
        difference_interval(1, 2, 10, confidence=1.0)
