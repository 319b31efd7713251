"""Logging in: tokens off the event loop, kept for as long as they are good, renewed once."""

from __future__ import annotations

import asyncio
import inspect
import logging
import sys
import threading
from collections.abc import Awaitable
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import cast

import pytest

from tailorbird.exceptions import AuthenticationError, ConfigError, ConnectError
from tailorbird.providers.azure.identity import EARLY_S, Credential, KeyAccess, Login, TokenAccess
from tailorbird.providers.fake import VirtualClock
from tailorbird.types.secrets import Secret

SCOPE = "https://ai.azure.com/.default"
HOUR = 3600


@dataclass(frozen=True)
class Token:
    """What a credential gives."""

    token: str
    expires_on: int


@dataclass
class Minting:
    """Gives another token each time, good for an hour."""

    clock: VirtualClock
    threads: list[int] = field(default_factory=list)
    scopes: list[str] = field(default_factory=list)
    error: Exception | None = None
    fixed: str | None = None
    closed: bool = False

    def get_token(self, *scopes: str) -> Token:
        """Give a token."""
        self.threads.append(threading.get_ident())
        self.scopes.append(scopes[0])
        if self.error is not None:
            raise self.error
        expires = int(self.clock.now().timestamp()) + HOUR
        return Token(self.fixed or f"token-{len(self.scopes)}", expires)

    def close(self) -> None:
        """Be closed."""
        self.closed = True


class AsyncMinting(Minting):
    """The same, asynchronous."""

    async def get_token(self, *scopes: str) -> Token:  # type: ignore[override]  # the other kind
        """Give a token."""
        await asyncio.sleep(0)
        return super().get_token(*scopes)


@pytest.fixture
def clock() -> VirtualClock:
    """Time that stands still."""
    return VirtualClock()


def access_of(credential: object, clock: VirtualClock) -> TokenAccess:
    """Make the way in for a credential."""
    return TokenAccess(
        Login(cast("Credential | None", credential), authority=None, clock=clock), SCOPE
    )


async def test_synchronous_credentials_run_in_a_thread(clock: VirtualClock) -> None:
    """A synchronous credential never runs in the thread of the event loop."""
    credential = Minting(clock)
    access = access_of(credential, clock)
    assert await access.headers() == {"Authorization": "Bearer token-1"}
    assert credential.threads != [threading.get_ident()]
    assert credential.scopes == [SCOPE]


async def test_asynchronous_credentials_run_in_the_loop(clock: VirtualClock) -> None:
    """An asynchronous credential is awaited."""
    credential = AsyncMinting(clock)
    assert await access_of(credential, clock).token() == "token-1"
    assert credential.threads == [threading.get_ident()]


async def test_tokens_are_kept_until_shortly_before_their_end(clock: VirtualClock) -> None:
    """A token is used until 300 seconds before its end."""
    credential = Minting(clock)
    access = access_of(credential, clock)
    assert await access.token() == "token-1"
    clock.advance(HOUR - EARLY_S - 1)
    assert await access.token() == "token-1"
    clock.advance(1)
    assert await access.token() == "token-2"
    assert len(credential.scopes) == 2


async def test_one_refresh_at_a_time(clock: VirtualClock) -> None:
    """Many calls that need a token at once share one."""
    credential = Minting(clock)
    access = access_of(credential, clock)
    found: list[str] = []

    async def ask() -> None:
        found.append(await access.token())

    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(ask())
    assert found == ["token-1"] * 20
    assert len(credential.scopes) == 1


async def test_failed_early_refresh_uses_the_old_token(
    clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """While a token is good, a failed early refresh is noted and the token used on."""
    credential = Minting(clock)
    access = access_of(credential, clock)
    await access.token()
    credential.error = OSError("no network")
    clock.advance(HOUR - 10)
    with caplog.at_level(logging.WARNING, logger="tailorbird.azure"):
        assert await access.token() == "token-1"
    assert "token-1" not in caplog.text
    assert SCOPE in caplog.text
    clock.advance(10)
    with pytest.raises(AuthenticationError):
        await access.token()


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_functions_are_asked_each_time(clock: VirtualClock, *, asynchronous: bool) -> None:
    """A function that gives a token keeps it by itself, so it is asked before every request."""
    calls: list[int] = []

    def plain() -> str:
        calls.append(1)
        return f"token-{len(calls)}"

    async def later() -> str:
        return plain()

    access = access_of(later if asynchronous else plain, clock)
    assert [await access.token(), await access.token()] == ["token-1", "token-2"]


async def test_synchronous_functions_may_give_awaitables(clock: VirtualClock) -> None:
    """A plain function may give a coroutine."""

    async def later() -> str:
        return "token"

    def plain() -> Awaitable[str]:
        return later()

    assert await access_of(plain, clock).token() == "token"


async def test_renewal_asks_once(clock: VirtualClock) -> None:
    """A refused token is replaced; when the new one is refused at once, there is no third."""
    credential = Minting(clock)
    access = access_of(credential, clock)
    await access.token()
    assert await access.renew()
    assert await access.token() == "token-2"
    assert not await access.renew()
    assert len(credential.scopes) == 2
    clock.advance(60)
    assert await access.renew()
    assert await access.token() == "token-3"


async def test_renewal_is_shared(clock: VirtualClock) -> None:
    """Calls that were refused together get one new token."""
    credential = Minting(clock)
    access = access_of(credential, clock)
    await access.token()
    found: list[bool] = []

    async def renew() -> None:
        found.append(await access.renew())

    async with asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(renew())
    assert found == [True] * 10
    assert len(credential.scopes) == 2


async def test_renewal_that_gives_the_same_token_says_so(clock: VirtualClock) -> None:
    """A credential that gives the refused token again cannot help."""
    access = access_of(Minting(clock, fixed="always"), clock)
    await access.token()
    assert not await access.renew()


async def test_renewal_before_the_first_token(clock: VirtualClock) -> None:
    """Without a token at hand, any token is new."""
    assert await access_of(Minting(clock), clock).renew()


async def test_given_credentials_stay_open(clock: VirtualClock) -> None:
    """What the caller gave is not closed."""
    credential = Minting(clock)
    login = Login(credential, authority=None, clock=clock)
    await TokenAccess(login, SCOPE).token()
    await login.close()
    assert not credential.closed


async def test_keys_go_into_their_own_header() -> None:
    """A key is sent as `api-key` and never as a token, and there is no other one."""
    access = KeyAccess(Secret("marker", source="test"))
    assert await access.headers() == {"api-key": "marker"}
    assert not await access.renew()


async def test_nothing_shows_a_token(clock: VirtualClock) -> None:
    """No representation shows a token or key."""
    access = access_of(Minting(clock, fixed="marker"), clock)
    await access.token()
    shown = [repr(access), repr(vars(access)), repr(KeyAccess(Secret("marker", source="x")))]
    assert [text for text in shown if "marker" in text] == []


@pytest.mark.parametrize("wrong", ["", "  ", "a\nb", "ト", None, 7])
async def test_what_is_no_token_is_refused(clock: VirtualClock, wrong: object) -> None:
    """Something that cannot stand in a header is no token, and is not shown."""
    with pytest.raises(AuthenticationError) as caught:
        await access_of(lambda: wrong, clock).token()
    assert "a\nb" not in str(caught.value)


def test_what_cannot_log_in_is_refused(clock: VirtualClock) -> None:
    """A text is no credential."""
    with pytest.raises(ConfigError, match="got str"):
        Login("token", authority=None, clock=clock)  # type: ignore[arg-type]  # the mistake


async def test_failures_name_what_was_tried(clock: VirtualClock) -> None:
    """The long text of a chain of credentials becomes the names of what was tried."""
    error = RuntimeError(
        "DefaultAzureCredential failed to retrieve a token from the included credentials.\n"
        "Attempted credentials:\n"
        "\tEnvironmentCredential: EnvironmentCredential authentication unavailable. secret-detail\n"
        "\tManagedIdentityCredential: no endpoint found.\n\tAzureCliCredential: not installed"
    )
    with pytest.raises(AuthenticationError) as caught:
        await access_of(Minting(clock, error=error), clock).token()
    message = str(caught.value)
    assert "EnvironmentCredential, ManagedIdentityCredential, AzureCliCredential" in message
    assert "secret-detail" not in message
    assert len(message) < 400
    assert caught.value.__cause__ is error
    assert caught.value.accepted == "no"


async def test_other_failures_name_their_kind(clock: VirtualClock) -> None:
    """Whatever else a credential raises is named by its kind."""
    with pytest.raises(AuthenticationError, match="ZeroDivisionError"):
        await access_of(Minting(clock, error=ZeroDivisionError("secret")), clock).token()


@pytest.mark.parametrize("kind", ["ServiceRequestError", "ServiceResponseError", "TimeoutError"])
async def test_silence_is_a_failed_connection(clock: VirtualClock, kind: str) -> None:
    """Who gives tokens cannot be reached: nothing was sent to the resource."""
    azure_core = pytest.importorskip("azure.core.exceptions")
    error = TimeoutError() if kind == "TimeoutError" else getattr(azure_core, kind)("no route")
    with pytest.raises(ConnectError) as caught:
        await access_of(Minting(clock, error=error), clock).token()
    assert caught.value.accepted == "no"


async def test_our_own_errors_pass(clock: VirtualClock) -> None:
    """A function of the caller's may raise this library's errors."""
    error = ConfigError("mine")
    with pytest.raises(ConfigError, match="mine"):
        await access_of(Minting(clock, error=error), clock).token()


async def test_missing_package_is_named(
    clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without azure-identity the error says what to install."""
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    with pytest.raises(ConfigError, match="pip install azure-identity"):
        await access_of(None, clock).token()


async def test_default_credential_says_what_it_tried(
    clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any login, the default credential's failure is short and typed."""
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    login = Login(None, authority="login.microsoftonline.us", clock=clock)
    access = TokenAccess(login, SCOPE)
    with pytest.raises(AuthenticationError, match="EnvironmentCredential"):
        await access.token()
    await login.close()


async def test_public_authority_is_the_default(
    clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `authority` the default credential goes by its own; renewing makes a new one."""
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    access = access_of(None, clock)
    with pytest.raises(AuthenticationError):
        await access.token()
    with pytest.raises(AuthenticationError):
        await access.renew()


async def test_own_credential_is_shared_and_closed(
    clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One credential serves all audiences; a refused token makes a new one; both are closed."""
    made: list[Minting] = []

    def make(*, authority: str = "public") -> Minting:
        made.append(Minting(clock, fixed=f"{authority}-{len(made)}"))
        return made[-1]

    module = SimpleNamespace(DefaultAzureCredential=make)
    monkeypatch.setitem(sys.modules, "azure.identity", cast("ModuleType", module))
    login = Login(None, authority="login.example", clock=clock)
    data, management = TokenAccess(login, SCOPE), TokenAccess(login, "https://other/.default")
    assert [await data.token(), await management.token()] == ["login.example-0"] * 2
    assert await data.renew()
    assert [await data.token(), await management.token()] == ["login.example-1", "login.example-0"]
    assert [one.closed for one in made] == [False, False]
    await login.close()
    assert [one.closed for one in made] == [True, True]
    await login.close()
    assert await TokenAccess(Login(None, authority=None, clock=clock), SCOPE).token() == "public-2"


async def test_wrong_setup_of_azure_identity_is_told(
    clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What azure-identity refuses at once is a matter of settings."""
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "NoSuchCredential")
    with pytest.raises(ConfigError, match="azure-identity refuses"):
        await access_of(None, clock).token()


def test_credentials_of_azure_identity_fit() -> None:
    """What azure-identity makes has the method that is asked."""
    identity = pytest.importorskip("azure.identity")
    signature = inspect.signature(identity.DefaultAzureCredential.get_token)
    assert "scopes" in signature.parameters
