"""Who may call."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from tailorbird.testing._wire.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request

    from tailorbird.testing._wire.world import World


class FlatError(WireError):
    """Azure's refusal of a token: its body has no `error` object."""


def check_key(world: World, request: Request) -> None:
    """Do nothing when the request carries a key or token of the OpenAI routes.

    Raises:
        WireError: It does not (401), in the cloud's shape.
    """
    settings, header = world.settings, world.dialect.key_header
    key = None if header is None else request.headers.get(header)
    if key is not None:
        if not is_among(key, settings.api_keys):
            raise WireError(
                "Access denied due to invalid subscription key or wrong API endpoint. Make sure to"
                " provide a valid key for an active subscription and use a correct regional API"
                " endpoint for your resource.",
                status=401,
                code="401",
            )
        return
    token = bearer(request)
    if token is not None and is_among(token, (*settings.api_keys, *settings.bearer_tokens)):
        return
    if header is not None:
        raise FlatError(
            "Unauthorized. Access token is missing, invalid, audience is incorrect"
            " (https://ai.azure.com), or have expired.",
            status=401,
        )
    if token is None:
        raise WireError(
            "You didn't provide an API key: send it in the header 'Authorization: Bearer …'.",
            status=401,
        )
    raise WireError("Incorrect API key provided.", status=401, code="invalid_api_key")


def bearer(request: Request) -> str | None:
    """Give the token of `Authorization: Bearer`; None when there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def is_among(given: str, known: Iterable[str]) -> bool:
    """Say whether a secret is a known one, in a time that tells nothing about it."""
    wanted = given.encode("utf-8", "surrogatepass")
    return any(secrets.compare_digest(wanted, one.encode("utf-8")) for one in known)
