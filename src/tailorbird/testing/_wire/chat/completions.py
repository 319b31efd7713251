"""`/chat/completions`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.testing._wire.bodies import parsed_in_turn, read_asked
from tailorbird.testing._wire.chat.answer import completion, events, in_turn
from tailorbird.testing._wire.chat.asking import check_call, replied, streamed
from tailorbird.testing._wire.chat.request import ChatBody, asked_of
from tailorbird.testing._wire.chat.stored import StoredChats
from tailorbird.testing._wire.errors import json_response
from tailorbird.testing._wire.rates import rate_headers
from tailorbird.testing._wire.routing import route
from tailorbird.testing._wire.streams import PiecesResponse

if TYPE_CHECKING:
    from pydantic import JsonValue
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from tailorbird.testing._wire.world import World


def routes(world: World) -> list[Route]:
    """Give the routes."""

    async def create(request: Request) -> Response:
        body = await parsed_in_turn(await read_asked(request, world), world, ChatBody)
        headers = rate_headers(world)
        if not body.stream:
            shown = await _completed(world, body)
            world.kept(StoredChats).keep(body, shown)
            return json_response(shown, headers=headers)
        asked = asked_of(body, world)
        check_call(world, asked)
        answers = [await streamed(world, asked) for _ in range(body.n or 1)]
        whole = [one.reply for one in answers if one.reply is not None]
        if len(whole) == len(answers):
            world.kept(StoredChats).keep(body, completion(whole, world))
        options = body.stream_options
        pieces = events(
            answers,
            world,
            include_usage=options is not None and bool(options.include_usage),
            obfuscate=options is None or options.include_obfuscation is not False,
        )
        return PiecesResponse(
            in_turn(pieces), headers=headers, media_type="text/event-stream; charset=utf-8"
        )

    return [route(world, "POST", "/chat/completions", "chat.complete", create)]


async def answered(world: World, body: bytes) -> dict[str, JsonValue]:
    """Answer a body as the route would; a batch asks so.

    Raises:
        WireError: The body is wrong.
        TailorbirdError: The fake refused the call, or was told to fail.
    """
    return await _completed(world, await parsed_in_turn(body, world, ChatBody))


async def _completed(world: World, body: ChatBody) -> dict[str, JsonValue]:
    asked = asked_of(body, world)
    check_call(world, asked)
    return completion([await replied(world, asked) for _ in range(body.n or 1)], world)
