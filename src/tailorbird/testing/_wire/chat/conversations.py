"""`/conversations`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tailorbird.testing._wire.bodies import WireModel, read_model
from tailorbird.testing._wire.chat.archive import Archive, Conversation
from tailorbird.testing._wire.chat.items import Item
from tailorbird.testing._wire.errors import WireError, json_response
from tailorbird.testing._wire.paging import page_of, window_of
from tailorbird.testing._wire.routing import route

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from tailorbird.testing._wire.chat.items import Entry
    from tailorbird.testing._wire.world import World

_Items = Annotated[list[Item], Field(max_length=20)]
_Pairs = Annotated[dict[str, str], Field(max_length=16)]


class _ConversationBody(WireModel):
    items: _Items | None = None
    metadata: _Pairs | None = None


class _ConversationChange(WireModel):
    metadata: _Pairs


class _ItemsBody(WireModel):
    items: _Items


def routes(world: World) -> list[Route]:
    """Give the routes; none where the cloud keeps no conversations."""
    if not world.dialect.conversations:
        return []
    talks, one = _Conversations(world), "/conversations/{id}"
    items, item = f"{one}/items", f"{one}/items/{{item}}"
    return [
        route(world, "POST", "/conversations", "conversations.create", talks.create),
        route(world, "GET", one, "conversations.get", talks.get),
        route(world, "POST", one, "conversations.update", talks.update),
        route(world, "DELETE", one, "conversations.delete", talks.delete),
        route(world, "POST", items, "conversations.items.create", talks.add),
        route(world, "GET", items, "conversations.items.list", talks.items),
        route(world, "GET", item, "conversations.items.get", talks.item),
        route(world, "DELETE", item, "conversations.items.delete", talks.remove),
    ]


class _Conversations:
    def __init__(self, world: World) -> None:
        self._world = world
        self._archive = world.kept(Archive)

    async def create(self, request: Request) -> Response:
        body = await read_model(request, self._world, _ConversationBody)
        made = Conversation(
            id=self._world.new_id("conv_"),
            created_at=self._world.epoch(),
            metadata=dict(body.metadata or {}),
        )
        made.add(self._archive.read(body.items or [], param="items"))
        self._archive.keep_conversation(made)
        return _shown(made)

    async def get(self, request: Request) -> Response:
        return _shown(self._found(request))

    async def update(self, request: Request) -> Response:
        body = await read_model(request, self._world, _ConversationChange)
        found = self._found(request)
        found.metadata = dict(body.metadata)
        return _shown(found)

    async def delete(self, request: Request) -> Response:
        wanted = request.path_params["id"]
        self._archive.drop_conversation(wanted)
        return json_response({"id": wanted, "object": "conversation.deleted", "deleted": True})

    async def add(self, request: Request) -> Response:
        body = await read_model(request, self._world, _ItemsBody)
        found = self._found(request)
        added = self._archive.read(body.items, param="items")
        found.add(added)
        return json_response(
            {
                "object": "list",
                "data": [one.shown for one in added],
                "first_id": added[0].id if added else None,
                "last_id": added[-1].id if added else None,
                "has_more": False,
            }
        )

    async def items(self, request: Request) -> Response:
        window = window_of(request, default=20, most=100)
        newest = list(reversed(self._found(request).entries.values()))
        page = page_of(newest, window, key=lambda one: one.id, show=lambda one: one.shown)
        return json_response(page)

    async def item(self, request: Request) -> Response:
        return json_response(_entry(self._found(request), request).shown)

    async def remove(self, request: Request) -> Response:
        found = self._found(request)
        del found.entries[_entry(found, request).id]
        return _shown(found)

    def _found(self, request: Request) -> Conversation:
        return self._archive.conversation(request.path_params["id"])


def _entry(found: Conversation, request: Request) -> Entry:
    wanted = request.path_params["item"]
    entry = found.entries.get(wanted)
    if entry is None:
        message = f"Item {wanted[:80]!r} not found in conversation {found.id!r}."
        raise WireError(message, status=404)
    return entry


def _shown(found: Conversation) -> Response:
    return json_response(
        {
            "id": found.id,
            "object": "conversation",
            "created_at": found.created_at,
            "metadata": found.metadata,
        }
    )
