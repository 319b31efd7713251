"""Tests of two arms on the same questions, and the correction for testing several pairs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tailorbird.exceptions import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

PERMUTATIONS = 10_000
"""Draws of a permutation test that is too large to be enumerated."""

_ENUMERATED = 16  # up to 2^16 sign patterns are counted one by one
_NORMAL = 100  # differences that count: their sum under random signs is as good as normal
_DRAWN_AT_ONCE = 1_000_000  # random numbers held in memory at a time
_CLOSE = 1e-9  # sums of the same numbers in another order differ by less than this


def mcnemar(wins: int, losses: int) -> float:
    """Give the two-sided p-value of the exact McNemar test.

    Only questions that exactly one of two arms got right count. Without a difference each of them
    falls to either side like a fair coin; the value is the chance of a split at least as uneven.
    Formula: Q. McNemar, Psychometrika 12 (1947), 153-157, with the binomial distribution itself in
    place of its approximation. Fagerland, Lydersen and Laake, BMC Medical Research Methodology 13
    (2013), 91, find it cautious beside the mid-p variant, but it alone never exceeds its level.

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
    opposite sign. Differences that are zero change nothing and are left out. For the rest:

    * all of one size: the exact McNemar test, which is the same test;
    * up to 16: all patterns of signs are counted;
    * more, but fewer than 100 that count: 10,000 patterns are drawn, and the observed one is
      counted among them, so that the value is never 0 and never too small;
    * 100 or more that count: the normal distribution with the variance that random signs give. The
      sum is symmetric, so the first thing that sets it apart is its kurtosis, `-2 / m` with
      `m = (sum of squares)^2 / sum of fourth powers`, the number of differences that count; at 5 %
      the error is then about `0.02 / m` (Edgeworth's expansion: P. Hall, "The Bootstrap and
      Edgeworth Expansion", 1992, section 2.3).

    Method: R. A. Fisher, "The Design of Experiments", 1935, section 21; counting in the observed
    one: Phipson and Smyth, Statistical Applications in Genetics and Molecular Biology 9 (2010).

    Args:
        differences: For each question, the first arm's value minus the second one's.
        seed: Where the random numbers start; the same seed gives the same value.

    Returns:
        A value in 0..1; 1 when nothing differs.

    Raises:
        InvalidInputError: A difference is not a finite number.
    """
    if not all(map(math.isfinite, differences)):
        message = "every difference must be a finite number; leave out questions without a score"
        raise InvalidInputError(message)
    moving = [abs(difference) for difference in differences if difference]
    if not moving or max(moving) - min(moving) <= _CLOSE * max(moving):
        return mcnemar(sum(one > 0 for one in differences), sum(one < 0 for one in differences))
    distance = abs(math.fsum(differences))
    squares = math.fsum(one**2 for one in moving)
    if squares * squares >= _NORMAL * math.fsum(one**4 for one in moving):
        return math.erfc(distance / math.sqrt(2 * squares))
    bar = distance - _CLOSE * math.fsum(moving)
    return _counted(moving, bar) if len(moving) <= _ENUMERATED else _drawn(moving, bar, seed)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Correct p-values for having tested several things at once.

    The chance that any of the differences called real is not stays below the level. The order is
    kept; each value is at least the one given and at most 1. Method: S. Holm, "A Simple
    Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6 (1979),
    65-70.

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


def _counted(moving: Sequence[float], bar: float) -> float:
    """Count all patterns of signs; by symmetry half of them suffice."""
    import numpy as np  # noqa: PLC0415 - late: numpy doubles the time that importing takes

    sums: NDArray[np.float64] = np.asarray(moving[:1], dtype=np.float64)
    for size in moving[1:]:
        sums = np.concatenate([sums + size, sums - size])
    return float((np.abs(sums) >= bar).mean())


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
