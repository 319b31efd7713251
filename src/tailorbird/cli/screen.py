"""What a command shows: results on stdout, notes and errors on stderr, data as JSON."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tailorbird.report.widths import align, display_width
from tailorbird.storage import write_atomic

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path
    from typing import TextIO

STDOUT = "-"
"""Stands for stdout where a file is asked for."""

# Control characters of a file or an answer would move the cursor or recolor the terminal.
_VISIBLE = {
    code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"
}

_BETWEEN = 2
"""Cells of a terminal between two columns of a framed table."""


class Screen:
    """Where one command shows things; nothing but the JSON goes to stdout under `--json -`."""

    def __init__(self, *, json_file: str | None = None) -> None:
        """Take the process's streams as they are now.

        Args:
            json_file: File for the JSON, `-` for stdout; None writes none.
        """
        self._json_file = json_file
        self._out = _console(sys.stdout)
        self.err = _console(sys.stderr)
        """The console for whatever is no result: notes, errors, progress."""

    @property
    def is_terminal(self) -> bool:
        """Whether the result is shown on a terminal, and not in a file or another program."""
        return self._out.is_terminal

    def show(self, text: str = "", *, style: str = "") -> None:
        """Show a part of the result."""
        if self._json_file != STDOUT:
            self._out.print(_text(text, style), soft_wrap=True)

    def note(self, text: str, *, style: str = "") -> None:
        """Show something worth knowing that is no part of the result."""
        self.err.print(_text(text, style), soft_wrap=True)

    def table(
        self,
        heads: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        right: Collection[int] = (),
    ) -> None:
        """Show a table: framed on a terminal, aligned text without cuts anywhere else.

        A terminal that is too narrow for its names and figures gets aligned text, too.

        Args:
            heads: Titles of the columns.
            rows: Their cells, one text a column.
            right: Numbers of the columns, from 0, that are aligned at the right.
        """
        cells = [[one_line(cell) for cell in row] for row in rows]
        framed, least = _framed(heads, cells, right=right)
        if not self.is_terminal or least > self._out.width:
            self.show("\n".join(align([list(heads), *cells], right=right)))
        elif self._json_file != STDOUT:
            self._out.print(framed)

    def data(self, value: object) -> None:
        """Write the JSON where it was asked for.

        Raises:
            StorageError: The file cannot be written.
        """
        if self._json_file == STDOUT:
            # Escapes are JSON in any encoding; what the stream itself makes of a character is not.
            is_unicode = (sys.stdout.encoding or "").lower().startswith("utf")
            sys.stdout.write(_dump(value, ensure_ascii=not is_unicode))
        elif self._json_file is not None:
            # A lone surrogate has no UTF-8; its escape is right within JSON.
            write_atomic(self._json_file, _dump(value).encode("utf-8", "backslashreplace"))
            self.written(self._json_file)

    def written(self, path: Path | str) -> None:
        """Say that a file was written."""
        self.note(f"written: {path}")


def one_line(text: str) -> str:
    """Give the text with its line ends and runs of spaces as single spaces."""
    return " ".join(text.split())


def shortened(text: str, cells: int) -> str:
    """Give the text on one line, cut to so many cells of a terminal; wide characters take two."""
    line = Text(one_line(text))
    line.truncate(cells, overflow="ellipsis")
    return line.plain


def _console(stream: TextIO) -> Console:
    # Whether there is a terminal is a fact of the stream: variables that ask for colors, as
    # continuous integration sets them, must not bring frames and bars into a file.
    return Console(
        file=stream,
        force_terminal=stream.isatty(),
        markup=False,
        emoji=False,
        highlight=False,
    )


def _framed(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[int]
) -> tuple[Table, int]:
    """Make a table that a terminal breaks at words; and the cells it needs to break no figure."""
    least = 0
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    used = [at for at in range(len(heads)) if any(row[at] for row in rows)]
    for at in used:
        is_right = at in right
        head = heads[at].replace(" ", "\n") if is_right else heads[at]
        widest = max(display_width(row[at]) for row in rows)
        # The first column names the row.
        is_whole = at == 0 or (is_right and widest >= max(map(display_width, head.split())))
        least += (widest if is_whole or is_right else 1) + _BETWEEN
        table.add_column(
            Text(head),
            justify="right" if is_right else "left",
            overflow="fold",
            no_wrap=is_whole,
        )
    for row in rows:
        table.add_row(*(_text(row[at]) for at in used))
    return table, least


def _text(text: str, style: str = "") -> Text:
    return Text(text.translate(_VISIBLE), style=style)


def _dump(value: object, *, ensure_ascii: bool = False) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=2, allow_nan=False) + "\n"
