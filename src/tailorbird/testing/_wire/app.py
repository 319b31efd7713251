"""One ASGI application over fakes: OpenAI's and Azure's protocols for tests in any language."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.routing import Mount, Router

from tailorbird.exceptions import InvalidInputError
from tailorbird.testing._wire import arm, batches, dated, embeddings, identity, jobs, models
from tailorbird.testing._wire.chat import completions, conversations, responses, stored
from tailorbird.testing._wire.errors import WireError
from tailorbird.testing._wire.files import files, uploads
from tailorbird.testing._wire.routing import finish, refuse, written_down
from tailorbird.testing._wire.search import service
from tailorbird.testing._wire.spool import Spool
from tailorbird.testing._wire.vector_stores import stores
from tailorbird.testing._wire.world import Seen, WireSettings, World

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from starlette.routing import BaseRoute

    from tailorbird.providers.fake import FakeProvider
    from tailorbird.testing.faults import Message, Receive, Send


_ROOMS = (
    files,
    uploads,
    jobs,
    completions,
    stored,
    responses,
    conversations,
    embeddings,
    models,
    batches,
    stores,
)


class WireApp:
    """An ASGI application that serves fakes as their clouds would.

    The fakes are the caller's: they must be open while the application serves them, in the event
    loop in which it serves.
    """

    def __init__(self, worlds: tuple[World, ...], seen: deque[Seen], spool: Spool) -> None:
        """Serve some worlds, whose uploads lie in `spool`."""
        self._spool = spool
        self.worlds = worlds
        """What is served, one world for each fake."""
        self.seen = seen
        """The requests that reached the server, oldest first; the latest ones are kept."""
        self._router = Router(
            [one for world in worlds for one in _mounted(world)], redirect_slashes=False
        )

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request, or the life of a server."""
        # With an application in its scope the router raises what it would answer in plain text.
        scope["app"] = self
        try:
            await self._router(scope, receive, send)
        except HTTPException as exc:
            await self._unserved(exc.status_code, scope, receive, send)

    async def __aenter__(self) -> Self:
        """Give the application."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove the uploads that lie on disk; without it they go when the process ends."""
        await asyncio.to_thread(self._spool.clear)

    def live_jobs(self) -> int:
        """Count the jobs of all fakes that neither failed nor were cancelled.

        Jobs whose creation was never answered count as well.
        """
        return sum(world.provider.live_jobs() for world in self.worlds)

    async def _unserved(self, status: int, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request for which there is no route, as the cloud that was meant would."""
        path = str(scope["path"])
        world = next((one for one in self.worlds if _is_meant(one, path)), self.worlds[0])
        request, seen = written_down(world, "unknown", scope, receive)
        response = refuse(_no_route(world, status, request.method, path), world)
        finish(world, response, seen)
        await response(scope, request.receive, send)


def wire_app(*providers: FakeProvider, settings: WireSettings | None = None) -> WireApp:
    """Make an application that serves fakes.

    A fake of the flavor `azure` is served below `/openai/v1`, and below `/openai` to clients that
    name an `api-version` by its date (`AzureOpenAI` of the SDK), with deployments below
    `/subscriptions/…` and Azure AI Search below `/indexes…`; any other below `/v1`.

    Args:
        providers: Fakes, at least one; at most one of each kind. They stay the caller's.
        settings: How it behaves; None takes the defaults.

    Raises:
        InvalidInputError: There is no fake, or two would be served below the same path.
    """
    chosen = settings or WireSettings()
    seen: deque[Seen] = deque(maxlen=chosen.seen_requests)
    spool = Spool()
    worlds = tuple(World(one, chosen, seen=seen, spool=spool) for one in providers)
    bases = [world.dialect.base for world in worlds]
    if not worlds or len(set(bases)) < len(bases):
        message = (
            f"wire_app serves one fake below each path, got {bases!r}: give at least one, and at"
            " most one of the flavor 'azure' and one of another"
        )
        raise InvalidInputError(message)
    return WireApp(worlds, seen, spool)


def _mounted(world: World) -> list[BaseRoute]:
    own = [one for room in _ROOMS for one in room.routes(world)]
    mounted: list[BaseRoute] = [Mount(world.dialect.base, Router(own, redirect_slashes=False))]
    if world.dialect.dated is not None:
        mounted.append(dated.mounted(world, world.dialect.dated))
    if world.dialect.services:
        mounted += [*arm.routes(world), *service.routes(world), *identity.routes(world)]
    return mounted


def _is_meant(world: World, path: str) -> bool:
    beside = ("/subscriptions/", "/indexes") if world.dialect.services else ()
    base = world.dialect.dated or world.dialect.base
    return path.startswith((f"{base}/", *beside))


def _no_route(world: World, status: int, method: str, path: str) -> WireError:
    if world.dialect.annotated:
        return WireError("Resource not found", status=404)
    if status == 405:  # noqa: PLR2004 - the method is not allowed there
        return WireError(f"Not allowed to {method} on {path}.", status=status)
    return WireError(f"Invalid URL ({method} {path})", status=status)
