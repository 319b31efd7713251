"""Find the headings that divide a text into sections."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.text.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

# CommonMark 0.31.2, https://spec.commonmark.org/0.31.2/ (read 2026-11): sections 4.2, 4.3, 4.5 and
# 4.6. Wide signs and blanks, which it does not know, are what Japanese keyboards give.
_MARKDOWN_LINE = lazy_pattern(
    r"^ {0,3}(?:(?P<level>[#＃]{1,6})(?:[ \t\u3000]+(?P<title>[^\n]*))?"
    r"|(?P<fence>`{3,}(?=[^`\n]*$)|~{3,})(?P<info>[^\n]*)"
    r"|(?P<comment><!--)[^\n]*"
    r"|(?P<underline>=+|-{2,})[ \t\r]*)$",
    re.MULTILINE,
)
_FRONT_MATTER = re.compile(
    r"---[ \t]*\r?\n(?P<body>(?:[^\n]*\n)*?)(?:---|\.\.\.)[ \t]*\r?(?:\n|\Z)"
)
_FRONT_MATTER_TITLE = re.compile(r"^title:[ \t]*(?P<title>[^\n]*)$", re.MULTILINE | re.IGNORECASE)
_FRONT_MATTER_LIMIT = 20_000  # characters
_TITLE_LIMIT = 300  # characters
_CLOSING_HASHES = re.compile(r"(?:^|[ \t]+)#+[ \t\r]*$")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")
_EMPHASIS = re.compile(r"\*{1,3}|`+|(?<!\w)_{1,3}|_{1,3}(?!\w)")
_COUNT = "[0-9０-９一二三四五六七八九十百〇]{1,5}"
# Marks and numbering that Japanese office documents put on their headings, alone on a line (a
# rule's number may be followed by its text).
_PLAIN_HEADING = lazy_pattern(
    r"^[ \t\u3000]*(?:[■◆●▼□◇][ \t\u3000]*(?P<marked>[^\n。]{1,60}?)[ \t\u3000\r]*$"
    r"|(?P<bracketed>【[^【】\n]{1,60}】)[ \t\u3000\r]*$"
    rf"|(?P<rule>第{_COUNT}[編章節条](?:の{_COUNT})?(?:[ \t\u3000]*[（(][^（）()\n]{{1,40}}[）)]"
    r"|[ \t\u3000]+[^\s。、][^\n。、]{0,40}$|[ \t\u3000\r]*$)))",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Heading:
    """A line that names what follows it."""

    start: int
    """Where its line begins, counted in code points."""
    level: int
    """1 for the outermost, 6 for the innermost."""
    title: str
    """Its words without Markdown's marks; may be empty."""


def markdown_headings(text: str) -> list[Heading]:
    """List the headings of a Markdown text, `#` and underlined ones, in order.

    Lines in fenced code, in comments and in the front matter are no headings. An underlined heading
    must be one line with a blank line before it, which tells it from a table or a rule.
    """
    return list(_markdown_headings(text, _front_matter(text)[1]))


def plain_headings(text: str) -> list[Heading]:
    """List the headings of a text without markup, as Japanese office documents have them, in order.

    A line such as `■ 申請`, `【対象者】`, and the number of a rule with its name, such as
    `第3条（休暇）`. All are of level 1.
    """
    found: list[Heading] = []
    for line in _PLAIN_HEADING().finditer(text):
        title = line["marked"] or line["bracketed"] or line["rule"]
        found.append(Heading(line.start(), 1, title.strip(" \t\u3000\r【】")))
    return found


def markdown_title(text: str) -> str:
    """Give the title of a Markdown text: front matter before first heading; empty without both."""
    body, start = _front_matter(text)
    if (named := _FRONT_MATTER_TITLE.search(body)) is not None:
        title = named["title"].strip()
        if len(title) > 1 and title[0] == title[-1] and title[0] in "\"'":
            title = title[1:-1]
        if title:
            return title
    titles = (heading.title for heading in _markdown_headings(text, start))
    return next(filter(None, titles), "")


def _front_matter(text: str) -> tuple[str, int]:
    """Give the body of the front matter and where it ends; nothing and 0 when there is none."""
    found = _FRONT_MATTER.match(text, 0, _FRONT_MATTER_LIMIT)
    return ("", 0) if found is None else (found["body"], found.end())


def _markdown_headings(text: str, start: int) -> Iterator[Heading]:
    """Give the headings behind `start` one by one."""
    fence = ""
    shown_from = start
    for line in _MARKDOWN_LINE().finditer(text, start):
        marks = line["fence"]
        if line.start() < shown_from:
            continue
        if fence:
            closes = marks is not None and marks.startswith(fence) and not line["info"].strip()
            fence = "" if closes else fence
        elif marks is not None:
            fence = marks
        elif line["comment"] is not None:
            end = text.find("-->", line.start())
            shown_from = len(text) if end < 0 else end
        elif line["level"] is not None:
            title = _CLOSING_HASHES.sub("", (line["title"] or "")[:_TITLE_LIMIT])
            yield Heading(line.start(), len(line["level"]), _bare(title))
        elif (title_start := _underlined(text, start, line.start())) is not None:
            level = 1 if line["underline"][0] == "=" else 2
            yield Heading(
                title_start, level, _bare(text[title_start : line.start()][:_TITLE_LIMIT])
            )


def _underlined(text: str, start: int, end: int) -> int | None:
    """Find the start of the one line above an underline at `end`; None when it is no title."""
    title_start = text.rfind("\n", start, max(start, end - 1)) + 1 or start
    before_start = text.rfind("\n", start, max(start, title_start - 1)) + 1 or start
    title = text[title_start:end].strip()
    before = text[before_start:title_start].strip()
    return title_start if title and not before and not _MARKDOWN_LINE().match(title) else None


def _bare(title: str) -> str:
    """Take the marks of links and emphasis off a heading."""
    return _EMPHASIS.sub("", _LINK.sub(r"\1", title)).strip()
