"""`/embeddings`."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, cast

from pydantic import Field, JsonValue
from pydantic_core import to_json
from starlette.responses import Response

from tailorbird.data.tokens import estimate_tokens, exact_reader
from tailorbird.exceptions import TailorbirdError
from tailorbird.providers.fake.embeddings import MOST_TEXTS, MOST_TOKENS
from tailorbird.testing._wire.bodies import WireModel, invalid, parsed_in_turn, read_asked
from tailorbird.testing._wire.rates import rate_headers
from tailorbird.testing._wire.routing import route
from tailorbird.types.ids import ModelId

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from starlette.requests import Request
    from starlette.routing import Route

    from tailorbird.testing._wire.world import World
    from tailorbird.types.embeddings import EmbeddingResult


class EmbeddingBody(WireModel):
    """Body of `POST /embeddings`."""

    model: str
    """Model or deployment."""
    input: str | Annotated[list[JsonValue], Field(min_length=1)]
    """Texts, or their token numbers in the encoding `cl100k_base`."""
    encoding_format: Literal["float", "base64"] = "float"
    """How vectors are written."""
    dimensions: Annotated[int, Field(ge=1)] | None = None
    """Width of the vectors."""

    ignored: ClassVar[frozenset[str]] = frozenset({"user", "input_type"})


def routes(world: World) -> list[Route]:
    """Give the routes."""

    async def create(request: Request) -> Response:
        body = await parsed_in_turn(await read_asked(request, world), world, EmbeddingBody)
        found = await _embedded(world, body)
        encoded = body.encoding_format == "base64"
        # Thousands of vectors take seconds to write as text.
        content = await world.in_thread(lambda: to_json(_answer(found, encoded=encoded)))
        return Response(content, headers=rate_headers(world), media_type="application/json")

    return [route(world, "POST", "/embeddings", "embeddings.embed", create)]


async def answered(world: World, body: bytes) -> dict[str, JsonValue]:
    """Answer a body as the route would; a batch asks so.

    Raises:
        WireError: The body is wrong.
        TailorbirdError: The fake refused the call, or was told to fail.
    """
    asked = await parsed_in_turn(body, world, EmbeddingBody)
    found = await _embedded(world, asked)
    encoded = asked.encoding_format == "base64"
    return await world.in_thread(lambda: _answer(found, encoded=encoded))


async def _embedded(world: World, body: EmbeddingBody) -> EmbeddingResult:
    texts = await world.in_thread(lambda: _texts(body.input))
    return await world.provider.embeddings.embed(
        texts, model=ModelId(body.model), dimensions=body.dimensions
    )


def _texts(given: str | list[JsonValue]) -> list[str]:
    """Give the texts of a request that keeps the limits.

    Raises:
        WireError: There are too many of them or of their tokens, one is empty or no text, or their
            token numbers cannot be read.
    """
    texts = _read(given)
    if not all(texts):
        raise invalid("input", "'$.input' is invalid: input cannot be an empty string.")
    if len(texts) > MOST_TEXTS:
        raise invalid(
            "input",
            f"Invalid 'input': array too long. Expected an array with maximum length {MOST_TEXTS},"
            f" but got an array with length {len(texts)} instead.",
            code="array_above_max_length",
        )
    tokens = sum(estimate_tokens(one) for one in texts)
    if tokens > MOST_TOKENS:
        raise invalid(
            "input",
            f"Requested {tokens} tokens, max {MOST_TOKENS} tokens per request.",
            code="max_tokens_per_request",
        )
    return texts


def _read(given: str | list[JsonValue]) -> list[str]:
    """Give texts as they are, and those that came as token numbers in letters."""
    if isinstance(given, str):
        return [given]
    if all(isinstance(one, str) for one in given):
        return cast("list[str]", given)
    groups = [given] if _are_tokens(given) else given
    if not all(isinstance(one, list) and _are_tokens(one) for one in groups):
        message = "Invalid 'input': give a string, strings, token numbers, or lists of them."
        raise invalid("input", message, code="invalid_type")
    try:
        read = exact_reader()
        return [read(cast("list[int]", one)) for one in groups]
    except TailorbirdError as exc:
        message = f"The token numbers in 'input' cannot be read: {exc}; or send texts."
        raise invalid("input", message) from exc


def _are_tokens(given: list[JsonValue]) -> bool:
    return all(type(one) is int for one in given)


def _answer(found: EmbeddingResult, *, encoded: bool) -> dict[str, JsonValue]:
    tokens = found.usage.input_tokens
    return {
        "object": "list",
        "model": found.model,
        "data": [
            {
                "object": "embedding",
                "index": number,
                "embedding": _base64(row) if encoded else row.tolist(),
            }
            for number, row in enumerate(found.vectors)
        ],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _base64(row: NDArray[np.float32]) -> str:
    return base64.b64encode(row.astype("<f4").tobytes()).decode("ascii")
