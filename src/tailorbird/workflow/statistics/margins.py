"""How far two shares on the same questions may be apart, and whether one is no worse."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from tailorbird.exceptions import InvalidInputError
from tailorbird.workflow.statistics.levels import CONFIDENCE, LEVEL, POWER

MARGIN = 0.05
"""Share right that an arm may lose and still count as no worse: one question in twenty.

A choice, not a measurement: what a loss costs is for its owner to say, before looking.
"""

NoWorseWord = Literal["no worse", "worse", "not shown", "too few questions"]
"""What a test against a margin allows to say."""

_HALVINGS = 60  # of an interval of length 2: down to the precision of the numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class NoWorse:
    """Whether an arm is no worse than another one by more than a margin."""

    n: int
    """Questions that both were scored on."""
    wins: int
    """Questions that only the arm got right."""
    losses: int
    """Questions that only the other one got right."""
    margin: float
    """Share right that may be lost, above 0 and below 1."""
    difference: float
    """Share right of the arm minus that of the other one, -1..1."""
    low: float
    """Lower end of the interval of the difference."""
    high: float
    """Upper end of the interval of the difference."""
    p_value: float
    """One-sided: the chance of such a difference, or a better one, if the arm lost the margin."""
    word: NoWorseWord
    """What follows."""


def difference_interval(
    wins: int, losses: int, n: int, *, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Give Tango's score interval for the difference of two shares on the same questions.

    It holds every difference that the score test does not refuse, keeps its confidence with few
    questions, and has a width even when the two arms never differ. Formula: T. Tango, "Equivalence
    Test and Confidence Interval for the Difference in Proportions for the Paired-Sample Design",
    Statistics in Medicine 17 (1998), 891-908.

    Args:
        wins: Questions that only the first arm got right.
        losses: Questions that only the second arm got right.
        n: How many questions both were scored on, at least `wins + losses` and at least 1.
        confidence: How sure the interval is, above 0 and below 1.

    Returns:
        Lower and upper end of the first arm's share minus the second one's, in -1..1.

    Raises:
        InvalidInputError: The counts do not fit together, or `confidence` is not between 0 and 1.
    """
    _check(wins, losses, n, "confidence", confidence)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    return -_upper_end(losses, wins, n, z), _upper_end(wins, losses, n, z)


def no_worse(
    wins: int, losses: int, n: int, *, margin: float = MARGIN, level: float = LEVEL
) -> NoWorse:
    """Test whether an arm is no worse than another one by more than a margin.

    The test is Tango's score test, one-sided at half the level, as the guideline ICH E9
    "Statistical Principles for Clinical Trials" (1998), section 3.3.2 and 5.5, asks for: the whole
    two-sided interval lies above the lost margin. The word is

    * `no worse` when the interval's lower end is above `-margin`;
    * `worse` when its upper end is below `-margin`;
    * `too few questions` when not even arms that never differ could be shown to be no worse;
    * `not shown` otherwise.

    Args:
        wins: Questions that only the arm got right.
        losses: Questions that only the other one got right.
        n: How many questions both were scored on, at least `wins + losses` and at least 1.
        margin: Share right that may be lost, above 0 and below 1; to be chosen beforehand.
        level: Twice the chance of calling an arm no worse that loses just the margin.

    Raises:
        InvalidInputError: The counts do not fit together, or `margin` or `level` is not between
            0 and 1.
    """
    _check(wins, losses, n, "margin", margin)
    _check(wins, losses, n, "level", level)
    low, high = difference_interval(wins, losses, n, confidence=1 - level)
    p_value = _p_no_worse(wins, losses, n, margin)
    return NoWorse(
        n=n,
        wins=wins,
        losses=losses,
        margin=margin,
        difference=(wins - losses) / n,
        low=low,
        high=high,
        p_value=p_value,
        word=_word(p_value, high, n, margin=margin, level=level),
    )


def questions_for_no_worse(
    wins: int, losses: int, n: int, *, margin: float = MARGIN, level: float = LEVEL
) -> int | None:
    """Estimate how many questions would show an arm to be no worse, if what was seen is real.

    Formula for paired shares at 80 % power: Liu, Hsueh, Hsieh and Chen, "Tests for Equivalence or
    Non-Inferiority for Paired Binary Data", Statistics in Medicine 21 (2002), 231-245.

    Args:
        wins: Questions that only the arm got right.
        losses: Questions that only the other one got right.
        n: How many questions were asked, at least `wins + losses` and at least 1.
        margin: Share right that may be lost, above 0 and below 1.
        level: As for `no_worse`.

    Returns:
        How many questions in all, never fewer than can show anything; None when the arm lost the
        margin or more, because no number of questions shows it to be no worse then.

    Raises:
        InvalidInputError: As for `no_worse`.
    """
    _check(wins, losses, n, "margin", margin)
    _check(wins, losses, n, "level", level)
    lead = (wins - losses) / n
    if lead <= -margin:
        return None
    normal = NormalDist()
    z = normal.inv_cdf(1 - level / 2) + normal.inv_cdf(POWER)
    apart = (wins + losses) / n
    needed = max(1, math.ceil(z * z * (apart - lead * lead) / (lead + margin) ** 2))
    while _p_no_worse(0, 0, needed, margin) >= level / 2:
        needed += 1
    return needed


def _check(wins: int, losses: int, n: int, what: str, value: float) -> None:
    if wins < 0 or losses < 0 or n < max(1, wins + losses):
        message = f"{wins!r} wins and {losses!r} losses do not fit {n!r} questions"
        raise InvalidInputError(message)
    if not 0 < value < 1:
        message = f"{what} must be between 0 and 1, not {value!r}"
        raise InvalidInputError(message)


def _word(p_value: float, high: float, n: int, *, margin: float, level: float) -> NoWorseWord:
    if p_value < level / 2:
        return "no worse"
    if high < -margin:
        return "worse"
    possible = _p_no_worse(0, 0, n, margin) < level / 2
    return "not shown" if possible else "too few questions"


def _p_no_worse(wins: int, losses: int, n: int, margin: float) -> float:
    return NormalDist().cdf(-_score(wins, losses, n, -margin))


def _score(wins: int, losses: int, n: int, difference: float) -> float:
    """Give Tango's statistic for a supposed difference between -1 and 1, both excluded.

    `lost` is the most likely share of losses if that difference were true: the larger root of a
    quadratic equation.
    """
    a = 2 * n
    b = (2 * n - wins + losses) * difference - wins - losses
    c = -losses * difference * (1 - difference)
    # Near the ends of the range, rounding can put what is 0 below it.
    lost = (math.sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)
    variance = n * (2 * lost + difference * (1 - difference))
    return (wins - losses - n * difference) / math.sqrt(variance)


def _upper_end(wins: int, losses: int, n: int, z: float) -> float:
    """Give the largest difference not refused: the statistic falls as the difference grows."""
    low, high = (wins - losses) / n, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        # At the very end of the range nothing can be computed, and nothing is refused.
        if middle >= 1 or _score(wins, losses, n, middle) > -z:
            low = middle
        else:
            high = middle
    return low
