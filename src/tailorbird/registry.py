"""Providers by name: one line each, imported on first use."""

from __future__ import annotations

import difflib
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, cast

from tailorbird.exceptions import ConfigError

if TYPE_CHECKING:
    from tailorbird.protocols import ProviderFactory

_PROVIDERS = {
    "fake": "tailorbird.providers.fake:open_provider",
}

ENTRY_POINTS = "tailorbird.providers"
"""Entry-point group under which other packages register providers of their own."""


def provider_names() -> tuple[str, ...]:
    """Give the names of all providers that can be used, sorted."""
    return tuple(sorted({*_PROVIDERS, *(one.name for one in entry_points(group=ENTRY_POINTS))}))


def find_provider(name: str) -> ProviderFactory:
    """Give what makes the provider of that name.

    Raises:
        ConfigError: There is none, or its package cannot be imported.
    """
    target = _PROVIDERS.get(name)
    if target is None:
        for entry in entry_points(group=ENTRY_POINTS):
            if entry.name == name:
                target = entry.value
    if target is None:
        names = provider_names()
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
        message = f"there is no provider {name!r}; {hint}"
        raise ConfigError(message)
    module, _, attribute = target.partition(":")
    try:
        return cast("ProviderFactory", getattr(import_module(module), attribute))
    except (ImportError, AttributeError) as exc:
        message = f"provider {name!r} cannot be loaded from {target!r}: {exc}"
        raise ConfigError(message) from exc
