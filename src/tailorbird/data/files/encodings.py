"""Open a user's text file: what it is, how it is encoded, and its text in blocks.

Strict UTF-8 with a byte-order mark removed; UTF-16 only by its mark; then, if the encoding is left
open, strict cp932 with a check for plausibility; anything else is refused, with what to do.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tailorbird.data.files.encoding_guess import (
    Undecodable,
    decoded,
    implausible_cp932,
    line_of,
    looks_like_utf8,
    undecodable_lines,
    utf16_without_mark,
)
from tailorbird.data.files.kinds import HEAD_BYTES, file_kind
from tailorbird.data.problems import excerpt
from tailorbird.exceptions import DataError, InvalidInputError
from tailorbird.problem import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tailorbird.data.problems import Problems

_BLOCK_BYTES = 1 << 17  # fits the second-level cache with its decoded form: measured fastest
_SAVE_AS_UTF8 = "save the file again as 'CSV UTF-8'"
_WRITE_AGAIN = "write this line again, or save the whole file as UTF-8"
# Longer marks first: the mark of UTF-32 begins with the one of UTF-16.
_MARKS: tuple[tuple[bytes, str, str], ...] = (
    (b"\xef\xbb\xbf", "utf-8", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32-le", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32-be", "utf-32"),
    (b"\xff\xfe", "utf-16-le", "utf-16"),
    (b"\xfe\xff", "utf-16-be", "utf-16"),
)
_COMMON = ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "cp932", "euc_jp", "iso2022_jp", "cp1252")
_ASCII_FIRST = {"auto", "utf-8", "ascii", "cp932"}
_KANA = re.compile("[\u3041-\u30ff]")
_SEVEN_BIT_JAPANESE = re.compile(rb"\x1b(?:\$[@B(]|\([BJI])")


@dataclass(frozen=True, slots=True)
class TextFile:
    """A text file whose encoding is known."""

    path: Path
    """Where it is."""
    source: str
    """Its name as the user wrote it."""
    encoding: str
    """Name of the encoding; `utf-8-sig` for UTF-8 with a byte-order mark."""
    sha256: str
    """Hash of its bytes, in hexadecimal."""
    size_bytes: int
    """Its length, the mark included."""
    codec: str
    """What decodes the bytes behind the mark."""
    mark_bytes: int
    """Length of the byte-order mark; 0 without one."""
    errors: Literal["strict", "surrogateescape"]
    """`surrogateescape` once undecodable places have been reported, so that checking can go on."""

    def blocks(self, problems: Problems) -> Iterator[str]:
        """Decode the file block by block; memory stays flat.

        Raises:
            DataError: The file changed or vanished since it was opened.
        """
        try:
            yield from decoded(raw_blocks(self.path, self.mark_bytes), self.codec, self.errors)
        except UnicodeDecodeError as exc:
            reason = "the file was changed while it was being read"
            fix = "read it again when nothing writes to it"
            raise _refused(problems, "file.changed", reason, fix) from exc
        except OSError as exc:
            raise _unreadable(exc, problems) from exc


def open_text(path: Path | str, *, encoding: str, problems: Problems) -> TextFile:
    """Find out what a file is and how it is encoded, by reading all of it once.

    Undecodable places are reported line by line without raising, so that the caller can report what
    else is wrong; everything that makes the text unreadable as a whole raises.

    Args:
        path: The file.
        encoding: `auto`, or the name of a Python codec, which is then obeyed to the letter.
        problems: Where notes and errors go.

    Raises:
        InvalidInputError: There is no encoding of that name.
        DataError: The file is missing, unreadable, empty, no text, or in an encoding that cannot be
            told for certain.
    """
    codec = "auto" if encoding == "auto" else _codec(encoding)
    path = Path(path)
    try:
        return _opened(path, codec, problems)
    except OSError as exc:
        raise _unreadable(exc, problems) from exc


def raw_blocks(path: Path, skip: int = 0) -> Iterator[bytes]:
    """Read a file block by block, without its first `skip` bytes."""
    with path.open("rb", buffering=0) as file:
        file.seek(skip)
        while block := file.read(_BLOCK_BYTES):
            yield block


def _opened(path: Path, codec: str, problems: Problems) -> TextFile:
    head = _head(path, problems)
    mark, marked, name = next((one for one in _MARKS if head.startswith(one[0])), (b"", "", ""))
    if marked.startswith("utf-32") and codec == "auto":
        raise _refused(problems, "encoding.utf-32", "the file is UTF-32", _SAVE_AS_UTF8)
    if not mark and codec in {"auto", "utf-16"} and (found := utf16_without_mark(head)):
        big = "BE" if found.endswith("be") else "LE"
        reason = f"this is UTF-16{big} without a byte-order mark: every second byte is NUL"
        raise _refused(
            problems, "encoding.utf-16", reason, f"{_SAVE_AS_UTF8}, or encoding={found!r}"
        )
    codec = _agreed(codec, marked, name, problems)
    scan = _scan(path, len(mark), "utf-8" if codec == "auto" else codec)
    if scan.size_bytes == len(mark):
        raise _refused(problems, "file.empty", "the file is empty", "give the file with the rows")
    if scan.escape is not None and codec in _ASCII_FIRST:
        reason = "escape sequences of ISO-2022-JP: the file is not in UTF-8"
        line = line_of(raw_blocks(path), scan.escape)
        raise _refused(problems, "encoding.iso-2022-jp", reason, "encoding='iso2022_jp'", line=line)
    if scan.decodes:
        settled = _Settled("utf-8" if codec == "auto" else codec, "strict")
    else:
        settled = _settled(path, codec, len(mark), problems)
    return TextFile(
        path=path,
        source=problems.source,
        encoding=name or settled.codec,
        sha256=scan.sha256,
        size_bytes=scan.size_bytes,
        codec=settled.codec,
        mark_bytes=len(mark),
        errors=settled.errors,
    )


def _codec(encoding: str) -> str:
    try:
        "".encode(encoding)
        return codecs.lookup(encoding).name.removesuffix("-sig")
    except (LookupError, ValueError) as exc:
        near = nearest(encoding, _COMMON, cutoff=0.4)
        fix = "take 'auto', 'utf-8' or 'cp932'" if near is None else f"did you mean {near!r}?"
        message = f"there is no text encoding {encoding!r}: {fix}"
        raise InvalidInputError(message) from exc


def _head(path: Path, problems: Problems) -> bytes:
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "no regular file"
        fix = "name the file itself" if path.is_dir() else "save its content in a file first"
        raise _refused(problems, "file.not-a-file", f"{str(path)!r} is {what}", fix)
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if kind := file_kind(head):
        raise _refused(problems, "file.kind", f"this is {kind.name}, not text", kind.fix)
    return head


def _agreed(codec: str, marked: str, name: str, problems: Problems) -> str:
    """Bring the encoding asked for and the byte-order mark found together."""
    if not marked:
        return codec
    if codec == "auto" or marked.startswith(codec):
        return marked
    reason = f"the file begins with the byte-order mark of {name}, but {codec!r} was asked for"
    raise _refused(problems, "encoding.mark", reason, "encoding='auto'")


@dataclass(frozen=True, slots=True)
class _Scan:
    """What one pass over the bytes tells."""

    sha256: str
    size_bytes: int
    escape: int | None
    """Offset of the first Japanese seven-bit escape sequence."""
    decodes: bool


def _scan(path: Path, skip: int, codec: str) -> _Scan:
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder(codec)("strict")
    size, escape, decodes = 0, None, True
    for block in raw_blocks(path):
        digest.update(block)
        if escape is None and b"\x1b" in block and (found := _SEVEN_BIT_JAPANESE.search(block)):
            escape = size + found.start()
        if decodes:
            decodes = _decodes(decoder, block if size else block[skip:])
        size += len(block)
    decodes = decodes and _decodes(decoder, b"", final=True)
    return _Scan(digest.hexdigest(), size, escape, decodes)


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Settled:
    """How the text is decoded."""

    codec: str
    errors: Literal["strict", "surrogateescape"]


def _settled(path: Path, codec: str, skip: int, problems: Problems) -> _Settled:
    """Find another codec for bytes that do not decode, or report where they do not."""
    wanted = "utf-8" if codec == "auto" else codec
    if codec == "auto" and not looks_like_utf8(raw_blocks(path)):
        return _japanese(path, problems)
    # Where a mark names the encoding, there is no other one to try.
    fix = _WRITE_AGAIN if skip else _fix_for(path, codec, wanted)
    ends = False
    for place in undecodable_lines(raw_blocks(path, skip), wanted):
        _report(place, wanted, problems, fix=fix)
        ends = place.ends
    if ends:
        problems.raise_errors()
    return _Settled(wanted, "surrogateescape")


def _japanese(path: Path, problems: Problems) -> _Settled:
    """Take a file that is not UTF-8 for cp932 if that is certain.

    Raises:
        DataError: It is not.
    """
    doubt = _doubt_about_cp932(path)
    if doubt is None:
        problems.add("note", "encoding.cp932", "read as cp932 (Shift_JIS as Windows writes it)")
        return _Settled("cp932", "strict")
    place = next(undecodable_lines(raw_blocks(path), "utf-8"))
    reason = f"the file is not UTF-8 (bytes {place.shown}) and {doubt}"
    fix = f"{_SAVE_AS_UTF8}, or name its encoding, for instance encoding='cp1252'"
    if _is_euc_jp(path):
        reason += ": it is probably EUC-JP"
        fix = "encoding='euc_jp'"
    if "half-width" in doubt:
        fix += ", or encoding='cp932' if half-width katakana is right"
    raise _refused(problems, "encoding.unknown", reason, fix, line=place.line, column=place.column)


def _is_euc_jp(path: Path) -> bool:
    """Say whether this is Japanese in EUC-JP; Chinese and Korean of that form have no kana."""
    try:
        return any(map(_KANA.search, decoded(raw_blocks(path), "euc_jp")))
    except UnicodeDecodeError:
        return False


def _doubt_about_cp932(path: Path) -> str | None:
    try:
        return implausible_cp932(decoded(raw_blocks(path), "cp932"))
    except UnicodeDecodeError:
        return "it is not cp932 either"


def _fix_for(path: Path, codec: str, wanted: str) -> str:
    if codec == "auto":
        return _WRITE_AGAIN
    if wanted == "utf-8" and _doubt_about_cp932(path) is None:
        return "encoding='cp932'"
    return "encoding='auto'"


def _report(place: Undecodable, codec: str, problems: Problems, *, fix: str) -> None:
    if re.fullmatch(rb"(?:\xed[\xa0-\xbf][\x80-\xbf])+", place.run):
        reason = (
            f"the bytes {place.run[:6].hex(' ').upper()} are half of a character (a lone"
            " surrogate): another program cut it in two"
        )
        fix = "write the character (often an emoji) again and save as UTF-8"
        shown = None
    else:
        reason = f"the bytes {place.shown} are not valid in {codec}"
        shown = _as_japanese(place.run)
    problems.add(
        "error",
        "encoding.undecodable",
        reason + (f"; in cp932 they read {shown!r}" if shown else ""),
        fix,
        line=place.line,
        column=place.column,
    )


def _as_japanese(run: bytes) -> str | None:
    text = run.decode("cp932", "ignore")
    return excerpt(text) if text and implausible_cp932([text]) is None else None


def _refused(
    problems: Problems,
    code: str,
    reason: str,
    fix: str,
    *,
    line: int | None = None,
    column: int | None = None,
) -> DataError:
    problems.add("error", code, reason, fix, line=line, column=column)
    return DataError(problems.found, total=problems.total)


def _unreadable(exc: OSError, problems: Problems) -> DataError:
    missing = isinstance(exc, FileNotFoundError)
    reason = f"{problems.source!r} " + (
        "does not exist" if missing else f"cannot be read: {exc.strerror or exc}"
    )
    fix = "check the path; it is relative to the folder in which Python was started"
    return _refused(problems, "file.missing" if missing else "file.unreadable", reason, fix)
