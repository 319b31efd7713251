"""Intervals: how far a share, a mean or a mean difference may be from what was found."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

from tailorbird.exceptions import InvalidInputError
from tailorbird.workflow.statistics.levels import CONFIDENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

RESAMPLES = 2000
"""Draws of a bootstrap.

Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, call 1,000 the least for the ends of
an interval; twice as many cost milliseconds.
"""

_LARGE = 1000  # values whose mean needs no bootstrap


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
    """Give the BCa bootstrap interval for the mean of values in 0..1.

    The ends are quantiles of the means of drawn samples, corrected for bias and for skewness, which
    matters because scores pile up at 0 and 1. Method: B. Efron, "Better Bootstrap Confidence
    Intervals", Journal of the American Statistical Association 82 (1987), 171-185.

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
    return _bca_interval(values, seed, confidence)


def paired_bootstrap_interval(
    differences: Sequence[float], *, seed: int = 0, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Give the BCa bootstrap interval for a mean difference between two arms.

    Questions are drawn, and with each of them both arms' values, so what makes a question hard for
    both arms alike does not widen the interval. The method is that of `bootstrap_interval`.

    Args:
        differences: For each question, the first arm's value minus the second one's, in -1..1.
        seed: Where the random numbers start; the same seed gives the same interval.
        confidence: How sure the interval is, above 0 and below 1.

    Raises:
        InvalidInputError: There is no difference, one is outside -1..1, or `confidence` is not
            between 0 and 1.
    """
    low, high = bootstrap_interval(
        [(one + 1) / 2 for one in differences], seed=seed, confidence=confidence
    )
    return 2 * low - 1, 2 * high - 1


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
            f"an interval needs values in 0..1 (not {value!r}; differences in -1..1), at least one "
            f"of them (not {n!r}) and a confidence between 0 and 1 (not {confidence!r})"
        )
        raise InvalidInputError(message)


def _normal_interval(values: Sequence[float], confidence: float) -> tuple[float, float]:
    mean = math.fsum(values) / len(values)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    half = NormalDist().inv_cdf((1 + confidence) / 2) * spread / math.sqrt(len(values))
    return max(0.0, mean - half), min(1.0, mean + half)


def _bca_interval(values: Sequence[float], seed: int, confidence: float) -> tuple[float, float]:
    import numpy as np  # noqa: PLC0415 - late: numpy doubles the time that importing takes

    sample = np.asarray(values, dtype=np.float64)
    random = np.random.default_rng(seed)
    drawn = random.integers(len(values), size=(RESAMPLES, len(values)))
    means = sample[drawn].mean(axis=1)
    mean = sample.mean()
    # Means of the same numbers in another order differ by rounding.
    alike = np.isclose(means, mean, rtol=1e-12, atol=0)
    below = ((means < mean) & ~alike).mean() + alike.mean() / 2
    normal = NormalDist()
    bias = normal.inv_cdf(float(below))
    # For a mean, the jackknife's acceleration is the skewness of the sample over 6 times root n.
    off = sample - mean
    off /= np.abs(off).max()  # no power of it shall vanish
    skewness = float((off**3).sum() / (off**2).sum() ** 1.5) / 6
    ends: list[float] = []
    for tail in ((1 - confidence) / 2, (1 + confidence) / 2):
        shifted = bias + normal.inv_cdf(tail)
        ends.append(normal.cdf(bias + shifted / (1 - skewness * shifted)))
    low, high = np.quantile(means, ends)
    return float(low), float(high)
