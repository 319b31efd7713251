"""Write figures the same way in every format."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

    from tailorbird.workflow.answering.results import Cell, ComparisonData, Pair

NOTHING = "-"
"""Stands where there is no figure; ASCII, because not every console has a dash."""

_WHOLE_CENTS = 1
_SMALL_P = 0.001


def share(cell: Cell | None) -> str:
    """Write a share, `0.83`."""
    return NOTHING if cell is None else f"{cell.value:.2f}"


def interval(cell: Cell) -> str:
    """Write a 95 % interval, `0.67-0.93`."""
    return f"{cell.low:.2f}-{cell.high:.2f}"


def seconds(value: float | None) -> str:
    """Write seconds: two decimals, none from 100 upwards."""
    if value is None:
        return NOTHING
    return f"{value:.2f}" if value < 100 else f"{value:.0f}"  # noqa: PLR2004 - see docstring


def dollars(value: Decimal | None) -> str:
    """Write US dollars: cents from 1 upwards, else two digits that say something."""
    if value is None:
        return NOTHING
    return f"{value:.2f}" if value >= _WHOLE_CENTS or not value else f"{value:.2g}"


def p_value(value: float) -> str:
    """Write a p-value: two digits, and `< 0.001` below that."""
    return "< 0.001" if value < _SMALL_P else f"{value:.2g}"


def score_of(pair: Pair) -> str:
    """Write who got more questions right that the other did not, `12:3`."""
    return f"{pair.wins}:{pair.losses}"


def subtitle(data: ComparisonData) -> str:
    """Write what was compared, where and when."""
    return (
        f"{len(data.arms)} arms × {len(data.questions)} questions on {data.provider},"
        f" {data.created_at:%Y-%m-%d %H:%M} UTC"
    )
