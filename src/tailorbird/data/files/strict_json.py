"""JSON taken at its word: no key twice, no NaN, and mistakes told with their place and the fix."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import cast

from tailorbird.data.problems import excerpt

_ONE_OBJECT = "write one complete JSON object in each line"
_ONE_LINE_EACH = "write each object in a line of its own"
_LAST_COMMA = re.compile(r",\s*[}\]]")
_TYPOGRAPHIC = "“”„‟″＂「」"
# What stands at the place where JSON stopped making sense, and what to do about it.
_HINTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"//|/\*|#"), "JSON has no comments: remove it"),
    (re.compile(f"[{_TYPOGRAPHIC}]"), 'write straight quotes (") around keys and texts'),
    (re.compile("'"), 'write double quotes (") around keys and texts'),
    (re.compile(r"(?:None|True|False)\b"), "write null, true or false"),
    (re.compile(r"(?:undefined|nan|inf)\b", re.IGNORECASE), "write a number or null"),
    (_LAST_COMMA, "remove the comma before the bracket"),
    (re.compile(r"[}\]]"), "add what is missing before the bracket"),
    (re.compile(r"[\x00-\x1f]"), r"write it escaped, such as \n or \t"),
    (re.compile(r"\Z"), "the line ends too early: write the whole object in one line"),
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a line is no JSON object."""

    reason: str
    """What is wrong."""
    fix: str
    """What to do about it."""
    at: int = 0
    """Where in the line, from 0; 0 where nothing tells."""


class FaultyJsonError(ValueError):
    """A line holds no JSON object that can be used."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason)
        self.fault = fault


def read_object(text: str) -> dict[str, object]:
    """Read the object in a line.

    Raises:
        FaultyJsonError: There is none; it has a key twice, which `json` would overlook; or a value
            that JSON does not have.
    """
    indent = len(text) - len(text.lstrip())
    try:
        found: object = _DECODER.decode(text.strip())
    except json.JSONDecodeError as exc:
        fault = syntax_fault(exc.doc, exc)
        raise FaultyJsonError(Fault(fault.reason, fault.fix, fault.at + indent)) from None
    except FaultyJsonError:
        raise
    except (RecursionError, ValueError):
        reason = (
            "not JSON that can be read: nested too deeply, or a number with thousands of digits"
        )
        raise FaultyJsonError(Fault(reason, _ONE_OBJECT)) from None
    if isinstance(found, dict):
        return cast("dict[str, object]", found)
    if isinstance(found, list):
        fix = "write one object in each line, without [ ] around them"
        raise FaultyJsonError(Fault("the line holds a list, not an object", fix))
    raise FaultyJsonError(Fault("the line is JSON, but not an object", _ONE_OBJECT))


def syntax_fault(text: str, exc: json.JSONDecodeError) -> Fault:
    """Say what `json` stumbled over, and what to do about it.

    A comma too many is told where it stands, as Python does from 3.13 on; earlier ones point at the
    bracket behind it.
    """
    at, said = exc.pos, exc.msg
    before = text[:at].rstrip()
    start = len(before) - 1 if before.endswith(",") else at
    if _LAST_COMMA.match(text, start):
        at, said = start, "a comma too many"
    fix = next((fix for sign, fix in _HINTS if sign.match(text, at)), _ONE_OBJECT)
    if said == "Extra data" and text[at] in "{[":
        fix = _ONE_LINE_EACH
    elif said == "Extra data" and text[at:].strip() == ",":
        fix = "remove the comma at the end of the line"
    elif said.startswith("Unexpected UTF-8 BOM"):
        said = "a byte-order mark"
        fix = "remove it: it may stand at the beginning of the file only"
    elif said.startswith("Invalid \\escape"):
        fix = r"write a backslash as \\"
    return Fault(f"not JSON: {said[0].lower()}{said[1:]}", fix, at)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        reason = f"the key {excerpt(twice)!r} is there twice in one object"
        raise FaultyJsonError(Fault(reason, "remove one of them"))
    return found


def _no_constant(name: str) -> object:
    raise FaultyJsonError(Fault(f"{name} is no JSON value", "write a finite number or null"))


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
