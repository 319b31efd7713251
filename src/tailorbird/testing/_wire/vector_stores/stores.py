"""`/vector_stores`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.testing._wire.bodies import invalid, read_model
from tailorbird.testing._wire.errors import WireError, json_response
from tailorbird.testing._wire.paging import page_of, window_of
from tailorbird.testing._wire.routing import route
from tailorbird.testing._wire.vector_stores.files import VectorFiles, kept_of
from tailorbird.testing._wire.vector_stores.request import (
    FileBody,
    SearchBody,
    StoreBody,
    StoreChange,
    filter_of,
)
from tailorbird.testing._wire.vector_stores.shelf import Shelf, VectorStore, counts_json

if TYPE_CHECKING:
    from pydantic import JsonValue
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from tailorbird.testing._wire.world import World
    from tailorbird.types.retrieval import Hit


def routes(world: World) -> list[Route]:
    """Give the routes; the search is absent where the cloud has none."""
    shelf = world.kept(Shelf)
    stores, one = _Stores(world, shelf), "/vector_stores/{id}"
    found = [
        route(world, "POST", "/vector_stores", "vector_stores.create", stores.create),
        route(world, "GET", "/vector_stores", "vector_stores.list", stores.list),
        route(world, "GET", one, "vector_stores.get", stores.get),
        route(world, "POST", one, "vector_stores.update", stores.update),
        route(world, "DELETE", one, "vector_stores.delete", stores.delete),
        *VectorFiles(world, shelf).routes(),
    ]
    if world.dialect.vector_search:
        found.append(route(world, "POST", f"{one}/search", "vector_stores.search", stores.search))
    return found


class _Stores:
    def __init__(self, world: World, shelf: Shelf) -> None:
        self._world = world
        self._shelf = shelf

    async def create(self, request: Request) -> Response:
        world = self._world
        body = await read_model(request, world, StoreBody)
        files = [
            kept_of(FileBody(file_id=one, chunking_strategy=body.chunking_strategy), world)
            for one in body.file_ids or ()
        ]
        store = VectorStore(
            id=world.new_id("vs_"),
            name=body.name or "",
            description=body.description,
            metadata=dict(body.metadata or {}),
            days=None if body.expires_after is None else body.expires_after.days,
            created_at=world.now(),
            last_active_at=world.now(),
        )
        await self._shelf.attach(store, files)
        await self._shelf.create(store)
        return self._shown(store)

    async def list(self, request: Request) -> Response:
        window = window_of(request, default=20, most=100)
        newest = list(reversed(self._shelf.stores.values()))
        for one in newest:
            await self._shelf.settle(one)
        page = page_of(newest, window, key=lambda one: one.id, show=self._json)
        return json_response(page)

    async def get(self, request: Request) -> Response:
        store = self._shelf.find(request.path_params["id"])
        await self._shelf.settle(store)
        return self._shown(store)

    async def update(self, request: Request) -> Response:
        body = await read_model(request, self._world, StoreChange)
        store = self._shelf.find(request.path_params["id"])
        if body.name is not None:
            store.name = body.name
        if body.metadata is not None:
            store.metadata = dict(body.metadata)
        if "expires_after" in body.model_fields_set:
            store.days = None if body.expires_after is None else body.expires_after.days
        return self._shown(store)

    async def delete(self, request: Request) -> Response:
        store = self._shelf.find(request.path_params["id"])
        await self._shelf.delete(store)
        return json_response({"id": store.id, "object": "vector_store.deleted", "deleted": True})

    async def search(self, request: Request) -> Response:
        body = await read_model(request, self._world, SearchBody)
        store = self._shelf.find(request.path_params["id"])
        if self._status(store) == "expired":
            raise WireError(f"Vector store {store.id!r} is expired.")
        await self._shelf.settle(store)
        texts = [body.query] if isinstance(body.query, str) else body.query
        if not all(texts):
            raise invalid("query", "A query must not be empty.")
        condition = None if body.filters is None else filter_of(body.filters)
        least = body.ranking_options.score_threshold
        hits = await self._shelf.search(store, texts, (body.max_num_results, least, condition))
        return json_response(
            {
                "object": "vector_store.search_results.page",
                "search_query": texts,
                "data": [_hit_json(hit) for hit in hits],
                "has_more": False,
                "next_page": None,
            }
        )

    def _shown(self, store: VectorStore) -> Response:
        return json_response(self._json(store))

    def _json(self, store: VectorStore) -> dict[str, JsonValue]:
        shown: dict[str, JsonValue] = {
            "id": store.id,
            "object": "vector_store",
            "created_at": int(store.created_at.timestamp()),
            "name": store.name,
            "description": store.description,
            "usage_bytes": sum(one.usage_bytes for one in store.files.values()),
            "file_counts": counts_json(list(store.files.values())),
            "status": self._status(store),
            "last_active_at": int(store.last_active_at.timestamp()),
            "metadata": dict(store.metadata),
        }
        expires = store.expires_at
        if expires is not None:
            shown["expires_after"] = {"anchor": "last_active_at", "days": store.days}
            shown["expires_at"] = int(expires.timestamp())
        return shown

    def _status(self, store: VectorStore) -> str:
        expires = store.expires_at
        if expires is not None and expires <= self._world.now():
            return "expired"
        busy = any(one.status == "in_progress" for one in store.files.values())
        return "in_progress" if busy else "completed"


def _hit_json(hit: Hit) -> dict[str, JsonValue]:
    return {
        "file_id": hit.chunk.document,
        "filename": hit.chunk.source,
        "score": min(1.0, max(0.0, hit.score)),
        "attributes": dict(hit.chunk.metadata),
        "content": [{"type": "text", "text": hit.chunk.text}],
    }
