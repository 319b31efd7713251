"""Look into an Office file before anything expands it: a ZIP of XML is easily a bomb."""

from __future__ import annotations

import copy
import re
import sys
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.data.documents.files import report_broken, report_encrypted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tailorbird.data.problems import Problems

MAX_MEMBERS = 10_000
"""Most files within an Office file: our own bound."""

MAX_UNPACKED_BYTES = 512 * 2**20
"""Most bytes of all files within an Office file together, unpacked: our own bound."""

MAX_CELLS = 20_000_000
"""Largest rectangle that the cells of a sheet may span: our own bound. The reader of workbooks
holds all of it, 32 bytes a cell."""

_BLOCK_BYTES = 1 << 20
_OVERLAP_BYTES = 64  # a mark may straddle two blocks
_XML = (".xml", ".rels", ".vml")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Name of the stream that holds a package under a password, by "[MS-OFFCRYPTO]: Office Document
# Cryptography Structure", https://learn.microsoft.com/openspecs/office_file_formats/ms-offcrypto.
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
# A document type brings entities, which can expand without bound; the Open Packaging Conventions
# (ECMA-376, part 2) forbid one. The second form is that of UTF-16.
_DOCTYPE = re.compile(rb"<!DOCTYPE|<!ENTITY|<\x00!\x00(?:D\x00O\x00C|E\x00N\x00T)")
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)
_PLACE = re.compile(rb"""\br\s*=\s*["']\$?([A-Za-z]{0,9})\$?([0-9]{0,12})""")
_LETTERS = 26
# What the standard library raises for a damaged file; OSError for places before its start.
_DAMAGE = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, ValueError)
_BEFORE_A = ord("A") - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageLimits:
    """How much may be in an Office file."""

    xml_bytes: int
    """Largest XML file within, unpacked: what reads it takes a multiple of that."""
    unpacked_bytes: int = MAX_UNPACKED_BYTES
    """All files together, unpacked."""
    members: int = MAX_MEMBERS
    """How many files."""
    cells: int = MAX_CELLS
    """Largest rectangle that the cells of a sheet span."""


class _RefusedError(Exception):
    """The package is not to be opened."""

    def __init__(self, code: str, reason: str, fix: str) -> None:
        super().__init__(code)
        self.code = code
        self.reason = reason
        self.fix = fix


def is_old_office(path: Path) -> bool:
    """Say whether a file is a compound file: one of Office 97 to 2003, or one under a password.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        return file.read(len(_OLE)) == _OLE


def check_package(path: Path, limits: PackageLimits, problems: Problems) -> bool:
    """Say whether an Office file can be opened; what stands against it is reported.

    Every file of XML within is unpacked once, block by block, and thrown away: what it says about
    its own size is not trusted.

    Raises:
        OSError: The file cannot be read.
    """
    if is_old_office(path):
        if _ENCRYPTED_PACKAGE in path.read_bytes():
            report_encrypted(problems)
        else:
            report_broken("it is in the format of Office 97 to 2003", problems)
        return False
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as package:
                _check(package, limits)
        except _RefusedError as exc:
            problems.add("error", exc.code, exc.reason, exc.fix)
            return False
        except _DAMAGE as exc:
            report_broken(f"it cannot be unpacked ({type(exc).__name__})", problems)
            return False
    return True


def _check(package: zipfile.ZipFile, limits: PackageLimits) -> None:
    members = package.infolist()
    if len(members) > limits.members:
        raise _too_large(f"{len(members):,} files", f"{limits.members:,}")
    total = 0
    for member in members:
        if member.flag_bits & 1:
            reason = "a file within it is encrypted"
            fix = "save a copy without a password"
            raise _RefusedError("document.encrypted", reason, fix)
        total += member.file_size
        if total > limits.unpacked_bytes:
            raise _too_large(f"more than {limits.unpacked_bytes:,} bytes", "that")
        if member.filename.lower().endswith(_XML):
            _check_xml(package, member, limits)


def _too_large(what: str, most: str) -> _RefusedError:
    reason = f"unpacked it would be {what}; {most} is the limit here"
    fix = "if that is not meant to be a trap, split the file"
    return _RefusedError("document.bomb", reason, fix)


def _check_xml(package: zipfile.ZipFile, member: zipfile.ZipInfo, limits: PackageLimits) -> None:
    """Unpack one file of XML, as far as it is allowed to go."""
    extent = _Extent() if _SHEET.fullmatch(member.filename) else None
    size, tail = 0, b""
    for block in _blocks(package, member):
        size += len(block)
        if size > limits.xml_bytes:
            raise _too_large(f"{limits.xml_bytes:,} bytes and more", "that")
        seen = tail + block
        if _DOCTYPE.search(seen):
            reason = "its XML declares a document type, which can expand without bound"
            raise _RefusedError("document.bomb", reason, "save it again in an Office program")
        if extent is not None:
            extent.look(seen)
            if extent.cells > limits.cells:
                reason = (
                    f"the sheet in {member.filename!r} spans {extent.rows:,} rows and"
                    f" {extent.columns:,} columns, more than {limits.cells:,} cells"
                )
                fix = "delete what stands far away from the table"
                raise _RefusedError("document.bomb", reason, fix)
        tail = seen[-_OVERLAP_BYTES:]
    if size != member.file_size:
        raise zipfile.BadZipFile


def _blocks(package: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Unpack a file, beyond the size that it claims to have."""
    honest = copy.copy(member)
    honest.file_size = sys.maxsize  # reading ends with the packed data, or when the caller stops
    with package.open(honest) as file:
        while block := file.read(_BLOCK_BYTES):
            yield block


@dataclass(slots=True)
class _Extent:
    """How far the cells of a sheet reach from its first one."""

    rows: int = 0
    columns: int = 0

    @property
    def cells(self) -> int:
        return max(self.rows, 1) * max(self.columns, 1)

    def look(self, data: bytes) -> None:
        """Take in the places of the cells in a piece of XML."""
        for letters, digits in set(_PLACE.findall(data)):
            column = 0
            for letter in letters.upper():
                column = column * _LETTERS + letter - _BEFORE_A
            self.columns = max(self.columns, column)
            self.rows = max(self.rows, int(digits or b"0"))
