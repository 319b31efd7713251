"""A server of this machine's network for a wire application, for programs in other processes."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Literal

import uvicorn
from typing_extensions import override

from tailorbird.exceptions import ConfigError
from tailorbird.providers.fake import FakeProvider
from tailorbird.providers.fake.settings import read_settings
from tailorbird.testing._wire.app import wire_app

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Sequence

    from tailorbird.testing._wire.app import WireApp
    from tailorbird.testing._wire.world import WireSettings

FlavorName = Literal["openai", "azure"]
"""Whose protocol is spoken."""

_GRACE_S = 3  # answers that are on their way may end; streams that nobody reads are cut


def open_listener(host: str, port: int) -> socket.socket:
    """Take a port.

    Args:
        host: Address or name of this machine, e.g. `127.0.0.1`.
        port: 1..65535, or 0 for one that is free.

    Raises:
        ConfigError: It cannot be taken; the message says why.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as exc:
        message = (
            f"port {port} of {host!r} cannot be opened: {exc.strerror}; name another port, or 0 for"
            " one that is free"
        )
        raise ConfigError(message) from exc


@asynccontextmanager
async def serving(app: WireApp, listener: socket.socket) -> AsyncGenerator[None]:
    """Serve an application for the length of an `async with` block; the listener is closed then."""
    server = _Server(
        uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )
    failure: Exception | None = None
    async with asyncio.TaskGroup() as group:
        task = group.create_task(server.serve(sockets=[listener]))
        try:
            await server.ready.wait()
            yield
        except Exception as exc:  # noqa: BLE001 - raised again below, as itself and not in a group
            failure = exc
        finally:
            # Also when this block is cancelled, the server ends by itself, and is not cancelled.
            server.should_exit = True
            await asyncio.wait([task])
    if failure is not None:
        raise failure


@asynccontextmanager
async def serving_fakes(
    flavors: Sequence[FlavorName],
    listener: socket.socket,
    *,
    settings: WireSettings,
    chat_models: Sequence[str] = (),
    embedding_models: Sequence[str] = (),
) -> AsyncGenerator[WireApp]:
    """Serve a new fake of each flavor, for the length of an `async with` block.

    Args:
        flavors: Whose protocols are spoken.
        listener: Where; it is closed at the end.
        settings: Keys, and how the server behaves.
        chat_models: Further models of all fakes; see `FakeSettings`.
        embedding_models: The same for embeddings.

    Raises:
        ConfigError: A name of a model is empty, or given twice.
    """
    models = {"chat_models": chat_models, "embedding_models": embedding_models}
    async with AsyncExitStack() as stack:
        fakes = [FakeProvider(read_settings({**models, "flavor": flavor})) for flavor in flavors]
        providers = [await stack.enter_async_context(one) for one in fakes]
        app = wire_app(*providers, settings=settings)
        await stack.enter_async_context(serving(app, listener))
        yield app


class _Server(uvicorn.Server):
    """Tells when it answers, and leaves Ctrl-C to whoever runs the event loop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @override
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield
