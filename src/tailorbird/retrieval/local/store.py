"""Local indexes in SQLite: what is kept, without any searching. All calls block."""

from __future__ import annotations

import os
import struct
import zlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast

import numpy as np

from tailorbird.exceptions import StorageError
from tailorbird.retrieval.content_version import MODULUS, content_version
from tailorbird.retrieval.local.documents import Documents
from tailorbird.retrieval.local.schema import STEPS
from tailorbird.retrieval.local.sealing import damaged, row_seal
from tailorbird.storage import Database
from tailorbird.storage.arrays import Seal
from tailorbird.types.retrieval import IndexInfo, IndexSpec

if TYPE_CHECKING:
    from collections.abc import Generator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from numpy.typing import NDArray

_COMMITS = struct.Struct("<QI")


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRow:
    """An index as it stands in its table."""

    id: int
    """Number of the index, never used again."""
    spec: IndexSpec
    """What the index is bound to."""
    created_at: datetime
    """When it was made."""
    changes: int
    """Grows with each change of the content."""
    digest: int
    """Sum of a hash for each document."""
    documents: int
    """How many documents there are."""
    chunks: int
    """How many chunks there are."""

    @property
    def info(self) -> IndexInfo:
        """The index as callers see it; equal content gives the equal version."""
        return IndexInfo(
            spec=self.spec,
            documents=self.documents,
            chunks=self.chunks,
            version=content_version(self.spec, self.digest),
            created_at=self.created_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRow:
    """A segment as it stands in its table."""

    file: str
    """Name of its file."""
    seal: Seal
    """What its file is recognized by."""
    chunks: int
    """How many chunks it has, those included that are gone."""
    gone: int
    """How many of them are gone."""
    dead: bytes
    """A bit for each chunk, set for one that is gone; empty where none is."""

    @property
    def alive(self) -> NDArray[np.bool_] | None:
        """Which chunks are there; None for all."""
        if not self.gone:
            return None
        bits = np.unpackbits(np.frombuffer(self.dead, dtype=np.uint8), count=self.chunks)
        alive: NDArray[np.bool_] = bits == 0
        return alive


class Store:
    """All local indexes of one folder, or of memory."""

    def __init__(self, path: Path | None) -> None:
        """Open the file, or make it; None keeps everything in memory.

        Raises:
            StorageError: It cannot be opened, or has lost a change that was committed.
            StoreVersionError: A newer version of tailorbird wrote it.
        """
        self._path = path
        # Read first: whoever writes meanwhile only makes the other number larger.
        least = self._noted()
        self._database = Database(path, steps=STEPS)
        self.documents = Documents(self._database)
        """The tables of documents and chunks."""
        try:
            self._check_commits(least)
        except BaseException:
            self._database.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def snapshot(self) -> AbstractContextManager[None]:
        """Let everything in a block read one state."""
        return self._database.snapshot()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Let everything in a block take effect together."""
        with self._database.transaction():
            yield
            self._database.execute("UPDATE state SET commits = commits + 1")
            commits = self._commits()
        self._note(commits)

    def _commits(self) -> int:
        rows = self._database.execute("SELECT commits FROM state")
        if not (rows and isinstance(rows[0][0], int)):
            raise damaged(f"{str(self._path)!r} does not say how often it was changed")
        return rows[0][0]

    def _check_commits(self, least: int) -> None:
        if (commits := self._commits()) < least:
            message = (
                f"{str(self._path)!r} holds {commits} changes, {least} were committed: its"
                " write-ahead log (`-wal`) is damaged or missing. Bring the folder back from a"
                f" backup, or go on with what there is by deleting {str(self._noting)!r}"
            )
            raise StorageError(message)

    @property
    def _noting(self) -> Path | None:
        return None if self._path is None else self._path.with_suffix(".commits")

    def _note(self, commits: int) -> None:
        """Write down how many commits there are.

        A damaged log looks to SQLite like a shorter one, so that its last commits would be missing
        without a word. Where this cannot be written, no more is lost than that warning.
        """
        if self._noting is None:
            return
        number = struct.pack("<Q", commits)
        with suppress(OSError):
            file = os.open(self._noting, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.write(file, _COMMITS.pack(commits, zlib.crc32(number)))
            finally:
                os.close(file)

    def _noted(self) -> int:
        """Give how many commits there were at least; 0 where that is not known."""
        if self._noting is None:
            return 0
        try:
            told = self._noting.read_bytes()
        except OSError:
            return 0
        if len(told) != _COMMITS.size:
            return 0
        commits, checksum = _COMMITS.unpack(told)
        return int(commits) if zlib.crc32(told[:8]) == checksum else 0

    def indexes(self, name: str | None = None) -> list[IndexRow]:
        """Give all indexes sorted by name, or only the one of a name.

        Raises:
            StorageError: A row is damaged.
        """
        rows = self._database.execute(
            # The plus sign keeps SQLite from going by its list of names, which has no seal.
            "SELECT id, name, spec, created_at, changes, digest, documents, chunks, seal"
            " FROM indexes WHERE ? IS NULL OR +name = ? ORDER BY +name",
            (name, name),
        )
        found: list[IndexRow] = []
        for row in cast("list[tuple[int, str, str, str, int, str, int, int, int]]", rows):
            number, told, spec, created_at, changes, digest, documents, chunks, seal = row
            if row_seal(row[:-1]) != seal:
                raise damaged(f"the row of index {told!r} is not as it was written")
            found.append(
                IndexRow(
                    id=number,
                    spec=IndexSpec.model_validate_json(spec),
                    created_at=datetime.fromisoformat(created_at),
                    changes=changes,
                    digest=int(digest, 16),
                    documents=documents,
                    chunks=chunks,
                )
            )
        return found

    def index_numbers(self) -> set[int]:
        """Give the numbers of all indexes, whether or not their rows are damaged."""
        return {
            cast("int", number) for (number,) in self._database.execute("SELECT id FROM indexes")
        }

    def add_index(self, spec: IndexSpec, *, created_at: datetime) -> IndexRow:
        """Make an index, or give the one that has its name."""
        with self.transaction():
            known = self.indexes(spec.name)
            if not known:
                self._database.execute(
                    "INSERT INTO indexes (name, spec, created_at) VALUES (?, ?, ?)",
                    (spec.name, spec.model_dump_json(), created_at.isoformat()),
                )
                self.seal_indexes(spec.name)
            return self.indexes(spec.name)[0]

    def seal_indexes(self, name: str | None = None) -> None:
        """Seal the rows of all indexes, or that of one, as they stand."""
        rows = self._database.execute(
            "SELECT id, name, spec, created_at, changes, digest, documents, chunks FROM indexes"
            " WHERE ? IS NULL OR name = ?",
            (name, name),
        )
        for row in rows:
            self._database.execute(
                "UPDATE indexes SET seal = ? WHERE id = ?", (row_seal(row), row[0])
            )

    def drop_index(self, index: int) -> None:
        """Delete an index with its content, and give its room back to the disk."""
        self._database.execute("DELETE FROM indexes WHERE id = ?", (index,))
        self._database.shrink()

    def shrink(self) -> None:
        """Give the room of deleted rows back to the disk."""
        self._database.shrink()

    def count(self, index: IndexRow, *, documents: int, chunks: int, digest: int) -> None:
        """Change the sums of an index, by what a change adds to them."""
        self._database.execute(
            "UPDATE indexes SET changes = changes + 1, documents = documents + ?,"
            " chunks = chunks + ?, digest = ? WHERE id = ?",
            (documents, chunks, f"{(index.digest + digest) % MODULUS:x}", index.id),
        )
        self.seal_indexes(index.spec.name)

    def segments(self, index: IndexRow) -> list[SegmentRow]:
        """Give the segments of an index, the oldest first.

        Raises:
            StorageError: A row is damaged, or one is missing.
        """
        rows = self._database.execute(
            "SELECT index_id, file, size, checksum, chunks, gone, dead, seal FROM segments"
            " WHERE +index_id = ? ORDER BY id",
            (index.id,),
        )
        found: list[SegmentRow] = []
        for row in cast("list[tuple[int, str, int, str, int, int, bytes, int]]", rows):
            if row_seal(row[:-1]) != row[-1]:
                raise damaged(f"a segment's row of index {index.spec.name!r} has changed")
            _, file, size, checksum, chunks, gone, dead, _ = row
            seal = Seal(size=size, checksum=checksum)
            found.append(SegmentRow(file=file, seal=seal, chunks=chunks, gone=gone, dead=dead))
        held = sum(one.chunks - one.gone for one in found)
        if held != index.chunks:
            message = f"segments of index {index.spec.name!r} hold {held} chunks, not"
            raise damaged(f"{message} {index.chunks}")
        return found

    def segment_files(self) -> set[str]:
        """Give the names of the files of all segments of all indexes."""
        rows = self._database.execute("SELECT file FROM segments")
        return {cast("str", file) for (file,) in rows}

    def add_segment(self, index: int, row: SegmentRow) -> None:
        """Let a file count as a segment of an index."""
        values = _cells(index, row)
        self._database.execute(
            "INSERT INTO segments (index_id, file, size, checksum, chunks, gone, dead, seal)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*values, row_seal(values)),
        )

    def drop_segment(self, row: SegmentRow) -> None:
        """Let a file not count any more."""
        self._database.execute("DELETE FROM segments WHERE file = ?", (row.file,))

    def bury(self, index: int, row: SegmentRow) -> None:
        """Keep which chunks of a segment are gone."""
        values = _cells(index, row)
        self._database.execute(
            "UPDATE segments SET gone = ?, dead = ?, seal = ? WHERE file = ?",
            (row.gone, row.dead, row_seal(values), row.file),
        )

    def unsealed(self) -> bool:
        """Say whether there are indexes of version 1, whose rows have no seals yet.

        They get them by the first change of all. Later on a missing seal is damage.
        """
        sql = "SELECT 1 FROM indexes, state WHERE seal IS NULL AND commits = 0 LIMIT 1"
        return bool(self._database.execute(sql))

    def waiting(self, *, limit: int) -> list[tuple[int, int, int]]:
        """Give some documents of one index of version 1 that are in no segment yet.

        Returns:
            For each the number of the index, its own number, and how many chunks it has.
        """
        rows = self._database.execute(
            "SELECT d.index_id, d.id, d.chunks FROM waiting JOIN documents AS d"
            " ON d.id = document_id ORDER BY d.index_id, d.id LIMIT ?",
            (limit,),
        )
        found = cast("list[tuple[int, int, int]]", rows)
        return [row for row in found if row[0] == found[0][0]]

    def old_vectors(self, document: int) -> bytes:
        """Give the vectors of a document of version 1, as little-endian float32."""
        rows = self._database.execute("SELECT data FROM vectors WHERE document_id = ?", (document,))
        return cast("bytes", rows[0][0]) if rows else b""

    def settle(self, document: int) -> None:
        """Let a document of version 1 be one of this version: a segment holds it now."""
        for table in ("waiting", "vectors"):
            self._database.execute(f"DELETE FROM {table} WHERE document_id = ?", (document,))  # noqa: S608 - ours

    def check(self) -> None:
        """Let SQLite read the whole file and compare its tables with its lists.

        Raises:
            StorageError: It found something.
        """
        [(found,), *_] = self._database.execute("PRAGMA integrity_check(1)")
        if found != "ok":
            raise damaged(f"{str(self._path)!r} is damaged: {found}")


def _cells(index: int, row: SegmentRow) -> tuple[object, ...]:
    return (
        *(index, row.file, row.seal.size, row.seal.checksum),
        *(row.chunks, row.gone, row.dead),
    )
