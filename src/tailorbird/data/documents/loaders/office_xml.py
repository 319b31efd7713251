"""Read the files of XML within an Office file, and follow the relations between them."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# What reads XML goes through it level by level. libxml2, which reads presentations, has the same
# bound: xmlParserMaxDepth, https://gitlab.gnome.org/GNOME/libxml2/-/blob/v2.12.0/parserInternals.c.
_MOST_LEVELS = 256


def parsed(data: bytes) -> ET.Element:
    """Read XML of a package that has been checked: it declares no entities.

    Raises:
        ParseError: It is no XML, or its elements are nested too deeply.
    """
    root = ET.fromstring(data)  # noqa: S314 - the package has been checked
    level = [root]
    for _ in range(_MOST_LEVELS):
        level = [child for element in level for child in element]
    if level:
        message = "elements are nested too deeply"
        raise ET.ParseError(message)
    return root


@dataclass(frozen=True, slots=True)
class Link:
    """A relation of one file within a package to another."""

    kind: str
    """Last word of its type, such as `chart`, which transitional and strict files share."""
    place: str
    """Name of the other file within the package."""


class OfficePart:
    """A file within a package, and what it is related to."""

    def __init__(self, name: str, read: Callable[[str], bytes]) -> None:
        """Name a file, or the package itself by an empty name.

        Args:
            name: Its name within the package.
            read: Gives the bytes of a file; raises KeyError where there is none.
        """
        self._name = name
        self._read = read

    @property
    def partname(self) -> str:
        """Its name within the package."""
        return self._name

    @property
    def blob(self) -> bytes:
        """What is in it.

        Raises:
            KeyError: There is no such file.
        """
        return self._read(self._name)

    @cached_property
    def links(self) -> Mapping[str, Link]:
        """Its relations by their id.

        Raises:
            ParseError: They are no XML.
        """
        folder, base = posixpath.split(self._name)
        try:
            listed = parsed(self._read(posixpath.join(folder, "_rels", f"{base}.rels")))
        except KeyError:
            return {}
        return {
            one.get("Id", ""): Link(
                kind=one.get("Type", "").rpartition("/")[2],
                place=posixpath.normpath(posixpath.join("/", folder, one.get("Target", "")))[1:],
            )
            for one in listed
        }

    def related_part(self, rId: str) -> OfficePart:  # noqa: N803 - its name in python-pptx
        """Follow a relation.

        Raises:
            KeyError: There is none of that id.
            ParseError: The relations are no XML.
        """
        return OfficePart(self.links[rId].place, self._read)

    def related(self, kind: str) -> list[OfficePart]:
        """Follow all relations of one kind.

        Raises:
            ParseError: The relations are no XML.
        """
        return [self.related_part(one) for one, link in self.links.items() if link.kind == kind]
