"""A comparison as one HTML page that needs no network and no script."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from tailorbird.report.figures import pair_test, subtitle
from tailorbird.report.page_costs import money_section
from tailorbird.report.page_questions import question_list
from tailorbird.report.page_style import style_sheet
from tailorbird.report.page_tables import (
    extra_figures,
    heat_table,
    learned_table,
    pair_matrix,
    verdict_panel,
)
from tailorbird.report.page_words import glossary
from tailorbird.workflow.answering.results import ALL_KINDS

if TYPE_CHECKING:
    from tailorbird.workflow.answering.results import ComparisonData

# Nothing may be loaded and no script may run, even if text got past the escaping.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_LEGEND = "Share of right answers with its 95 % interval; the stronger the color, the more."
_STAR = " ★ marks the arm to take."
_MATRIX_LEGEND = (
    "Is the arm of the row better or worse than that of the column? 45:3 says that 45 questions"
    " were right only in the row, and 3 only in the column."
)


def to_html(data: ComparisonData) -> str:
    """Write the whole report: verdict, tables, pairs, and every question that fits about 1 MB."""
    title = escape(data.name)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">'
        f"<title>{title}</title><style>html,body{{margin:0}}{style_sheet()}</style></head>"
        f'<body class="tb"><main><header><h1>{title}</h1>'
        f'<p class="soft">{escape(subtitle(data))}{escape(_settings(data))}</p></header>'
        f"{_summary(data)}{glossary(data)}"
        f"{extra_figures(data)}{learned_table(data)}"
        f"{money_section(data)}"
        f"{_pairs(data)}"
        f"<h2>Questions and answers</h2>{question_list(data)}"
        "</main></body></html>\n"
    )


def to_fragment(data: ComparisonData) -> str:
    """Write verdict and shares for a notebook's cell; its styles touch nothing else."""
    return (
        f'<div class="tb"><style>{style_sheet()}</style><main>'
        f'<h1>{escape(data.name)}</h1><p class="soft">{escape(subtitle(data))}</p>'
        f"{_summary(data)}</main></div>"
    )


def _summary(data: ComparisonData) -> str:
    legend = _LEGEND + (_STAR if data.verdict.recommended else "")
    return (
        f"<h2>Verdict</h2>{verdict_panel(data.verdict)}"
        f'<h2>Right answers</h2><p class="soft">{legend}</p>{heat_table(data)}'
    )


def _pairs(data: ComparisonData) -> str:
    kinds = [kind for kind in dict.fromkeys(one.kind for one in data.pairwise) if kind != ALL_KINDS]
    by_kind = "".join(
        f"<details><summary>Only {escape(kind)}</summary>{pair_matrix(data, kind)}<p></p></details>"
        for kind in kinds
    )
    return (
        f'<h2>Arm against arm</h2><p class="soft">{_MATRIX_LEGEND} {pair_test(data)}</p>'
        f"{pair_matrix(data, ALL_KINDS)}{by_kind}"
    )


def _settings(data: ComparisonData) -> str:
    return "".join(f", {name} = {value}" for name, value in sorted(data.settings.items()))
