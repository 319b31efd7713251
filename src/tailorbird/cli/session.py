"""What every command does around its one step: open, show progress, report what went wrong."""

from __future__ import annotations

import asyncio
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from tailorbird.cli.bars import bars
from tailorbird.cli.failures import CANNOT_RUN, exit_code, failure_data, show_failure
from tailorbird.cli.screen import Screen
from tailorbird.exceptions import InvalidInputError, StorageError, TailorbirdError
from tailorbird.problem import nearest
from tailorbird.workbench import open as open_workbench
from tailorbird.workbench.opening import open_to_read

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from tailorbird.cli.options import Place
    from tailorbird.workbench import Workbench
    from tailorbird.workflow.progress import OnProgress

T = TypeVar("T")


@contextmanager
def session(place: Place) -> Generator[Screen]:
    """Give a command its screen; errors of ours become a message and an exit code.

    Raises:
        typer.Exit: An error ended the command.
    """
    screen = Screen(json_file=place.json)
    try:
        yield screen
    except TailorbirdError as exc:
        raise typer.Exit(_reported(screen, exc)) from exc


def work(
    place: Place,
    screen: Screen,
    step: Callable[[Workbench, OnProgress], Awaitable[T]],
    *,
    to_read: bool = False,
) -> T:
    """Open the workbench, run one step of it with progress bars, and close it.

    Args:
        place: Where it works.
        screen: Shows the progress.
        step: What is done.
        to_read: Whether the step only looks at what the workspace keeps; no workspace is made then.

    Raises:
        TailorbirdError: Whatever opening and the step raise.
    """

    async def run(on_progress: OnProgress) -> T:
        if to_read:
            door = open_to_read(place.profile, config=place.config, workspace=place.workspace)
        else:
            door = open_workbench(
                place.profile, config=place.config, workspace=place.workspace, budget=place.limit
            )
        async with door as bench:
            return await step(bench, on_progress)

    with bars(screen.err) as on_progress:
        return asyncio.run(run(on_progress))


def existing(path: Path) -> Path:
    """Give the path back when there is something.

    Raises:
        InvalidInputError: There is nothing of that name; the message names a near one.
    """
    # Unlike Path.exists, this gives False for what the system refuses to look at.
    if os.path.exists(path):  # noqa: PTH110
        return path
    near = nearest(path.name, _names_in(path.parent))
    hint = "check the path" if near is None else f"did you mean {str(path.with_name(near))!r}?"
    message = f"there is no {str(path)!r}; {hint}"
    raise InvalidInputError(message)


def _names_in(folder: Path) -> list[str]:
    try:
        return [one.name for one in folder.iterdir()]
    except OSError:
        return []


def _reported(screen: Screen, error: TailorbirdError) -> int:
    show_failure(screen, error)
    try:
        screen.data(failure_data(error))
    except StorageError as exc:
        # The place of the JSON may be the very trouble that has just been shown.
        if str(exc) != str(error):
            screen.note(f"error: {exc}", style="bold red")
        return CANNOT_RUN
    return exit_code(error)
