"""Load PowerPoint presentations with python-pptx, of the extra `documents`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from typing_extensions import override

from tailorbird.data.documents.loaders.markup import CELL_SEPARATOR
from tailorbird.data.documents.loaders.packages import PackageLimits, check_package
from tailorbird.data.documents.loading import Loader, TextBuilder
from tailorbird.exceptions import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tailorbird.data.documents.loading import LoadedText, LoadOptions
    from tailorbird.data.problems import Problems

MAX_XML_BYTES = 32 * 2**20
"""Largest XML file within a presentation: our own bound. It is read as a tree of objects."""


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


class _Element(Protocol):
    def get(self, key: str) -> str | None:
        """Give an attribute."""
        ...


class _Shape(Protocol):
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
    element: _Element
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
    """Takes text, tables and notes of each visible slide; a slide is a page."""

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
        hidden: list[int] = []
        with path.open("rb") as file:
            presentation = pptx.Presentation(file)
            for number, slide in enumerate(presentation.slides, start=1):
                if slide.element.get("show") in {"0", "false"}:
                    hidden.append(number)
                else:
                    _write(slide, number, builder)
            title = presentation.core_properties.title
        if hidden:
            reason = f"hidden slides are left out: {', '.join(map(str, hidden))}"
            fix = "show them in PowerPoint to have them read"
            problems.add("note", "document.hidden-part", reason, fix)
        return builder.loaded(title="" if title == "PowerPoint Presentation" else title)


def _write(slide: _Slide, number: int, builder: TextBuilder) -> None:
    """Write a slide: its title, what stands on it, and its notes."""
    builder.gap()
    builder.mark("page", number)
    title = slide.shapes.title
    heading = " ".join(_lines(title.text_frame)) if title is not None else ""
    builder.mark("section", heading)
    if heading:
        builder.line(heading)
    for shape in _flat(slide.shapes):
        if title is None or shape.shape_id != title.shape_id:
            for line in _shape_lines(shape):
                builder.line(line)
    if slide.has_notes_slide and (notes := slide.notes_slide.notes_text_frame) is not None:
        builder.gap()
        for line in _lines(notes):
            builder.line(line)


def _flat(shapes: Iterable[_Shape]) -> Iterator[_Shape]:
    """Give shapes, the ones in groups included."""
    for shape in shapes:
        inner = cast("Iterable[_Shape] | None", getattr(shape, "shapes", None))
        if inner is None:
            yield shape
        else:
            yield from _flat(inner)


def _shape_lines(shape: _Shape) -> list[str]:
    if shape.has_text_frame:
        return _lines(shape.text_frame)
    if not getattr(shape, "has_table", False):
        return []
    rows = (
        [" ".join(cell.text.split()) for cell in row.cells if cell.text.strip()]
        for row in shape.table.rows
    )
    return [CELL_SEPARATOR.join(cells) for cells in rows if cells]


def _lines(frame: _TextFrame) -> list[str]:
    """Give the paragraphs that are not blank; a line break within one is a line end, too."""
    lines = (line.strip() for one in frame.paragraphs for line in one.text.split("\v"))
    return [line for line in lines if line]
