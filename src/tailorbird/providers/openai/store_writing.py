"""Adding documents to a vector store, and taking them away with their files."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from tailorbird._openai_sdk.answers import Page, read
from tailorbird._openai_sdk.connection import checked_path
from tailorbird._openai_sdk.paging import Listing
from tailorbird.exceptions import DeadlineError, InvalidRequestError, NotFoundError, ProviderError
from tailorbird.providers.openai.store_answers import FileBatchAnswer, StoreFileAnswer
from tailorbird.providers.openai.store_files import file_name_of
from tailorbird.retry import glance
from tailorbird.types.ids import FileId

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tailorbird._openai_sdk.connection import Connection
    from tailorbird.protocols import Files
    from tailorbird.types.ids import DocumentId
    from tailorbird.types.retrieval import ChunkedDocument, MetadataValue

_UPLOADS = 4  # at a time: more only queues in the connection pool
_FIRST_POLL_S = 1.0
_LONGEST_POLL_S = 10.0
_POLL_GROWTH = 1.5
_ENDED = frozenset({"completed", "failed", "cancelled"})  # a newer word is no end

_log = logging.getLogger("tailorbird.openai")


class StoreWriter:
    """Writes to the stores of one account."""

    def __init__(
        self,
        connection: Connection,
        files: Files,
        *,
        ready_s: float,
        forget: Callable[[FileId], None],
    ) -> None:
        """Share an account's connection.

        Args:
            connection: The account.
            files: Uploads and deletes the documents.
            ready_s: Seconds that the service may take to cut and embed what one call added.
            forget: Told of each file that is taken away.
        """
        self._connection = connection
        self._files = files
        self._ready_s = ready_s
        self._forget = forget

    async def add(
        self, store: str, documents: Sequence[tuple[ChunkedDocument, dict[str, MetadataValue]]]
    ) -> None:
        """Upload documents, attach them, and wait until the service has read them all.

        Args:
            store: Id of the store.
            documents: The documents with what is attached to them; as many as a batch takes.

        Raises:
            InvalidRequestError: Some could not be read; none stays in the store.
            DeadlineError: They were not read in time; none stays in the store.
            ProviderError: Anything else the provider said; what was uploaded is deleted again.
        """
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
        status: str = batch.status
        trouble: ProviderError | None = None
        while status not in _ENDED:
            left = end - clock.monotonic()
            if left <= 0:
                raise DeadlineError(
                    f"the documents were not read within {self._ready_s:g} s, so they were taken"
                    " out again; add fewer at once, or try later",
                    provider=self._connection.provider,
                    operation="retrieval.upsert",
                    accepted="yes",
                ) from trouble
            await clock.sleep(min(wait, left))
            wait = min(wait * _POLL_GROWTH, _LONGEST_POLL_S)
            seen, trouble = await glance(self._batch_at(path))
            status = status if seen is None else seen.status

    async def _batch_at(self, path: str) -> FileBatchAnswer:
        operation = "retrieval.upsert"
        received = await self._connection.get(path, operation=operation)
        return read(FileBatchAnswer, received, connection=self._connection, operation=operation)

    async def _require_read(self, store: str, batch: str, names: dict[FileId, DocumentId]) -> None:
        path = checked_path(
            "/vector_stores/{store}/file_batches/{batch}/files", store=store, batch=batch
        )
        bad: list[str] = []
        async for file in file_listing(path, "retrieval.upsert").items(self._connection):
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
                await self.detach(store, file)
            except ProviderError as exc:
                # What went wrong before is what the caller must know.
                _log.warning("file %s is kept, and paid for, until you delete it: %s", file, exc)

    async def detach(self, store: str, file: FileId) -> None:
        """Take a file out of a store and delete it; one that is gone already is fine."""
        path = checked_path("/vector_stores/{store}/files/{file}", store=store, file=file)
        with suppress(NotFoundError):  # it was not attached, or is gone already
            await self._connection.delete(path, operation="retrieval.remove")
        self._forget(file)
        await self.drop_file(file)

    async def drop_file(self, file: FileId) -> None:
        """Delete a file; one that is gone already is fine."""
        with suppress(NotFoundError):  # somebody else deleted it: that is what was wanted
            await self._files.delete(file)


def file_listing(path: str, operation: str) -> Listing[StoreFileAnswer]:
    """Give the listing of the files of a store, or of a batch that was added to one."""
    return Listing(
        path=path, operation=operation, page=Page[StoreFileAnswer], query={"limit": "100"}
    )
