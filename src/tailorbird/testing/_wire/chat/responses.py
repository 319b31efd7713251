"""`/responses`."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.testing._wire.bodies import parsed_in_turn, read_body
from tailorbird.testing._wire.chat.answer import in_turn
from tailorbird.testing._wire.chat.asking import replied, streamed
from tailorbird.testing._wire.chat.response_answer import Frame, response_events, response_json
from tailorbird.testing._wire.chat.response_request import ResponseBody, requested
from tailorbird.testing._wire.errors import WireError, json_response
from tailorbird.testing._wire.rates import rate_headers
from tailorbird.testing._wire.routing import route
from tailorbird.testing._wire.streams import PiecesResponse
from tailorbird.types.chat import Message

if TYPE_CHECKING:
    from pydantic import JsonValue
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from tailorbird.testing._wire.chat.response_request import Requested
    from tailorbird.testing._wire.world import World
    from tailorbird.types.chat import Reply

_MOST_STORED = 1_000  # our choice: the latest ones


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    shown: dict[str, JsonValue]
    turns: tuple[Message, ...]


def routes(world: World) -> list[Route]:
    """Give the routes."""
    responses = _Responses(world)
    return [
        route(world, "POST", "/responses", "responses.create", responses.create),
        route(world, "GET", "/responses/{id}", "responses.get", responses.get),
        route(world, "DELETE", "/responses/{id}", "responses.delete", responses.delete),
    ]


async def answered(world: World, body: bytes) -> dict[str, JsonValue]:
    """Answer a body as the route would, without storing it; a batch asks so.

    Raises:
        WireError: The body is wrong.
        TailorbirdError: The fake refused the call, or was told to fail.
    """
    asked = await parsed_in_turn(body, world, ResponseBody)
    found = requested(asked, ())
    reply = await replied(world, found.asked)
    frame = _frame(world, asked, found)
    return response_json(frame, status="completed", model=reply.model, reply=reply)


class _Responses:
    def __init__(self, world: World) -> None:
        self._world = world
        self._stored: OrderedDict[str, _Stored] = OrderedDict()

    async def create(self, request: Request) -> Response:
        world = self._world
        body = await parsed_in_turn(await read_body(request, world), world, ResponseBody)
        found = requested(body, self._before(body))
        headers = rate_headers(world)
        if not body.stream:
            reply = await replied(world, found.asked)
            frame = _frame(world, body, found)
            shown = response_json(frame, status="completed", model=reply.model, reply=reply)
            self._keep(frame, found, shown, reply)
            return json_response(shown, headers=headers)
        answer = await streamed(world, found.asked)
        frame = _frame(world, body, found)
        if answer.reply is not None:
            shown = response_json(frame, status="completed", model=answer.model, reply=answer.reply)
            self._keep(frame, found, shown, answer.reply)
        pieces = response_events(frame, answer.chunks, answer.reply, model=answer.model)
        return PiecesResponse(
            in_turn(pieces), headers=headers, media_type="text/event-stream; charset=utf-8"
        )

    async def get(self, request: Request) -> Response:
        return json_response(self._find(request.path_params["id"]).shown)

    async def delete(self, request: Request) -> Response:
        wanted = request.path_params["id"]
        self._find(wanted)
        del self._stored[wanted]
        return json_response({"id": wanted, "object": "response", "deleted": True})

    def _before(self, body: ResponseBody) -> tuple[Message, ...]:
        wanted = body.previous_response_id
        return () if wanted is None else self._find(wanted, param="previous_response_id").turns

    def _find(self, wanted: str, *, param: str | None = None) -> _Stored:
        stored = self._stored.get(wanted)
        if stored is None:
            raise WireError(
                f"Response with id {wanted[:80]!r} not found.",
                status=404 if param is None else 400,
                code=None if param is None else "previous_response_not_found",
                param=param,
            )
        return stored

    def _keep(
        self, frame: Frame, found: Requested, shown: dict[str, JsonValue], reply: Reply[None]
    ) -> None:
        """Store a response, unless it asked not to be."""
        if frame.body.store is False:
            return
        said = Message(
            role="assistant",
            content=reply.text,
            tool_calls=reply.tool_calls,
            refusal=reply.refusal,
        )
        self._stored[frame.id] = _Stored(shown=shown, turns=(*found.turns, said))
        if len(self._stored) > _MOST_STORED:
            self._stored.popitem(last=False)


def _frame(world: World, body: ResponseBody, found: Requested) -> Frame:
    return Frame(
        id=world.new_id("resp_"),
        item_id=world.new_id("msg_"),
        created_at=world.epoch(),
        body=body,
        options=found.asked.options,
    )
