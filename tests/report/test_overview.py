"""The tables behind all formats."""

from __future__ import annotations

from decimal import Decimal

from tailorbird.report.overview import COST_HEADS, Overview, cost_row, extra_table
from tailorbird.types.usage import Usage
from tailorbird.workflow.answering.results import ArmFigures, Cell, ComparisonData


def test_overview_has_a_column_for_each_kind(data: ComparisonData) -> None:
    """Columns are `all` and the kinds that occur, with the most answers that any arm has."""
    table = Overview.of(data)
    assert table.kinds == (
        "all",
        "verbatim",
        "paraphrase",
        "unseen",
        "style",
        "unanswerable",
        "conflict",
    )
    assert table.questions == (39, 7, 7, 7, 7, 7, 4)
    assert table.arms == tuple(arm.name for arm in data.arms)


def test_partial_figures_are_told_apart(data: ComparisonData) -> None:
    """An arm with a failed call has fewer answers than the column says."""
    table = Overview.of(data)
    partial = [(one.arm, one.kind, one.n) for one in table.cells.values() if table.is_partial(one)]
    assert partial == [("few-shot", "all", 38), ("few-shot", "paraphrase", 6)]


def test_other_metrics_have_the_same_form(data: ComparisonData) -> None:
    """Any metric can be looked at; arms without it have no cell."""
    table = Overview.of(data, "citation")
    assert table.cell("base") is None
    found = table.cell("retrieval", "unseen")
    assert found is not None
    assert found.value == 1


def test_cost_rows_fit_their_heads() -> None:
    """A row has one text for each head."""
    row = cost_row(
        ArmFigures(
            arm="a",
            answers=3,
            failed=1,
            abstained=2,
            latency_p50_s=0.5,
            usage=Usage(input_tokens=1234, output_tokens=5),
            usd=Decimal("0.5"),
        )
    )
    assert dict(zip(COST_HEADS, row, strict=True)) == {
        "arm": "a",
        "p50 s": "0.50",
        "p95 s": "-",
        "tokens in": "1,234",
        "tokens out": "5",
        "USD": "0.5",
        "USD / 1000": "-",
        "abstained": "2",
        "failed": "1",
    }


def test_extra_figures_have_a_place_for_each_arm(data: ComparisonData) -> None:
    """A scorer's column says how many answers it rests on, and is empty without any."""
    cell = Cell(arm="base", kind="all", metric="length", n=3, value=4.5, low=4, high=5)
    few = cell.model_copy(update={"arm": "prompted", "n": 2})
    scored = data.model_copy(update={"scorers": {"length": (0, 9)}, "summary": (cell, few)})
    heads, base, prompted, *others = extra_table(scored)
    assert heads == ("arm", "length (n=3)")
    assert base == ("base", "4.50 [4.00..5.00]")
    assert prompted == ("prompted", "4.50 (n=2) [4.00..5.00]")
    assert {one[1] for one in others} == {"-"}
    assert extra_table(data) == []
