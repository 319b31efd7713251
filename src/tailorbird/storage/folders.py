"""Folders that tailorbird makes for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.exceptions import StorageError
from tailorbird.storage.atomic import write_atomic

if TYPE_CHECKING:
    from pathlib import Path


def make_private_folder(folder: Path) -> None:
    """Make a folder, and the ones above it, and keep its content out of version control.

    A `.gitignore` that names everything is put into it, unless there is one already.

    Raises:
        StorageError: It cannot be made, or something that is no folder has its name.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise StorageError(f"cannot make the folder {str(folder)!r}: {exc.strerror}") from exc
    ignored = folder / ".gitignore"
    if not ignored.exists():
        write_atomic(ignored, "*\n")
