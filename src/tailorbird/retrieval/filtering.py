"""Checks of a filter that hold for every engine of ours, before anything is searched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.exceptions import InvalidInputError
from tailorbird.types.filters import Among, Compare, Junction, Negation

if TYPE_CHECKING:
    from tailorbird.types.filters import Filter

DEPTH_LIMIT = 32
"""How deep filters may be nested; more is a mistake, or an attack on whoever evaluates them."""

_ORDERED = {"gt", "gte", "lt", "lte"}


def check_filter(condition: Filter | None, *, tenant_field: str | None) -> None:
    """Refuse a filter that cannot be evaluated, or that leaves the tenant open.

    Args:
        condition: The query's filter; None for a query without one.
        tenant_field: The field that every query must pin down; None for an index without tenants.

    Raises:
        InvalidInputError: It is nested too deeply, compares the order of something that is not a
            number, or does not pin the tenant field to one or several values.
    """
    if condition is not None:
        _check_form(condition)
    if tenant_field is None or (condition is not None and _pins(condition, tenant_field)):
        return
    message = (
        f"this index keeps tenants apart by {tenant_field!r}, so every query needs a filter that"
        f" pins that field: Compare(type='eq', key={tenant_field!r}, value=…), alone or within"
        " 'and'; 'ne', 'not_in' and 'not' pin nothing, and 'or' only if each of its parts does"
    )
    raise InvalidInputError(message)


def _check_form(condition: Filter) -> None:
    # A stack of our own: the depth is what is in question, so recursion would not do.
    waiting: list[tuple[Filter, str, int]] = [(condition, "filter", 1)]
    while waiting:
        part, path, depth = waiting.pop()
        if depth > DEPTH_LIMIT:
            message = f"the filter is nested more than {DEPTH_LIMIT} deep: write it flatter"
            raise InvalidInputError(message)
        if isinstance(part, Negation):
            waiting.append((part.filter, f"{path}.filter", depth + 1))
        elif isinstance(part, Junction):
            waiting += [
                (one, f"{path}.filters[{number}]", depth + 1)
                for number, one in enumerate(part.filters)
            ]
        elif isinstance(part, Compare):
            _check_order(part, path)


def _check_order(part: Compare, path: str) -> None:
    if part.type in _ORDERED and isinstance(part.value, (str, bool)):
        message = (
            f"{path}: {part.type!r} on {part.key!r} needs a number, got"
            f" {type(part.value).__name__}; use 'eq' or 'in' for texts and truth values"
        )
        raise InvalidInputError(message)


def _pins(condition: Filter, field: str) -> bool:
    """Say whether only chunks with certain values of the field can pass."""
    if isinstance(condition, Negation):
        return False
    if isinstance(condition, Junction):
        quantifier = any if condition.type == "and" else all
        return quantifier(_pins(part, field) for part in condition.filters)
    positive = "in" if isinstance(condition, Among) else "eq"
    return condition.key == field and condition.type == positive
