"""OData filters as Azure AI Search reads them: parsed, and checked against an index's fields.

`field eq 'text'` and `ne gt ge lt le`, with the constant on either side; `and`, `or`, `not`,
parentheses; a truth value by its name alone; `search.in(field, 'a,b', ',')`;
`field/any(one: …)`, `field/all(one: …)` and `field/any()` over collections; texts with `''` for an
apostrophe, numbers, truth values, moments with a zone, `null`. Functions for places and for words
(`geo.…`, `search.ismatch`) and fields within fields are refused.

`not` binds more tightly than a comparison, so `not size gt 5` is refused; a missing value equals
`null` only, and `ne` holds for it. Sources: Microsoft Learn, OData expression syntax reference,
comparison operators, logical operators, and collection filters of Azure AI Search, read 2026-11-22.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from tailorbird.exceptions import InvalidInputError
from tailorbird.testing._wire.search.nodes import (
    Compare,
    Constant,
    In,
    Junction,
    Not,
    Over,
    Subject,
    moment,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tailorbird.testing._wire.search.nodes import Node, Value

INTEGERS = frozenset({"Edm.Int32", "Edm.Int64"})
"""Types of whole numbers."""

NUMBERS = INTEGERS | {"Edm.Double"}
"""Types of numbers."""

MOST_CLAUSES = 1_000
"""Comparisons in one filter; the service speaks of hundreds without giving a number."""

MOST_DEPTH = 50
"""Parentheses and `not` within each other; our choice, it bounds the recursion."""

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>'(?:[^']|'')*')
    | (?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))
    | (?P<number>-?INF\b|NaN\b|[+-]?\d{1,19}(?:\.\d+)?(?:[eE][+-]?\d{1,4})?)
    | (?P<name>[A-Za-z_][A-Za-z_0-9]*(?:[./][A-Za-z_][A-Za-z_0-9]*)*)
    | (?P<mark>[(),:])
    )""",
    re.VERBOSE,
)
_OPERATORS = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})
_MIRRORED = {"eq": "eq", "ne": "ne", "gt": "lt", "ge": "le", "lt": "gt", "le": "ge"}
_WORDS: Mapping[str, Value] = {"true": True, "false": False, "null": None}
_DELIMITERS = " ,"  # of `search.in` unless it names its own


class SearchFilter:
    """A filter that was read and fits an index's fields."""

    def __init__(self, text: str, fields: Mapping[str, str]) -> None:
        """Read a filter.

        Args:
            text: The expression.
            fields: Name and type of each field that may be filtered by, such as `Edm.String` or
                `Collection(Edm.Int32)`.

        Raises:
            InvalidInputError: It cannot be read, names another field, or compares what cannot be
                compared.
        """
        parser = _Parser(_tokens(text), fields)
        self._root = parser.expression(0)
        parser.end()

    def holds(self, document: Mapping[str, object]) -> bool:
        """Say whether it holds for a document; a field that is absent is `null`."""
        return self._root.holds(document, None)


def _tokens(text: str) -> list[tuple[str, str]]:
    """Cut a filter into pairs of kind and text; the last one is the end.

    Raises:
        InvalidInputError: Something in it is no part of the language.
    """
    tokens: list[tuple[str, str]] = []
    place, text = 0, text.rstrip()
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            message = f"Invalid expression: Syntax error at position {place} in the filter."
            raise InvalidInputError(message)
        tokens.append((found.lastgroup or "", found[found.lastgroup or 0]))
        place = found.end()
    return [*tokens, ("end", "the end of the filter")]


class _Parser:
    """Reads tokens from left to right; each method takes what it is named after."""

    def __init__(self, tokens: list[tuple[str, str]], fields: Mapping[str, str]) -> None:
        self._tokens = tokens
        self._place = 0
        self._fields = fields
        self._variable: Subject | None = None
        self._clauses = 0

    def expression(self, depth: int) -> Node:
        if depth > MOST_DEPTH:
            message = f"The filter is nested more than {MOST_DEPTH} deep."
            raise InvalidInputError(message)
        parts = [self._conjunction(depth)]
        while self._took("or"):
            parts.append(self._conjunction(depth))
        return parts[0] if len(parts) == 1 else Junction("or", tuple(parts))

    def end(self) -> None:
        if self._kind != "end":
            raise self._unexpected()

    def _conjunction(self, depth: int) -> Node:
        parts = [self._unary(depth)]
        while self._took("and"):
            parts.append(self._unary(depth))
        return parts[0] if len(parts) == 1 else Junction("and", tuple(parts))

    def _unary(self, depth: int) -> Node:
        if not self._took("not"):
            return self._primary(depth)
        if depth > MOST_DEPTH:
            raise self._unexpected()
        inner = self._unary(depth + 1) if self._text == "not" else self._primary(depth, bare=True)
        if self._text in _OPERATORS:
            message = (
                "Invalid expression: A unary operator with an incompatible type was detected."
                " Put what 'not' applies to in parentheses."
            )
            raise InvalidInputError(message)
        return Not(inner)

    def _primary(self, depth: int, *, bare: bool = False) -> Node:
        """Take one operand of `and`, `or` and `not`; `bare` ones do not go on to an operator."""
        if self._took("("):
            node = self.expression(depth + 1)
            self._need(")")
            return node
        self._clauses += 1
        if self._clauses > MOST_CLAUSES:
            message = f"The filter has more than {MOST_CLAUSES} clauses."
            raise InvalidInputError(message)
        if self._kind == "name" and self._text not in _WORDS:
            if self._text == "search.in":
                return self._search_in()
            if self._text.endswith(("/any", "/all")) and self._ahead == "(":
                return self._over(depth)
            return self._compared(self._subject(), bare=bare)
        value = self._constant()
        if self._text in _OPERATORS:
            word = _MIRRORED[self._next()]
            return self._comparison(self._subject(), word, value)
        if isinstance(value, bool):
            return Constant(value)
        raise self._unexpected()

    def _compared(self, subject: Subject, *, bare: bool) -> Node:
        if self._text in _OPERATORS and not bare:
            return self._comparison(subject, self._next(), self._constant())
        if subject.kind != "Edm.Boolean":
            if bare:
                message = (
                    "Invalid expression: A unary operator with an incompatible type was detected."
                    f" Found operand type {subject.kind!r} for operator kind 'Not'."
                )
                raise InvalidInputError(message)
            raise self._unexpected()
        return Compare(subject, "eq", value=True)

    def _comparison(self, subject: Subject, word: str, value: Value) -> Node:
        ordered = word not in {"eq", "ne"}
        fits = _fits(subject.kind, value)
        if not fits or (ordered and (value is None or isinstance(value, (str, bool)))):
            message = (
                "Invalid expression: A binary operator with incompatible types was detected:"
                f" {subject.name!r} is of type {subject.kind!r} and cannot be compared by {word!r}"
                f" with {_kind_of(value)}."
            )
            raise InvalidInputError(message)
        return Compare(subject, word, value)

    def _search_in(self) -> Node:
        self._next()
        self._need("(")
        subject = self._subject()
        if subject.kind != "Edm.String":
            message = f"Invalid expression: search.in needs texts; {subject.name!r} holds none."
            raise InvalidInputError(message)
        self._need(",")
        listed = self._string()
        delimiters = self._string() if self._took(",") else _DELIMITERS
        self._need(")")
        parts = re.split(f"[{re.escape(delimiters)}]", listed) if delimiters else [listed]
        return In(subject, frozenset(part for part in parts if part))

    def _over(self, depth: int) -> Node:
        """Take `field/any(…)` or `field/all(…)`.

        Raises:
            InvalidInputError: The field is no collection, or the service cannot answer it.
        """
        path, _, word = self._next().rpartition("/")
        kind = self._kind_of_field(path)
        if not kind.startswith("Collection(") or self._variable is not None:
            message = f"Invalid expression: {path!r} is not a collection that {word!r} can go over."
            raise InvalidInputError(message)
        item = kind.removeprefix("Collection(").removesuffix(")")
        self._need("(")
        if word == "any" and self._took(")"):
            return Over(path, word, None)
        if self._kind != "name":
            raise self._unexpected()
        self._variable = Subject(self._next(), item, is_variable=True)
        self._need(":")
        inner = self.expression(depth + 1)
        self._need(")")
        self._variable = None
        if item == "Edm.String" and not _searchable(inner, word):
            message = (
                f"Invalid expression: over texts, {word!r} allows only"
                f" {_ALLOWED[word]} (collection {path!r})."
            )
            raise InvalidInputError(message)
        return Over(path, word, inner)

    def _subject(self) -> Subject:
        if self._kind != "name" or self._text in _WORDS:
            raise self._unexpected()
        name = self._next()
        if self._variable is not None:
            if name != self._variable.name:
                message = f"Invalid expression: only {self._variable.name!r} is known here."
                raise InvalidInputError(message)
            return self._variable
        return Subject(name, self._kind_of_field(name), is_variable=False)

    def _kind_of_field(self, name: str) -> str:
        kind = self._fields.get(name)
        if kind is None:
            message = (
                f"Invalid expression: there is no field {name!r} that can be filtered by; those"
                f" are: {', '.join(sorted(self._fields)) or 'none'}."
            )
            raise InvalidInputError(message)
        return kind

    def _constant(self) -> Value:
        kind, text = self._kind, self._text
        if kind == "text":
            return self._string()
        if kind == "number":
            self._next()
            return float(text) if set(text) & set(".eEINa") else int(text)
        if kind == "moment":
            self._next()
            return moment(text)
        if text in _WORDS:
            return _WORDS[self._next()]
        raise self._unexpected()

    def _string(self) -> str:
        if self._kind != "text":
            raise self._unexpected()
        return self._next()[1:-1].replace("''", "'")

    @property
    def _kind(self) -> str:
        return self._tokens[self._place][0]

    @property
    def _text(self) -> str:
        return self._tokens[self._place][1]

    @property
    def _ahead(self) -> str:
        return self._tokens[self._place + 1][1]

    def _next(self) -> str:
        self._place += 1
        return self._tokens[self._place - 1][1]

    def _took(self, text: str) -> bool:
        took = self._text == text
        self._place += took
        return took

    def _need(self, text: str) -> None:
        if not self._took(text):
            raise self._unexpected()

    def _unexpected(self) -> InvalidInputError:
        # A text may be a user's content, which no message repeats.
        shown = "a text" if self._kind == "text" else repr(self._text)
        return InvalidInputError(f"Invalid expression: {shown} was not expected in the filter.")


_ALLOWED = {
    "any": "'eq' and 'search.in', combined with 'or'",
    "all": "'ne' and 'not search.in', combined with 'and'",
}


def _searchable(node: Node, word: str) -> bool:
    """Say whether the service can answer a condition on the texts of a collection."""
    if isinstance(node, Junction):
        fits = node.word == ("or" if word == "any" else "and")
        return fits and all(_searchable(part, word) for part in node.parts)
    if isinstance(node, Not):
        return word == "all" and isinstance(node.inner, In)
    if isinstance(node, Compare):
        return node.operator == ("eq" if word == "any" else "ne")
    return word == "any" and isinstance(node, In)


def _fits(kind: str, value: Value) -> bool:
    """Say whether a constant may be compared with a field of that type."""
    if value is None:
        return not kind.startswith("Collection(")
    if isinstance(value, bool):
        return kind == "Edm.Boolean"
    if isinstance(value, str):
        return kind == "Edm.String"
    if isinstance(value, datetime):
        return kind == "Edm.DateTimeOffset"
    finite = isinstance(value, int) or float("-inf") < value < float("inf")
    return kind in NUMBERS and (finite or kind not in INTEGERS)


def _kind_of(value: Value) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a truth value"
    if isinstance(value, str):
        return "a text"
    return "a moment" if isinstance(value, datetime) else "a number"
