"""Cut text that comes in blocks into physical lines, and mark the blocks worth a closer look."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tailorbird.data.problems import Problems

LONG_LINE_CHARS = 4_000_000
"""Longest physical line that is read: our own bound on memory, several times what a training
example of 65,536 tokens needs (that is OpenAI's limit: "Fine-tuning best practices",
https://platform.openai.com/docs/guides/fine-tuning-best-practices, read 2026-11-22)."""

UNUSUAL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u0300-\u036f\u061c\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3099\u309a\ud800-\udfff\ufeff\ufff9-\ufffb\ufffd\U000e0000-\U000e007f]"
)
"""Characters that deserve a look: controls, invisible and combining marks, line separators other
than CR and LF, signs of lost data. Holds all characters at which `str.splitlines` cuts beyond CR
and LF, so that it may be used on texts without a match."""

# Each begins with a fixed character, so that the search runs at the speed of `str.find`.
_JAPANESE_DATE = re.compile("月[0-9]{1,2}日")
_ENGLISH_DATE = re.compile("-(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)")


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Some physical lines in a row."""

    lines: list[str]
    """The lines with their ends (CR LF, LF or CR)."""
    first: int
    """Number of the first line, from 1."""
    unusual: bool
    """Whether a character of `UNUSUAL` is in it."""
    converted: bool
    """Whether something in it looks like what spreadsheets make of numbers and dates."""


def line_blocks(texts: Iterable[str], problems: Problems) -> Iterator[LineBlock]:
    """Cut texts into lines; CR LF, LF and CR end one, nothing else does.

    A line of more than `LONG_LINE_CHARS` characters is reported and left empty.
    """
    carry, number, skipping = "", 1, False
    for piece in texts:
        text = carry + (_after_break(piece) if skipping else piece)
        skipping = skipping and not text
        # A CR at the very end may be half of a CR LF: it waits for the next block.
        cut = max(text.rfind("\n"), text.rfind("\r", 0, len(text) - 1)) + 1
        carry = text[cut:]
        if cut:
            block = _block(text[:cut], number)
            number += len(block.lines)
            yield block
        if len(carry) > LONG_LINE_CHARS:
            reason = f"the line has more than {LONG_LINE_CHARS:,} characters"
            fix = "give each row a line of its own; a quote that is never closed can cause this"
            problems.add("error", "file.line-too-long", reason, fix, line=number)
            carry, skipping = "", True
    if carry:
        yield _block(carry, number)


def _after_break(text: str) -> str:
    ends = [at for at in (text.find("\n"), text.find("\r")) if at >= 0]
    return text[min(ends) :] if ends else ""


def _block(text: str, number: int) -> LineBlock:
    unusual = UNUSUAL.search(text) is not None
    # splitlines is the fastest cutter, but it also cuts at some unusual characters.
    lines = io.StringIO(text, newline="").readlines() if unusual else text.splitlines(keepends=True)
    converted = "E+" in text or _JAPANESE_DATE.search(text) or _ENGLISH_DATE.search(text)
    return LineBlock(lines, number, unusual, bool(converted))
