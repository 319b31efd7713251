"""Make a Word document such that mammoth finds in it what a reader sees.

Mammoth leaves out what it does not know (words with readings above them, simple fields, text from
right to left, headers), reads hidden text, and does not number lists. So the parts of the package
that hold text are rewritten before.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from tailorbird.data.documents.loaders.word_numbers import Numbering
from tailorbird.data.documents.loaders.word_xml import (
    is_on,
    link_of,
    run_of,
    split_tag,
    value_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_TEXTS = re.compile(r"word/(?:document|footnotes|endnotes)[0-9]*\.xml")
_MAIN = re.compile(r"word/document[0-9]*\.xml")
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
        """How many headers and footers were left out because they are no XML."""
        with zipfile.ZipFile(path) as package:
            self._files = {
                one.filename: package.read(one)
                for one in package.infolist()
                if one.filename.lower().endswith(_XML)
            }
        styles = self._root("word/styles.xml")
        self._hidden_styles = _hidden_styles(styles)
        self._numbering = Numbering(self._root("word/numbering.xml"), styles)
        for name in filter(_TEXTS.fullmatch, list(self._files)):
            self._rewrite(name)

    def package(self) -> io.BytesIO:
        """Give the document, without its pictures."""
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w") as package:
            for name, data in self._files.items():
                package.writestr(name, data)
        written.seek(0)
        return written

    def _root(self, name: str) -> ET.Element | None:
        data = self._files.get(name)
        return None if data is None else ET.fromstring(data)  # noqa: S314 - checked: no entities

    def _rewrite(self, name: str) -> None:
        root = ET.fromstring(self._files[name])  # noqa: S314 - checked: it declares no entities
        self._plain(root)
        self._numbering.write(root)
        if _MAIN.fullmatch(name):
            self._add_margins(name, root)
        self._files[name] = ET.tostring(root, "utf-8", xml_declaration=True)

    def _plain(self, root: ET.Element) -> None:
        """Change all that is in an element into what mammoth can read."""
        space = split_tag(root.tag)[0]
        waiting = [root]
        while waiting:
            parent = waiting.pop()
            parent[:] = self._plain_children(parent, space)
            waiting += parent

    def _plain_children(self, parent: ET.Element, space: str) -> list[ET.Element]:
        found: list[ET.Element] = []
        waiting = [*reversed(parent)]
        while waiting:
            child = waiting.pop()
            kind = split_tag(child.tag)[1]
            if kind in _WRAPS:
                waiting += reversed(child)
            elif kind == "AlternateContent":
                waiting += reversed(_chosen(child))
            elif kind == "drawing" and (boxes := _boxes(child)):
                picture = ET.Element(f"{space}pict")
                picture.extend(boxes)
                found.append(picture)
            elif kind in {"oMath", "oMathPara"}:
                found.append(run_of(space, "".join(child.itertext())))
            elif kind == "r" and self._is_hidden(child, parent):
                self.hidden += 1
            elif kind not in _REMOVED:
                if kind in _RENAMED:
                    child.tag = f"{space}{_RENAMED[kind]}"
                found.append(child)
        return found

    def _is_hidden(self, run: ET.Element, paragraph: ET.Element) -> bool:
        """Say whether a run has text that Word neither shows nor prints."""
        if run.find("./{*}t") is None:
            return False
        own = run.find("./{*}rPr/{*}vanish")
        if own is not None:
            return is_on(own)
        styles = (run.find("./{*}rPr/{*}rStyle"), paragraph.find("./{*}pPr/{*}pStyle"))
        return any(value_of(one) in self._hidden_styles for one in styles if one is not None)

    def _add_margins(self, name: str, root: ET.Element) -> None:
        """Put headers before the text and footers behind it, each once."""
        folder, base = posixpath.split(name)
        links = self._root(f"{folder}/_rels/{base}.rels")
        targets = {
            one.get("Id", ""): posixpath.join("/", folder, one.get("Target", ""))[1:]
            for one in (() if links is None else links)
        }
        space = split_tag(root.tag)[0]
        headers = self._margin([*root.iterfind(".//{*}headerReference")], targets, space)
        footers = self._margin([*root.iterfind(".//{*}footerReference")], targets, space)
        for body in root.iterfind("./{*}body"):
            body[:] = [*headers, *body, *footers]

    def _margin_root(self, name: str) -> ET.Element | None:
        try:
            return self._root(name)
        except ET.ParseError:  # it costs itself, and not the document
            self.damaged += 1
            return None

    def _margin(
        self, references: Iterable[ET.Element], targets: Mapping[str, str], space: str
    ) -> list[ET.Element]:
        """Give the paragraphs of headers or footers that say more than a page's number."""
        lines: dict[str, None] = {}
        for place in dict.fromkeys(targets.get(link_of(one), "") for one in references):
            part = self._margin_root(place)
            if part is None:
                continue
            self._plain(part)
            for paragraph in part.iterfind(".//{*}p"):
                words = (one.text or "" for one in paragraph.iterfind(".//{*}t"))
                lines["".join(words).strip()] = None
        found: list[ET.Element] = []
        for line in lines:
            if _NO_WORDS.sub("", line):
                found.append(ET.Element(f"{space}p"))
                found[-1].append(run_of(space, line))
        return found


def _chosen(alternatives: ET.Element) -> list[ET.Element]:
    """Give one of two ways of saying the same: the older one, unless it has no text."""
    older = alternatives.find("./{*}Fallback")
    newer = alternatives.find("./{*}Choice")
    if older is not None and (newer is None or older.find(".//{*}t") is not None):
        return [*older]
    return [] if newer is None else [*newer]


def _boxes(drawing: ET.Element) -> list[ET.Element]:
    """Give the texts of the boxes in a drawing."""
    return [one for one in drawing.iter() if split_tag(one.tag)[1] == "txbxContent"]


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
