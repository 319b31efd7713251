"""Progress bars on stderr, on a terminal only."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from tailorbird.workflow.progress import silent

if TYPE_CHECKING:
    from collections.abc import Generator

    from rich.console import Console

    from tailorbird.workflow.progress import OnProgress, Progress

_WIDTH = 30


class Bars:
    """Remembers how far each step has come.

    A report only stores a value: drawing is left to the thread of `Live`, so that the event loop
    never waits for a terminal.
    """

    def __init__(self) -> None:
        """Start without a step."""
        self._latest: dict[str, Progress] = {}
        self._current = ""
        self._spinner = Spinner("dots")

    def report(self, progress: Progress) -> None:
        """Take a step's newest report."""
        self._latest[progress.step] = progress
        self._current = progress.step

    def draw(self) -> Table:
        """Give a line for each step; only the one at work moves."""
        grid = Table.grid(padding=(0, 1))
        for step, latest in tuple(self._latest.items()):
            mark = self._spinner if step == self._current else ""
            grid.add_row(mark, Text(step), *_amount(latest), Text(latest.detail))
        return grid


@contextmanager
def bars(console: Console) -> Generator[OnProgress]:
    """Show bars while the block runs, and none at all where the console is no terminal."""
    if not console.is_terminal:
        yield silent
        return
    shown = Bars()
    with Live(
        get_renderable=shown.draw,
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ):
        yield shown.report


def _amount(latest: Progress) -> tuple[ProgressBar | Text, Text]:
    if latest.total is None:
        return Text(""), Text("")
    bar = ProgressBar(total=latest.total, completed=latest.done, width=_WIDTH)
    return bar, Text(f"{latest.done}/{latest.total}")
