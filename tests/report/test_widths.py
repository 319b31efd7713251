"""Alignment of wide characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.report.widths import align, display_width


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("", 0),
        ("base", 4),
        ("検索", 4),
        ("ﾊﾝｶｸ", 4),
        ("Ａ", 2),
        ("が", 2),
        ("か\u3099", 2),
        ("a\u200bb", 2),
    ],
)
def test_width_counts_cells(text: str, width: int) -> None:
    """Wide characters take two cells, half width ones one, marks none."""
    assert display_width(text) == width


def test_columns_stand_under_each_other() -> None:
    """Columns begin, or end, at the same cell although characters differ in width."""
    assert align([["検索", "1"], ["base", "100"]], right={1}) == [
        "検索    1",
        "base  100",
    ]
    assert align([["検索", "x"], ["b", "y"]]) == ["検索  x", "b     y"]


@given(
    st.lists(st.tuples(st.text("aｱ検e\u0301", max_size=5), st.just("|")), min_size=1, max_size=6)
)
def test_last_column_begins_at_one_place(rows: list[tuple[str, str]]) -> None:
    """Whatever the cells hold, the next column begins at the same cell in every line."""
    widths = {display_width(line.rpartition("|")[0]) for line in align(rows)}
    assert len(widths) == 1
