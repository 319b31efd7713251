"""Measure how much a text is written like others: by their characters and their length."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.text.normalize import fold_width

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FEWEST_TEXTS = 3
"""Fewer distinct texts have no manner that could be told from what they are about."""

_SIZE = 3  # a run of three holds an ending such as ます。 or ly. and hardly a subject
_SHARED_BY = 0.1  # of the texts: what fewer share is what they are about, not how it is said
_LEAST_SHARED = 2
_MOST_TEXTS = 5_000  # more change the profile in no digit that is shown
_BLANK = re.compile(r"\s+")
_DIGITS = re.compile(r"\d+")
_BORDER = "\x02"


@dataclass(frozen=True, slots=True)
class CharacterProfile:
    """The manner of a set of texts: the runs of three characters they share, and their length.

    Runs that at least a tenth of the texts share (two at least) are the profile, each weighed by
    the share of texts that have it. Digits count as one sign, width does not count, case and
    punctuation do: they are style.
    """

    weights: Mapping[str, float]
    """Share of the texts that have a run, 0.1..1."""
    typical_shared: float
    """Mean over the texts of the weights that they have."""
    typical_known: float
    """Mean over the texts of the part of their runs that the profile knows, 0..1."""
    shortest: int
    """Length in characters that nine in ten texts reach."""
    longest: int
    """Length in characters that nine in ten texts do not exceed."""

    @classmethod
    def of(cls, texts: Iterable[str]) -> CharacterProfile | None:
        """Find the manner of some texts, equal ones counted once; None for fewer than three.

        Of very many texts the first 5,000 are taken.
        """
        distinct = list(dict.fromkeys(one for one in map(_plain, texts) if one))[:_MOST_TEXTS]
        if len(distinct) < FEWEST_TEXTS:
            return None
        runs = [_runs(one) for one in distinct]
        counts = Counter(run for one in runs for run in one)
        least = max(_LEAST_SHARED, _SHARED_BY * len(distinct))
        weights = {run: n / len(distinct) for run, n in counts.items() if n >= least}
        lengths = sorted(map(len, distinct))
        return cls(
            weights=weights,
            typical_shared=_mean([_weight(one, weights) for one in runs]),
            typical_known=_mean([_known(one, weights) for one in runs]),
            shortest=lengths[len(lengths) // 10],
            longest=lengths[-1 - len(lengths) // 10],
        )

    def likeness(self, text: str) -> float:
        """Say how much a text is written like the texts, in [0, 1]; 1 for what is typical of them.

        The product of two figures. *Characters*: the harmonic mean of how much of the profile the
        text has, and how much of the text the profile knows, each over what is typical of the
        texts and at most 1. *Length*: 1 within the middle eight tenths of the lengths, outside of
        them the ratio of the length to the nearer end.
        """
        plain = _plain(text)
        if not plain:
            return 0.0
        return self._characters(_runs(plain)) * self._length(len(plain))

    def _characters(self, runs: frozenset[str]) -> float:
        if not self.weights:
            return 1.0  # they share nothing, so nothing is unlike them
        shared = min(1.0, _weight(runs, self.weights) / self.typical_shared)
        known = min(1.0, _known(runs, self.weights) / self.typical_known)
        return 2 * shared * known / (shared + known) if shared and known else 0.0

    def _length(self, size: int) -> float:
        return min(1.0, size / self.shortest, self.longest / size)


def _plain(text: str) -> str:
    return _DIGITS.sub("0", _BLANK.sub(" ", fold_width(text))).strip()


def _runs(plain: str) -> frozenset[str]:
    """Give the distinct runs of a text, its beginning and end marked."""
    marked = f"{_BORDER}{plain}{_BORDER}"
    return frozenset([marked[at : at + _SIZE] for at in range(len(marked) - _SIZE + 1)])


def _weight(runs: frozenset[str], weights: Mapping[str, float]) -> float:
    # Exact: sums of floats depend on their order, and that of a set differs between processes.
    return math.fsum([weights[run] for run in runs & weights.keys()])


def _known(runs: frozenset[str], weights: Mapping[str, float]) -> float:
    return len(runs & weights.keys()) / len(runs)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
