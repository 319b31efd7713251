"""Filters that no engine should have to evaluate are refused first."""

from __future__ import annotations

import pytest

from tailorbird.exceptions import InvalidInputError
from tailorbird.protocols.index_arguments import DEPTH_LIMIT, check_filter
from tailorbird.types import Among, Compare, Junction, Negation
from tailorbird.types.filters import Filter, FilterValue

MINE = Compare(type="eq", key="customer", value="acme")
NEWER = Compare(type="gt", key="year", value=2020)


def both(*parts: Filter) -> Junction:
    """Ask for all of the parts."""
    return Junction(type="and", filters=parts)


def either(*parts: Filter) -> Junction:
    """Ask for one of the parts."""
    return Junction(type="or", filters=parts)


@pytest.mark.parametrize(
    "condition",
    [
        MINE,
        Among(type="in", key="customer", values=("acme", "umbrella")),
        both(NEWER, MINE),
        both(NEWER, both(NEWER, MINE)),
        either(MINE, both(MINE, NEWER)),
    ],
)
def test_filter_that_pins_the_tenant(condition: Filter) -> None:
    """A filter that only chunks of named tenants can pass is let through."""
    check_filter(condition, tenant_field="customer")


@pytest.mark.parametrize(
    "condition",
    [
        None,
        NEWER,
        Compare(type="ne", key="customer", value="umbrella"),
        Among(type="not_in", key="customer", values=("umbrella",)),
        Negation(filter=MINE),
        both(NEWER, Negation(filter=MINE)),
        either(MINE, NEWER),
        either(MINE, Compare(type="eq", key="Customer", value="acme")),
    ],
)
def test_filter_that_leaves_the_tenant_open(condition: Filter | None) -> None:
    """A filter that chunks of any tenant could pass is refused, and the message shows one."""
    with pytest.raises(InvalidInputError, match=r"Compare\(type='eq', key='customer', value=…\)"):
        check_filter(condition, tenant_field="customer")
    check_filter(condition, tenant_field=None)


def nested(depth: int) -> Filter:
    """Make a filter of so many levels."""
    condition: Filter = MINE
    for _ in range(depth - 1):
        condition = Negation(filter=condition)
    return condition


def test_depth_has_a_limit() -> None:
    """A filter may be nested up to the limit, and one beyond it, however deep, is refused."""
    check_filter(nested(DEPTH_LIMIT), tenant_field=None)
    for depth in (DEPTH_LIMIT + 1, 5000):
        with pytest.raises(InvalidInputError, match="nested more than 32 deep"):
            check_filter(nested(depth), tenant_field=None)


@pytest.mark.parametrize(
    "wrong",
    [
        Compare(type="lte", key="year", value="2020"),
        Compare(type="lte", key="year", value=True),
    ],
)
def test_order_needs_a_number(wrong: Compare) -> None:
    """An order comparison with something else is refused with its path inside the filter."""
    condition = both(NEWER, either(MINE, Negation(filter=wrong)))
    with pytest.raises(
        InvalidInputError,
        match=r"^filter\.filters\[1\]\.filters\[1\]\.filter: 'lte' on 'year' needs a number",
    ):
        check_filter(condition, tenant_field=None)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("year", float("nan"), "'year' is compared with is nan, not a finite"),
        ("year", float("-inf"), "-inf, not a finite number"),
        ("year", 2**63, "more than 64 bits"),
        ("year", -(2**63) - 1, "more than 64 bits"),
        ("lang", "\ud83d", "half of a surrogate pair"),
    ],
)
def test_what_no_metadata_can_hold(key: str, value: FilterValue, words: str) -> None:
    """Nothing can be equal to it, or it cannot be sent; so it is refused with its path."""
    for wrong in (
        Compare(type="eq", key=key, value=value),
        Among(type="not_in", key=key, values=("a", value)),
    ):
        with pytest.raises(InvalidInputError, match=rf"^filter\.filters\[1\]: .*{words}"):
            check_filter(both(MINE, wrong), tenant_field=None)


def test_the_largest_numbers_that_can_be_compared() -> None:
    """Whole numbers of 64 bits and every finite number are let through."""
    for value in (2**63 - 1, -(2**63), 1.7976931348623157e308, 5e-324):
        check_filter(Compare(type="gte", key="n", value=value), tenant_field=None)
