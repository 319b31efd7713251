"""How often something is called that is not there: never more often than is said.

Each test repeats an experiment without a difference thousands of times. The rates are within four
standard errors of what theory says, so that no seed decides. `benchmarks/false_positives.py` prints
the same rates from many more repetitions.
"""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from tailorbird.workflow.statistics import (
    LEVEL,
    EarlyStop,
    holm,
    mcnemar,
    no_worse,
    paired_permutation,
)

Counts = NDArray[np.int64]


def slack(rate: float, repetitions: int) -> float:
    """Give four standard errors of a rate."""
    return 4 * math.sqrt(rate * (1 - rate) / repetitions)


def mcnemar_of(wins: Counts, losses: Counts) -> NDArray[np.float64]:
    """Look the p-value of each cell up, computing each pair of counts once."""
    size = int(losses.max()) + 1
    keys, at = np.unique(wins * size + losses, return_inverse=True)
    values = np.array([mcnemar(*divmod(int(key), size)) for key in keys])
    return values[at].reshape(wins.shape)


@pytest.mark.parametrize(("shared", "n"), [(0.0, 40), (0.5, 100), (0.9, 300)])
def test_six_equal_arms_are_told_apart_in_one_case_of_twenty_at_most(shared: float, n: int) -> None:
    """Over 15 pairs together, McNemar's test with Holm's correction stays below 5 %.

    `shared` is the share of questions that all arms find equally hard or easy.
    """
    repetitions = 2000
    random = np.random.default_rng(17)
    easy = random.random((repetitions, 1, n)) < 0.6
    own = random.random((repetitions, 6, n)) < 0.6
    right = np.where(random.random((repetitions, 1, n)) < shared, easy, own)
    pairs = list(combinations(range(6), 2))
    wins = np.stack([(right[:, a] & ~right[:, b]).sum(axis=1) for a, b in pairs], axis=1)
    losses = np.stack([(right[:, b] & ~right[:, a]).sum(axis=1) for a, b in pairs], axis=1)
    values = mcnemar_of(wins, losses)
    called = np.mean([min(holm(row)) < LEVEL for row in values.tolist()])
    assert 0 < called <= LEVEL + slack(LEVEL, repetitions)


def test_one_pair_is_called_as_often_as_the_binomial_distribution_says() -> None:
    """For a single pair the rate is the exact size of the test, just below 5 %."""
    repetitions, n = 20_000, 200
    random = np.random.default_rng(3)
    wins = random.binomial(n, 0.5, size=repetitions)
    called = np.mean(mcnemar_of(wins, n - wins) < LEVEL)
    sizes = [mcnemar(k, n - k) < LEVEL for k in range(n + 1)]
    exact = sum(math.comb(n, k) for k in range(n + 1) if sizes[k]) / 2**n
    assert 0.03 < exact < LEVEL
    assert called == pytest.approx(exact, abs=slack(exact, repetitions))


@pytest.mark.parametrize(("n", "repetitions"), [(12, 3000), (30, 150), (300, 1000)])
def test_permutations_call_one_case_of_twenty(n: int, repetitions: int) -> None:
    """Counted, drawn and computed: graded scores without a difference are called in 5 %."""
    random = np.random.default_rng(n)
    differences = random.beta(0.6, 0.4, (repetitions, n)) - random.beta(0.6, 0.4, (repetitions, n))
    called = np.mean([paired_permutation(row) < LEVEL for row in differences.tolist()])
    assert called == pytest.approx(LEVEL, abs=slack(LEVEL, repetitions))


@pytest.mark.parametrize(("n", "margin", "apart"), [(200, 0.05, 0.2), (100, 0.1, 0.3)])
def test_an_arm_that_lost_the_margin_is_seldom_called_no_worse(
    n: int, margin: float, apart: float
) -> None:
    """At the margin itself, the chance of `no worse` is 2.5 %."""
    repetitions = 20_000
    random = np.random.default_rng(9)
    shares = [(apart - margin) / 2, (apart + margin) / 2, 1 - apart]
    drawn = random.multinomial(n, shares, size=repetitions)
    kinds, counts = np.unique(drawn[:, :2], axis=0, return_counts=True)
    words = [no_worse(int(won), int(lost), n, margin=margin).word for won, lost in kinds.tolist()]
    shown = counts[[word == "no worse" for word in words]].sum() / repetitions
    # The score test is asymptotic: its size differs from the level by a few parts in a thousand.
    assert shown == pytest.approx(LEVEL / 2, abs=0.005 + slack(LEVEL / 2, repetitions))


def decided_at(n: int, comparisons: int) -> int:
    """Give from how many wins among n decided questions a pair is called better; n + 1 if never."""
    for wins in range(n + 1):
        if EarlyStop(comparisons=comparisons).update(wins, n - wins) == "better":
            return wins
    return n + 1


@pytest.mark.parametrize("comparisons", [1, 15])
def test_looking_after_every_question_calls_one_case_of_twenty_at_most(comparisons: int) -> None:
    """However often one looks, early stopping calls a difference in 5 % at most."""
    repetitions, n = 2000, 200
    random = np.random.default_rng(23)
    bars = np.array([decided_at(seen, comparisons) for seen in range(1, n + 1)])
    # Pairs that share nothing are the hardest case for an error rate over all of them.
    wins = random.integers(2, size=(repetitions, comparisons, n)).cumsum(axis=2)
    losses = np.arange(1, n + 1) - wins
    called = ((wins >= bars) | (losses >= bars)).any(axis=(1, 2)).mean()
    assert 0 < called <= LEVEL + slack(LEVEL, repetitions)


def test_looking_at_an_ordinary_test_would_call_far_more() -> None:
    """The same looks at McNemar's test call a difference several times as often."""
    repetitions, n = 1000, 300
    random = np.random.default_rng(23)
    wins = random.integers(2, size=(repetitions, n)).cumsum(axis=1)
    called = (mcnemar_of(wins, np.arange(1, n + 1) - wins) < LEVEL).any(axis=1).mean()
    assert called > 4 * LEVEL
