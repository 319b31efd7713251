"""Open a workbench for a profile."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tailorbird.config import load_profile
from tailorbird.journal import Workspace
from tailorbird.protocols import ProviderContext
from tailorbird.registry import find_provider
from tailorbird.workbench.bench import Workbench

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tailorbird.protocols import Clock

WORKSPACE = Path(".tailorbird")
"""Where journal, indexes and models are kept, relative to the working directory."""


def open(  # noqa: A001 - `tailorbird.open` reads as what it does
    profile: str | None = None,
    *,
    config: Path | str | None = None,
    workspace: Path | str | None = WORKSPACE,
    clock: Clock | None = None,
    environ: Mapping[str, str] | None = None,
) -> Workbench:
    """Make a workbench for a profile; enter it with `async with`.

    Args:
        profile: Name of the profile; None takes `TAILORBIRD_PROFILE`, the file's default, or
            `fake`, which needs no key, no network and no file.
        config: The configuration file; None takes `TAILORBIRD_CONFIG`, or `tailorbird.toml` in
            the working directory.
        workspace: Folder for journal, indexes, caches and models; None keeps all in memory and
            writes nothing.
        clock: The clock to go by; None takes the provider's own.
        environ: Environment variables; None takes the process's.

    Raises:
        ConfigError: The profile or the configuration file is wrong; nothing was opened.
    """
    variables = os.environ if environ is None else environ
    path = None if config is None else Path(config)
    found = load_profile(profile, config=path, environ=variables)
    room = Workspace(None if workspace is None else Path(workspace))
    context = ProviderContext(
        environ=variables, roles=found.roles, state=room.state_folder(found.name), clock=clock
    )
    provider = find_provider(found.provider)(found.options, context=context)
    return Workbench(provider, profile=found, workspace=room)
