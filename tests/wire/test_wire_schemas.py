"""JSON schemas that requests carry."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tailorbird.testing._wire.errors import WireError
from tailorbird.testing._wire.schemas import check_strict, fits, output_type


@pytest.mark.parametrize(
    ("value", "schema", "wanted"),
    [
        ("x", {}, True),
        ("x", {"type": "string"}, True),
        (1, {"type": "string"}, False),
        (True, {"type": "integer"}, False),
        (True, {"type": "boolean"}, True),
        (1.5, {"type": "number"}, True),
        (None, {"type": ["string", "null"]}, True),
        (1, {"type": ["string", "null"]}, False),
        (1, {"type": "unheard-of"}, True),
        ("b", {"enum": ["a"]}, False),
        ("a", {"enum": ["a"]}, True),
        ("b", {"const": "a"}, False),
        ("a", {"const": "a"}, True),
        (1, {"anyOf": [{"type": "string"}, {"type": "null"}]}, False),
        (None, {"anyOf": [{"type": "string"}, {"type": "null"}]}, True),
        ([1, "a"], {"type": "array", "items": {"type": "integer"}}, False),
        ([1], {"type": "array", "items": {"type": "integer"}}, True),
        ({}, {"type": "object", "required": ["a"]}, False),
        ({"a": 1}, {"properties": {}, "additionalProperties": False}, False),
        ({"a": 1}, {"properties": {"a": {"type": "string"}}}, False),
        ({"a": 1}, {"properties": {"a": {"type": "integer"}}, "required": ["a"]}, True),
    ],
)
def test_a_value_fits_its_schema(value: object, schema: dict[str, Any], *, wanted: bool) -> None:
    """Types, choices and properties are looked at."""
    assert fits(value, schema) is wanted


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    )
)
def test_every_value_fits_the_empty_schema_and_itself(value: object) -> None:
    """Nothing is refused without a reason."""
    assert fits(value, {})
    assert fits(value, {"const": value})
    assert fits(value, {"enum": [value]})


def test_an_output_type_takes_what_fits() -> None:
    """The type has the schema, references replaced, and refuses what does not fit."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"node": {"$ref": "#/$defs/Node"}},
        "required": ["node"],
        "$defs": {
            "Node": {
                "type": "object",
                "properties": {"next": {"$ref": "#/$defs/Node"}, "all": {"$ref": "#"}},
            }
        },
    }
    adapter: TypeAdapter[Any] = TypeAdapter(output_type(schema, name="Tree"))
    shown = adapter.json_schema()
    assert "$defs" not in shown
    assert shown["properties"]["node"]["type"] == "object"
    assert adapter.validate_json('{"node": {}}') == {"node": {}}
    with pytest.raises(ValidationError, match="does not fit"):
        adapter.validate_json("{}")


@pytest.mark.parametrize(
    "part",
    [
        {"type": "array", "items": {"type": "object"}},
        {"anyOf": [{"type": "object"}, {"type": "null"}]},
        {"$ref": "#/$defs/Open"},
    ],
)
def test_strictness_reaches_every_object(part: dict[str, Any]) -> None:
    """An open object is found wherever it stands."""
    schema = {
        "type": "object",
        "properties": {"a": part},
        "required": ["a"],
        "additionalProperties": False,
        "$defs": {"Open": {"properties": {}}},
    }
    if "$ref" not in part:
        del schema["$defs"]
    with pytest.raises(WireError, match="additionalProperties"):
        check_strict(schema, name="f", param="p")
