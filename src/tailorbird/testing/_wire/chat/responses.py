"""`/responses`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from tailorbird.data.tokens import message_tokens
from tailorbird.testing._wire.bodies import invalid, parsed_in_turn, read_body, read_model
from tailorbird.testing._wire.chat.answer import in_turn
from tailorbird.testing._wire.chat.archive import Archive, StoredResponse
from tailorbird.testing._wire.chat.asking import cut, replied, streamed
from tailorbird.testing._wire.chat.file_search import declines, searched
from tailorbird.testing._wire.chat.items import Item
from tailorbird.testing._wire.chat.response_answer import Frame, response_events, response_json
from tailorbird.testing._wire.chat.response_request import (
    ResponseBody,
    TokensBody,
    items_of,
    requested,
    turns_of,
)
from tailorbird.testing._wire.errors import WireError, json_response
from tailorbird.testing._wire.paging import page_of, window_of
from tailorbird.testing._wire.rates import rate_headers
from tailorbird.testing._wire.routing import route
from tailorbird.testing._wire.streams import PiecesResponse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import JsonValue
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from tailorbird.testing._wire.chat.file_search import Searched
    from tailorbird.testing._wire.chat.response_request import Requested
    from tailorbird.testing._wire.world import World
    from tailorbird.types.chat import ChatChunk, Reply

_QUEUED_S, _READY_S = 10, 30  # of a response in the background; our choice: two look-ups


def routes(world: World) -> list[Route]:
    """Give the routes; tokens are counted where the cloud does it."""
    responses, one = world.kept(_Responses), "/responses/{id}"
    found = [
        route(world, "POST", "/responses", "responses.create", responses.create),
        route(world, "GET", one, "responses.get", responses.get),
        route(world, "DELETE", one, "responses.delete", responses.delete),
        route(world, "POST", f"{one}/cancel", "responses.cancel", responses.cancel),
        route(world, "GET", f"{one}/input_items", "responses.items", responses.items),
    ]
    if world.dialect.conversations:
        path = "/responses/input_tokens"
        found.insert(0, route(world, "POST", path, "responses.tokens", responses.tokens))
    return found


async def answered(world: World, body: bytes) -> dict[str, JsonValue]:
    """Answer a body as the route would, without storing it; a batch asks so.

    Raises:
        WireError: The body is wrong.
        TailorbirdError: The fake refused the call, or was told to fail.
    """
    asked = await parsed_in_turn(body, world, ResponseBody)
    responses = world.kept(_Responses)
    told = await responses.told(asked.model_copy(update={"stream": None}), responses.read(asked))
    return told.shown


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    frame: Frame
    model: str
    reply: Reply[None] | None
    chunks: tuple[ChatChunk, ...] = ()

    @property
    def shown(self) -> dict[str, JsonValue]:
        return response_json(self.frame, status="completed", model=self.model, reply=self.reply)

    def events(self) -> Iterator[bytes]:
        whole = () if self.reply is None else tuple(cut(self.reply))
        chunks = self.chunks or whole
        return response_events(self.frame, chunks, self.reply, model=self.model)


class _Responses:
    def __init__(self, world: World) -> None:
        self._world = world
        self._archive = world.kept(Archive)

    async def create(self, request: Request) -> Response:
        world = self._world
        body = await parsed_in_turn(await read_body(request, world), world, ResponseBody)
        if body.background and body.store is False:
            raise invalid("background", "Background mode requires 'store' to be true.", code=None)
        found = self.read(body)
        told = await self.told(body, found)
        headers = rate_headers(world)
        stored = None if told.reply is None else self._keep(told, found)
        if body.stream or stored is None:
            return _streamed(told.events(), headers)
        return json_response(stored.at(world.now()), headers=headers)

    async def get(self, request: Request) -> Response:
        stored = self._archive.response(request.path_params["id"])
        query = request.query_params
        if query.get("stream") != "true":
            return self._shown(stored)
        if stored.at(self._world.now()) is not stored.shown:
            raise invalid("stream", "This server streams a response only once it is complete.")
        seen = query.get("starting_after", "-1")
        if not seen.removeprefix("-").isdecimal():
            raise invalid("starting_after", "'starting_after' must be the number of an event.")
        return _streamed(islice(stored.events(), max(0, int(seen) + 1), None), {})

    async def delete(self, request: Request) -> Response:
        wanted = request.path_params["id"]
        self._archive.drop_response(wanted)
        return json_response({"id": wanted, "object": "response", "deleted": True})

    async def cancel(self, request: Request) -> Response:
        await read_body(request, self._world)
        stored = self._archive.response(request.path_params["id"])
        if not stored.shown["background"]:
            raise WireError("Cannot cancel a synchronous response.")
        stored.cancelled |= self._world.now() < stored.ready_at
        return self._shown(stored)

    async def items(self, request: Request) -> Response:
        window = window_of(request, default=20, most=100)
        stored = self._archive.response(request.path_params["id"])
        newest = stored.inputs[::-1]
        page = page_of(newest, window, key=lambda one: one.id, show=lambda one: one.shown)
        return json_response(page)

    async def tokens(self, request: Request) -> Response:
        body = await read_model(request, self._world, TokensBody)
        before = self._archive.before(body)
        own = self._archive.read(items_of(body.input))
        counted = message_tokens(turns_of(body.instructions, (*before, *own)))
        return json_response({"object": "response.input_tokens", "input_tokens": counted})

    def read(self, body: ResponseBody) -> Requested:
        """Read a request.

        Raises:
            WireError: A parameter is wrong.
        """
        before = self._archive.before(body)
        return requested(body, before, self._archive.read(items_of(body.input)))

    async def told(self, body: ResponseBody, found: Requested) -> _Told:
        """Answer a request.

        Raises:
            WireError: What it searches is not there.
            TailorbirdError: The fake refused the call, or was told to fail.
        """
        world = self._world
        search = await searched(world, body, found)
        if search is not None:
            return await self._told_from(search, body, found)
        if body.stream:
            answer = await streamed(world, found.asked)
            frame = self._frame(body, found)
            return _Told(frame=frame, model=answer.model, reply=answer.reply, chunks=answer.chunks)
        reply = await replied(world, found.asked)
        frame = self._frame(body, found)
        return _Told(frame=frame, model=reply.model, reply=reply)

    async def _told_from(self, search: Searched, body: ResponseBody, found: Requested) -> _Told:
        """Answer from what was found; where that does not hold it, as without it."""
        world, asked = self._world, found.asked
        marker = world.new_id("", digits=16)
        messages = search.told(asked.messages, marker=marker)
        reply = await replied(world, replace(asked, messages=messages))
        if declines(reply):
            reply = await replied(world, asked)
        notes: list[JsonValue] = []
        if asked.output is None and not asked.any_object:
            reply, notes = search.cited(reply)
        frame = replace(self._frame(body, found), search=search.item, notes=notes)
        return _Told(frame=frame, model=reply.model, reply=reply)

    def _keep(self, told: _Told, found: Requested) -> StoredResponse:
        """Keep an answer with its conversation; the response itself unless it asked not to be."""
        body, shown, now = told.frame.body, told.shown, self._world.now()
        output = self._archive.read([Item.model_validate(one) for one in _items(shown["output"])])
        delayed = 1 if body.background and not body.stream else 0
        stored = StoredResponse(
            shown=shown,
            inputs=found.entries,
            entries=(*found.entries, *output),
            events=told.events,
            begins_at=now + timedelta(seconds=_QUEUED_S) * delayed,
            ready_at=now + timedelta(seconds=_READY_S) * delayed,
        )
        if body.conversation_id is not None:
            self._archive.conversation(body.conversation_id).add((*found.own, *output))
        if body.store is not False:
            self._archive.keep_response(told.frame.id, stored)
        return stored

    def _frame(self, body: ResponseBody, found: Requested) -> Frame:
        return Frame(
            id=self._world.new_id("resp_"),
            item_id=self._world.new_id("msg_"),
            created_at=self._world.epoch(),
            body=body,
            options=found.asked.options,
        )

    def _shown(self, stored: StoredResponse) -> Response:
        return json_response(stored.at(self._world.now()))


def _streamed(pieces: Iterator[bytes], headers: Mapping[str, str]) -> Response:
    kind = "text/event-stream; charset=utf-8"
    return PiecesResponse(in_turn(pieces), headers=headers, media_type=kind)


def _items(output: JsonValue) -> list[JsonValue]:
    return output if isinstance(output, list) else []
