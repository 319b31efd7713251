"""What a call used, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from pydantic import Field

from tailorbird.types.base import Frozen


class Usage(Frozen):
    """Tokens of one call, as the provider counted them; adding two sums them up."""

    input_tokens: int = Field(default=0, ge=0)
    """Tokens of the prompt or of the embedded texts, cached ones included."""
    output_tokens: int = Field(default=0, ge=0)
    """Tokens of the answer, reasoning included."""
    cached_input_tokens: int = Field(default=0, ge=0)
    """The part of `input_tokens` that came from the provider's prompt cache."""
    reasoning_tokens: int = Field(default=0, ge=0)
    """The part of `output_tokens` that was spent on hidden reasoning."""

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        """Sum two usages field by field."""
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_input_tokens=self.cached_input_tokens + other.cached_input_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
        )

    def __sub__(self, part: Usage) -> Usage:
        """Take away a part of it, field by field."""
        return Usage(
            input_tokens=self.input_tokens - part.input_tokens,
            output_tokens=self.output_tokens - part.output_tokens,
            cached_input_tokens=self.cached_input_tokens - part.cached_input_tokens,
            reasoning_tokens=self.reasoning_tokens - part.reasoning_tokens,
        )

    @classmethod
    def total(cls, usages: Sequence[Usage]) -> Usage:
        """Sum many usages field by field, much faster than by adding them one by one."""
        return cls(
            input_tokens=sum(one.input_tokens for one in usages),
            output_tokens=sum(one.output_tokens for one in usages),
            cached_input_tokens=sum(one.cached_input_tokens for one in usages),
            reasoning_tokens=sum(one.reasoning_tokens for one in usages),
        )


class Price(Frozen):
    """What a model costs at one date, in US dollars; None where the source does not say."""

    model: str
    """Model id the price is for; a tuned model has the price of its base's tuned variant."""
    input_per_mtok: Decimal | None = None
    """US dollars for a million input tokens."""
    cached_input_per_mtok: Decimal | None = None
    """US dollars for a million cached input tokens."""
    cache_write_per_mtok: Decimal | None = None
    """US dollars for a million input tokens that the provider puts into its cache, where that costs
    more than reading them; None where it does not. Which tokens these were is not reported."""
    output_per_mtok: Decimal | None = None
    """US dollars for a million output tokens."""
    long_from_tokens: int | None = Field(default=None, ge=0)
    """Above so many input tokens a call costs more; None where it does not."""
    long_input_times: Decimal = Decimal(1)
    """How many times the price of input such a call costs."""
    long_output_times: Decimal = Decimal(1)
    """How many times the price of output such a call costs."""
    training_per_mtok: Decimal | None = None
    """US dollars for a million trained tokens (tokens times epochs)."""
    batch_share: Decimal | None = None
    """What the same tokens cost in a batch, as a share of the price: 0.5 for half of it; None where
    the source does not say."""
    hosting_per_hour: Decimal | None = None
    """US dollars for each hour a tuned model is deployed, used or not."""
    source: str
    """Title or address of the page the price was read from, or `profile` when a user set it."""
    read_on: date
    """Day on which the source was read."""
