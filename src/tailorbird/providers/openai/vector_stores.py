"""OpenAI's vector stores as a retrieval engine.

One index is one store, one document is one file in it. The service cuts and embeds by itself, and
its search names neither chunk nor place: both are found again from the text.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird._openai_sdk.answers import Page, read
from tailorbird._openai_sdk.connection import checked_path
from tailorbird._openai_sdk.paging import Listing
from tailorbird.exceptions import (
    IndexMismatchError,
    IndexMissingError,
    NotFoundError,
    ProviderError,
    UnsupportedError,
)
from tailorbird.protocols import Retrieval
from tailorbird.protocols.index_arguments import check_filter, check_same
from tailorbird.providers.openai.store_answers import (
    StoreAnswer,
)
from tailorbird.providers.openai.store_files import (
    StoredDocument,
    attributes_of,
    latest,
)
from tailorbird.providers.openai.store_index import info_of, is_index, metadata_of, name_of
from tailorbird.providers.openai.store_search import KEPT_CHARACTERS, StoreSearch
from tailorbird.providers.openai.store_writing import StoreWriter, file_listing
from tailorbird.types.retrieval import EngineTraits, IndexedDocument

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tailorbird._openai_sdk.connection import Connection
    from tailorbird.protocols import Files
    from tailorbird.types.ids import DocumentId, IndexName
    from tailorbird.types.retrieval import (
        ChunkedDocument,
        Hit,
        IndexInfo,
        IndexSpec,
        SearchQuery,
    )

NAME = "openai"
"""Name of the engine."""

# A batch takes 2,000 files by the description and 500 by the guide (guides/retrieval, 2026-07-15).
_BATCH = 500

_STORES = Listing(
    path="/vector_stores",
    operation="retrieval.list",
    page=Page[StoreAnswer],
    query={"order": "asc", "limit": "100"},
)


_log = logging.getLogger("tailorbird.retrieval")


class VectorStores(Retrieval):
    """Hosted retrieval of one OpenAI account."""

    def __init__(
        self,
        connection: Connection,
        files: Files,
        *,
        ready_s: float = 1800.0,
        kept_characters: int = KEPT_CHARACTERS,
    ) -> None:
        """Share an account's connection.

        Args:
            connection: The account.
            files: Uploads and deletes the documents.
            ready_s: Seconds that the service may take to cut and embed what one call added.
            kept_characters: How much is kept of the texts that were fetched to find places in.
        """
        self._connection = connection
        self._ids: dict[IndexName, str] = {}
        self._search = StoreSearch(connection, kept_characters=kept_characters)
        self._writer = StoreWriter(connection, files, ready_s=ready_s, forget=self._search.forget)

    @property
    @override
    def traits(self) -> EngineTraits:
        return EngineTraits(
            name=NAME,
            modes=("hybrid",),
            needs_vectors=False,
            keeps_spans=False,
            filters=True,
        )

    @override
    async def create(self, spec: IndexSpec) -> IndexInfo:
        found = await self._look_up(spec.name)
        if found is None:
            try:
                found = await self._make(spec)
            except ProviderError as exc:
                # The answer may have been lost after the store was made: it is found by its name.
                found = None if exc.accepted == "no" else await self._look_up(spec.name)
                if found is None:
                    raise
        info = info_of(found)
        check_same(info.spec, spec)
        return info

    @override
    async def get(self, name: IndexName) -> IndexInfo:
        return info_of(await self._find(name))

    @override
    async def list(self) -> AsyncIterator[IndexInfo]:
        found: dict[str, StoreAnswer] = {}
        async for store in self._stores():
            found.setdefault(name_of(store), store)
        for _, store in sorted(found.items()):
            try:
                info = info_of(store)
            except IndexMismatchError as exc:
                # The others are not to be lost with it.
                _log.warning("left out of the list: %s", exc)
                continue
            yield info

    @override
    async def delete(self, name: IndexName) -> None:
        store = await self._find(name)
        held = [one.file async for one in self._documents(store.id)]
        path = checked_path("/vector_stores/{store}", store=store.id)
        # Somebody else, or an attempt whose answer was lost, has deleted it: its files may be left.
        with suppress(NotFoundError):
            await self._connection.delete(path, operation="retrieval.delete")
        self._ids.pop(name, None)
        for file in held:
            await self._writer.drop_file(file)

    @override
    async def upsert(self, name: IndexName, documents: Sequence[ChunkedDocument]) -> None:
        store = await self._find(name)
        given = {one.document.id: one for one in documents}
        wanted = [(one, attributes_of(one)) for one in given.values()]
        if not wanted:
            return
        earlier = [one async for one in self._documents(store.id) if one.id in given]
        for start in range(0, len(wanted), _BATCH):
            await self._writer.add(store.id, wanted[start : start + _BATCH])
        for old in earlier:
            await self._writer.detach(store.id, old.file)

    @override
    async def remove(self, name: IndexName, documents: Sequence[DocumentId]) -> int:
        store = await self._find(name)
        wanted = frozenset(documents)
        found = [one async for one in self._documents(store.id) if one.id in wanted]
        for one in found:
            await self._writer.detach(store.id, one.file)
        return len({one.id for one in found})

    @override
    async def contents(self, name: IndexName) -> AsyncIterator[IndexedDocument]:
        store = await self._find(name)
        found = latest([one async for one in self._documents(store.id)])
        for document, one in sorted(found.items()):
            yield IndexedDocument(id=document, content_hash=one.content_hash)

    @override
    async def search(
        self,
        name: IndexName,
        query: SearchQuery,
        *,
        vector: NDArray[np.float32] | None = None,
    ) -> tuple[Hit, ...]:
        if query.mode not in {None, "hybrid"}:
            raise UnsupportedError(
                provider=self._connection.provider,
                capability=f"retrieval.{query.mode}",
                reason="vector stores always search by meaning and words together",
                instead="leave the mode out",
            )
        store = await self._find(name)
        info = info_of(store)
        check_filter(query.filter, tenant_field=info.spec.tenant_field)
        if not info.documents:
            message = f"index {name!r} is empty: add documents first"
            raise IndexMissingError(message)
        return await self._search.run(store.id, query)

    @override
    async def close(self) -> None:
        return None  # the connection is its owner's

    async def _make(self, spec: IndexSpec) -> StoreAnswer:
        metadata = metadata_of(spec)
        received = await self._connection.post(
            "/vector_stores",
            operation="retrieval.create",
            repeat="if-refused",
            body={"name": spec.name, "metadata": metadata},
        )
        store = read(
            StoreAnswer, received, connection=self._connection, operation="retrieval.create"
        )
        self._ids[spec.name] = store.id
        return store

    async def _stores(self) -> AsyncIterator[StoreAnswer]:
        """Give the stores that are indexes, the oldest first: of two with one name it counts."""
        async for store in _STORES.items(self._connection):
            if is_index(store):
                yield store

    async def _look_up(self, name: IndexName) -> StoreAnswer | None:
        async for store in self._stores():
            if name_of(store) == name:
                self._ids[name] = store.id
                return store
        return None

    async def _find(self, name: IndexName) -> StoreAnswer:
        known = self._ids.get(name)
        if known is not None:
            path = checked_path("/vector_stores/{store}", store=known)
            try:
                received = await self._connection.get(path, operation="retrieval.get")
            except NotFoundError:
                del self._ids[name]  # deleted elsewhere; there may be a new one of that name
            else:
                return read(
                    StoreAnswer, received, connection=self._connection, operation="retrieval.get"
                )
        found = await self._look_up(name)
        if found is None:
            message = f"there is no index {name!r}: build it first"
            raise IndexMissingError(message)
        return found

    async def _documents(self, store: str) -> AsyncIterator[StoredDocument]:
        path = checked_path("/vector_stores/{store}/files", store=store)
        async for file in file_listing(path, "retrieval.contents").items(self._connection):
            document = StoredDocument.of(file)
            if document is not None:
                yield document
