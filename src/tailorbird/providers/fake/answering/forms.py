"""Fill a form, described by a JSON schema, from a conversation.

Field by field, in the order of the schema, the first of these that gives a value of the right type:

1. `label: value` in the user's words (also `label：value`, `label = value`), where the label is the
   field's name or title; `_` counts as a blank, case and width do not matter;
2. a member of an enumeration that the user's words contain;
3. for dates: the next date not used yet (`2026-04-14`, `4月14日`, `April 14`; a date without a year
   takes the year of another date in the text, or the fake's, 2026);
4. for numbers whose name speaks of money (`yen`, `price`, `amount`, `cost`, `円` …): the next
   amount not used yet (`1,200円`, `¥1,200`, `$6.50`, `1,200 yen`);
5. the schema's default;
6. the smallest value that the schema allows: an empty text, 0, false, an empty list.

A pattern in the schema is not understood: a text that must match one may fail validation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, TypeAlias

from tailorbird.text import fold_width, normalize

if TYPE_CHECKING:
    from pydantic import JsonValue

Schema: TypeAlias = "Mapping[str, JsonValue]"
"""A JSON schema."""

YEAR = 2026
"""Year of a date that has none, when no date of the text has one."""

_MONTHS: tuple[str, ...] = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_MONTH_NAMES = "|".join((*_MONTHS, *(rf"{name[:3]}t?\b\.?" for name in _MONTHS)))
_DATE = re.compile(
    r"(?P<y>\d{4})[-/.年](?P<m>\d{1,2})[-/.月](?P<d>\d{1,2})"
    r"|(?P<m2>\d{1,2})月(?P<d2>\d{1,2})日"
    rf"|\b(?P<m3>{_MONTH_NAMES})\s(?P<d3>\d{{1,2}})\b(?:,?\s(?P<y3>\d{{4}}))?"
    r"|(?:から|〜|~|-)\s?(?P<d4>\d{1,2})日",
    re.IGNORECASE,
)
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_AMOUNT = re.compile(
    rf"[¥$€£]\s?(?P<a>{_NUMBER})|(?P<b>{_NUMBER})\s?(?:円|yen\b|dollars?\b|euros?\b|usd\b|jpy\b)",
    re.IGNORECASE,
)
_ANY_NUMBER = re.compile(rf"-?(?:{_NUMBER})")
_MONEY = re.compile(
    r"yen|jpy|usd|eur|price|amount|cost|fee|total|pay|円|金額|料金|費|代|額", re.IGNORECASE
)
_LABELED = r"(?:^|[\n。、,;]|\s){label}\s*[:=]\s*(?P<value>[^\n。;]+)"
_DEEPEST = 40  # levels of a schema that refers to itself
_DEEPEST_OPTIONAL = 4  # the same, where null will do
_REFERENCES = 20  # steps until a reference that runs in a circle is given up
_SMALLEST = {"date": "2026-01-01", "date-time": "2026-01-01T00:00:00Z", "time": "00:00:00Z",
             "email": "nobody@example.com", "uuid": "00000000-0000-0000-0000-000000000000",
             "uri": "https://example.com/"}  # fmt: skip


@dataclass(slots=True)
class _Words:
    """What the user said, and what of it has been used."""

    text: str
    dates: list[str]
    amounts: list[float]


def fill_form(schema: Schema, said: Sequence[str]) -> JsonValue:
    """Fill a schema from what a user said, as the module says."""
    text = fold_width("\n".join(said))
    words = _Words(text=text, dates=find_dates(text), amounts=find_amounts(text))
    return _value(schema, "", words, root=schema, depth=0)


def find_dates(text: str) -> list[str]:
    """Give the dates of a text in their order, as `YYYY-MM-DD`."""
    found = list(_DATE.finditer(text))
    years = [int(year) for one in found if (year := one["y"] or one["y3"])]
    year, month = (years[0] if years else YEAR), 1
    dates: list[str] = []
    for one in found:
        year = int(one["y"] or one["y3"] or year)
        if one["m3"] is not None:
            month = [name[:3] for name in _MONTHS].index(one["m3"][:3].lower()) + 1
        elif one["d4"] is None:
            month = int(one["m"] or one["m2"])
        day = int(one["d"] or one["d2"] or one["d3"] or one["d4"])
        with suppress(ValueError):  # 2月30日 is no date
            dates.append(date(year, month, day).isoformat())
    return dates


def find_amounts(text: str) -> list[float]:
    """Give the amounts of money of a text in their order."""
    return [_number(found["a"] or found["b"]) for found in _AMOUNT.finditer(text)]


def _value(schema: Schema, name: str, words: _Words, *, root: Schema, depth: int) -> JsonValue:
    """Fill one place of the form."""
    resolved = _resolved(schema, root)
    kind = _kind(resolved)
    if depth > (_DEEPEST_OPTIONAL if _takes_null(schema) else _DEEPEST):
        return None
    if kind == "object":
        return _object(resolved, words, root=root, depth=depth)
    labeled = _labeled(name, resolved, words)
    options = _list(resolved.get("enum")) or [
        resolved[key] for key in ("const",) if key in resolved
    ]
    if options:
        return _chosen(options, words.text if labeled is None else labeled)
    found = _found(kind, name, resolved, labeled, words)
    if found is None and "default" in resolved:
        return resolved["default"]
    return _smallest(kind, resolved, words, root=root, depth=depth) if found is None else found


def _object(schema: Schema, words: _Words, *, root: Schema, depth: int) -> JsonValue:
    required = _list(schema.get("required"))
    filled: dict[str, JsonValue] = {}
    for name, part in _mapping(schema.get("properties")).items():
        value = _value(_mapping(part), name, words, root=root, depth=depth + 1)
        if value is not None or name in required:
            filled[name] = value
    return filled


def _found(kind: str, name: str, schema: Schema, labeled: str | None, words: _Words) -> JsonValue:
    """Give what the user's words say for a field; None when they say nothing."""
    if kind == "string":
        if schema.get("format") == "date" or re.search(r"date|日付|_on$|_day$", name):
            dates = find_dates(labeled) if labeled else []
            return dates[0] if dates else labeled or (words.dates.pop(0) if words.dates else None)
        return labeled
    if kind in {"integer", "number"}:
        number = _labeled_number(labeled)
        if number is None and _MONEY.search(name) and words.amounts:
            number = words.amounts.pop(0)
        return None if number is None else int(number) if kind == "integer" else number
    if kind == "boolean" and labeled is not None:
        return normalize(labeled) in {"yes", "true", "1", "はい", "有", "あり", "ok"}
    if kind == "array" and labeled is not None:
        return [part.strip() for part in re.split(r"[,、]", labeled)]
    return None


def _smallest(kind: str, schema: Schema, words: _Words, *, root: Schema, depth: int) -> JsonValue:
    """Give the smallest value that the schema allows."""
    if kind == "string":
        smallest = _SMALLEST.get(str(schema.get("format")), "")
        return smallest or "x" * _whole(schema.get("minLength"), 0)
    if kind in {"integer", "number"}:
        low = schema.get("minimum")
        above = schema.get("exclusiveMinimum")
        if isinstance(above, (int, float)):
            return above + 1
        return low if isinstance(low, (int, float)) else 0
    if kind == "boolean":
        return False
    if kind == "array":
        count = _whole(schema.get("minItems"), 0)
        item = _mapping(schema.get("items"))
        return [_value(item, "", words, root=root, depth=depth + 1) for _ in range(count)]
    return None


def _resolved(schema: Schema, root: Schema) -> Schema:
    """Follow references, and take the first choice that is more than null."""
    for _ in range(_REFERENCES):
        reference = schema.get("$ref")
        choices = _choices(schema)
        if isinstance(reference, str):
            target: Schema = root
            for part in reference.removeprefix("#/").split("/"):
                target = _mapping(target.get(part))
            schema = {**target, **{key: one for key, one in schema.items() if key != "$ref"}}
        elif choices:
            real = [_mapping(one) for one in choices if _mapping(one).get("type") != "null"]
            rest = {
                key: one for key, one in schema.items() if key not in {"anyOf", "oneOf", "allOf"}
            }
            schema = {**rest, **(real[0] if real else {})}
        else:
            break
    return schema


def _choices(schema: Schema) -> list[JsonValue]:
    return _list(schema.get("anyOf")) or _list(schema.get("oneOf")) or _list(schema.get("allOf"))


def _takes_null(schema: Schema) -> bool:
    return any(_mapping(one).get("type") == "null" for one in _choices(schema))


def _kind(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if isinstance(kind, str):
        return kind
    return "object" if "properties" in schema else "null"


def _labeled(name: str, schema: Schema, words: _Words) -> str | None:
    """Find `label: value` for a field."""
    title = schema.get("title")
    labels = {name, name.replace("_", " "), title if isinstance(title, str) else ""} - {""}
    for label in sorted(labels, key=len, reverse=True):
        pattern = _LABELED.format(label=re.escape(fold_width(label)))
        found = re.search(pattern, words.text, re.IGNORECASE)
        if found is not None:
            return found["value"].strip()
    return None


def _labeled_number(labeled: str | None) -> float | None:
    found = None if labeled is None else _ANY_NUMBER.search(labeled)
    return None if found is None else _number(found.group())


def _chosen(options: Sequence[JsonValue], text: str) -> JsonValue:
    """Give the option that a text names first; the first one when it names none."""
    folded = normalize(text)
    places = [(folded.find(normalize(str(one))), number) for number, one in enumerate(options)]
    named = [(place, number) for place, number in places if place >= 0]
    return options[min(named)[1]] if named else options[0]


def _number(text: str) -> float:
    return float(text.replace(",", ""))


def _mapping(value: JsonValue | Schema) -> Schema:
    return value if isinstance(value, Mapping) else {}


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _whole(value: JsonValue, default: int) -> int:
    return value if isinstance(value, int) else default
