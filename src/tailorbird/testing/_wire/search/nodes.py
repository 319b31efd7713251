"""What a filter of Azure AI Search is made of, and whether it holds for a document.

A missing value equals `null` only, `ne` holds for it, and it is neither smaller nor larger than
anything. Source: Microsoft Learn, OData comparison operators and logical operators of Azure AI
Search, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, cast

from typing_extensions import override

from tailorbird.exceptions import InvalidInputError

Value = str | bool | int | float | datetime | None
"""A constant of a filter; moments are aware."""

Document = Mapping[str, object]
"""A document as its index keeps it: fields and JSON values that fit the fields' types."""

_START = datetime(1970, 1, 1, tzinfo=UTC)


class Node(Protocol):
    """A condition."""

    def holds(self, document: Document, item: object) -> bool:
        """Say whether it holds for a document; `item` is what a lambda's variable stands for."""
        ...


@dataclass(frozen=True, slots=True)
class Subject:
    """A field, or the variable of a lambda."""

    name: str
    """What the filter calls it."""
    kind: str
    """Its type, such as `Edm.String`."""
    is_variable: bool
    """Whether it is the variable of a lambda."""

    def value(self, document: Document, item: object) -> object:
        """Give what stands there; a field that is absent gives None."""
        return item if self.is_variable else document.get(self.name)


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """A truth value by itself."""

    value: bool
    """It."""

    @override
    def holds(self, document: Document, item: object) -> bool:
        return self.value


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """A comparison with a constant that fits the subject's type."""

    subject: Subject
    """What is compared."""
    operator: str
    """`eq ne gt ge lt le`; the last four come with numbers and moments only."""
    value: Value
    """What it is compared with."""

    @override
    def holds(self, document: Document, item: object) -> bool:
        found = self.subject.value(document, item)
        if self.operator in {"eq", "ne"}:
            return self._same(found) is (self.operator == "eq")
        if found is None:
            return False
        ours, theirs = _rank(found), _rank(self.value)
        return {
            "gt": ours > theirs,
            "ge": ours >= theirs,
            "lt": ours < theirs,
            "le": ours <= theirs,
        }[self.operator]

    def _same(self, found: object) -> bool:
        if isinstance(self.value, datetime) and found is not None:
            return _rank(found) == _rank(self.value)
        return found == self.value


@dataclass(frozen=True, slots=True)
class In(Node):
    """`search.in`: a text is one of several."""

    subject: Subject
    """What is looked for."""
    values: frozenset[str]
    """The texts."""

    @override
    def holds(self, document: Document, item: object) -> bool:
        return self.subject.value(document, item) in self.values


@dataclass(frozen=True, slots=True)
class Junction(Node):
    """`and` or `or`."""

    word: str
    """Which of them."""
    parts: tuple[Node, ...]
    """Two or more conditions."""

    @override
    def holds(self, document: Document, item: object) -> bool:
        over = all if self.word == "and" else any
        return over(one.holds(document, item) for one in self.parts)


@dataclass(frozen=True, slots=True)
class Not(Node):
    """`not`."""

    inner: Node
    """What must not hold."""

    @override
    def holds(self, document: Document, item: object) -> bool:
        return not self.inner.holds(document, item)


@dataclass(frozen=True, slots=True)
class Over(Node):
    """A condition on the items of a collection."""

    field: str
    """The collection."""
    word: str
    """`any` or `all`."""
    inner: Node | None
    """What is asked of each item; None asks whether there is an item."""

    @override
    def holds(self, document: Document, item: object) -> bool:
        items = cast("list[object]", document.get(self.field) or [])
        inner = self.inner
        if inner is None:
            return bool(items)
        over = any if self.word == "any" else all
        return over(inner.holds(document, one) for one in items)


def moment(text: str) -> datetime:
    """Read a moment with its zone.

    Raises:
        InvalidInputError: It is none.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        message = f"{text!r} is no 'Edm.DateTimeOffset'"
        raise InvalidInputError(message)
    return found


def _rank(value: object) -> int | float:
    """Give a number that orders moments and numbers; documents keep moments as texts."""
    if isinstance(value, str):
        value = moment(value)
    if isinstance(value, datetime):
        return (value - _START) // timedelta(microseconds=1)
    return cast("int | float", value)
