"""JSON schemas that requests carry: checked as the clouds do, and made into output types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from json import JSONDecoder
from typing import TYPE_CHECKING, TypeAlias, cast

from pydantic_core import PydanticCustomError, core_schema

from tailorbird.testing._wire.bodies import invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, JsonValue
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

Schema: TypeAlias = "Mapping[str, JsonValue]"
"""A JSON schema."""

_DEEPEST = 8  # levels to which references are replaced by what they mean
_MOST_TRIES = 20  # braces of a text that are looked at
_DECODER = JSONDecoder()
_LARGEST = 20_000  # parts of a schema in which references are replaced
_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


def check_strict(schema: Schema, *, name: str, param: str, code: str | None = None) -> None:
    """Do nothing when a strict schema keeps the rules of structured outputs.

    Raises:
        WireError: The root is no object, or an object allows other properties, or leaves some out
            of `required`. Source: OpenAI, structured outputs guide, "Supported schemas", read
            2026-11-22.
    """
    if schema.get("type") != "object":
        message = f"Invalid schema for {name!r}: schema must be of 'type': 'object'."
        raise invalid(param, message, code=code)
    for place, part in _objects(schema, "()"):
        if part.get("additionalProperties") is not False:
            message = (
                f"Invalid schema for {name!r}: In context={place}, 'additionalProperties' is"
                " required to be supplied and to be false."
            )
            raise invalid(param, message, code=code)
        left_out = sorted(set(_mapping(part.get("properties"))) - set(_texts(part.get("required"))))
        if left_out:
            message = (
                f"Invalid schema for {name!r}: In context={place}, 'required' is required to be"
                f" supplied and to include every key in properties. Missing {left_out[0]!r}."
            )
            raise invalid(param, message, code=code)


def output_type(schema: Schema, *, name: str) -> type[object]:
    """Make a type of structured output that has this schema.

    A fake fills the form that the schema describes; what a tuned model remembers is taken when it
    fits. References are replaced by what they mean, to a bounded depth.
    """
    plain = _Replacing(schema).replaced(schema, depth=0)

    class Form:
        @classmethod
        def __get_pydantic_core_schema__(
            cls, source: object, handler: GetCoreSchemaHandler
        ) -> CoreSchema:
            return core_schema.no_info_plain_validator_function(check)

        @classmethod
        def __get_pydantic_json_schema__(
            cls, core: CoreSchema, handler: GetJsonSchemaHandler
        ) -> JsonSchemaValue:
            return dict(plain)

    def check(value: object) -> object:
        if not fits(cast("JsonValue", value), plain):
            kind = "wire_schema"
            raise PydanticCustomError(kind, "the value does not fit the schema")
        return value

    Form.__name__ = name
    return Form


def told_form(texts: Iterable[str]) -> type[object] | None:
    """Make a type of the first JSON schema of an object that stands in texts; None without one.

    So clients ask for a form that let a model answer with any JSON object: their instructions hold
    the schema.
    """
    for text in texts:
        for begin in islice(re.finditer(r"\{", text), _MOST_TRIES):
            try:
                found: JsonValue = _DECODER.raw_decode(text, begin.start())[0]
            except (ValueError, RecursionError):
                continue
            if isinstance(found, dict) and isinstance(found.get("properties"), dict):
                return output_type(found, name="form")
    return None


def fits(value: JsonValue, schema: Schema) -> bool:
    """Say whether a value fits a schema, as far as types, choices and properties go.

    Not looked at: patterns, formats, lengths, ranges, references.
    """
    choices = [_mapping(one) for one in _list(schema.get("anyOf"))]
    if choices and not any(fits(value, one) for one in choices):
        return False
    if "enum" in schema and value not in _list(schema["enum"]):
        return False
    if "const" in schema and value != schema["const"]:
        return False
    kinds = schema.get("type", [])
    names = [kinds] if isinstance(kinds, str) else _texts(kinds)
    if names and not any(_is(value, one) for one in names):
        return False
    if isinstance(value, dict):
        return _object_fits(value, schema)
    item = _mapping(schema.get("items"))
    return not isinstance(value, list) or all(fits(one, item) for one in value)


def _object_fits(value: Mapping[str, JsonValue], schema: Schema) -> bool:
    properties = _mapping(schema.get("properties"))
    if not set(_texts(schema.get("required"))) <= value.keys():
        return False
    if schema.get("additionalProperties") is False and not value.keys() <= properties.keys():
        return False
    return all(fits(one, _mapping(properties.get(key))) for key, one in value.items())


def _is(value: JsonValue, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _JSON_TYPES.get(kind, (object,)))


def _objects(schema: Schema, place: str) -> Iterator[tuple[str, Schema]]:
    """Give the objects that a schema describes, with the places where they stand."""
    if schema.get("type") == "object" or "properties" in schema:
        yield place, schema
    for key in ("properties", "$defs", "definitions"):
        for name, part in _mapping(schema.get(key)).items():
            yield from _objects(_mapping(part), f"('{key}', '{name}')")
    yield from _objects(_mapping(schema.get("items")), f"{place} items") if schema else ()
    for number, part in enumerate(_list(schema.get("anyOf"))):
        yield from _objects(_mapping(part), f"('anyOf', '{number}')")


class _Replacing:
    """Replaces the references of one schema."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._left = _LARGEST

    def replaced(self, schema: Schema, *, depth: int) -> dict[str, JsonValue]:
        self._left -= 1
        reference = schema.get("$ref")
        if isinstance(reference, str):
            if depth >= _DEEPEST or self._left < 0:
                return {}
            rest = {key: one for key, one in schema.items() if key != "$ref"}
            return self.replaced({**self._meant(reference), **rest}, depth=depth + 1)
        kept = {key: one for key, one in schema.items() if key not in {"$defs", "definitions"}}
        return {key: self._part(one, depth) for key, one in kept.items()}

    def _part(self, part: JsonValue, depth: int) -> JsonValue:
        if isinstance(part, dict):
            return self.replaced(part, depth=depth)
        if isinstance(part, list):
            return [self._part(one, depth) for one in part]
        return part

    def _meant(self, reference: str) -> Schema:
        found = self._root
        for name in reference.removeprefix("#").strip("/").split("/"):
            found = _mapping(found.get(name)) if name else found
        return found


def _mapping(value: JsonValue | Schema) -> Schema:
    return value if isinstance(value, Mapping) else {}


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _texts(value: JsonValue) -> list[str]:
    return [one for one in _list(value) if isinstance(one, str)]
