"""How a request goes: it is written down, checked, handled, and answered or refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from starlette.requests import ClientDisconnect, Request
from starlette.routing import Route

from tailorbird.exceptions import TailorbirdError
from tailorbird.testing._wire.auth import FlatError, check_key
from tailorbird.testing._wire.errors import (
    WireError,
    error_response,
    json_response,
    lost,
    told_of,
)
from tailorbird.testing._wire.world import Seen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.responses import Response
    from starlette.types import Message, Receive, Scope, Send

    from tailorbird.testing._wire.world import World

    Check: TypeAlias = Callable[[World, Request], None]
    Refuse: TypeAlias = Callable[[WireError | TailorbirdError, World], Response]
    Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

_SECRET_HEADERS = frozenset({"authorization", "api-key", "cookie", "proxy-authorization"})
_BEGINNING: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"1000")],
}
# An answer that was promised and never comes: a server closes the connection when an application
# fails in its midst, and would send a complete error 500 if nothing had begun.
_NOT_READY = frozenset({404, 409})  # what a program that waits asks for again


def refuse(error: WireError | TailorbirdError, world: World) -> Response:
    """Answer an error in the shape of the OpenAI routes."""
    told = told_of(error)
    if isinstance(error, FlatError):
        return json_response(
            {"statusCode": told.status, "message": told.message}, status=told.status
        )
    return error_response(told, world)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """How one family of routes lets in and refuses."""

    check: Check = check_key
    """Raises unless the request carries a key."""
    refuse: Refuse = refuse
    """Makes the answer to an error."""


def route(
    world: World,
    method: str,
    path: str,
    operation: str,
    handler: Handler,
    *,
    surface: Surface | None = None,
) -> Route:
    """Make a route.

    Args:
        world: The fake behind it.
        method: HTTP method.
        path: Path with `{names}`, below the mount.
        operation: What `Seen.operation` calls it.
        handler: Gives the answer, or raises `WireError` or `TailorbirdError`.
        surface: How it lets in and refuses; None takes that of the OpenAI routes.
    """
    endpoint = Endpoint(world, operation, handler, surface or Surface())
    return Route(path, endpoint, methods=[method], name=operation)


class Endpoint:
    """What stands behind a route: an ASGI application of its own."""

    def __init__(self, world: World, operation: str, handler: Handler, surface: Surface) -> None:
        """Stand behind one route."""
        self._world = world
        self._operation = operation
        self._handler = handler
        self._surface = surface

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            httpx2.TransportError: The answer is lost by a scripted fault. It has begun by then, so
                that a server breaks the connection.
        """
        world = self._world
        request, seen = written_down(world, self._operation, scope, receive)
        if request.method == "GET":
            world.pass_time()
        try:
            self._surface.check(world, request)
            response = await self._handler(request)
        except (WireError, TailorbirdError) as exc:
            broken = lost(exc)
            if broken is not None:
                await send(_BEGINNING)
                raise broken from exc
            response = self._surface.refuse(exc, world)
        except ClientDisconnect:
            return  # in the midst of its request: nobody is there to be answered
        finish(world, response, seen)
        await response(scope, request.receive, send)


def finish(world: World, response: Response, seen: Seen) -> None:
    """Give an answer its id, note its status, and let time pass where something was not ready."""
    seen.status = response.status_code
    response.headers.setdefault(world.dialect.request_id_header, world.new_id("req_", digits=32))
    if response.status_code in _NOT_READY:
        world.pass_time()


def written_down(
    world: World, operation: str, scope: Scope, receive: Receive
) -> tuple[Request, Seen]:
    """Remember a request, and its body as it is read."""
    request = Request(scope)
    seen = Seen(
        method=request.method,
        path=request.url.path,
        query=request.url.query,
        operation=operation,
        headers={
            key: value for key, value in request.headers.items() if key not in _SECRET_HEADERS
        },
        at=world.now(),
    )
    world.seen.append(seen)

    async def recorded() -> Message:
        message = await receive()
        piece = message.get("body", b"")
        seen.take(piece, most_bytes=world.settings.seen_body_bytes)
        return message

    return Request(scope, recorded), seen
