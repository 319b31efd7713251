"""Take the text out of PDF files with pypdf, of the extra `documents`."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, cast

from typing_extensions import override

from tailorbird.data.documents.files import report_broken, report_encrypted
from tailorbird.data.documents.loaders.pdf_forms import has_other_form, typed_lines
from tailorbird.data.documents.loading import Loader, TextBuilder
from tailorbird.text.headings import plain_headings
from tailorbird.text.scripts import is_cjk_char

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pypdf import PageObject, PdfReader
    from pypdf.generic import Destination

    from tailorbird.data.documents.loading import LoadedText, LoadOptions
    from tailorbird.data.problems import Problems

MAX_PAGES = 20_000
"""Most pages of a PDF file: our own bound."""

_SHOWN = 10
_FULL_LINE = 0.8  # share of the longest line on a page from which on a line may be a full one
_LOOKED_FOR = 200  # characters of a heading
_GOES_ON = "、，"
# What paints a picture, a shape or a line; a page that is blank may still choose a font. ISO
# 32000-2:2020, 8.5.3 "Path-painting operators", 8.7.4.2, 8.8 and 8.9.7.
_PAINTS = re.compile(rb"(?<![^\s\])>])(?:Do|EI|sh|[fBb]\*?|[FSs])(?!\S)")
# Titles that programs write by themselves.
_NO_TITLE = re.compile(
    r"microsoft |untitled|無題|\(anonymous\)$|powerpoint (?:presentation|プレゼンテーション)$"
    r"|.*\.(?:docx?|xlsx?|pptx?|indd|tmp)$",
    re.IGNORECASE,
)


class PdfPages(Loader):
    """Takes the text of each page, for as long as that takes; see `PdfLoader`."""

    @override
    def load(self, path: Path, *, options: LoadOptions, problems: Problems) -> LoadedText | None:
        """Take the text page by page, one page in memory at a time."""
        # An extra, whose absence `PdfLoader` tells; 100 ms.
        from pypdf import PdfReader  # noqa: PLC0415
        from pypdf.errors import LimitReachedError, PyPdfError  # noqa: PLC0415

        with path.open("rb") as file:
            try:
                reader = PdfReader(file)
                # Many files need a password to be changed, and none to be read.
                if reader.is_encrypted and not reader.decrypt(""):
                    report_encrypted(problems)
                    return None
                return _Pdf(reader, TextBuilder(options), problems).text()
            except LimitReachedError:
                reason = "unpacked, a part of it would be larger than pypdf allows"
                fix = "if that is not meant to be a trap, print it into a new PDF file"
                problems.add("error", "document.bomb", reason, fix)
            except PyPdfError as exc:
                report_broken(f"it is no PDF that can be read ({type(exc).__name__})", problems)
        return None


class _Pdf:
    """Writes the pages of one file."""

    def __init__(self, reader: PdfReader, builder: TextBuilder, problems: Problems) -> None:
        self._reader = reader
        self._builder = builder
        self._problems = problems
        self._pictures: list[int] = []  # pages that show something, and have no text

    def text(self) -> LoadedText | None:
        """Give the text of all pages; None when there is none, which has been reported."""
        count = len(self._reader.pages)
        if count > MAX_PAGES:
            reason = f"the file has {count:,} pages, more than {MAX_PAGES:,}"
            self._problems.add("error", "document.too-large", reason, "split it")
            return None
        headings = self._bookmarks()
        pages_with_text = 0
        for number, page in enumerate(self._reader.pages, start=1):
            text, typed = joined_lines(page.extract_text()), typed_lines(page)
            self._write(number, text, headings.get(number, ()))
            self._write_typed(typed)
            if typed or text.strip():
                pages_with_text += 1
            if not text.strip() and _has_picture(page):
                self._pictures.append(number)
        if self._pictures and not self._report_pictures(pages_with_text):
            return None
        if has_other_form(self._reader):
            reason = "the file is a form in XFA, which shows its text in Acrobat alone"
            fix = "print it into a new PDF file"
            self._problems.add("warning", "document.form", reason, fix)
        return self._builder.loaded(title=self._title())

    def _write(self, number: int, text: str, headings: Sequence[str]) -> None:
        """Write a page, and say where its sections begin."""
        self._builder.gap()
        self._builder.mark("page", number)
        at = 0
        for heading in headings:
            found = _find(heading, text, at)
            if found is not None:
                self._builder.add(text[at:found])
                at = found
            self._builder.mark("section", heading)
        self._builder.add(text[at:])

    def _write_typed(self, lines: Sequence[str]) -> None:
        """Write what was typed into a page, behind its text."""
        if lines:
            self._builder.gap()
        for line in lines:
            self._builder.line(line)

    def _bookmarks(self) -> Mapping[int, Sequence[str]]:
        """Give the titles of bookmarks by the page they lead to, from 1."""
        found: defaultdict[int, list[str]] = defaultdict(list)
        waiting = list(reversed(self._reader.outline))
        while waiting:
            one = waiting.pop()
            if isinstance(one, list):
                waiting += reversed(cast("list[Destination]", one))
                continue
            number = self._reader.get_destination_page_number(one)
            title = " ".join(str(one.title or "").split())
            if number is not None and title:
                found[number + 1].append(title)
        return found

    def _title(self) -> str:
        metadata = self._reader.metadata
        title = " ".join(str(metadata.title or "").split()) if metadata is not None else ""
        return "" if _NO_TITLE.match(title) else title

    def _report_pictures(self, pages_with_text: int) -> bool:
        """Report pages that are pictures; say whether there is any text all the same."""
        fix = "let a program for text recognition (OCR) add the text to the file"
        if not pages_with_text:
            reason = "the file is scanned: its pages are pictures without text"
            self._problems.add("error", "document.scanned", reason, fix)
            return False
        count = len(self._pictures)
        shown = ", ".join(map(str, self._pictures[:_SHOWN]))
        more = f" and {count - _SHOWN:,} more" if count > _SHOWN else ""
        reason = f"pages that are pictures without text are left out: {shown}{more}"
        self._problems.add("warning", "document.scanned-pages", reason, fix)
        return True


def joined_lines(text: str) -> str:
    """Put the lines of Japanese paragraphs together, which a PDF breaks in the midst of words.

    A line goes on in the next one when it is about as long as the longest line of the page, ends
    with an East Asian letter, `、` or `，`, and the next one begins with such a letter and is no
    heading. Lines of other languages stay: their words do not run across line ends.
    """
    lines = text.split("\n")
    longest = max(map(len, lines))
    headings = {heading.start for heading in plain_headings(text)}
    kept: list[str] = []
    start = 0
    before = ""
    for line in lines:
        goes_on = (
            len(before) >= _FULL_LINE * longest
            and (is_cjk_char(before[-1:]) or before[-1:] in _GOES_ON)
            and is_cjk_char(line[:1])
            and start not in headings
        )
        kept.append(line if goes_on or not kept else f"\n{line}")
        before = line.rstrip()
        start += len(line) + 1
    return "".join(kept)


def _find(heading: str, text: str, start: int) -> int | None:
    """Find where a heading stands on its page, whatever the blanks in it; None when it does not."""
    letters = map(re.escape, heading[:_LOOKED_FOR].replace(" ", ""))
    found = re.compile(r"\s*".join(letters)).search(text, start)
    return None if found is None else found.start()


def _has_picture(page: PageObject) -> bool:
    """Say whether a page draws anything: without text, that is a picture, or text as lines."""
    content = page.get_contents()
    return content is not None and _PAINTS.search(content.get_data()) is not None
