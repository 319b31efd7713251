"""Paired tests, and the correction for several of them."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tailorbird.exceptions import InvalidInputError
from tailorbird.workflow.statistics import holm, mcnemar, paired_permutation

counts = st.integers(min_value=0, max_value=60)
small_counts = st.integers(min_value=0, max_value=7)
shares = st.floats(min_value=0, max_value=1)
halves = st.integers(min_value=-4, max_value=4).map(lambda number: number / 4)


@pytest.mark.parametrize(
    ("wins", "losses", "expected"),
    [
        (0, 0, Fraction(1)),
        (1, 0, Fraction(1)),
        (5, 0, Fraction(1, 16)),
        (6, 0, Fraction(1, 32)),
        (8, 2, Fraction(112, 1024)),  # 2 * (1 + 10 + 45) / 1024
        (3, 3, Fraction(1)),
    ],
)
def test_mcnemar_knows_its_values(wins: int, losses: int, expected: Fraction) -> None:
    """The exact test has the values that counting coins by hand gives."""
    assert mcnemar(wins, losses) == pytest.approx(float(expected))


@given(small_counts, small_counts)
def test_mcnemar_counts_coins(wins: int, losses: int) -> None:
    """The value is the share of coin sequences that are at least as uneven."""
    n = wins + losses
    heads = [sum(coins) for coins in product((0, 1), repeat=n)]
    uneven = sum(abs(2 * one - n) >= abs(wins - losses) for one in heads)
    assert mcnemar(wins, losses) == pytest.approx(uneven / 2**n)


@given(counts, counts)
def test_mcnemar_is_symmetric_and_falls_with_the_lead(wins: int, losses: int) -> None:
    """Sides do not matter, the value lies in 0..1, and a question more for the leader lowers it."""
    value = mcnemar(wins, losses)
    assert 0 <= value <= 1
    assert value == mcnemar(losses, wins)
    assert mcnemar(max(wins, losses) + 1, min(wins, losses)) <= value


def test_mcnemar_takes_tens_of_thousands() -> None:
    """Large counts neither overflow nor lose their order."""
    assert mcnemar(15_000, 15_000) == 1
    assert mcnemar(20_000, 19_000) == pytest.approx(4.3e-07, rel=0.02)
    assert mcnemar(30_000, 0) == 0


def test_mcnemar_refuses_negative_counts() -> None:
    """There are no negative counts."""
    with pytest.raises(InvalidInputError, match="-1"):
        mcnemar(3, -1)


@given(st.lists(halves, max_size=7))
def test_permutation_counts_signs(differences: list[float]) -> None:
    """With few differences the value is the share of sign patterns at least as far from zero."""
    signs = product((-1, 1), repeat=len(differences))
    sums = [sum(s * d for s, d in zip(pattern, differences, strict=True)) for pattern in signs]
    far = sum(abs(total) >= abs(sum(differences)) for total in sums)
    assert paired_permutation(differences) == pytest.approx(far / len(sums))


@given(counts.filter(lambda n: n <= 8), small_counts)
def test_permutation_of_rights_is_mcnemar(wins: int, losses: int) -> None:
    """On right and wrong the permutation test and the exact McNemar test are the same."""
    differences = [1.0] * wins + [-1.0] * losses + [0.0] * 3
    assert paired_permutation(differences) == pytest.approx(mcnemar(wins, losses))


def test_permutation_draws_when_there_are_many() -> None:
    """Above 16 differences the drawn value comes close to the exact one, and repeats by seed."""
    differences = [1.0] * 25 + [-1.0] * 12
    exact = mcnemar(25, 12)
    assert paired_permutation(differences, seed=1) == pytest.approx(exact, abs=0.01)
    assert paired_permutation(differences, seed=1) == paired_permutation(differences, seed=1)


def test_permutation_is_never_zero() -> None:
    """The observed pattern is counted among the drawn ones."""
    assert paired_permutation([1.0, 0.9] * 25) == pytest.approx(1 / 10_001)


def test_permutation_refuses_gaps() -> None:
    """A question without a score has no difference."""
    with pytest.raises(InvalidInputError, match="finite"):
        paired_permutation([0.5, math.nan])


def test_holm_knows_its_values() -> None:
    """The smallest value is multiplied most, and none falls below the one before it."""
    assert holm([0.04, 0.01, 0.03]) == pytest.approx((0.06, 0.03, 0.06))
    assert holm([]) == ()


@given(st.lists(shares, max_size=12))
def test_holm_only_raises_and_keeps_the_order(values: list[float]) -> None:
    """Corrected values lie between the given ones and 1, in the same order."""
    adjusted = holm(values)
    for value, corrected in zip(values, adjusted, strict=True):
        assert value <= corrected <= min(1.0, len(values) * value + 1e-12) or corrected == 1
    by_value = sorted(range(len(values)), key=values.__getitem__)
    assert [adjusted[at] for at in by_value] == sorted(adjusted)


@given(st.lists(shares, min_size=1, max_size=6), st.sampled_from([0.01, 0.05, 0.2]))
def test_holm_calls_what_stepping_down_calls(values: list[float], level: float) -> None:
    """What lies below the level is what Holm's steps reject."""
    rejected = 0
    for rank, value in enumerate(sorted(values)):
        if (len(values) - rank) * value >= level:
            break
        rejected += 1
    assert sum(one < level for one in holm(values)) == rejected


def test_holm_refuses_what_is_no_probability() -> None:
    """A p-value above 1 is a mistake."""
    with pytest.raises(InvalidInputError, match="p-values"):
        holm([0.5, 1.5])


@given(counts, counts)
def test_mcnemar_is_the_binomial_test_of_scipy(wins: int, losses: int) -> None:
    """The exact test is a two-sided binomial test with an even chance."""
    known = stats.binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    assert mcnemar(wins, losses) == pytest.approx(known)


@given(st.lists(halves, min_size=2, max_size=9).filter(any))
def test_permutation_is_that_of_scipy(differences: list[float]) -> None:
    """Counted patterns of signs give the value that scipy's exact test gives."""
    known = stats.permutation_test(
        (np.array(differences), np.zeros(len(differences))),
        lambda ours, theirs, axis: np.mean(ours - theirs, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    assert paired_permutation(differences) == pytest.approx(known.pvalue)


@pytest.mark.parametrize("lead", [0.0, 0.06, 0.12])
def test_drawn_permutations_agree_with_the_normal_distribution(lead: float) -> None:
    """With 99 and with 100 differences that count, drawn and computed values are close."""
    random = np.random.default_rng(5)
    sizes = random.uniform(0.2, 1, size=116)
    differences = sizes * random.choice([-1, 1], size=116) + lead
    squares = differences**2
    assert squares.sum() ** 2 / (squares**2).sum() < 100  # so it is drawn
    drawn = paired_permutation(differences.tolist())
    doubled = np.concatenate([differences, differences]) / math.sqrt(2)
    computed = paired_permutation(doubled.tolist())
    known = 2 * stats.norm.sf(abs(differences.sum()) / math.sqrt(squares.sum()))
    assert drawn == pytest.approx(known, abs=0.015)
    known = 2 * stats.norm.sf(abs(doubled.sum()) / math.sqrt((doubled**2).sum()))
    assert computed == pytest.approx(known)


def test_few_large_differences_are_drawn_however_many_small_ones_there_are() -> None:
    """A thousand small differences only break ties: five of one sign stay 2 / 2^5, halved by them.

    The normal distribution would say 0.025.
    """
    differences = [1.0] * 5 + [1e-5, -1e-5] * 500
    assert paired_permutation(differences) == pytest.approx(1 / 2**5, abs=0.004)


def test_holm_is_that_of_scipy_where_scipy_has_it() -> None:
    """Two values: the smaller doubled, the larger at least that; so is the closed test's."""
    for first, second in [(0.01, 0.04), (0.03, 0.03), (0.2, 0.9), (0.6, 0.7)]:
        both = min(1.0, 2 * min(first, second))  # Bonferroni's test of the intersection
        assert holm([first, second]) == (max(first, both), max(second, both))
