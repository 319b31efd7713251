"""Options that several commands share."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli.screen import STDOUT
from tailorbird.exceptions import StorageError
from tailorbird.storage.atomic import check_place
from tailorbird.types.budget import Budget
from tailorbird.workbench import WORKSPACE

if TYPE_CHECKING:
    from typer.models import OptionInfo


def writable(path: str | None) -> str | None:
    """Give the file back when it can be written as far as its folder tells.

    It is asked before anything is paid for, so that no result is left without a place.

    Raises:
        typer.BadParameter: There is no such folder, or what has the name is no file.
    """
    if path is None or path == STDOUT:
        return path
    try:
        check_place(Path(path))
    except StorageError as exc:
        raise typer.BadParameter(str(exc)) from exc
    folder = os.path.dirname(path) or "."  # noqa: PTH120 - as it was written
    if not os.path.isdir(folder):  # noqa: PTH112 - unlike Path.is_dir, it never raises
        message = f"there is no folder {folder!r} to write into; make it first"
        raise typer.BadParameter(message)
    return path


def file_option(flag: str, what: str) -> OptionInfo:
    """Make the option that writes something into a file."""
    option: OptionInfo = typer.Option(
        flag, metavar="FILE", help=f"Write {what}.", show_default=False, callback=writable
    )
    return option


ProfileOption = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="NAME",
        help="Profile of the configuration file; without it TAILORBIRD_PROFILE, the file's"
        " default_profile, or fake, which works offline and costs nothing.",
        show_default=False,
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Configuration file; without it TAILORBIRD_CONFIG, or tailorbird.toml here.",
        show_default=False,
    ),
]
WorkspaceOption = Annotated[
    Path,
    typer.Option(
        "--workspace",
        metavar="DIR",
        help="Folder that remembers jobs, models, indexes and answers.",
    ),
]
JsonOption = Annotated[
    str | None,
    typer.Option(
        "--json",
        metavar="FILE",
        help="Write the result as JSON, errors too; - writes it to stdout and nothing else.",
        show_default=False,
        callback=writable,
    ),
]
SystemOption = Annotated[
    str | None,
    typer.Option("--system", metavar="TEXT", help="System prompt.", show_default=False),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="ID",
        help="Base model to tune; without it the profile's tune_base.",
        show_default=False,
    ),
]
AgainOption = Annotated[
    bool,
    typer.Option("--again", help="Train anew although the run's job failed or was cancelled."),
]
BudgetOption = Annotated[
    str | None,
    typer.Option(
        "--budget",
        metavar="USD",
        help="The most that may be spent, e.g. 5, or 20/month, 2.50/day, 1/run; calls that could"
        " exceed it are not sent. Without it the profile's budget.",
        show_default=False,
    ),
]
BulkOption = Annotated[
    bool,
    typer.Option("--bulk", help="Ask as batches: at a part of the price, answered within a day."),
]
AllOption = Annotated[bool, typer.Option("--all", help="Show all problems, not only the first 20.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a command works and where its result goes: what every command can be told."""

    profile: str | None = None
    """Name of the profile; None takes the usual one."""
    config: Path | None = None
    """Configuration file; None takes the usual one."""
    workspace: Path = WORKSPACE
    """Folder to remember things in."""
    json: str | None = None
    """File for the JSON, `-` for stdout; None writes none."""
    budget: str | None = None
    """The most that may be spent, as `Budget.parse` reads it; None takes the profile's."""

    @property
    def limit(self) -> Budget | float | None:
        """The budget; without a period it is that of the profile's, or all that is ever spent.

        Raises:
            InvalidInputError: It is written in another way.
        """
        if self.budget is None:
            return None
        read = Budget.parse(self.budget)
        return read if "/" in self.budget else float(read.usd)
