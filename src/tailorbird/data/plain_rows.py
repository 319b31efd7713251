"""Prove that most lines of a block are plain chat rows, without parsing them one by one.

A plain row is `{"messages": [{"role": …, "content": …}, …]}` with nothing to report: an optional
system message, then the user and the assistant in turns. Everything between two contents is one of
a few pieces of text, and each piece is checked once by a regular expression; where all pieces fit,
and no byte is suspect (`plain_bytes`), the row is what a parser would find. What does not fit is left
to the careful checks, so this may be blind, but never wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tailorbird.data.byte_blocks import BLOCK_BYTES
from tailorbird.data.plain_bytes import ByteScanner
from tailorbird.data.plain_tables import ENDS_BLANK, WITHIN_BLANK

if TYPE_CHECKING:
    import numpy.typing as npt

    from tailorbird.data.byte_blocks import Block
    from tailorbird.data.plain_bytes import BlockBytes, Bytes, Mask, Places

    Words = npt.NDArray[np.uint64]

CAPACITY = 2 * BLOCK_BYTES
"""Largest block that is scanned."""

PLAIN_ROLES = ("system", "developer", "user", "assistant")
"""Who speaks in plain rows."""

_LONGEST_PIECE = 80  # bytes between two contents: 60 with the spaces of json.dumps
_MOST_PIECES = 8  # different pieces of one length that are told apart in a block
_MOST_KNOWN = 500  # pieces that are remembered
_MARKED_BYTES = 64  # shorter lines hold no example and get no mark; samples stay within the others
_CONTENT = np.frombuffer(b'content"', np.uint64)[0]
# A piece leads from the end of one content to the beginning of the next. Its code is 0 when unknown,
# else 1 to 4 for the role it introduces, plus 4 when a new row begins.
_SPEAKER = rb'\{ *"role" *: *"(system|developer|user|assistant)" *, *"content" *: *"'
_PIECE = re.compile(
    rb'" *\} *(?:(, *)|\] *\} *\r?\n *\{ *"messages" *: *\[ *)' + _SPEAKER
)
_HEAD = re.compile(rb' *\{ *"messages" *: *\[ *' + _SPEAKER)
_TAIL = re.compile(rb'" *\} *\] *\} *\r?\n')
_NEW_ROW = 4
_USER, _ASSISTANT = 3, 4
# Odd numbers for multiplicative mixing: the bits of the golden ratio and of square roots.
_MIX = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)


def _turns() -> Mask:
    """Tabulate which piece may follow which: system first, then user and assistant in turns."""
    allowed = np.zeros((9, 9), np.bool_)
    for before in range(1, 9):
        speaker = (before - 1) % _NEW_ROW + 1
        if speaker == _ASSISTANT:
            allowed[before, [_USER, *(role + _NEW_ROW for role in (1, 2, _USER))]] = True
        else:
            allowed[before, _ASSISTANT if speaker == _USER else _USER] = True
    return allowed


_TURNS = _turns()


@dataclass(frozen=True, slots=True)
class PlainScan:
    """What a scan found out about a block."""

    line_ends: Places
    """Where the line feeds are."""
    doubtful: Places
    """Indices of the lines that need the careful checks, ascending."""
    roles: tuple[int, ...]
    """Messages of plain rows, by `PLAIN_ROLES`."""
    narrow_bytes: int
    """ASCII bytes in the contents of plain rows."""
    wide_bytes: int
    """Other bytes in the contents of plain rows."""
    marks: Words
    """A mark for each line that equal lines share, and few others; 0 for very short lines."""
    has_crlf: bool
    """Whether a line ends with CR LF."""


class PlainRows:
    """Scans the blocks of one file."""

    def __init__(self, *, longest_bytes: int) -> None:
        """Leave rows of more than `longest_bytes` bytes to the careful checks."""
        # An allocator that has seen a large piece come back (glibc's malloc has) stops returning
        # memory to the system after every block; fetching it again costs a third of the scan.
        np.empty(16 * BLOCK_BYTES, np.uint8)
        self._bytes = ByteScanner(CAPACITY)
        self._longest = longest_bytes
        self._known: dict[bytes, int] = {}

    def scan(self, block: Block) -> PlainScan:
        """Scan a block of at most `CAPACITY` bytes."""
        found = self._bytes.scan(block)
        ends = found.line_ends
        starts = np.concatenate([np.zeros(1, np.intp), ends[:-1] + 1])
        opens, closes = _contents(found)
        codes = self._codes(block, found, opens, closes)
        suspects = [
            found.suspects,
            _misfits(block, codes, opens, closes),
            starts[ends - starts > self._longest],
            _blank(found.data, opens, closes),
        ]
        doubtful = np.zeros(len(ends), np.bool_)
        doubtful[np.searchsorted(ends, np.concatenate(suspects))] = True
        _mark_between(doubtful, ends, opens, closes, codes)
        rows = np.flatnonzero(doubtful)
        plain = _outside(opens, starts[rows], ends[rows])
        counts = np.bincount(codes[plain], minlength=9)
        total = int(np.sum((closes - opens - 1)[plain]))
        wide = found.wide_bytes - sum(
            int(np.count_nonzero(found.data[starts[row] : ends[row]] >= 0x80)) for row in rows
        )
        return PlainScan(
            line_ends=ends,
            doubtful=rows,
            roles=tuple(int(n) for n in counts[1:5] + counts[5:9]),
            narrow_bytes=total - wide,
            wide_bytes=wide,
            marks=_marks(found, starts, ends),
            has_crlf=found.has_crlf,
        )

    def _codes(self, block: Block, found: BlockBytes, opens: Places, closes: Places) -> Places:
        """Give the code of the piece before each content."""
        codes = np.zeros(len(opens), np.intp)
        if not len(opens):
            return codes
        head = _HEAD.fullmatch(block.buffer, 0, int(opens[0]) + 1)
        codes[0] = 0 if head is None else PLAIN_ROLES.index(head[1].decode()) + 1 + _NEW_ROW
        starts = closes[:-1]
        lengths = opens[1:] - starts + 1
        for length in np.flatnonzero(np.bincount(np.minimum(lengths, _LONGEST_PIECE))):
            if length < _LONGEST_PIECE:
                at = np.flatnonzero(lengths == length)
                codes[at + 1] = self._same_length(block, starts[at], int(length))
        return codes

    def _same_length(self, block: Block, starts: Places, length: int) -> Places:
        """Give the codes of pieces that have the same length."""
        texts = np.ndarray(block.end, f"S{length}", block.buffer, strides=(1,))[starts]
        codes = np.zeros(len(starts), np.intp)
        left = np.arange(len(starts))
        for _ in range(_MOST_PIECES):
            text = bytes(texts[left[0]])
            same = texts[left] == text
            codes[left[same]] = self._code(text)
            left = left[~same]
            if not len(left):
                break
        return codes

    def _code(self, piece: bytes) -> int:
        code = self._known.get(piece)
        if code is None:
            found = _PIECE.fullmatch(piece)
            code = 0
            if found is not None:
                role = PLAIN_ROLES.index(found[2].decode()) + 1
                code = role if found[1] else role + _NEW_ROW
            if len(self._known) < _MOST_KNOWN:
                self._known[piece] = code
        return code


def _contents(found: BlockBytes) -> tuple[Places, Places]:
    """Give where the contents begin and end: the places of their quotes."""
    quotes = found.quotes
    gaps = np.diff(quotes)
    # A string of seven characters, then one or two characters, then a string.
    keys = np.flatnonzero(gaps[:-2] == len('content"'))
    distance = gaps[keys + 1]
    keys = keys[(distance == len('":')) | (distance == len('": '))]
    words = np.ndarray(found.end, np.uint64, found.data, strides=(1,))
    keys = keys[words[quotes[keys] + 1] == _CONTENT]
    return quotes[keys + 2], quotes[keys + 3]


def _misfits(block: Block, codes: Places, opens: Places, closes: Places) -> Places:
    """Give places in rows whose pieces do not fit together."""
    if not len(opens):
        return np.empty(0, np.intp)
    bad = np.flatnonzero(~_TURNS[codes[:-1], codes[1:]])
    places = [closes[bad], opens[bad + 1]]
    if not _NEW_ROW < codes[0] < _NEW_ROW + _ASSISTANT:
        places.append(opens[:1])
    last = int(closes[-1])
    if codes[-1] % _NEW_ROW or not _TAIL.fullmatch(block.buffer, last, block.end):
        places.append(closes[-1:])
    return np.concatenate(places)


def _mark_between(
    doubtful: Mask, ends: Places, opens: Places, closes: Places, codes: Places
) -> None:
    """Doubt every line that a misfit runs through: lines without any content lie within them."""
    if not len(opens):
        doubtful[:] = True
        return
    bad = np.flatnonzero(~_TURNS[codes[:-1], codes[1:]])
    first = np.searchsorted(ends, closes[bad])
    last = np.searchsorted(ends, opens[bad + 1])
    for begin, end in zip(first.tolist(), last.tolist(), strict=True):
        doubtful[begin : end + 1] = True
    doubtful[: int(np.searchsorted(ends, opens[0]))] = True
    doubtful[int(np.searchsorted(ends, closes[-1])) + 1 :] = True


def _blank(data: Bytes, opens: Places, closes: Places) -> Places:
    """Give the contents that may be empty or blank."""
    first, second, third = data[opens + 1], data[opens + 2], data[opens + 3]
    blank = (first == 0x20) | (first == 0x5C) | (closes - opens == 1)
    blank |= (first == 0xC2) & ((second == 0x85) | (second == 0xA0))
    blank |= (first == 0xE1) & (second == 0x9A)
    blank |= (first == 0xE2) & (second <= 0x81) & ((third <= 0x8A) | (third >= 0x9F))
    blank |= (first == 0xE3) & (second == 0x80) & (third == 0x80)
    begin, end = opens[blank], closes[blank]
    empty = begin[end - begin == 1]
    kept = ENDS_BLANK[data[end - 1]]
    begin, end = begin[kept], end[kept]
    for part in (2, 4):
        kept = WITHIN_BLANK[data[begin + np.maximum((end - begin) // part, 1)]]
        begin, end = begin[kept], end[kept]
    return np.concatenate([empty, begin])


def _outside(places: Places, begins: Places, ends: Places) -> Mask:
    """Say which of the ascending places lie in none of the ranges."""
    steps = np.zeros(len(places) + 1, np.int32)
    np.add.at(steps, np.searchsorted(places, begins), 1)
    np.add.at(steps, np.searchsorted(places, ends), -1)
    return np.cumsum(steps[:-1]) == 0


def _marks(found: BlockBytes, starts: Places, ends: Places) -> Words:
    """Mix length, samples of the text and the numbers of each line into a mark."""
    words = np.ndarray(found.end, np.uint64, found.data, strides=(1,))
    lengths = ends - starts
    marks = lengths.astype(np.uint64)
    for eighth in range(1, 8):
        marks *= _MIX[0]
        marks ^= words[starts + lengths * eighth // 8]
    if len(found.digits):
        # Rows made from a pattern differ in their numbers: the first and the last one of each.
        first = np.searchsorted(found.digits, starts)
        last = np.searchsorted(found.digits, ends) - 1
        top = len(found.digits) - 1
        has_digits = last >= first
        marks *= _MIX[1]
        marks ^= words[np.minimum(found.digits[np.minimum(first, top)], ends - 8)] * has_digits
        marks *= _MIX[2]
        marks ^= words[np.maximum(found.digits[np.maximum(last, 0)] - 7, starts)] * has_digits
    marks[lengths < _MARKED_BYTES] = 0
    return marks
