"""Agreement beyond chance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.workflow.judging.agreement import agreement, cohen_kappa


# Computed with scikit-learn 1.9.1: sklearn.metrics.cohen_kappa_score.
@pytest.mark.parametrize(
    ("first", "second", "kappa"),
    [
        ("aabbabab", "aabbabba", 0.5),
        ("aaaab", "aaaba", -0.25),
        ("abcabcabc", "abcacbabc", 0.6666666666666667),
        ("yynnyn", "nnyyny", -1.0),
        ("aabb", "abab", 0.0),
        ("aaaaaaaaab", "aaaaaaaaaa", 0.0),
    ],
)
def test_kappa_is_that_of_scikit_learn(first: str, second: str, kappa: float) -> None:
    """The common implementation gives the same values."""
    assert cohen_kappa(list(zip(first, second, strict=True))) == pytest.approx(kappa, abs=1e-12)


def test_kappa_of_the_textbook() -> None:
    """Of 50 grants, 20 and 15 agreed upon, 5 and 10 not: 0.4 (Wikipedia, "Cohen's kappa")."""
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert cohen_kappa(pairs) == pytest.approx(0.4)


def test_there_may_be_no_kappa() -> None:
    """Without items, and where everything is one thing for both, chance explains all."""
    assert cohen_kappa([]) is None
    assert cohen_kappa([("a", "a")] * 9) is None
    told = agreement("style", [("a", "a")] * 9)
    assert (told.n, told.share, told.kappa) == (9, 1.0, None)
    nothing = agreement("style", [])
    assert (nothing.n, nothing.share, nothing.kappa) == (0, None, None)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1))
def test_kappa_keeps_its_range(pairs: list[tuple[int, int]]) -> None:
    """Kappa lies in -1..1, is 1 for full agreement, and does not care who comes first."""
    found = cohen_kappa(pairs)
    assert found == cohen_kappa([(second, first) for first, second in pairs])
    assert found is None or -1 <= found <= 1
    same = cohen_kappa([(first, first) for first, _ in pairs])
    assert same is None or same == 1
