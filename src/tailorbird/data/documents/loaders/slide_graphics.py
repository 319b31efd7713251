"""What charts and diagrams on slides say: both stand in files of their own in a presentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from xml.etree import ElementTree as ET

from tailorbird.data.documents.loaders.markup import CELL_SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006"
_CHART = f"{{{_DRAWING}/chart}}chart"
_DIAGRAM = f"{{{_DRAWING}/diagram}}relIds"
_LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
# Points that stand for lines and for places, not for boxes: ECMA-376 part 1, 21.4.7.51 ST_PtType.
_NO_BOX = frozenset({"pres", "parTrans", "sibTrans"})


class Element(Protocol):
    """What is used of an element of XML, which python-pptx keeps in lxml."""

    def get(self, key: str) -> str | None:
        """Give an attribute."""
        ...

    def iter(self, *tags: str) -> Iterator[Element]:
        """Give the elements within that have one of the tags, in order, itself included."""
        ...


class Part(Protocol):
    """A file within a presentation."""

    blob: bytes

    def related_part(self, rId: str) -> Part:  # noqa: N803 - its name
        """Follow a relation."""
        ...


def graphic_lines(element: Element, part: Part) -> list[str]:
    """Give the text of the charts and diagrams in a frame: titles, boxes, and the values shown.

    Raises:
        KeyError: A chart or diagram is not in the file.
        ParseError: It is no XML.
    """
    lines: list[str] = []
    for chart in element.iter(_CHART):
        lines += _chart(_linked(chart, "id", part))
    for diagram in element.iter(_DIAGRAM):
        lines += _diagram(_linked(diagram, "dm", part))
    return lines


def _linked(element: Element, name: str, part: Part) -> ET.Element:
    data = part.related_part(element.get(f"{_LINK}{name}") or "").blob
    return ET.fromstring(data)  # noqa: S314 - the package has been checked: no entities


def _diagram(root: ET.Element) -> list[str]:
    boxes = (one for one in root.iterfind(".//{*}pt") if one.get("type") not in _NO_BOX)
    return [line for box in boxes for line in _paragraphs([box])]


def _chart(root: ET.Element) -> list[str]:
    """Write a chart as a table: a line for each category, which names the series."""
    categories: dict[int, str] = {}
    columns: list[dict[int, str]] = []
    for series in root.iterfind(".//{*}ser"):
        categories = _points(series, "xVal") | _points(series, "cat") | categories
        name = " ".join((one.text or "").strip() for one in series.iterfind("./{*}tx//{*}v"))
        values = _points(series, "yVal") | _points(series, "val")
        columns.append({at: f"{name}: {value}" if name else value for at, value in values.items()})
    lines = _paragraphs(root.iterfind(".//{*}title"))
    for at in sorted(categories.keys() | {at for column in columns for at in column}):
        cells = [categories.get(at, ""), *(column.get(at, "") for column in columns)]
        lines.append(CELL_SEPARATOR.join(filter(None, cells)))
    return lines


def _points(series: ET.Element, kind: str) -> dict[int, str]:
    """Give the values that a series shows, by their place; of several levels the lowest."""
    found: dict[int, str] = {}
    for point in series.iterfind(f"./{{*}}{kind}//{{*}}pt"):
        place = point.get("idx", "")
        if place.isdecimal():
            value = "".join(one.text or "" for one in point.iterfind("./{*}v"))
            found.setdefault(int(place), _shown(value))
    return found


def _shown(value: str) -> str:
    try:
        return f"{float(value):.15g}"
    except ValueError:
        return " ".join(value.split())


def _paragraphs(elements: Iterable[ET.Element]) -> list[str]:
    found = (
        "".join(one.text or "" for one in paragraph.iterfind(".//{*}t"))
        for element in elements
        for paragraph in element.iterfind(".//{*}p")
    )
    return [" ".join(line.split()) for line in found if line.strip()]
