"""Find, in a block of bytes, every place that a careful look at its line might object to.

The counterpart of `unusual_text`, `secrets` and a JSON parser's rules about strings, over a million
bytes at a time. It may suspect too much, never too little: a line without a suspect place is valid
UTF-8, has no control character, only plain escapes in its strings, no unusual character and nothing
that looks secret.
"""

from __future__ import annotations

# ruff: noqa: PLR2004 - the first bytes of characters in UTF-8 are what they are
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tailorbird.data.training.scan.plain_tables import (
    AFTER_AT,
    BEFORE_AT,
    DIGIT,
    DOUBTFUL_CODE_POINT,
    HEX_PAIR,
    KEY_CHARACTER,
    LETTER,
    LOWER_CASE,
    MATH_SIGN,
    NO_HEX,
    NUMBER_CHARACTER,
    PLAIN_ESCAPE,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from tailorbird.data.files.blocks import Block

    Bytes = npt.NDArray[np.uint8]
    Mask = npt.NDArray[np.bool_]
    Places = npt.NDArray[np.intp]

_LF, _CR, _SPACE, _QUOTE, _BACKSLASH, _BRACE = b'\n\r "\\}'
_GROUP = 8  # bytes that are looked at as one number
_ALL_SET = np.uint64(0x0101010101010101)  # a group of a mask that is set throughout
_WIDE = 0x80
_THREE_BYTES = 0x800  # characters below it have two bytes in UTF-8
_CONTINUATION = -64  # bytes 0x80 to 0xBF, read as signed
_HIGH_BITS = np.uint64(0xE0E0E0E0E0E0E0E0)
_NUMBER_BITS = np.uint32(0x20202020)
_DIGIT_BITS = np.uint64(0x1010101010101010)
_NUMBER_DIGITS = 12  # a My Number; cards have more
_SEPARATORS = 3  # at most, between the first of these digits and the last
_NUMBER_BYTES = _NUMBER_DIGITS + _SEPARATORS
_FULL_WIDTH_SPAN = 3 * (_NUMBER_BYTES - 1)
_FEW_ESCAPES = 64  # bytes to an escape, or more
_PORTION = 1 << 14


@dataclass(frozen=True, slots=True)
class BlockBytes:
    """What is known about the bytes of a block."""

    data: Bytes
    """The block, with some bytes behind its end that mean nothing."""
    end: int
    """Where it ends."""
    line_ends: Places
    """Where the line feeds are."""
    escapes: Places
    """Where escapes begin."""
    escaped_widths: Bytes
    """Bytes in UTF-8 of each escape that is written as `\\uXXXX`; 0 for the short ones."""
    hidden_quotes: Places
    """Where quotes are that a backslash takes into a string."""
    quote_count: int
    """How many other quotes there are."""
    closers: Places
    """Where a quote that is not hidden stands before a closing brace."""
    suspects: Places
    """Places in lines that need a careful look; may repeat and is not sorted."""
    wide_bytes: int
    """How many bytes are not ASCII."""
    has_crlf: bool
    """Whether a line feed has a carriage return before it."""


class ByteScanner:
    """Scans blocks; keeps its buffers between them, because new memory costs more than the work."""

    def __init__(self, capacity: int) -> None:
        """Make room for blocks of up to `capacity` bytes."""
        room = -(-capacity // _GROUP) * _GROUP
        self._masks = tuple(np.empty(room, np.bool_) for _ in range(3))
        self._small = np.empty(room, np.uint8)
        self._hits = np.empty(room // _GROUP, np.bool_)
        self._suspects: list[Places] = []

    def scan(self, block: Block) -> BlockBytes:
        """Look at every byte of a block.

        Raises:
            ValueError: The block is larger than the capacity.
        """
        self._suspects = []
        end = block.end
        spare = np.frombuffer(block.buffer, np.uint8)
        data = spare[:end]
        has_slash = block.buffer.find(_BACKSLASH, 0, end) >= 0
        quotes, places = self._specials(data, has_slash=has_slash)
        values = spare[places]
        line_ends, has_crlf = self._control_characters(spare, places[values < _SPACE])
        escapes, hidden, widths = self._escapes(spare, places[values == _BACKSLASH])
        highest = data.max()
        wide_bytes = 0
        if highest >= _WIDE:
            wide_bytes = self._wide_characters(spare, data, has_four=highest >= 0xF0)
        for sign, look in ((b"\x7f", None), (b"\xed", _half_pairs), (b"@", _mail_addresses)):
            if block.buffer.find(sign, 0, end) >= 0:
                np.equal(data, sign[0], out=self._masks[0][:end])
                signs = self._places(self._masks[0], end)
                self._suspects.append(signs if look is None else look(spare, signs))
        self._numbers(spare, data)
        self._keys(spare, data, many_escapes=len(escapes) * _FEW_ESCAPES > end)
        return BlockBytes(
            data=spare,
            end=end,
            line_ends=line_ends,
            escapes=escapes,
            escaped_widths=widths,
            hidden_quotes=hidden,
            quote_count=quotes - len(hidden),
            closers=_visible(spare, places[values == _QUOTE], hidden),
            suspects=np.concatenate([np.empty(0, np.intp), *self._suspects]),
            wide_bytes=wide_bytes,
            has_crlf=has_crlf,
        )

    def _places(self, mask: Mask, end: int) -> Places:
        """Give where a mask is set, fast when that is rare: by groups first, then within them."""
        whole = -(-end // _GROUP) * _GROUP
        mask[end:whole] = False
        groups = mask[:whole].view(np.uint64)
        hits = np.flatnonzero(np.not_equal(groups, 0, out=self._hits[: len(groups)]))
        if len(hits) * 2 > len(groups):
            return np.flatnonzero(mask[:end])
        inner = np.flatnonzero(groups[hits].view(np.bool_))
        # Shifts, because the division of arrays is slow: a group is two to the third.
        return np.asarray((hits[inner >> 3] << 3) + (inner & 7), np.intp)

    def _specials(self, data: Bytes, *, has_slash: bool) -> tuple[int, Places]:
        """Count quotes; find control characters, backslashes and quotes before closing braces.

        These three are rare, so they are found in one go.
        """
        end = len(data)
        mask, quotes, other = (mask[:end] for mask in self._masks)
        np.equal(data, _QUOTE, out=quotes)
        count = int(np.count_nonzero(quotes))
        np.equal(data, _BRACE, out=other)
        np.logical_and(quotes[:-1], other[1:], out=quotes[:-1])
        quotes[-1:] = False
        np.less(data, _SPACE, out=mask)
        np.logical_or(mask, quotes, out=mask)
        if has_slash:
            np.equal(data, _BACKSLASH, out=other)
            np.logical_or(mask, other, out=mask)
        return count, self._places(self._masks[0], end)

    def _control_characters(self, spare: Bytes, places: Places) -> tuple[Places, bool]:
        """Find line ends; suspect every other control character but a CR before an LF."""
        is_end = spare[places] == _LF
        if is_end.all():
            return places, False
        others = places[~is_end]
        in_pair = (spare[others] == _CR) & (spare[others + 1] == _LF)
        self._suspects.append(others[~in_pair])
        return places[is_end], bool(in_pair.any())

    def _escapes(self, spare: Bytes, slashes: Places) -> tuple[Places, Places, Bytes]:
        """Check what backslashes begin.

        Returns:
            Where escapes are, where quotes are that are escaped, and how wide the long escapes are.
        """
        follows = slashes[1:] - slashes[:-1] == 1
        if follows.any():
            # In a run of backslashes every second one is escaped by the one before it.
            order = np.arange(len(slashes))
            start = np.zeros(len(slashes), np.intp)
            np.maximum.accumulate(np.where(follows, 0, order[1:]), out=start[1:])
            slashes = slashes[(order - start) & 1 == 0]
        escaped = spare[slashes + 1]
        widths = np.zeros(len(slashes), np.uint8)
        plain = PLAIN_ESCAPE[escaped]
        if not plain.all():
            coded = escaped == ord("u")
            self._suspects.append(slashes[~plain & ~coded])
            widths[coded] = self._code_points(spare, slashes[coded])
        return slashes, slashes[escaped == _QUOTE] + 1, widths

    def _code_points(self, spare: Bytes, slashes: Places) -> Bytes:
        r"""Suspect `\uXXXX` without four digits, or for a character that deserves a look.

        Returns:
            How many bytes each character has in UTF-8.
        """
        widths = np.full(len(slashes), 2, np.uint8)
        for start in range(0, len(slashes), _PORTION):
            some = slashes[start : start + _PORTION]
            pairs = HEX_PAIR[gathered(spare, some + 2, 4).view("<u2")].reshape(-1, 2)
            first, second = pairs[:, 0], pairs[:, 1]
            codes = first << 8 | second & 0xFF
            doubtful = DOUBTFUL_CODE_POINT[codes] | ((first | second) >= NO_HEX)
            self._suspects.append(some[doubtful])
            widths[start : start + _PORTION] += codes >= _THREE_BYTES
        return widths

    def _wide_characters(self, spare: Bytes, data: Bytes, *, has_four: bool) -> int:
        """Suspect bytes that are not UTF-8, and unusual characters; count what is not ASCII."""
        end = len(data)
        lead, mask, due = (mask[:end] for mask in self._masks)
        # Which bytes must continue a character that began one, two or three bytes before.
        np.greater_equal(data, 0xC0, out=lead)
        np.greater_equal(data, 0xE0, out=mask)
        due[:2] = False, lead[0]
        np.logical_or(lead[1:-1], mask[:-2], out=due[2:])
        if has_four:
            np.greater_equal(data, 0xF0, out=mask)
            np.logical_or(due[3:], mask[:-3], out=due[3:])
        np.less(data.view(np.int8), _CONTINUATION, out=mask)
        wide = int(np.count_nonzero(mask)) + int(np.count_nonzero(lead))
        np.not_equal(mask, due, out=mask)
        if mask.any():
            self._suspects.append(self._places(self._masks[1], end))
        # Kana, Chinese characters and Korean begin with E3 to EE; little of that needs a look.
        np.subtract(data, np.uint8(0xE3), out=self._small[:end])
        np.less(self._small[:end], 0x0C, out=mask)
        np.not_equal(mask, lead, out=mask)
        self._rare_characters(spare, self._places(self._masks[1], end))
        # U+3099 and U+309A, marks that belong to the kana before them, are E3 82 99 and E3 82 9A.
        np.subtract(data, np.uint8(0x99), out=self._small[:end])
        np.less(self._small[:end], 2, out=mask)
        np.equal(data, 0x82, out=lead)
        np.logical_and(mask[1:], lead[:-1], out=mask[1:])
        mask[0] = False
        if mask.any():
            places = self._places(self._masks[1], end)
            self._suspects.append(places[spare[np.maximum(places - 2, 0)] == 0xE3])
        return wide

    def _rare_characters(self, spare: Bytes, places: Places) -> None:
        """Look at characters that begin with C0 to E2 or EF to FF, byte by byte."""
        for some in _slices(places):
            first, second, third = spare[some], spare[some + 1], spare[some + 2]
            self._suspects.append(some[_is_doubtful(first, second, third)])
        places = places[spare[places] == 0xEF]
        second, third = spare[places + 1], spare[places + 2]
        numbers = places[(second == 0xBC) & (third >= 0x90) & (third <= 0x99)]
        self._suspects.append(numbers[_dense(numbers, _FULL_WIDTH_SPAN)])

    def _numbers(self, spare: Bytes, data: Bytes) -> None:
        """Suspect long numbers: twelve digits, with spaces or hyphens between some of them."""
        whole = len(data) & -_GROUP
        # Numbers are written with characters from 20 to 3F; in twelve of them in a row stand two
        # whole groups of four. What a number in the last few bytes would need is a line's end.
        small = np.bitwise_and(
            data[:whole].view(np.uint64), _HIGH_BITS, out=self._small[:whole].view(np.uint64)
        )
        groups = np.equal(small.view(np.uint32), _NUMBER_BITS)
        places = np.flatnonzero(groups[1:] & groups[:-1]) * 4
        # Of these eight bytes at least five are digits, which one bit tells from space and hyphen.
        bits = gathered(spare, places, _GROUP).view(np.uint64) & _DIGIT_BITS
        places = places[np.bitwise_count(bits) >= _GROUP - _SEPARATORS]
        for some in _slices(places):
            around = gathered(spare, np.maximum(some - _GROUP, 0), 3 * _GROUP)
            around = around.reshape(-1, 3 * _GROUP)
            digits = np.cumsum(DIGIT[around], axis=1, dtype=np.uint8)
            digits[:, _NUMBER_BYTES:] -= digits[:, :-_NUMBER_BYTES].copy()
            # Runs of two, four, eight and twelve characters that numbers are written with.
            ones = NUMBER_CHARACTER[around]
            twos = ones[:, 1:] & ones[:, :-1]
            fours = twos[:, 2:] & twos[:, :-2]
            eights = fours[:, 4:] & fours[:, :-4]
            joined = (eights[:, 4:] & fours[:, :-8]).any(axis=1)
            many = digits.max(axis=1) >= _NUMBER_DIGITS
            self._suspects.append(some[joined & many])

    def _keys(self, spare: Bytes, data: Bytes, *, many_escapes: bool) -> None:
        """Suspect long runs of letters, digits and what joins them in keys and tokens."""
        joined, other = (mask[: len(data)] for mask in self._masks[:2])
        np.greater_equal(data.view(np.int8), ord("+"), out=joined)
        if many_escapes:
            # They would look like one long run, which then would have to be looked at.
            np.not_equal(data, _BACKSLASH, out=other)
            np.logical_and(joined, other, out=joined)
        # Groups of four, all joined; a run of 19 holds four whole groups in a row.
        groups = joined[: len(data) & ~3].view(np.uint32) == 0x01010101
        pairs = groups[1:] & groups[:-1]
        for places in _slices(np.flatnonzero(pairs[2:] & pairs[:-2]) * 4):
            inside = gathered(spare, places, 16).reshape(-1, 16)
            halves = KEY_CHARACTER[inside].view(np.uint64) == _ALL_SET
            is_key = halves[:, 0] & halves[:, 1]
            some, inside = places[is_key], inside[is_key]
            around = gathered(spare, np.maximum(some - 4, 0), 24).reshape(-1, 24)
            has_digit = DIGIT[around].any(axis=1)
            no_lower = ~LOWER_CASE[inside].any(axis=1)
            is_sum = MATH_SIGN[inside].any(axis=1) & ~LETTER[around].any(axis=1)
            self._suspects.append(some[(has_digit | no_lower) & ~is_sum])


def gathered(spare: Bytes, places: Places, count: int) -> Bytes:
    """Copy `count` bytes from each place, at most `SPARE_BYTES`."""
    windows = np.ndarray(len(spare) - count + 1, f"V{count}", spare, strides=(1,))
    return windows[places].view(np.uint8)


def _slices(places: Places) -> Iterator[Places]:
    """Give places in portions, so that what is worked out about them stays small."""
    for start in range(0, len(places), _PORTION):
        yield places[start : start + _PORTION]


def _is_doubtful(first: Bytes, second: Bytes, third: Bytes) -> Mask:
    """Say which characters, that begin with C0 to E2 or EF to FF, are invalid or unusual."""
    invalid = (
        (first < 0xC2)
        | (first > 0xF4)
        | ((first == 0xE0) & (second < 0xA0))
        | ((first == 0xF0) & (second < 0x90))
        | ((first == 0xF4) & (second >= 0x90))
    )
    controls = (first == 0xC2) & ((second < 0xA0) | (second == 0xAD))
    marks = (first == 0xCC) | ((first == 0xCD) & (second < 0xB0))
    marks |= (first == 0xD8) & (second == 0x9C)
    general = (first == 0xE2) & (
        ((second == 0x80) & (third >= 0x8B) & ((third <= 0x8F) | (third >= 0xA8)))
        | ((second == 0x81) & (third >= 0xA0))
    )
    special = (first == 0xEF) & (
        ((second == 0xBB) & (third == 0xBF)) | ((second == 0xBF) & (third >= 0xB9))
    )
    tags = first == 0xF3
    return np.asarray(invalid | controls | marks | general | special | tags)


def _mail_addresses(spare: Bytes, places: Places) -> Places:
    """Keep the places of `@` between what mail addresses are made of."""
    before, after = spare[np.maximum(places, 1) - 1], spare[places + 1]
    return np.compress(np.logical_and(BEFORE_AT[before], AFTER_AT[after]), places)


def _half_pairs(spare: Bytes, places: Places) -> Places:
    """Keep the places of ED A0 80 to ED BF BF: halves of a pair, written as characters."""
    return places[spare[places + 1] >= 0xA0]


def _visible(spare: Bytes, closers: Places, hidden: Places) -> Places:
    """Leave out the quotes that a backslash takes into a string."""
    if (spare[hidden + 1] == _BRACE).any():
        return closers[~np.isin(closers, hidden)]
    return closers


def _dense(places: Places, span: int) -> Places:
    """Give the indices of places from which on twelve lie within a span."""
    more = _NUMBER_DIGITS - 1
    if len(places) <= more:
        return np.empty(0, np.intp)
    return np.flatnonzero(places[more:] - places[:-more] <= span)
