"""Server-sent events from the bytes of a stream, however these are cut.

The format: "Server-sent events", https://html.spec.whatwg.org/multipage/server-sent-events.html
(read 2026-11-22). Only `data` is given; names and ids of events mean nothing to the APIs here.
"""

from __future__ import annotations

BOM = b"\xef\xbb\xbf"
"""What may stand before the first event."""


class EventReader:
    """Cuts a stream of bytes into the data of its events."""

    def __init__(self, *, max_event_bytes: int) -> None:
        """Begin a stream.

        Args:
            max_event_bytes: Longest event, at least 1; what grows beyond it is refused.
        """
        self._most = max_event_bytes
        self._buffer = bytearray()
        self._after_cr = False
        self._begun = False

    def feed(self, piece: bytes) -> list[bytes]:
        """Give the data of the events that this piece completes; events without any are dropped.

        Raises:
            ValueError: An event is longer than allowed.
        """
        if self._after_cr or b"\r" in piece:
            piece = self._with_plain_ends(piece)
        buffer = self._buffer
        if not buffer and piece.endswith(b"\n\n"):  # whole events: nearly all pieces
            return self._data_of(piece[:-2])
        searched = max(0, len(buffer) - 1)
        buffer += piece
        end = buffer.rfind(b"\n\n", searched)
        found: list[bytes] = []
        if end >= 0:
            whole = bytes(buffer[:end])
            del buffer[: end + 2]
            found = self._data_of(whole)
        if len(buffer) > self._most:
            raise self._too_long()
        return found

    def flush(self) -> list[bytes]:
        """Give what stands at the end of the stream without the empty line that ends an event."""
        rest, self._buffer = bytes(self._buffer), bytearray()
        return self._data_of(rest)

    def _with_plain_ends(self, piece: bytes) -> bytes:
        r"""Make every end of a line a single `\n`; `\r` is one, whether `\n` follows or not."""
        rest = piece.removeprefix(b"\n") if self._after_cr else piece
        self._after_cr = piece.endswith(b"\r") if piece else self._after_cr
        return rest.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _data_of(self, blocks: bytes) -> list[bytes]:
        if not self._begun:
            blocks = blocks.removeprefix(BOM)
            self._begun = True
        found: list[bytes] = []
        for block in blocks.split(b"\n\n"):
            if len(block) > self._most:
                raise self._too_long()
            if block.startswith(b"data: ") and b"\n" not in block:  # nearly all of them
                found.append(block[6:])
            elif data := _lines_of(block):
                found.append(b"\n".join(data))
        return found

    def _too_long(self) -> ValueError:
        return ValueError(f"an event of the stream is longer than {self._most} bytes")


def _lines_of(block: bytes) -> list[bytes]:
    """Give the values of the lines `data`; comments, other fields and empty lines go."""
    fields = (line.partition(b":") for line in block.split(b"\n"))
    return [value.removeprefix(b" ") for name, _, value in fields if name == b"data"]
