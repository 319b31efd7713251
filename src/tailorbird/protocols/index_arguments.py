"""Arguments that every retrieval engine refuses alike, before anything is searched or made."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tailorbird.exceptions import IndexMismatchError, InvalidInputError
from tailorbird.types.filters import Among, Compare, Junction, Negation

if TYPE_CHECKING:
    from tailorbird.types.filters import Filter, FilterValue
    from tailorbird.types.retrieval import IndexSpec, SearchMode, SearchQuery

DEPTH_LIMIT = 32
"""How deep filters may be nested; more is a mistake, or an attack on whoever evaluates them."""

_ORDERED = {"gt", "gte", "lt", "lte"}
_LARGEST_INT = 2**63  # what SQLite and most services hold


def check_filter(condition: Filter | None, *, tenant_field: str | None) -> None:
    """Refuse a filter that cannot be evaluated, or that leaves the tenant open.

    Args:
        condition: The query's filter; None for a query without one.
        tenant_field: The field that every query must pin down; None for an index without tenants.

    Raises:
        InvalidInputError: It is nested too deeply, compares the order of something that is not a
            number, compares with what no metadata can hold, or does not pin the tenant field to one
            or several values.
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


def wrong_number(value: FilterValue) -> str | None:
    """Say why no engine can keep or compare a number; None for one that can, and for the rest."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"is {value!r}, not a finite number"
    if isinstance(value, int) and not -_LARGEST_INT <= value < _LARGEST_INT:
        return "is a whole number of more than 64 bits"
    return None


def is_unicode(text: str) -> bool:
    """Say whether a text can be written; half of a surrogate pair cannot."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def check_same(found: IndexSpec, wanted: IndexSpec) -> None:
    """Refuse to take one index for another.

    Raises:
        IndexMismatchError: They differ; the message shows in what.
    """
    old, new = found.model_dump(), wanted.model_dump()
    differences = [
        f"{field} is {old[field]!r}, wanted {new[field]!r}"
        for field in old
        if old[field] != new[field]
    ]
    if differences:
        message = (
            f"index {found.name!r} exists with another specification: {'; '.join(differences)}."
            f" Take another name, or delete it (`tailorbird indexes --delete {found.name}`, or"
            " `bench.delete_index`) and build it again"
        )
        raise IndexMismatchError(message)


def check_spec(spec: IndexSpec) -> None:
    """Refuse a specification that does not say what vectors it wants.

    Raises:
        InvalidInputError: Only one of embedding model and width is given.
    """
    if (spec.embedding_model is None) != (spec.dimensions is None):
        message = (
            f"index {spec.name!r}: `embedding_model` and `dimensions` belong together, got"
            f" {spec.embedding_model!r} and {spec.dimensions!r}; give both, or none for an index"
            " that is searched by words only"
        )
        raise InvalidInputError(message)


def chosen_mode(query: SearchQuery, *, spec: IndexSpec) -> SearchMode:
    """Give the mode to search in; left open, it is the best that the index can do.

    Raises:
        IndexMismatchError: The mode needs vectors and the index has none.
    """
    if spec.dimensions is not None:
        return query.mode or "hybrid"
    mode: SearchMode = query.mode or "lexical"
    if mode != "lexical":
        message = (
            f"index {spec.name!r} was made without an embedding model, so it cannot be searched in"
            f" the mode {mode!r}: take 'lexical', or build it with a model"
        )
        raise IndexMismatchError(message)
    return mode


def check_least_score(query: SearchQuery, *, least: float, most: float, what: str) -> None:
    """Refuse a least score that no hit could have, or that every hit has.

    Args:
        query: What is asked.
        least: The lowest score that there is.
        most: The highest.
        what: Which scores these are, for messages, e.g. `the mode 'vector'`.

    Raises:
        InvalidInputError: It is outside of the range.
    """
    if query.min_score is not None and not least <= query.min_score <= most:
        message = (
            f"min_score is {query.min_score!r}, and scores of {what} lie within {least:g}..{most:g}"
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
            _check_value(part.key, part.value, path)
        else:
            for value in part.values:
                _check_value(part.key, value, path)


def _check_value(key: str, value: FilterValue, path: str) -> None:
    """Refuse what some engines take for unequal to itself, and others cannot even send."""
    if (wrong := wrong_number(value)) is not None:
        message = f"{path}: what {key!r} is compared with {wrong}, and no metadata can hold it"
        raise InvalidInputError(message)
    if isinstance(value, str) and not is_unicode(value):
        message = (
            f"{path}: what {key!r} is compared with holds half of a surrogate pair, and no metadata"
            " can hold it: read the text again with its right encoding"
        )
        raise InvalidInputError(message)


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
