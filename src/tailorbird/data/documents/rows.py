"""Read documents from rows: objects of a JSON Lines file, or mappings that a program gives."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from tailorbird.data.documents.checks import Draft, Place, wrong_value
from tailorbird.data.files.lines import line_blocks
from tailorbird.data.files.strict_json import FaultyJsonError, read_object
from tailorbird.data.problems import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tailorbird.data.documents.checks import DocumentChecker
    from tailorbird.data.files.encodings import TextFile
    from tailorbird.data.problems import Problems
    from tailorbird.types.retrieval import Document

_OWN_KEYS = frozenset({"id", "title", "text", "source", "metadata"})
_SOURCE_KEYS = ("source", "url", "file")
_SHOWN_KEYS = 6
_UNDECODED = re.compile("[\udc80-\udcff]")  # what could not be decoded has been reported


class RowReader:
    """Reads rows of one source; remembers the keys it could not keep."""

    def __init__(self, name: str, checker: DocumentChecker, problems: Problems) -> None:
        """Read on behalf of a checker; ids and sources that are not given are made of `name`."""
        self._name = name
        self._checker = checker
        self._problems = problems
        self._left_out: set[str] = set()

    def read(self, row: Mapping[str, object], *, line: int | None, record: int) -> Document | None:
        """Make a document of a row; None when it is blank or refused, which has been reported.

        `id` (text or a whole number; else made from the source and the row's number), `text`,
        `title`, `source` (else `url`, else `file`, else the place) and `metadata`; further keys
        join the metadata where their values fit into it.
        """
        place = Place(problems=self._problems, line=line, record=record)
        before = self._problems.error_count
        text = _text(row, "text", place)
        if text is None and self._problems.error_count == before:
            names = ", ".join(repr(str(key)) for key in list(row)[:_SHOWN_KEYS]) or "none"
            reason = f"there is no 'text'; the keys are: {names}"
            fix = "rename the key that holds the document's text to 'text'"
            place.report("error", "document.row", reason, fix, field="text")
        name = row.get("id")
        if isinstance(name, int) and not isinstance(name, bool):
            row = {**row, "id": str(name)}
        draft = Draft(
            id=_text(row, "id", place) or f"{self._name}#{record}",
            text=text or "",
            title=_text(row, "title", place) or "",
            source=_source(row, place) or f"{self._name}:{line or record}",
            metadata=self._metadata(row, place),
        )
        return self._checker.accept(draft, place) if self._problems.error_count == before else None

    def _metadata(self, row: Mapping[str, object], place: Place) -> dict[str, object]:
        """Join the further keys with the metadata, which wins."""
        given = row.get("metadata")
        if given is not None and not isinstance(given, Mapping):
            reason = f"'metadata' is of the type {type(given).__name__!r}, not an object"
            place.report("error", "document.row", reason, "write { … }", field="metadata")
            return {}
        extra = {key: value for key, value in row.items() if key not in _OWN_KEYS}
        for key, value in extra.items():
            wrong = wrong_value(value)
            if wrong is not None and key not in self._left_out:
                self._left_out.add(key)
                reason = f"{excerpt(str(key))!r} {wrong}: it is left out (told once for this key)"
                fix = "to keep it, make it text, True or False, or a number"
                place.report("warning", "document.key", reason, fix, field=f"{key!s:.40}")
        kept = {key: value for key, value in extra.items() if wrong_value(value) is None}
        return {**kept, **cast("Mapping[str, object]", given or {})}


def documents_of_lines(
    file: TextFile, name: str, checker: DocumentChecker, problems: Problems
) -> Iterator[Document]:
    """Read a JSON Lines file, one document after the other; memory stays flat."""
    reader = RowReader(name, checker, problems)
    record = 0
    for block in line_blocks(file.blocks(problems), problems):
        for line, text in enumerate(block.lines, start=block.first):
            if not text.strip():
                continue
            record += 1
            row = _row(text, Place(problems=problems, line=line, record=record))
            document = None if row is None else reader.read(row, line=line, record=record)
            if document is not None:
                yield document


def _row(text: str, place: Place) -> Mapping[str, object] | None:
    """Read the object in a line; None when there is none, which has been reported."""
    if _UNDECODED.search(text):
        return None
    try:
        return read_object(text)
    except FaultyJsonError as exc:
        fault = exc.fault
    place.problems.add(
        "error",
        "document.row",
        fault.reason,
        fault.fix,
        line=place.line,
        record=place.record,
        column=fault.at + 1,
        excerpt=excerpt(text.rstrip(), fault.at),
    )
    return None


def _source(row: Mapping[str, object], place: Place) -> str | None:
    """Give the first source that a row names; None without one."""
    key = next((key for key in _SOURCE_KEYS if row.get(key)), None)
    return None if key is None else _text(row, key, place)


def _text(row: Mapping[str, object], key: str, place: Place) -> str | None:
    """Give a text of a row; None when it is not given, or is no text, which has been reported."""
    value = row.get(key)
    if value is None or isinstance(value, str):
        return value
    reason = f"{key!r} is of the type {type(value).__name__!r}, not text"
    place.report("error", "document.row", reason, "put it into quotes", field=key)
    return None
