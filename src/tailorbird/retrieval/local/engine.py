"""The local engine: checks, storage and ranking put together."""

from __future__ import annotations

import asyncio
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from typing_extensions import override

from tailorbird.protocols.clock import SystemClock
from tailorbird.protocols.index_arguments import check_filter, check_same
from tailorbird.protocols.options import read_options
from tailorbird.protocols.retrieval import Retrieval
from tailorbird.retrieval.checks import (
    SCORE_KINDS,
    check_spec,
    checked_mode,
    empty_index,
    missing_index,
    query_vector,
)
from tailorbird.retrieval.local.opened import Opened, has_indexes
from tailorbird.retrieval.local.ranking import Ranking
from tailorbird.retrieval.local.settings import LocalSettings
from tailorbird.storage.lane import Lane
from tailorbird.types.retrieval import EngineTraits, Hit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    import numpy as np
    from numpy.typing import NDArray

    from tailorbird.protocols.clock import Clock
    from tailorbird.retrieval.local.content import Content
    from tailorbird.retrieval.local.documents import Documents
    from tailorbird.retrieval.local.ranking import Ranked
    from tailorbird.retrieval.local.store import IndexRow
    from tailorbird.types.ids import DocumentId, IndexName
    from tailorbird.types.retrieval import (
        ChunkedDocument,
        IndexedDocument,
        IndexInfo,
        IndexSpec,
        SearchMode,
        SearchQuery,
    )

_Result = TypeVar("_Result")


class LocalRetrieval(Retrieval):
    """Indexes in memory, or in a folder: texts in one SQLite file, vectors and terms beside it.

    What is searched stands in files that are mapped into memory: opening reads next to nothing of
    them, and a search what it needs, checked against its checksum when it is first read. A change
    is seen by the next search, whichever process made it; the documents of one `upsert` appear
    together. One process writes at a time, others wait for it for ten seconds; a search sees one
    state while somebody writes. Searches in one object run one after the other, in a worker thread.

    Linear algebra stays in that thread; above 64 MB of vectors two threads compare them. None of
    it depends on how many threads the BLAS behind numpy would take.

    With a folder, nothing is written before the first index is made. Use it with `async with`, or
    close it.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        clock: Clock | None = None,
        settings: LocalSettings | None = None,
    ) -> None:
        """Name the folder, which need not exist; None keeps everything in memory.

        Args:
            folder: Where the indexes lie, on a local disk.
            clock: Tells when an index was made; None takes the machine's.
            settings: How it searches; None takes the defaults.
        """
        self._folder = folder
        self._clock = SystemClock() if clock is None else clock
        self._lock = Lock()
        self._settings = LocalSettings() if settings is None else settings
        self._opened: Opened | None = None
        self._lane = Lane()

    @classmethod
    def from_options(
        cls, options: Mapping[str, object], *, folder: Path | None, environ: Mapping[str, str]
    ) -> Self:
        """Make the engine that a profile describes; see `EngineFactory`."""
        del environ  # it has no secrets
        settings = read_options(LocalSettings, options, place="retrieval engine 'local': options")
        return cls(folder, settings=settings)

    async def __aenter__(self) -> Self:
        """Open nothing yet."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        await self.close()

    @override
    async def close(self) -> None:
        """Close the file and let go of what was loaded; what was kept in memory only is gone."""
        await _in_thread(self._close)

    @property
    @override
    def traits(self) -> EngineTraits:
        return EngineTraits(
            name="local",
            modes=("hybrid", "vector", "lexical"),
            needs_vectors=True,
            keeps_spans=True,
            filters=True,
        )

    @override
    async def create(self, spec: IndexSpec) -> IndexInfo:
        return await _in_thread(lambda: self._create(spec))

    @override
    async def get(self, name: IndexName) -> IndexInfo:
        return await self._lane.run(lambda: self._get(name))

    @override
    async def list(self) -> AsyncIterator[IndexInfo]:
        for row in await _in_thread(self._indexes):
            yield row.info

    @override
    async def delete(self, name: IndexName) -> None:
        await _in_thread(lambda: self._delete(name))

    @override
    async def upsert(self, name: IndexName, documents: Sequence[ChunkedDocument]) -> None:
        await _in_thread(lambda: self._upsert(name, documents))

    @override
    async def remove(self, name: IndexName, documents: Sequence[DocumentId]) -> int:
        return await _in_thread(lambda: self._remove(name, documents))

    @override
    async def contents(self, name: IndexName) -> AsyncIterator[IndexedDocument]:
        for document in await _in_thread(lambda: self._read_contents(name)):
            yield document

    @override
    async def search(
        self,
        name: IndexName,
        query: SearchQuery,
        *,
        vector: NDArray[np.float32] | None = None,
    ) -> tuple[Hit, ...]:
        return await self._lane.run(lambda: self._search(name, query, vector))

    async def compact(self, name: IndexName) -> None:
        """Put what an index holds together, and give the room of what is gone back to the disk.

        The engine does most of that by itself while documents are added; this is for an index that
        will not change for a while. It needs about as much free room as the index takes, and who
        wants to write meanwhile has to wait.

        Raises:
            IndexMissingError: There is no index of that name.
            StoreBusyError: Another process writes for longer than ten seconds.
            StorageError: There is no room left, or something is damaged; nothing has changed.
        """
        await _in_thread(lambda: self._compact(name))

    async def verify(self, name: IndexName) -> None:
        """Read everything that an index holds, and compare it with its checksums.

        Searches do that with what they read, when they read it first; this does it with all.

        Raises:
            IndexMissingError: There is no index of that name.
            StorageError: Something is not as it was written; the message says what.
        """
        await _in_thread(lambda: self._verify(name))

    def _close(self) -> None:
        with self._lock:
            opened, self._opened = self._opened, None
        # Waits for who reads or writes just now, and so must not keep them from anything.
        if opened is not None:
            opened.close()

    def _open(self) -> Opened:
        with self._lock:
            if self._opened is None:
                self._opened = Opened.of(self._folder)
            return self._opened

    def _is_new(self) -> bool:
        """Say whether nothing was ever written, so that opening would make an empty file."""
        if self._folder is None or self._opened is not None:
            return False
        return not has_indexes(self._folder)

    def _open_for(self, name: IndexName) -> Opened:
        """Open what has an index of that name, unless there are none at all."""
        if self._is_new():
            raise missing_index(name, ())
        return self._open()

    def _indexes(self) -> Sequence[IndexRow]:
        return () if self._is_new() else self._open().store.indexes()

    def _get(self, name: IndexName) -> IndexInfo:
        return self._open_for(name).keeper.index(name).info

    def _create(self, spec: IndexSpec) -> IndexInfo:
        check_spec(spec)
        row = self._open().store.add_index(spec, created_at=self._clock.now())
        check_same(row.spec, spec)
        return row.info

    def _delete(self, name: IndexName) -> None:
        self._open_for(name).drop(name)

    def _upsert(self, name: IndexName, documents: Sequence[ChunkedDocument]) -> None:
        self._open_for(name).keeper.put(name, documents)

    def _remove(self, name: IndexName, documents: Sequence[DocumentId]) -> int:
        return self._open_for(name).keeper.remove(name, documents)

    def _compact(self, name: IndexName) -> None:
        self._open_for(name).keeper.compact(name)

    def _verify(self, name: IndexName) -> None:
        opened = self._open_for(name)
        opened.in_snapshot(lambda: opened.keeper.check(opened.keeper.index(name)))

    def _read_contents(self, name: IndexName) -> Sequence[IndexedDocument]:
        opened = self._open_for(name)
        return opened.in_snapshot(lambda: opened.keeper.contents(opened.keeper.index(name)))

    def _search(
        self, name: IndexName, query: SearchQuery, vector: NDArray[np.float32] | None
    ) -> tuple[Hit, ...]:
        opened = self._open_for(name)
        return opened.in_snapshot(lambda: self._find(opened, name, query, vector))

    def _find(
        self,
        opened: Opened,
        name: IndexName,
        query: SearchQuery,
        vector: NDArray[np.float32] | None,
    ) -> tuple[Hit, ...]:
        row = opened.keeper.index(name)
        mode = checked_mode(query, spec=row.spec)
        check_filter(query.filter, tenant_field=row.spec.tenant_field)
        unit = None if mode == "lexical" else query_vector(vector, spec=row.spec)
        if not row.chunks:
            raise empty_index(row.spec.name)
        content = opened.content(row)
        asked = (repr(query), None if unit is None else unit.tobytes())
        hits = content.recent.get(asked)
        if hits is None:
            above = self._settings.codes_above
            coded = above is not None and row.chunks > above
            hits = _hits(opened.store.documents, content, query, unit, mode=mode, coded=coded)
            content.recent.put(asked, hits)
        return hits


def _hits(
    documents: Documents,
    content: Content,
    query: SearchQuery,
    unit: NDArray[np.float32] | None,
    *,
    mode: SearchMode,
    coded: bool,
) -> tuple[Hit, ...]:
    ranking = Ranking(content, names=documents.names, coded=coded)
    ranked = _ranked(ranking, content, query, unit, mode=mode)
    chunks = documents.chunks({one.row: one.seal for one in ranked})
    return tuple(
        Hit(chunk=chunks[one.row], score=one.score, score_kind=SCORE_KINDS[mode], legs=one.legs)
        for one in ranked
    )


def _ranked(
    ranking: Ranking,
    content: Content,
    query: SearchQuery,
    vector: NDArray[np.float32] | None,
    *,
    mode: SearchMode,
) -> Sequence[Ranked]:
    """Order what the filter lets through, and leave out what scores too low."""
    within = content.living if query.filter is None else content.matching(query.filter)
    if not len(within):
        return ()
    top_k = query.top_k
    if vector is None:
        found = ranking.by_words(query.text, within=within, top_k=top_k)
    elif mode == "vector":
        found = ranking.by_vector(vector, within=within, top_k=top_k)
    else:
        found = ranking.by_both(query.text, vector, within=within, top_k=top_k)
    return [one for one in found if query.min_score is None or one.score >= query.min_score]


async def _in_thread(work: Callable[[], _Result]) -> _Result:
    """Do long blocking work in a thread of its own; what is short goes in the lane."""
    return await asyncio.to_thread(work)
