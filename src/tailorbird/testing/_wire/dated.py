"""Azure's dated API: the same routes behind `?api-version=`, chat and embeddings by deployment.

What the class `AzureOpenAI` of the SDK and older programs speak. Source: Azure OpenAI data plane,
stable version 2024-10-21, and the paths of that class in openai 3, read 2026-11-22.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.routing import Mount, Router

from tailorbird.testing._wire import batches, embeddings, jobs, models
from tailorbird.testing._wire.chat import completions, responses
from tailorbird.testing._wire.files import files
from tailorbird.testing._wire.vector_stores import stores

if TYPE_CHECKING:
    from starlette.routing import BaseRoute
    from starlette.types import Receive, Scope, Send

    from tailorbird.testing._wire.world import World

_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?", re.ASCII)
_ROOMS = (files, jobs, responses, models, batches, stores)


def mounted(world: World, base: str) -> BaseRoute:
    """Give the routes below `base`, for requests that name a version by its date."""
    named = [*completions.routes(world), *embeddings.routes(world)]
    below = [one for room in _ROOMS for one in room.routes(world)]
    router = Router(
        [Mount("/deployments/{deployment}", Router(named, redirect_slashes=False)), *below],
        redirect_slashes=False,
    )
    return Mount(base, _Dated(router))


class _Dated:
    """Lets requests through that name a version."""

    def __init__(self, router: Router) -> None:
        self._router = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            HTTPException: It names no version, or one that is no date (404, as Azure answers).
        """
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if not any(_VERSION.fullmatch(one) for one in query.get("api-version", ())):
            raise HTTPException(404)
        await self._router(scope, receive, send)
