"""Prove that most lines of a block are plain chat rows, without parsing them one by one.

A plain row is `{"messages": [{"role": …, "content": …}, …]}` with nothing to report: an optional
system message, then the user and the assistant in turns. What stands between two contents is one of
a few pieces of text, and each piece is read once, by a regular expression. Where pieces and
contents take turns without a gap, and no byte is suspect (`plain_bytes`), the rows are what a
parser would find. What does not fit is left to the careful checks: this may be blind, but never
wrong.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tailorbird.data.files.blocks import BLOCK_BYTES
from tailorbird.data.training.row import PLAIN_ROLES
from tailorbird.data.training.scan.plain_bytes import ByteScanner, gathered
from tailorbird.data.training.scan.plain_tables import BEGINS_BLANK, ENDS_BLANK, WITHIN_BLANK

if TYPE_CHECKING:
    import numpy.typing as npt

    from tailorbird.data.files.blocks import Block
    from tailorbird.data.training.scan.plain_bytes import BlockBytes, Bytes, Mask, Places

    Words = npt.NDArray[np.uint64]

CAPACITY = 2 * BLOCK_BYTES
"""Largest block that is scanned."""

_LONGEST_PIECE = 80  # bytes between two contents: 60 with the spaces of json.dumps
_MOST_NEW = 8  # pieces that are learned from a block
_MOST_KNOWN = 32  # pieces that are remembered
_SIGN_AT = 12  # where the eight bytes begin that tell most pieces apart; no piece is shorter
_MARKED_BYTES = 64  # how much is hashed at a time; shorter lines hold no example and get no mark
_FREED_BYTES = 16 << 20
_QUOTE = ord('"')
_WIDE = 0x80
# A piece has a code: 1 to 4 for the role that it introduces, plus 4 when a new row begins with it;
# 0 stands for what is no piece.
_NEW_ROW = 4
_USER, _ASSISTANT = 3, 4
_SPEAKER = rb'\{ *"role" *: *"(system|developer|user|assistant)" *, *"content" *: *"'
_PIECE = re.compile(rb'"\} *(?:(, *)|\] *\} *\r?\n *\{ *"messages" *: *\[ *)' + _SPEAKER)
_HEAD = re.compile(rb' *\{ *"messages" *: *\[ *' + _SPEAKER)
_TAIL = re.compile(rb'"\} *\] *\} *\r?\n')
# The fractional part of the golden ratio in binary: an odd number with well mixed bits.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _turns() -> Mask:
    """Tabulate which piece may follow which: system first, then user and assistant in turns.

    A row that is doubted anyway says nothing against the next one, and the other way round: what
    begins with the assistant is doubted itself.
    """
    allowed = np.zeros((2 * _NEW_ROW + 1, 2 * _NEW_ROW + 1), np.bool_)
    allowed[[0, _ASSISTANT], _NEW_ROW + 1 :] = True
    allowed[_ASSISTANT, _USER] = True
    for role in (1, 2, _USER):
        allowed[[role, role + _NEW_ROW], _ASSISTANT if role == _USER else _USER] = True
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


@dataclass(frozen=True, slots=True)
class _Piece:
    """A text that leads from the end of one content to the beginning of the next."""

    text: bytes
    code: int
    quotes: int
    sign: np.uint64


@dataclass(frozen=True, slots=True)
class _Contents:
    """The contents of a block, in order."""

    opens: Places
    """Where the quote at the beginning of each is; meaningless behind an unknown piece."""
    closes: Places
    """Where the quote at its end is."""
    speakers: Places
    """Code of the piece before it."""
    codes: Places
    """Code of the piece behind it."""
    has_tail: bool
    """Whether the last row ends as a plain row does."""
    quotes: int
    """Quotes in all pieces."""

    @property
    def rows(self) -> int:
        """How many line feeds there are in all pieces."""
        return int(np.count_nonzero(self.codes > _NEW_ROW))


class PlainRows:
    """Scans the blocks of one file, one at a time."""

    def __init__(self, *, longest_bytes: int) -> None:
        """Leave rows of more than `longest_bytes` bytes to the careful checks."""
        # Once glibc's malloc has seen a large piece come back (but not one over 32 MiB), it stops
        # giving memory back to the system after every block; fetching it again costs a third of the
        # scan.
        np.empty(_FREED_BYTES, np.uint8)
        self._bytes = ByteScanner(CAPACITY)
        self._longest = longest_bytes
        self._known: list[_Piece] = []

    def scan(self, block: Block) -> PlainScan:
        """Scan a block of at most `CAPACITY` bytes."""
        found = self._bytes.scan(block)
        ends = found.line_ends
        starts = np.concatenate([np.zeros(1, np.intp), ends[:-1] + 1])
        contents = self._contents(block, found.closers)
        known = contents.speakers > 0
        opens, closes = contents.opens[known], contents.closes[known]
        suspects = [found.suspects, starts[ends - starts > self._longest]]
        suspects.append(_blank(found.data, opens, closes))
        doubtful = np.zeros(len(ends), np.bool_)
        doubtful[np.searchsorted(ends, np.concatenate(suspects))] = True
        _doubt_misfits(doubtful, ends, contents)
        # A quote that ends one content and begins the next would be counted twice.
        counted = bool((closes > opens).all()) and contents.quotes == found.quote_count
        if not counted or contents.rows != len(ends):
            _doubt_broken(doubtful, found, opens, closes)
        rows = np.flatnonzero(doubtful)
        begins, stops = starts[rows], ends[rows]
        plain = _outside(closes, begins, stops)
        counts = np.bincount(contents.speakers[known][plain], minlength=2 * _NEW_ROW + 1)
        total = int(np.sum((closes - opens - 1)[plain]))
        narrow, wide = _widths(found, total, begins, stops)
        return PlainScan(
            line_ends=ends,
            doubtful=rows,
            roles=tuple(int(n) for n in counts[1 : _NEW_ROW + 1] + counts[_NEW_ROW + 1 :]),
            narrow_bytes=narrow,
            wide_bytes=wide,
            marks=_marks(found, starts),
            has_crlf=found.has_crlf,
        )

    def _contents(self, block: Block, closes: Places) -> _Contents:
        """Find out what follows each content, and so where the next one begins."""
        which = self._pieces(block, closes)
        codes = np.array([0, *(piece.code for piece in self._known)])[which]
        lengths = np.array([0, *(len(piece.text) for piece in self._known)])[which]
        each = zip(np.bincount(which).tolist()[1:], self._known, strict=False)
        quotes = sum(count * piece.quotes for count, piece in each)
        speakers = np.zeros(len(closes), np.intp)
        opens = np.zeros(len(closes), np.intp)
        speakers[1:] = codes[:-1]
        opens[1:] = closes[:-1] + lengths[:-1] - 1
        head = _HEAD.match(block.buffer, 0, block.end)
        if head is not None:
            speakers[:1] = PLAIN_ROLES.index(head[1].decode()) + 1 + _NEW_ROW
            opens[:1] = head.end() - 1
            quotes += head[0].count(b'"')
        last = int(closes[-1]) if len(closes) else block.end
        has_tail = _TAIL.fullmatch(block.buffer, last, block.end) is not None
        if has_tail:
            # As good as the beginning of another row.
            codes[-1] = _USER + _NEW_ROW
            quotes += 1
        return _Contents(opens, closes, speakers, codes, has_tail, quotes)

    def _pieces(self, block: Block, closes: Places) -> Places:
        """Give the number of the known piece, from 1, behind each content; 0 behind the last."""
        which = np.zeros(len(closes), np.intp)
        closes = closes[:-1]
        spare = np.frombuffer(block.buffer, np.uint8)
        signs = gathered(spare, closes + _SIGN_AT, 8).view(np.uint64)
        number = learned = 0
        while number < _MOST_KNOWN:
            if number == len(self._known):
                unknown = closes[np.flatnonzero(which[:-1] == 0)[:_MOST_NEW]]
                if learned == _MOST_NEW or not self._learn(block, unknown):
                    break
                learned += 1
            piece = self._known[number]
            number += 1
            same = np.flatnonzero(signs == piece.sign)
            texts = gathered(spare, closes[same], len(piece.text))
            # One comparison of all of them at once is many times faster, and mostly true.
            if texts.tobytes() != piece.text * len(same):
                same = same[texts.view(f"S{len(piece.text)}") == piece.text]
            which[same] = number
        return which

    def _learn(self, block: Block, places: Places) -> bool:
        """Remember a piece that is not known yet; say whether there is one at these places."""
        for start in places.tolist():
            found = _PIECE.match(block.buffer, start, min(start + _LONGEST_PIECE, block.end))
            if found is not None:
                role = PLAIN_ROLES.index(found[2].decode()) + 1
                code = role if found[1] else role + _NEW_ROW
                text = bytes(found[0])
                sign = int.from_bytes(text[_SIGN_AT : _SIGN_AT + 8], sys.byteorder)
                self._known.append(_Piece(text, code, text.count(b'"'), np.uint64(sign)))
                return True
        return False


def _doubt_misfits(doubtful: Mask, ends: Places, contents: _Contents) -> None:
    """Doubt every line that a misfit runs through; lines without any content lie within them."""
    closes, codes = contents.closes, contents.codes
    if not len(closes):
        doubtful[:] = True
        return
    bad = np.flatnonzero(~_TURNS[contents.speakers, codes])
    after = np.where(codes[bad] > _NEW_ROW, bad, np.minimum(bad + 1, len(closes) - 1))
    _doubt(doubtful, np.searchsorted(ends, closes[bad]), np.searchsorted(ends, closes[after]))
    if not contents.speakers[0]:
        _doubt(doubtful, np.zeros(1, np.intp), np.searchsorted(ends, closes[:1]))
    if not contents.has_tail:
        _doubt(doubtful, np.searchsorted(ends, closes[-1:]), np.array([len(ends)]))


def _doubt_broken(doubtful: Mask, found: BlockBytes, opens: Places, closes: Places) -> None:
    """Doubt contents that are no strings: a quote that is not hidden, or a line end, is in them."""
    quotes = np.flatnonzero(found.data[: found.end] == _QUOTE)
    kept = np.ones(len(quotes), np.bool_)
    kept[np.searchsorted(quotes, found.hidden_quotes)] = False
    quotes = quotes[kept]
    stray = np.searchsorted(quotes, closes) > np.searchsorted(quotes, opens, side="right")
    first = np.searchsorted(found.line_ends, opens)
    last = np.searchsorted(found.line_ends, closes)
    broken = stray | (first != last) | (closes <= opens)
    _doubt(doubtful, first[broken], last[broken])


def _doubt(doubtful: Mask, first: Places, last: Places) -> None:
    """Doubt some ranges of lines, their last ones included."""
    for begin, end in zip(first.tolist(), last.tolist(), strict=True):
        doubtful[begin : end + 1] = True


def _blank(data: Bytes, opens: Places, closes: Places) -> Places:
    """Give the contents that may be empty or blank."""
    firsts = gathered(data, opens + 1, 2).view("<u2")
    kept = BEGINS_BLANK[firsts]
    begin, end = opens[kept], closes[kept]
    empty = begin[end - begin == 1]
    kept = ENDS_BLANK[data[end - 1]]
    begin, end = begin[kept], end[kept]
    for part in (2, 4):
        kept = WITHIN_BLANK[data[begin + np.maximum((end - begin) // part, 1)]]
        begin, end = begin[kept], end[kept]
    return np.concatenate([empty, begin])


def _outside(places: Places, begins: Places, ends: Places) -> Mask:
    """Say which of the ascending places lie in none of the ranges."""
    steps = np.zeros(len(places) + 1, np.intp)
    np.add.at(steps, np.searchsorted(places, begins), 1)
    np.add.at(steps, np.searchsorted(places, ends), -1)
    return np.equal(np.cumsum(steps[:-1]), 0)


def _widths(found: BlockBytes, total: int, begins: Places, stops: Places) -> tuple[int, int]:
    """Tell ASCII bytes from others in the contents outside of some lines, escapes resolved.

    Args:
        found: What is known about the block.
        total: Bytes of the contents as they are written.
        begins: Where the lines begin that do not count.
        stops: Where they end.
    """
    left_out = [found.data[begin:stop] for begin, stop in zip(begins, stops, strict=True)]
    wide = found.wide_bytes - sum(int(np.count_nonzero(line >= _WIDE)) for line in left_out)
    widths = found.escaped_widths
    if len(begins):
        widths = widths[_outside(found.escapes, begins, stops)]
    long = int(np.count_nonzero(widths))
    narrow = total - wide - (len(widths) - long) - long * len(r"\uXXXX")
    return narrow, wide + int(widths.sum())


def _marks(found: BlockBytes, starts: Places) -> Words:
    """Hash the bytes of each line: 64 at a time, the last 64 counted from its end."""
    ends = found.line_ends
    marks = np.zeros(len(ends), np.uint64)
    long = np.flatnonzero(ends - starts >= _MARKED_BYTES)
    if not len(long):
        return marks
    starts, ends = starts[long], ends[long]
    counts = -((starts - ends) // _MARKED_BYTES)
    behind = np.cumsum(counts)
    before = behind - counts
    places = np.arange(int(behind[-1])) * _MARKED_BYTES
    places += np.repeat(starts - before * _MARKED_BYTES, counts)
    places[behind - 1] = ends - _MARKED_BYTES
    words = gathered(found.data, places, _MARKED_BYTES).view(np.uint64)
    # Spread each word over its bits, so that sums of different words hardly ever agree.
    mixed = words >> np.uint64(32)
    mixed ^= _GOLDEN
    words *= mixed
    marks[long] = np.add.reduceat(words, before * (_MARKED_BYTES // 8))
    return marks
