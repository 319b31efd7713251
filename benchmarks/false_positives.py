"""Measure how often the statistics call a difference that is not there.

    python benchmarks/false_positives.py [REPETITIONS]

Each line repeats an experiment without a difference (or, for "no worse", with the whole margin
lost) and counts how often something is called all the same, or, for intervals, repeats one with a
known difference and counts how often it is missed. Neither may come more often than the level says.
The numbers are drawn from fixed seeds; 20,000 repetitions take some minutes.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from tailorbird import Arm, Question, StopEarly
from tailorbird.types import ModelId
from tailorbird.workflow.answering.results import ALL_KINDS
from tailorbird.workflow.comparing.stopping import Watch
from tailorbird.workflow.statistics import (
    LEVEL,
    EarlyStop,
    difference_interval,
    holm,
    mcnemar,
    no_worse,
    paired_permutation,
    watched_difference,
    watched_difference_of,
    watched_interval,
)

Counts = NDArray[np.int64]
RIGHT = 0.6  # share that each arm gets right
SLOW = 20  # drawn permutations and whole runs cost this many times as much as the rest
BLOCK = 1000  # repetitions held in memory at a time


def mcnemar_of(wins: Counts, losses: Counts) -> NDArray[np.float64]:
    """Look the p-value of each cell up, computing each pair of counts once."""
    size = int(losses.max()) + 1
    keys, at = np.unique(wins * size + losses, return_inverse=True)
    values = np.array([mcnemar(*divmod(int(key), size)) for key in keys])
    return values[at].reshape(wins.shape)


def six_arms(random: np.random.Generator, repetitions: int, *, n: int, shared: float) -> int:
    """Compare six equally good arms; `shared` of the questions are alike for all of them."""
    easy = random.random((repetitions, 1, n)) < RIGHT
    own = random.random((repetitions, 6, n)) < RIGHT
    right = np.where(random.random((repetitions, 1, n)) < shared, easy, own)
    pairs = list(combinations(range(6), 2))
    wins = np.stack([(right[:, a] & ~right[:, b]).sum(axis=1) for a, b in pairs], axis=1)
    losses = np.stack([(right[:, b] & ~right[:, a]).sum(axis=1) for a, b in pairs], axis=1)
    return sum(min(holm(row)) < LEVEL for row in mcnemar_of(wins, losses).tolist())


def one_pair(random: np.random.Generator, repetitions: int, *, apart: int) -> int:
    """Test one pair that differs on so many questions, evenly."""
    wins = random.binomial(apart, 0.5, size=repetitions)
    return int((mcnemar_of(wins, apart - wins) < LEVEL).sum())


def permuted(random: np.random.Generator, repetitions: int, *, n: int) -> int:
    """Test graded scores of two arms that are drawn from the same distribution."""
    differences = random.beta(0.6, 0.4, (repetitions, n)) - random.beta(0.6, 0.4, (repetitions, n))
    return sum(paired_permutation(row) < LEVEL for row in differences.tolist())


def lost(
    random: np.random.Generator, repetitions: int, *, n: int, margin: float, apart: float
) -> int:
    """Test an arm that lost just the margin for being no worse."""
    shares = [(apart - margin) / 2, (apart + margin) / 2, 1 - apart]
    drawn = random.multinomial(n, shares, size=repetitions)
    kinds, counts = np.unique(drawn[:, :2], axis=0, return_counts=True)
    words = [no_worse(int(won), int(lost), n, margin=margin).word for won, lost in kinds.tolist()]
    return int(counts[[word == "no worse" for word in words]].sum())


def watched(random: np.random.Generator, repetitions: int, *, n: int, comparisons: int) -> int:
    """Look at so many pairs after each of n questions on which they differ."""

    def bar(seen: int) -> int:
        calls = (
            EarlyStop(comparisons=comparisons).update(wins, seen - wins) for wins in range(seen + 1)
        )
        return next((wins for wins, word in enumerate(calls) if word == "better"), seen + 1)

    bars = np.array([bar(seen) for seen in range(1, n + 1)])
    called = 0
    for done in range(0, repetitions, BLOCK):
        shape = (min(BLOCK, repetitions - done), comparisons, n)
        wins = random.integers(2, size=shape).cumsum(axis=2)
        losses = np.arange(1, n + 1) - wins
        called += int(((wins >= bars) | (losses >= bars)).any(axis=(1, 2)).sum())
    return called


def peeked(random: np.random.Generator, repetitions: int, *, n: int) -> int:
    """Look at McNemar's test after each of n questions: what early stopping must not do."""
    called = 0
    for done in range(0, repetitions, BLOCK):
        wins = random.integers(2, size=(min(BLOCK, repetitions - done), n)).cumsum(axis=1)
        values = mcnemar_of(wins, np.arange(1, n + 1) - wins)
        called += int((values < LEVEL).any(axis=1).sum())
    return called


def stopped(
    random: np.random.Generator, repetitions: int, *, names: str, n: int, trade: float
) -> int:
    """Let equally good arms be watched as `compare(stop_early=True)` does, until it would stop.

    Half of the questions are of one kind; an arm is better at it by `trade` and worse at the other
    kind by as much, the next arm the other way around.
    """
    questions = [
        Question(id=str(at), text=f"{at}", kind="unseen" if at % 2 else "style") for at in range(n)
    ]
    arms = [Arm(name=name, model=ModelId("m")) for name in names]
    called = 0
    for seed in random.integers(2**32, size=repetitions).tolist():
        watch = Watch(arms, questions, StopEarly(block=10, seed=seed))
        drawn = random.random((len(arms), n))
        for block in watch.blocks:
            right: dict[tuple[str, str], float | None] = {
                (arm.name, one.id): float(
                    drawn[row, int(one.id)] < RIGHT + trade * (-1) ** (row + int(one.id))
                )
                for row, arm in enumerate(arms)
                for one in block
            }
            if watch.look(block, right):
                break
        values = [value for key, value in watch.p_values.items() if key[2] == ALL_KINDS]
        called += min(holm(values)) < LEVEL
    return called


Interval = Callable[[int, int, int], tuple[float, float]]


def missed(
    random: np.random.Generator,
    repetitions: int,
    *,
    shares: tuple[float, float],
    interval: Interval = watched_difference,
) -> int:
    """Stop as `compare(stop_early=True)` does; look whether the interval has the true lead."""
    questions = [Question(id=str(at), text=f"{at}") for at in range(300)]
    arms = [Arm(name=name, model=ModelId("m")) for name in "ab"]
    misses = 0
    for seed in random.integers(2**32, size=repetitions).tolist():
        watch = Watch(arms, questions, StopEarly(block=10, seed=seed))
        drawn = random.random((2, 300)) < np.array(shares)[:, None]
        asked: list[int] = []
        for block in watch.blocks:
            asked += [int(one.id) for one in block]
            right: dict[tuple[str, str], float | None] = {
                (arm.name, one.id): float(drawn[row, int(one.id)])
                for row, arm in enumerate(arms)
                for one in block
            }
            if watch.look(block, right):
                break
        first, second = drawn[:, asked]
        low, high = interval(int((second & ~first).sum()), int((first & ~second).sum()), len(asked))
        misses += not low <= shares[1] - shares[0] <= high
    return misses


def missed_share(random: np.random.Generator, repetitions: int, *, share: float) -> int:
    """Stop at the look out of thirty at which the share of an arm looks best."""
    misses = 0
    for right in random.random((repetitions, 300)) < share:
        means = right.cumsum()[9::10] / np.arange(10, 301, 10)
        stop = 10 * (int(np.argmax(means)) + 1)
        low, high = watched_interval(right[:stop].astype(float).tolist())
        misses += not low <= share <= high
    return misses


def missed_grades(random: np.random.Generator, repetitions: int) -> int:
    """Stop at the look out of thirty at which graded scores look most different."""
    misses = 0
    for _ in range(repetitions):
        differences = random.beta(0.6, 0.4, 300) - random.beta(0.6, 0.4, 300)
        sums = differences.cumsum()[9::10]
        stop = 10 * (int(np.argmax(np.abs(sums) / np.sqrt(np.arange(10, 301, 10)))) + 1)
        low, high = watched_difference_of(differences[:stop].tolist())
        misses += not low <= 0 <= high
    return misses


Experiment = Callable[[np.random.Generator, int], int]
EXPERIMENTS: tuple[tuple[str, float, int, Experiment], ...] = (
    ("McNemar, one pair, 20 apart", LEVEL, 1, lambda r, k: one_pair(r, k, apart=20)),
    ("McNemar, one pair, 200 apart", LEVEL, 1, lambda r, k: one_pair(r, k, apart=200)),
    ("six arms + Holm, n = 40", LEVEL, 1, lambda r, k: six_arms(r, k, n=40, shared=0.0)),
    ("six arms + Holm, n = 100", LEVEL, 1, lambda r, k: six_arms(r, k, n=100, shared=0.5)),
    ("six arms + Holm, n = 300", LEVEL, 1, lambda r, k: six_arms(r, k, n=300, shared=0.9)),
    ("permutation, counted, n = 12", LEVEL, 1, lambda r, k: permuted(r, k, n=12)),
    ("permutation, drawn, n = 40", LEVEL, SLOW, lambda r, k: permuted(r, k, n=40)),
    ("permutation, normal, n = 300", LEVEL, 1, lambda r, k: permuted(r, k, n=300)),
    (
        "no worse, n = 100, margin 10 %, 30 % apart",
        LEVEL / 2,
        1,
        lambda r, k: lost(r, k, n=100, margin=0.1, apart=0.3),
    ),
    (
        "no worse, n = 200, margin 5 %, 20 % apart",
        LEVEL / 2,
        1,
        lambda r, k: lost(r, k, n=200, margin=0.05, apart=0.2),
    ),
    (
        "no worse, n = 1000, margin 5 %, 20 % apart",
        LEVEL / 2,
        1,
        lambda r, k: lost(r, k, n=1000, margin=0.05, apart=0.2),
    ),
    ("early stop, 1 pair, 300 looks", LEVEL, 1, lambda r, k: watched(r, k, n=300, comparisons=1)),
    (
        "early stop, 15 pairs, 300 looks",
        LEVEL,
        1,
        lambda r, k: watched(r, k, n=300, comparisons=15),
    ),
    (
        "compare(stop_early), 2 arms, n = 300",
        LEVEL,
        SLOW,
        lambda r, k: stopped(r, k, names="ab", n=300, trade=0.0),
    ),
    (
        "compare(stop_early), 2 arms, kinds trade 20 %",
        LEVEL,
        SLOW,
        lambda r, k: stopped(r, k, names="ab", n=300, trade=0.2),
    ),
    (
        "compare(stop_early), 6 arms, n = 300",
        LEVEL,
        SLOW,
        lambda r, k: stopped(r, k, names="abcdef", n=300, trade=0.0),
    ),
    *(
        (
            f"interval missed, stopped, {first:.0%} and {second:.0%}",
            LEVEL,
            SLOW,
            partial(missed, shares=(first, second)),
        )
        for first, second in ((0.6, 0.6), (0.6, 0.75), (0.5, 0.8))
    ),
    ("share missed, stopped when highest", LEVEL, SLOW, partial(missed_share, share=0.8)),
    ("graded difference missed, stopped when largest", LEVEL, SLOW, missed_grades),
    *(
        (
            f"(Tango's interval missed, {first:.0%} and {second:.0%})",
            LEVEL,
            SLOW,
            partial(missed, shares=(first, second), interval=difference_interval),
        )
        for first, second in ((0.6, 0.6), (0.6, 0.75))
    ),
    ("(McNemar at each of 300 looks)", LEVEL, 1, lambda r, k: peeked(r, k, n=300)),
)


def main(repetitions: int) -> None:
    """Print the table."""
    print(f"{'experiment':<46}{'level':>7}{'called':>9}{'± 2 se':>9}{'times':>9}{'s':>7}")
    for seed, (name, level, slow, run) in enumerate(EXPERIMENTS):
        times = max(1, repetitions // slow)
        start = time.perf_counter()
        called = 0
        random = np.random.default_rng(seed)
        for done in range(0, times, BLOCK):
            called += run(random, min(BLOCK, times - done))
        rate = called / times
        error = 2 * math.sqrt(rate * (1 - rate) / times)
        seconds = time.perf_counter() - start
        print(
            f"{name:<46}{level:>7.1%}{rate:>9.2%}{error:>9.2%}{times:>9,}{seconds:>7.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
