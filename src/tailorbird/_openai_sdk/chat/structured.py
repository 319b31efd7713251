"""Structured answers: the strict JSON schema of a type, and reading what the model wrote."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from pydantic import PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from tailorbird._openai_sdk.parsing import validated
from tailorbird.exceptions import InvalidInputError, OutputInvalidError

if TYPE_CHECKING:
    from pydantic import JsonValue

T = TypeVar("T")

Schema = dict[str, "JsonValue"]

_WRAPPED = "value"
_LONGEST_NAME = 64  # OpenAPI document 2.3.0, ResponseFormatJsonSchema

# "How to use structured outputs", learn.microsoft.com (read 2026-11-22), has the shorter list of
# what is taken, which holds on OpenAI for tuned models too. These keywords go into the
# description, where a model reads them; the answer is validated against all of them anyway.
_TOLD = (
    *("minLength", "maxLength", "pattern", "format"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minItems", "maxItems", "uniqueItems"),
)
_DROPPED = ("title", "default", "examples", "discriminator", "deprecated", "readOnly", "writeOnly")
_REFUSED = {
    "prefixItems": "a tuple with places of its own: take a model with named fields",
    "patternProperties": "free keys: take a list of models with a field for the key",
    "propertyNames": "free keys: take a list of models with a field for the key",
    "contains": "a list that must contain something: take a plain list",
    "not": "an exclusion: leave it out",
    "if": "a condition: take a union of models",
    "dependentRequired": "fields that depend on others: take a union of models",
    "dependentSchemas": "fields that depend on others: take a union of models",
    "minProperties": "a number of fields: leave it out",
    "maxProperties": "a number of fields: leave it out",
}
# One of these says what a value is; a schema without any allows everything.
_SAYS_WHAT = ("type", "enum", "const", "anyOf", "oneOf", "$ref")


@dataclass(frozen=True, slots=True)
class OutputForm(Generic[T]):
    """The form of a structured answer."""

    name: str
    """What the request calls it."""
    schema: Schema
    """Strict JSON schema of an object."""
    adapter: TypeAdapter[T]
    """Validates the answer."""
    wrapped: bool
    """Whether the wanted type is no object and stands in the field `value` of one."""

    def read(self, text: str) -> tuple[T, str]:
        """Validate an answer; give it with its own JSON text.

        Raises:
            OutputInvalidError: It does not fit the type.
        """
        try:
            inner = self._unwrapped(text) if self.wrapped else text
            return validated(self.adapter.validate_json, inner.encode()), inner
        except ValidationError as exc:
            details = exc.errors(include_input=False, include_url=False, include_context=False)
            reason = "; ".join(
                f"{'.'.join(map(str, one['loc'])) or 'the whole'}: {one['msg']}" for one in details
            )
        except ValueError as exc:
            reason = str(exc)
        # Outside of the handlers: a validation's error holds the answer.
        message = f"the structured answer does not fit {self.name}: {reason}"
        raise OutputInvalidError(message, text=text)

    @staticmethod
    def _unwrapped(text: str) -> str:
        outer = validated(_parsed, text.encode())
        if not isinstance(outer, dict) or _WRAPPED not in outer:
            message = f"the whole: an object with the field {_WRAPPED!r} was asked for"
            raise ValueError(message)
        return to_json(outer[_WRAPPED]).decode()


def _parsed(content: bytes) -> object:
    found: object = from_json(content)
    return found


def make_form(output: type[T]) -> OutputForm[T]:
    """Make the form of an answer of a type.

    Raises:
        InvalidInputError: The type has no JSON schema, or one that servers cannot be held to; the
            message names the path inside the schema.
    """
    try:
        adapter = TypeAdapter(output)
        given = cast("Schema", adapter.json_schema())
    except PydanticUserError as exc:
        message = f"no JSON schema can be made of {output!r}: {exc}"
        raise InvalidInputError(message) from exc
    definitions = cast("Mapping[str, Schema]", given.pop("$defs", {}))
    outermost = _resolved(given, definitions)  # the outermost schema cannot be a reference
    wrapped = outermost.get("type") != "object"
    root = _object({_WRAPPED: _strict(given, "")}) if wrapped else _strict(outermost, "")
    if definitions:
        root["$defs"] = {name: _strict(one, f"$defs.{name}") for name, one in definitions.items()}
    return OutputForm(_name(output), root, adapter, wrapped)


def _strict(schema: JsonValue, path: str) -> Schema:
    """Give a schema as servers want it: closed objects, all fields required, known keywords."""
    if not isinstance(schema, dict):
        raise _refused(path, "anything at all: name a type")
    whole = _without_single_all_of(schema, path)
    for keyword, what in _REFUSED.items():
        if keyword in whole:
            raise _refused(path, what)
    if not any(keyword in whole for keyword in _SAYS_WHAT):
        raise _refused(path, "anything at all: name a type")
    kept = {key: value for key, value in whole.items() if key not in _DROPPED and key not in _TOLD}
    told = [f"{key}: {to_json(whole[key]).decode()}" for key in _TOLD if key in whole]
    if told:
        before = f"{whole['description']} " if "description" in whole else ""
        kept["description"] = f"{before}({', '.join(told)})"
    if "$ref" in kept and len(kept) > 1:  # a reference must stand alone
        kept["anyOf"] = [{"$ref": kept.pop("$ref")}]
    if variants := kept.pop("oneOf", None) or kept.get("anyOf"):
        kept["anyOf"] = [
            _strict(one, f"{path}[{number}]")
            for number, one in enumerate(cast("list[JsonValue]", variants))
        ]
    if "items" in kept:
        kept["items"] = _strict(kept["items"], f"{path}[]")
    if kept.get("type") == "object":
        kept |= _closed(whole, path)
    return kept


def _closed(schema: Schema, path: str) -> Schema:
    if "properties" not in schema or isinstance(schema.get("additionalProperties"), dict):
        raise _refused(path, "free keys: take a list of models with a field for the key")
    fields = cast("Schema", schema["properties"])
    return _object(
        {name: _strict(one, f"{path}.{name}" if path else name) for name, one in fields.items()}
    )


def _object(fields: Mapping[str, JsonValue]) -> Schema:
    return {
        "type": "object",
        "properties": dict(fields),
        "required": list(fields),
        "additionalProperties": False,
    }


def _resolved(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Put what a reference means in its place."""
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return schema
    return definitions[reference.removeprefix("#/$defs/")]


def _without_single_all_of(schema: Schema, path: str) -> Schema:
    parts = schema.get("allOf")
    if parts is None:
        return schema
    if not isinstance(parts, list) or len(parts) != 1 or not isinstance(parts[0], dict):
        raise _refused(path, "several schemas at once: take one model that has all fields")
    return {**parts[0], **{key: value for key, value in schema.items() if key != "allOf"}}


def _refused(path: str, what: str) -> InvalidInputError:
    return InvalidInputError(f"output: {path or 'the whole'} cannot be asked for: it allows {what}")


def _name(output: type[object]) -> str:
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", getattr(output, "__name__", ""))
    return plain[:_LONGEST_NAME] or "output"
