"""Forms with one file (multipart/form-data, RFC 7578), piece by piece from disk."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tailorbird._openai_sdk.files.sources import Source

LONGEST_NAME_BYTES = 200
"""Longest file name that is sent, in UTF-8: below the 255 bytes that common file systems take, so
that a server can add something to it."""

_LONGEST_SUFFIX_BYTES = 20
# By ending, because the machine's own table differs from machine to machine and is read from disk.
# OpenAI takes `text/jsonl` for training and batches (API reference, "Create upload", read
# 2026-07-15); the others are the registered names.
_MEDIA_TYPES: Mapping[str, str] = {
    "csv": "text/csv",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "html": "text/html",
    "jpg": "image/jpeg",
    "json": "application/json",
    "jsonl": "text/jsonl",
    "md": "text/markdown",
    "pdf": "application/pdf",
    "png": "image/png",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "txt": "text/plain",
    "webp": "image/webp",
}
# Controls, lone surrogates, line and paragraph separators: a header cannot hold them, or a log
# shows them as an end of line.
_UNSENDABLE = {"Cc", "Cs", "Zl", "Zp"}
# Percent-encoding them is what browsers do, and not every server undoes it.
_REPLACED = str.maketrans({'"': "'", "\\": "_", "/": "_"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FormFile:
    """The file of a form."""

    field: str
    """Name of its field."""
    name: str
    """Name it is sent under; it is made safe."""
    source: Source
    """Its content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form that can be sent any number of times."""

    fields: Mapping[str, str]
    """Names and values of the plain fields; ours, not a user's."""
    file: FormFile
    """The file; it stands at the end, so that a server knows all else when it comes."""
    boundary: str = field(default_factory=lambda: secrets.token_hex(16))
    """Separates the parts; random, so that no content holds it."""

    @property
    def headers(self) -> dict[str, str]:
        """`Content-Type` and `Content-Length` of the body."""
        length = len(self._head()) + self.file.source.size_bytes + len(self._tail())
        return {
            "Content-Type": f"multipart/form-data; boundary={self.boundary}",
            "Content-Length": str(length),
        }

    async def pieces(self) -> AsyncIterator[bytes]:
        """Give the body.

        Raises:
            InvalidInputError: The file was changed since it was measured.
        """
        yield self._head()
        async for piece in self.file.source.pieces():
            yield piece
        yield self._tail()

    def _head(self) -> bytes:
        parts = [
            f'--{self.boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in self.fields.items()
        ]
        file = self.file
        parts.append(
            f"--{self.boundary}\r\n"
            f'Content-Disposition: form-data; name="{file.field}";'
            f' filename="{safe_name(file.name)}"\r\n'
            f"Content-Type: {media_type(file.name)}\r\n\r\n"
        )
        return "".join(parts).encode()

    def _tail(self) -> bytes:
        return f"\r\n--{self.boundary}--\r\n".encode()


def media_type(name: str) -> str:
    """Give the media type of a file by its ending; `application/octet-stream` for unknown ones."""
    return _MEDIA_TYPES.get(name.rpartition(".")[2].lower(), "application/octet-stream")


def safe_name(name: str) -> str:
    """Give the base name that a file is sent under: what a header cannot hold is replaced.

    Folders are dropped, whichever sign separates them; quotation marks become apostrophes, control
    characters become underscores, and a name that is too long loses its middle, never its ending.
    Other writing systems and signs stay as they are.
    """
    base = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    kept = "".join(
        "_" if unicodedata.category(char) in _UNSENDABLE else char
        for char in base.translate(_REPLACED)
    ).strip()
    return "file" if kept in {"", ".", ".."} else _shortened(kept)


def _shortened(name: str) -> str:
    if len(name.encode()) <= LONGEST_NAME_BYTES:
        return name
    stem, dot, suffix = name.rpartition(".")
    ending = (dot + suffix).encode()
    if not stem or len(ending) > _LONGEST_SUFFIX_BYTES:
        stem, ending = name, b""
    # Cut within a character, the rest of it is dropped.
    head = stem.encode()[: LONGEST_NAME_BYTES - len(ending)].decode(errors="ignore")
    return head + ending.decode()
