"""Prices and costs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.types.usage import Price, Usage
from tailorbird.workflow.money.pricing import (
    find_price,
    training_cost,
    training_price,
    tuned_price_id,
    usage_cost,
)

OLD, NEW = date(2026, 1, 1), date(2026, 11, 1)


def price(
    model: str,
    cost: str | None = "1",
    *,
    training: str | None = None,
    source: str = "page",
    read_on: date = OLD,
) -> Price:
    """Make a price whose output costs twice its input."""
    return Price(
        model=model,
        input_per_mtok=None if cost is None else Decimal(cost),
        output_per_mtok=None if cost is None else 2 * Decimal(cost),
        training_per_mtok=None if training is None else Decimal(training),
        source=source,
        read_on=read_on,
    )


def test_exact_id_goes_first() -> None:
    """A dated id has its own price before that of its alias."""
    known = [price("m", "1"), price("m-2026-04-14", "3")]
    assert find_price("m-2026-04-14", known) == known[1]
    assert find_price("m-2026-05-01", known) == known[0]
    assert find_price("m", known) == known[0]
    assert find_price("other", known) is None


def test_tuned_models_have_the_tuned_price_of_their_base() -> None:
    """`ft:<base>` prices what was tuned from it, and the base's own price never does."""
    known = [price("m", "1"), price("ft:m", "3")]
    assert find_price("ft:m:me:bot:1", known, base="m") == known[1]
    assert find_price("m.ft-0a1b", known, base="m-2026-04-14") == known[1]
    assert find_price("ft:m:me:bot:1", known, base="ft:m") == known[1]
    assert find_price("ft:m:me:bot:1", known[:1], base="m") is None
    assert find_price("ft:m:me:bot:1", [*known, price("ft:m:me:bot:1", "9")], base="m") != known[1]


def test_users_price_and_later_reading_win() -> None:
    """Of several prices for one id the user's goes first, then the one read last."""
    old, new = price("m", "1"), price("m", "2", read_on=NEW)
    own = price("m", "5", source="profile")
    assert find_price("m", [old, new]) == new
    assert find_price("m", [new, old]) == new
    assert find_price("m", [own, old, new]) == own


def test_tokens_are_priced_by_kind() -> None:
    """Cached input has its own price, or that of other input; nothing is rounded."""
    usage = Usage(input_tokens=1000, cached_input_tokens=400, output_tokens=7)
    plain = price("m", "3")
    cached = plain.model_copy(update={"cached_input_per_mtok": Decimal("0.5")})
    assert usage_cost(usage, plain) == Decimal("0.003042")
    assert usage_cost(usage, cached) == Decimal("0.002042")
    assert usage_cost(usage, cached.model_copy(update={"cached_input_per_mtok": Decimal(0)})) == (
        Decimal("0.001842")
    )


def test_unknown_parts_make_the_cost_unknown() -> None:
    """Used tokens without a price make no cost, unused ones do not matter."""
    unknown = price("m", None)
    assert usage_cost(Usage(input_tokens=1), unknown) is None
    assert usage_cost(Usage(output_tokens=1), unknown) is None
    assert usage_cost(Usage(), unknown) == 0
    embedding = price("m", "1").model_copy(update={"output_per_mtok": None})
    assert usage_cost(Usage(input_tokens=1_000_000), embedding) == 1


@given(
    st.integers(min_value=0, max_value=10**9),
    st.integers(min_value=0, max_value=10**9),
    st.integers(min_value=0, max_value=10**9),
)
def test_costs_add_up(first: int, second: int, output: int) -> None:
    """Two calls cost what their tokens together cost."""
    known = price("m", "0.25")
    one, two = Usage(input_tokens=first, output_tokens=output), Usage(input_tokens=second)
    parts = [usage_cost(one, known), usage_cost(two, known)]
    assert usage_cost(one + two, known) == sum(part for part in parts if part is not None)


def test_training_price_stands_with_the_base_or_its_variant() -> None:
    """The training price is found in either place, the tuned variant first."""
    plain, with_training = price("m", "1"), price("m", "1", training="5")
    variant = price("ft:m", "3", training="6")
    assert training_price([plain], "m") is None
    assert training_price([with_training], None) is None
    assert training_price([plain, with_training], "m") == with_training
    assert training_price([with_training, variant], "m-2026-04-14") == variant
    assert training_price([with_training, price("ft:m", "3")], "m") == with_training


@pytest.mark.parametrize(
    ("known", "cost"),
    [
        (price("m", training="5"), Decimal("0.0615")),
        (price("m"), None),
        (None, None),
    ],
)
def test_training_costs_its_tokens(known: Price | None, cost: Decimal | None) -> None:
    """Training costs tokens times price, and nothing is known without one."""
    assert training_cost(12_300, known) == cost


def test_tuned_prices_have_one_name() -> None:
    """The id of a tuned price is made once."""
    assert tuned_price_id("m") == tuned_price_id("ft:m") == "ft:m"
