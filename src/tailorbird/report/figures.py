"""Write figures the same way in every format."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

    from tailorbird.types.judgements import Agreement
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
    asked = f"{len(data.questions)}"
    if data.early_stop is not None and data.early_stop.stopped:
        asked += f" of {data.early_stop.given}"
    return (
        f"{len(data.arms)} arms × {asked} questions on {data.provider},"
        f" {data.created_at:%Y-%m-%d %H:%M} UTC"
    )


def pair_test(data: ComparisonData) -> str:
    """Name the test by which arms are held against each other."""
    if data.early_stop is None:
        return "Exact McNemar test, p corrected after Holm over all pairs."
    return f"Looked at while it was asked: {data.early_stop.method}."


def judge_line(data: ComparisonData) -> str:
    """Write who judged, how far to trust it, and what it cost; empty where nothing was judged."""
    judge = data.judge
    if judge is None:
        return ""
    parts = [f"{judge.judged} judgements by {judge.model}"]
    parts += [_agreed(f"asked again about {one.rubric}, it", one) for one in judge.consistency]
    if judge.people is not None:
        parts.append(_agreed("it and people", judge.people))
    if judge.usd is not None:
        parts.append(f"{dollars(judge.usd)} USD, once, and a part of no arm's costs")
    return f"Judged: {'; '.join(part for part in parts if part)}."


def _agreed(who: str, found: Agreement) -> str:
    if found.share is None:
        return ""
    kappa = "" if found.kappa is None else f", kappa {found.kappa:.2f}"
    return f"{who} said the same of {found.share:.0%} of {found.n} answers{kappa}"
