"""Read questions from JSON Lines: one object in a line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tailorbird.data.files.lines import line_blocks
from tailorbird.data.problems import excerpt
from tailorbird.data.tables.objects import ObjectReader, batch_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tailorbird.data.files.encodings import TextFile
    from tailorbird.data.problems import Problems
    from tailorbird.data.tables.columns import Wanted
    from tailorbird.data.tables.objects import Row
    from tailorbird.data.tables.rows import Batch

SUFFIXES = (".jsonl", ".ndjson", ".json")
"""Endings of file names that mean JSON Lines; every other file is a table."""

_FIXES = (
    ("{'", "write double quotes around keys and texts"),
    ("//", "JSON has no comments: remove the line"),
    ("#", "JSON has no comments: remove the line"),
)


def json_batches(file: TextFile, wanted: Wanted | None, problems: Problems) -> Iterator[Batch]:
    """Read JSON Lines in batches of rows, reporting lines that hold no usable object."""
    reader = ObjectReader("json", wanted, problems)
    record = 0
    for block in line_blocks(file.blocks(problems), problems):
        rows: list[Row] = []
        for line, text in enumerate(block.lines, start=block.first):
            if not text.strip():
                continue
            if not record and text.lstrip().startswith("["):
                reason = "the file is one JSON array, not JSON Lines"
                fix = "write one object in each line, without [ ] and without commas between them"
                problems.add("error", "json.array", reason, fix, line=line)
                return
            record += 1
            found = _object(text, line, record, problems)
            row = None if found is None else reader.read(found, line, record)
            if row is not None:
                rows.append(row)
        if rows:
            yield batch_of(rows, "json")


class _KeyTwiceError(ValueError):
    """An object has a key twice; `json` would keep the last without a word."""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [key for key, _ in pairs]
        key = next(key for key in names if names.count(key) > 1)
        raise _KeyTwiceError(f"the key {key!r} is there twice in one object")
    return found


def _no_constant(name: str) -> object:
    raise _KeyTwiceError(f"{name} is no JSON value")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def _object(text: str, line: int, record: int, problems: Problems) -> Mapping[str, object] | None:
    column, fix = 1, "write one complete JSON object in each line"
    try:
        found: object = _DECODER.decode(text.strip())
    except json.JSONDecodeError as exc:
        indent = len(text) - len(text.lstrip())
        column = exc.pos + indent + 1
        reason = f"not JSON: {exc.msg}"
        fix = next((fix for start, fix in _FIXES if text.lstrip().startswith(start)), fix)
    except _KeyTwiceError as exc:
        reason, fix = str(exc), "remove it"
    except (RecursionError, ValueError):
        reason = (
            "not JSON that can be read: nested too deeply, or a number with thousands of digits"
        )
    else:
        if isinstance(found, dict):
            return found  # pyright: ignore[reportUnknownVariableType] - JSON keys are text
        reason = "the line is JSON, but no object"
    piece = excerpt(text.strip(), column - 1)
    problems.add(
        "error", "json.line", reason, fix, line=line, record=record, column=column, excerpt=piece
    )
    return None
