"""What came back: whole, or still arriving."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tailorbird._http import FAILURES, HttpResponse, request_id_of, transport_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping


@dataclass(frozen=True, slots=True)
class Received:
    """A complete successful answer."""

    content: bytes = field(repr=False)
    """The body."""
    headers: Mapping[str, str]
    """The headers; names are found in any case."""
    status_code: int
    """HTTP status, 200..299."""

    @property
    def request_id(self) -> str | None:
        """The provider's id of the request; None when it sent none."""
        return request_id_of(self.headers)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A successful answer whose body is still arriving."""

    response: HttpResponse
    """The open response."""
    provider: str
    """For the message of an error."""
    operation: str
    """For the message of an error."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers; names are found in any case."""
        return self.response.headers

    @property
    def request_id(self) -> str | None:
        """The provider's id of the request; None when it sent none."""
        return request_id_of(self.response.headers)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the body in pieces as they arrive.

        Raises:
            ProviderError: The connection broke or the body cannot be decoded.
        """
        response = self.response
        # A transport within the process may have given the whole body at once.
        whole = response.is_stream_consumed
        try:
            async for piece in response.aiter_bytes() if whole else response.aiter_raw():
                yield piece
        except FAILURES as exc:
            raise transport_error(
                exc, provider=self.provider, operation=self.operation, host=self.response.url.host
            ) from exc
