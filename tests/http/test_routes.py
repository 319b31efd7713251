"""Which way requests take: proxies, certificates."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import httpx2
import pytest
from packaging.version import Version

from tailorbird._http import HttpSettings, open_client
from tailorbird._http.routes import Proxies
from tailorbird.exceptions import ConfigError, ConnectError, InvalidInputError
from tailorbird.testing.faults import FaultServer, Status, Step

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

HTTP_VERSION = Version(httpx2.__version__).release
MakeRest = Any
MakeCertificate = Any


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_proxy_of_the_environment_is_used(
    make_rest: MakeRest, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A17: the proxy that the environment names gets the request, with its password."""
    async with FaultServer() as proxy:
        monkeypatch.setenv(name, f"http://me:geheim99@127.0.0.1:{proxy.port}")
        rest = await make_rest(insecure_hosts=("gpu.lan",))
        await rest.send("http://gpu.lan/v1/things")
    assert proxy.seen[0].target == "http://gpu.lan/v1/things"
    assert proxy.seen[0].headers["proxy-authorization"].startswith("Basic ")


async def test_proxy_without_a_scheme_is_understood(
    make_rest: MakeRest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A17: host and port alone name an HTTP proxy, as they do for curl."""
    async with FaultServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{proxy.port}")
        rest = await make_rest()
        await rest.send("http://gpu.lan/v1/things")
    assert len(proxy.seen) == 1


async def test_loopback_is_never_proxied(
    make_rest: MakeRest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A17: this machine is called straight, whatever environment and settings say."""
    async with FaultServer() as proxy, FaultServer() as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        await (await make_rest()).send(f"{server.url}/things")
        await (await make_rest(proxy=proxy.url)).send(f"{server.url}/things")
    assert (len(server.seen), proxy.seen) == (2, ())


async def test_setting_counts_before_the_environment(
    make_rest: MakeRest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that is set replaces the environment's, and its exceptions too."""
    async with FaultServer() as ignored, FaultServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", ignored.url)
        monkeypatch.setenv("NO_PROXY", "*")
        rest = await make_rest(proxy=proxy.url)
        await rest.send("http://gpu.lan/v1/things")
    assert (len(proxy.seen), ignored.seen) == (1, ())


async def test_environment_can_be_shut_out(
    make_rest: MakeRest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A17: without trust in the environment its proxy sees nothing."""
    async with FaultServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        rest = await make_rest(trust_environment=False)
        with pytest.raises(ConnectError):
            await rest.send("http://127.0.0.2.invalid:1/", timeout_s=2.0)
    assert proxy.seen == ()


@pytest.mark.parametrize(
    ("exceptions", "host", "proxied"),
    [
        ("*", "gpu.lan", False),
        ("gpu.lan", "gpu.lan", False),
        ("GPU.lan", "gpu.lan", False),
        ("gpu.lan", "sub.gpu.lan", False),
        (".lan", "gpu.lan", False),
        ("http://gpu.lan:80", "gpu.lan", False),
        ("other.lan, gpu.lan", "gpu.lan", False),
        ("10.0.0.0/8", "10.1.2.3", False),
        ("10.1.2.3", "10.1.2.3", False),
        ("fd00::/8", "fd00::1", False),
        ("[fd00::1]", "fd00::1", False),
        ("pu.lan", "gpu.lan", True),
        ("10.0.0.0/8", "11.1.2.3", True),
        ("10.0.0.0/8", "gpu.lan", True),
        ("fd00::/8", "10.1.2.3", True),
        ("", "gpu.lan", True),
    ],
)
def test_exceptions_of_the_environment_count(
    monkeypatch: pytest.MonkeyPatch, exceptions: str, host: str, *, proxied: bool
) -> None:
    """A17: NO_PROXY knows names, domains, numbers, networks and the star."""
    monkeypatch.setenv("ALL_PROXY", "http://proxy.test:8080")
    monkeypatch.setenv("NO_PROXY", exceptions)
    before = Proxies.from_environment().before("https", host)
    assert (before is not None) is proxied


async def test_refusal_of_a_proxy_is_told(
    make_rest: MakeRest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A17: a proxy that refuses the way to an https host is a failed connection."""
    async with FaultServer(None, [Step(fault=Status(407), method="CONNECT")]) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        rest = await make_rest()
        with pytest.raises(ConnectError, match="proxy refused"):
            await rest.send("https://api.example.com/v1/things")
    assert proxy.seen[0].target == "api.example.com:443"
    assert "api-key" not in proxy.seen[0].headers


async def test_proxy_may_speak_tls(
    make_rest: MakeRest, make_certificate: MakeCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A17, K8: the certificate of an https proxy is checked like any other."""
    certificate = make_certificate()
    async with FaultServer(tls=certificate.server()) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with pytest.raises(ConnectError, match="not trusted"):
            await (await make_rest()).send("http://gpu.lan/v1/things")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
        rest = await make_rest()
        await rest.send("http://gpu.lan/v1/things")
        await rest.send("http://other.lan/v1/things")
    assert len(proxy.seen) == 2


@pytest.mark.parametrize(
    "address", ["socks5://127.0.0.1:1", "http://", "http://[geheim99", "http://geheim99:port"]
)
async def test_other_proxies_are_refused(
    make_rest: MakeRest, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """A17: what is no HTTP proxy is refused by name of its place, not of its address."""
    monkeypatch.setenv("HTTPS_PROXY", address)
    rest = await make_rest()
    with pytest.raises(ConfigError, match="proxy variable") as caught:
        await rest.send("https://api.example.com/v1/things")
    assert "geheim99" not in str(caught.value)
    with pytest.raises(ConfigError, match="setting `proxy`"):
        open_client(HttpSettings(proxy=address))


def test_password_in_the_proxy_setting_is_refused() -> None:
    """K4: a proxy with a password is refused, and neither message nor settings show it."""
    settings = HttpSettings(proxy="http://me:geheim99@proxy.test:8080")
    with pytest.raises(ConfigError, match="HTTPS_PROXY") as caught:
        open_client(settings)
    assert "geheim99" not in f"{caught.value} {settings!r}"


async def test_trusted_certificate_is_taken(
    make_rest: MakeRest, make_certificate: MakeCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K8: an authority named by SSL_CERT_FILE is trusted, by all calls of the client at once."""
    certificate = make_certificate()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    async with FaultServer(tls=certificate.server()) as server:
        rest = await make_rest()
        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(rest.send(f"{server.url}/things"))
        await (await make_rest()).send(f"{server.url}/things")
    assert len(server.seen) == 5


@pytest.mark.parametrize(
    ("options", "trusted"),
    [({}, False), ({"address": "127.0.0.9"}, True), ({"days": -1}, True)],
)
async def test_untrusted_certificate_is_refused(
    make_rest: MakeRest,
    make_certificate: MakeCertificate,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    *,
    trusted: bool,
) -> None:
    """K8: self-signed, for another host, out of date: refused at once, nothing is sent."""
    certificate = make_certificate(**options)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    async with FaultServer(tls=certificate.server()) as server:
        rest = await make_rest(attempts=4)
        with pytest.raises(ConnectError, match="certificate is not trusted") as caught:
            await rest.send(f"{server.url}/things")
    assert (caught.value.accepted, server.seen, server.connections) == ("no", (), 0)
    assert rest.clock.monotonic() == 0.0


@pytest.mark.skipif(
    HTTP_VERSION < (2, 16), reason="before httpx2 2.16 OpenSSL reads SSL_CERT_FILE by itself"
)
async def test_environment_certificates_can_be_shut_out(
    make_rest: MakeRest, make_certificate: MakeCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K8: without trust in the environment SSL_CERT_FILE is not read."""
    certificate = make_certificate()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    async with FaultServer(tls=certificate.server()) as server:
        rest = await make_rest(trust_environment=False)
        with pytest.raises(ConnectError, match="not trusted"):
            await rest.send(f"{server.url}/things")


async def test_unreadable_certificates_are_named(
    make_rest: MakeRest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A wrong SSL_CERT_FILE is a mistake in the settings, said by name."""
    wrong = tmp_path / "wrong.pem"
    for content in (None, b"not a certificate"):
        if content is not None:
            wrong.write_bytes(content)
        monkeypatch.setenv("SSL_CERT_FILE", str(wrong))
        with pytest.raises(ConfigError, match="SSL_CERT_FILE"):
            await (await make_rest()).send("https://127.0.0.1:1/things")


async def test_plain_server_behind_https_is_told(make_rest: MakeRest) -> None:
    """K8: an https address whose port speaks plain HTTP is refused as such."""

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        rest = await make_rest()
        with pytest.raises(ConnectError, match="does not speak TLS"):
            await rest.send(f"https://127.0.0.1:{port}/things")


def test_checking_cannot_be_turned_off() -> None:
    """K8: no setting says that certificates or redirects are not checked."""
    assert not {"verify", "verify_tls", "follow_redirects"} & set(HttpSettings.model_fields)


def test_transport_must_be_one() -> None:
    """What is no asynchronous transport is refused when the client is opened."""
    with pytest.raises(InvalidInputError, match="SSLContext"):
        open_client(HttpSettings(), transport=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


async def test_time_for_connecting_is_kept(make_rest: MakeRest) -> None:
    """The limit for connecting is the only one of the client; the deadline is the caller's."""
    rest = await make_rest(connect_timeout_s=1.5)
    assert rest.http.timeout == httpx2.Timeout(None, connect=1.5)
