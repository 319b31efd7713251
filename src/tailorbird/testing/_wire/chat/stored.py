"""Chat completions that are kept: `/chat/completions/{id}` and the list of them."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tailorbird.testing._wire.bodies import WireModel, read_model
from tailorbird.testing._wire.errors import WireError, json_response
from tailorbird.testing._wire.paging import page_of, window_of
from tailorbird.testing._wire.routing import route

if TYPE_CHECKING:
    from pydantic import JsonValue
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from tailorbird.testing._wire.chat.request import ChatBody
    from tailorbird.testing._wire.world import World

_MOST_KEPT = 1_000  # our choice: the latest ones


class _Change(WireModel):
    metadata: Annotated[dict[str, str], Field(max_length=16)]


@dataclass(slots=True, kw_only=True)
class _Kept:
    shown: dict[str, JsonValue]
    model: str
    metadata: dict[str, str]
    messages: list[dict[str, JsonValue]]

    def json(self) -> dict[str, JsonValue]:
        pairs: dict[str, JsonValue] = {**self.metadata}
        return {**self.shown, "metadata": pairs}


class StoredChats:
    """The chat completions of one world that asked to be kept."""

    def __init__(self, world: World) -> None:
        """Begin empty."""
        self._world = world
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def keep(self, body: ChatBody, shown: dict[str, JsonValue]) -> None:
        """Keep a completion if it asked for it; the oldest makes room."""
        if not body.store or not self._world.dialect.conversations:
            return
        name = str(shown["id"])
        self._kept[name] = _Kept(
            shown=shown,
            model=body.model,
            metadata=dict(body.metadata or {}),
            messages=_messages(body, name),
        )
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)

    async def list(self, request: Request) -> Response:
        """Give a page of them, of one model or with some metadata where that is asked for."""
        window = window_of(request, default=20, most=100, order="asc")
        query = request.query_params
        pairs = {
            key.removeprefix("metadata[").removesuffix("]"): value
            for key, value in query.items()
            if key.startswith("metadata[")
        }
        wanted = [
            one
            for one in reversed(self._kept.values())
            if query.get("model", one.model) == one.model and pairs.items() <= one.metadata.items()
        ]
        page = page_of(wanted, window, key=lambda one: str(one.shown["id"]), show=_Kept.json)
        return json_response(page)

    async def get(self, request: Request) -> Response:
        """Give one."""
        return json_response(self._found(request).json())

    async def update(self, request: Request) -> Response:
        """Replace the metadata of one."""
        body = await read_model(request, self._world, _Change)
        found = self._found(request)
        found.metadata = dict(body.metadata)
        return json_response(found.json())

    async def delete(self, request: Request) -> Response:
        """Let one go."""
        name = str(self._found(request).shown["id"])
        del self._kept[name]
        return json_response({"object": "chat.completion.deleted", "id": name, "deleted": True})

    async def messages(self, request: Request) -> Response:
        """Give a page of the messages that one answered."""
        window = window_of(request, default=20, most=100, order="asc")
        newest = self._found(request).messages[::-1]
        page = page_of(newest, window, key=lambda one: str(one["id"]), show=lambda one: one)
        return json_response(page)

    def _found(self, request: Request) -> _Kept:
        wanted = request.path_params["id"]
        found = self._kept.get(wanted)
        if found is None:
            raise WireError(f"Chat completion with id {wanted[:80]!r} not found.", status=404)
        return found


def routes(world: World) -> list[Route]:
    """Give the routes; none where the cloud keeps no completions."""
    if not world.dialect.conversations:
        return []
    kept, one = world.kept(StoredChats), "/chat/completions/{id}"
    return [
        route(world, "GET", "/chat/completions", "chat.list", kept.list),
        route(world, "GET", one, "chat.get", kept.get),
        route(world, "POST", one, "chat.update", kept.update),
        route(world, "DELETE", one, "chat.delete", kept.delete),
        route(world, "GET", f"{one}/messages", "chat.messages", kept.messages),
    ]


def _messages(body: ChatBody, name: str) -> list[dict[str, JsonValue]]:
    """Give the messages of a request as they are listed: each with an id, parts beside the text."""
    shown: list[dict[str, JsonValue]] = []
    for number, one in enumerate(body.messages):
        given: dict[str, JsonValue] = one.model_dump(mode="json", exclude_unset=True)
        content = given.get("content")
        parts = content if isinstance(content, list) else None
        text = None if parts is not None else content
        shown.append(
            {
                **given,
                "id": f"{name}-{number}",
                "content": text,
                "refusal": one.refusal,
                "content_parts": parts,
            }
        )
    return shown
