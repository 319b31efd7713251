"""Make a Word document such that mammoth finds in it what a reader sees.

Mammoth leaves out what it does not know (words with readings above them, simple fields, text from
right to left, headers), reads hidden text, and does not number lists. So the parts of the package
that hold text are rewritten before.
"""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from tailorbird.data.documents.loaders.office_xml import Link, OfficePart, parsed
from tailorbird.data.documents.loaders.slide_graphics import Graphics
from tailorbird.data.documents.loaders.word_numbers import Numbering
from tailorbird.data.documents.loaders.word_xml import (
    is_on,
    link_of,
    paragraph_of,
    run_of,
    split_tag,
    value_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_NOTES = ("footnotes", "endnotes")
_NOWHERE = Link(kind="", place="")
_XML = (".xml", ".rels")
# Elements that stand around text: what is in them takes their place. The base of a ruby is the word
# under the reading.
_WRAPS = frozenset({"fldSimple", "dir", "bdo", "ruby", "rubyBase"})
_REMOVED = frozenset({"rt", "rubyPr"})
_RENAMED = {"cr": "br", "ptab": "tab"}
_DEEPEST = 32  # styles on styles: our own bound, which ends loops as well
_NO_WORDS = re.compile(r"[\W\d_]|page|of|ページ|頁", re.IGNORECASE)


class WordParts:
    """The text of a Word document, made ready to be read."""

    def __init__(self, path: Path) -> None:
        """Read a package that has been checked.

        Raises:
            OSError: The file cannot be read.
            ParseError: A part is no XML.
        """
        self.hidden = 0
        """How many pieces of hidden text were left out."""
        self.damaged = 0
        """How many headers, footers, charts and diagrams were left out because they are broken."""
        self.inserted = 0
        """How many whole documents are inserted that Word has not taken into the text yet."""
        self.objects = 0
        """How many embedded objects there are, such as sheets of Excel."""
        with zipfile.ZipFile(path) as package:
            self._files = {
                one.filename: package.read(one)
                for one in package.infolist()
                if one.filename.lower().endswith(_XML)
            }
        self._graphics = Graphics()
        self._main = self._found(self._part(""), "officeDocument", "word/document.xml")
        styles = self._root_of("styles")
        self._hidden_styles = _hidden_styles(styles)
        self._numbering = Numbering(self._root_of("numbering"), styles)
        for part in (self._main, *map(self._of_main, _NOTES)):
            self._rewrite(part)

    def _part(self, name: str) -> OfficePart:
        return OfficePart(name, self._files.__getitem__)

    def _found(self, part: OfficePart, kind: str, usual: str) -> OfficePart:
        """Give the first related file that there is, or the one of the usual name, as mammoth."""
        there = (one for one in part.related(kind) if one.partname in self._files)
        return next(there, self._part(usual))

    def _of_main(self, kind: str) -> OfficePart:
        return self._found(self._main, kind, f"word/{kind}.xml")

    def _root_of(self, kind: str) -> ET.Element | None:
        part = self._of_main(kind)
        return parsed(part.blob) if part.partname in self._files else None

    def package(self) -> io.BytesIO:
        """Give the document, without its pictures."""
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w") as package:
            for name, data in self._files.items():
                package.writestr(name, data)
        written.seek(0)
        return written

    def _rewrite(self, part: OfficePart) -> None:
        if part.partname not in self._files:
            return  # mammoth misses the main part itself, and a document may have no notes
        root = parsed(part.blob)
        self._plain(root, part)
        self._numbering.write(root)
        if part is self._main:
            self._add_margins(root)
        self._files[part.partname] = ET.tostring(root, "utf-8", xml_declaration=True)

    def _plain(self, root: ET.Element, part: OfficePart) -> None:
        """Change all that is in an element into what mammoth can read."""
        space = split_tag(root.tag)[0]
        waiting = [root]
        while waiting:
            parent = waiting.pop()
            parent[:] = self._plain_children(parent, part, space)
            waiting += reversed(parent)

    def _plain_children(self, parent: ET.Element, part: OfficePart, space: str) -> list[ET.Element]:
        found: list[ET.Element] = []
        style = value_of(parent.find("./{*}pPr/{*}pStyle"))
        waiting = [*reversed(parent)]
        while waiting:
            child = waiting.pop()
            kind = split_tag(child.tag)[1]
            if kind in _WRAPS:
                waiting += reversed(child)
            elif kind == "AlternateContent":
                waiting += reversed(_chosen(child))
            elif kind == "drawing" and (shown := self._shown(child, part, space)):
                picture = ET.Element(f"{space}pict")
                picture.extend(shown)
                found.append(picture)
            elif kind in {"oMath", "oMathPara"}:
                found.append(run_of(space, "".join(child.itertext())))
            elif kind == "r" and self._is_hidden(child, style):
                self.hidden += 1
            elif kind == "altChunk":
                self.inserted += 1
            elif kind not in _REMOVED:
                self.objects += kind == "OLEObject"
                if kind in _RENAMED:
                    child.tag = f"{space}{_RENAMED[kind]}"
                found.append(child)
        return found

    def _shown(self, drawing: ET.Element, part: OfficePart, space: str) -> list[ET.Element]:
        """Give the text boxes in a drawing, and its charts and diagrams as paragraphs."""
        boxes = _boxes(drawing)
        try:
            lines = self._graphics.lines(drawing, part)
        except (KeyError, ET.ParseError):  # they cost themselves, and not the document
            self.damaged += 1
            return boxes
        return [*boxes, *(paragraph_of(space, one) for one in lines)]

    def _is_hidden(self, run: ET.Element, style: str) -> bool:
        """Say whether a run, in a paragraph of a style, has text that Word does not show."""
        if run.find("./{*}t") is None:
            return False
        own = run.find("./{*}rPr/{*}vanish")
        if own is not None:
            return is_on(own)
        styles = {style, value_of(run.find("./{*}rPr/{*}rStyle"))} - {""}
        return not styles.isdisjoint(self._hidden_styles)

    def _add_margins(self, root: ET.Element) -> None:
        """Put headers before the text and footers behind it, each once."""
        space = split_tag(root.tag)[0]
        headers = self._margin([*root.iterfind(".//{*}headerReference")], space)
        footers = self._margin([*root.iterfind(".//{*}footerReference")], space)
        for body in root.iterfind("./{*}body"):
            body[:] = [*headers, *body, *footers]

    def _margin(self, references: Iterable[ET.Element], space: str) -> list[ET.Element]:
        """Give the paragraphs of headers or footers that say more than a page's number."""
        lines: dict[str, None] = {}
        places = {self._main.links.get(link_of(one), _NOWHERE).place: None for one in references}
        for part in map(self._part, places):
            try:
                root = parsed(part.blob)
            except (KeyError, ET.ParseError):  # it costs itself, and not the document
                self.damaged += 1
                continue
            self._plain(root, part)
            for paragraph in root.iterfind(".//{*}p"):
                words = (one.text or "" for one in paragraph.iterfind(".//{*}t"))
                lines["".join(words).strip()] = None
        return [paragraph_of(space, line) for line in lines if _NO_WORDS.sub("", line)]


def _chosen(alternatives: ET.Element) -> list[ET.Element]:
    """Give one of two ways of saying the same: the older one, unless it has no text."""
    older = alternatives.find("./{*}Fallback")
    newer = alternatives.find("./{*}Choice")
    if older is not None and (newer is None or older.find(".//{*}t") is not None):
        return [*older]
    return [] if newer is None else [*newer]


def _boxes(drawing: ET.Element) -> list[ET.Element]:
    """Give the texts of the boxes in a drawing; boxes within a box stay in it."""
    found: list[ET.Element] = []
    waiting = [drawing]
    while waiting:
        element = waiting.pop()
        if split_tag(element.tag)[1] == "txbxContent":
            found.append(element)
        else:
            waiting += reversed(element)
    return found


def _hidden_styles(styles: ET.Element | None) -> frozenset[str]:
    """Give the styles whose text is hidden, by themselves or by the style below."""
    own: dict[str, bool] = {}
    below: dict[str, str] = {}
    for one in () if styles is None else styles.iterfind("./{*}style"):
        name = next((value for key, value in one.items() if key.endswith("}styleId")), "")
        below[name] = value_of(one.find("./{*}basedOn"))
        mark = one.find("./{*}rPr/{*}vanish")
        if mark is not None:
            own[name] = is_on(mark)

    def is_hidden(name: str) -> bool:
        for _ in range(_DEEPEST):
            if name in own or name not in below:
                break
            name = below[name]
        return own.get(name, False)

    return frozenset(filter(is_hidden, below))
