"""Filters as conditions of SQL.

SQL's own three-valued logic is the one of `tailorbird.types.filters`: `metadata -> key` is NULL for
a missing field, every comparison with NULL is NULL, and WHERE takes what is true. Values are
compared as `jsonb`, in which a truth value never equals a number and 2025 equals 2025.0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, LiteralString

from psycopg import sql
from psycopg.types.json import Jsonb

from tailorbird.retrieval.postgres.texts import check_text
from tailorbird.types.filters import Among, Compare, Junction, Negation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tailorbird.types.filters import ComparisonOperator, Filter, FilterValue

_WHOLE = 2.0**53  # from here on, every float is a whole number

_OPERATORS: Mapping[ComparisonOperator, LiteralString] = {
    "eq": "=",
    "ne": "<>",
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
}


@dataclass(frozen=True, slots=True)
class Where:
    """A condition on the column `metadata`, with its values apart from its text."""

    sql: sql.Composable
    """The condition."""
    values: Mapping[str, object]
    """Its named values, `f0`, `f1` …"""


def where(condition: Filter) -> Where:
    """Give the condition for a filter that was checked.

    Raises:
        InvalidInputError: A value is one that no metadata can hold.
    """
    clauses = _Clauses()
    text = clauses.clause(condition)
    contained = dict(_required(condition))
    if contained:
        # Says nothing new, but the index on the column can answer it.
        text = sql.SQL("metadata @> {} AND {}").format(clauses.value(Jsonb(contained)), text)
    return Where(text, clauses.values)


def _required(condition: Filter) -> list[tuple[str, FilterValue]]:
    """Give fields that a chunk must have with these values for the filter to hold."""
    if isinstance(condition, Compare) and condition.type == "eq":
        return [(condition.key, condition.value)]
    if isinstance(condition, Junction) and condition.type == "and":
        return [one for part in condition.filters for one in _required(part)]
    return []


@dataclass(frozen=True, slots=True)
class _Clauses:
    values: dict[str, object] = field(default_factory=dict[str, object])

    def value(self, value: object) -> sql.Placeholder:
        name = f"f{len(self.values)}"
        self.values[name] = value
        return sql.Placeholder(name)

    def clause(self, condition: Filter) -> sql.Composed:
        if isinstance(condition, Negation):
            return sql.SQL("NOT ({})").format(self.clause(condition.filter))
        if isinstance(condition, Junction):
            joint = sql.SQL(") AND (") if condition.type == "and" else sql.SQL(") OR (")
            return sql.SQL("(({}))").format(joint.join(map(self.clause, condition.filters)))
        found = sql.SQL("(metadata -> {}::text)").format(self.value(_text(condition.key)))
        if isinstance(condition, Among):
            values = [_json(condition.key, value) for value in condition.values]
            word = sql.SQL("= ANY") if condition.type == "in" else sql.SQL("<> ALL")
            return sql.SQL("{} {}({}::jsonb[])").format(found, word, self.value(values))
        wanted = self.value(_json(condition.key, condition.value))
        compared = sql.SQL("{} {} {}").format(found, sql.SQL(_OPERATORS[condition.type]), wanted)
        if condition.type in {"eq", "ne"}:
            return compared
        return sql.SQL("CASE WHEN jsonb_typeof({}) = 'number' THEN {} END").format(found, compared)


def _text(key: str) -> str:
    return check_text(key, subject="a filter's key")


def _json(key: str, value: FilterValue) -> Jsonb:
    if isinstance(value, str):
        check_text(value, subject=f"the filter on {key!r}")
    return Jsonb(exact(value))


def exact(value: FilterValue) -> FilterValue:
    """Give a number as the server has to keep it: 1e23 is 99999999999999991611392, not 10**23."""
    return int(value) if isinstance(value, float) and abs(value) >= _WHOLE else value
