"""What so many questions can show, and how many it takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import count
from statistics import NormalDist

from tailorbird.exceptions import InvalidInputError
from tailorbird.workflow.statistics.early_stop import watched_p
from tailorbird.workflow.statistics.levels import LEVEL, POWER
from tailorbird.workflow.statistics.paired import mcnemar

_HALVINGS = 60  # of an interval of length 1: down to the precision of the numbers


def can_show(n: int, *, comparisons: int = 1, level: float = LEVEL, watched: bool = False) -> bool:
    """Say whether n questions could show a difference at all.

    Even if one arm got every question right and the other none, the exact McNemar test gives
    2 / 2^n, or `EarlyStop` (n + 1) / 2^n; Holm's correction multiplies the smallest of the values
    by their number.

    Args:
        n: Questions that both arms were scored on, at least 0.
        comparisons: How many pairs are tested at once, at least 1.
        level: The largest p-value that counts as shown, above 0 and below 1.
        watched: Whether one looked while the questions were asked (see `EarlyStop`).
    """
    return comparisons * (watched_p(n, 0) if watched else mcnemar(n, 0)) < level


def questions_needed(
    wins: int,
    losses: int,
    n: int,
    *,
    comparisons: int = 1,
    level: float = LEVEL,
    watched: bool = False,
) -> int | None:
    """Estimate how many questions would show the difference that was seen, if it is real.

    Formula for paired shares at 80 % power: R. J. Connor, "Sample Size for Testing Differences in
    Proportions for the Paired-Sample Design", Biometrics 43 (1987), 207-211. The level is divided
    by the number of comparisons, as Holm's first step does. Where one looks on the way, the lead
    that the test of `EarlyStop` asks for takes the place of that of McNemar's test; what is shown
    before the last look comes on top of the 80 %.

    Args:
        wins: Questions that only the first arm got right.
        losses: Questions that only the second arm got right.
        n: How many questions were asked, at least `wins + losses` and at least 1.
        comparisons: How many pairs are tested at once, at least 1.
        level: The largest p-value that counts as shown, above 0 and below 1.
        watched: Whether one looks while the questions are asked (see `EarlyStop`).

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
    apart, lead = (wins + losses) / n, abs(wins - losses) / n
    design = _Design(level / comparisons, watched=watched)
    least, enough = 0, 1
    while not design.shows(enough, apart, lead):
        least, enough = enough, 2 * enough
    while enough - least > 1:
        middle = (least + enough) // 2
        if design.shows(middle, apart, lead):
            enough = middle
        else:
            least = middle
    while not can_show(enough, comparisons=comparisons, level=level, watched=watched):
        enough += 1
    return enough


def questions_missing(
    wins: int,
    losses: int,
    n: int,
    *,
    comparisons: int = 1,
    level: float = LEVEL,
    watched: bool = False,
) -> int:
    """Say about how many more questions to ask, rounded up to tens.

    It is what `questions_needed` names, or, where nothing was seen, what it takes to show anything
    at all, without those that were asked. The exact test can miss what the formula says suffices,
    so it is never less than ten.

    Args:
        wins: Questions that only the first arm got right.
        losses: Questions that only the second arm got right.
        n: How many questions were asked, at least `wins + losses`; may be 0.
        comparisons: How many pairs are tested at once, at least 1.
        level: The largest p-value that counts as shown, above 0 and below 1.
        watched: Whether one looked while the questions were asked (see `EarlyStop`).

    Raises:
        InvalidInputError: The counts do not fit together.
    """
    needed = None
    if wins or losses or n:
        needed = questions_needed(
            wins, losses, n, comparisons=comparisons, level=level, watched=watched
        )
    if needed is None:
        needed = next(
            one
            for one in count(1)
            if can_show(one, comparisons=comparisons, level=level, watched=watched)
        )
    return -(-max(1, needed - n) // 10) * 10


def smallest_difference(
    n: int, apart: float, *, comparisons: int = 1, level: float = LEVEL, watched: bool = False
) -> float | None:
    """Give the smallest difference in share right that n questions show four times out of five.

    It is Connor's formula (see `questions_needed`) turned around: what the power of 80 % needs.

    Args:
        n: Questions that both arms are scored on, at least 0.
        apart: Share of the questions that exactly one of the two arms gets right, 0..1; the more
            they differ in both directions, the larger a difference has to be.
        comparisons: How many pairs are tested at once, at least 1.
        level: The largest p-value that counts as shown, above 0 and below 1.
        watched: Whether one looked while the questions were asked (see `EarlyStop`).

    Returns:
        A share above 0 and up to `apart`; None when not even a difference of all of `apart` would
        be shown so often.

    Raises:
        InvalidInputError: `n` is negative or `apart` is outside 0..1.
    """
    if n < 0 or not 0 <= apart <= 1:
        message = f"{n!r} questions, {apart!r} of them apart: at least 0, and a share in 0..1"
        raise InvalidInputError(message)
    if not can_show(n, comparisons=comparisons, level=level, watched=watched):
        return None
    low, high = 0.0, apart
    bar = _Design(level / comparisons, watched=watched).bar(n * apart)
    if not _reaches(bar, n, apart, high):
        return None
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _reaches(bar, n, apart, middle):
            high = middle
        else:
            low = middle
    return high or None


@dataclass(frozen=True, slots=True)
class _Design:
    """How one pair of arms is tested."""

    level: float
    """The largest p-value that counts as shown, divided by the number of pairs."""
    watched: bool
    """Whether `EarlyStop` tests, or McNemar's test."""

    def shows(self, n: int, apart: float, lead: float) -> bool:
        """Say whether n questions show a lead four times out of five."""
        return _reaches(self.bar(n * apart), n, apart, lead)

    def bar(self, apart: float) -> float:
        """Give the lead in questions that is shown where so many questions differ."""
        if not self.watched:
            return NormalDist().inv_cdf(1 - self.level / 2) * math.sqrt(apart)
        if watched_p(apart, 0) >= self.level:
            return math.inf
        least, enough = 0.0, apart
        for _ in range(_HALVINGS):
            middle = (least + enough) / 2
            if watched_p((apart + middle) / 2, (apart - middle) / 2) < self.level:
                enough = middle
            else:
                least = middle
        return enough


def _reaches(bar: float, n: int, apart: float, lead: float) -> bool:
    """Say whether the lead in questions reaches a bar four times out of five.

    It has a mean of `n lead` and a variance of `n (apart - lead^2)`.
    """
    spread = math.sqrt(max(0.0, n * (apart - lead * lead)))
    return n * lead - NormalDist().inv_cdf(POWER) * spread >= bar
