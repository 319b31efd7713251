"""Retrieval engines by name: one line each, imported on first use."""

from __future__ import annotations

from abc import abstractmethod
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

from tailorbird.exceptions import ConfigError, MissingExtraError
from tailorbird.problem import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tailorbird.protocols import Retrieval

_ENGINES = {
    "local": "tailorbird.retrieval.local:LocalRetrieval",
    "postgres": "tailorbird.retrieval.postgres:PostgresRetrieval",
}

_EXTRAS = {"pgvector": "postgres", "psycopg": "postgres"}

ENTRY_POINTS = "tailorbird.engines"
"""Entry-point group under which other packages register engines of their own."""


def engine_names() -> tuple[str, ...]:
    """Give the names of all engines that can be used, sorted."""
    return tuple(sorted({*_ENGINES, *(one.name for one in entry_points(group=ENTRY_POINTS))}))


class EngineFactory(Protocol):
    """How an engine with options of its own is made: its class has this as `from_options`."""

    @abstractmethod
    def __call__(
        self, options: Mapping[str, object], *, folder: Path | None, environ: Mapping[str, str]
    ) -> Retrieval:
        """Check the options and make the engine; connect to nothing.

        Args:
            options: What `[profiles.X.retrieval]` says besides `engine`.
            folder: Where indexes would be kept on disk; None in memory.
            environ: Environment variables, for the secrets that options name.

        Raises:
            ConfigError: An option is unknown or wrong; the message names it.
        """
        ...


@runtime_checkable
class Reachable(Protocol):
    """An engine that can look whether it is reached without changing anything.

    Engines that make tables on their first call have this; others are asked for their indexes.
    """

    @abstractmethod
    async def reach(self) -> str:
        """Connect, check what is needed there, change nothing, and say in words what was reached.

        Raises:
            ConfigError: What is there cannot serve; the message says what to change.
            ProviderError: It cannot be reached.
        """
        ...


def open_engine(
    name: str,
    *,
    folder: Path | None,
    options: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Retrieval:
    """Make the engine of that name; blocks while its module is imported.

    An engine whose class has `from_options` (see `EngineFactory`) is made by that; any other is
    called with the folder and has no options.

    Args:
        name: Name of the engine.
        folder: Where it keeps its indexes; None keeps them in memory.
        options: The engine's own options, which it checks; None for none.
        environ: Environment variables, for the secrets that options name; None for none.

    Raises:
        ConfigError: There is none, its package cannot be imported, or an option is wrong.
        MissingExtraError: What it needs is not installed.
    """
    made = _load(name)
    configured = cast("EngineFactory | None", getattr(made, "from_options", None))
    if configured is not None:
        return configured(options or {}, folder=folder, environ=environ or {})
    if options:
        message = (
            f"retrieval engine {name!r} has no options, got {', '.join(map(repr, options))}:"
            " leave them out"
        )
        raise ConfigError(message)
    return made(folder)


def _load(name: str) -> Callable[[Path | None], Retrieval]:
    target = _ENGINES.get(name)
    if target is None:
        registered = {one.name: one.value for one in entry_points(group=ENTRY_POINTS)}
        target = registered.get(name)
    if target is None:
        names = engine_names()
        hint = did_you_mean(name, names, otherwise=f"known: {', '.join(names)}")
        message = f"there is no retrieval engine {name!r}; {hint}"
        raise ConfigError(message)
    module, _, attribute = target.partition(":")
    try:
        return cast("Callable[[Path | None], Retrieval]", getattr(import_module(module), attribute))
    except ModuleNotFoundError as exc:
        package = (exc.name or "").partition(".")[0]
        if package in _EXTRAS:
            raise MissingExtraError(package=package, extra=_EXTRAS[package]) from exc
        raise _unloadable(name, target, exc) from exc
    except (ImportError, AttributeError) as exc:
        raise _unloadable(name, target, exc) from exc


def _unloadable(name: str, target: str, reason: Exception) -> ConfigError:
    return ConfigError(f"retrieval engine {name!r} cannot be loaded from {target!r}: {reason}")
