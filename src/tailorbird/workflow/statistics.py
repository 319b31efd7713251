"""How sure a figure is: intervals for means, paired tests for differences, sample sizes.

Everything is deterministic: what draws random numbers takes a seed. The exact tests use whole
numbers and cannot overflow.
"""

from __future__ import annotations

import math
from collections import Counter
from statistics import NormalDist
from typing import TYPE_CHECKING

from tailorbird.exceptions import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

LEVEL = 0.05
"""Chance of seeing a difference where there is none that all words of a report allow."""

CONFIDENCE = 1 - LEVEL
"""Share of 95 % intervals that hold the true value, over many samples."""

POWER = 0.8
"""Chance of seeing a difference that is there, for which sample sizes are given.

The usual choice: J. Cohen, "Statistical Power Analysis for the Behavioral Sciences", 2nd edition,
1988, section 2.4.
"""

RESAMPLES = 2000
"""Draws of a bootstrap.

Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, call 1,000 the least for the ends of
an interval; twice as many cost milliseconds.
"""

PERMUTATIONS = 10_000
"""Draws of a permutation test that is too large to be enumerated."""

_ENUMERATED = 16  # up to 2^16 sign patterns are counted one by one
_LARGE = 1000  # values whose mean needs no bootstrap
_DRAWN_AT_ONCE = 1_000_000  # random numbers held in memory at a time
_CLOSE = 1e-9  # sums of the same numbers in another order differ by less than this


def wilson_interval(share: float, n: int, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Give Wilson's score interval for a share.

    It stays within 0..1 and is wide for few answers, also when all of them agree. For the mean of
    values anywhere in 0..1 it is cautious: no such values vary more than zeros and ones do.
    Formula: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference",
    Journal of the American Statistical Association 22 (1927), 209-212.

    Args:
        share: What was found, 0..1.
        n: How many answers it rests on, at least 1.
        confidence: How sure the interval is, above 0 and below 1.

    Raises:
        InvalidInputError: `share` is outside 0..1, `n` is below 1, or `confidence` is not
            between 0 and 1.
    """
    _check(share, n, confidence)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    center = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # Rounding must not put the share itself, 0 and 1 included, outside.
    low = min(share, max(0.0, center - half))
    high = max(share, min(1.0, center + half))
    return low, high


def bootstrap_interval(
    values: Sequence[float], *, seed: int = 0, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Give the percentile bootstrap interval for the mean of values in 0..1.

    Values that are all equal (a single one too) tell nothing about their spread; for them
    Wilson's interval is given, which assumes the widest spread possible. From 1,000 values upwards
    the normal interval is given: the mean of so many values in 0..1 is as good as normal, and
    drawing them thousands of times takes seconds.

    Args:
        values: At least one value, each in 0..1.
        seed: Where the random numbers start; the same seed gives the same interval.
        confidence: How sure the interval is, above 0 and below 1.

    Raises:
        InvalidInputError: There is no value, one is outside 0..1, or `confidence` is not
            between 0 and 1.
    """
    low, high = (min(values), max(values)) if values else (0.0, 0.0)
    _check(low, len(values), confidence)
    _check(high, len(values), confidence)
    if low == high:
        return wilson_interval(low, len(values), confidence=confidence)
    if len(values) >= _LARGE:
        return _normal_interval(values, confidence)
    import numpy as np  # noqa: PLC0415 - late: numpy doubles the time that importing takes

    sample = np.asarray(values, dtype=np.float64)
    random = np.random.default_rng(seed)
    drawn = random.integers(len(values), size=(RESAMPLES, len(values)))
    means = sample[drawn].mean(axis=1)
    tail = (1 - confidence) / 2
    ends = np.quantile(means, [tail, 1 - tail])
    return float(ends[0]), float(ends[1])


def mcnemar(wins: int, losses: int) -> float:
    """Give the two-sided p-value of the exact McNemar test.

    Only questions that exactly one of two arms got right count. Without a difference each of them
    falls to either side like a fair coin; the value is the chance of a split at least as uneven.
    Formula: Q. McNemar, Psychometrika 12 (1947), 153-157, with the binomial distribution itself in
    place of its approximation.

    Args:
        wins: Questions that only the first arm got right, at least 0.
        losses: Questions that only the second arm got right, at least 0.

    Returns:
        A value in 0..1; 1 when nothing differs. Below about 1e-308 it is 0.

    Raises:
        InvalidInputError: A count is negative.
    """
    if wins < 0 or losses < 0:
        message = f"counts are at least 0, not {wins!r} and {losses!r}"
        raise InvalidInputError(message)
    n = wins + losses
    term = total = 1
    for k in range(min(wins, losses)):
        term = term * (n - k) // (k + 1)
        total += term
    # Dividing whole numbers of any size is exact and does not overflow.
    return min(1.0, 2 * total / (1 << n))


def paired_permutation(differences: Sequence[float], *, seed: int = 0) -> float:
    """Give the two-sided p-value of the paired permutation test on a mean difference.

    Without a difference between two arms, each question's difference could as well have the
    opposite sign. Up to 16 differences that are not zero, all patterns of signs are counted; above
    that 10,000 are drawn, and the observed one is counted among them, so that the value is never 0.
    Method: R. A. Fisher, "The Design of Experiments", 1935, section 21; counting in the observed
    one: Phipson and Smyth, Statistical Applications in Genetics and Molecular Biology 9 (2010).

    Args:
        differences: For each question, the first arm's value minus the second one's.
        seed: Where the random numbers start; the same seed gives the same value.

    Returns:
        A value above 0 and up to 1; 1 when nothing differs.

    Raises:
        InvalidInputError: A difference is not a finite number.
    """
    if not all(map(math.isfinite, differences)):
        message = "every difference must be a finite number; leave out questions without a score"
        raise InvalidInputError(message)
    moving = [abs(difference) for difference in differences if difference]
    bar = abs(math.fsum(differences)) - _CLOSE * math.fsum(moving)
    if len(moving) <= _ENUMERATED:
        sums = _signed_sums(moving)
        hits = sum(count for total, count in sums.items() if abs(total) >= bar)
        return hits / (1 << len(moving))
    return _drawn(moving, bar, seed)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Correct p-values for having tested several things at once.

    The chance that any of the differences called real is not stays below the level. The order is
    kept; each value is at least the one given and at most 1. Method: S. Holm, "A Simple
    Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6 (1979).

    Raises:
        InvalidInputError: A value is outside 0..1.
    """
    if not all(0 <= value <= 1 for value in p_values):
        message = f"p-values lie in 0..1, not {list(p_values)!r}"
        raise InvalidInputError(message)
    adjusted = [0.0] * len(p_values)
    reached = 0.0
    for rank, at in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        reached = max(reached, min(1.0, (len(p_values) - rank) * p_values[at]))
        adjusted[at] = reached
    return tuple(adjusted)


def can_show(n: int, *, comparisons: int = 1, level: float = LEVEL) -> bool:
    """Say whether n questions could show a difference at all.

    Even if one arm got every question right and the other none, the exact McNemar test gives
    2 / 2^n, and Holm's correction multiplies the smallest of the values by their number.

    Args:
        n: Questions that both arms were scored on, at least 0.
        comparisons: How many pairs are tested at once, at least 1.
        level: The largest p-value that counts as shown, above 0 and below 1.
    """
    return comparisons * mcnemar(n, 0) < level


def questions_needed(
    wins: int, losses: int, n: int, *, comparisons: int = 1, level: float = LEVEL
) -> int | None:
    """Estimate how many questions would show the difference that was seen, if it is real.

    Formula for paired shares at 80 % power: R. J. Connor, "Sample Size for Testing Differences in
    Proportions for the Paired-Sample Design", Biometrics 43 (1987), 207-211. The level is divided
    by the number of comparisons, as Holm's first step does.

    Args:
        wins: Questions that only the first arm got right.
        losses: Questions that only the second arm got right.
        n: How many questions were asked, at least `wins + losses` and at least 1.
        comparisons: How many pairs are tested at once, at least 1.
        level: The largest p-value that counts as shown, above 0 and below 1.

    Returns:
        How many questions in all, never fewer than can show anything; None when no difference
        was seen, because no number of questions follows from that.

    Raises:
        InvalidInputError: The counts do not fit together.
    """
    if wins < 0 or losses < 0 or n < max(1, wins + losses):
        message = f"{wins!r} wins and {losses!r} losses do not fit {n!r} questions"
        raise InvalidInputError(message)
    if wins == losses:
        return None
    normal = NormalDist()
    apart, lead = (wins + losses) / n, abs(wins - losses) / n
    error = normal.inv_cdf(1 - level / comparisons / 2)
    miss = normal.inv_cdf(POWER)
    root = error * math.sqrt(apart) + miss * math.sqrt(max(0.0, apart - lead * lead))
    needed = math.ceil((root / lead) ** 2)
    while not can_show(needed, comparisons=comparisons, level=level):
        needed += 1
    return needed


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value below which that share of the values lies, between two of them if need be.

    Args:
        values: At least one value, in any order.
        share: 0.5 for the median, 0.95 for the value that 95 % stay below; 0..1.

    Raises:
        InvalidInputError: There is no value, or `share` is outside 0..1.
    """
    if not values or not 0 <= share <= 1:
        message = f"a percentile needs values and a share in 0..1, not {share!r} of {len(values)}"
        raise InvalidInputError(message)
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below, above = ordered[math.floor(place)], ordered[math.ceil(place)]
    return below + (above - below) * (place - math.floor(place))


def _check(value: float, n: int, confidence: float) -> None:
    if not (0 <= value <= 1 and n >= 1 and 0 < confidence < 1):
        message = (
            f"an interval needs values in 0..1 (not {value!r}), at least one of them (not {n!r}) "
            f"and a confidence between 0 and 1 (not {confidence!r})"
        )
        raise InvalidInputError(message)


def _normal_interval(values: Sequence[float], confidence: float) -> tuple[float, float]:
    mean = math.fsum(values) / len(values)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    half = NormalDist().inv_cdf((1 + confidence) / 2) * spread / math.sqrt(len(values))
    return max(0.0, mean - half), min(1.0, mean + half)


def _signed_sums(moving: Sequence[float]) -> Counter[float]:
    """Count the sums that all patterns of signs give; equal sums share an entry."""
    sums = Counter({0.0: 1})
    for size in moving:
        grown: Counter[float] = Counter()
        for total, count in sums.items():
            grown[total + size] += count
            grown[total - size] += count
        sums = grown
    return sums


def _drawn(moving: Sequence[float], bar: float, seed: int) -> float:
    import numpy as np  # noqa: PLC0415 - late: numpy doubles the time that importing takes

    sizes = np.asarray(moving, dtype=np.float64)
    random = np.random.default_rng(seed)
    rows = max(1, _DRAWN_AT_ONCE // len(moving))
    hits = 0
    for done in range(0, PERMUTATIONS, rows):
        shape = (min(rows, PERMUTATIONS - done), len(moving))
        signs = random.integers(2, size=shape, dtype=np.int8) * 2.0 - 1.0
        hits += int((np.abs(signs @ sizes) >= bar).sum())
    return (hits + 1) / (PERMUTATIONS + 1)
