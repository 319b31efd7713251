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
from tailorbird.workbench.spending import chosen_budget

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from tailorbird.protocols import Clock, Reranker
    from tailorbird.types.budget import Budget

WORKSPACE = Path(".tailorbird")
"""Where journal, indexes and models are kept, relative to the working directory."""


@asynccontextmanager
async def open(  # noqa: PLR0913 - the front door has all keys
    profile: str | None = None,
    *,
    config: Path | str | None = None,
    workspace: Path | str | None = WORKSPACE,
    clock: Clock | None = None,
    environ: Mapping[str, str] | None = None,
    reranker: Reranker | None = None,
    budget: Budget | float | None = None,
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
        reranker: What puts hits into a better order where that is asked for; None takes the model
            of the role `reranker`, else of `chat`. It is not closed.
        budget: The most that may be spent: US dollars, or a `Budget` with its period; None takes
            the profile's, which may be none. Calls that could exceed it raise
            `BudgetExceededError` and are not sent.

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
        room=Workspace(None if workspace is None else Path(workspace)),
        clock=clock,
        environ=environ,
        reranker=reranker,
        budget=budget,
    )
    async with bench:
        yield bench


@asynccontextmanager
async def open_to_read(
    profile: str | None, *, config: Path | None, workspace: Path
) -> AsyncGenerator[Workbench]:
    """Open a workbench to look at what a workspace keeps, also where that cannot be written.

    No workspace is made. For methods that ask nothing and pay nothing: what is to be written down
    is refused where the workspace cannot be written.

    Raises:
        ConfigError: The profile or the configuration file is wrong; nothing was opened.
        StorageError: The workspace cannot be read as it is.
    """
    bench = await in_thread(
        _assemble,
        profile,
        config=config,
        room=Workspace(workspace, to_read=True),
        clock=None,
        environ=Environment(os.environ),
        reranker=None,
        budget=None,
    )
    async with bench:
        yield bench


def _assemble(  # noqa: PLR0913 - as above
    profile: str | None,
    *,
    config: Path | None,
    room: Workspace,
    clock: Clock | None,
    environ: Mapping[str, str],
    reranker: Reranker | None,
    budget: Budget | float | None,
) -> Workbench:
    """Read the profile and load its provider: files and imports, so never on an event loop."""
    found = load_profile(profile, config=config, environ=environ)
    found = found.model_copy(update={"budget": chosen_budget(found, budget)})
    context = ProviderContext(
        environ=environ, roles=found.roles, state=room.state_folder(found.name), clock=clock
    )
    provider = find_provider(found.provider)(found.options, context=context)
    return Workbench(provider, profile=found, workspace=room, environ=environ, reranker=reranker)
