"""OpenAI's vector stores as a retrieval engine.

One index is one store, one document is one file in it. The service cuts and embeds by itself, and
its search names neither chunk nor place: both are found again from the text.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird._openai_sdk.answers import Page, read
from tailorbird._openai_sdk.connection import CALL_TIMEOUT_S, checked_path
from tailorbird._openai_sdk.paging import Listing
from tailorbird.exceptions import (
    IndexMissingError,
    InvalidRequestError,
    NotFoundError,
    ProviderError,
    UnsupportedError,
)
from tailorbird.protocols import Retrieval
from tailorbird.protocols.index_arguments import check_filter, check_same
from tailorbird.providers.openai.store_answers import (
    FileBatchAnswer,
    StoreAnswer,
    StoreFileAnswer,
)
from tailorbird.providers.openai.store_files import (
    StoredDocument,
    attributes_of,
    file_name_of,
    latest,
)
from tailorbird.providers.openai.store_index import info_of, is_index, metadata_of, name_of
from tailorbird.providers.openai.store_search import StoreSearch
from tailorbird.retry import was_in_doubt
from tailorbird.types.ids import FileId
from tailorbird.types.retrieval import EngineTraits, IndexedDocument

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tailorbird._openai_sdk.answers import WireT
    from tailorbird._openai_sdk.connection import Connection
    from tailorbird._openai_sdk.received import Received
    from tailorbird.protocols import Files
    from tailorbird.types.ids import DocumentId, IndexName
    from tailorbird.types.retrieval import (
        ChunkedDocument,
        Hit,
        IndexInfo,
        IndexSpec,
        MetadataValue,
        SearchQuery,
    )

NAME = "openai"
"""Name of the engine."""

_log = logging.getLogger("tailorbird.openai")

# A batch takes 2,000 files by the description and 500 by the guide (guides/retrieval, 2026-07-15).
_BATCH = 500
_UPLOADS = 4  # at a time: more only queues in the connection pool
_FIRST_POLL_S = 1.0
_LONGEST_POLL_S = 10.0
_POLL_GROWTH = 1.5

_STORES = Listing(
    path="/vector_stores",
    operation="retrieval.list",
    page=Page[StoreAnswer],
    query={"order": "asc", "limit": "100"},
)


class VectorStores(Retrieval):
    """Hosted retrieval of one OpenAI account."""

    def __init__(self, connection: Connection, files: Files, *, ready_s: float = 1800.0) -> None:
        """Share an account's connection.

        Args:
            connection: The account.
            files: Uploads and deletes the documents.
            ready_s: Seconds that the service may take to cut and embed what one call added.
        """
        self._connection = connection
        self._files = files
        self._ready_s = ready_s
        self._ids: dict[IndexName, str] = {}
        self._search = StoreSearch(connection)

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
            yield info_of(store)

    @override
    async def delete(self, name: IndexName) -> None:
        store = await self._find(name)
        held = [one.file async for one in self._documents(store.id)]
        path = checked_path("/vector_stores/{store}", store=store.id)
        try:
            await self._connection.delete(path, operation="retrieval.delete")
        except NotFoundError as exc:
            if not was_in_doubt(exc):
                raise
            # An attempt whose answer was lost has deleted it; its files are still there.
        self._ids.pop(name, None)
        for file in held:
            await self._drop_file(file)

    @override
    async def upsert(self, name: IndexName, documents: Sequence[ChunkedDocument]) -> None:
        store = await self._find(name)
        given = {one.document.id: one for one in documents}
        wanted = [(one, attributes_of(one)) for one in given.values()]
        if not wanted:
            return
        earlier = [one async for one in self._documents(store.id) if one.id in given]
        for start in range(0, len(wanted), _BATCH):
            await self._add(store.id, wanted[start : start + _BATCH])
        for old in earlier:
            await self._detach(store.id, old.file)

    @override
    async def remove(self, name: IndexName, documents: Sequence[DocumentId]) -> int:
        store = await self._find(name)
        wanted = frozenset(documents)
        found = [one async for one in self._documents(store.id) if one.id in wanted]
        for one in found:
            await self._detach(store.id, one.file)
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

    def _read(self, model: type[WireT], received: Received, operation: str) -> WireT:
        return read(model, received, connection=self._connection, operation=operation)

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
        async for store in _STORES.items(self._connection, timeout_s=CALL_TIMEOUT_S):
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
        async for file in _files(path, "retrieval.contents").items(
            self._connection, timeout_s=CALL_TIMEOUT_S
        ):
            document = StoredDocument.of(file)
            if document is not None:
                yield document

    async def _add(
        self, store: str, documents: Sequence[tuple[ChunkedDocument, dict[str, MetadataValue]]]
    ) -> None:
        files: deque[FileId] = deque()  # every file that was made, whatever happens then
        uploaded: list[FileId] = []
        try:
            for start in range(0, len(documents), _UPLOADS):
                some = [one for one, _ in documents[start : start + _UPLOADS]]
                uploaded += await self._upload_all(some, files)
            await self._attach(store, documents, uploaded)
        except BaseException:
            # What was uploaded for nothing would be kept, and paid for, for ever.
            await asyncio.shield(self._take_back(store, tuple(files)))
            raise

    async def _upload_all(
        self, documents: Sequence[ChunkedDocument], made: deque[FileId]
    ) -> Sequence[FileId]:
        try:
            async with asyncio.TaskGroup() as group:
                some = [group.create_task(self._upload(one, made)) for one in documents]
        except ExceptionGroup as several:
            # A caller asked for one thing and gets one error.
            first = several.exceptions[0]
        else:
            return [task.result() for task in some]
        raise first

    async def _upload(self, one: ChunkedDocument, made: deque[FileId]) -> FileId:
        text = one.document.text.encode("utf-8")
        stored = await self._files.create(
            text, name=file_name_of(one.document.id), purpose="assistants"
        )
        made.append(stored.id)
        return stored.id

    async def _attach(
        self,
        store: str,
        documents: Sequence[tuple[ChunkedDocument, dict[str, MetadataValue]]],
        files: Sequence[FileId],
    ) -> None:
        received = await self._connection.post(
            checked_path("/vector_stores/{store}/file_batches", store=store),
            operation="retrieval.upsert",
            repeat="if-refused",
            body={
                "files": [
                    {"file_id": file, "attributes": attributes}
                    for file, (_, attributes) in zip(files, documents, strict=True)
                ]
            },
        )
        batch = read(
            FileBatchAnswer, received, connection=self._connection, operation="retrieval.upsert"
        )
        await self._until_read(store, batch)
        names = {file: one.document.id for file, (one, _) in zip(files, documents, strict=True)}
        await self._require_read(store, batch.id, names)

    async def _until_read(self, store: str, batch: FileBatchAnswer) -> None:
        clock = self._connection.clock
        end = clock.monotonic() + self._ready_s
        wait = _FIRST_POLL_S
        path = checked_path(
            "/vector_stores/{store}/file_batches/{batch}", store=store, batch=batch.id
        )
        while batch.status == "in_progress":
            if clock.monotonic() > end:
                raise InvalidRequestError(
                    f"the documents were not read within {self._ready_s:g} s; add them again",
                    provider=self._connection.provider,
                    operation="retrieval.upsert",
                    accepted="yes",
                )
            await clock.sleep(wait)
            wait = min(wait * _POLL_GROWTH, _LONGEST_POLL_S)
            received = await self._connection.get(path, operation="retrieval.upsert")
            batch = read(
                FileBatchAnswer, received, connection=self._connection, operation="retrieval.upsert"
            )

    async def _require_read(self, store: str, batch: str, names: dict[FileId, DocumentId]) -> None:
        path = checked_path(
            "/vector_stores/{store}/file_batches/{batch}/files", store=store, batch=batch
        )
        bad: list[str] = []
        async for file in _files(path, "retrieval.upsert").items(
            self._connection, timeout_s=CALL_TIMEOUT_S
        ):
            if file.status != "completed":
                reason = file.last_error.message if file.last_error else f"status {file.status!r}"
                bad.append(f"{names.get(FileId(file.id), file.id)!r}: {reason}")
        if bad:
            raise InvalidRequestError(
                f"{len(bad)} document(s) could not be read, nothing was replaced: "
                + "; ".join(bad[:5]),
                provider=self._connection.provider,
                operation="retrieval.upsert",
                accepted="yes",
            )

    async def _take_back(self, store: str, files: Sequence[FileId]) -> None:
        for file in files:
            try:
                await self._detach(store, file)
            except ProviderError as exc:
                # What went wrong before is what the caller must know.
                _log.warning("file %s is kept, and paid for, until you delete it: %s", file, exc)

    async def _detach(self, store: str, file: FileId) -> None:
        path = checked_path("/vector_stores/{store}/files/{file}", store=store, file=file)
        with suppress(NotFoundError):  # it was not attached, or is gone already
            await self._connection.delete(path, operation="retrieval.remove")
        self._search.forget(file)
        await self._drop_file(file)

    async def _drop_file(self, file: FileId) -> None:
        with suppress(NotFoundError):  # somebody else deleted it: that is what was wanted
            await self._files.delete(file)


def _files(path: str, operation: str) -> Listing[StoreFileAnswer]:
    return Listing(
        path=path, operation=operation, page=Page[StoreFileAnswer], query={"limit": "100"}
    )
