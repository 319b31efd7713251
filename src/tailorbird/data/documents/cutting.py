"""Cut documents along their structure: sections, paragraphs, lines, sentences."""

from __future__ import annotations

import re
from enum import IntEnum
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from tailorbird.data.documents.outline import Outline
from tailorbird.data.documents.sentence_windows import iter_sentences
from tailorbird.data.tokens import token_estimate
from tailorbird.text.graphemes import grapheme_boundary
from tailorbird.types.ids import ChunkId
from tailorbird.types.retrieval import Chunk, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tailorbird.data.documents.chunks import ChunkOptions
    from tailorbird.data.tokens import TokenCounter
    from tailorbird.types.retrieval import Document

_EARLIEST_END = 0.6  # share of the target from which on a chunk may end at a better border
_SOFT_CUT = re.compile(r"[\s、，；：,;:|)\]}>）」』】]")
_LINE = re.compile(r"[^\n]+")
_LINE_END = token_estimate("\n")
_STOPS = "。．.！？!?"
_SOFT_CUT_WINDOW = 4  # a soft place is looked for in the last quarter of a piece
_FORGOTTEN_AT_ONCE = 256  # units: dropping them one by one would move the others each time


def cut(document: Document, options: ChunkOptions, count: TokenCounter | None) -> Iterator[Chunk]:
    """Cut a document; see `iter_chunks`."""
    outline = Outline(document)
    units = _Units(_units(document.text, outline, options.target_tokens, count))
    packer = _Packer(document.text, units, options, count)
    for number, span in enumerate(packer.spans()):
        yield Chunk(
            id=ChunkId(f"{document.id}#{number}"),
            document=document.id,
            text=document.text[span.start : span.end],
            span=span,
            title=document.title,
            source=document.source,
            section=outline.section(span.start),
            page=outline.page(span.start),
            metadata=outline.metadata(span.start, span.end),
        )


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
    """Its size, the line ends before it included."""
    border: _Border
    """What lies before it."""


_BORDERS = (_Border.SENTENCE, _Border.LINE, _Border.PARAGRAPH)  # by the line ends in between


def _units(text: str, outline: Outline, target: int, count: TokenCounter | None) -> Iterator[_Unit]:
    """Cut a text into sentences and rows, and those that are too long into pieces."""
    measure: Callable[[str], float] = token_estimate if count is None else count
    sections = [0, *(heading.start for heading in outline.sections), len(text)]
    behind_heading = False
    before: int | None = None  # where the unit before ends
    for number, (begin, stop) in enumerate(pairwise(sections)):
        opens = number > 0
        for start, end in _sentences(text, begin, stop, outline.rows_from):
            lines = 0 if before is None else text.count("\n", before, start)
            if behind_heading:
                border = _Border.BEHIND_HEADING
            elif opens:
                border = _Border.SECTION
            else:
                border = _BORDERS[min(lines, len(_BORDERS) - 1)]
            behind_heading = opens and text[end - 1] not in _STOPS
            opens = False
            lead = lines * _LINE_END
            sentence = text[start:end]
            tokens = measure(sentence)
            if tokens <= target:
                yield _Unit(start, end, tokens + lead, border)
            else:
                yield from _pieces(text, _Unit(start, end, lead, border), target, measure)
            before = end


def _sentences(text: str, start: int, end: int, rows_from: int) -> Iterator[tuple[int, int]]:
    """Give the spans of sentences, and of whole rows from where a table begins."""
    table = min(max(start, rows_from), end)
    yield from iter_sentences(text, start, table)
    for line in _LINE.finditer(text, table, end):
        if core := line[0].strip():
            stop = line.start() + len(line[0].rstrip())
            # A blank that carries a combining mark is no blank.
            yield grapheme_boundary(text, stop - len(core), start=line.start()), stop


def _pieces(
    text: str, sentence: _Unit, target: int, measure: Callable[[str], float]
) -> Iterator[_Unit]:
    """Give a sentence that is too large in pieces; its `tokens` are those of the line ends."""
    start, end, lead, border = sentence
    size = max(1, int((end - start) * target / measure(text[start:end])))
    while start < end:
        stop = _cut(text, start, min(start + size, end), end)
        while (tokens := measure(text[start:stop])) > target and stop - start > 1:
            stop = _cut(text, start, start + (stop - start) // 2, end)
        piece = text[start:stop]
        if core := piece.strip():
            final = start + len(piece.rstrip())
            # A blank that carries a combining mark is no blank.
            begin = grapheme_boundary(text, final - len(core), start=start)
            yield _Unit(begin, final, tokens + lead, border)
            border, lead = _Border.INSIDE_SENTENCE, 0.0
        start = stop


def _cut(text: str, start: int, wanted: int, end: int) -> int:
    """Find a place to cut at or a little before `wanted`, behind `start`."""
    if wanted >= end:
        return end
    window = wanted - (wanted - start) // _SOFT_CUT_WINDOW
    soft = [found.end() for found in _SOFT_CUT.finditer(text, window, wanted)]
    cut = grapheme_boundary(text, soft[-1] if soft else wanted, start=start)
    # A visible character larger than the whole piece (a stack of accents) has to be cut itself.
    return cut if cut > start else max(wanted, start + 1)


class _Units:
    """Units by their number, of which only those that are needed are held."""

    def __init__(self, source: Iterator[_Unit]) -> None:
        self._source = source
        self._held: list[_Unit] = []
        self._gone = 0

    def __getitem__(self, at: int) -> _Unit:
        return self._held[at - self._gone]

    def has(self, at: int) -> bool:
        """Say whether there is a unit of that number; it is read if it has not been."""
        while at >= self._gone + len(self._held):
            unit = next(self._source, None)
            if unit is None:
                return False
            self._held.append(unit)
        return True

    def forget(self, before: int) -> None:
        """Let go of units that are not asked for any more."""
        if before - self._gone >= _FORGOTTEN_AT_ONCE:
            del self._held[: before - self._gone]
            self._gone = before


class _Packer:
    """Packs units into chunks."""

    def __init__(
        self, text: str, units: _Units, options: ChunkOptions, count: TokenCounter | None
    ) -> None:
        self._text = text
        self._units = units
        self._target = options.target_tokens
        self._overlap = options.overlap_tokens
        self._count = count

    def spans(self) -> Iterator[Span]:
        """Give the span of each chunk."""
        first = new = 0
        while self._units.has(new):
            first = self._fitting_start(first, new)
            end = self._end(first, new)
            yield Span(start=self._units[first].start, end=self._units[end - 1].end)
            if self._units.has(end):
                first = self._next_start(first, end)
                self._units.forget(first)
            new = end

    def _end(self, first: int, new: int) -> int:
        """Find the unit before which the chunk ends that begins with `first` and holds `new`."""
        end = self._estimated_end(first, new)
        while end > new + 1 and not self._fits(first, end):
            end -= 1
        return end

    def _estimated_end(self, first: int, new: int) -> int:
        units, target = self._units, self._target
        total = sum(units[at].tokens for at in range(first, new + 1))
        best: int | None = None
        end = new + 1
        while units.has(end):
            unit = units[end]
            better = best is None or unit.border >= units[best].border
            if better and total >= _EARLIEST_END * target:
                best = end
            total += unit.tokens
            if total > target:
                return end if best is None else best
            end += 1
        return end

    def _next_start(self, first: int, end: int) -> int:
        """Find the unit with which the chunk begins that holds `end` as its first new one."""
        units = self._units
        start, shared = end, 0.0
        while (
            start - 1 > first
            and units[start].border is not _Border.SECTION
            and shared + units[start - 1].tokens / 2 <= self._overlap
        ):
            start -= 1
            shared += units[start].tokens
        while start < end and shared + units[end].tokens > self._target:
            shared -= units[start].tokens
            start += 1
        return start

    def _fitting_start(self, first: int, new: int) -> int:
        """Share less where what is shared leaves no room for the first new unit."""
        while first < new and not self._fits(first, new + 1):
            first += 1
        return first

    def _fits(self, first: int, end: int) -> bool:
        """Say whether units fit into one chunk when they are counted together."""
        if self._count is None:
            return True  # estimates add up to that of the whole
        whole = self._text[self._units[first].start : self._units[end - 1].end]
        return self._count(whole) <= self._target
