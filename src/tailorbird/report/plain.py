"""A comparison as plain text."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING
from unicodedata import category

from tailorbird.report.figures import interval, judge_line, share, subtitle
from tailorbird.report.overview import (
    COST_HEADS,
    LEARNED_HEADS,
    Overview,
    cost_row,
    extra_table,
    step_rows,
)
from tailorbird.report.widths import align
from tailorbird.workflow.answering.results import ALL_KINDS

if TYPE_CHECKING:
    from tailorbird.workflow.answering.results import ComparisonData, Verdict

_WIDTH = 100
_P_VALUE = re.compile(r"\bp ([=<]) (?=\d)")
_GLUE = "\u00a0"  # a space at which no line is broken


def to_text(data: ComparisonData) -> str:
    """Write the shares, the costs and the verdict, aligned for a terminal of any language."""
    parts = [
        f"{data.name}: {subtitle(data)}",
        "Share of right answers (in all with 95 % interval)\n" + _shares(Overview.of(data)),
        _extras(data),
        _steps(data),
        _costs(data),
        _verdict(data.verdict),
    ]
    return _printable("\n\n".join(part for part in parts if part))


def _shares(table: Overview) -> str:
    heads = ["", *table.kinds]
    counts = ["", *(f"n={count}" for count in table.questions)]
    rows = [[arm, *(_share(table, arm, kind) for kind in table.kinds)] for arm in table.arms]
    return "\n".join(align([heads, counts, *rows], right=range(1, len(heads))))


def _share(table: Overview, arm: str, kind: str) -> str:
    cell = table.cell(arm, kind)
    text = share(cell)
    if cell is None:
        return text
    if table.is_partial(cell):
        text += f" (n={cell.n})"
    return f"{text} [{interval(cell)}]" if kind == ALL_KINDS else text


def _extras(data: ComparisonData) -> str:
    rows = extra_table(data)
    if not rows:
        return ""
    lines = [*align(rows, right=range(1, len(rows[0]))), _wrapped(judge_line(data), "")]
    return "\n".join(line for line in lines if line)


def _steps(data: ComparisonData) -> str:
    """Write what training memorized, where checkpoints show how that went."""
    rows = step_rows(data)
    if not rows:
        return ""
    return "\n".join(align([LEARNED_HEADS, *rows], right=range(1, len(LEARNED_HEADS))))


def _costs(data: ComparisonData) -> str:
    rows = [COST_HEADS, *map(cost_row, data.figures)]
    return "\n".join(align(rows, right=range(1, len(COST_HEADS))))


def _verdict(verdict: Verdict) -> str:
    lines = [_wrapped(f"Verdict: {verdict.headline}", "")]
    lines += [_wrapped(reason, "- ") for reason in verdict.reasons]
    lines += [_wrapped(step, "> ") for step in verdict.next_steps]
    lines += [_wrapped(caveat, "! ") for caveat in verdict.caveats]
    return "\n".join(lines)


def _wrapped(text: str, mark: str) -> str:
    filled = textwrap.fill(
        _P_VALUE.sub(rf"p{_GLUE}\1{_GLUE}", text),
        _WIDTH,
        initial_indent=mark,
        subsequent_indent=" " * len(mark),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return filled.replace(_GLUE, " ")


def _printable(text: str) -> str:
    """Escape what would move the cursor or recolor a terminal."""
    # Python holds U+3000 and other wide spaces for unprintable; they are ordinary text.
    return "".join(
        char
        if char.isprintable() or char == "\n" or category(char) == "Zs"
        else f"\\x{ord(char):02x}"
        for char in text
    )
