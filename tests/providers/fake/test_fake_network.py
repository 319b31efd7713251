"""The switch that shuts the network."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack

import pytest

from tailorbird.exceptions import ConfigError
from tailorbird.providers.fake import forbid_network

pytestmark = pytest.mark.usefixtures("socket_enabled")


def test_sockets_are_refused() -> None:
    """Within the block no network socket can be made, with an error that says why."""
    with forbid_network(), pytest.raises(ConfigError, match="forbid_network"):
        socket.socket()
    with forbid_network(), pytest.raises(ConfigError, match="network socket"):
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)


@pytest.mark.parametrize(
    "look_up",
    [
        lambda: socket.getaddrinfo("example.invalid", 443, type=socket.SOCK_STREAM),
        lambda: socket.gethostbyname("example.invalid"),
        lambda: socket.gethostbyname_ex("example.invalid"),
        lambda: socket.gethostbyaddr("127.0.0.1"),
        lambda: socket.create_connection(("example.invalid", 443)),
    ],
)
def test_names_are_not_looked_up(look_up: object) -> None:
    """Within the block no name is looked up, by whatever function."""
    assert callable(look_up)
    with forbid_network(), pytest.raises(ConfigError, match=r"example\.invalid|127\.0\.0\.1"):
        look_up()


def test_older_sockets_cannot_connect() -> None:
    """A socket made before the block can neither connect nor send datagrams within it."""
    with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        with forbid_network():
            with pytest.raises(ConfigError, match="a connection to"):
                stream.connect(("127.0.0.1", 9))
            with pytest.raises(ConfigError, match="a connection to"):
                stream.connect_ex(("127.0.0.1", 9))
            with pytest.raises(ConfigError, match="a connection to"):
                datagrams.sendto(b"x", ("127.0.0.1", 9))
        assert datagrams.sendto(b"x", ("127.0.0.1", 9)) == 1


def test_event_loops_open_and_close_within_the_block() -> None:
    """Event loops, which wake themselves through a pair of sockets, still work."""
    with forbid_network():
        assert asyncio.run(asyncio.sleep(0, "done")) == "done"


def test_domain_sockets_still_work() -> None:
    """Sockets that stay on this machine are made, connected and used."""
    with forbid_network():
        left, right = socket.socketpair()
        with left, right:
            left.send(b"hello")
            assert right.recv(5) == b"hello"
        with socket.socket(socket.AF_UNIX) as lonely, pytest.raises(OSError, match="No such file"):
            lonely.connect("/nowhere/at/all")


def test_open_descriptor_stays_usable() -> None:
    """A connection that stood before the block can be wrapped again within it."""
    with socket.socket() as made:
        copy = made.dup()
        with forbid_network(), socket.socket(fileno=copy.detach()) as wrapped:
            assert wrapped.family == socket.AF_INET


def test_everything_is_put_back() -> None:
    """After the block the module is as it was, also when the block ends with an exception."""
    before = (dict(vars(socket)), dict(vars(socket.socket)))
    with pytest.raises(RuntimeError, match="on purpose"), forbid_network():
        raise RuntimeError("on purpose")
    assert (dict(vars(socket)), dict(vars(socket.socket))) == before
    socket.socket().close()


def test_blocks_may_be_nested() -> None:
    """Leaving an inner block leaves the outer one shut."""
    with forbid_network():
        with forbid_network():
            pass
        with pytest.raises(ConfigError):
            socket.socket()
    socket.socket().close()


def test_blocks_may_overlap() -> None:
    """Of two blocks that overlap, each lifts only its own ban, in any order of leaving."""
    first, second = ExitStack(), ExitStack()
    first.enter_context(forbid_network())
    second.enter_context(forbid_network())
    first.close()
    with pytest.raises(ConfigError):
        socket.socket()
    second.close()
    socket.socket().close()
    left, right = socket.socketpair()
    left.close()
    right.close()
    assert socket.getaddrinfo("127.0.0.1", 80)
