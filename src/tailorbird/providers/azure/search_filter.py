"""Filters on metadata as Azure AI Search evaluates them, whatever the keys are called.

An index's fields are fixed when it is made, metadata keys are not. So every value becomes marks in
one collection of texts, `marks`, and every condition asks for marks:

| mark | says |
|---|---|
| `year?` | there is a value |
| `lang=sja` | the text is `ja` |
| `open=b1` | the truth value is true |
| `year=n7e8` | the number is 2024, in hexadecimal because it is whole |
| `year<c`, `year<c0`, … `year<c09fa00000000000` | the number's place in order begins so |

The last are the beginnings of the number's 64 bits in an order-preserving form: a range is the
union of at most 240 of them. Keys and texts are percent-encoded, and long ones replaced by their
hash, so that nothing a user wrote can end a constant or be taken for an operator.

What is missing is unknown (`types.filters`): the service knows true and false only, so a condition
is turned into the one that finds what is certainly true; `not` asks for what is certainly false.
"""

from __future__ import annotations

import hashlib
import math
import struct
from typing import TYPE_CHECKING
from urllib.parse import quote

from tailorbird.exceptions import InvalidInputError
from tailorbird.types.filters import Among, Compare, Junction, Negation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tailorbird.types.filters import Filter, FilterValue

MARKS = "marks"
"""The field that holds the marks."""

_LONGEST_KEY = 100
_LONGEST_TEXT = 200  # a term may have 32,766 bytes; short marks keep the index small
_DIGITS = "0123456789abcdef"
_EXACT = 2.0**53  # from here on, neighboring whole numbers share a float
_FLIPPED = {"gt": "lte", "gte": "lt", "lt": "gte", "lte": "gt"}


def marks_of(metadata: Mapping[str, FilterValue]) -> list[str]:
    """Give the marks of a document's metadata.

    Raises:
        InvalidInputError: A number is not finite.
    """
    found: list[str] = []
    for key, value in metadata.items():
        name = _short(key, _LONGEST_KEY)
        found += [f"{name}?", _equal(name, value)]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            digits = _ordered(_finite(key, value))
            found += [f"{name}<{digits[:size]}" for size in range(1, len(digits) + 1)]
    return found


def odata_filter(condition: Filter) -> str:
    """Write a filter so that the service finds exactly the chunks for which it is true.

    Numbers beyond 2**53 are compared as 64-bit floats, which may find too much and never too
    little: check what comes back with `types.filters.holds`.

    Args:
        condition: A filter that `protocols.index_arguments.check_filter` has let pass.

    Raises:
        InvalidInputError: It compares with what is not a number.
    """
    return _certain(condition, wanted=True)


def any_of(field: str, values: Iterable[str]) -> str:
    """Ask whether a field is one of several values of ours: letters, digits and dashes."""
    return f"search.in({field}, '{'|'.join(values)}', '|')"


def equals(field: str, value: str) -> str:
    """Ask whether a field is exactly a text; an apostrophe in it is doubled."""
    escaped = value.replace("'", "''")
    return f"{field} eq '{escaped}'"


def _certain(condition: Filter, *, wanted: bool) -> str:
    """Ask whether a condition is certainly true, or certainly false."""
    if isinstance(condition, Negation):
        return _certain(condition.filter, wanted=not wanted)
    if isinstance(condition, Junction):
        word = condition.type if wanted else {"and": "or", "or": "and"}[condition.type]
        parts = [_certain(part, wanted=wanted) for part in condition.filters]
        return f"({f' {word} '.join(parts)})"
    name = _short(condition.key, _LONGEST_KEY)
    if isinstance(condition, Among):
        marks = [_equal(name, value) for value in condition.values]
        return _is(name, marks, wanted=wanted is (condition.type == "in"))
    if condition.type in {"eq", "ne"}:
        mark = _equal(name, condition.value)
        return _is(name, [mark], wanted=wanted is (condition.type == "eq"))
    return _has(_range(name, condition, wanted=wanted))


def _is(name: str, marks: Sequence[str], *, wanted: bool) -> str:
    return _has(marks) if wanted else f"({_has([f'{name}?'])} and not {_has(marks)})"


def _has(marks: Sequence[str]) -> str:
    return f"{MARKS}/any(m: {any_of('m', marks)})"


def _range(name: str, condition: Compare, *, wanted: bool) -> list[str]:
    """Give the marks of which a number in the range has exactly one."""
    number = _finite(condition.key, condition.value, infinite=True)
    word = condition.type if wanted else _FLIPPED[condition.type]
    digits = _ordered(number)
    if word.startswith("g"):
        beside = [
            digits[:place] + one
            for place, digit in enumerate(digits)
            for one in _DIGITS
            if one > digit
        ]
    else:
        beside = [
            digits[:place] + one
            for place, digit in enumerate(digits)
            for one in _DIGITS
            if one < digit
        ]
    if word.endswith("e") or abs(number) >= _EXACT:
        beside.append(digits)
    return [f"{name}<{one}" for one in beside]


def _equal(name: str, value: FilterValue) -> str:
    if isinstance(value, bool):
        return f"{name}=b{int(value)}"
    if isinstance(value, str):
        return f"{name}=s{_short(value, _LONGEST_TEXT)}"
    whole = isinstance(value, int) or value.is_integer()
    # In hexadecimal, because Python refuses to write thousands of decimal digits.
    return f"{name}=n{int(value):x}" if whole else f"{name}=n{value!r}"


def _short(text: str, longest: int) -> str:
    """Write a text in letters, digits and `%`; a long one as its hash, which `+` tells apart."""
    encoded = quote(text, safe="", errors="surrogatepass")
    if len(encoded) <= longest:
        return encoded
    return "+" + hashlib.sha256(encoded.encode("ascii")).hexdigest()


def _finite(key: str, value: FilterValue, *, infinite: bool = False) -> float:
    if isinstance(value, str):
        message = f"metadata {key!r} is compared by order with a text; it needs a number"
        raise InvalidInputError(message)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf if value > 0 else -math.inf
    if math.isnan(number) or (math.isinf(number) and not infinite):
        message = f"metadata {key!r} is {value!r}: only finite numbers can be kept and compared"
        raise InvalidInputError(message)
    return number


def _ordered(number: float) -> str:
    """Give 16 hexadecimal digits whose alphabetical order is the numbers' order."""
    # `+ 0.0` makes one zero of the two. The bits of IEEE 754 are in order for positive numbers;
    # those of negative ones are turned round, and the sign puts them first.
    bits = int.from_bytes(struct.pack(">d", number + 0.0), "big")
    bits = bits ^ ((1 << 64) - 1) if bits >> 63 else bits | (1 << 63)
    return f"{bits:016x}"
