"""Arms against each other by graded metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from tailorbird.types.answers import Answer
from tailorbird.types.ids import ModelId
from tailorbird.workflow.answering.arm import Arm
from tailorbird.workflow.answering.results import Contrast, Outcome, Scores
from tailorbird.workflow.comparing.contrasts import compare_metrics
from tailorbird.workflow.statistics import (
    difference_interval,
    mcnemar,
    paired_bootstrap_interval,
    paired_permutation,
)

ARMS = tuple(Arm(name=name, model=ModelId("m")) for name in ("base", "retrieval", "tuned"))


def compare(values: Mapping[str, Sequence[Scores]]) -> tuple[Contrast, ...]:
    """Compare arms that have such scores, question by question."""
    outcomes = [
        Outcome(arm=arm, question=f"q{at}", answer=Answer(text="x"), scores=scores)
        for arm, row in values.items()
        for at, scores in enumerate(row)
    ]
    return compare_metrics([arm for arm in ARMS if arm.name in values], outcomes)


def test_graded_metrics_are_compared_by_permutation() -> None:
    """Difference, bootstrap interval and permutation test rest on the questions of both arms."""
    ours = [0.9, 0.8, 0.7, 0.95, 0.6, 0.8, 0.9, None, 0.3]
    theirs = [0.5, 0.6, 0.1, 0.40, 0.5, 0.2, 0.3, 0.9, None]
    (found,) = compare(
        {"base": [Scores(f1=one) for one in theirs], "retrieval": [Scores(f1=one) for one in ours]}
    )
    differences = [a - b for a, b in zip(ours, theirs, strict=True) if a and b]
    assert (found.arm, found.baseline, found.metric, found.n) == ("retrieval", "base", "f1", 7)
    assert found.difference == pytest.approx(sum(differences) / 7)
    assert (found.low, found.high) == paired_bootstrap_interval(differences)
    assert found.p_value == found.p_adjusted == paired_permutation(differences) == 2 / 2**7
    assert found.word == "better"


def test_yes_or_no_metrics_are_compared_by_mcnemar() -> None:
    """What is 0 or 1 gets the exact test and Tango's interval."""
    (found,) = compare(
        {"base": [Scores(exact=1.0)] * 8, "retrieval": [Scores(exact=0.0)] * 7 + [Scores(exact=1)]}
    )
    assert found.p_value == mcnemar(0, 7)
    assert (found.low, found.high) == difference_interval(0, 7, 8)
    assert found.word == "worse"


@pytest.mark.parametrize(
    ("n", "word"), [(5, "too few questions"), (6, "too few questions"), (7, "better")]
)
def test_holm_runs_over_the_pairs_of_a_metric(n: int, word: str) -> None:
    """Three arms are three pairs; seven questions can show a difference among them."""
    row = {"base": 0.1, "retrieval": 0.8, "tuned": 0.1}
    found = compare({name: [Scores(chrf=value)] * n for name, value in row.items()})
    assert [(one.arm, one.baseline) for one in found] == [
        ("retrieval", "base"),
        ("tuned", "base"),
        ("tuned", "retrieval"),
    ]
    assert found[0].word == word
    assert found[0].p_adjusted == pytest.approx(min(1.0, 3 * found[0].p_value))
    assert found[1].word == ("too few questions" if n < 7 else "no difference shown")


def test_metrics_without_values_are_left_out() -> None:
    """Metric by metric, only pairs with a common question appear; `correct` has its own test."""
    found = compare(
        {
            "base": [Scores(correct=1, f1=0.5, numbers=0.5)],
            "retrieval": [Scores(correct=1, f1=0.6)],
            "tuned": [Scores()],
        }
    )
    assert [(one.metric, one.arm, one.baseline) for one in found] == [("f1", "retrieval", "base")]
    assert compare({"base": [Scores(f1=0.5)]}) == ()
