"""The command for other programs: `serve-fake`."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tailorbird.cli.options import JsonOption, Place
from tailorbird.cli.session import session
from tailorbird.exceptions import MissingExtraError

if TYPE_CHECKING:
    from tailorbird.cli.screen import Screen

FlavorChoice = Literal["openai", "azure", "both"]
"""Whose protocol is served."""

_FLAVORS: Mapping[FlavorChoice, Sequence[Literal["openai", "azure"]]] = {
    "openai": ("openai",),
    "azure": ("azure",),
    "both": ("openai", "azure"),
}
_PACKAGES = ("starlette", "uvicorn", "python_multipart")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What a program needs to use the server."""

    url: str
    base_urls: Mapping[str, str]
    environment: Mapping[str, str]
    profiles: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the server is to be."""

    host: str
    port: int
    flavor: FlavorChoice
    key: str
    chat_models: Sequence[str]
    embedding_models: Sequence[str]


def _checked_key(key: str) -> str:
    """Give a key back that a header can carry.

    Raises:
        typer.BadParameter: It is empty, or holds a blank or a sign beyond ASCII.
    """
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        message = "a key has printable ASCII characters and no blanks"
        raise typer.BadParameter(message)
    return key


_EmbeddingModel = Annotated[
    list[str] | None,
    typer.Option(
        "--embedding-model",
        metavar="NAME",
        help="Further model for embeddings, in the same way.",
    ),
]


def serve_fake(  # noqa: PLR0913 - an option each
    *,
    port: Annotated[
        int,
        typer.Option("--port", min=0, max=65_535, help="Port to listen on; 0 takes a free one."),
    ] = 8080,
    host: Annotated[
        str,
        typer.Option("--host", metavar="HOST", help="Address of this machine to listen on."),
    ] = "127.0.0.1",
    flavor: Annotated[
        FlavorChoice,
        typer.Option("--flavor", help="Whose protocol to speak; both share the port."),
    ] = "both",
    api_key: Annotated[
        str,
        typer.Option(
            "--api-key",
            metavar="KEY",
            help="Key that programs must send; tokens for Azure's other services follow from it.",
            callback=_checked_key,
        ),
    ] = "test-key",
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="NAME",
            help="Further chat model, on Azure a deployment. Can be given again.",
        ),
    ] = None,
    embedding_model: _EmbeddingModel = None,
    json: JsonOption = None,
) -> None:
    """Serve the fake to other programs, in any language, until Ctrl-C.

    It speaks OpenAI's API below /v1, Azure OpenAI's below /openai/v1, and beside them Azure's
    deployments and AI Search. Everything lives in memory; nothing leaves this machine. Time passes
    with the requests: a job that takes an hour is over after a few look-ups.
    """
    asked = _Asked(
        host=host,
        port=port,
        flavor=flavor,
        key=api_key,
        chat_models=model or (),
        embedding_models=embedding_model or (),
    )
    with session(Place(json=json)) as screen:
        for package in _PACKAGES:
            if find_spec(package) is None:
                raise MissingExtraError(package=package, extra="server")
        try:
            asyncio.run(_serve(screen, asked))
        except KeyboardInterrupt:
            screen.note("stopped")


async def _serve(screen: Screen, asked: _Asked) -> None:
    """Serve until somebody ends it."""
    # The packages of the extra `server`, which no other command needs.
    from tailorbird.testing._wire import recipes  # noqa: PLC0415
    from tailorbird.testing._wire.serving import open_listener, serving_fakes  # noqa: PLC0415
    from tailorbird.testing.wire import WireSettings  # noqa: PLC0415

    settings = WireSettings(
        api_keys=(asked.key,),
        search_keys=(asked.key,),
        arm_tokens=(f"{asked.key}-management",),
        search_tokens=(f"{asked.key}-search",),
    )
    listener = open_listener(asked.host, asked.port)
    origin = recipes.origin_of(asked.host, int(listener.getsockname()[1]))
    async with serving_fakes(
        _FLAVORS[asked.flavor],
        listener,
        settings=settings,
        chat_models=asked.chat_models,
        embedding_models=asked.embedding_models,
    ) as app:
        told = _Told(
            url=origin,
            base_urls=recipes.base_urls(app, origin),
            environment=recipes.environment(app, origin),
            profiles=recipes.profiles(app, origin),
        )
        ended = asyncio.Event()
        # Containers and services ask this way, and what was uploaded has to go then, too. Windows
        # asks nobody, and only the main thread is asked.
        with suppress(NotImplementedError, RuntimeError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        await asyncio.to_thread(_tell, screen, told)
        await ended.wait()
    screen.note("stopped")


def _tell(screen: Screen, told: _Told) -> None:
    for name, url in told.base_urls.items():
        screen.show(f"{name}: {url}")
    screen.show("\n# tailorbird.toml\n")
    screen.show(told.profiles)
    screen.show("# the environment of this and of other clients\n")
    for name, value in told.environment.items():
        screen.show(f"export {name}={value}")
    screen.data(asdict(told))
    sys.stdout.flush()  # who waits for these lines in a pipe should not wait for more
    screen.note("serving until Ctrl-C")
