"""What tokens cost, by prices that somebody else looked up: a provider or the user's profile.

There is no price in this module. What is not known stays unknown (None) and is never guessed: a
tuned model is not priced like its base, because tuned models cost more.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tailorbird.types.usage import Price, Usage

TUNED_PREFIX = "ft:"
"""What stands before a base model's id in the price of the models that are tuned from it."""

FROM_PROFILE = "profile"
"""`Price.source` of a price that a user set; it goes before every other one."""

_MILLION = Decimal(1_000_000)
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


def tuned_price_id(base: str) -> str:
    """Give the id under which the price of models tuned from `base` is listed: `ft:<base>`."""
    return base if base.startswith(TUNED_PREFIX) else f"{TUNED_PREFIX}{base}"


def find_price(model: str, prices: Iterable[Price], *, base: str | None = None) -> Price | None:
    """Choose the price for a model.

    Tried in this order: the id itself; for a tuned model the tuned variant of its base
    (`ft:<base>`); then the same without the date of a snapshot, because a dated id costs what its
    alias costs. Of several prices for one id, the one that the user set goes first, then the
    one that was read last.

    Args:
        model: Id of the model that is called.
        prices: What is known.
        base: The model it was tuned from; None for a model that is not tuned.

    Returns:
        The price, or None when nothing fits. A tuned model is never given its base's own price.
    """
    listed = model if base is None else tuned_price_id(base)
    wanted = (model, listed, _SNAPSHOT.sub("", listed))
    known = list(prices)
    for one in wanted:
        found = [price for price in known if price.model == one]
        if found:
            return max(found, key=lambda price: (price.source == FROM_PROFILE, price.read_on))
    return None


def usage_cost(usage: Usage, price: Price) -> Decimal | None:
    """Compute what tokens cost, in US dollars, not rounded.

    Cached input tokens cost their own price; where the source gives none, that of other input.

    Returns:
        The cost, or None when tokens were used for which the price says nothing.
    """
    cached = min(usage.cached_input_tokens, usage.input_tokens)
    cached_price = price.cached_input_per_mtok
    if cached_price is None:
        cached_price = price.input_per_mtok
    return _total(
        (
            (usage.input_tokens - cached, price.input_per_mtok),
            (cached, cached_price),
            (usage.output_tokens, price.output_per_mtok),
        )
    )


def call_cost(usage: Usage, price: Price) -> Decimal | None:
    """Compute what the tokens of one call cost at most, in US dollars, not rounded.

    Unlike `usage_cost` it knows that calls with much input cost more, and takes all fresh input for
    written to the cache where that has a price of its own, because nobody reports which was.

    Returns:
        The cost, or None when tokens were used for which the price says nothing.
    """
    fresh, output = price.input_per_mtok, price.output_per_mtok
    cached = fresh if price.cached_input_per_mtok is None else price.cached_input_per_mtok
    if fresh is not None and price.cache_write_per_mtok is not None:
        fresh = max(fresh, price.cache_write_per_mtok)
    if price.long_from_tokens is not None and usage.input_tokens > price.long_from_tokens:
        fresh = None if fresh is None else fresh * price.long_input_times
        cached = None if cached is None else cached * price.long_input_times
        output = None if output is None else output * price.long_output_times
    read = min(usage.cached_input_tokens, usage.input_tokens)
    return _total(
        ((usage.input_tokens - read, fresh), (read, cached), (usage.output_tokens, output))
    )


def batch_cost(usage: Usage, price: Price | None) -> Decimal | None:
    """Compute what tokens of a batch cost, in US dollars, not rounded.

    Returns:
        The cost, or None when no price is known, or not by which share batches are cheaper.
    """
    if price is None or price.batch_share is None:
        return None
    cost = usage_cost(usage, price)
    return None if cost is None else cost * price.batch_share


def training_price(prices: Iterable[Price], base: str | None) -> Price | None:
    """Choose the price for training on a base model.

    It may stand with the tuned variant of the base (`ft:<base>`) or with the base itself.

    Returns:
        A price with a `training_per_mtok`; None when none is known for the base, or no base is.
    """
    if base is None:
        return None
    offers = [price for price in prices if price.training_per_mtok is not None]
    return find_price(tuned_price_id(base), offers) or find_price(base, offers)


def training_cost(trained_tokens: int, price: Price | None) -> Decimal | None:
    """Compute what training costs, in US dollars, not rounded.

    Args:
        trained_tokens: Billed tokens: those of the training file times the epochs.
        price: What `training_price` found.

    Returns:
        The cost, or None when the price of training is not known.
    """
    if price is None or price.training_per_mtok is None:
        return None
    return _total(((trained_tokens, price.training_per_mtok),))


def _total(parts: Iterable[tuple[int, Decimal | None]]) -> Decimal | None:
    total = Decimal(0)
    for tokens, per_mtok in parts:
        if not tokens:
            continue
        if per_mtok is None:
            return None
        total += tokens * per_mtok / _MILLION
    return total
