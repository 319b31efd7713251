"""What a training would use and cost, before anything is sent."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from tailorbird.types.base import Frozen
from tailorbird.types.ids import ModelId
from tailorbird.types.usage import Price

if TYPE_CHECKING:
    from collections.abc import Sequence


class Estimate(Frozen):
    """An estimate of a training run."""

    base: ModelId | None
    """Base model the price is for; None when no base is configured."""
    examples: int = Field(ge=0)
    """Rows."""
    tokens: int = Field(ge=0)
    """Tokens of one pass over the data, with what the chat form adds."""
    counted: Literal["estimated", "exact"]
    """Whether a tokenizer counted, or the script-aware estimate did (within about 15 %)."""
    epochs: int = Field(ge=1)
    """Passes over the data: as asked for, or what providers choose for `auto`."""
    trained_tokens: int = Field(ge=0)
    """Tokens to pay for: `tokens` times `epochs`."""
    usd: Decimal | None = None
    """US dollars for the training; None when no price is known for the base."""
    price: Price | None = None
    """The price that was used, with its source and date."""
    hosting_hourly: Decimal | None = None
    """US dollars for each hour the tuned model is deployed; None when not known, 0 when free."""

    def __str__(self) -> str:
        """Say it in one line."""
        about = "" if self.counted == "exact" else "about "
        text = (
            f"{self.examples:,} examples, {about}{self.tokens:,} tokens × {self.epochs} epochs ="
            f" {self.trained_tokens:,} trained tokens"
        )
        if self.usd is None:
            return f"{text}; no price is known for {self.base or 'the base model'}"
        source = "" if self.price is None else f" (price: {self.price.source})"
        hosting = (
            f", then {self.hosting_hourly} USD an hour while deployed"
            if self.hosting_hourly
            else ""
        )
        return f"{text}; {about}{self.usd:,.2f} USD{hosting}{source}"


def training_cost(trained_tokens: int, price: Price | None) -> Decimal | None:
    """Give US dollars for trained tokens; None when the price is not known."""
    if price is None or price.training_per_mtok is None:
        return None
    return price.training_per_mtok * trained_tokens / 1_000_000


def training_price(prices: Sequence[Price], base: ModelId | None) -> Price | None:
    """Give the newest training price of a base model; None when there is none."""
    fitting = [one for one in prices if one.model == base and one.training_per_mtok is not None]
    return max(fitting, key=lambda one: one.read_on, default=None)
