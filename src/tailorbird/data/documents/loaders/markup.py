"""Take the text out of HTML: what a reader sees, with its headings, lists and tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.data.documents.loading import TextBuilder

_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_UNSEEN = frozenset({"script", "style", "template", "noscript", "svg", "nav", "iframe", "object"})
# Elements without an end tag: HTML Living Standard, 13.1.2 "Elements",
# https://html.spec.whatwg.org/multipage/syntax.html#void-elements (read 2026-11-22).
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track"}
    | {"wbr"}
)
_LINES = frozenset({"li", "dt", "dd", "div", "address", "option", "summary", "figcaption"})
_PARAGRAPHS = frozenset(
    {"p", "ul", "ol", "dl", "caption", "blockquote", "pre", "section", "article", "main", "header"}
    | {"footer", "aside", "figure", "form", "hr", "body", "details", "title"}
)
_BLOCKS = _HEADINGS | _LINES | _PARAGRAPHS | {"table", "tr", "td", "th"}
# Elements whose end tag may be left out: 13.1.2.4 "Optional tags" of the same page.
_UNCLOSED = frozenset({"p", "li", "dt", "dd", "tr", "td", "th", "option"})
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t\n\r\f]+")  # what HTML collapses; U+3000 and U+00A0 stay
CELL_SEPARATOR = " | "
"""Stands between two cells of a row."""


class MarkupReader(HTMLParser):
    """Writes the visible text of HTML into a builder. Broken markup gives what can be had."""

    def __init__(self, builder: TextBuilder) -> None:
        """Write into `builder`."""
        super().__init__(convert_charrefs=True)
        self.title = ""
        """What stands in the page's title."""
        self.first_heading = ""
        """The first heading of the first level."""
        self._builder = builder
        self._words: list[str] = []  # of the line that is being read
        self._unseen: list[str] = []  # open elements from the first that is not shown
        self._heading: str | None = None
        self._tables: list[_Table] = []
        self._preformatted = 0

    def finish(self) -> None:
        """Write what is left when the markup has ended."""
        self.close()
        while self._tables:
            self._end_table()
        self._end_line()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._unseen and _ends_by_start(self._unseen[-1], tag):
            self._unseen.pop()
        if self._unseen or tag in _UNSEEN or _is_hidden(attrs):
            if tag not in _VOID:
                self._unseen.append(tag)
            return
        if tag == "table":
            self._begin_table()
        elif tag == "tr":
            self._begin_row()
        elif tag == "br":
            self._break()
        elif tag in {"td", "th"}:
            self._end_cell()
        elif tag in _LINES or tag in _PARAGRAPHS or tag in _HEADINGS:
            self._begin_block(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag in self._unseen:  # closes what was left open within it as well
            del self._unseen[len(self._unseen) - 1 - self._unseen[::-1].index(tag) :]
            return
        if self._unseen and self._unseen[0] in _UNCLOSED and tag in _BLOCKS:
            self._unseen.clear()  # what is around it ends
        if self._unseen:
            return
        if tag == "title":
            self.title = self.title or _collapsed(self._words)
            self._words.clear()
        elif tag in {"td", "th"}:
            self._end_cell()
        elif tag == "tr":
            self._end_row()
        elif tag == "table":
            self._end_table()
        elif tag in _HEADINGS or tag in _LINES or tag in _PARAGRAPHS:
            self._end_block(tag)

    @override
    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._words.append(data)

    def _begin_block(self, tag: str) -> None:
        if self._in_row:
            self._words.append(" ")  # a cell stays on one line
            return
        self._end_line()
        if tag in _HEADINGS:
            self._builder.gap()
            self._heading = tag
        elif tag in _PARAGRAPHS:
            self._builder.gap()
        elif tag == "li":
            self._words.append("- ")
        if tag == "pre":
            self._preformatted += 1

    def _end_block(self, tag: str) -> None:
        if self._in_row:
            self._words.append(" ")
            return
        self._end_line()
        if tag in _PARAGRAPHS or tag in _HEADINGS:
            self._builder.gap()
        if tag == "pre" and self._preformatted:
            self._preformatted -= 1

    def _break(self) -> None:
        if self._in_row:
            self._words.append(" ")
        elif self._preformatted:
            self._words.append("\n")
        else:
            heading = self._heading
            self._end_line()
            self._heading = heading

    def _end_line(self) -> None:
        """Write the words of the line that is being read."""
        text = "".join(self._words).strip("\n") if self._preformatted else _collapsed(self._words)
        self._words.clear()
        if text.strip() not in {"", "-"}:
            if self._heading is not None:
                self._builder.mark("section", text)
            if self._heading == "h1":
                self.first_heading = self.first_heading or text
            self._builder.line(text)
        self._heading = None

    @property
    def _in_row(self) -> bool:
        """Whether a row is open in any table."""
        return any(table.row is not None for table in self._tables)

    def _begin_table(self) -> None:
        if not self._in_row:
            self._end_line()
            self._builder.gap()
        self._tables.append(_Table(before=self._words))
        self._words = []

    def _begin_row(self) -> None:
        if not self._tables:
            self._begin_table()  # a row outside of any table
        self._end_row()
        if not self._in_row:
            self._end_line()
        self._tables[-1].row = []

    def _end_cell(self) -> None:
        """Put what was read into the row, if there is one."""
        row = self._tables[-1].row if self._tables else None
        if row is None:
            self._words.append(" ")
            return
        text = _collapsed(self._words)
        self._words.clear()
        if text:
            row.append(text)

    def _end_row(self) -> None:
        """Write a row, or put it into the cell of the table around it."""
        if not self._tables or self._tables[-1].row is None:
            return
        self._end_cell()
        table = self._tables[-1]
        text = CELL_SEPARATOR.join(table.row or ())
        table.row = None
        if self._in_row:
            table.before.append(f" {text} ")
        elif text:
            self._builder.line(text)

    def _end_table(self) -> None:
        if not self._tables:
            return
        self._end_row()
        self._words = [*self._tables.pop().before, *self._words]
        if not self._in_row:
            self._end_line()
            self._builder.gap()


@dataclass(slots=True)
class _Table:
    """A table that is open."""

    before: list[str]
    """What was read of the cell around it."""
    row: list[str] | None = None
    """Cells of the row that is open; None between rows."""


def _ends_by_start(open_tag: str, tag: str) -> bool:
    """Say whether an open element without an end tag ends where another one begins."""
    if open_tag == "p":
        return tag in _BLOCKS
    return open_tag in _UNCLOSED and tag == open_tag


def _is_hidden(attributes: Sequence[tuple[str, str | None]]) -> bool:
    return any(
        name == "hidden" or (name == "style" and _HIDDEN_STYLE.search(value or ""))
        for name, value in attributes
    )


def _collapsed(words: Sequence[str]) -> str:
    return _BLANKS.sub(" ", "".join(words)).strip(" ")
