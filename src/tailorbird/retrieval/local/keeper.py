"""Changes of local indexes: tables and segments, always together. All calls block.

What is added goes into a segment of its own. Eight segments of about one size become one, so that a
chunk is copied once each time its segment grows eightfold, and a search meets a few dozen segments
at most (as log-structured merge trees do; P. O'Neil and others: The Log-Structured Merge-Tree,
1996). A segment is never changed: which of its chunks are gone stands in its row. The transaction
that names a file is what makes it count; it ends when the file is on disk.
"""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from tailorbird.retrieval.checks import can_be_name, checked_documents, missing_index
from tailorbird.retrieval.content_version import MODULUS, document_digest
from tailorbird.retrieval.local.checks import check_room
from tailorbird.retrieval.local.sealing import damaged
from tailorbird.retrieval.local.segment import Segment
from tailorbird.retrieval.local.store import SegmentRow
from tailorbird.retrieval.local.writing import NewChunk, write_merged, write_new

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from typing import BinaryIO

    from numpy.typing import NDArray

    from tailorbird.retrieval.local.documents import Change
    from tailorbird.retrieval.local.shelf import Shelf
    from tailorbird.retrieval.local.store import IndexRow, Store
    from tailorbird.storage.arrays import Seal
    from tailorbird.types.ids import DocumentId, IndexName
    from tailorbird.types.retrieval import ChunkedDocument, IndexedDocument

MERGED = 8
"""So many segments of about one size become one."""

FULL = 1 << 16
"""From half of so many chunks on a segment is left alone, until somebody asks to compact: copying
400 MB, of 65,536 × 1,536, is what an addition may have to wait for."""

_ADDED = 1 << 14  # chunks of a segment of new documents, so that terms of few are sorted together
_CONVERTED = 2048  # documents of version 1 looked at together


class Keeper:
    """Changes the indexes of a store, and opens their segments."""

    def __init__(self, store: Store, shelf: Shelf) -> None:
        """Work on tables and files that belong together."""
        self._store = store
        self._shelf = shelf
        self._segments: dict[str, Segment] = {}
        self._swept = False

    def open(self, rows: Sequence[SegmentRow]) -> list[Segment]:
        """Open segments, or give them as they were opened before.

        Raises:
            FileNotFoundError: A file is not there; a change that came since may have replaced it.
            StorageError: A file is damaged.
            StoreVersionError: A newer version of tailorbird wrote it.
        """
        for row in rows:
            if row.file not in self._segments:
                self._segments[row.file] = Segment(self._shelf.open(row.file, seal=row.seal))
        return [self._segments[row.file] for row in rows]

    def forget(self, keep: set[str] | None = None) -> None:
        """Let go of segments that are open, but for those of some files."""
        for file in set(self._segments) - (keep or set()):
            del self._segments[file]

    def index(self, name: IndexName) -> IndexRow:
        """Give an index as it stands now.

        Raises:
            IndexMissingError: There is none of that name.
            StorageError: Its row is damaged.
        """
        if can_be_name(name) and (rows := self._store.indexes(name)):
            return rows[0]
        raise missing_index(name, [row.spec.name for row in self._store.indexes()])

    def put(self, name: IndexName, documents: Sequence[ChunkedDocument]) -> None:
        """Add documents, replacing those of the same id whole.

        Raises:
            IndexMissingError: There is no index of that name.
            IndexMismatchError: The vectors' width is not the index's.
            InvalidInputError: A document does not fit the index, or a chunk's id is used by
                another one.
            StorageError: There is no room left, or what has to be read is damaged.
        """
        with self._change() as written:
            index = self.index(name)
            check_room(documents, index=index)
            sums = _Sums()
            added: list[tuple[ChunkedDocument, list[NewChunk]]] = []
            for given in checked_documents(documents, spec=index.spec):
                sums.take(self._store.documents.take_out(index.id, given.document.id))
                change, chunks = self._store.documents.put_in(index.id, given)
                sums.give(change)
                added.append((given, chunks))
            self._bury(index, sums)
            for group in _groups(added):
                chunks = [chunk for _, cut in group for chunk in cut]
                vectors = [one.vectors for one, _ in group if one.vectors is not None]
                whole = np.concatenate(vectors) if vectors else None
                self._add(index, chunks, whole, written)
            self._settle(index, sums, written)

    def remove(self, name: IndexName, documents: Sequence[DocumentId]) -> int:
        """Remove documents and say how many were there.

        Raises:
            IndexMissingError: There is no index of that name.
            StorageError: There is no room left, or what has to be read is damaged.
        """
        with self._change() as written:
            index = self.index(name)
            sums = _Sums()
            for document in documents:
                sums.take(self._store.documents.take_out(index.id, document))
            self._bury(index, sums)
            self._settle(index, sums, written)
        return -sums.documents

    def drop(self, name: IndexName) -> None:
        """Delete an index with its content.

        Raises:
            IndexMissingError: There is no index of that name.
        """
        with self._change():
            self._store.drop_index(self.index(name).id)

    def compact(self, name: IndexName) -> None:
        """Put all segments together and give the room of what is gone back to the disk.

        Raises:
            IndexMissingError: There is no index of that name.
            StorageError: There is no room left, or what has to be read is damaged.
        """
        with self._change() as written:
            index = self.index(name)
            self._merge(index, self._store.segments(index), written)
            self._store.count(index, documents=0, chunks=0, digest=0)
            self._store.shrink()

    def contents(self, index: IndexRow) -> list[IndexedDocument]:
        """Give what is remembered of each document, sorted by id.

        Raises:
            StorageError: What stands in the table is not what was written.
        """
        found = self._store.documents.contents(index.id)
        digest = sum(document_digest(one.id, one.content_hash) for one in found) % MODULUS
        chunks = sum(one.chunks or 0 for one in found)
        if (digest, chunks, len(found)) != (index.digest, index.chunks, index.documents):
            raise damaged(f"the list of documents of index {index.spec.name!r} has changed")
        return found

    def check(self, index: IndexRow) -> None:
        """Read everything that an index holds and compare it with its checksums.

        Raises:
            FileNotFoundError: As for `open`.
            StorageError: Something has changed.
        """
        self._store.check()
        self.contents(index)
        rows = self._store.segments(index)
        for row, segment in zip(rows, self.open(rows), strict=True):
            segment.check()
            alive = np.flatnonzero(_alive(row))
            numbers, seals = segment.rows[alive].tolist(), segment.seals[alive].tolist()
            for start in range(0, len(numbers), _CONVERTED):
                run = slice(start, start + _CONVERTED)
                self._store.documents.chunks(dict(zip(numbers[run], seals[run], strict=True)))

    def convert(self) -> None:
        """Bring what version 1 wrote into segments, some documents in each transaction.

        Raises:
            StorageError: There is no room left; the next call goes on.
        """
        if self._store.unsealed():
            with self._change():
                self._store.seal_indexes()
        while self._store.waiting(limit=1):
            with self._change() as written:
                rows = self._store.waiting(limit=_CONVERTED)
                [index] = [one for one in self._store.indexes() if one.id == rows[0][0]]
                self._convert(index, [(number, chunks) for _, number, chunks in rows], written)

    def _convert(
        self, index: IndexRow, documents: Sequence[tuple[int, int]], written: list[str]
    ) -> None:
        numbers: list[int] = []
        count = 0
        for number, held in documents:
            numbers.append(number)
            count += held
            if count >= _ADDED:
                break
        chunks = list(self._store.documents.read(numbers))
        vectors = None
        if index.spec.dimensions is not None:
            data = b"".join(map(self._store.old_vectors, numbers))
            if len(data) != 4 * index.spec.dimensions * len(chunks):
                raise damaged(f"index {index.spec.name!r} lacks vectors of its chunks")
            vectors = np.frombuffer(data, dtype="<f4").reshape(-1, index.spec.dimensions)
        if chunks:
            self._add(index, chunks, vectors, written)
        for number in numbers:
            self._store.settle(number)

    @contextmanager
    def _change(self) -> Generator[list[str]]:
        """Let tables and files change together; give the list that files written are put into."""
        written: list[str] = []
        with self._store.transaction():
            before = self._store.segment_files()
            if not self._swept:
                # Nobody else writes now, so what no row names was left by a crash.
                self._sweep(before)
            try:
                yield written
            except BaseException:
                self._discard(written)
                raise
            after = self._store.segment_files()
            # Should the end of the transaction fail, nobody knows yet which files count.
            self._swept = False
        self._swept = True
        self._discard((before | set(written)) - after)

    def _sweep(self, known: set[str]) -> None:
        self._discard(self._shelf.names() - known)
        self._swept = True

    def _discard(self, files: set[str] | list[str]) -> None:
        for file in files:
            self._segments.pop(file, None)
            self._shelf.discard(file)

    def _write(
        self, index: IndexRow, chunks: int, fill: Callable[[BinaryIO], Seal], written: list[str]
    ) -> None:
        file, seal = self._shelf.write(fill)
        written.append(file)
        row = SegmentRow(file=file, seal=seal, chunks=chunks, gone=0, dead=b"")
        self._store.add_segment(index.id, row)

    def _add(
        self,
        index: IndexRow,
        chunks: Sequence[NewChunk],
        vectors: NDArray[np.float32] | None,
        written: list[str],
    ) -> None:
        self._write(index, len(chunks), lambda file: write_new(file, chunks, vectors), written)

    def _bury(self, index: IndexRow, sums: _Sums) -> None:
        """Mark the chunks of documents that were taken out as gone."""
        if not sums.buried:
            return
        rows = self._store.segments(index)
        left = sums.buried_chunks
        for row, segment in zip(rows, self._open_now(rows), strict=True):
            dead = np.isin(segment.documents, np.array(sums.buried, dtype=np.int64))
            if dead.any():
                left -= int(dead.sum())
                dead |= ~_alive(row)
                buried = dataclasses.replace(
                    row, gone=int(dead.sum()), dead=np.packbits(dead).tobytes()
                )
                self._store.bury(index.id, buried)
        if left:
            raise damaged(f"segments of index {index.spec.name!r} lack {left} chunks")

    def _open_now(self, rows: Sequence[SegmentRow]) -> list[Segment]:
        """Open segments within a transaction, when nobody else can have replaced them.

        Raises:
            StorageError: A file is missing or damaged.
        """
        try:
            return self.open(rows)
        except FileNotFoundError as exc:
            raise damaged(f"the file {str(exc.filename)!r} of an index is missing") from exc

    def _settle(self, index: IndexRow, sums: _Sums, written: list[str]) -> None:
        """Bring the sums of an index up to date, and put segments together that are due."""
        self._store.count(index, documents=sums.documents, chunks=sums.chunks, digest=sums.digest)
        current = dataclasses.replace(index, chunks=index.chunks + sums.chunks)
        while due := _due(self._store.segments(current)):
            self._merge(index, due, written)

    def _merge(self, index: IndexRow, rows: Sequence[SegmentRow], written: list[str]) -> None:
        """Put segments together, without what is gone."""
        kept = sum(map(_living, rows))
        if len(rows) == 1 and kept == rows[0].chunks:
            return
        if kept:
            parts = [
                (segment, _alive(row))
                for row, segment in zip(rows, self._open_now(rows), strict=True)
            ]
            self._write(index, kept, lambda file: write_merged(file, parts), written)
        for row in rows:
            self._store.drop_segment(row)


class _Sums:
    """What a change does to an index in all."""

    def __init__(self) -> None:
        self.documents = 0
        self.chunks = 0
        self.digest = 0
        self.buried: list[int] = []
        self.buried_chunks = 0

    def take(self, change: Change | None) -> None:
        """Count a document that was taken out, if there was one."""
        if change is not None:
            self.documents -= 1
            self.chunks -= change.chunks
            self.digest -= change.digest
            self.buried.append(change.document)
            self.buried_chunks += change.chunks

    def give(self, change: Change) -> None:
        """Count a document that was put in."""
        self.documents += 1
        self.chunks += change.chunks
        self.digest += change.digest


def _living(row: SegmentRow) -> int:
    return row.chunks - row.gone


def _alive(row: SegmentRow) -> NDArray[np.bool_]:
    alive = row.alive
    return np.ones(row.chunks, dtype=np.bool_) if alive is None else alive


def _due(rows: Sequence[SegmentRow]) -> list[SegmentRow]:
    """Give segments that should become one: mostly gone, or many of about one size."""
    for row in rows:
        if row.gone * 2 > row.chunks:
            return [row]
    small = sorted((row for row in rows if _living(row) < FULL // 2), key=_tier)
    for _, tier in groupby(small, key=_tier):
        together = list(tier)
        if len(together) >= MERGED:
            sizes = np.cumsum(list(map(_living, together)))
            return together[: int(np.searchsorted(sizes, FULL, side="right"))]
    return []


def _tier(row: SegmentRow) -> int:
    return (_living(row).bit_length() - 1) // (MERGED.bit_length() - 1)


def _groups(
    added: Sequence[tuple[ChunkedDocument, list[NewChunk]]],
) -> Iterator[list[tuple[ChunkedDocument, list[NewChunk]]]]:
    """Cut new documents that have chunks into groups for a segment each."""
    group: list[tuple[ChunkedDocument, list[NewChunk]]] = []
    count = 0
    for given, chunks in added:
        if group and count + len(chunks) > _ADDED:
            yield group
            group, count = [], 0
        if chunks:
            group.append((given, chunks))
            count += len(chunks)
    if group:
        yield group
