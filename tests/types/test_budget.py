"""A budget, as it is written and as its periods begin and end."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tailorbird import Budget
from tailorbird.exceptions import InvalidInputError

NOW = datetime(2026, 12, 22, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "usd", "period", "said"),
    [
        ("5", "5", "all", "5 USD in all"),
        (" $2.50/day ", "2.50", "day", "2.50 USD a day"),
        ("20/month", "20", "month", "20 USD a month"),
        (".5/run", "0.5", "run", "0.5 USD for this run"),
    ],
)
def test_budgets_are_read(text: str, usd: str, period: str, said: str) -> None:
    """An amount, and what it is for behind a slash."""
    budget = Budget.parse(text)
    assert (budget.usd, budget.period) == (Decimal(usd), period)
    assert str(budget) == said


@pytest.mark.parametrize("text", ["", "five", "-1", "5/week", "5 EUR", "1e3", "5//day"])
def test_other_words_are_no_budget(text: str) -> None:
    """What is written otherwise is refused with examples."""
    with pytest.raises(InvalidInputError, match="such as 5, 20/month"):
        Budget.parse(text)


@pytest.mark.parametrize(
    ("period", "begin", "end"),
    [
        ("all", datetime(1970, 1, 1, tzinfo=UTC), None),
        ("run", datetime(1970, 1, 1, tzinfo=UTC), None),
        ("month", datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        ("day", datetime(2026, 12, 22, tzinfo=UTC), datetime(2026, 12, 23, tzinfo=UTC)),
    ],
)
def test_periods_are_those_of_the_calendar(
    period: str, begin: datetime, end: datetime | None
) -> None:
    """Days and months begin at midnight, UTC, and end where the next one begins."""
    budget = Budget.model_validate({"usd": 1, "period": period})
    assert (budget.begin(NOW), budget.end(NOW)) == (begin, end)
