"""The local engine: checks, storage and ranking put together."""

from __future__ import annotations

import asyncio
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from typing_extensions import override

from tailorbird.protocols.clock import SystemClock
from tailorbird.protocols.index_arguments import check_filter, check_same
from tailorbird.protocols.retrieval import Retrieval
from tailorbird.retrieval.checks import (
    SCORE_KINDS,
    check_spec,
    checked_documents,
    checked_mode,
    empty_index,
    missing_index,
    query_vector,
)
from tailorbird.retrieval.local.checks import check_room
from tailorbird.retrieval.local.content import Content
from tailorbird.retrieval.local.ranking import by_both, by_vector, by_words
from tailorbird.retrieval.local.store import Store
from tailorbird.storage import make_private_folder
from tailorbird.types.retrieval import EngineTraits, Hit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray

    from tailorbird.protocols.clock import Clock
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
_FILE = "indexes.sqlite"


class LocalRetrieval(Retrieval):
    """Indexes in memory, or in one SQLite file of a folder, searched exactly.

    What is searched is kept in memory: for each index that was searched, its vectors (4 bytes a
    dimension and chunk) and its terms. It is read when an index is searched first, and after a
    change only what has changed, whichever process changed it. Searches in one object run one
    after the other, in a worker thread; the documents of one `upsert` appear together.

    Above 64 MB of vectors the linear algebra behind numpy uses all processors; where these are
    shared with others, one thread is steadier: set `OPENBLAS_NUM_THREADS=1` before Python starts.

    With a folder, nothing is written before the first index is made. Use it with `async with`, or
    close it.
    """

    def __init__(self, folder: Path | None, *, clock: Clock | None = None) -> None:
        """Name the folder, which need not exist; None keeps everything in memory.

        Args:
            folder: Where the indexes lie, on a local disk.
            clock: Tells when an index was made; None takes the machine's.
        """
        self._folder = folder
        self._clock = SystemClock() if clock is None else clock
        self._lock = Lock()
        self._store: Store | None = None
        self._contents: dict[int, Content] = {}

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
        return await _in_thread(lambda: self._index(name)[1].info)

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
        return await _in_thread(lambda: self._search(name, query, vector))

    def _close(self) -> None:
        with self._lock:
            if self._store is not None:
                self._store.close()
            self._store = None
            self._contents.clear()

    def _open(self) -> Store:
        with self._lock:
            if self._store is None:
                if self._folder is not None:
                    make_private_folder(self._folder)
                self._store = Store(None if self._folder is None else self._folder / _FILE)
            return self._store

    def _is_new(self) -> bool:
        """Say whether nothing was ever written, so that opening would make an empty file."""
        if self._folder is None or self._store is not None:
            return False
        return not (self._folder / _FILE).exists()

    def _indexes(self, name: IndexName | None = None) -> Sequence[IndexRow]:
        return () if self._is_new() else self._open().indexes(name)

    def _index(self, name: IndexName) -> tuple[Store, IndexRow]:
        if rows := self._indexes(name):
            return self._open(), rows[0]
        raise missing_index(name, [row.spec.name for row in self._indexes()])

    def _create(self, spec: IndexSpec) -> IndexInfo:
        check_spec(spec)
        row = self._open().add_index(spec, created_at=self._clock.now())
        check_same(row.spec, spec)
        return row.info

    def _delete(self, name: IndexName) -> None:
        store, _ = self._index(name)
        with store.transaction():
            _, row = self._index(name)
            store.drop_index(row.id)
        self._contents.pop(row.id, None)

    def _upsert(self, name: IndexName, documents: Sequence[ChunkedDocument]) -> None:
        store, _ = self._index(name)
        with store.transaction():
            _, row = self._index(name)
            check_room(documents, index=row)
            store.put(row.id, checked_documents(documents, spec=row.spec))

    def _remove(self, name: IndexName, documents: Sequence[DocumentId]) -> int:
        store, _ = self._index(name)
        with store.transaction():
            _, row = self._index(name)
            return store.remove(row.id, documents)

    def _read_contents(self, name: IndexName) -> Sequence[IndexedDocument]:
        store, row = self._index(name)
        return store.contents(row.id)

    def _search(
        self, name: IndexName, query: SearchQuery, vector: NDArray[np.float32] | None
    ) -> tuple[Hit, ...]:
        store, _ = self._index(name)
        with store.snapshot():
            _, row = self._index(name)
            mode = checked_mode(query, spec=row.spec)
            check_filter(query.filter, tenant_field=row.spec.tenant_field)
            unit = None if mode == "lexical" else query_vector(vector, spec=row.spec)
            if not row.chunks:
                raise empty_index(name)
            content = self._content(store, row)
            ranked = _ranked(content, query, unit, mode=mode)
            rows = [int(content.rows[one.place]) for one in ranked]
            chunks = store.chunks(rows)
        return tuple(
            Hit(
                chunk=chunks[number],
                score=one.score,
                score_kind=SCORE_KINDS[mode],
                legs=one.legs,
            )
            for number, one in zip(rows, ranked, strict=True)
        )

    def _content(self, store: Store, row: IndexRow) -> Content:
        """Give what the index holds now; the store's snapshot keeps other searches out."""
        content = self._contents.get(row.id)
        if content is None:
            content = Content.empty(dimensions=row.spec.dimensions or 0)
        if content.changes != row.changes:
            content = content.updated(store, row)
            self._contents[row.id] = content
        return content


def _ranked(
    content: Content, query: SearchQuery, vector: NDArray[np.float32] | None, *, mode: SearchMode
) -> Sequence[Ranked]:
    """Order what the filter lets through, and leave out what scores too low."""
    within = np.arange(len(content.rows))
    if query.filter is not None:
        within = content.matching(query.filter)
    if not len(within):
        return ()
    top_k = query.top_k
    if vector is None:
        found = by_words(content, query.text, within=within, top_k=top_k)
    elif mode == "vector":
        found = by_vector(content, vector, within=within, top_k=top_k)
    else:
        found = by_both(content, query.text, vector, within=within, top_k=top_k)
    return [one for one in found if query.min_score is None or one.score >= query.min_score]


async def _in_thread(work: Callable[[], _Result]) -> _Result:
    """Do blocking work in a thread: the one place where this engine leaves the event loop."""
    return await asyncio.to_thread(work)
