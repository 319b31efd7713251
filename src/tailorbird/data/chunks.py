"""Cut documents into pieces that can be searched, embedded and quoted."""

from __future__ import annotations

import re
from bisect import bisect_right
from enum import IntEnum
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, Self

from pydantic import Field, model_validator

from tailorbird.data.tokens import token_estimate
from tailorbird.text.graphemes import grapheme_boundary
from tailorbird.text.headings import markdown_headings, plain_headings
from tailorbird.text.sentences import split_sentences
from tailorbird.types.base import Settings
from tailorbird.types.ids import ChunkId
from tailorbird.types.retrieval import Chunk, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tailorbird.text.headings import Heading
    from tailorbird.types.retrieval import Document

_VERSION = 1  # part of the fingerprint: raise it with every change that moves a border
_MARKDOWN_SUFFIXES = (".md", ".markdown")
_EARLIEST_END = 0.6  # share of the target from which on a chunk may end at a better border
_SOFT_CUT = re.compile(r"[\s、，；：,;:|)\]}>）」』】]")
_LINE_END = token_estimate("\n")
_STOPS = "。．.！？!?"
_SOFT_CUT_WINDOW = 4  # a soft place is looked for in the last quarter of a piece


class ChunkOptions(Settings):
    """How documents are cut.

    The defaults found the right page of company documents most often among 128 to 512 tokens: 64 %
    first by BM25, against 63 % for 200 words with 40 shared and 59 % for whole pages (Contoso's 201
    questions with ground truth; `tests/data/test_chunks.py` holds the floor).
    """

    target_tokens: int = Field(default=350, ge=16, le=8192)
    """Size that a chunk does not exceed, in estimated tokens, 16..8,192.

    350 are about 270 words of English or 470 characters of Japanese.
    """
    overlap_tokens: int = Field(default=80, ge=0)
    """What neighbors in a section share, in estimated tokens, rounded to whole sentences.

    At most half of the target; 0 shares nothing.
    """

    @model_validator(mode="after")
    def _check_overlap(self) -> Self:
        if self.overlap_tokens * 2 > self.target_tokens:
            msg = (
                f"overlap_tokens={self.overlap_tokens} is more than half of"
                f" target_tokens={self.target_tokens}: give at most {self.target_tokens // 2}"
            )
            raise ValueError(msg)
        return self

    @property
    def fingerprint(self) -> str:
        """How documents are cut, in a stable form for `IndexSpec.chunking`.

        Equal fingerprints cut alike in every version of this package.
        """
        return f"structure-{_VERSION}:{self.target_tokens}/{self.overlap_tokens}"


def chunk_document(document: Document, options: ChunkOptions | None = None) -> tuple[Chunk, ...]:
    """Cut a document along its structure: sections, paragraphs, lines, sentences.

    A chunk takes as many sentences as fit into the target, then ends at the best border in its last
    part: before a heading, else a paragraph, else a line, else a sentence; never between a heading
    and what it heads, if that can be avoided. A sentence longer than the target is cut at white
    space or punctuation, else between two visible characters. Neighbors share sentences unless a
    section ends between them. A document that fits into one chunk is one chunk.

    For each chunk, `document.text[chunk.span.start : chunk.span.end] == chunk.text`; none is blank,
    and each character that is not white space lies in at least one. Headings are those of Markdown
    for `.md` and `.markdown`; for other texts those of Japanese office documents (`■ 申請`,
    `第3条（休暇）`), else of Markdown unless the name ends in `.txt`. A whole number under the
    metadata key `page` becomes the chunk's page. Time and memory grow with the length of the text,
    not faster.

    Args:
        document: What to cut.
        options: How; None takes the default.

    Returns:
        The chunks in order; none for a blank document.
    """
    options = options or ChunkOptions()
    headings = _headings(document)
    units = _units(document.text, headings, options.target_tokens)
    starts = [heading.start for heading in headings]
    page = document.metadata.get("page")
    chunks: list[Chunk] = []
    for first, last in _packed(units, options):
        span = Span(start=units[first].start, end=units[last].end)
        heading = bisect_right(starts, span.start) - 1
        chunks.append(
            Chunk(
                id=ChunkId(f"{document.id}#{len(chunks)}"),
                document=document.id,
                text=document.text[span.start : span.end],
                span=span,
                title=document.title,
                source=document.source,
                section=(headings[heading].title or None) if heading >= 0 else None,
                page=page if type(page) is int and page > 0 else None,
                metadata=document.metadata,
            )
        )
    return tuple(chunks)


class _Border(IntEnum):
    """How good a place before a unit is to end a chunk; larger is better."""

    BEHIND_HEADING = 0
    INSIDE_SENTENCE = 1
    SENTENCE = 2
    LINE = 3
    PARAGRAPH = 4
    SECTION = 5


class _Unit(NamedTuple):  # a dataclass takes four times as long to make, and there are many
    """A sentence, or a piece of one that is too long."""

    start: int
    end: int
    tokens: float
    """Estimate, the line ends before it included."""
    border: _Border
    """What lies before it."""


_BORDERS = (_Border.SENTENCE, _Border.LINE, _Border.PARAGRAPH)  # by the line ends in between


def _headings(document: Document) -> list[Heading]:
    """Find the headings that the kind of document has."""
    names = (document.source.lower(), document.id.lower())
    if any(name.endswith(_MARKDOWN_SUFFIXES) for name in names):
        return markdown_headings(document.text)
    found = plain_headings(document.text)
    if found or any(name.endswith(".txt") for name in names):
        return found
    return markdown_headings(document.text)


def _units(text: str, headings: Sequence[Heading], target: int) -> list[_Unit]:
    """Cut a text into sentences, and sentences that are too long into pieces."""
    units: list[_Unit] = []
    sections = [0, *(heading.start for heading in headings), len(text)]
    behind_heading = False
    for number, (begin, stop) in enumerate(pairwise(sections)):
        for at, (start, end) in enumerate(split_sentences(text[begin:stop])):
            lines = text.count("\n", units[-1].end, begin + start) if units else 0
            opens = at == 0 and number > 0
            if behind_heading:
                border = _Border.BEHIND_HEADING
            elif opens:
                border = _Border.SECTION
            else:
                border = _BORDERS[min(lines, len(_BORDERS) - 1)]
            behind_heading = opens and text[begin + end - 1] not in _STOPS
            lead = lines * _LINE_END
            units += _pieces(text, begin + start, begin + end, target, border, lead)
    return units


def _pieces(
    text: str, start: int, end: int, target: int, border: _Border, lead: float
) -> list[_Unit]:
    """Give a sentence whole, or in pieces where it is larger than the target."""
    tokens = token_estimate(text[start:end])
    if tokens <= target:
        return [_Unit(start, end, tokens + lead, border)]
    size = max(1, int((end - start) * target / tokens))
    pieces: list[_Unit] = []
    while start < end:
        stop = _cut(text, start, min(start + size, end), end)
        while (tokens := token_estimate(text[start:stop])) > target and stop - start > 1:
            stop = _cut(text, start, start + (stop - start) // 2, end)
        piece = text[start:stop]
        if core := piece.strip():
            begin = start + len(piece) - len(piece.lstrip())
            pieces.append(_Unit(begin, begin + len(core), tokens + lead, border))
            border, lead = _Border.INSIDE_SENTENCE, 0.0
        start = stop
    return pieces


def _cut(text: str, start: int, wanted: int, end: int) -> int:
    """Find a place to cut at or a little before `wanted`, behind `start`."""
    if wanted >= end:
        return end
    window = wanted - (wanted - start) // _SOFT_CUT_WINDOW
    soft = [found.end() for found in _SOFT_CUT.finditer(text, window, wanted)]
    cut = grapheme_boundary(text, soft[-1] if soft else wanted, start=start)
    # A visible character larger than the whole piece (a stack of accents) has to be cut itself.
    return cut if cut > start else max(wanted, start + 1)


def _packed(units: Sequence[_Unit], options: ChunkOptions) -> Iterator[tuple[int, int]]:
    """Give first and last unit of each chunk."""
    first = end = 0
    while end < len(units):
        end = _chunk_end(units, first, end, options.target_tokens)
        yield first, end - 1
        if end < len(units):
            first = _next_start(units, first, end, options)


def _chunk_end(units: Sequence[_Unit], first: int, new: int, target: int) -> int:
    """Find the unit before which the chunk ends that begins with `first` and holds `new`."""
    total = sum(unit.tokens for unit in units[first : new + 1])
    best: int | None = None
    for end in range(new + 1, len(units)):
        better = best is None or units[end].border >= units[best].border
        if better and total >= _EARLIEST_END * target:
            best = end
        total += units[end].tokens
        if total > target:
            return end if best is None else best
    return len(units)


def _next_start(units: Sequence[_Unit], first: int, end: int, options: ChunkOptions) -> int:
    """Find the unit with which the chunk begins that holds `end` as its first new one."""
    start, shared = end, 0.0
    while (
        start - 1 > first
        and units[start].border is not _Border.SECTION
        and shared + units[start - 1].tokens / 2 <= options.overlap_tokens
    ):
        start -= 1
        shared += units[start].tokens
    while start < end and shared + units[end].tokens > options.target_tokens:
        shared -= units[start].tokens
        start += 1
    return start
