"""How refusals and failures look on the wire.

What a fake raises becomes the status, the body and the headers of its cloud. A fault without a
status is an answer that never comes: `Lost` says which error of the HTTP library a client in this
process sees; a client behind a socket sees the connection break, whatever the fault was.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import httpx2
from pydantic_core import to_json
from starlette.responses import Response

from tailorbird.exceptions import (
    AuthenticationError,
    ConflictError,
    ConnectError,
    ContentFilteredError,
    DeadlineError,
    InvalidInputError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    QuotaExhaustedError,
    RateLimitError,
    RetrievalError,
    TailorbirdError,
    UnsupportedError,
)
from tailorbird.providers.fake.faults import TRAINING_CLOSED
from tailorbird.types.capabilities import Capability

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from tailorbird.testing._wire.world import World

Lost: TypeAlias = "httpx2.TransportError"
"""What a client in this process sees instead of an answer."""

INVALID = "invalid_request_error"
"""The `type` of nearly every refusal."""

_STATUS: tuple[tuple[type[TailorbirdError], int], ...] = (
    (AuthenticationError, 401),
    (PermissionDeniedError, 403),
    (NotFoundError, 404),
    (ConflictError, 409),
    (InvalidRequestError, 400),
    (RateLimitError, 429),
    (QuotaExhaustedError, 429),
)
_PREFIX = re.compile(r"\A[\w-]+ [a-z]+\.[a-z]+: ")
_FACTS = re.compile(r" \((?:status \d+|code |request |retry after )[^()]*\)\Z")
_CHAT_OPTION = re.compile(r"chat option (\w+)")
_FILTERS = ("hate", "self_harm", "sexual", "violence")  # those with a severity: Azure's description


class WireError(Exception):
    """A refusal by the wire application itself."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = INVALID,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Say what is refused.

        Args:
            message: The words.
            status: HTTP status, 400..599.
            kind: OpenAI's `type`.
            code: The machine-readable reason; None where the cloud gives none.
            param: Which parameter is to blame; None for none.
            headers: Headers of the answer besides the usual ones.
        """
        super().__init__(message)
        self.told = Told(
            status=status,
            message=message,
            kind=kind,
            code=code,
            param=param,
            headers=dict(headers or {}),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What an error answer says."""

    status: int
    message: str
    kind: str = INVALID
    code: str | None = None
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    categories: tuple[str, ...] | None = None


def told_of(error: WireError | TailorbirdError) -> Told:
    """Give what the answer to a call that raised this says."""
    if isinstance(error, WireError):
        return error.told
    if isinstance(error, UnsupportedError):
        return _unsupported(error)
    if isinstance(error, ProviderError):
        return _refused(error)
    if isinstance(error, InvalidInputError):
        return Told(status=400, message=str(error), code="invalid_value")
    if isinstance(error, RetrievalError):
        return Told(status=404, message=str(error))
    return Told(status=500, message=str(error), kind="server_error")


def lost(error: Exception) -> Lost | None:
    """Give what a client sees when no answer comes; None when one does."""
    if not isinstance(error, ProviderError) or error.status_code is not None:
        return None
    if isinstance(error, ConnectError):
        return httpx2.ConnectError("the host could not be reached")
    if isinstance(error, DeadlineError):
        return httpx2.ReadTimeout("no answer came within the time")
    if isinstance(error, InvalidRequestError):
        return None
    return httpx2.RemoteProtocolError("the connection broke before the answer was complete")


def error_body(told: Told, world: World) -> dict[str, JsonValue]:
    """Give the body of an error answer in the cloud's shape."""
    if not world.dialect.annotated:
        return {
            "error": {
                "message": told.message,
                "type": told.kind,
                "param": told.param,
                "code": told.code,
            }
        }
    body: dict[str, JsonValue] = {"code": told.code or str(told.status), "message": told.message}
    if told.param is not None:
        body["param"] = told.param
    if told.categories is not None:
        body["type"] = None
        body["status"] = told.status
        body["innererror"] = {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": filter_findings(told.categories),
        }
    return {"error": body}


def error_response(told: Told, world: World) -> Response:
    """Make an error answer in the cloud's shape."""
    return json_response(error_body(told, world), status=told.status, headers=told.headers)


def json_response(
    data: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Make an answer of JSON."""
    return Response(
        to_json(data), status_code=status, headers=headers, media_type="application/json"
    )


def filter_findings(filtered: tuple[str, ...] = ()) -> dict[str, JsonValue]:
    """Give what Azure's content filter found, by category.

    Source: facts of Azure's description and of its content streaming page, read 2026-11-22.
    """
    found: dict[str, JsonValue] = {
        name: {"filtered": False, "severity": "safe"} for name in _FILTERS
    }
    for name in filtered:
        found[name] = (
            {"filtered": True, "severity": "high"}
            if name in _FILTERS
            else {"filtered": True, "detected": True}
        )
    return found


def _refused(error: ProviderError) -> Told:
    status = error.status_code or next(
        (status for kind, status in _STATUS if isinstance(error, kind)), 503
    )
    categories = None
    if isinstance(error, ContentFilteredError):
        categories = error.categories
    return Told(
        status=status,
        message=_words(error),
        kind=_kind(error, status),
        code=error.code or ("content_filter" if categories is not None else None),
        param="prompt" if categories is not None else _param(error),
        headers=_wait_headers(error.retry_after_s),
        categories=categories,
    )


def _kind(error: ProviderError, status: int) -> str:
    if isinstance(error, QuotaExhaustedError):
        return "insufficient_quota"
    if isinstance(error, RateLimitError):
        return "requests"
    return INVALID if status < 500 else "server_error"  # noqa: PLR2004 - the class of statuses


def _param(error: ProviderError) -> str | None:
    """Name the parameter where the code says which it is."""
    return {"model_not_found": "model", "model_not_tunable": "model"}.get(error.code or "")


def _unsupported(error: UnsupportedError) -> Told:
    option = _CHAT_OPTION.match(error.capability)
    if option is not None:
        return Told(
            status=400,
            message=f"Unsupported value: {option[1]!r}: {error.reason}.",
            code="unsupported_value",
            param=option[1],
        )
    if error.capability == Capability.JOBS_CREATE.value:
        return Told(status=403, message=error.reason, code=TRAINING_CLOSED)
    return Told(status=400, message=str(error), code="unsupported_operation")


def _wait_headers(retry_after_s: float | None) -> dict[str, str]:
    """Say how long to wait, to the millisecond and in whole seconds, as both clouds do."""
    if retry_after_s is None:
        return {}
    return {
        "retry-after-ms": f"{retry_after_s * 1000:.0f}",
        "retry-after": str(math.ceil(retry_after_s)),
    }


def _words(error: ProviderError) -> str:
    """Give an error's own words, without what is told in other fields."""
    return _FACTS.sub("", _PREFIX.sub("", str(error)))
