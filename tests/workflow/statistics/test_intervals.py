"""Intervals for shares, means and mean differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tailorbird.exceptions import InvalidInputError
from tailorbird.workflow.statistics import (
    RESAMPLES,
    bootstrap_interval,
    paired_bootstrap_interval,
    percentile,
    wilson_interval,
)

shares = st.floats(min_value=0, max_value=1)


@pytest.mark.parametrize(
    ("share", "n", "low", "high"),
    [
        # Solved by hand from |p - share| = z * sqrt(p (1 - p) / n) with z = 1.959964.
        (0.0, 10, 0.0, 0.2775),
        (1.0, 10, 0.7225, 1.0),
        (0.5, 10, 0.2366, 0.7634),
        (0.8, 25, 0.6087, 0.9114),
    ],
)
def test_wilson_knows_its_values(share: float, n: int, low: float, high: float) -> None:
    """Wilson's interval has the ends that its equation has."""
    assert wilson_interval(share, n) == pytest.approx((low, high), abs=5e-5)


@given(shares, st.integers(min_value=1, max_value=10_000))
def test_wilson_solves_its_equation(share: float, n: int) -> None:
    """The ends stay in 0..1, hold the share between them, and lie z standard errors from it."""
    low, high = wilson_interval(share, n)
    assert 0 <= low <= share <= high <= 1
    for end in (low, high):
        if 0 < end < 1:
            distance = 1.959963984540054 * math.sqrt(end * (1 - end) / n)
            # An end next to 0 or 1 is known to 1e-16, and its root to 1e-8.
            assert abs(end - share) == pytest.approx(distance, rel=1e-6, abs=1e-7)


def test_wilson_narrows_with_more_answers() -> None:
    """A hundred times the answers give about a tenth of the width."""
    few, many = wilson_interval(0.5, 100), wilson_interval(0.5, 10_000)
    assert (few[1] - few[0]) / (many[1] - many[0]) == pytest.approx(10, rel=0.05)


@pytest.mark.parametrize(
    ("share", "n", "confidence"), [(1.1, 3, 0.95), (-0.1, 3, 0.95), (0.5, 0, 0.95), (0.5, 3, 1.0)]
)
def test_wilson_refuses_what_is_no_share(share: float, n: int, confidence: float) -> None:
    """A share outside 0..1, no answers, or certainty itself have no interval."""
    with pytest.raises(InvalidInputError, match="interval"):
        wilson_interval(share, n, confidence=confidence)


@given(st.lists(shares, min_size=1, max_size=40), st.integers(min_value=0, max_value=9))
def test_bootstrap_stays_among_the_values(values: list[float], seed: int) -> None:
    """The interval lies in 0..1, in order, and the same seed gives it again."""
    low, high = bootstrap_interval(values, seed=seed)
    assert 0 <= low <= high <= 1
    assert (low, high) == bootstrap_interval(values, seed=seed)


@pytest.mark.parametrize("n", [900, 2000])
def test_bootstrap_agrees_with_theory(n: int) -> None:
    """For many even values the ends are the normal ones, drawn or computed."""
    values = [(number + 0.5) / n for number in range(n)]
    error = math.sqrt(1 / 12 / n)
    assert bootstrap_interval(values) == pytest.approx(
        (0.5 - 1.96 * error, 0.5 + 1.96 * error), abs=0.2 * error
    )


def test_bootstrap_of_equal_values_is_wide() -> None:
    """Equal values tell nothing about their spread, so the cautious interval is given."""
    assert bootstrap_interval([0.5]) == wilson_interval(0.5, 1)
    assert bootstrap_interval([1.0, 1.0, 1.0]) == wilson_interval(1.0, 3)


@pytest.mark.parametrize("values", [[], [0.5, 1.5], [-0.5, 0.5]])
def test_bootstrap_refuses_what_is_no_metric(values: list[float]) -> None:
    """Values outside 0..1, or none, have no interval."""
    with pytest.raises(InvalidInputError, match="interval"):
        bootstrap_interval(values)


def test_percentiles_lie_between_values() -> None:
    """The median of an even number of values lies between the two in the middle."""
    assert percentile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.5
    assert percentile([4.0, 1.0], 0.95) == pytest.approx(3.85)
    assert percentile([7.0], 0.95) == 7.0


@pytest.mark.parametrize(("values", "share"), [([], 0.5), ([1.0], 1.5), ([1.0], -0.1)])
def test_percentiles_need_values(values: list[float], share: float) -> None:
    """No values, or a share outside 0..1, have no percentile."""
    with pytest.raises(InvalidInputError, match="percentile"):
        percentile(values, share)


@given(st.integers(min_value=0, max_value=80), st.integers(min_value=1, max_value=80))
def test_wilson_is_that_of_scipy(right: int, more: int) -> None:
    """The interval is the one that scipy computes."""
    n = right + more
    known = stats.binomtest(right, n).proportion_ci(method="wilson")
    assert wilson_interval(right / n, n) == pytest.approx((known.low, known.high), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_bootstrap_is_that_of_scipy(seed: int) -> None:
    """From the same random numbers comes the BCa interval that scipy computes."""
    values = np.random.default_rng(seed).beta(0.5, 0.2, size=5 + 30 * seed)
    known = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=0.9,
        method="BCa",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    found = bootstrap_interval(values.tolist(), seed=seed, confidence=0.9)
    assert found == pytest.approx((known.low, known.high), abs=1e-6)


def test_bootstrap_leans_towards_the_long_tail() -> None:
    """Scores that pile up at 1 get an interval that reaches farther down than up."""
    values = [1.0] * 27 + [0.1, 0.2, 0.3]
    low, high = bootstrap_interval(values)
    mean = sum(values) / len(values)
    assert mean - low > 1.5 * (high - mean)


def test_bootstrap_takes_values_that_hardly_differ() -> None:
    """Values apart by the smallest number there is have an interval too."""
    assert bootstrap_interval([0.0, 5e-324]) == pytest.approx((0.0, 0.0))


@given(st.lists(st.floats(min_value=-1, max_value=1), min_size=1, max_size=30))
def test_paired_bootstrap_stays_in_range_and_turns_with_the_arms(
    differences: list[float],
) -> None:
    """The interval lies in -1..1; equal differences are cautious, as for shares."""
    low, high = paired_bootstrap_interval(differences)
    assert -1 <= low <= high <= 1
    if len(set(differences)) == 1:
        bottom, top = wilson_interval((differences[0] + 1) / 2, len(differences))
        assert (low, high) == pytest.approx((2 * bottom - 1, 2 * top - 1))


def test_paired_bootstrap_is_that_of_scipy() -> None:
    """Pairs are drawn as wholes: the interval is scipy's for the differences."""
    random = np.random.default_rng(3)
    differences = random.beta(2, 1, size=40) - random.beta(1, 1, size=40)
    known = stats.bootstrap(
        (differences,), np.mean, n_resamples=RESAMPLES, rng=np.random.default_rng(7)
    ).confidence_interval
    found = paired_bootstrap_interval(differences.tolist(), seed=7)
    assert found == pytest.approx((known.low, known.high), abs=1e-6)


@pytest.mark.parametrize("differences", [[], [1.5, 0.0], [0.0, -1.01]])
def test_paired_bootstrap_refuses_what_is_no_difference(differences: list[float]) -> None:
    """Differences of scores lie in -1..1."""
    with pytest.raises(InvalidInputError, match="interval"):
        paired_bootstrap_interval(differences)


@given(st.lists(shares, min_size=1, max_size=20), shares)
def test_percentiles_are_those_of_numpy(values: list[float], share: float) -> None:
    """Between two values the percentile lies where numpy puts it."""
    assert percentile(values, share) == pytest.approx(float(np.quantile(values, share)))


def test_bootstrap_intervals_hold_the_mean() -> None:
    """Of many samples with a known mean, about 95 % have it in their interval."""
    random = np.random.default_rng(11)
    samples = random.beta(2, 2, size=(150, 40))
    held = [low <= 0.5 <= high for low, high in map(bootstrap_interval, samples.tolist())]
    assert 0.88 < np.mean(held) <= 1


def test_normal_interval_of_many_values_is_that_of_theory() -> None:
    """From a thousand values on, the interval is the mean and 1.96 standard errors."""
    values = np.random.default_rng(2).beta(2, 5, size=1500)
    known = stats.norm.interval(0.95, values.mean(), stats.sem(values))
    assert bootstrap_interval(values.tolist()) == pytest.approx(known, abs=1e-9)
