"""Carry the words of a new dialogue into an answer that was learned for another one.

A form that was filled in training shows where its values come from: a text that stands in what
the trained user said has words before and behind it. In a new dialogue, the piece between the same
words (of any trained form) takes its place; dates and amounts of money go over by their order. A
total that was the sum of the form's other numbers is summed again. What cannot be carried over
stays as it was trained, as a real model's slip would.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

from tailorbird.providers.fake.answering.forms import find_amounts, find_dates
from tailorbird.text import fold_width

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pydantic import JsonValue

Surroundings: TypeAlias = "Mapping[str, tuple[re.Pattern[str], ...]]"
"""For each key of a form, patterns of what stands around its values, the most telling first."""

V = TypeVar("V", str, float)

_SIZES = (4, 3, 2)  # characters before and behind a value that are compared
_PIECE = r"([^、。,.\n0-9]{1,40}?)"  # no comma, stop or number: those go over by their order
_ENOUGH = 3  # numbers that a form must have before one of them can be the sum of the others


@dataclass(frozen=True, slots=True)
class FilledForm:
    """A form that was filled in training."""

    said: str
    """All that the user had said, width folded."""
    values: Mapping[str, JsonValue]
    """The form."""
    compact: bool
    """Whether it is written without blanks."""


def read_filled(said: Sequence[str], answer: str) -> FilledForm | None:
    """Read an answer that is a JSON object; None for any other."""
    if not answer.lstrip().startswith("{"):
        return None
    try:
        values = json.loads(answer)
    except ValueError:
        return None
    return FilledForm(fold_width("\n".join(said)), values, '": ' not in answer)


def learn_surroundings(forms: Iterable[FilledForm]) -> Surroundings:
    """Learn between which words the values of forms stand."""
    seen: dict[str, Counter[tuple[str, str]]] = {}
    for form in forms:
        for key, value in form.values.items():
            if isinstance(value, str) and value:
                seen.setdefault(key, Counter()).update(_around(fold_width(value), form.said))
    return {key: tuple(_patterns(found)) for key, found in seen.items()}


def carry_over(form: FilledForm, said: Sequence[str], surroundings: Surroundings) -> str:
    """Give a trained form with the values of another dialogue, as JSON."""
    now = fold_width("\n".join(said))
    filled = {
        key: _moved(value, form.said, now, surroundings.get(key, ()))
        for key, value in form.values.items()
    }
    for key in _totals(form.values):
        others = [
            cast("int", one) for name, one in filled.items() if name != key and _is_whole(one)
        ]
        filled[key] = sum(others)
    separators = (",", ":") if form.compact else (", ", ": ")
    return json.dumps(filled, ensure_ascii=False, separators=separators)


def _around(value: str, said: str) -> Iterator[tuple[str, str]]:
    at = said.find(value)
    if at < 0:
        return
    end = at + len(value)
    for size in _SIZES:
        left, right = said[max(0, at - size) : at], said[end : end + size]
        if len(left) == len(right) == size and "\n" not in left + right:
            yield left, right


def _patterns(found: Counter[tuple[str, str]]) -> Iterator[re.Pattern[str]]:
    """Give patterns, longer ones first, and among these the more frequent first."""
    ranked = sorted(found.items(), key=lambda one: (-len(one[0][0]), -one[1], one[0]))
    for (left, right), _ in ranked:
        yield re.compile(f"{re.escape(left)}{_PIECE}{re.escape(right)}")


def _moved(
    value: JsonValue, before: str, now: str, patterns: Sequence[re.Pattern[str]]
) -> JsonValue:
    if _is_whole(value):
        return int(_by_order(float(cast("int", value)), find_amounts(before), find_amounts(now)))
    if not isinstance(value, str):
        return value
    dates = find_dates(before)
    if value in dates:
        return _by_order(value, dates, find_dates(now))
    found = (pattern.search(now) for pattern in patterns)
    return next((one[1].strip() for one in found if one is not None), value)


def _by_order(value: V, old: Sequence[V], new: Sequence[V]) -> V:
    """Give what stands in the new list where a value stands in the old one."""
    place = old.index(value) if value in old else len(new)
    return new[place] if place < len(new) else value


def _totals(form: Mapping[str, JsonValue]) -> list[str]:
    """Name the fields that hold the sum of all other whole numbers."""
    numbers = {key: cast("int", one) for key, one in form.items() if _is_whole(one)}
    whole = sum(numbers.values())
    if len(numbers) < _ENOUGH:
        return []
    return [key for key, one in numbers.items() if one and 2 * one == whole]


def _is_whole(value: JsonValue) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
