"""Compare arms by the other metrics than `correct`, question by question."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Literal

from tailorbird.workflow.answering.results import Contrast
from tailorbird.workflow.comparing.summary import METRICS
from tailorbird.workflow.statistics import (
    LEVEL,
    can_show,
    difference_interval,
    holm,
    paired_bootstrap_interval,
    paired_permutation,
    watched_difference_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.answering.results import Metric, Outcome

_YES_OR_NO = frozenset({-1.0, 0.0, 1.0})


def compare_metrics(
    arms: Sequence[Arm], outcomes: Iterable[Outcome], *, looks: int = 1
) -> tuple[Contrast, ...]:
    """Compare each two arms by each metric but `correct`, for all questions together.

    Only questions for which both arms have a value count. p-values are those of the paired
    permutation test, corrected by Holm's method over the pairs of the metric; intervals are paired
    bootstrap intervals, or Tango's where a metric is yes or no; where asking might have stopped at
    several looks, both are `statistics.watched_difference_of`. Each metric is a family of claims
    of its own: what one of them shows is a description beside the test of `correct`.

    Args:
        arms: The arms.
        outcomes: What was answered, with its scores.
        looks: At how many looks asking might have stopped, at least 1; the corrected p-values are
            multiplied by it, which holds whichever look it was (Bonferroni's correction). From 2
            on, intervals hold at all looks together.

    Returns:
        Metric by metric in the usual order; in each, every pair that has a value once, the later
        arm in the order given as `arm` and the earlier one as `baseline`.
    """
    table: dict[str, dict[str, Outcome]] = {}
    for outcome in outcomes:
        table.setdefault(outcome.arm, {})[outcome.question] = outcome
    return tuple(
        found
        for metric in METRICS
        if metric != "correct"
        for found in _family(metric, arms, table, looks)
    )


def _family(
    metric: Metric, arms: Sequence[Arm], table: Mapping[str, Mapping[str, Outcome]], looks: int
) -> list[Contrast]:
    values = {arm.name: _values(metric, table.get(arm.name, {})) for arm in arms}
    differences = {
        (second.name, first.name): _differences(values[second.name], values[first.name])
        for first, second in combinations(arms, 2)
    }
    known = {names: found for names, found in differences.items() if found}
    p_values = [paired_permutation(found) for found in known.values()]
    adjusted = [min(1.0, looks * value) for value in holm(p_values)]
    return [
        _contrast(names, metric, found, (p_value, corrected), (looks, len(known)))
        for (names, found), p_value, corrected in zip(
            known.items(), p_values, adjusted, strict=True
        )
    ]


def _values(metric: Metric, outcomes: Mapping[str, Outcome]) -> dict[str, float]:
    """Give an arm's values by question."""
    found = ((question, getattr(one.scores, metric)) for question, one in outcomes.items())
    return {question: value for question, value in found if value is not None}


def _differences(ours: Mapping[str, float], theirs: Mapping[str, float]) -> list[float]:
    return [value - theirs[question] for question, value in ours.items() if question in theirs]


def _contrast(
    names: tuple[str, str],
    metric: Metric,
    differences: Sequence[float],
    p_values: tuple[float, float],
    looks_and_pairs: tuple[int, int],
) -> Contrast:
    n = len(differences)
    mean = sum(differences) / n
    looks, pairs = looks_and_pairs
    low, high = _interval(differences, looks)
    shown = can_show(n, comparisons=looks * pairs)
    word: Literal["better", "worse", "no difference shown", "too few questions"]
    if not shown:
        word = "too few questions"
    elif p_values[1] >= LEVEL:
        word = "no difference shown"
    else:
        word = "better" if mean > 0 else "worse"
    return Contrast(
        arm=names[0],
        baseline=names[1],
        metric=metric,
        n=n,
        difference=mean,
        low=low,
        high=high,
        p_value=p_values[0],
        p_adjusted=p_values[1],
        word=word,
    )


def _interval(differences: Sequence[float], looks: int) -> tuple[float, float]:
    if looks > 1:
        return watched_difference_of(differences)
    if _YES_OR_NO.issuperset(differences):
        return difference_interval(
            differences.count(1.0), differences.count(-1.0), len(differences)
        )
    return paired_bootstrap_interval(differences)
