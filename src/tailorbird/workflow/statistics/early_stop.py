"""Stopping a comparison early without being wrong more often."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from tailorbird.exceptions import InvalidInputError
from tailorbird.workflow.statistics.levels import LEVEL

StopWord = Literal["better", "worse", "no difference can be shown", "go on"]
"""What looking at two arms before all questions are asked allows to say."""


@dataclass(slots=True, kw_only=True)
class EarlyStop:
    """Watches two arms while questions are asked, as often as one likes.

    Looking at an ordinary test again and again finds a difference sooner or later, where there is
    none too. This one does not: without a difference, each question that exactly one arm got right
    falls to either side like a fair coin, and whoever bets on such coins multiplies a stake by 20
    with a chance of one in 20 at most, *however long the game lasts* (J. Ville, "Étude critique de
    la notion de collectif", 1939). The bet is the average over all coins, so its worth after `w`
    wins and `l` losses is `2^(w+l) w! l! / (w+l+1)!` (H. Robbins, "Statistical Methods Related to
    the Law of the Iterated Logarithm", Annals of Mathematical Statistics 41 (1970), 1397-1409; the
    name of such a worth is test martingale: Shafer, Shen, Vereshchagin and Vovk, Statistical
    Science 26 (2011), 84-101). A difference is called when it has reached `comparisons / level`,
    which holds the error rate over several pairs too (Bonferroni's correction).

    The questions must come in an order that has nothing to do with the arms, such as a random one,
    and what was decided early must not be tested anew by an ordinary test.
    """

    comparisons: int = 1
    """How many pairs are watched at once, at least 1."""
    level: float = LEVEL
    """Chance that any of them is called better or worse without a difference, above 0 and below
    1."""
    _wins: int = field(default=0, init=False)
    _losses: int = field(default=0, init=False)
    _highest: float = field(default=0.0, init=False)
    _decided: StopWord = field(default="go on", init=False)

    def __post_init__(self) -> None:
        """Refuse what is no number of pairs and no error rate.

        Raises:
            InvalidInputError: `comparisons` is below 1, or `level` is not between 0 and 1.
        """
        if self.comparisons < 1 or not 0 < self.level < 1:
            message = (
                f"early stopping needs at least one pair (not {self.comparisons!r}) and a level "
                f"between 0 and 1 (not {self.level!r})"
            )
            raise InvalidInputError(message)

    @property
    def word(self) -> StopWord:
        """What was decided so far."""
        return self._decided

    @property
    def p_value(self) -> float:
        """The p-value so far, 0..1; it holds whenever one stops, and never rises again."""
        return math.exp(-self._highest)

    def update(self, wins: int, losses: int, *, remaining: int | None = None) -> StopWord:
        """Look at the counts so far.

        What is decided stays decided, whatever comes later.

        Args:
            wins: Questions that only the first arm got right, all looks together.
            losses: Questions that only the second arm got right, all looks together.
            remaining: Questions that are still to be asked; None when that is open. When not even
                winning all of them could show a difference, going on is useless; stopping then
                costs no error.

        Raises:
            InvalidInputError: A count has fallen, or `remaining` is negative.
        """
        if wins < self._wins or losses < self._losses or (remaining or 0) < 0:
            message = (
                f"counts only grow: {wins!r} wins and {losses!r} losses, {remaining!r} remaining, "
                f"after {self._wins!r} and {self._losses!r}; give the totals of all looks"
            )
            raise InvalidInputError(message)
        self._wins, self._losses = wins, losses
        self._highest = max(self._highest, _log_worth(wins, losses))
        if self._decided == "go on":
            self._decided = self._word(remaining)
        return self._decided

    def _word(self, remaining: int | None) -> StopWord:
        bar = math.log(self.comparisons / self.level)
        if self._highest >= bar:
            return "better" if self._wins > self._losses else "worse"
        if remaining is None:
            return "go on"
        # The worth is a mean of the next two, so it is largest at the end, all going one way.
        reachable = max(
            _log_worth(self._wins + remaining, self._losses),
            _log_worth(self._wins, self._losses + remaining),
        )
        return "go on" if reachable >= bar else "no difference can be shown"


def watched_p(wins: float, losses: float) -> float:
    """Give the p-value of counts that were looked at on the way, 0..1: it holds however often.

    Args:
        wins: Questions that only the first arm got right, at least 0; an expected number of them
            may be a fraction.
        losses: Questions that only the second arm got right, at least 0, or a fraction.
    """
    return math.exp(-max(0.0, _log_worth(wins, losses)))


def _log_worth(wins: float, losses: float) -> float:
    """Give the natural logarithm of what a stake of 1 has become."""
    n = wins + losses
    return n * math.log(2) + math.lgamma(wins + 1) + math.lgamma(losses + 1) - math.lgamma(n + 2)
