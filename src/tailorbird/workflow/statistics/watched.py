"""Intervals that hold although one looked on the way, and stopped because of what one saw."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

from tailorbird.exceptions import InvalidInputError
from tailorbird.workflow.statistics.levels import CONFIDENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy import float64
    from numpy.typing import NDArray

_FEW = 8  # different values: yes and no, or won, lost and neither, have two or three
_FINE, _COARSE = 256, 64  # bets for few different values, and for many
_STEPS = 500  # parts of the range that values are rounded to where there are more of them
_PRECISION = 1e-7  # of the ends of an interval: far below what is shown


def watched_interval(
    values: Sequence[float], *, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Give an interval for the mean of values in 0..1 that holds whenever one stops.

    An ordinary interval at each of many looks misses the true mean at one of them far too often.
    This one does not: it holds every mean that a bet against it did not refute. If the mean were
    `m`, whoever stakes on each value by the factor `y p/m + (1 - y)(1 - p)/(1 - m)` would play a
    fair game for every `p` in 0..1, and so would who spreads the stake evenly over all `p`; such a
    stake is multiplied by 20 with a chance of one in 20 at most, however long it lasts. Method: I.
    Waudby-Smith and A. Ramdas, "Estimating Means of Bounded Random Variables by Betting", Journal
    of the Royal Statistical Society B 86 (2024), 1-27. It is the test of `EarlyStop` for every
    mean instead of one, and about half as wide again as an ordinary interval.

    The values must come in an order that has nothing to do with them, such as a random one.

    Args:
        values: At least one value, each in 0..1, all looks together.
        confidence: How sure the interval is at all looks together, above 0 and below 1.

    Returns:
        Lower and upper end in 0..1; the mean of the values lies between them.

    Raises:
        InvalidInputError: There is no value, one is outside 0..1, or `confidence` is not
            between 0 and 1.
    """
    if not values or not all(0 <= value <= 1 for value in values) or not 0 < confidence < 1:
        message = (
            f"an interval needs values in 0..1, at least one of them (not {len(values)}), and a"
            f" confidence between 0 and 1 (not {confidence!r})"
        )
        raise InvalidInputError(message)
    counts: dict[float, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return _interval(counts, confidence)


def watched_difference(
    wins: int, losses: int, n: int, *, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Give an interval for the difference of two shares that holds whenever one stops.

    It is `watched_interval` of the questions' differences. With a level of 5 % it leaves out 0
    exactly when the worth of `EarlyStop` has reached 20 at these counts.

    Args:
        wins: Questions that only the first arm got right.
        losses: Questions that only the second arm got right.
        n: How many questions both were scored on, at least `wins + losses` and at least 1.
        confidence: How sure the interval is at all looks together, above 0 and below 1.

    Returns:
        Lower and upper end of the first arm's share minus the second one's, in -1..1.

    Raises:
        InvalidInputError: The counts do not fit together, or `confidence` is not between 0 and 1.
    """
    low, high = _interval(_differences(wins, losses, n, "confidence", confidence), confidence)
    return 2 * low - 1, 2 * high - 1


def watched_within(
    wins: int, losses: int, n: int, *, margin: float, confidence: float = CONFIDENCE
) -> bool:
    """Say whether `watched_difference` lies within a margin to both sides, which is found faster.

    Args:
        wins: Questions that only the first arm got right.
        losses: Questions that only the second arm got right.
        n: How many questions both were scored on, at least `wins + losses` and at least 1.
        margin: Share above 0 and below 1.
        confidence: How sure the interval is at all looks together, above 0 and below 1.

    Raises:
        InvalidInputError: The counts do not fit together, or `margin` or `confidence` is not
            between 0 and 1.
    """
    counts = _differences(wins, losses, n, "margin", margin)
    _differences(wins, losses, n, "confidence", confidence)
    if abs(wins - losses) >= margin * n:
        return False
    worth, bar = _worth(counts), -math.log(1 - confidence)
    return all(worth((1 + end) / 2) >= bar for end in (-margin, margin))


def watched_difference_of(
    differences: Sequence[float], *, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Give an interval for a mean difference in -1..1 that holds whenever one stops.

    It is `watched_interval` of values in another range.

    Raises:
        InvalidInputError: There is no difference, one is outside -1..1, or `confidence` is not
            between 0 and 1.
    """
    low, high = watched_interval([(one + 1) / 2 for one in differences], confidence=confidence)
    return 2 * low - 1, 2 * high - 1


def _differences(wins: int, losses: int, n: int, what: str, value: float) -> Mapping[float, int]:
    """Count the questions by their difference, moved into 0..1."""
    if wins < 0 or losses < 0 or n < max(1, wins + losses):
        message = f"{wins!r} wins and {losses!r} losses do not fit {n!r} questions"
        raise InvalidInputError(message)
    if not 0 < value < 1:
        message = f"{what} must be between 0 and 1, not {value!r}"
        raise InvalidInputError(message)
    counts = {1.0: wins, 0.5: n - wins - losses, 0.0: losses}
    return {difference: times for difference, times in counts.items() if times}


def _interval(counts: Mapping[float, int], confidence: float) -> tuple[float, float]:
    """Find the ends of what no bet refutes, as far out as they can be."""
    bar = -math.log(1 - confidence)
    mean = sum(value * times for value, times in counts.items()) / sum(counts.values())
    mean = min(1.0, max(0.0, mean))
    below, above = _rounded(counts, math.floor), _rounded(counts, math.ceil)
    return (
        _end(_worth(below), mean, 0.0, bar),
        _end(_worth(above), mean, 1.0, bar),
    )


def _rounded(counts: Mapping[float, int], towards: Callable[[float], int]) -> Mapping[float, int]:
    """Put many values together with their neighbors on the side that widens the interval."""
    if len(counts) <= _STEPS:
        return counts
    found: dict[float, int] = {}
    for value, times in counts.items():
        place = towards(value * _STEPS) / _STEPS
        found[place] = found.get(place, 0) + times
    return found


def _end(worth: Callable[[float], float], kept: float, refuted: float, bar: float) -> float:
    """Halve what lies between a mean that is kept and the end of the range."""
    while abs(kept - refuted) > _PRECISION:
        middle = (kept + refuted) / 2
        if worth(middle) < bar:
            kept = middle
        else:
            refuted = middle
    return refuted


def _worth(counts: Mapping[float, int]) -> Callable[[float], float]:
    """Give the logarithm of what a stake of 1 has become, by the mean that is betted against.

    Instead of spreading the stake over all `p` it is spread over some of them. Any such spread is
    a fair game; this one gives the even spread exactly as long as there are fewer values than bets.
    """
    import numpy as np  # noqa: PLC0415 - late: numpy doubles the time that importing takes

    bets, stakes = _spread(_FINE if len(counts) <= _FEW else _COARSE)
    values = np.fromiter(counts, dtype=np.float64)
    times = np.fromiter(counts.values(), dtype=np.float64)
    logs = np.log(stakes)

    def worth(mean: float) -> float:
        up, down = bets / mean, (1 - bets) / (1 - mean)
        gains = np.log(np.outer(up, values) + np.outer(down, 1 - values)) @ times + logs
        most = float(gains.max())
        return most + math.log(float(np.exp(gains - most).sum()))

    return worth


@cache
def _spread(bets: int) -> tuple[NDArray[float64], NDArray[float64]]:
    """Give places in 0..1 and their weights: Fejér's first rule, all weights above 0.

    It integrates polynomials of a degree below the number of places exactly. L. Fejér,
    "Mechanische Quadraturen mit positiven Cotesschen Zahlen", Mathematische Zeitschrift 37 (1933),
    287-309.
    """
    import numpy as np  # noqa: PLC0415 - late: numpy doubles the time that importing takes

    angles = (2 * np.arange(bets) + 1) * np.pi / (2 * bets)
    orders = np.arange(1, bets // 2 + 1)
    waves = np.cos(2 * np.outer(angles, orders)) / (4 * orders**2 - 1)
    return (1 + np.cos(angles)) / 2, (1 - 2 * waves.sum(axis=1)) / bets
