"""Filters in the words of OpenAI's vector stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tailorbird.types.filters import Among, Compare, Junction, Negation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tailorbird.types.filters import ComparisonOperator, Filter

_OPPOSITE: Mapping[ComparisonOperator, ComparisonOperator] = {
    "eq": "ne",
    "ne": "eq",
    "gt": "lte",
    "gte": "lt",
    "lt": "gte",
    "lte": "gt",
}


def to_store_filter(condition: Filter, *, negated: bool = False) -> dict[str, object]:
    """Translate a filter; the service knows no `not`, so it is carried down to the comparisons.

    What the service makes of a missing attribute is not documented: hits are checked once more
    with `types.filters.holds`.

    Args:
        condition: The filter.
        negated: Whether its opposite is meant.
    """
    if isinstance(condition, Negation):
        return to_store_filter(condition.filter, negated=not negated)
    if isinstance(condition, Junction):
        both: Mapping[str, Literal["and", "or"]] = {"and": "or", "or": "and"}
        return {
            "type": both[condition.type] if negated else condition.type,
            "filters": [to_store_filter(part, negated=negated) for part in condition.filters],
        }
    if isinstance(condition, Among):
        wanted = (condition.type == "in") != negated
        values = list(condition.values)
        return {"type": "in" if wanted else "nin", "key": condition.key, "value": values}
    return _compared(condition, negated=negated)


def _compared(condition: Compare, *, negated: bool) -> dict[str, object]:
    operator = _OPPOSITE[condition.type] if negated else condition.type
    return {"type": operator, "key": condition.key, "value": condition.value}


def is_negative(condition: Filter, *, negated: bool = False) -> bool:
    """Say whether a filter asks for what is *not* so, which missing attributes may answer wrongly.

    Args:
        condition: The filter.
        negated: Whether its opposite is meant.
    """
    if isinstance(condition, Negation):
        return is_negative(condition.filter, negated=not negated)
    if isinstance(condition, Junction):
        return any(is_negative(part, negated=negated) for part in condition.filters)
    return (condition.type in {"ne", "not_in"}) != negated
