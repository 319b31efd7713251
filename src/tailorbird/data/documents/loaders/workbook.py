"""What an Excel workbook says of its cells beside their values, which is all calamine gives."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from tailorbird.data.documents.loaders.office_xml import OfficePart, parsed
from tailorbird.data.documents.loaders.workbook_drawings import Drawings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from xml.etree import ElementTree as ET

_BLOCK_BYTES = 1 << 20
_LONGEST_CELL = 1 << 17  # bytes; a cell holds 32,767 characters, a formula 8,192
# Largest file besides the sheets: our own bound. It is read as a tree of objects.
_MOST_PART_BYTES = 32 * 2**20
_ENDS = (b"</c>", b":c>")
# A formula behind which no value stands; a text (`t="str"`) may well be empty. Blanks are taken
# once and for all (`*+`), or a sheet of blanks would take hours.
_UNCOMPUTED = re.compile(
    rb"""<(?:\w+:)?c\b(?![^<>]*\bt\s*+=\s*+["']str)[^<>]*+>\s*+<(?:\w+:)?f\b[^<>]*"""
    rb"""(?:/>|>[^<]*+</(?:\w+:)?f>)\s*+(?:<(?:\w+:)?v\s*+/>|<(?:\w+:)?v>\s*+</(?:\w+:)?v>)?\s*+"""
    rb"""</(?:\w+:)?c>"""
)
_ERROR = re.compile(rb"""<(?:\w+:)?c\b[^<>]*\bt\s*=\s*["']e["']""")
# A cell with a style and a value: number of the style, letters and digits of its place.
_STYLED = re.compile(
    rb"""<(?:\w+:)?c\b(?=[^<>]*\bs\s*=\s*["']([0-9]{1,6})["'])(?![^<>]*/>)[^<>]*?"""
    rb"""\br\s*=\s*["']([A-Za-z]{1,3})([0-9]{1,7})["']"""
)
# Formats that are built in: ECMA-376 part 1, 18.8.30 numFmt; 9 is 0%, 10 is 0.00%.
_PERCENT = frozenset({"9", "10"})
# What stands in quotes, behind a backslash or in brackets is shown as it is, or not at all.
_LITERAL = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
_LETTERS = 26
_BEFORE_A = ord("A") - 1


@dataclass(slots=True)
class SheetFacts:
    """What is known of the cells of a sheet."""

    uncomputed: int = 0
    """How many formulas have no value: no program has computed them since they were written."""
    errors: int = 0
    """How many cells show an error such as `#N/A`."""
    percents: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    """Row and column, from 0, of each cell with a value that is shown as a percentage."""
    boxes: list[str] = field(default_factory=list[str])
    """Lines of the text boxes and titles of charts that are drawn on it."""
    hidden: int = 0
    """How many text boxes and charts on it are hidden."""
    damaged: int = 0
    """How many drawings and charts on it cannot be read."""


def sheet_facts(path: Path) -> Mapping[str, SheetFacts]:
    """Look through the sheets of an `.xlsx` file that has been checked; by the sheet's name.

    Each sheet is read as a stream. What cannot be found is left out: the reader of the values tells
    what is damaged.

    Raises:
        OSError: The file cannot be read.
    """
    with zipfile.ZipFile(path) as package:
        members = {one.filename.lower(): one for one in package.infolist()}

        def read(name: str) -> bytes:
            member = members[name.lower()]
            if member.file_size > _MOST_PART_BYTES:
                raise KeyError(name)
            return package.read(member)

        book = OfficePart("xl/workbook.xml", read)
        drawings = Drawings()
        styles = _percent_styles(_root(OfficePart("xl/styles.xml", read)))
        found: dict[str, SheetFacts] = {}
        for name, place in _sheet_places(book).items():
            if place.lower() in members:
                found[name] = _facts(package, members[place.lower()], styles)
                drawn = drawings.on(OfficePart(place, read))
                found[name].boxes += drawn.lines
                found[name].hidden, found[name].damaged = drawn.hidden, drawn.damaged
        return found


def _root(part: OfficePart) -> ET.Element | None:
    """Read a small file of XML; None where there is none."""
    try:
        return parsed(part.blob)
    except (KeyError, ParseError):
        return None


def _sheet_places(book: OfficePart) -> Mapping[str, str]:
    """Give the file within the package for each sheet, by its name."""
    root = _root(book)
    found: dict[str, str] = {}
    for sheet in () if root is None else root.iterfind(".//{*}sheet"):
        number = next((value for key, value in sheet.items() if key.endswith("}id")), "")
        if number in book.links:
            found[sheet.get("name", "")] = book.links[number].place
    return found


def _percent_styles(root: ET.Element | None) -> frozenset[bytes]:
    """Give the numbers of the styles that show percentages."""
    if root is None:
        return frozenset()
    formats = {
        one.get("numFmtId")
        for one in root.iterfind("./{*}numFmts/{*}numFmt")
        if "%" in _LITERAL.sub("", one.get("formatCode", ""))
    }
    styles = root.iterfind("./{*}cellXfs/{*}xf")
    shown = (at for at, one in enumerate(styles) if one.get("numFmtId") in _PERCENT | formats)
    return frozenset(str(at).encode("ascii") for at in shown)


def _facts(
    package: zipfile.ZipFile, sheet: zipfile.ZipInfo, styles: frozenset[bytes]
) -> SheetFacts:
    facts = SheetFacts()
    for cells in _whole_cells(package, sheet):
        facts.uncomputed += len(_UNCOMPUTED.findall(cells))
        facts.errors += len(_ERROR.findall(cells))
        if styles:
            facts.percents.update(
                _cell_place(*found) for style, *found in _STYLED.findall(cells) if style in styles
            )
    return facts


def _whole_cells(package: zipfile.ZipFile, sheet: zipfile.ZipInfo) -> Iterator[bytes]:
    """Unpack a sheet in pieces that end behind a cell."""
    rest = b""
    with package.open(sheet) as file:
        while block := file.read(_BLOCK_BYTES):
            data = rest + block
            end = max(data.rfind(one) + len(one) for one in _ENDS)
            if end < len(_ENDS[0]):
                rest = data[-_LONGEST_CELL:]
                continue
            yield data[:end]
            rest = data[end:][-_LONGEST_CELL:]


def _cell_place(letters: bytes, digits: bytes) -> tuple[int, int]:
    column = 0
    for letter in letters.upper():
        column = column * _LETTERS + letter - _BEFORE_A
    return int(digits) - 1, column - 1
