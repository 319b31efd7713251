"""What is drawn on the sheets of an Excel workbook: text boxes, and charts with their titles."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from tailorbird.data.documents.loaders.office_xml import parsed
from tailorbird.data.documents.loaders.slide_graphics import Graphics, paragraph_lines
from tailorbird.data.documents.loaders.word_xml import split_tag

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree import ElementTree as ET

    from tailorbird.data.documents.loaders.office_xml import OfficePart

_SHAPES = frozenset({"sp", "graphicFrame"})
_SPEAKING = frozenset({"t", "chart", "relIds"})


@dataclass(slots=True)
class Drawn:
    """What is drawn on a sheet."""

    lines: list[str] = field(default_factory=list[str])
    """Lines of the text boxes, and titles of the charts."""
    hidden: int = 0
    """How many boxes, charts and groups are hidden: left out."""
    damaged: int = 0
    """How many drawings and charts cannot be read."""


class Drawings:
    """Reads what is drawn on the sheets of one workbook."""

    def __init__(self) -> None:
        """Begin with none."""
        self._seen: set[str] = set()  # a drawing on a thousand sheets is a bomb
        self._graphics = Graphics(values=False)  # they stand in the cells

    def on(self, sheet: OfficePart) -> Drawn:
        """Read what is drawn on a sheet and on none before."""
        drawn = Drawn()
        try:
            drawings = sheet.related("drawing")
        except ParseError:
            drawn.damaged += 1
            return drawn
        for drawing in drawings:
            if drawing.partname not in self._seen:
                self._seen.add(drawing.partname)
                self._read(drawing, drawn)
        return drawn

    def _read(self, drawing: OfficePart, drawn: Drawn) -> None:
        try:
            shapes = list(_shapes(parsed(drawing.blob)))
        except (KeyError, ParseError):
            drawn.damaged += 1
            return
        for shape in shapes:
            if _is_hidden(shape):
                drawn.hidden += 1
                continue
            drawn.lines += paragraph_lines(shape.iterfind("./{*}txBody"))
            try:
                drawn.lines += self._graphics.lines(shape, drawing)
            except (KeyError, ParseError):
                drawn.damaged += 1


def _shapes(root: ET.Element) -> Iterator[ET.Element]:
    """Give boxes, frames and hidden groups in their order.

    Of several ways of drawing the same it is the first that says something.
    """
    waiting = [root]
    while waiting:
        element = waiting.pop()
        kind = split_tag(element.tag)[1]
        if kind in _SHAPES or (kind == "grpSp" and _is_hidden(element)):
            yield element
        elif kind == "AlternateContent":
            waiting += [one for one in element if _says_something(one)][:1]
        else:
            waiting += reversed(element)


def _is_hidden(shape: ET.Element) -> bool:
    own = shape.find("./*/{*}cNvPr")
    return own is not None and own.get("hidden") in {"1", "true"}


def _says_something(way: ET.Element) -> bool:
    return any(split_tag(one.tag)[1] in _SPEAKING for one in way.iter())
