"""Checksums of rows: SQLite itself does not notice a flipped bit in what it stores."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from tailorbird.exceptions import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable


def row_seal(values: Iterable[object]) -> int:
    """Give the CRC-32 of a row: it tells of every change of up to four bytes in a row."""
    seal = 0
    for value in values:
        if isinstance(value, str):
            data = value.encode("utf-8", "surrogatepass")
        elif isinstance(value, bytes):
            data = value
        else:
            data = str(value).encode("ascii", "replace")
        # Kind and length go first, so that no two rows read alike.
        seal = zlib.crc32(f"{type(value).__name__} {len(data)}:".encode("ascii"), seal)
        seal = zlib.crc32(data, seal)
    return seal


def damaged(what: str) -> StorageError:
    """Make the error for something that is not as it was written."""
    return StorageError(
        f"{what}; delete the index and build it again, or bring its folder back from a backup"
    )
