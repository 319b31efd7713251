"""Tell where in a workbook or table a part of a chunk stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tailorbird.types.answers import RetrievedPassage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tailorbird.types.retrieval import Chunk, Hit, MetadataValue, Span

SHEET, ROW, LAST_ROW = "sheet", "row", "last_row"
"""Keys in the metadata of a chunk of a table; see `Chunk.metadata`."""

_LINE = re.compile(r"[^\s](?:[^\n]*[^\s])?")


def sheet_of(chunk: Chunk) -> str | None:
    """Give the sheet that a chunk lies in; None for other texts, and where it spans several."""
    sheet = chunk.metadata.get(SHEET)
    return sheet if isinstance(sheet, str) and _rows(chunk.metadata) is not None else None


def rows_of(chunk: Chunk, part: Span | None = None) -> tuple[int, int] | None:
    """Give first and last row of a chunk, or of a part of it; None where it is not known.

    Rows are lines. Where the chunk has not one line for each of its rows, because empty ones were
    left out, the rows of the whole chunk are given for any part.

    Args:
        chunk: The chunk.
        part: Characters of the chunk's text, from 0; None takes all of it.
    """
    rows = _rows(chunk.metadata)
    if rows is None or part is None:
        return rows
    first, last = rows
    text = chunk.text.rstrip()
    lines = text.split("\n")
    # A sheet begins with a line that holds its name, which is no row.
    named = lines[0].strip() == chunk.metadata.get(SHEET)
    if len(lines) - named != last - first + 1:
        return rows
    top = first - named
    start = max(first, top + text.count("\n", 0, part.start))
    return start, max(start, min(last, top + text.count("\n", 0, max(part.start, part.end - 1))))


def row_parts(chunk: Chunk, parts: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Divide parts of a chunk's text so that each lies in one row of a table.

    Rows are lines; parts of a chunk that is not of a table stay as they are. Spans count from the
    beginning of the chunk's text, without white space at their ends; blank ones are left out.
    """
    if not _is_table(chunk.metadata):
        return list(parts)
    return [
        (line.start(), line.end())
        for start, end in parts
        for line in _LINE.finditer(chunk.text, start, end)
    ]


def retrieved_passage(hit: Hit) -> RetrievedPassage:
    """Say where a hit stands and how well it fitted, without its text."""
    chunk = hit.chunk
    return RetrievedPassage(
        document=chunk.document,
        source=chunk.source,
        page=chunk.page,
        sheet=sheet_of(chunk),
        rows=rows_of(chunk),
        span=chunk.span,
        score=hit.score,
        score_kind=hit.score_kind,
    )


def joined_metadata(first: Chunk, second: Chunk) -> Mapping[str, MetadataValue]:
    """Give the metadata of two neighbors put together, `first` beginning before `second`.

    They are those of `first`; its last row becomes that of the chunk that ends later.
    """
    metadata = {key: value for key, value in first.metadata.items() if key != LAST_ROW}
    later = second if second.span.end > first.span.end else first
    same = first.metadata.get(SHEET) == second.metadata.get(SHEET)
    whole = LAST_ROW in first.metadata and LAST_ROW in second.metadata
    return {**metadata, LAST_ROW: later.metadata[LAST_ROW]} if same and whole else metadata


def _is_table(metadata: Mapping[str, MetadataValue]) -> bool:
    """Say whether a chunk is of a table; one that spans several sheets has no last row."""
    several = isinstance(metadata.get(SHEET), str) and type(metadata.get(ROW)) is int
    return several or _rows(metadata) is not None


def _rows(metadata: Mapping[str, MetadataValue]) -> tuple[int, int] | None:
    first, last = metadata.get(ROW), metadata.get(LAST_ROW)
    # A user's own metadata can have these keys with anything behind them.
    if type(first) is not int or type(last) is not int or not 1 <= first <= last:
        return None
    return first, last
