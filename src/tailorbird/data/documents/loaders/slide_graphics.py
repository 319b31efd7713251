"""What charts and diagrams say: both stand in files of their own within an Office file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tailorbird.data.documents.loaders.markup import CELL_SEPARATOR
from tailorbird.data.documents.loaders.office_xml import parsed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from xml.etree import ElementTree as ET

_CHART = ".//{*}chart"
_DIAGRAM = ".//{*}relIds"
# The second one is that of strict files.
_LINKS = (
    "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}",
    "{http://purl.oclc.org/ooxml/officeDocument/relationships}",
)
# Points that stand for lines and for places, not for boxes: ECMA-376 part 1, 21.4.7.51 ST_PtType.
_NO_BOX = frozenset({"pres", "parTrans", "sibTrans"})

_LONGEST_NAME = 255  # characters of a series' name, which stands at each value: our own bound
_MOST_DIGITS = 10  # of the number of a point


class Element(Protocol):
    """What is used of an element of XML, be it of lxml, as in python-pptx, or not."""

    def get(self, key: str) -> str | None:
        """Give an attribute."""
        ...

    def iterfind(self, path: str, /) -> Iterator[Element]:
        """Give the elements within that a path leads to, in order."""
        ...


class Part(Protocol):
    """A file within an Office file."""

    @property
    def partname(self) -> str:
        """Its name."""
        ...

    @property
    def blob(self) -> bytes:
        """What is in it."""
        ...

    def related_part(self, rId: str) -> Part:  # noqa: N803 - its name
        """Follow a relation."""
        ...


class Graphics:
    """The charts and diagrams of one Office file."""

    def __init__(self, *, values: bool = True) -> None:
        """Begin with none; `values` says whether charts give more than their titles."""
        self._chart = _chart if values else _titles
        self._read: set[str] = set()  # a chart that is drawn a million times is a bomb

    def lines(self, element: Element, part: Part) -> list[str]:
        """Give titles, boxes and values of what is drawn in an element and was not given before.

        Args:
            element: What holds the drawings.
            part: The file that the element stands in.

        Raises:
            KeyError: A chart or diagram is not in the file.
            ParseError: It is no XML, or nested too deeply.
        """
        lines: list[str] = []
        for path, name, write in ((_CHART, "id", self._chart), (_DIAGRAM, "dm", _diagram)):
            for one in element.iterfind(path):
                link = next(filter(None, (one.get(f"{space}{name}") for space in _LINKS)), "")
                linked = part.related_part(link)
                if linked.partname not in self._read:
                    self._read.add(linked.partname)
                    lines += write(parsed(linked.blob))
        return lines


def _titles(root: ET.Element) -> list[str]:
    return paragraph_lines(root.iterfind(".//{*}title"))


def _diagram(root: ET.Element) -> list[str]:
    boxes = (one for one in root.iterfind(".//{*}pt") if one.get("type") not in _NO_BOX)
    return [line for box in boxes for line in paragraph_lines([box])]


def _chart(root: ET.Element) -> list[str]:
    """Write a chart as a table: a line for each category, which names the series."""
    categories: dict[int, str] = {}
    values: dict[int, list[str]] = {}
    # Charts of the kinds that came in 2016 keep their values apart from the series, as `data`.
    for series in (*root.iterfind(".//{*}ser"), *root.iterfind(".//{*}data")):
        for at, category in _points(series, "xVal", "cat", "strDim").items():
            categories.setdefault(at, category)
        name = " ".join((one.text or "").strip() for one in series.iterfind("./{*}tx//{*}v"))
        label = f"{name[:_LONGEST_NAME]}: " if name else ""
        for at, value in _points(series, "yVal", "val", "numDim").items():
            values.setdefault(at, []).append(f"{label}{value}")
    lines = _titles(root)
    for at in sorted(categories.keys() | values.keys()):
        cells = [categories.get(at, ""), *values.get(at, ())]
        lines.append(CELL_SEPARATOR.join(filter(None, cells)))
    return lines


def _points(series: ET.Element, *kinds: str) -> dict[int, str]:
    """Give the values that a series shows, by their place; of several levels the lowest."""
    found: dict[int, str] = {}
    for kind in kinds:
        for point in series.iterfind(f"./{{*}}{kind}//{{*}}pt"):
            place = point.get("idx", "")
            if place.isdecimal() and len(place) < _MOST_DIGITS:
                found.setdefault(int(place), _shown("".join(point.itertext())))
    return found


def _shown(value: str) -> str:
    try:
        return f"{float(value):.15g}"
    except ValueError:
        return " ".join(value.split())


def paragraph_lines(elements: Iterable[ET.Element]) -> list[str]:
    """Give the paragraphs in elements of a drawing that are not blank."""
    found = (
        "".join(one.text or "" for one in paragraph.iterfind(".//{*}t"))
        for element in elements
        for paragraph in element.iterfind(".//{*}p")
    )
    return [" ".join(line.split()) for line in found if line.strip()]
