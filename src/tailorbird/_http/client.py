"""The HTTP client of this package, and what a user may set about it."""

from __future__ import annotations

import httpx2
from httpx2 import Response as HttpResponse
from pydantic import Field

from tailorbird._http.limits import AnswerLimits, LimitedTransport
from tailorbird._http.routes import Proxies, RoutedTransport
from tailorbird.exceptions import ConfigError, InvalidInputError
from tailorbird.types.base import Settings

__all__ = ["HttpClient", "HttpResponse", "HttpSettings", "open_client"]

HttpClient = httpx2.AsyncClient
"""What `open_client` gives; other floors name it without importing the HTTP library."""


class HttpSettings(Settings):
    """Limits and ways of all requests of one provider.

    Never to be set, because nobody needs it and everybody loses by it: whether certificates are
    checked (they are), and whether redirects are followed (they are not).
    """

    connect_timeout_s: float = Field(default=5.0, gt=0, le=600, allow_inf_nan=False)
    """Seconds for one connection with its TLS handshake, above 0 and at most 600."""
    max_answer_bytes: int = Field(default=32 << 20, ge=1024, strict=True)
    """Largest successful body in bytes, at least 1024; streams and file contents have no limit."""
    max_error_bytes: int = Field(default=64 << 10, ge=1024, strict=True)
    """Bytes of an error's body that are read, at least 1024; the rest is dropped."""
    max_connections: int = Field(default=256, ge=1, le=10_000, strict=True)
    """Connections to one host at a time, 1..10000; further calls wait for a free one."""
    trust_environment: bool = True
    """Whether HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR count.
    Loopback is never called through a proxy. With httpx2 before 2.16 OpenSSL reads the last two by
    itself, whatever stands here."""
    proxy: str | None = Field(default=None, repr=False)
    """One proxy for all hosts but loopback, `http://host:port`, in place of the environment's;
    None for none. A password belongs into HTTPS_PROXY, where it is never shown."""
    insecure_hosts: tuple[str, ...] = ()
    """Hosts besides loopback that may be called by `http://`, in clear text."""


def open_client(settings: HttpSettings, *, transport: object | None = None) -> HttpClient:
    """Open a client; connections are made by its first request.

    It follows no redirects, keeps no cookies, takes no compressed and no endless answers, and
    trusts the certificates of the operating system. It belongs to one event loop and one process.
    Its calls have no time limit but the one for connecting: the caller's deadline holds them all.

    Args:
        settings: Limits and ways.
        transport: An `httpx2` transport in place of the network: for tests within one process.

    Raises:
        ConfigError: `settings.proxy` holds a password or is not the address of an HTTP proxy.
        InvalidInputError: `transport` is not an asynchronous `httpx2` transport.
    """
    inner = _routes(settings) if transport is None else transport
    if not isinstance(inner, httpx2.AsyncBaseTransport):
        message = f"transport must be an asynchronous httpx2 transport, got {type(inner).__name__}"
        raise InvalidInputError(message)
    limits = AnswerLimits(
        max_answer_bytes=settings.max_answer_bytes, max_error_bytes=settings.max_error_bytes
    )
    return httpx2.AsyncClient(
        transport=LimitedTransport(inner, limits),
        # Every other coding would let a small answer grow without bound while it is decoded.
        headers={"accept-encoding": "identity"},
        timeout=httpx2.Timeout(None, connect=settings.connect_timeout_s),
        follow_redirects=False,
        trust_env=False,  # the routes have read the environment
    )


def _routes(settings: HttpSettings) -> RoutedTransport:
    if settings.proxy is not None and "@" in settings.proxy:
        message = "the setting `proxy` holds a password; put that address into HTTPS_PROXY instead"
        raise ConfigError(message)
    proxies = Proxies.from_setting(settings.proxy)
    proxies.before("https", "host.invalid")  # says now what is wrong with it
    if settings.proxy is None and settings.trust_environment:
        proxies = Proxies.from_environment()
    return RoutedTransport(
        proxies,
        max_connections=settings.max_connections,
        trust_environment=settings.trust_environment,
    )
