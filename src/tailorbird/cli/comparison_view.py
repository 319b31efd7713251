"""A comparison on the screen: framed tables on a terminal, the plain report anywhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.report.figures import NOTHING, interval, judge_line, share, subtitle
from tailorbird.report.overview import (
    COST_HEADS,
    LEARNED_HEADS,
    Overview,
    cost_row,
    extra_table,
    step_rows,
)
from tailorbird.workflow.answering.results import ALL_KINDS

if TYPE_CHECKING:
    from tailorbird.cli.screen import Screen
    from tailorbird.report import Comparison
    from tailorbird.workflow.answering.results import Verdict


def show_comparison(screen: Screen, result: Comparison, *, is_new: bool = True) -> None:
    """Show who was right how often, what it cost, what follows; of a new one how much was asked."""
    if screen.is_terminal:
        _show_tables(screen, result)
        _show_verdict(screen, result.verdict)
    else:
        screen.show(str(result))
    if not is_new:
        return
    outcomes = result.outcomes
    reused = sum(one.reused for one in outcomes)
    failed = sum(one.answer is None for one in outcomes)
    screen.note(f"answers: {len(outcomes) - reused} asked, {reused} reused, {failed} failed")


def _show_tables(screen: Screen, result: Comparison) -> None:
    data = result.data
    screen.show(f"{data.name}: {subtitle(data)}")
    table = Overview.of(data)
    counted = zip(table.kinds, table.questions, strict=True)
    all_head, *kind_heads = [f"{kind} n={count}" for kind, count in counted]
    heads = ["right answers", all_head, "95%", *kind_heads]
    rows = [_shares(table, arm) for arm in table.arms]
    screen.table(heads, rows, right=range(1, len(heads)))
    extras = extra_table(data)
    if extras:
        screen.table(extras[0], extras[1:], right=range(1, len(extras[0])))
    if judged := judge_line(data):
        screen.show(judged)
    steps = step_rows(data)
    if steps:
        screen.table(LEARNED_HEADS, steps, right=range(1, len(LEARNED_HEADS)))
    costs = [cost_row(one) for one in result.figures]
    screen.table(COST_HEADS, costs, right=range(1, len(COST_HEADS)))


def _shares(table: Overview, arm: str) -> list[str]:
    """Give the row of an arm: right in all, the interval of that, and right by kind."""
    overall = table.cell(arm)
    kinds = [share(table.cell(arm, kind)) for kind in table.kinds if kind != ALL_KINDS]
    return [arm, share(overall), NOTHING if overall is None else interval(overall), *kinds]


def _show_verdict(screen: Screen, verdict: Verdict) -> None:
    screen.show(f"Verdict: {verdict.headline}", style="bold green")
    for reason in verdict.reasons:
        screen.show(f"- {reason}")
    for step in verdict.next_steps:
        screen.show(f"> {step}", style="bold")
    for caveat in verdict.caveats:
        screen.show(f"! {caveat}", style="yellow")
