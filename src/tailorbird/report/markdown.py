"""A comparison as Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tailorbird.report.figures import (
    interval,
    judge_line,
    p_value,
    pair_test,
    score_of,
    share,
    subtitle,
)
from tailorbird.report.overview import (
    COST_HEADS,
    LEARNED_HEADS,
    Overview,
    cost_row,
    extra_table,
    learned_rows,
)
from tailorbird.workflow.answering.results import ALL_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tailorbird.workflow.answering.results import ComparisonData, Pair

# A backslash before any ASCII punctuation stands for the sign itself. Source: CommonMark Spec
# 0.31.2, section 2.4, https://spec.commonmark.org/0.31.2/ (read 2026-11).
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$&!])")
_LIST_MARK = re.compile(r"^(\d*)([-+=.)])(?=\s|$)")
_PAIR_HEADS = ("arm", "against", "won : lost", "of", "difference", "p", "p corrected", "")


def to_markdown(data: ComparisonData) -> str:
    """Write the verdict, the shares, the costs and the pairs; answers stand in JSON and CSV."""
    verdict = data.verdict
    blocks = [
        f"# {_escaped(data.name)}",
        _escaped(subtitle(data)),
        f"## Verdict\n\n**{_escaped(verdict.headline)}**",
        _bullets(verdict.reasons),
        _bullets(f"Next: {one}" for one in verdict.next_steps),
        _bullets(f"Mind: {one}" for one in verdict.caveats),
        "## Right answers\n\nShare of right answers; in all with the 95 % interval.",
        _shares(Overview.of(data)),
        _extras(data),
        _learned(data),
        "## Time, tokens, money",
        _table(COST_HEADS, map(cost_row, data.figures)),
        f"## Arm against arm\n\nAll questions. {pair_test(data)}",
        _table(_PAIR_HEADS, (_pair(one) for one in data.pairwise if one.kind == ALL_KINDS)),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _shares(table: Overview) -> str:
    heads = [
        "arm",
        *(f"{kind} ({n})" for kind, n in zip(table.kinds, table.questions, strict=True)),
    ]
    rows = ([arm, *(_share(table, arm, kind) for kind in table.kinds)] for arm in table.arms)
    return _table(heads, rows)


def _extras(data: ComparisonData) -> str:
    heads, *rows = extra_table(data) or [()]
    if not heads:
        return ""
    table = _table([_escaped(head) for head in heads], rows)
    blocks = ("## Scorers and judge", table, _escaped(judge_line(data)))
    return "\n\n".join(block for block in blocks if block)


def _learned(data: ComparisonData) -> str:
    rows = learned_rows(data)
    return "## What training memorized\n\n" + _table(LEARNED_HEADS, rows) if rows else ""


def _share(table: Overview, arm: str, kind: str) -> str:
    cell = table.cell(arm, kind)
    if cell is None:
        return share(cell)
    text = f"{share(cell)} ({cell.n})" if table.is_partial(cell) else share(cell)
    return f"{text}, {interval(cell)}" if kind == ALL_KINDS else text


def _pair(one: Pair) -> tuple[str, ...]:
    return (
        one.arm,
        one.baseline,
        score_of(one),
        str(one.n),
        f"{one.difference:+.2f}",
        p_value(one.p_value),
        p_value(one.p_adjusted),
        one.word,
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    marks = ["---", *("---:" for _ in heads[1:])]
    lines = [list(heads), *([_escaped(cell) for cell in row] for row in rows)]
    lines.insert(1, marks)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _bullets(texts: Iterable[str]) -> str:
    lines = (_LIST_MARK.sub(r"\1\\\2", _escaped(text)) for text in texts)
    return "\n".join(f"- {line}" for line in lines)


def _escaped(text: str) -> str:
    """Put a text on one line in which nothing is taken for markup."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
