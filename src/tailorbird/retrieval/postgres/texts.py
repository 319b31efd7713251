"""What PostgreSQL cannot store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.exceptions import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tailorbird.types.retrieval import Chunk, ChunkedDocument

# PostgreSQL 18, 8.3 Character Types: "the character with code zero … cannot be stored"; and the
# halves of surrogate pairs, which are no characters, have no UTF-8. Read 2026-11-22.
_ZERO = "\x00"


def check_text(text: str, *, subject: str) -> str:
    """Give a text back that can be stored.

    Raises:
        InvalidInputError: It holds a character that cannot be.
    """
    place = text.find(_ZERO)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as exc:
        place = exc.start
    if place < 0:
        return text
    message = (
        f"{subject}: character {place} is U+{ord(text[place]):04X}, which PostgreSQL cannot hold:"
        " take it out of the text"
    )
    raise InvalidInputError(message)


def check_texts(documents: Sequence[ChunkedDocument]) -> None:
    """Refuse documents with characters that cannot be stored, before any is written.

    Raises:
        InvalidInputError: There is one; the message names document and chunk.
    """
    for given in documents:
        document = given.document
        subject = f"document {document.id!r}"
        for text in (document.id, document.title, document.source):
            check_text(text, subject=subject)
        for chunk in given.chunks:
            for text in _texts(chunk):
                check_text(text, subject=f"{subject}, chunk {chunk.id!r}")
        check_text(given.content_hash, subject=f"the content hash of {subject}")


def _texts(chunk: Chunk) -> Iterator[str]:
    yield from (chunk.id, chunk.text, chunk.title, chunk.source, chunk.section or "")
    for key, value in chunk.metadata.items():
        yield key
        if isinstance(value, str):
            yield value
