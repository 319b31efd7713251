"""Know for each place of a document its section, page, sheet and row."""

from __future__ import annotations

import sys
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from tailorbird.text.headings import markdown_headings, plain_headings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tailorbird.text.headings import Heading
    from tailorbird.types.retrieval import Document, Mark, MetadataValue

_MARKDOWN_SUFFIXES = (".md", ".markdown")

ALL = sys.maxsize
"""A place behind the end of every text."""


class Section(NamedTuple):
    """A part of a document that a heading or a sheet's name opens."""

    start: int
    """Where it begins, counted in code points."""
    title: str | None
    """Its heading; None when it has none, so that the one before it does not go on."""


class Outline:
    """The parts of one document."""

    def __init__(self, document: Document) -> None:
        """Find the parts by the document's marks, or by its text."""
        self._text = document.text
        self._metadata = document.metadata
        marks = document.marks
        self._pages = [mark for mark in marks if mark.kind == "page"]
        self._sheets = [mark for mark in marks if mark.kind == "sheet"]
        self._rows = [mark for mark in marks if mark.kind == "row"]
        self._counted = (0, 0, 0)  # start, end and lines of the last count
        self.sections: Sequence[Section] = _sections(document)
        """The parts that have a heading, in order; the text before the first has none."""
        self.rows_from: int = min((one.start for one in (*self._sheets, *self._rows)), default=ALL)
        """Where the rows of tables begin, each of which is a line; behind every text for others."""

    def section(self, at: int) -> str | None:
        """Give the heading that stands over a place; None where there is none."""
        found = bisect_right(self.sections, at, key=lambda one: one.start) - 1
        return self.sections[found].title if found >= 0 else None

    def page(self, at: int) -> int | None:
        """Give the page of a place, from 1; None for texts without pages."""
        mark = _before(self._pages, at)
        page = self._metadata.get("page") if mark is None else mark.value
        return page if type(page) is int and page > 0 else None

    def metadata(self, at: int, end: int) -> Mapping[str, MetadataValue]:
        """Give the document's metadata, for a table with sheet and rows of a piece of its text.

        Args:
            at: Where the piece begins; its sheet and first row are those of this place.
            end: One behind its last character, which is no white space. The last row is given when
                the piece has rows of one sheet only.
        """
        sheet, row = _before(self._sheets, at), _before(self._rows, at)
        if sheet is not None and (row is None or row.start < sheet.start):
            row = self._first_row(sheet, at)
        if sheet is None and row is None:
            return self._metadata
        found = dict(self._metadata)
        if sheet is not None:
            found["sheet"] = sheet.value
        if row is not None and isinstance(row.value, int):
            found["row"] = row.value + self._lines(row.start, max(at, row.start))
            last = _before(self._rows, end - 1)
            alone = _before(self._sheets, end - 1) == sheet
            if alone and last and last.start >= row.start and isinstance(last.value, int):
                found["last_row"] = last.value + self._lines(last.start, end)
        return found

    def _lines(self, start: int, end: int) -> int:
        """Count the line ends between two places, from the last count on where that is nearer.

        A table without gaps has one mark, from which on all chunks would count again.
        """
        begin, counted_to, lines = self._counted
        if begin != start:
            counted_to, lines = start, 0
        if counted_to <= end:
            lines += self._text.count("\n", counted_to, end)
        else:
            lines -= self._text.count("\n", end, counted_to)
        self._counted = (start, end, lines)
        return lines

    def _first_row(self, sheet: Mark, at: int) -> Mark | None:
        """Give the first row of the sheet whose name stands at the place."""
        found = bisect_right(self._rows, at, key=lambda one: one.start)
        following = self._rows[found : found + 1]
        nearest = bisect_right(self._sheets, sheet.start, key=lambda one: one.start)
        end = self._sheets[nearest].start if nearest < len(self._sheets) else len(self._text)
        return next((one for one in following if one.start < end), None)


def _before(marks: Sequence[Mark], at: int) -> Mark | None:
    """Give the last mark that is not behind a place."""
    found = bisect_right(marks, at, key=lambda one: one.start) - 1
    return marks[found] if found >= 0 else None


def _sections(document: Document) -> list[Section]:
    """Find the sections: as marked, or by the headings that the kind of document has."""
    marks = [mark for mark in document.marks if mark.kind in {"section", "sheet"}]
    if marks:
        return [Section(mark.start, str(mark.value) or None) for mark in marks]
    return [Section(one.start, one.title or None) for one in _headings(document)]


def _headings(document: Document) -> list[Heading]:
    names = (document.source.lower(), document.id.lower())
    if any(name.endswith(_MARKDOWN_SUFFIXES) for name in names):
        return markdown_headings(document.text)
    found = plain_headings(document.text)
    if found or document.marks or any(name.endswith(".txt") for name in names):
        return found
    return markdown_headings(document.text)
