"""What an Excel workbook says of its cells beside their values, which is all calamine gives."""

from __future__ import annotations

import posixpath
import re
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_BLOCK_BYTES = 1 << 20
_LONGEST_CELL = 1 << 17  # bytes; a cell holds 32,767 characters, a formula 8,192
_ENDS = (b"</c>", b":c>")
# A formula behind which no value stands; a text (`t="str"`) may well be empty. Blanks are taken
# once and for all (`*+`), or a sheet of blanks would take hours.
_UNCOMPUTED = re.compile(
    rb"""<(?:\w+:)?c\b(?![^<>]*\bt\s*+=\s*+["']str)[^<>]*+>\s*+<(?:\w+:)?f\b[^<>]*"""
    rb"""(?:/>|>[^<]*+</(?:\w+:)?f>)\s*+(?:<(?:\w+:)?v\s*+/>|<(?:\w+:)?v>\s*+</(?:\w+:)?v>)?\s*+"""
    rb"""</(?:\w+:)?c>"""
)
_ERROR = re.compile(rb"""<(?:\w+:)?c\b[^<>]*\bt\s*=\s*["']e["']""")
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
    """Row and column, from 0, of each cell that is shown as a percentage."""


def sheet_facts(path: Path) -> Mapping[str, SheetFacts]:
    """Look through the sheets of an `.xlsx` file that has been checked; by the sheet's name.

    Each sheet is read as a stream. What cannot be found is left out: the reader of the values tells
    what is damaged.

    Raises:
        OSError: The file cannot be read.
    """
    with zipfile.ZipFile(path) as package:
        members = {one.filename.lower(): one.filename for one in package.infolist()}
        styles = _percent_styles(package, members)
        places = _sheet_places(package, members)
        return {name: _facts(package, place, styles) for name, place in places.items()}


def _root(package: zipfile.ZipFile, members: Mapping[str, str], name: str) -> ET.Element | None:
    """Read a small file of XML, which has no document type; None where there is none."""
    member = members.get(name.lower())
    if member is None:
        return None
    try:
        return ET.fromstring(package.read(member))  # noqa: S314 - checked: it declares no entities
    except ET.ParseError:
        return None


def _sheet_places(package: zipfile.ZipFile, members: Mapping[str, str]) -> Mapping[str, str]:
    """Give the file within the package for each sheet, by its name."""
    book = _root(package, members, "xl/workbook.xml")
    links = _root(package, members, "xl/_rels/workbook.xml.rels")
    if book is None or links is None:
        return {}
    targets = {
        link.get("Id"): posixpath.normpath(posixpath.join("/xl", link.get("Target", "")))[1:]
        for link in links
    }
    found: dict[str, str] = {}
    for sheet in book.iterfind(".//{*}sheet"):
        number = next((value for key, value in sheet.items() if key.endswith("}id")), None)
        place = members.get(targets.get(number, "").lower())
        if place is not None:
            found[sheet.get("name", "")] = place
    return found


def _percent_styles(package: zipfile.ZipFile, members: Mapping[str, str]) -> list[str]:
    """Give the numbers of the styles that show percentages."""
    root = _root(package, members, "xl/styles.xml")
    if root is None:
        return []
    formats = {
        one.get("numFmtId")
        for one in root.iterfind("./{*}numFmts/{*}numFmt")
        if "%" in _LITERAL.sub("", one.get("formatCode", ""))
    }
    styles = root.iterfind("./{*}cellXfs/{*}xf")
    return [str(at) for at, one in enumerate(styles) if one.get("numFmtId") in _PERCENT | formats]


def _facts(package: zipfile.ZipFile, place: str, styles: list[str]) -> SheetFacts:
    facts = SheetFacts()
    percent = re.compile(
        rb"""<(?:\w+:)?c\b(?=[^<>]*\bs\s*=\s*["'](?:%s)["'])[^<>]*?\br\s*=\s*["']([A-Za-z]{1,3})"""
        rb"""([0-9]{1,7})["']""" % "|".join(styles).encode("ascii")
    )
    for cells in _whole_cells(package, place):
        facts.uncomputed += len(_UNCOMPUTED.findall(cells))
        facts.errors += len(_ERROR.findall(cells))
        if styles:
            facts.percents.update(_cell_place(*found) for found in percent.findall(cells))
    return facts


def _whole_cells(package: zipfile.ZipFile, place: str) -> Iterator[bytes]:
    """Unpack a sheet in pieces that end behind a cell."""
    rest = b""
    with package.open(place) as file:
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
