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
    HEX_VALUE,
    KEY_CHARACTER,
    LETTER,
    LOWER_CASE,
    MATH_SIGN,
    NO_HEX,
    NUMBER_CHARACTER,
    PLAIN_ESCAPE,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from tailorbird.data.files.blocks import Block

    Bytes = npt.NDArray[np.uint8]
    Mask = npt.NDArray[np.bool_]
    Places = npt.NDArray[np.intp]

_LF, _CR, _SPACE, _QUOTE, _BACKSLASH, _BRACE = b'\n\r "\\}'
_GROUP = 8  # bytes that are looked at as one number
_WIDE = 0x80
_THREE_BYTES = 0x800  # characters below it have two bytes in UTF-8
_ZERO = np.uint8(0x30)
_CONTINUATION = -64  # bytes 0x80 to 0xBF, read as signed
_NUMBER_DIGITS = 12  # a My Number; cards have more
_NUMBER_BYTES = 15  # twelve digits, and three separators between the first and the last
_DIGITS_IN_PAIR = 9
_AROUND_PAIR = np.arange(-_GROUP, 3 * _GROUP)
_FULL_WIDTH_SPAN = 3 * (_NUMBER_BYTES - 1)
_WINDOW = np.arange(16)
_AROUND = np.arange(-4, 20)


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
    escaped_widths: Places
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
        line_ends, slashes, braces = self._specials(data)
        line_ends, has_crlf = self._control_characters(spare, line_ends)
        escapes, widths = self._escapes(spare, slashes)
        hidden = escapes[spare[escapes + 1] == _QUOTE] + 1
        wide_bytes = self._wide_characters(spare, data) if data.max() >= _WIDE else 0
        for sign, look in ((b"\x7f", None), (b"\xed", _half_pairs), (b"@", _mail_addresses)):
            if block.buffer.find(sign, 0, end) >= 0:
                np.equal(data, sign[0], out=self._masks[0][:end])
                places = self._places(self._masks[0], end)
                self._suspects.append(places if look is None else look(spare, places))
        self._numbers(spare, data)
        self._keys(spare, data)
        quotes = np.equal(data, _QUOTE, out=self._masks[0][:end])
        return BlockBytes(
            data=spare,
            end=end,
            line_ends=line_ends,
            escapes=escapes,
            escaped_widths=widths,
            hidden_quotes=hidden,
            quote_count=int(np.count_nonzero(quotes)) - len(hidden),
            closers=_closers(spare, braces, hidden),
            suspects=np.concatenate([np.empty(0, np.intp), *self._suspects]),
            wide_bytes=wide_bytes,
            has_crlf=has_crlf,
        )

    def _places(self, mask: Mask, end: int) -> Places:
        """Give where a mask is set, fast when that is rare: by groups first, then within them."""
        groups = self._groups(mask, end)
        hits = np.flatnonzero(np.not_equal(groups, 0, out=self._hits[: len(groups)]))
        inner = np.flatnonzero(groups[hits].view(np.bool_))
        # Shifts, because the division of arrays is slow: a group is two to the third.
        return np.asarray((hits[inner >> 3] << 3) + (inner & 7), np.intp)

    def _groups(self, mask: Mask, end: int) -> npt.NDArray[np.uint64]:
        """Give a mask as numbers of eight bytes each."""
        whole = -(-end // _GROUP) * _GROUP
        mask[end:whole] = False
        return mask[:whole].view(np.uint64)

    def _specials(self, data: Bytes) -> tuple[Places, Places, Places]:
        """Find control characters, backslashes and closing braces in one go, as each is rare."""
        mask, other = (mask[: len(data)] for mask in self._masks[:2])
        np.less(data, _SPACE, out=mask)
        for sign in (_BACKSLASH, _BRACE):
            np.equal(data, sign, out=other)
            np.logical_or(mask, other, out=mask)
        places = self._places(self._masks[0], len(data))
        values = data[places]
        return places[values < _SPACE], places[values == _BACKSLASH], places[values == _BRACE]

    def _control_characters(self, spare: Bytes, places: Places) -> tuple[Places, bool]:
        """Find line ends; suspect every other control character but a CR before an LF."""
        is_end = spare[places] == _LF
        if is_end.all():
            return places, False
        others = places[~is_end]
        in_pair = (spare[others] == _CR) & (spare[others + 1] == _LF)
        self._suspects.append(others[~in_pair])
        return places[is_end], bool(in_pair.any())

    def _escapes(self, spare: Bytes, slashes: Places) -> tuple[Places, Places]:
        """Check what backslashes begin; give where escapes are, and how wide the long ones are."""
        follows = np.diff(slashes, prepend=-2) == 1
        if follows.any():
            # In a run of backslashes every second one is escaped by the one before it.
            order = np.arange(len(slashes))
            start = np.maximum.accumulate(np.where(follows, 0, order))
            slashes = slashes[(order - start) % 2 == 0]
        escaped = spare[slashes + 1]
        widths = np.zeros(len(slashes), np.intp)
        plain = PLAIN_ESCAPE[escaped]
        if not plain.all():
            coded = escaped == ord("u")
            self._suspects.append(slashes[~plain & ~coded])
            widths[coded] = self._code_points(spare, slashes[coded])
        return slashes, widths

    def _code_points(self, spare: Bytes, slashes: Places) -> Places:
        r"""Suspect `\uXXXX` without four digits, or for a character that deserves a look.

        Returns:
            How many bytes each character has in UTF-8.
        """
        first, second, third, fourth = (HEX_VALUE[spare[slashes + at]] for at in (2, 3, 4, 5))
        broken = (first | second | third | fourth) >= NO_HEX
        codes = (first << 12 | second << 8 | third << 4 | fourth) & 0xFFFF
        self._suspects.append(slashes[broken | DOUBTFUL_CODE_POINT[codes]])
        return np.where(codes < _THREE_BYTES, 2, 3)

    def _wide_characters(self, spare: Bytes, data: Bytes) -> int:
        """Suspect bytes that are not UTF-8, and unusual characters; count what is not ASCII."""
        end = len(data)
        lead, mask, due = (mask[:end] for mask in self._masks)
        # Which bytes must continue a character that began one, two or three bytes before.
        np.greater_equal(data, 0xC0, out=lead)
        np.greater_equal(data, 0xE0, out=mask)
        due[:2] = False, lead[0]
        np.logical_or(lead[1:-1], mask[:-2], out=due[2:])
        if data.max() >= 0xF0:
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
        places = self._places(self._masks[1], end)
        self._suspects.append(places[spare[np.maximum(places - 2, 0)] == 0xE3])
        return wide

    def _rare_characters(self, spare: Bytes, places: Places) -> None:
        """Look at characters that begin with C0 to E2 or EF to FF, byte by byte."""
        first, second, third = spare[places], spare[places + 1], spare[places + 2]
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
        suspect = invalid | controls | marks | general | special | tags
        self._suspects.append(places[suspect])
        numbers = places[(first == 0xEF) & (second == 0xBC) & (third >= 0x90) & (third <= 0x99)]
        self._suspects.append(numbers[_dense(numbers, _FULL_WIDTH_SPAN)])

    def _numbers(self, spare: Bytes, data: Bytes) -> None:
        """Suspect long numbers: twelve digits, spaces or hyphens in a row, nine of them digits."""
        mask, end = self._masks[0], len(data)
        np.subtract(data, _ZERO, out=self._small[:end])
        np.less(self._small[:end], 10, out=mask[:end])
        # Twelve digits with three separators at most fill two neighboring groups that far.
        counts = np.bitwise_count(self._groups(mask, end))
        places = np.flatnonzero(counts[1:] + counts[:-1] >= _DIGITS_IN_PAIR) * _GROUP
        around = spare[np.maximum(places[:, np.newaxis] + _AROUND_PAIR, 0)]
        digits = np.cumsum(DIGIT[around], axis=1)
        # Runs of two, four, eight and twelve characters that numbers are written with.
        ones = NUMBER_CHARACTER[around]
        twos = ones[:, 1:] & ones[:, :-1]
        fours = twos[:, 2:] & twos[:, :-2]
        eights = fours[:, 4:] & fours[:, :-4]
        joined = (eights[:, 4:] & fours[:, :-8]).any(axis=1)
        many = (digits[:, _NUMBER_BYTES:] - digits[:, :-_NUMBER_BYTES]).max(axis=1)
        self._suspects.append(places[joined & (many >= _NUMBER_DIGITS)])

    def _keys(self, spare: Bytes, data: Bytes) -> None:
        """Suspect long runs of letters, digits and what joins them in keys and tokens."""
        joined = self._masks[0][: len(data)]
        np.greater_equal(data.view(np.int8), ord("+"), out=joined)
        # Groups of four, all joined; a run of 19 holds four whole groups in a row.
        groups = joined[: len(data) & ~3].view(np.uint32) == 0x01010101
        pairs = groups[1:] & groups[:-1]
        places = np.flatnonzero(pairs[2:] & pairs[:-2]) * 4
        inside = spare[places[:, np.newaxis] + _WINDOW]
        is_key = KEY_CHARACTER[inside].all(axis=1)
        places, inside = places[is_key], inside[is_key]
        around = spare[np.maximum(places[:, np.newaxis] + _AROUND, 0)]
        has_digit = DIGIT[around].any(axis=1)
        no_lower = ~LOWER_CASE[inside].any(axis=1)
        is_sum = MATH_SIGN[inside].any(axis=1) & ~LETTER[around].any(axis=1)
        self._suspects.append(places[(has_digit | no_lower) & ~is_sum])


def _mail_addresses(spare: Bytes, places: Places) -> Places:
    """Keep the places of `@` between what mail addresses are made of."""
    before, after = spare[np.maximum(places, 1) - 1], spare[places + 1]
    return np.compress(np.logical_and(BEFORE_AT[before], AFTER_AT[after]), places)


def _half_pairs(spare: Bytes, places: Places) -> Places:
    """Keep the places of ED A0 80 to ED BF BF: halves of a pair, written as characters."""
    return places[spare[places + 1] >= 0xA0]


def _closers(spare: Bytes, braces: Places, hidden: Places) -> Places:
    """Give the quotes right before a brace, hidden ones left out."""
    closers = np.maximum(braces - 1, 0)
    closers = closers[spare[closers] == _QUOTE]
    if (spare[np.maximum(closers, 1) - 1] == _BACKSLASH).any():
        closers = closers[~np.isin(closers, hidden)]
    return np.asarray(closers)


def _dense(places: Places, span: int) -> Places:
    """Give the indices of places from which on twelve lie within a span."""
    more = _NUMBER_DIGITS - 1
    if len(places) <= more:
        return np.empty(0, np.intp)
    return np.flatnonzero(places[more:] - places[:-more] <= span)
