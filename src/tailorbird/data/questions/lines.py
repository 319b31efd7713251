"""Read questions from JSON Lines: one object in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.data.files.lines import line_blocks
from tailorbird.data.files.strict_json import FaultyJsonError, read_object
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


def _object(text: str, line: int, record: int, problems: Problems) -> Mapping[str, object] | None:
    try:
        return read_object(text)
    except FaultyJsonError as exc:
        fault = exc.fault
    problems.add(
        "error",
        "json.line",
        fault.reason,
        fault.fix,
        line=line,
        record=record,
        column=fault.at + 1,
        excerpt=excerpt(text.rstrip(), fault.at),
    )
    return None
