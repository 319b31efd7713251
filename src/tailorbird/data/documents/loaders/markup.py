"""Take the text out of HTML: what a reader sees, with its headings, lists and tables."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird.data.documents.loaders.markup_parts import OpenList, OpenTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tailorbird.data.documents.loading import TextBuilder

    _Attributes = Sequence[tuple[str, str | None]]

_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
# `rt` and `rp` hold readings that stand above Japanese words, and would tear them apart.
_UNSEEN = frozenset(
    {"script", "style", "template", "noscript", "svg", "nav", "iframe", "object", "rt", "rp"}
)
# Elements without an end tag: HTML Living Standard, 13.1.2 "Elements",
# https://html.spec.whatwg.org/multipage/syntax.html#void-elements (read 2026-11-22).
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track"}
    | {"wbr"}
)
_LINES = frozenset({"li", "dt", "dd", "div", "address", "option", "summary", "figcaption"})
_PARAGRAPHS = frozenset(
    {"p", "dl", "caption", "blockquote", "pre", "section", "article", "main", "header"}
    | {"footer", "aside", "figure", "form", "hr", "body", "details", "title"}
)
_LISTS = frozenset({"ul", "ol", "menu"})
_BLOCKS = _HEADINGS | _LINES | _PARAGRAPHS | _LISTS | {"table", "tr", "td", "th"}
# Elements whose end tag may be left out: 13.1.2.4 "Optional tags" of the same page.
_UNCLOSED = frozenset({"p", "li", "dt", "dd", "tr", "td", "th", "option", "rt", "rp"})
# Not `--bg-opacity: 0`, which is a variable; every run is taken once and for all (`*+`), or a style
# of zeros would take days.
_HIDDEN_STYLE = re.compile(
    r"(?<![\w-])(?:display\s*+:\s*+none|visibility\s*+:\s*+hidden|(?:font-size|opacity)\s*+:\s*+"
    r"(?:0++(?:\.0*+)?|\.0++)(?:[a-z]++|%)?\s*+(?:;|!|$))",
    re.IGNORECASE,
)
_DEEPEST_TABLE = 16  # layouts nest some; the text of a table is looked at once for each around it
_DEEPEST_LIST = 8  # further ones are not indented more
_COMMENT_END = re.compile(r"--!?\s*>")
_WHOLE = re.compile(r"\s*([+-]?[0-9]{1,9})\s*", re.ASCII)
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
        self._unseen_count: Counter[str] = Counter()
        self._heading: str | None = None
        self._lists: list[OpenList] = []
        self._marker = ""  # of the item of a list whose first line is still to come
        self._tables: list[OpenTable] = []
        self._rows = 0  # how many of them have a row that is open
        self._deeper = 0  # tables within those, which are not told apart
        self._preformatted = 0

    def read(self, markup: str) -> None:
        """Write the text of a whole page."""
        self.feed(_closed(markup))
        self.close()
        self._deeper = 0
        while self._tables:
            self._end_table()
        self._end_line()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._is_unseen(tag, attrs):
            return
        if tag == "table":
            self._begin_table()
        elif tag == "tr":
            self._begin_row()
        elif tag == "br":
            self._break()
        elif tag in {"td", "th"}:
            self._begin_cell(dict(attrs))
        elif tag in _LISTS:
            self._begin_list(tag, dict(attrs))
        elif tag in _LINES or tag in _PARAGRAPHS or tag in _HEADINGS:
            self._begin_block(tag, attrs)

    @override
    def handle_endtag(self, tag: str) -> None:
        if self._unseen_count[tag]:
            self._see_again(tag)
            return
        if self._unseen and self._unseen[0] in _UNCLOSED and tag in _BLOCKS | {"ruby"}:
            self._unseen.clear()  # what is around it ends
            self._unseen_count.clear()
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
        elif tag in _LISTS:
            self._end_list()
        elif tag in _HEADINGS or tag in _LINES or tag in _PARAGRAPHS:
            self._end_block(tag)

    @override
    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._words.append(data)

    def _is_unseen(self, tag: str, attributes: _Attributes) -> bool:
        """Say whether an element that begins is not shown; if so, remember that it is open."""
        if self._unseen and _ends_by_start(self._unseen[-1], tag):
            self._see_again(self._unseen[-1])
        unseen = bool(self._unseen) or tag in _UNSEEN or _is_hidden(tag, attributes)
        if unseen and tag not in _VOID:
            self._unseen.append(tag)
            self._unseen_count[tag] += 1
        return unseen

    def _see_again(self, tag: str) -> None:
        """Close an element that is not shown, and what was left open within it."""
        while True:
            closed = self._unseen.pop()
            self._unseen_count[closed] -= 1
            if closed == tag:
                return

    def _begin_list(self, tag: str, attributes: Mapping[str, str | None]) -> None:
        if self._in_row:
            self._words.append(" ")
        else:
            self._end_line()
            if not self._lists:
                self._builder.gap()
        first = _whole(attributes.get("start")) if tag == "ol" else None
        kind = (attributes.get("type") or "1") if tag == "ol" else ""
        self._lists.append(OpenList(kind=kind, last=(1 if first is None else first) - 1))

    def _end_list(self) -> None:
        if self._in_row:
            self._words.append(" ")
        else:
            self._end_line()
            self._marker = ""
            if len(self._lists) == 1:
                self._builder.gap()
        if self._lists:
            self._lists.pop()

    def _begin_item(self, attributes: Mapping[str, str | None]) -> None:
        indent = "  " * min(len(self._lists) - 1, _DEEPEST_LIST)
        items = self._lists[-1] if self._lists else OpenList()
        self._marker = indent + items.next(_whole(attributes.get("value")))

    def _begin_block(self, tag: str, attributes: _Attributes) -> None:
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
            self._begin_item(dict(attributes))
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
        elif tag == "li":
            self._marker = ""  # where nothing stood in the item

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
        if text.strip():
            if self._heading is not None:
                self._builder.mark("section", text)
            if self._heading == "h1":
                self.first_heading = self.first_heading or text
            self._builder.line(f"{self._marker}{text}")
            self._marker = ""
        self._heading = None

    @property
    def _in_row(self) -> bool:
        """Whether a row is open in any table."""
        return self._rows > 0

    def _begin_table(self) -> None:
        if len(self._tables) == _DEEPEST_TABLE:
            self._deeper += 1
            return
        if not self._in_row:
            self._end_line()
            self._builder.gap()
        self._tables.append(OpenTable(before=self._words))
        self._words = []

    def _begin_row(self) -> None:
        if not self._tables:
            self._begin_table()  # a row outside of any table
        self._end_row()
        if not self._in_row:
            self._end_line()
        self._tables[-1].row = []
        self._rows += 1

    def _begin_cell(self, attributes: Mapping[str, str | None]) -> None:
        self._end_cell()
        if self._tables:
            rows, columns = map(_whole, (attributes.get("rowspan"), attributes.get("colspan")))
            self._tables[-1].cell = (rows or 1, columns or 1)

    def _end_cell(self) -> None:
        """Put what was read into the row, if there is one."""
        table = self._tables[-1] if self._tables else None
        if table is None or table.row is None:
            self._words.append(" ")
            return
        text = _collapsed(self._words)
        self._words.clear()
        table.put(table.row, text)

    def _end_row(self) -> None:
        """Write a row, or put it into the cell of the table around it."""
        if not self._tables or self._tables[-1].row is None:
            return
        self._end_cell()
        table = self._tables[-1]
        text = CELL_SEPARATOR.join(table.end_row())
        self._rows -= 1
        if self._in_row:
            table.before.append(f" {text} ")
        elif text:
            self._builder.line(text)

    def _end_table(self) -> None:
        if self._deeper or not self._tables:
            self._deeper = max(0, self._deeper - 1)
            return
        self._end_row()
        self._words = [*self._tables.pop().before, *self._words]
        if not self._in_row:
            self._end_line()
            self._builder.gap()


def _closed(markup: str) -> str:
    """Take for text what begins markup and never ends.

    The parser would look for each end in all that follows, so that a page of them takes days. A
    section such as `<![if …]>` ends with the next `>`, as browsers have it; the parser does not
    know all of them.
    """
    markup = markup.replace("<![", "<!-[")
    last_comment = max((one.end() for one in _COMMENT_END.finditer(markup)), default=0)
    end = max(markup.rfind(">") + 1, last_comment)
    comments = markup[last_comment:end].replace("<!--", "&lt;!--")
    return f"{markup[:last_comment]}{comments}{markup[end:].replace('<', '&lt;')}"


def _ends_by_start(open_tag: str, tag: str) -> bool:
    """Say whether an open element without an end tag ends where another one begins."""
    if open_tag == "p":
        return tag in _BLOCKS
    return open_tag in _UNCLOSED and tag == open_tag


def _is_hidden(tag: str, attributes: _Attributes) -> bool:
    if tag == "dialog" and all(name != "open" for name, _ in attributes):
        return True
    return any(
        name == "hidden"
        or (name == "style" and _HIDDEN_STYLE.search(value or "") is not None)
        or (name == "aria-hidden" and (value or "").strip().lower() == "true")
        for name, value in attributes
    )


def _whole(given: str | None) -> int | None:
    """Read a whole number; None when there is none."""
    found = _WHOLE.fullmatch(given or "")
    return None if found is None else int(found[1])


def _collapsed(words: Sequence[str]) -> str:
    return _BLANKS.sub(" ", "".join(words)).strip(" ")
