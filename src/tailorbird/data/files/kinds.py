"""Recognize files that are no text, whatever their name says, by their first bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain

HEAD_BYTES = 1 << 16
"""How much of a file is looked at. A workbook names its parts within the first few kilobytes."""

_EXPORT = "open it and save it as 'CSV UTF-8', or as JSONL"
_UNPACK = "unpack it and give the file inside"
_CONVERT = "export the rows from it as CSV UTF-8 or JSONL"
_DOCUMENT = "a document belongs into an index; questions and answers must be CSV, TSV or JSONL"


@dataclass(frozen=True, slots=True)
class FileKind:
    """What a file is, and what its owner can do with it."""

    name: str
    """With its article, as it stands in a sentence: `an Excel workbook`."""
    fix: str
    """What to do instead of reading it as text."""


# Source of the marks: the file(1) database, https://github.com/file/file/tree/master/magic/Magdir
# (read 2026-11-22), and the formats' own descriptions. Marks shorter than four bytes are left out
# where text could begin with them.
_MARKS: tuple[tuple[bytes, FileKind], ...] = (
    (b"\x1f\x8b", FileKind("gzip-compressed data", _UNPACK)),
    (b"\xfd7zXZ\x00", FileKind("xz-compressed data", _UNPACK)),
    (b"\x28\xb5\x2f\xfd", FileKind("Zstandard-compressed data", _UNPACK)),
    (b"7z\xbc\xaf\x27\x1c", FileKind("a 7-Zip archive", _UNPACK)),
    (b"Rar!\x1a\x07", FileKind("a RAR archive", _UNPACK)),
    (b"%PDF-", FileKind("a PDF document", _DOCUMENT)),
    (b"{\\rtf", FileKind("an RTF document", _DOCUMENT)),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", FileKind("an old Excel or Word file", _EXPORT)),
    (b"SQLite format 3\x00", FileKind("an SQLite database", _CONVERT)),
    (b"PAR1", FileKind("a Parquet file", _CONVERT)),
    (b"ARROW1\x00\x00", FileKind("an Arrow file", _CONVERT)),
    (b"\x89PNG\r\n\x1a\n", FileKind("a PNG image", _DOCUMENT)),
    (b"\xff\xd8\xff", FileKind("a JPEG image", _DOCUMENT)),
    (b"GIF87a", FileKind("a GIF image", _DOCUMENT)),
    (b"GIF89a", FileKind("a GIF image", _DOCUMENT)),
    (b"II*\x00", FileKind("a TIFF image", _DOCUMENT)),
    (b"MM\x00*", FileKind("a TIFF image", _DOCUMENT)),
)
_ZIPPED: tuple[tuple[bytes, FileKind], ...] = (
    (b"opendocument.spreadsheet", FileKind("a LibreOffice spreadsheet", _EXPORT)),
    (b"xl/", FileKind("an Excel workbook", _EXPORT)),
    (b"word/", FileKind("a Word document", _DOCUMENT)),
    (b"ppt/", FileKind("a PowerPoint presentation", _DOCUMENT)),
    (b".iwa", FileKind("an Apple Numbers or Pages file", _EXPORT)),
)
_ZIP = FileKind("a ZIP archive", _UNPACK)
_PATTERNS: tuple[tuple[re.Pattern[bytes], FileKind], ...] = (
    (re.compile(rb"BZh[1-9]1AY&SY"), FileKind("bzip2-compressed data", _UNPACK)),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), FileKind("a WebP image", _DOCUMENT)),
    (
        re.compile(
            rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|head|body|table|meta)\b", re.IGNORECASE
        ),
        FileKind("an HTML page", "export the table as CSV UTF-8; a saved web page is no table"),
    ),
    (re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml\b"), FileKind("an XML file", _CONVERT)),
)


def file_kind(head: bytes) -> FileKind | None:
    """Say what a file is whose first bytes are `head`; None when it may well be text.

    Text in any encoding gives None. HTML and XML are texts too, but they hold no table of
    questions, so they are named: programs like to save web pages under the name of an export.
    """
    if head.startswith(b"PK\x03\x04"):
        return next((kind for mark, kind in _ZIPPED if mark in head), _ZIP)
    marked = (kind for mark, kind in _MARKS if head.startswith(mark))
    matched = (kind for pattern, kind in _PATTERNS if pattern.match(head))
    return next(chain(marked, matched), None)
