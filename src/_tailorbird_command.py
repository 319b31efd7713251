"""Where the command `tailorbird` begins.

It stands beside the package, because loading the package takes longer than starting Python: Ctrl-C
meanwhile ends the command as quietly as it does later.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line and give its exit code; see `tailorbird --help` for the codes."""
    try:
        # Loads the package, which is what may be interrupted.
        from tailorbird.cli.start import main as run  # noqa: PLC0415

        return run()
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted\n")
        return 130
