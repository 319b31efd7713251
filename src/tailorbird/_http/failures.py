"""What becomes of a request that got no (usable) answer."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

import httpx2

from tailorbird._http.limits import AnswerRefusedError
from tailorbird.exceptions import (
    ConnectError,
    DeadlineError,
    InvalidRequestError,
    ProviderError,
    ServiceUnavailableError,
    TailorbirdError,
    UnexpectedResponseError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

FAILURES = (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, ssl.SSLError)
"""What a call of the HTTP client can raise besides our own errors, cancellation, and what reading
the request's body raises; `transport_error` knows them all."""

_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)

_BROKEN = (httpx2.NetworkError, httpx2.ProtocolError, ssl.SSLError)


def transport_error(
    exc: BaseException, *, provider: str, operation: str, host: str
) -> ProviderError:
    """Make the error for a call that got no answer, or one that is not taken.

    The message never repeats the words of `exc`, which may hold headers and with them the key.

    Args:
        exc: What was raised; the chain of its causes is searched for what happened.
        provider: Name of the provider.
        operation: What was called.
        host: Which host was called.

    Returns:
        `ConnectError` (accepted: no) when the request did not leave; `DeadlineError` for silence;
        `UnexpectedResponseError` for an answer that cannot be used; `ServiceUnavailableError` for
        a connection that broke in between. The last three can mean that it was accepted.

    Raises:
        TailorbirdError: One of our own is among the causes: it is raised as it is.
        BaseException: `exc` is a cancellation or an exit, which is passed on.
    """
    if not isinstance(exc, Exception):
        raise exc
    chain = list(_chain(exc))
    for link in chain:
        if isinstance(link, TailorbirdError):
            raise link
    for link in chain:
        if isinstance(link, AnswerRefusedError):
            return _refused(link, provider=provider, operation=operation, host=host)
    if any(isinstance(link, _NEVER_SENT) for link in chain):
        return _never_sent(chain, provider=provider, operation=operation, host=host)
    return _broken(chain, provider=provider, operation=operation, host=host)


def failure_of(exc: BaseException, *, provider: str, operation: str, host: str) -> TailorbirdError:
    """Make the error as `transport_error` does, and give one of our own instead of raising it.

    It is to be raised outside of the handler of `exc`: the frames and the chain of what another
    library raised hold the request's headers, and with them the key.
    """
    try:
        return transport_error(exc, provider=provider, operation=operation, host=host)
    except TailorbirdError as own:
        found = own
    found.__context__ = None
    return found.with_traceback(None)


def _refused(exc: AnswerRefusedError, *, provider: str, operation: str, host: str) -> ProviderError:
    kind = UnexpectedResponseError if exc.status_code is not None else InvalidRequestError
    return kind(
        f"the answer of {host!r} is not taken: {exc}" if exc.status_code is not None else str(exc),
        provider=provider,
        operation=operation,
        status_code=exc.status_code,
        accepted=exc.accepted,
        should_retry=False if exc.repeat == "useless" else None,
    )


def _never_sent(
    chain: list[BaseException], *, provider: str, operation: str, host: str
) -> ConnectError:
    reasons = [reason for link in chain for reason in _reason(link)]
    untrusted = any(isinstance(link, ssl.SSLCertVerificationError) for link in chain)
    detail = reasons[-1] if reasons else "check address, port and network"
    return ConnectError(
        f"no connection to {host!r}: {detail}",
        provider=provider,
        operation=operation,
        accepted="no",
        should_retry=False if untrusted else None,
    )


def _reason(link: BaseException) -> Iterator[str]:
    if isinstance(link, ssl.SSLCertVerificationError):
        # Only the ssl module sets it, on its own errors.
        found: object = getattr(link, "verify_message", "it does not verify")
        yield (
            f"its certificate is not trusted ({found}); if it is right, name its authority by"
            " SSL_CERT_FILE, or install the system's certificates"
        )
    elif isinstance(link, ssl.SSLError):
        yield "it does not speak TLS as expected; is this an https address, and the port right?"
    elif isinstance(link, socket.gaierror):
        yield "this name is not known; check its spelling and the network"
    elif isinstance(link, httpx2.ConnectTimeout):
        yield "it did not answer in time; check address, port and network"
    elif isinstance(link, httpx2.PoolTimeout):
        yield "none was free in time; run fewer calls at once"
    elif isinstance(link, httpx2.ProxyError):
        yield "the proxy refused the way; check the proxy's address and password"


def _broken(
    chain: list[BaseException], *, provider: str, operation: str, host: str
) -> ProviderError:
    kind: type[ProviderError] = UnexpectedResponseError
    reason = f"the answer of {host!r} cannot be read; is this the address of the API?"
    if any(isinstance(link, httpx2.TimeoutException | TimeoutError) for link in chain):
        kind = DeadlineError
        reason = f"{host!r} was silent for too long; give the call more time, or try later"
    elif any(isinstance(link, _BROKEN) for link in chain):
        kind = ServiceUnavailableError
        reason = f"the connection to {host!r} broke before the answer was complete; try later"
    return kind(reason, provider=provider, operation=operation)


def _chain(exc: BaseException) -> Iterator[BaseException]:
    """Give an error and its causes; a chain that bites its tail ends there."""
    seen: list[BaseException] = []
    link: BaseException | None = exc
    while link is not None and not any(link is other for other in seen):
        seen.append(link)
        # The connection pool hides the error of the operating system by `from None`. Any other
        # context may be something that the caller was handling when it called us.
        hidden = link.__context__ if isinstance(link.__context__, OSError) else None
        link = link.__cause__ or hidden
    return iter(seen)
