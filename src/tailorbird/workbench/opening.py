"""Open a workbench for a profile."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tailorbird.config import load_profile
from tailorbird.journal import Workspace
from tailorbird.journal.threads import in_thread
from tailorbird.protocols import ProviderContext
from tailorbird.registry import find_provider
from tailorbird.types.secrets import Environment
from tailorbird.workbench.bench import Workbench

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from tailorbird.protocols import Clock

WORKSPACE = Path(".tailorbird")
"""Where journal, indexes and models are kept, relative to the working directory."""


@asynccontextmanager
async def open(
    profile: str | None = None,
    *,
    config: Path | str | None = None,
    workspace: Path | str | None = WORKSPACE,
    clock: Clock | None = None,
    environ: Mapping[str, str] | None = None,
) -> AsyncGenerator[Workbench]:
    """Open a workbench for a profile, for the length of an `async with` block.

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
        StorageError: The workspace cannot be used.
    """
    # Under the same name, so that no frame of a raised error holds the values themselves.
    environ = Environment(os.environ if environ is None else environ)
    bench = await in_thread(
        _assemble,
        profile,
        config=None if config is None else Path(config),
        workspace=None if workspace is None else Path(workspace),
        clock=clock,
        environ=environ,
    )
    async with bench:
        yield bench


def _assemble(
    profile: str | None,
    *,
    config: Path | None,
    workspace: Path | None,
    clock: Clock | None,
    environ: Mapping[str, str],
) -> Workbench:
    """Read the profile and load its provider: files and imports, so never on an event loop."""
    found = load_profile(profile, config=config, environ=environ)
    room = Workspace(workspace)
    context = ProviderContext(
        environ=environ, roles=found.roles, state=room.state_folder(found.name), clock=clock
    )
    provider = find_provider(found.provider)(found.options, context=context)
    return Workbench(provider, profile=found, workspace=room, environ=environ)
