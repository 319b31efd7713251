"""Which chunks a search may look at: one small grammar for every engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from tailorbird.exceptions import InvalidInputError
from tailorbird.types.base import Frozen

FilterValue = str | bool | int | float
"""What a metadata field may be compared with; a truth value never equals a number."""

ComparisonOperator = Literal["eq", "ne", "gt", "gte", "lt", "lte"]
"""Equal, not equal, greater, greater or equal, less, less or equal."""


class Compare(Frozen):
    """Compare a metadata field with a value; a missing field is never true, not even for `ne`."""

    type: ComparisonOperator
    """The operator."""
    key: str = Field(min_length=1)
    """Name of the metadata field."""
    value: FilterValue
    """What to compare with; order comparisons need numbers."""


class Among(Frozen):
    """Ask whether a metadata field is one of several values; a missing field is never true."""

    type: Literal["in", "not_in"]
    """The operator."""
    key: str = Field(min_length=1)
    """Name of the metadata field."""
    values: tuple[FilterValue, ...] = Field(min_length=1, max_length=1000)
    """1 to 1000 values."""


class Junction(Frozen):
    """Combine filters: all of them, or at least one."""

    type: Literal["and", "or"]
    """The operator."""
    filters: tuple[Filter, ...] = Field(min_length=1, max_length=100)
    """1 to 100 filters."""


class Negation(Frozen):
    """Turn a filter round; what is unknown because a field is missing stays unknown."""

    type: Literal["not"] = "not"
    """The operator."""
    filter: Filter
    """What must not hold."""


Filter = Annotated[Compare | Among | Junction | Negation, Field(discriminator="type")]
"""A condition on metadata, told apart by `type`.

Missing fields follow three-valued logic: a comparison with a missing field is unknown, `not` of
unknown is unknown, `and` is false if any part is false, `or` is true if any part is true, and only
chunks for which the whole filter is true are looked at.
"""


def holds(condition: Filter, metadata: Mapping[str, FilterValue]) -> bool | None:
    """Say whether a filter holds for a document's metadata; None means unknown.

    Raises:
        InvalidInputError: An order comparison with a text or a truth value, which every engine
            would answer differently.
    """
    if isinstance(condition, Negation):
        inner = holds(condition.filter, metadata)
        return None if inner is None else not inner
    if isinstance(condition, Junction):
        return _junction(condition, metadata)
    if isinstance(condition, Among):
        found = metadata.get(condition.key)
        if found is None:
            return None
        among = any(_same(found, value) for value in condition.values)
        return among if condition.type == "in" else not among
    return _compare(condition, metadata.get(condition.key))


def _junction(condition: Junction, metadata: Mapping[str, FilterValue]) -> bool | None:
    results = [holds(part, metadata) for part in condition.filters]
    decisive = condition.type == "or"
    if decisive in results:
        return decisive
    return None if None in results else not decisive


def _compare(condition: Compare, found: FilterValue | None) -> bool | None:
    wanted = condition.value
    ordered = condition.type not in {"eq", "ne"}
    if ordered and isinstance(wanted, (str, bool)):
        message = (
            f"filter on {condition.key!r}: {condition.type!r} needs a number, got"
            f" {type(wanted).__name__}; use 'eq' or 'in' for texts and truth values"
        )
        raise InvalidInputError(message)
    if found is None:
        return None
    if not ordered:
        return _same(found, wanted) == (condition.type == "eq")
    if isinstance(found, (str, bool)) or isinstance(wanted, (str, bool)):
        return None
    return {
        "gt": found > wanted,
        "gte": found >= wanted,
        "lt": found < wanted,
        "lte": found <= wanted,
    }[condition.type]


def _same(found: FilterValue, wanted: FilterValue) -> bool:
    # In Python True == 1; in every retrieval engine a truth value and a number are different.
    return isinstance(found, bool) == isinstance(wanted, bool) and found == wanted
