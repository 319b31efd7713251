"""What Azure's management routes and Azure AI Search have in common on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import from_json

from tailorbird.testing._wire.bodies import too_large
from tailorbird.testing._wire.errors import WireError, json_response, told_of
from tailorbird.types.base import Settings

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.requests import Request
    from starlette.responses import Response

    from tailorbird.exceptions import TailorbirdError
    from tailorbird.testing._wire.world import World

_IN_THREAD_BYTES = 1 << 20  # JSON from which parsing would hold up the event loop for milliseconds


class AzureModel(Settings):
    """A part of a request: the service's names in camel case, unknown ones refused.

    The fields are the service's own, so they are described in its reference and not here.
    """

    # The plugin wants aliases that it can read; these models are made from JSON only.
    model_config = ConfigDict(  # type: ignore[pydantic-alias]
        alias_generator=to_camel, strict=True, validate_by_alias=True, validate_by_name=False
    )


M = TypeVar("M", bound=AzureModel)


def checked(kind: type[M], raw: object, *, place: str) -> M:
    """Give a part of a request, checked.

    Raises:
        WireError: It is wrong (400); the message names the place and each field.
    """
    try:
        return kind.model_validate(raw)
    except ValidationError as exc:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['msg']}"
            for one in exc.errors(include_input=False, include_url=False, include_context=False)
        )
    raise invalid(f"{place} : {wrong}")


def invalid(message: str, *, code: str = "InvalidRequestParameter") -> WireError:
    """Make the answer to a request that is wrong."""
    return WireError(f"The request is invalid. Details: {message}", code=code)


async def read_json(request: Request, world: World, *, most_bytes: int) -> object:
    """Read a body as JSON.

    Raises:
        WireError: It is larger than `most_bytes` (413), or no JSON (400).
    """
    gathered = bytearray()
    async for piece in request.stream():
        gathered += piece
        if len(gathered) > most_bytes:
            raise too_large(most_bytes)
    body = bytes(gathered)
    try:
        if len(body) > _IN_THREAD_BYTES:
            return await world.in_thread(lambda: _parsed(body))
        return _parsed(body)
    except ValueError:
        message = "The body is not valid JSON."
        raise invalid(message, code="InvalidRequestContent") from None


def _parsed(body: bytes) -> object:
    parsed: object = from_json(body, allow_inf_nan=False)
    return parsed


def require_version(request: Request, versions: Collection[str]) -> None:
    """Do nothing when the request names an `api-version` that is served.

    Raises:
        WireError: It names none, or another one (400).
    """
    version = request.query_params.get("api-version")
    if version is None:
        message = "The api-version query parameter (?api-version=) is required for all requests."
        raise WireError(message, code="MissingApiVersionParameter")
    if version not in versions:
        message = f"The api-version {version!r} is not served: use {', '.join(sorted(versions))}."
        raise WireError(message, code="InvalidApiVersionParameter")


def refuse(error: WireError | TailorbirdError, world: World) -> Response:
    """Answer an error in the shape of Azure: `{"error": {"code", "message"}}`."""
    del world  # the shape is the same for all
    told = told_of(error)
    body = {"error": {"code": told.code or str(told.status), "message": told.message}}
    return json_response(body, status=told.status, headers=told.headers)
