"""The command line: one command is one method of the workbench, and its output.

The other modules of this package need the extra `cli`; this one does not.
"""

from __future__ import annotations

from tailorbird.cli.start import main

__all__ = ["main"]
