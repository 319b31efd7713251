"""What a loader of documents is, and what it gives."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tailorbird.types.base import without_halves
from tailorbird.types.retrieval import Mark

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Literal

    from tailorbird.data.problems import Problems
    from tailorbird.types.retrieval import MetadataValue

MAX_TEXT_CHARACTERS = 64 * 2**20
"""Longest text that is taken out of one file, in characters: our own bound."""

_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\ufeff]")  # U+00AD: where a word may break
_LINE_END = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_UNSEEN = re.compile(f"{_CONTROL.pattern}|{_LINE_END.pattern}|[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """What holds for all files of a source."""

    encoding: str = "auto"
    """For formats that are text: `auto`, or the name of a Python codec."""
    max_characters: int = MAX_TEXT_CHARACTERS
    """A longer text is refused, at least 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedText:
    """The text of a file, and what is known about it."""

    text: str
    """The whole text; blank when there is nothing to search."""
    title: str = ""
    """The title that the file gives itself; empty takes the file's name."""
    marks: tuple[Mark, ...] = ()
    """Where pages, sections, sheets and rows begin, in order."""
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict[str, "MetadataValue"])
    """Values to filter by."""


class Loader(Protocol):
    """Takes the text out of files of one format.

    `load` may block: it runs in a thread when the caller is async. It opens nothing but the file it
    is given, and keeps nothing of it. It never expands a file without bound.
    """

    def load(self, path: Path, *, options: LoadOptions, problems: Problems) -> LoadedText | None:
        """Take the text out of a file.

        Args:
            path: A regular file that was there a moment ago, no larger than the caller allows.
            options: What holds for all files.
            problems: Where everything is reported that the file's owner should know, in words that
                do not repeat the content.

        Returns:
            The text; None when there is none to be had, which has been reported as an error.

        Raises:
            MissingExtraError: A package is not installed; every such file is reported.
            OSError: The file cannot be read; it is reported, and the rest goes on. Any other
                exception is taken for a broken file.
        """
        ...


class TextTooLongError(Exception):
    """A text has grown beyond what is allowed; stays within loading."""


class TextBuilder:
    """Puts a text together from its parts, and remembers where each begins.

    Control characters are left out, line ends are made alike, and halves of characters become
    U+FFFD: files that are no text hold such things where a reader sees nothing.
    """

    def __init__(self, options: LoadOptions) -> None:
        """Start empty."""
        self._parts: list[str] = []
        self._marks: list[Mark] = []
        self._most = options.max_characters
        self._length = 0
        self._tail = "\n\n"  # nothing needs to stand apart from the beginning

    def add(self, text: str) -> None:
        """Put text at the end.

        Raises:
            TextTooLongError: The text is longer than allowed.
        """
        text = _cleaned(text)
        self._length += len(text)
        if self._length > self._most:
            raise TextTooLongError
        self._parts.append(text)
        self._tail = (self._tail + text[-2:])[-2:]

    def line(self, text: str) -> None:
        """Put text on a line of its own."""
        if not self._tail.endswith("\n"):
            self.add("\n")
        self.add(f"{text}\n")

    def gap(self) -> None:
        """Leave a blank line before what comes next."""
        missing = 2 - (len(self._tail) - len(self._tail.rstrip("\n")))
        if self._length and missing:
            self.add("\n" * missing)

    def mark(self, kind: Literal["page", "section", "sheet", "row"], value: str | int) -> None:
        """Say what begins here."""
        if isinstance(value, str):
            value = " ".join(_cleaned(value).split())
        self._marks.append(Mark(start=self._length, kind=kind, value=value))

    def loaded(
        self, *, title: str = "", metadata: Mapping[str, MetadataValue] | None = None
    ) -> LoadedText:
        """Give what was put together."""
        return LoadedText(
            text="".join(self._parts),
            title=title,
            marks=tuple(self._marks),
            metadata=metadata or {},
        )


def _cleaned(text: str) -> str:
    """Leave out what a reader does not see."""
    if _UNSEEN.search(text) is None:
        return text
    return _CONTROL.sub("", _LINE_END.sub("\n", without_halves(text)))
