"""Load Word documents with mammoth, of the extra `documents`."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from typing_extensions import override

from tailorbird.data.documents.loaders.markup import MarkupReader
from tailorbird.data.documents.loaders.packages import PackageLimits, check_package
from tailorbird.data.documents.loaders.word_parts import WordParts
from tailorbird.data.documents.loading import Loader, TextBuilder
from tailorbird.exceptions import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tailorbird.data.documents.loading import LoadedText, LoadOptions
    from tailorbird.data.problems import Problems

MAX_XML_BYTES = 32 * 2**20
"""Largest XML file within a Word document: our own bound. It is read as a tree of objects, which
takes about twenty times as much."""

# Styles that mammoth does not know by itself; its own map has the six headings.
_STYLES = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => p:fresh"

_BACK = re.compile(r'<a href="#(?:foot|end)note-ref-[^"]*">↑</a>')  # the way back from a note


class _Result(Protocol):
    value: str


class _Mammoth(Protocol):
    """What is used of mammoth, which has no types."""

    def convert_to_html(
        self,
        fileobj: BinaryIO,
        *,
        style_map: str,
        include_embedded_style_map: bool,
        convert_image: Callable[[object], Sequence[object]],
    ) -> _Result:
        """Convert a document."""
        ...


class WordLoader(Loader):
    """Takes text, headings, lists, tables, footnotes and text boxes; pages are not in the file.

    Headers come first and footers last, each once. Comments and hidden text are left out.
    """

    @override
    def load(self, path: Path, *, options: LoadOptions, problems: Problems) -> LoadedText | None:
        """Take the text out of a document; what was deleted under tracked changes is gone."""
        try:
            mammoth = cast("_Mammoth", import_module("mammoth"))
        except ImportError as exc:
            raise MissingExtraError(package="mammoth", extra="documents") from exc
        if not check_package(path, PackageLimits(xml_bytes=MAX_XML_BYTES), problems):
            return None
        parts = WordParts(path)
        page = mammoth.convert_to_html(
            parts.package(),
            style_map=_STYLES,
            include_embedded_style_map=False,
            convert_image=_no_image,
        )
        if parts.hidden:
            reason = f"pieces of hidden text that are left out: {parts.hidden:,}"
            fix = "show them in Word to have them read: font, hidden"
            problems.add("note", "document.hidden-part", reason, fix)
        if parts.damaged:
            what = "headers, footers, charts or diagrams"
            reason = f"{what} that cannot be read are left out: {parts.damaged:,}"
            fix = "save it again in Word"
            problems.add("warning", "document.broken-part", reason, fix)
        if parts.inserted:
            reason = f"inserted documents (altChunk) that are not read: {parts.inserted:,}"
            fix = "open it in Word and save it: that takes them into the text"
            problems.add("warning", "document.unread-part", reason, fix)
        if parts.objects:
            reason = f"embedded objects that are not read: {parts.objects:,}"
            fix = "save them as files of their own to have them read"
            problems.add("warning", "document.unread-part", reason, fix)
        builder = TextBuilder(options)
        reader = MarkupReader(builder)
        reader.read(_BACK.sub("", page.value))
        return builder.loaded(title=reader.first_heading)


def _no_image(_image: object) -> Sequence[object]:
    return ()
