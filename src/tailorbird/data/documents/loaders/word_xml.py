"""What every part of a Word document is made of."""

from __future__ import annotations

from xml.etree import ElementTree as ET

_FALSE = frozenset({"0", "false", "off"})


def split_tag(tag: str) -> tuple[str, str]:
    """Give the name space of a tag, in its braces, and the name."""
    space, brace, kind = tag.rpartition("}")
    return f"{space}{brace}", kind


def value_of(element: ET.Element | None) -> str:
    """Give the attribute `val` of an element; empty without one."""
    items = () if element is None else element.items()
    return next((value for key, value in items if split_tag(key)[1] == "val"), "")


def link_of(element: ET.Element) -> str:
    """Give the number of the relation that an element names; empty without one."""
    return next((value for key, value in element.items() if key.endswith("}id")), "")


def is_on(element: ET.Element | None) -> bool:
    """Say whether a property that can be on or off is there and on."""
    return element is not None and value_of(element) not in _FALSE


def run_of(space: str, text: str) -> ET.Element:
    """Make a run of text."""
    run = ET.Element(f"{space}r")
    ET.SubElement(run, f"{space}t").text = text
    return run


def paragraph_of(space: str, text: str) -> ET.Element:
    """Make a paragraph of text."""
    paragraph = ET.Element(f"{space}p")
    paragraph.append(run_of(space, text))
    return paragraph
