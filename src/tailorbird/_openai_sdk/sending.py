"""One request through the SDK, which adds its headers and parses nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tailorbird._http import HttpResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    import openai


@dataclass(frozen=True, slots=True)
class Request:
    """One request that can be sent any number of times."""

    method: Literal["GET", "POST", "DELETE"]
    """How to send it."""
    path: str
    """Path below the base URL."""
    operation: str
    """What is called, for errors."""
    content: bytes | Callable[[], AsyncIterator[bytes]] | None = None
    """The body, or what makes its pieces anew for each attempt."""
    query: Mapping[str, str | Sequence[str]] | None = None
    """Parameters."""
    headers: Mapping[str, str] | None = None
    """Headers of its own."""


async def send(
    client: openai.AsyncOpenAI,
    request: Request,
    authorization: Mapping[str, str | openai.Omit],
    *,
    streamed: bool,
) -> HttpResponse:
    """Send a request by the SDK's undecorated methods.

    Args:
        client: The SDK's client.
        request: What to send.
        authorization: The header that says who asks, or the SDK's mark for sending none.
        streamed: Whether the body is read by the caller.
    """
    headers = {**request.headers, **authorization} if request.headers else authorization
    options: openai.RequestOptions = {"headers": headers}
    if request.query is not None:
        options["params"] = request.query
    content = request.content
    if request.method == "POST":
        return await client.post(
            request.path,
            cast_to=HttpResponse,
            content=content() if callable(content) else content,
            options=options,
            stream=streamed,
        )
    if request.method == "GET":
        return await client.get(
            request.path, cast_to=HttpResponse, options=options, stream=streamed
        )
    return await client.delete(request.path, cast_to=HttpResponse, options=options)
