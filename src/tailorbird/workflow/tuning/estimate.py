"""What a training would use and cost, before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from pydantic import Field
from typing_extensions import override

from tailorbird.data import (
    TokenCounter,
    auto_epochs,
    estimate_tokens,
    message_tokens,
)
from tailorbird.types.base import Frozen
from tailorbird.types.ids import ModelId
from tailorbird.types.questions import PreferencePair
from tailorbird.types.usage import Price
from tailorbird.workflow.money.pricing import training_cost, training_price
from tailorbird.workflow.tuning.training import training_rows

if TYPE_CHECKING:
    from tailorbird.data import ExampleSet, QuestionSet
    from tailorbird.workflow.tuning.training import AnyExample, TuneOptions


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

    @override
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


def estimate_training(
    train: QuestionSet | ExampleSet,
    *,
    system: str | None,
    options: TuneOptions,
    base: ModelId | None,
    prices: Sequence[Price],
    count: TokenCounter | None = None,
) -> Estimate:
    """Count what training on these rows would use, and price it.

    Args:
        train: Training rows.
        system: System prompt of each row; None uses the rows' own.
        options: How to tune.
        base: Base model; None when none is configured.
        prices: What is known about prices.
        count: Counts the tokens of a text; None estimates them.

    Raises:
        InvalidInputError: A row has no answer to train on.
    """
    rows = training_rows(train, system=system)
    tokens = sum(example_tokens(row, count or estimate_tokens) for row in rows)
    asked = options.method.n_epochs
    epochs = auto_epochs(len(rows)) if asked == "auto" else asked
    price = training_price(prices, base)
    return Estimate(
        base=base,
        examples=len(rows),
        tokens=tokens,
        counted="estimated" if count is None else "exact",
        epochs=epochs,
        trained_tokens=tokens * epochs,
        usd=training_cost(tokens * epochs, price),
        price=price,
        hosting_hourly=None if price is None else price.hosting_per_hour,
    )


def example_tokens(row: AnyExample, count: TokenCounter) -> int:
    """Count the tokens of one training row, the answers of a preference pair included."""
    turns = list(row.messages)
    if isinstance(row, PreferencePair):
        turns += [row.preferred, row.rejected]
    return message_tokens(turns, count)
