"""`/vector_stores/{id}/files` and `/vector_stores/{id}/file_batches`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.testing._wire.bodies import invalid, read_body, read_model
from tailorbird.testing._wire.errors import WireError, json_response
from tailorbird.testing._wire.paging import page_of, window_of
from tailorbird.testing._wire.routing import route
from tailorbird.testing._wire.vector_stores.request import (
    AttributesBody,
    FileBody,
    FilesBody,
    attributes_of,
    cut_of,
)
from tailorbird.testing._wire.vector_stores.shelf import Kept, StoreBatch, counts_json
from tailorbird.types.ids import FileId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import JsonValue
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from tailorbird.testing._wire.vector_stores.shelf import Shelf, VectorStore
    from tailorbird.testing._wire.world import World

_STATUSES = frozenset({"in_progress", "completed", "failed", "cancelled"})


def kept_of(body: FileBody, world: World, *, batch: str | None = None) -> Kept:
    """Make the entry of a file that is to be attached.

    Raises:
        WireError: Its attributes or its cut are wrong.
    """
    return Kept(
        id=FileId(body.file_id),
        attributes=attributes_of(body.attributes),
        cut=cut_of(body.chunking_strategy),
        attached_at=world.now(),
        batch=batch,
    )


class VectorFiles:
    """Handles the files of vector stores."""

    def __init__(self, world: World, shelf: Shelf) -> None:
        """Share the shelf of a world."""
        self._world = world
        self._shelf = shelf

    def routes(self) -> list[Route]:
        """Give the routes."""
        world, files, batches = (
            self._world,
            "/vector_stores/{id}/files",
            "/vector_stores/{id}/file_batches",
        )
        one, batch = f"{files}/{{file_id}}", f"{batches}/{{batch_id}}"
        name, many = "vector_stores.files", "vector_stores.file_batches"
        return [
            route(world, "POST", files, f"{name}.create", self.create),
            route(world, "GET", files, f"{name}.list", self.list),
            route(world, "GET", one, f"{name}.get", self.get),
            route(world, "POST", one, f"{name}.update", self.update),
            route(world, "DELETE", one, f"{name}.delete", self.delete),
            route(world, "GET", f"{one}/content", f"{name}.content", self.content),
            route(world, "POST", batches, f"{many}.create", self.create_batch),
            route(world, "GET", batch, f"{many}.get", self.get_batch),
            route(world, "POST", f"{batch}/cancel", f"{many}.cancel", self.cancel_batch),
            route(world, "GET", f"{batch}/files", f"{many}.files", self.list_batch),
        ]

    async def create(self, request: Request) -> Response:
        """Attach a file."""
        body = await read_model(request, self._world, FileBody)
        store = self._store(request)
        one = kept_of(body, self._world)
        await self._shelf.attach(store, [one])
        return json_response(_file_json(one, store))

    async def list(self, request: Request) -> Response:
        """List the files."""
        store = await self._settled(request)
        return self._page(request, store, list(store.files.values()))

    async def get(self, request: Request) -> Response:
        """Give a file."""
        store = await self._settled(request)
        return json_response(_file_json(_file(request, store), store))

    async def update(self, request: Request) -> Response:
        """Replace a file's attributes."""
        body = await read_model(request, self._world, AttributesBody)
        store = await self._settled(request)
        one = _file(request, store)
        one.attributes = attributes_of(body.attributes)
        await self._shelf.change(store, one)
        return json_response(_file_json(one, store))

    async def delete(self, request: Request) -> Response:
        """Take a file out of the store."""
        store = self._store(request)
        one = _file(request, store)
        await self._shelf.detach(store, one.id)
        return json_response({"id": one.id, "object": "vector_store.file.deleted", "deleted": True})

    async def content(self, request: Request) -> Response:
        """Give what was read of a file."""
        store = await self._settled(request)
        one = _file(request, store)
        return json_response(
            {
                "object": "vector_store.file_content.page",
                "data": [{"type": "text", "text": text} for text in one.texts],
                "has_more": False,
                "next_page": None,
            }
        )

    async def create_batch(self, request: Request) -> Response:
        """Attach several files."""
        world = self._world
        body = await read_model(request, world, FilesBody)
        store = self._store(request)
        batch_id = world.new_id("vsfb_")
        files = [kept_of(one, world, batch=batch_id) for one in body.each()]
        await self._shelf.attach(store, files)
        batch = StoreBatch(
            id=batch_id, created_at=world.now(), files=tuple(one.id for one in files)
        )
        store.batches[batch_id] = batch
        return json_response(_batch_json(batch, store))

    async def get_batch(self, request: Request) -> Response:
        """Give a batch."""
        store = await self._settled(request)
        return json_response(_batch_json(_batch(request, store), store))

    async def cancel_batch(self, request: Request) -> Response:
        """Leave out the files that were not read yet."""
        await read_body(request, self._world)
        store = self._store(request)
        batch = _batch(request, store)
        for one in _members(batch, store):
            if one.status == "in_progress":
                one.status = "cancelled"
        return json_response(_batch_json(batch, store))

    async def list_batch(self, request: Request) -> Response:
        """List the files of a batch."""
        store = await self._settled(request)
        return self._page(request, store, _members(_batch(request, store), store))

    def _store(self, request: Request) -> VectorStore:
        return self._shelf.find(request.path_params["id"])

    async def _settled(self, request: Request) -> VectorStore:
        store = self._store(request)
        await self._shelf.settle(store)
        return store

    def _page(self, request: Request, store: VectorStore, files: Sequence[Kept]) -> Response:
        window = window_of(request, default=20, most=100)
        wanted = request.query_params.get("filter")
        if wanted is not None and wanted not in _STATUSES:
            raise invalid("filter", f"'filter' must be one of {', '.join(sorted(_STATUSES))}.")
        newest = [one for one in reversed(files) if wanted in {None, one.status}]
        page = page_of(
            newest, window, key=lambda one: one.id, show=lambda one: _file_json(one, store)
        )
        return json_response(page)


def _file(request: Request, store: VectorStore) -> Kept:
    wanted = FileId(request.path_params["file_id"])
    if wanted not in store.files:
        message = f"No file found with id {wanted[:80]!r} in vector store {store.id!r}."
        raise WireError(message, status=404)
    return store.files[wanted]


def _batch(request: Request, store: VectorStore) -> StoreBatch:
    wanted = request.path_params["batch_id"]
    if wanted not in store.batches:
        message = f"No file batch found with id {wanted[:80]!r} in vector store {store.id!r}."
        raise WireError(message, status=404)
    return store.batches[wanted]


def _members(batch: StoreBatch, store: VectorStore) -> list[Kept]:
    return [store.files[one] for one in batch.files if one in store.files]


def _file_json(one: Kept, store: VectorStore) -> dict[str, JsonValue]:
    error = one.error
    return {
        "id": one.id,
        "object": "vector_store.file",
        "usage_bytes": one.usage_bytes,
        "created_at": int(one.attached_at.timestamp()),
        "vector_store_id": store.id,
        "status": one.status,
        "last_error": None if error is None else {"code": error[0], "message": error[1]},
        "chunking_strategy": {
            "type": "static",
            "static": {
                "max_chunk_size_tokens": one.cut.target_tokens,
                "chunk_overlap_tokens": one.cut.overlap_tokens,
            },
        },
        "attributes": dict(one.attributes),
    }


def _batch_json(batch: StoreBatch, store: VectorStore) -> dict[str, JsonValue]:
    members = _members(batch, store)
    statuses = {one.status for one in members}
    status = "completed"
    if "in_progress" in statuses:
        status = "in_progress"
    elif "cancelled" in statuses:
        status = "cancelled"
    return {
        "id": batch.id,
        "object": "vector_store.files_batch",
        "created_at": int(batch.created_at.timestamp()),
        "vector_store_id": store.id,
        "status": status,
        "file_counts": counts_json(members),
    }
