"""The tables of the HTML report."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from tailorbird.report.figures import interval, judge_line, score_of, seconds, share
from tailorbird.report.overview import (
    COST_HEADS,
    LEARNED_HEADS,
    Overview,
    cost_row,
    extra_table,
    learned_rows,
)
from tailorbird.report.page_style import HEAT_LIGHT
from tailorbird.workflow.answering.results import ALL_KINDS
from tailorbird.workflow.comparing.evidence import p_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tailorbird.workflow.answering.results import Cell, ComparisonData, Pair, Verdict

_SIGNS = {"better": "▲", "worse": "▼", "no difference shown": "≈", "too few questions": "?"}
_TURNED = {"better": "worse", "worse": "better"}


def verdict_panel(verdict: Verdict) -> str:
    """Write the headline, the reasons, what to do next, and the caveats."""
    reasons = _bullets(verdict.reasons, "reasons")
    steps = _bullets((f"Next: {one}" for one in verdict.next_steps), "steps")
    caveats = _bullets(verdict.caveats, "caveats")
    headline = f'<p class="headline">{escape(verdict.headline)}</p>'
    return f'<div class="verdict">{headline}{reasons}{steps}{caveats}</div>'


def heat_table(data: ComparisonData) -> str:
    """Write arms × kinds: the share in words and color, its interval, its n where it differs."""
    table = Overview.of(data)
    heads = "".join(
        f'<th scope="col">{escape(kind)}<small>n = {count}</small></th>'
        for kind, count in zip(table.kinds, table.questions, strict=True)
    )
    rows = "".join(_heat_row(table, arm, data.verdict.recommended) for arm in table.arms)
    return _table(f'<th scope="col">arm</th>{heads}', rows)


def cost_table(data: ComparisonData) -> str:
    """Write time, tokens and money of each arm."""
    rows = [cost_row(one) for one in data.figures]
    if all(one.first_token_p50_s is None for one in data.figures):
        return plain_table(COST_HEADS, rows)
    firsts = [seconds(one.first_token_p50_s) for one in data.figures]
    wider = [(*row, first) for row, first in zip(rows, firsts, strict=True)]
    return plain_table((*COST_HEADS, "first token p50 s"), wider)


def plain_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table whose first column names the rows."""
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    return _table(head, "".join(map(_row, rows)))


def extra_figures(data: ComparisonData) -> str:
    """Write the figures of scorers and judge under a heading; empty where nobody was asked."""
    rows = extra_table(data)
    if not rows:
        return ""
    judged = judge_line(data)
    line = f'<p class="soft">{escape(judged)}</p>' if judged else ""
    return f"<h2>Scorers and judge</h2>{plain_table(rows[0], rows[1:])}{line}"


def learned_table(data: ComparisonData) -> str:
    """Write what tuned arms memorized and what they generalized; empty where it is not known."""
    rows = learned_rows(data)
    legend = (
        '<p class="soft">Shares of right answers. Memorized: asked as trained; generalized: asked'
        " in other words; gap: the difference; unseen facts: only the documents hold them; follows"
        " passages: they contradict what was trained.</p>"
    )
    table = plain_table(LEARNED_HEADS, rows)
    return f"<h2>What training memorized</h2>{legend}{table}" if rows else ""


def pair_matrix(data: ComparisonData, kind: str) -> str:
    """Write every arm against every other; the row is better or worse than the column."""
    names = [arm.name for arm in data.arms]
    found = {(one.arm, one.baseline): one for one in data.pairwise if one.kind == kind}
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    rows = "".join(
        f'<tr><th scope="row">{escape(row)}</th>'
        f"{''.join(_duel(found, row, column) for column in names)}</tr>"
        for row in names
    )
    return _table(f'<th scope="col">row against column</th>{heads}', rows, name="pairs")


def _heat_row(table: Overview, arm: str, recommended: str | None) -> str:
    taken = ' class="taken"' if arm == recommended else ""
    cells = "".join(_heat(table, table.cell(arm, kind)) for kind in table.kinds)
    return f'<tr{taken}><th scope="row">{escape(arm)}</th>{cells}</tr>'


def _heat(table: Overview, cell: Cell | None) -> str:
    if cell is None:
        return f"<td>{share(cell)}</td>"
    step = min(int(cell.value * len(HEAT_LIGHT)), len(HEAT_LIGHT) - 1)
    count = f", n = {cell.n}" if table.is_partial(cell) else ""
    drawn = _interval_picture(cell) if cell.kind == ALL_KINDS else ""
    return (
        f'<td class="h{step}"><b>{share(cell)}</b>'
        f"<small>{interval(cell)}{count}</small>{drawn}</td>"
    )


def _interval_picture(cell: Cell) -> str:
    """Draw the interval on a line from 0 to 1, with the share as a dot."""
    low, high, at = (5 + 70 * value for value in (cell.low, cell.high, cell.value))
    return (
        '<svg width="80" height="10" viewBox="0 0 80 10" aria-hidden="true" fill="currentColor">'
        '<path d="M5 5h70" stroke="currentColor" opacity=".35"/>'
        f'<path d="M{low:.1f} 5H{high:.1f}" stroke="currentColor" stroke-width="3"/>'
        f'<circle cx="{at:.1f}" cy="5" r="4"/></svg>'
    )


def _duel(found: dict[tuple[str, str], Pair], row: str, column: str) -> str:
    straight = found.get((row, column))
    turned = found.get((column, row))
    pair = straight or turned
    if pair is None:
        return "<td></td>"
    word = pair.word if straight else _TURNED.get(pair.word, pair.word)
    figures = score_of(pair) if straight else f"{pair.losses}:{pair.wins}"
    return (
        f'<td class="{escape(word.partition(" ")[0])}">{_SIGNS[word]} {word}'
        f"<small>{figures} of {pair.n}, {escape(p_words(pair.p_adjusted))}</small></td>"
    )


def _row(cells: Sequence[str]) -> str:
    rest = "".join(f"<td>{escape(cell)}</td>" for cell in cells[1:])
    return f'<tr><th scope="row">{escape(cells[0])}</th>{rest}</tr>'


def _table(heads: str, rows: str, *, name: str = "plain") -> str:
    return (
        f'<div class="wide {name}" tabindex="0" role="region" aria-label="table"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _bullets(texts: Iterable[str], name: str) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f'<ul class="{name}">{items}</ul>' if items else ""
