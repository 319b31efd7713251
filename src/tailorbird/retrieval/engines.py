"""Retrieval engines by name: one line each, imported on first use."""

from __future__ import annotations

import difflib
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, cast

from tailorbird.exceptions import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tailorbird.protocols import Retrieval

_ENGINES = {
    "local": "tailorbird.retrieval.local:LocalRetrieval",
}

ENTRY_POINTS = "tailorbird.engines"
"""Entry-point group under which other packages register engines of their own."""


def engine_names() -> tuple[str, ...]:
    """Give the names of all engines that can be used, sorted."""
    return tuple(sorted({*_ENGINES, *(one.name for one in entry_points(group=ENTRY_POINTS))}))


def open_engine(name: str, *, folder: Path | None) -> Retrieval:
    """Make the engine of that name; blocks while its module is imported.

    Args:
        name: Name of the engine.
        folder: Where it keeps its indexes; None keeps them in memory.

    Raises:
        ConfigError: There is none, or its package cannot be imported.
    """
    target = _ENGINES.get(name)
    if target is None:
        registered = {one.name: one.value for one in entry_points(group=ENTRY_POINTS)}
        target = registered.get(name)
    if target is None:
        names = engine_names()
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
        message = f"there is no retrieval engine {name!r}; {hint}"
        raise ConfigError(message)
    module, _, attribute = target.partition(":")
    try:
        made = cast("Callable[[Path | None], Retrieval]", getattr(import_module(module), attribute))
    except (ImportError, AttributeError) as exc:
        message = f"retrieval engine {name!r} cannot be loaded from {target!r}: {exc}"
        raise ConfigError(message) from exc
    return made(folder)
