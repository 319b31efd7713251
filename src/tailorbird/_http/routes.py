"""Which way a request takes: straight, or through a proxy; loopback always straight."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx2
from typing_extensions import override

from tailorbird._http.addresses import is_loopback
from tailorbird.exceptions import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_POOL_CONNECTIONS = 8
# The HTTP library looks at every connection of a pool before and after each request: with 256 calls
# under way in one pool that costs more than all the rest (httpcore2 2.16.2, 2026-11-22: 1.20 times
# the CPU of the bare SDK for a call, 0.43 times with pools of 8; `benchmarks/client_calls.py`).

_KEEPALIVE_S = 5.0
# Servers such as uvicorn close an idle connection after 5 s (uvicorn's `--timeout-keep-alive`,
# https://www.uvicorn.org/settings/, read 2026-11-22). A request that meets the closing may or may
# not have arrived, so connections are not kept for longer than that.


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxies:
    """Which proxy stands before which host."""

    by_scheme: dict[str, str]
    """Address of the proxy for `http`, `https` or `all`; may hold a password."""
    excepted: tuple[str, ...]
    """Hosts, domains, numbers and networks that are called straight; `*` means all."""
    place: str
    """Where this was set, for messages."""

    @classmethod
    def from_setting(cls, proxy: str | None) -> Proxies:
        """Take one proxy for everything; None takes none."""
        by_scheme = {} if proxy is None else {"all": proxy}
        return cls(by_scheme=by_scheme, excepted=(), place="the setting `proxy`")

    @classmethod
    def from_environment(cls) -> Proxies:
        """Take what HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say, in either case.

        On macOS and Windows the system's settings count where the variables are not set.
        """
        found = getproxies()
        excepted = tuple(name.strip().lower() for name in found.pop("no", "").split(","))
        return cls(
            by_scheme=found,
            excepted=tuple(name for name in excepted if name),
            place="the proxy variable of the environment",
        )

    def before(self, scheme: str, host: str) -> httpx2.Proxy | None:
        """Give the proxy that stands before a host; None when it is called straight.

        Raises:
            ConfigError: The address of the proxy is not one of an HTTP proxy.
        """
        address = self.by_scheme.get(scheme) or self.by_scheme.get("all")
        if not address or is_loopback(host) or self._excepts(host.lower()):
            return None
        try:
            proxy = httpx2.Proxy(address if "://" in address else f"http://{address}")
        except (ValueError, httpx2.InvalidURL):
            proxy = None  # the error would repeat the address, and with it the password
        if proxy is None or proxy.url.scheme not in {"http", "https"} or not _is_host(proxy):
            raise ConfigError(f"{self.place} does not name a proxy: write http://host:port")
        return proxy

    def _excepts(self, host: str) -> bool:
        return any(_covers(name, host) for name in self.excepted)


class RoutedTransport(httpx2.AsyncBaseTransport):
    """Opens connection pools when a host first needs one, and sends each request on its way.

    Pools are made in a thread: the HTTP library imports its better half for the first one, and an
    `https` host needs the certificates, which takes a tenth of a second to read.
    """

    def __init__(self, proxies: Proxies, *, max_connections: int, trust_environment: bool) -> None:
        self._proxies = proxies
        self._max_connections = max_connections
        self._trust_environment = trust_environment
        self._ways: dict[tuple[str, bytes], _Way] = {}
        self._opening = asyncio.Lock()
        self._trusted: ssl.SSLContext | None = None

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        origin = (request.url.scheme, request.url.raw_host)
        way = self._ways.get(origin)
        if way is None:
            way = await self._opened(origin, request.url)
        return await way.send(request)

    @override
    async def aclose(self) -> None:
        ways = list(self._ways.values())
        self._ways.clear()
        for way in ways:
            await way.close()

    async def _opened(self, origin: tuple[str, bytes], url: httpx2.URL) -> _Way:
        async with self._opening:
            if origin not in self._ways:
                self._ways[origin] = await asyncio.to_thread(self._open, url)
            return self._ways[origin]

    def _open(self, url: httpx2.URL) -> _Way:
        proxy = self._proxies.before(url.scheme, url.host)
        secure = url.scheme == "https" or (proxy is not None and proxy.url.scheme == "https")
        if secure and self._trusted is None:
            self._trusted = _trusted(environment=self._trust_environment)
        # A context without certificates trusts nobody: right for a way that has no TLS.
        context = (self._trusted if secure else None) or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if proxy is not None and proxy.url.scheme == "https":
            proxy.ssl_context = context
        return _Way(context, proxy, max_connections=self._max_connections)


class _Way:
    """The connections to one host: as many small pools as are needed."""

    def __init__(
        self, context: ssl.SSLContext, proxy: httpx2.Proxy | None, *, max_connections: int
    ) -> None:
        """Open the first pool; imports and reads what the HTTP library needs, so it blocks."""
        self._context = context
        self._proxy = proxy
        self._left = max_connections
        self._pools: list[_Pool] = []
        self._add()

    async def send(self, request: httpx2.Request) -> httpx2.Response:
        """Send by the first pool that has room; when none has, wait in the one with least to do."""
        pool = next((one for one in self._pools if one.under_way < one.size), None)
        if pool is None:
            pool = self._add() if self._left else min(self._pools, key=_load)
        pool.under_way += 1
        try:
            response = await pool.transport.handle_async_request(request)
        except BaseException:
            pool.under_way -= 1
            raise
        response.stream = _Leased(cast("httpx2.AsyncByteStream", response.stream), pool)
        return response

    async def close(self) -> None:
        """Close all connections."""
        for pool in self._pools:
            await pool.transport.aclose()

    def _add(self) -> _Pool:
        size = min(_POOL_CONNECTIONS, self._left)
        self._left -= size
        limits = httpx2.Limits(
            max_connections=size, max_keepalive_connections=size, keepalive_expiry=_KEEPALIVE_S
        )
        transport = httpx2.AsyncHTTPTransport(
            verify=self._context, limits=limits, proxy=self._proxy
        )
        pool = _Pool(transport, size)
        self._pools.append(pool)
        return pool


@dataclass(slots=True)
class _Pool:
    """A few connections."""

    transport: httpx2.AsyncHTTPTransport
    size: int
    under_way: int = 0


def _load(pool: _Pool) -> float:
    return pool.under_way / pool.size


class _Leased(httpx2.AsyncByteStream):
    """A body whose connection is free again when it is closed."""

    def __init__(self, inner: httpx2.AsyncByteStream, pool: _Pool) -> None:
        self._inner = inner
        self._pool = pool
        self._held = 1

    @override
    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._inner.__aiter__()

    @override
    async def aclose(self) -> None:
        # Closing twice gives the connection back once.
        self._pool.under_way -= self._held
        self._held = 0
        await self._inner.aclose()


def _trusted(*, environment: bool) -> ssl.SSLContext:
    """Read the certificates of the operating system, or those that the environment names."""
    try:
        return httpx2.create_ssl_context(trust_env=environment)
    except OSError as exc:  # ssl.SSLError, too
        raise ConfigError(
            "the certificates named by SSL_CERT_FILE or SSL_CERT_DIR cannot be read"
            f" ({type(exc).__name__}); name a PEM file, or unset the variable"
        ) from exc


def _is_host(proxy: httpx2.Proxy) -> bool:
    return re.fullmatch(r"[\w.:-]+", proxy.url.host) is not None


def _covers(name: str, host: str) -> bool:
    if name == "*":
        return True
    with suppress(ValueError):  # not a number or a network: a name
        address = ipaddress.ip_address(host.strip("[]"))
        return address in ipaddress.ip_network(name.strip("[]"), strict=False)
    name = urlsplit(f"//{name.partition('://')[2] or name}").hostname or name
    domain = name.lstrip(".")
    return host == domain or host.endswith(f".{domain}")
