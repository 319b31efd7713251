"""Look whether the command line can run, and run it."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from tailorbird.exceptions import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Sequence

_PACKAGES = ("typer", "rich")


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit code; see `tailorbird --help` for the codes.

    Args:
        args: The words after `tailorbird`; None takes the process's own.
    """
    for package in _PACKAGES:
        if find_spec(package) is None:
            sys.stderr.write(f"error: {MissingExtraError(package=package, extra='cli')}\n")
            return 2
    try:
        # Loads typer and rich, which only the extra brings; the lines above must run without them.
        from tailorbird.cli.app import run  # noqa: PLC0415

        return run(args)
    except KeyboardInterrupt:
        # Between commands, and while modules are loaded, nobody else listens to Ctrl-C.
        sys.stderr.write("\ninterrupted\n")
        return 130
