"""Clients and certificates for the tests of HTTP."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Literal

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tailorbird._http import HttpClient, HttpSettings, RestAnswer, RestClient, open_client
from tailorbird.providers.fake import VirtualClock
from tailorbird.retry import Repeat, Retrier, RetryBudget, RetryPolicy

PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@dataclass
class Rest:
    """A REST client with everything that a test wants to look at or turn."""

    client: RestClient
    http: HttpClient
    clock: VirtualClock
    retrier: Retrier

    async def send(
        self,
        url: str,
        *,
        method: Literal["GET", "POST"] = "GET",
        body: object = None,
        repeat: Repeat = "safe",
        timeout_s: float = 5.0,
    ) -> RestAnswer:
        """Send with the usual names."""
        return await self.client.send(
            method,
            url,
            operation="things.get",
            repeat=repeat,
            timeout_s=timeout_s,
            body=body,
            headers={"api-key": "test-key"},
        )


MakeRest = Callable[..., Awaitable[Rest]]


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the shell says about proxies and certificates."""
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)


@pytest.fixture
async def make_rest() -> AsyncIterator[MakeRest]:
    """Make REST clients, closed at the end of the test."""
    opened: list[HttpClient] = []

    async def make(
        *,
        transport: object | None = None,
        attempts: int = 1,
        random: Random | None = None,
        authorize: Callable[[], Awaitable[dict[str, str]]] | None = None,
        renew: Callable[[], Awaitable[bool]] | None = None,
        **settings: object,
    ) -> Rest:
        http = open_client(HttpSettings.model_validate(settings), transport=transport)
        opened.append(http)
        clock = VirtualClock()
        policy = RetryPolicy(attempts=attempts)
        drawn = random or Random(1)  # noqa: S311 - it spreads waits
        retrier = Retrier(policy, clock, drawn, RetryBudget(policy.budget))
        client = RestClient(http, runs=retrier, provider="cloud", authorize=authorize, renew=renew)
        return Rest(client, http, clock, retrier)

    yield make
    for http in opened:
        await http.aclose()


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate on disk."""

    path: Path

    def server(self) -> ssl.SSLContext:
        """Make the context of a server that shows it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path)
        return context


MakeCertificate = Callable[..., Certificate]


@pytest.fixture
def make_certificate(tmp_path: Path) -> MakeCertificate:
    """Make certificates, valid for 127.0.0.1 today unless said otherwise."""

    def make(*, address: str = "127.0.0.1", days: int = 1) -> Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tailorbird tests")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=30))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]),
                critical=False,
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        path = tmp_path / f"{address}-{days}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        return Certificate(path)

    return make
