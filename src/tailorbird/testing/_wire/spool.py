"""A folder for what is uploaded, so that no content stays in memory."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Spool:
    """Temporary files of one wire application, until it is closed or the process ends.

    Nothing is tidied up when the object is forgotten: a finalizer may run at any moment, also while
    a lock is held that it would need.
    """

    def __init__(self) -> None:
        """Begin without a folder; the first file makes it."""
        self._folder: Path | None = None
        self._clear: Callable[[], None] | None = None
        self._numbers = count()

    def new_path(self) -> Path:
        """Give the path of a file that does not exist yet; makes the folder, so it blocks."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="tailorbird-wire-"))
            self._clear = partial(shutil.rmtree, self._folder, ignore_errors=True)
            atexit.register(self._clear)
        return self._folder / str(next(self._numbers))

    def clear(self) -> None:
        """Remove the folder with all its files; blocks. The next file makes another one."""
        clear, self._clear, self._folder = self._clear, None, None
        if clear is not None:
            clear()
            atexit.unregister(clear)
