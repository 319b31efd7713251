"""How far two series of judgements agree, beyond what chance would give."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeVar

from tailorbird.types.judgements import Agreement

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    J = TypeVar("J", bound=Hashable)


def cohen_kappa(pairs: Sequence[tuple[J, J]]) -> float | None:
    """Give Cohen's kappa of two judges, -1..1.

    (observed - expected) / (1 - expected), where expected is the agreement of two judges who give
    each judgement as often as these do, but at random. After J. Cohen, "A Coefficient of Agreement
    for Nominal Scales", Educational and Psychological Measurement 20, 1960.

    Args:
        pairs: Both judgements of each item.

    Returns:
        The figure, or None without any item, and where both gave all items the same one judgement.
    """
    n = len(pairs)
    first = Counter(one for one, _ in pairs)
    second = Counter(other for _, other in pairs)
    # In whole numbers up to here, so that full agreement by chance is found exactly.
    expected = sum(first[one] * second[one] for one in first)
    if expected == n * n:
        return None
    observed = n * sum(one == other for one, other in pairs)
    return (observed - expected) / (n * n - expected)


def agreement(rubric: str, pairs: Sequence[tuple[J, J]]) -> Agreement:
    """Say how far two series of judgements by a rubric agree."""
    same = sum(one == other for one, other in pairs)
    return Agreement(
        rubric=rubric,
        n=len(pairs),
        share=same / len(pairs) if pairs else None,
        kappa=cohen_kappa(pairs),
    )
