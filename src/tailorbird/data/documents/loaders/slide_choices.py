"""Bring what python-pptx passes over on slides into a form that it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

_PRESENTATION = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_SHAPES = frozenset({f"{_PRESENTATION}spTree", f"{_PRESENTATION}grpSp"})
_CHOICE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}AlternateContent"
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_TEXT = f"{_DRAWING}t"
_GRAPHICS = ("{*}chart", "{*}relIds", "{*}oMath")
_FORMULA = "{http://schemas.microsoft.com/office/drawing/2010/main}m"


class Node(Protocol):
    """What is used of an element of lxml, which has no types."""

    tag: str
    text: str | None

    def __iter__(self) -> Iterator[Node]:
        """Give the elements right within."""
        ...

    def get(self, key: str) -> str | None:
        """Give an attribute."""
        ...

    def iter(self, *tags: str) -> Iterator[Node]:
        """Give the elements within that have one of the tags, in order, itself included."""
        ...

    def iterfind(self, path: str, /) -> Iterator[Node]:
        """Give the elements within that a path leads to, in order."""
        ...

    def itertext(self) -> Iterator[str]:
        """Give all text within."""
        ...

    def getparent(self) -> Node:
        """Give the element around."""
        ...

    def makeelement(self, tag: str) -> Node:
        """Make an element of the same kind of tree."""
        ...

    def addprevious(self, element: Node) -> None:
        """Move an element to the place before this one."""
        ...

    def append(self, element: Node) -> None:
        """Put an element at the end."""
        ...

    def remove(self, element: Node) -> None:
        """Take out an element that stands right within."""
        ...


def take_choices(slide: Node) -> None:
    """Make shapes that are written in several ways, and formulas, readable for python-pptx.

    Of a shape that is written for new programs and again for old ones, the first way is taken that
    has text, a chart or a diagram. A formula becomes a run of the characters in it.
    """
    for choice in list(slide.iter(_CHOICE)):
        around = choice.getparent()
        if around.tag in _SHAPES:
            for shape in _best(list(choice)):
                choice.addprevious(shape)
            around.remove(choice)
    for formula in list(slide.iter(_FORMULA)):
        run, text = formula.makeelement(f"{_DRAWING}r"), formula.makeelement(f"{_DRAWING}t")
        text.text = "".join(formula.itertext())
        run.append(text)
        formula.addprevious(run)


def _best(ways: list[Node]) -> list[Node]:
    """Give the shapes of the first way that says something, or else of the first one."""
    best = next(filter(_says_something, ways), next(iter(ways), None))
    return [] if best is None else list(best)


def _says_something(way: Node) -> bool:
    return any(one.tag != _TEXT or one.text for one in way.iter(_TEXT, *_GRAPHICS))
