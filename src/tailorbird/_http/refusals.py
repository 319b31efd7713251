"""What a provider says when it refuses, in any of its shapes, and the error that it becomes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from tailorbird._http.scrubbing import scrub
from tailorbird._http.waiting import retry_after_s
from tailorbird.exceptions import (
    Accepted,
    AuthenticationError,
    ConflictError,
    ContentFilteredError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    QuotaExhaustedError,
    RateLimitError,
    ServiceUnavailableError,
    UnexpectedResponseError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

_LONGEST_MESSAGE = 500
# Characters of a provider's words that a message repeats.

_LONGEST_CODE = 100

_REQUEST_ID_HEADERS = ("x-request-id", "apim-request-id", "x-ms-request-id", "request-id")
# OpenAI; Azure OpenAI; Azure's control plane; Azure AI Search. Sources: the API descriptions of the
# four, read 2026-11-22.

_KEY_HEADERS = ("authorization", "api-key")

_SHORTEST_KEY = 4
# A shorter "key", as servers without keys are given, would also be found within ordinary words.

_REQUEST_ID = re.compile(r"[!-~]{1,200}")

_FILTER_CODES = frozenset(
    {"content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"}
)
# Azure's outer and inner code, and OpenAI's: "Content filtering", learn.microsoft.com, and the
# error codes of platform.openai.com, read 2026-11-22. Some gateways keep only the inner one.

_QUOTA_CODES = frozenset(
    {
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "InsufficientQuota",  # Azure's control plane
        "QuotaExceeded",
    }
)
# Money or capacity that no waiting brings back.


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What could be read of an answer that is not a success."""

    status_code: int
    """HTTP status, 300..599."""
    headers: Mapping[str, str]
    """The headers, found in any case or written in small letters."""
    code: str | None = None
    """The provider's own code; None when it gives none."""
    message: str = ""
    """The provider's words, keys masked, at most 500 characters; empty when there are none."""
    param: str | None = None
    """The parameter that the provider blames; None when it blames none."""
    type: str | None = None
    """The provider's own class of error; None when it gives none."""
    inner_code: str | None = None
    """The code within an inner error, as Azure gives it; None when there is none."""
    categories: tuple[str, ...] = ()
    """What a content filter acted on, such as `violence`; sorted."""

    @property
    def is_filtered(self) -> bool:
        """Whether a content filter refused."""
        return bool({self.code, self.inner_code} & _FILTER_CODES)

    @property
    def is_out_of_quota(self) -> bool:
        """Whether money or quota is used up, so that waiting does not help."""
        return bool({self.code, self.type} & _QUOTA_CODES)


def keys_sent(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Give the keys and tokens that a request carried: what its answer may repeat."""
    found = (headers.get(name, "") for name in _KEY_HEADERS)
    return tuple(text.rpartition(" ")[2] for text in found if len(text) >= _SHORTEST_KEY)


def read_refusal(
    status_code: int,
    headers: Mapping[str, str],
    content: bytes,
    *,
    secrets: Iterable[str] = (),
) -> Refusal:
    """Read the body of an error, whatever its shape.

    Known are `{"error": {…}}` and `{"error": "text"}`, the flat `{"statusCode", "message"}` of
    Azure's gateway, `{"code", "message"}`, and `{"detail"}` of many compatible servers. Of plain
    text the beginning is taken, of a web page its title; everything else counts as empty.

    Args:
        status_code: HTTP status.
        headers: The answer's headers.
        content: The body, as far as it was read.
        secrets: Keys that must not be repeated, whatever they look like.
    """
    for secret in secrets:
        content = content.replace(secret.encode(), b"***")
    body = _parsed(content)
    if isinstance(body, str):
        message = _of_text(body)
        return Refusal(status_code=status_code, headers=headers, message=message)
    outer = _table(body)
    error = _table(outer.get("error")) or outer
    inner = _table(error.get("innererror")) or _table(error.get("inner_error"))
    results = _table(inner.get("content_filter_result")) or _table(
        inner.get("content_filter_results")
    )
    words = (error.get("message"), outer.get("error"), outer.get("detail"), outer.get("title"))
    return Refusal(
        status_code=status_code,
        headers=headers,
        code=_word(error.get("code")),
        message=next((_shown(text) for text in words if isinstance(text, str)), ""),
        param=_word(error.get("param")),
        type=_word(error.get("type")),
        inner_code=_word(inner.get("code")),
        categories=tuple(sorted(_acted_on(results))),
    )


def refusal_error(
    refusal: Refusal, *, provider: str, operation: str, host: str, now: datetime
) -> ProviderError:
    """Make the error for a refusal, by its status and code and never by its words.

    Args:
        refusal: What was read.
        provider: Name of the provider.
        operation: What was called.
        host: Which host answered.
        now: The time of day, aware; dates in `retry-after` are compared with it.
    """
    if refusal.is_filtered:
        return ContentFilteredError(
            _message(refusal, host, "the content filter refused the prompt; change the prompt"),
            stage="prompt",
            categories=refusal.categories,
            provider=provider,
            operation=operation,
            status_code=refusal.status_code,
            code=refusal.code,
            request_id=request_id_of(refusal.headers),
        )
    kind, accepted, advice = _verdict(refusal)
    return kind(
        _message(refusal, host, advice),
        provider=provider,
        operation=operation,
        status_code=refusal.status_code,
        code=refusal.code,
        request_id=request_id_of(refusal.headers),
        retry_after_s=retry_after_s(refusal.headers, now=now),
        accepted=accepted,
        should_retry=_should_retry(refusal, kind),
    )


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """Give the provider's id of a request, from any of the headers that carry one."""
    found = (headers.get(name, "") for name in _REQUEST_ID_HEADERS)
    return next((text for text in found if _REQUEST_ID.fullmatch(text)), None)


_Verdict = tuple[type[ProviderError], Accepted, str]

_BY_STATUS: Mapping[int, _Verdict] = {
    401: (AuthenticationError, "no", "check the key or token, and that it belongs to this host"),
    403: (PermissionDeniedError, "no", "check roles, network rules and what the account may do"),
    404: (NotFoundError, "no", "check the name, and the path of the base URL"),
    407: (PermissionDeniedError, "no", "the proxy wants a user and a password"),
    408: (ServiceUnavailableError, "unknown", "try later"),
    409: (ConflictError, "unknown", "look at the object's state, or take another name"),
    410: (NotFoundError, "no", "it is retired or deleted; take another one"),
    425: (ServiceUnavailableError, "no", "try later"),  # RFC 8470, 5.2: sent early, not processed
    429: (RateLimitError, "no", "wait, and send fewer calls or tokens at a time"),
}


def _verdict(refusal: Refusal) -> _Verdict:
    status = refusal.status_code
    if refusal.is_out_of_quota:
        return QuotaExhaustedError, "no", "repeating does not help: raise the quota or see billing"
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500:  # noqa: PLR2004 - the border of RFC 9110, 15.6
        return ServiceUnavailableError, "unknown", "try later"
    if status >= 400:  # noqa: PLR2004 - RFC 9110, 15.5
        return InvalidRequestError, "no", "correct the request"
    return UnexpectedResponseError, "unknown", "check the base URL"


def _should_retry(refusal: Refusal, kind: type[ProviderError]) -> bool | None:
    if kind in {QuotaExhaustedError, UnexpectedResponseError}:
        return False
    # OpenAI's servers say it by this header; read in the openai SDK 3.54.0.
    return {"true": True, "false": False}.get(refusal.headers.get("x-should-retry", "").lower())


def _message(refusal: Refusal, host: str, advice: str) -> str:
    said = f": {refusal.message}" if refusal.message else ""
    blamed = f" (parameter {refusal.param!r})" if refusal.param else ""
    return f"{host!r} answered {refusal.status_code}{said}{blamed}; {advice}"


def _parsed(content: bytes) -> object:
    """Give the JSON value of a body, or its text when it is not JSON."""
    text = content.decode("utf-8", errors="replace")
    try:
        return cast("object", json.loads(text))
    except (ValueError, RecursionError):
        return text


def _of_text(text: str) -> str:
    if text.lstrip()[:1] != "<":
        return _shown(text)
    title = re.search(r"<title[^>]*>([^<]*)", text, re.IGNORECASE)
    return f"a web page, not an API{f' ({_shown(title[1])})' if title else ''}"


def _shown(text: str) -> str:
    # Scrubbed before it is cut: half a key would not be recognized.
    line = " ".join(scrub(text).split())
    printable = "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line
    )
    return printable[:_LONGEST_MESSAGE].rstrip(" .")


def _word(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return _shown(str(value))[:_LONGEST_CODE] or None


def _table(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def _acted_on(results: Mapping[str, object]) -> Iterable[str]:
    return (name for name, found in results.items() if _table(found).get("filtered") is True)
