"""Who calls: a key, or tokens of Entra ID, one source for each audience."""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeGuard, TypeVar, cast

from typing_extensions import override

from tailorbird.exceptions import AuthenticationError, ConfigError, ConnectError, TailorbirdError
from tailorbird.types.secrets import Secret

if TYPE_CHECKING:
    from tailorbird.protocols import Clock

NAME = "azure"
"""Name of the provider, for messages."""

EARLY_S = 300
"""Seconds before its end at which a token is replaced, as azure-identity 1.27.0 does."""

TOKEN_TIMEOUT_S = 60.0
"""Seconds that getting a token may take: our choice; the slowest step of azure-identity, a command
line tool, is given 10 seconds by default (azure-identity 1.27.0)."""

_JUST_NOW_S = 10.0  # one refused token fails many calls at once: only the first gets a new one
_TRIED = re.compile(r"^\s*(\w+Credential)(?=:|$)", re.MULTILINE)
_SHOWN = 200

_log = logging.getLogger("tailorbird.azure")

T = TypeVar("T")


class AccessToken(Protocol):
    """What a credential gives: azure-core's `AccessToken`, or anything alike."""

    @property
    def token(self) -> str:
        """The token."""
        ...

    @property
    def expires_on(self) -> int:
        """When it ends, in seconds since the epoch, UTC."""
        ...


class TokenCredential(Protocol):
    """A credential as azure-identity makes them, synchronous or asynchronous."""

    def get_token(self, *scopes: str) -> AccessToken | Awaitable[AccessToken]:
        """Give a token for the scopes."""
        ...


class _OwnCredential(TokenCredential, Protocol):
    """A credential that was made here."""

    def close(self) -> None:
        """Close it."""
        ...


TokenFunction = Callable[[], str | Awaitable[str]]
"""Gives a token, and keeps it for as long as it is good; asked before every request."""

Credential = TokenCredential | TokenFunction
"""What a caller may log in by."""


class Access(Protocol):
    """A way in to one API."""

    async def headers(self) -> Mapping[str, str]:
        """Give the headers that let a request in.

        Raises:
            ProviderError: There is no token to be had.
        """
        ...

    async def renew(self) -> bool:
        """Get a new token because the last one was refused; false says there is none."""
        ...


class KeyAccess(Access):
    """Access by key, in the header that a service wants it in."""

    def __init__(self, key: Secret) -> None:
        """Take a key that was checked."""
        self._key = key

    @override
    async def headers(self) -> Mapping[str, str]:
        return {"api-key": self._key.reveal()}

    @override
    async def renew(self) -> bool:
        return False


class TokenAccess(Access):
    """Access by tokens for one audience; calls that need a new one at once share it."""

    def __init__(self, login: Login, scope: str) -> None:
        """Share a login.

        Args:
            login: Gives tokens.
            scope: The audience.
        """
        self._login = login
        self._scope = scope
        self._lock = asyncio.Lock()
        self._held: _Held | None = None

    @override
    async def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {await self.token()}"}

    async def token(self) -> str:
        """Give a token that is good for some minutes yet.

        Raises:
            AuthenticationError: There is none to be had; the message names what was tried.
            ConnectError: Who gives tokens could not be reached.
        """
        held = self._held
        if held is not None and held.left_s(self._login.clock) > EARLY_S:
            return held.token.reveal()
        async with self._lock:
            held = self._held
            if held is None or held.left_s(self._login.clock) <= EARLY_S:
                held = await self._replaced(held)
            return held.token.reveal()

    @override
    async def renew(self) -> bool:
        refused = self._held
        async with self._lock:
            now = self._login.clock.monotonic()
            if self._held is not refused:
                return True
            if refused is not None and now - refused.taken_at < _JUST_NOW_S and refused.renewed:
                return False  # the new token was refused, too: a third would be no better
            self._login.forget()
            self._held = await self._login.fetch(self._scope, renewed=True)
            return refused is None or self._held.token.reveal() != refused.token.reveal()

    async def _replaced(self, old: _Held | None) -> _Held:
        try:
            self._held = await self._login.fetch(self._scope)
        except (AuthenticationError, ConnectError):
            if old is None or old.left_s(self._login.clock) <= 0:
                raise
            _log.warning("no new token for %s yet; the old one is used to its end", self._scope)
            return old
        return self._held


@dataclass(frozen=True, slots=True)
class _Held:
    """A token that was taken."""

    token: Secret
    expires_on: float
    taken_at: float
    renewed: bool

    def left_s(self, clock: Clock) -> float:
        return self.expires_on - clock.now().timestamp()


class Login:
    """Gives tokens for any audience, off the event loop; closes only what it made itself."""

    def __init__(
        self, credential: Credential | None, *, authority: str | None, clock: Clock
    ) -> None:
        """Name who logs in; nothing is imported or opened for it yet.

        Args:
            credential: A credential of azure-identity or one alike, or a function that gives a
                token; None takes `DefaultAzureCredential` when the first token is needed.
            authority: Host that gives tokens; None takes the public cloud's.
            clock: Says when a token ends.

        Raises:
            ConfigError: `credential` is neither.
        """
        if credential is not None and not (_has_tokens(credential) or callable(credential)):
            message = (
                f"credential must have get_token, or be a function without arguments that gives a"
                f" token; got {type(credential).__name__}"
            )
            raise ConfigError(message)
        self._given = credential
        self._authority = authority
        self._made: _OwnCredential | None = None
        self._retired: list[_OwnCredential] = []
        self._making = asyncio.Lock()
        self.clock = clock

    async def fetch(self, scope: str, *, renewed: bool = False) -> _Held:
        """Get a token for an audience.

        Raises:
            AuthenticationError: There is none to be had; the message names what was tried.
            ConfigError: azure-identity is missing, or cannot be used as it is set up.
            ConnectError: Who gives tokens could not be reached.
        """
        source = self._given or await self._own()
        try:
            async with asyncio.timeout(TOKEN_TIMEOUT_S):
                token, expires_on = await self._asked(source, scope)
        except TailorbirdError:
            raise
        except Exception as exc:  # a border: credentials raise whatever their maker chose
            raise _no_token(exc, scope) from exc
        kept = Secret(token, source=scope)
        return _Held(kept, expires_on, self.clock.monotonic(), renewed)

    def forget(self) -> None:
        """Let go of tokens that the made credential remembers, so that the next one is new."""
        made, self._made = self._made, None
        if made is not None:
            # Not closed yet: another audience may be asking it right now.
            self._retired.append(made)

    async def close(self) -> None:
        """Close what was made here; what the caller gave stays open."""
        self.forget()
        retired, self._retired = self._retired, []
        for one in retired:
            await _in_thread(one.close)

    async def _own(self) -> TokenCredential:
        """Give the credential that is made here, once for all audiences."""
        async with self._making:
            if self._made is None:
                self._made = await _in_thread(self._make)
            return self._made

    async def _asked(self, source: Credential, scope: str) -> tuple[str, float]:
        if _has_tokens(source):
            found = await _called(partial(source.get_token, scope))
            return _checked(found.token), float(found.expires_on)
        # Its maker keeps the token: asked anew each time, so it never counts as lasting.
        return _checked(await _called(cast("TokenFunction", source))), self.clock.now().timestamp()

    def _make(self) -> _OwnCredential:
        try:
            # 0.4 s, for those who log in by Entra ID only.
            from azure.identity import DefaultAzureCredential  # noqa: PLC0415
        except ImportError as exc:
            message = (
                'auth = "entra" needs the package azure-identity: pip install azure-identity, or'
                ' log in by key with auth = "key"'
            )
            raise ConfigError(message) from exc
        try:
            if self._authority is None:
                return DefaultAzureCredential()
            return DefaultAzureCredential(authority=self._authority)
        except ValueError as exc:
            message = f"azure-identity refuses its settings: {str(exc)[:_SHOWN]}"
            raise ConfigError(message) from exc


def _has_tokens(credential: object) -> TypeGuard[TokenCredential]:
    return callable(getattr(credential, "get_token", None))


async def _called(function: Callable[[], T | Awaitable[T]]) -> T:
    """Call what may be synchronous and slow, or asynchronous."""
    found = function() if inspect.iscoroutinefunction(function) else await _in_thread(function)
    if inspect.isawaitable(found):
        return await cast("Awaitable[T]", found)
    return found


async def _in_thread(work: Callable[[], T]) -> T:
    """Do blocking work in a thread: the one place where logging in leaves the event loop."""
    return await asyncio.to_thread(work)


def _checked(token: object) -> str:
    """Give the token when it can stand in a header.

    Raises:
        AuthenticationError: It cannot.
    """
    if isinstance(token, str) and token.strip() and token.isascii() and token.isprintable():
        return token.strip()
    kind = "an empty text" if token == "" else type(token).__name__
    raise AuthenticationError(
        f"the credential gave {kind} in place of a token; it must give a text of plain characters",
        provider=NAME,
        operation="token",
        accepted="no",
    )


def _no_token(error: Exception, scope: str) -> AuthenticationError | ConnectError:
    """Say in a few words why there is no token; the whole story stands in the cause."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if isinstance(error, TimeoutError) or kinds & {"ServiceRequestError", "ServiceResponseError"}:
        return ConnectError(
            f"who gives tokens for {scope!r} does not answer: check the network and `authority`",
            provider=NAME,
            operation="token",
            accepted="no",
        )
    tried = list(dict.fromkeys(_TRIED.findall(str(error))))
    what = f"tried {', '.join(tried)}" if tried else f"{type(error).__name__} was raised"
    return AuthenticationError(
        f"no token for {scope!r}: {what}. Log in (`az login`), or name one way by"
        " AZURE_TOKEN_CREDENTIALS, or give credential=…, or use a key",
        provider=NAME,
        operation="token",
        accepted="no",
    )
