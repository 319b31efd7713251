"""Documents that are sent to an index of Azure AI Search, and what becomes of each.

A document that does not fit the index refuses the whole request; what goes wrong with one action
alone (`merge` of a document that is not there, a text that is too long for one term) is reported
with the action, and the others take effect. Sources: Microsoft Learn, Documents - Index, and
Naming rules of Azure AI Search; for the words of errors, reports of users; read 2026-11-22.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from tailorbird.exceptions import InvalidInputError
from tailorbird.testing._wire.azure import invalid
from tailorbird.testing._wire.search.nodes import moment

if TYPE_CHECKING:
    from tailorbird.testing._wire.search.index import FieldSpec, Index, IndexSpec

MOST_ACTIONS = 1_000
"""Actions in one request (Microsoft Learn, Documents - Index, read 2026-11-22)."""

_ACTIONS = frozenset({"upload", "merge", "mergeOrUpload", "delete"})
_KEY = re.compile(r"(?!_)[A-Za-z0-9_=-]{1,1024}")
_BITS = {"Edm.Int32": 32, "Edm.Int64": 64}
_LARGEST_SINGLE = 3.4028235e38  # of 32 bits, in which vectors are kept
_LONGEST_TERM = 32_766  # bytes; the whole text is one term where it can be filtered by: Lucene's


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What is to be done with one document."""

    word: str
    """`upload`, `merge`, `mergeOrUpload` or `delete`."""
    key: str
    """Key of the document."""
    values: Mapping[str, object]
    """Its fields, as far as they are given."""


def read_actions(spec: IndexSpec, raw: object) -> list[Action]:
    """Check a batch.

    Raises:
        WireError: It is no batch, or one of its documents does not fit the index.
    """
    body = cast("dict[str, object]", raw if isinstance(raw, dict) else {})
    given = body.get("value")
    if set(body) != {"value"} or not isinstance(given, list):
        message = "actions : the body must be an object with 'value', a list of documents."
        raise invalid(message)
    documents = cast("list[object]", given)
    if not 1 <= len(documents) <= MOST_ACTIONS:
        message = f"actions : the list must hold 1 to {MOST_ACTIONS} documents."
        raise invalid(message)
    return [_read_action(spec, one, place) for place, one in enumerate(documents)]


def apply(index: Index, actions: list[Action]) -> list[Mapping[str, object]]:
    """Do what a batch says, and give an `IndexingResult` for each action, in order."""
    documents = dict(index.documents)
    results = [_apply(index.spec, documents, action) for action in actions]
    index.documents = documents
    return results


def _read_action(spec: IndexSpec, raw: object, place: int) -> Action:
    what = f"actions : {place}:"
    if not isinstance(raw, dict):
        raise invalid(f"{what} a document must be an object.")
    values = dict(cast("Mapping[str, object]", raw))
    word = values.pop("@search.action", "upload")
    if not isinstance(word, str) or word not in _ACTIONS:
        raise invalid(f"{what} unknown action; known are {', '.join(sorted(_ACTIONS))}.")
    key = values.get(spec.key)
    if not isinstance(key, str) or not key:
        raise invalid(f"{what} Document key cannot be missing or empty.", code="MissingKeyField")
    if not _KEY.fullmatch(key):
        message = (
            f"{what} Invalid document key: {key!r}. Keys can only contain letters, digits,"
            " underscore (_), dash (-), or equal sign (=), cannot start with an underscore, and"
            " have at most 1024 characters. Encode it, for example by URL-safe base64."
        )
        raise invalid(message, code="InvalidDocumentKey")
    for name, value in values.items():
        found = spec.field(name)
        if found is None:
            message = (
                f"{what} The property {name!r} does not exist on type 'search.documentFields'."
            )
            raise invalid(message)
        _check_value(found, value, what)
    return Action(word=str(word), key=key, values=values)


def _check_value(one: FieldSpec, value: object, what: str) -> None:
    """Do nothing when a value fits a field.

    Raises:
        WireError: It does not.
    """
    if value is None and not one.type.startswith("Collection("):
        return
    if one.is_vector:
        _check_vector(one, value, what)
        return
    kind = one.type.removeprefix("Collection(").removesuffix(")")
    values = [value] if kind == one.type else value
    if not isinstance(values, list) or not all(
        _fits(kind, item) for item in cast("list[object]", values)
    ):
        raise invalid(f"{what} the value of {one.name!r} cannot be converted to {one.type!r}.")


def _check_vector(one: FieldSpec, value: object, what: str) -> None:
    if value is None:
        return
    numbers = cast("list[object]", value) if isinstance(value, list) else [None]
    if not all(_fits("Edm.Double", item) for item in numbers) or any(
        abs(cast("float", number)) > _LARGEST_SINGLE for number in numbers
    ):
        raise invalid(f"{what} the value of {one.name!r} cannot be converted to {one.type!r}.")
    if len(numbers) != one.dimensions:
        message = (
            f"{what} There's a mismatch in vector dimensions. The vector field {one.name!r}, with"
            f" dimension of '{one.dimensions}', expects a length of '{one.dimensions}'. However,"
            f" the provided vector has a length of '{len(numbers)}'."
        )
        raise invalid(message)


def _fits(kind: str, value: object) -> bool:
    """Say whether a JSON value fits a simple type."""
    if kind == "Edm.Boolean":
        return isinstance(value, bool)
    if kind == "Edm.String":
        return isinstance(value, str)
    if kind == "Edm.DateTimeOffset":
        return isinstance(value, str) and _is_moment(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    if kind == "Edm.Double":
        return math.isfinite(value)
    return isinstance(value, int) and abs(value) < 1 << (_BITS[kind] - 1)


def _is_moment(text: str) -> bool:
    try:
        moment(text)
    except InvalidInputError:
        return False
    return True


def _apply(
    spec: IndexSpec, documents: dict[str, Mapping[str, object]], action: Action
) -> Mapping[str, object]:
    before = documents.get(action.key)
    if action.word == "delete":
        documents.pop(action.key, None)
        return _result(action, 200)
    if action.word == "merge" and before is None:
        return _result(action, 404, "Document not found.")
    long = next((one.name for one in spec.fields if _is_too_long(one, action.values)), None)
    if long is not None:
        message = (
            f"Field {long!r} contains a term that is too large to process. The max length for"
            f" UTF-8 encoded terms is {_LONGEST_TERM} bytes. Turn filterable, sortable and"
            " facetable off for fields with long texts."
        )
        return _result(action, 400, message)
    if before is None or action.word == "upload":
        documents[action.key] = action.values
    else:
        documents[action.key] = {**before, **action.values}
    return _result(action, 201 if before is None else 200)


def _is_too_long(one: FieldSpec, values: Mapping[str, object]) -> bool:
    value = values.get(one.name)
    if not one.is_one_term or value is None:
        return False
    texts = cast("list[str]", value) if isinstance(value, list) else [cast("str", value)]
    return any(len(text.encode("utf-8", "surrogatepass")) > _LONGEST_TERM for text in texts)


def _result(action: Action, status: int, message: str | None = None) -> Mapping[str, object]:
    return {
        "key": action.key,
        "status": message is None,
        "errorMessage": message,
        "statusCode": status,
    }
