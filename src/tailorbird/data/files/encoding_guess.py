"""Decide between UTF-8 and the old Japanese encodings, by strict decoding and never by statistics.

Japanese text in one of these encodings is all but never valid in another, except that short EUC-JP
decodes as cp932 into half-width katakana; so what cp932 gives is checked for plausibility.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ESCAPED = re.compile("[\udc80-\udcff]+")
# ED A0..BF 80..BF: half of a surrogate pair, written as if it were a character.
_HALF_PAIR = re.compile("\udced[\udca0-\udcbf][\udc80-\udcbf]")
# U+0800 and above without surrogates; turned round because that compiles ten times as fast.
_WIDE = re.compile("[^\x00-\u07ff\ud800-\udfff]")
_NON_ASCII = re.compile("[^\x00-\x7f]")
_HALF_WIDTH = re.compile("[\uff61-\uff9f]")
_PRIVATE = re.compile("[\ue000-\uf8ff]")
# What "résumé" in a Western encoding becomes: one kanji between Latin letters.
_LONE_KANJI = re.compile("(?<=[A-Za-z])[\u4e00-\u9fff]|[\u4e00-\u9fff](?=[A-Za-z])")
_BREAK = re.compile("\r\n|\r|\n")
_SHOWN_BYTES = 4
_LONG_LINE = 1 << 20


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Bytes that an encoding does not know."""

    line: int
    """Physical line, from 1."""
    column: int
    """Character within the line, from 1."""
    data: bytes
    """The first bytes of the place, at most four."""
    run: bytes
    """All bytes in a row that could not be decoded."""
    ends: bool
    """Whether the encoding cannot go on behind them."""

    @property
    def shown(self) -> str:
        """The bytes as hexadecimal numbers: `8E BF`."""
        return self.data.hex(" ").upper()


def decoded(blocks: Iterable[bytes], codec: str, errors: str = "strict") -> Iterator[str]:
    """Decode blocks of bytes one after the other; a character may straddle two of them.

    Raises:
        UnicodeDecodeError: `errors` is `strict` and a block does not decode.
    """
    decoder = codecs.getincrementaldecoder(codec)(errors)
    for block in blocks:
        yield decoder.decode(block)
    yield decoder.decode(b"", final=True)


def undecodable_lines(blocks: Iterable[bytes], codec: str) -> Iterator[Undecodable]:
    """Give the first undecodable place of each line.

    Encodings that do not contain ASCII cannot go on after an error: there it is one place in all.
    """
    decoder = codecs.getincrementaldecoder(codec)("surrogateescape")
    place = _Place()
    reported = 0
    for block, final in _with_end(blocks):
        try:
            text = decoder.decode(block, final)
        except UnicodeDecodeError as exc:
            place.move(exc.object[: exc.start].decode(codec, "ignore"))
            run = exc.object[exc.start :][:_SHOWN_BYTES]
            yield Undecodable(place.line, place.column, run, run, ends=True)
            return
        at = 0
        for found in _ESCAPED.finditer(text):
            place.move(text[at : found.start()])
            at = found.start()
            if place.line > reported:
                reported = place.line
                piece = text[at : at + _SHOWN_BYTES].encode("utf-8", "surrogateescape")
                run = found.group().encode("utf-8", "surrogateescape")
                yield Undecodable(place.line, place.column, piece[:_SHOWN_BYTES], run, ends=False)
        place.move(text[at:])


def line_of(blocks: Iterable[bytes], offset: int) -> int:
    """Give the physical line, from 1, that holds the byte at `offset`."""
    place = _Place()
    for block in blocks:
        place.move(block[: max(offset, 0)].decode("latin-1"))
        offset -= len(block)
    return place.line


def looks_like_utf8(blocks: Iterable[bytes]) -> bool:
    """Say whether bytes that are not valid UTF-8 are UTF-8 all the same, with some bad places.

    True when a whole line with wide characters is valid, when more bytes belong to wide characters
    than are bad (in other encodings a few bytes look like one by chance), or when every bad byte
    belongs to half a surrogate pair.
    """
    wide = bad = halves = 0
    for line in _lines(decoded(blocks, "utf-8", "surrogateescape")):
        escapes = sum(map(len, _ESCAPED.findall(line)))
        valid = len(_WIDE.findall(line)) if not line.isascii() else 0
        if valid and not escapes:
            return True
        wide += valid
        bad += escapes
        halves += 3 * len(_HALF_PAIR.findall(line))
    return 3 * wide > bad or halves == bad


def implausible_cp932(texts: Iterable[str]) -> str | None:
    """Say why text that decoded as cp932 is not Japanese; None when it may well be.

    Raises:
        UnicodeDecodeError: The text does not decode; comes from the iterable.
    """
    total = half = private = lone = 0
    for text in texts:
        total += len(_NON_ASCII.findall(text))
        half += len(_HALF_WIDTH.findall(text))
        private += len(_PRIVATE.findall(text))
        lone += len(_LONE_KANJI.findall(text))
    if half * 2 > total:
        return "as cp932 most of it is half-width katakana"
    if private * 2 > total:
        return "as cp932 most of it is private-use characters"
    if lone * 2 > total:
        return "as cp932 it has kanji inside of Latin words"
    if (half + private + lone) * 2 > total:
        return "as cp932 it is a mixture that no Japanese text holds"
    return None


def utf16_without_mark(head: bytes) -> str | None:
    """Name the codec of UTF-16 that has no byte-order mark; None for anything else.

    ASCII characters (commas and line ends at least) put a NUL at every second place, and line ends
    keep one beside them; a stray NUL in other text does neither.
    """
    if 0 not in head or _has_stray_nul(head):
        return None
    even, odd = head[0::2].count(0), head[1::2].count(0)
    ends = head.count(b"\n")
    paired, codec = (
        (head.count(b"\n\x00"), "utf-16-le") if odd > even else (head.count(b"\x00\n"), "utf-16-be")
    )
    if max(even, odd) <= 3 * min(even, odd):
        return None
    if ends:
        return codec if paired * 2 >= ends else None
    return codec if max(even, odd) * 8 >= len(head) else None


def _has_stray_nul(head: bytes) -> bool:
    """Say whether the only NUL stands in a few bytes that are UTF-8 without it."""
    return len(head) > len("a".encode("utf-16-le")) and head.count(0) == 1 and _is_utf8(head)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _with_end(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    for block in blocks:
        yield block, False
    yield b"", True


class _Place:
    """Where one is in a text that comes in pieces."""

    def __init__(self) -> None:
        self.line = 1
        self.column = 1
        self._after_return = False

    def move(self, text: str) -> None:
        """Go past `text`; a CR LF pair may straddle two pieces."""
        if not text:
            return
        if self._after_return and text[0] == "\n":
            text = text[1:]
        self._after_return = text.endswith("\r")
        breaks, end = 0, 0
        for found in _BREAK.finditer(text):
            breaks += 1
            end = found.end()
        self.line += breaks
        self.column = (1 if breaks else self.column) + len(text) - end


def _lines(texts: Iterable[str]) -> Iterator[str]:
    carry = ""
    for text in texts:
        *whole, carry = (carry + text).split("\n")
        yield from whole
        if len(carry) > _LONG_LINE:
            yield carry
            carry = ""
    yield carry
