"""Providers by name: one line each, imported on first use."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, cast

from tailorbird.exceptions import ConfigError
from tailorbird.problem import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tailorbird.protocols import ProviderFactory

_PROVIDERS = {
    "azure": "tailorbird.providers.azure:open_provider",
    "fake": "tailorbird.providers.fake:open_provider",
    "openai": "tailorbird.providers.openai:open_provider",
}

ENTRY_POINTS = "tailorbird.providers"
"""Entry-point group under which other packages register providers of their own."""


def provider_names() -> tuple[str, ...]:
    """Give the names of all providers that can be used, sorted."""
    return tuple(sorted({*_PROVIDERS, *(one.name for one in entry_points(group=ENTRY_POINTS))}))


def find_provider(name: str) -> ProviderFactory:
    """Give what makes the provider of that name.

    Raises:
        ConfigError: There is none, two packages bring one of that name, or it cannot be imported.
    """
    targets = _targets(name)
    if len(targets) > 1:
        message = (
            f"the provider {name!r} is registered {len(targets)} times, by {', '.join(targets)}:"
            " uninstall all packages that bring it but one"
        )
        raise ConfigError(message)
    target = next(iter(targets.values()), None)
    if target is None:
        names = provider_names()
        hint = did_you_mean(name, names, otherwise=f"known: {', '.join(names)}")
        message = f"there is no provider {name!r}; {hint}"
        raise ConfigError(message)
    module, _, attribute = target.partition(":")
    try:
        return cast("ProviderFactory", getattr(import_module(module), attribute))
    except (ImportError, AttributeError) as exc:
        message = f"provider {name!r} cannot be loaded from {target!r}: {exc}"
        raise ConfigError(message) from exc


def _targets(name: str) -> Mapping[str, str]:
    """Give what stands behind a name, by whoever registered it."""
    own = {"tailorbird": _PROVIDERS[name]} if name in _PROVIDERS else {}
    others = {
        f"{'another package' if one.dist is None else one.dist.name} ({one.value})": one.value
        for one in entry_points(group=ENTRY_POINTS, name=name)
    }
    return own | others
