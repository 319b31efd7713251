"""A switch that shuts the network for the whole process, to prove that nothing needs it."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tailorbird.exceptions import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_LOCAL_FAMILIES = frozenset({getattr(socket, "AF_UNIX", None)})
# Domain sockets reach this machine only, and event loops wake themselves through a pair of them.

_METHODS = ("connect", "connect_ex", "sendto")
_LOOKUPS = ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr")


@contextmanager
def forbid_network() -> Generator[None]:
    """Refuse new network sockets, connections and name look-ups within the block, process-wide.

    Domain sockets and the pairs that event loops are built on still work, so loops may be opened
    and closed inside the block; a connection that stood before goes on. Libraries that bring a
    network stack of their own (such as uvloop) are not seen. Blocks may be nested, and blocks of
    several tasks may overlap: each lifts only its own ban.

    Within the block a refused call raises `ConfigError`.
    """
    ban = _Ban()
    with ExitStack() as undo:
        guarded: list[tuple[object, str, Callable[..., object]]] = [
            (socket.socket, "__init__", ban.around_init(socket.socket.__init__)),
            (socket, "socketpair", ban.around_pair(socket.socketpair)),
        ]
        guarded += [
            (socket.socket, name, ban.around_method(getattr(socket.socket, name)))
            for name in _METHODS
        ]
        guarded += [(socket, name, ban.around_lookup(getattr(socket, name))) for name in _LOOKUPS]
        for owner, name, guard in guarded:
            undo.callback(_put_back, owner, name, guard, vars(owner).get(name))
            setattr(owner, name, guard)
        undo.callback(ban.lift)
        yield


def _put_back(
    owner: object, name: str, guard: Callable[..., object], before: object | None
) -> None:
    """Take a guard away, unless a block that overlaps this one stands on top of it."""
    if vars(owner).get(name) is not guard:
        return  # the lifted guard lets everything through
    if before is None:
        delattr(owner, name)
    else:
        setattr(owner, name, before)


class _Ban:
    """The guards of one block; once lifted they pass every call on."""

    def __init__(self) -> None:
        self._lifted = False
        self._pairing = threading.local()

    def lift(self) -> None:
        self._lifted = True

    def around_init(self, original: Callable[..., None]) -> Callable[..., None]:
        def guarded(
            made: socket.socket,
            family: int = -1,
            type: int = -1,  # noqa: A002 - the signature of `socket.socket`
            proto: int = -1,
            fileno: int | None = None,
        ) -> None:
            # A given descriptor is a connection that is open already.
            if fileno is None and family not in _LOCAL_FAMILIES:
                self._refuse("a network socket")
            original(made, family, type, proto, fileno)

        return guarded

    def around_pair(self, original: Callable[..., object]) -> Callable[..., object]:
        def guarded(*args: int) -> object:
            # Where there are no domain sockets, a pair is made of two loopback connections.
            self._pairing.active = True
            try:
                return original(*args)
            finally:
                self._pairing.active = False

        return guarded

    def around_method(self, original: Callable[..., object]) -> Callable[..., object]:
        def guarded(used: socket.socket, *args: object) -> object:
            if used.family not in _LOCAL_FAMILIES:
                self._refuse(f"a connection to {args[-1]!r}")
            return original(used, *args)

        return guarded

    def around_lookup(self, original: Callable[..., object]) -> Callable[..., object]:
        def guarded(host: object, *args: object, **options: int) -> object:
            self._refuse(f"a look-up of {host!r}")
            return original(host, *args, **options)

        return guarded

    def _refuse(self, what: str) -> None:
        if self._lifted or getattr(self._pairing, "active", False):
            return
        message = f"{what} was wanted within `forbid_network()`: leave the block, or use the fake"
        raise ConfigError(message)
