"""Tokens for Azure's services, given as App Service gives them to a managed identity.

A program that logs in by Entra ID cannot log in at the real one here. Yet `DefaultAzureCredential`
and `ManagedIdentityCredential`, in any language, ask the address in `IDENTITY_ENDPOINT` where it is
set, with the secret in `IDENTITY_HEADER`: this is that address, and a key of the server the secret.
Source: Microsoft Learn, How to use managed identities for App Service, REST endpoint reference,
read 2026-11-22.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tailorbird.testing._wire.auth import FlatError, is_among
from tailorbird.testing._wire.errors import json_response
from tailorbird.testing._wire.routing import Surface, route

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from tailorbird.testing._wire.world import World

PATH = "/identity/token"
"""Where tokens are given."""

VERSION = "2019-08-01"
"""The `api-version` that is served."""

_LIFE_S = 3600
_MODELS = ("https://ai.azure.com", "https://cognitiveservices.azure.com")


def routes(world: World) -> list[Route]:
    """Give the route; it stands at the root of the server."""

    async def give(request: Request) -> Response:
        resource = request.query_params.get("resource", "")
        tokens = _tokens(world).get(resource.rstrip("/"), ())
        if request.query_params.get("api-version") != VERSION or not tokens:
            message = f"Send api-version {VERSION} and a resource: {', '.join(_tokens(world))}."
            raise FlatError(message, status=400)
        # By the machine's clock, not the fake's: who asks compares it with its own.
        ends = int(time.time()) + _LIFE_S
        return json_response(
            {
                "access_token": tokens[0],
                "expires_on": str(ends),
                "resource": resource,
                "token_type": "Bearer",
            }
        )

    return [route(world, "GET", PATH, "identity.token", give, surface=Surface(check=_check))]


def _check(world: World, request: Request) -> None:
    """Do nothing when the request carries the secret.

    Raises:
        FlatError: It does not (401).
    """
    if not is_among(request.headers.get("x-identity-header", ""), world.settings.api_keys):
        message = "The header X-IDENTITY-HEADER must carry a key of this server."
        raise FlatError(message, status=401)


def _tokens(world: World) -> dict[str, tuple[str, ...]]:
    """Give the tokens that each audience takes."""
    settings = world.settings
    models = settings.bearer_tokens or settings.api_keys
    return {
        "https://management.azure.com": settings.arm_tokens,
        "https://search.azure.com": settings.search_tokens,
        **dict.fromkeys(_MODELS, models),
    }
