"""What a download holds: as it came, or the table that a result file is wrapped around.

Result files of newer jobs come as base64 text of a CSV, those of older ones as the CSV itself
(https://github.com/xing61/zzz-api/issues/21, read 2026-11-22), sometimes behind a byte-order mark.
"""

from __future__ import annotations

import binascii
import codecs
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

_HEAD_BYTES = 256  # enough to tell base64 of a table from a table
_BLANKS = b" \t\r\n"


async def unwrapped(
    pieces: AsyncIterator[bytes], *, is_result: Callable[[], Awaitable[bool]]
) -> AsyncIterator[bytes]:
    """Give a download without what a result file is wrapped in; other files stay as they are.

    Args:
        pieces: The download; an iterator, which goes on where it was left.
        is_result: Asks whether this is a result file. It is asked only when the first bytes do
            not tell: most downloads need no second request.

    Raises:
        binascii.Error: The base64 text has a fault further on.
    """
    head = b""
    async for piece in pieces:
        head += piece
        if len(head) >= _HEAD_BYTES:
            break
    if not _looks_wrapped(head) or not await is_result():
        yield head
        async for piece in pieces:
            yield piece
        return
    head = head.removeprefix(codecs.BOM_UTF8)
    decoder = _Base64() if _is_base64(head) else _Plain()
    yield decoder.feed(head).removeprefix(codecs.BOM_UTF8)
    async for piece in pieces:
        yield decoder.feed(piece)
    yield decoder.end()


class _Plain:
    """Passes a table on."""

    def feed(self, piece: bytes) -> bytes:
        return piece

    def end(self) -> bytes:
        return b""


class _Base64:
    """Decodes base64 text that comes in pieces of any length, with or without line ends."""

    def __init__(self) -> None:
        self._carried = b""

    def feed(self, piece: bytes) -> bytes:
        text = self._carried + piece.translate(None, _BLANKS)
        end = len(text) // 4 * 4
        self._carried = text[end:]
        return binascii.a2b_base64(text[:end], strict_mode=True)

    def end(self) -> bytes:
        return binascii.a2b_base64(self._carried + b"=" * (-len(self._carried) % 4))


def _looks_wrapped(head: bytes) -> bool:
    return head.startswith(codecs.BOM_UTF8) or _is_base64(head)


def _is_base64(head: bytes) -> bool:
    """Say whether these can be the first bytes of base64 text of a text.

    A table has commas, which base64 has not. A word such as `step` alone is base64, but of bytes
    that are no text.
    """
    text = head[:_HEAD_BYTES].translate(None, _BLANKS)
    try:
        inner = binascii.a2b_base64(text[: len(text) // 4 * 4], strict_mode=True)
        # Not final: the head may end within a character.
        shown = codecs.getincrementaldecoder("utf-8-sig")().decode(inner)
    except ValueError:  # of either: not base64, or not UTF-8
        return False
    return bool(shown) and all(char.isprintable() or char in "\r\n\t" for char in shown)
