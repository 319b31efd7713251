"""How much may be spent."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

from pydantic import Field
from typing_extensions import override

from tailorbird.exceptions import InvalidInputError
from tailorbird.types.base import Settings

BudgetPeriod = Literal["all", "month", "day", "run"]
"""What a budget is for: everything that the workspace ever spends at an account, a calendar month
or a day of it (UTC, by the provider's clock), or what one open workbench spends."""

MAX_OUTPUT_TOKENS = 16_384
"""Longest answer under a budget, where a call does not say: what gpt-4o writes at most ("Models",
developers.openai.com/api/docs/models, read 2026-11-22), enough for models that reason first."""

_FOR_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_WRITTEN = re.compile(r"\$?(?P<usd>\d+(?:\.\d+)?|\.\d+)(?:/(?P<period>all|month|day|run))?")


class Budget(Settings):
    """The most that may be spent. Calls that could cost more are refused before they are sent."""

    usd: Decimal = Field(ge=0, le=1_000_000, allow_inf_nan=False)
    """US dollars, 0..1,000,000; 0 lets nothing through that costs anything."""
    period: BudgetPeriod = "all"
    """What it is for."""
    max_output_tokens: int = Field(default=MAX_OUTPUT_TOKENS, ge=16)
    """Sent as the longest answer with each call that names none, at least 16: without an end, the
    cost of an answer has none either."""
    hosting_hours: float = Field(default=24.0, ge=0, le=8_784, allow_inf_nan=False)
    """Hours, 0..8,784, for which a deployment that costs by the hour counts at least."""

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Read `5`, `20/month`, `2.50/day` or `1/run`.

        Raises:
            InvalidInputError: It is written in another way.
        """
        found = _WRITTEN.fullmatch(text.strip())
        if found is None:
            message = (
                f"{text!r} is no budget: give US dollars, and what they are for if not for all"
                " that is ever spent, such as 5, 20/month, 2.50/day or 1/run"
            )
            raise InvalidInputError(message)
        return cls.model_validate({"usd": found["usd"], "period": found["period"] or "all"})

    def begin(self, now: datetime) -> datetime:
        """Give the moment from which on spending counts; aware, UTC.

        For `all` and `run` that is long ago: a run counts by itself, whatever the date.
        """
        day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        if self.period == "month":
            return day.replace(day=1)
        return day if self.period == "day" else _FOR_EVER

    def end(self, now: datetime) -> datetime | None:
        """Give the moment at which the period of `now` is over; None when it never is."""
        begin = self.begin(now)
        if self.period == "day":
            return begin + timedelta(days=1)
        if self.period == "month":
            return (begin + timedelta(days=31)).replace(day=1)
        return None

    @override
    def __str__(self) -> str:
        """Say it in a few words."""
        of = {"all": "in all", "month": "a month", "day": "a day", "run": "for this run"}
        return f"{self.usd} USD {of[self.period]}"
