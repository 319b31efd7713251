"""Load PowerPoint presentations with python-pptx, of the extra `documents`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast
from xml.etree.ElementTree import ParseError

from typing_extensions import override

from tailorbird.data.documents.loaders.markup import CELL_SEPARATOR
from tailorbird.data.documents.loaders.packages import PackageLimits, check_package
from tailorbird.data.documents.loaders.slide_choices import take_choices
from tailorbird.data.documents.loaders.slide_graphics import Graphics
from tailorbird.data.documents.loading import Loader, TextBuilder
from tailorbird.exceptions import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tailorbird.data.documents.loaders.slide_choices import Node
    from tailorbird.data.documents.loaders.slide_graphics import Part
    from tailorbird.data.documents.loading import LoadedText, LoadOptions
    from tailorbird.data.problems import Problems

MAX_XML_BYTES = 32 * 2**20
"""Largest XML file within a presentation: our own bound. It is read as a tree of objects."""


_PRESENTATION = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_PROPERTIES = f"{_PRESENTATION}cNvPr"
_PLACEHOLDER = f"{_PRESENTATION}ph"
_OBJECT = f"{_PRESENTATION}oleObj"


class _Paragraph(Protocol):
    text: str


class _TextFrame(Protocol):
    paragraphs: Sequence[_Paragraph]


class _Cell(Protocol):
    text: str


class _Row(Protocol):
    cells: Iterable[_Cell]


class _Table(Protocol):
    rows: Iterable[_Row]


class _Shape(Protocol):
    element: Node
    part: Part
    shape_id: int
    has_text_frame: bool
    text_frame: _TextFrame
    table: _Table


class _Shapes(Protocol):
    title: _Shape | None

    def __iter__(self) -> Iterator[_Shape]:
        """Give the shapes in the order of their depth."""
        ...


class _Notes(Protocol):
    notes_text_frame: _TextFrame | None


class _Slide(Protocol):
    element: Node
    shapes: _Shapes
    has_notes_slide: bool
    notes_slide: _Notes


class _Properties(Protocol):
    title: str


class _Presentation(Protocol):
    core_properties: _Properties
    slides: Iterable[_Slide]


class _Pptx(Protocol):
    """What is used of python-pptx, which has no types."""

    def Presentation(self, pptx: BinaryIO) -> _Presentation:  # noqa: N802 - its name
        """Open a file."""
        ...


class SlidesLoader(Loader):
    """Takes text, tables, charts, diagrams and notes of each visible slide; a slide is a page."""

    @override
    def load(self, path: Path, *, options: LoadOptions, problems: Problems) -> LoadedText | None:
        """Take the text slide by slide; titles become sections."""
        try:
            pptx = cast("_Pptx", import_module("pptx"))
        except ImportError as exc:
            raise MissingExtraError(package="python-pptx", extra="documents") from exc
        if not check_package(path, PackageLimits(xml_bytes=MAX_XML_BYTES), problems):
            return None
        builder = TextBuilder(options)
        graphics = Graphics()
        hidden: list[int] = []
        unseen: list[int] = []
        damaged: list[int] = []
        unread: list[int] = []
        with path.open("rb") as file:
            presentation = pptx.Presentation(file)
            for number, slide in enumerate(presentation.slides, start=1):
                if slide.element.get("show") in {"0", "false"}:
                    hidden.append(number)
                else:
                    written = _Written(slide, number, builder, graphics)
                    unseen += written.hidden
                    damaged += written.damaged
                    unread += written.unread
            title = presentation.core_properties.title
        for numbers, what in ((hidden, "hidden slides"), (unseen, "hidden shapes on slides")):
            if numbers:
                reason = f"{what} are left out: {_listed(numbers)}"
                fix = "show them in PowerPoint to have them read"
                problems.add("note", "document.hidden-part", reason, fix)
        if damaged:
            reason = f"charts or diagrams that cannot be read are left out: {_listed(damaged)}"
            fix = "save it again in PowerPoint"
            problems.add("warning", "document.broken-part", reason, fix)
        if unread:
            reason = f"embedded objects on slides are not read: {_listed(unread)}"
            fix = "save them as files of their own to have them read"
            problems.add("warning", "document.unread-part", reason, fix)
        return builder.loaded(title="" if title == "PowerPoint Presentation" else title)


def _listed(slides: Iterable[int]) -> str:
    return ", ".join(map(str, dict.fromkeys(slides)))


class _Written:
    """A slide that was written: its title, what stands on it, and its notes."""

    def __init__(
        self, slide: _Slide, number: int, builder: TextBuilder, graphics: Graphics
    ) -> None:
        self.hidden: list[int] = []
        """Its number, once for each shape that is hidden."""
        self.damaged: list[int] = []
        """Its number, once for each chart or diagram that cannot be read."""
        self.unread: list[int] = []
        """Its number, once for each embedded object."""
        self._number = number
        self._builder = builder
        self._graphics = graphics
        take_choices(slide.element)
        builder.gap()
        builder.mark("page", number)
        title = slide.shapes.title
        heading = " ".join(_lines(title.text_frame)) if title is not None else ""
        builder.mark("section", heading)
        if heading:
            builder.line(heading)
        for shape in _flat(slide.shapes):
            if shape is None:
                self.hidden.append(number)
            elif title is None or shape.shape_id != title.shape_id:
                self._shape(shape)
        if slide.has_notes_slide and (notes := slide.notes_slide.notes_text_frame) is not None:
            builder.gap()
            for line in _lines(notes):
                builder.line(line)

    def _shape(self, shape: _Shape) -> None:
        if next(shape.element.iter(_OBJECT), None) is not None:
            self.unread.append(self._number)
        try:
            lines = self._shape_lines(shape)
        except (KeyError, ParseError):  # of the file that holds a chart or diagram
            self.damaged.append(self._number)
            return
        for line in lines:
            self._builder.line(line)

    def _shape_lines(self, shape: _Shape) -> list[str]:
        if shape.has_text_frame:
            return [] if _is_number(shape.element) else _lines(shape.text_frame)
        if not getattr(shape, "has_table", False):
            return self._graphics.lines(shape.element, shape.part)
        rows = (
            [" ".join(cell.text.split()) for cell in row.cells if cell.text.strip()]
            for row in shape.table.rows
        )
        return [CELL_SEPARATOR.join(cells) for cells in rows if cells]


def _flat(shapes: Iterable[_Shape]) -> Iterator[_Shape | None]:
    """Give shapes, the ones in groups included; None for those that are hidden."""
    for shape in shapes:
        inner = cast("Iterable[_Shape] | None", getattr(shape, "shapes", None))
        if _is_hidden(shape.element):
            yield None
        elif inner is None:
            yield shape
        else:
            yield from _flat(inner)


def _is_hidden(element: Node) -> bool:
    """Say whether a shape or a group of shapes is hidden: its own properties come first."""
    own = next(element.iter(_PROPERTIES), None)
    return own is not None and own.get("hidden") in {"1", "true"}


def _is_number(element: Node) -> bool:
    """Say whether a shape is the place for the number of the slide."""
    return any(one.get("type") == "sldNum" for one in element.iter(_PLACEHOLDER))


def _lines(frame: _TextFrame) -> list[str]:
    """Give the paragraphs that are not blank; a line break within one is a line end, too."""
    lines = (line.strip() for one in frame.paragraphs for line in one.text.split("\v"))
    return [line for line in lines if line]
