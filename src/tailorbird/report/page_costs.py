"""Money and time in the HTML report: pictures, what a month costs, from where on it turns."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from tailorbird.report.figures import dollars, share
from tailorbird.report.overview import Overview
from tailorbird.report.page_tables import cost_table, plain_table
from tailorbird.report.pictures import cost_picture, has_pictures, time_picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.workflow.answering.results import ComparisonData
    from tailorbird.workflow.money.volume import BreakEven, Costs

_LEGEND = (
    "Half of the answers came within p50 seconds, 95 % within p95. USD: all answers of this"
    " comparison together; USD / 1000: a thousand questions like these."
)
_NO_PICTURES = "Without pictures: they come with pip install 'tailorbird[report]'."


def money_section(data: ComparisonData) -> str:
    """Write the figures of each arm, the pictures, the costs by volume, and where they cross."""
    return (
        f'<h2>Time, tokens, money</h2><p class="soft">{_LEGEND}</p>'
        f"{cost_table(data)}{_pictures(data)}"
        f"{'' if data.costs is None else _volumes(data, data.costs)}"
    )


def _pictures(data: ComparisonData) -> str:
    drawn = [
        f"<figure><figcaption>{caption}</figcaption>{picture}</figure>"
        for caption, picture in (
            ("What a month costs (steps of ten)", cost_picture(data)),
            ("How long an answer takes: half (dot) and 95 % (line)", time_picture(data)),
        )
        if picture
    ]
    if drawn:
        return f'<div class="pictures">{"".join(drawn)}</div>'
    return "" if has_pictures() else f'<p class="soft">{escape(_NO_PICTURES)}</p>'


def _volumes(data: ComparisonData, costs: Costs) -> str:
    counts = sorted({one.questions for one in costs.volumes})
    known = {(one.arm, one.questions): one for one in costs.volumes}
    rows: list[Sequence[str]] = []
    for arm in dict.fromkeys(one.arm for one in costs.volumes):
        months = [known[arm, count] for count in counts]
        per_right = months[-1].usd_per_correct
        rows.append((arm, *(dollars(one.usd) for one in months), dollars(per_right)))
    heads = (
        "US dollars a month",
        *(f"{count:,} questions" for count in counts),
        f"each right answer, at {counts[-1]:,}",
    )
    return (
        "<h3>By questions a month</h3>"
        f'<p class="soft">Hosting of {costs.hours_per_month:g} hours a month included; what is paid'
        f" once is spread over {costs.months:g} months.</p>"
        f"{plain_table(heads, rows)}{_crossings(data, costs.break_even)}"
    )


def _crossings(data: ComparisonData, found: Sequence[BreakEven]) -> str:
    table = Overview.of(data)
    items = "".join(
        f"<li>{escape(one.arm)} (right {share(table.cell(one.arm))}) is cheaper than"
        f" {escape(one.baseline)} (right {share(table.cell(one.baseline))}) from about"
        f" {one.questions:,.0f} questions a month on.</li>"
        for one in found
    )
    return f"<ul>{items}</ul>" if items else ""
