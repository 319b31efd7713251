"""Intervals, paired tests and sample sizes."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.exceptions import InvalidInputError
from tailorbird.workflow.statistics import (
    bootstrap_interval,
    can_show,
    holm,
    mcnemar,
    paired_permutation,
    percentile,
    questions_needed,
    wilson_interval,
)

counts = st.integers(min_value=0, max_value=60)
small_counts = st.integers(min_value=0, max_value=7)
shares = st.floats(min_value=0, max_value=1)
halves = st.integers(min_value=-4, max_value=4).map(lambda number: number / 4)


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
            assert abs(end - share) == pytest.approx(distance, rel=1e-6, abs=1e-9)


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
    assert paired_permutation([1.0] * 5000) == pytest.approx(1 / 10_001)


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
