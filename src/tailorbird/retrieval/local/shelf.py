"""Where the files of segments stand: in a folder, or in memory."""

from __future__ import annotations

import secrets
from abc import abstractmethod
from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING, Protocol

from typing_extensions import override

from tailorbird.exceptions import StorageError
from tailorbird.storage.arrays import ArrayFile, aligned, open_arrays
from tailorbird.storage.atomic import new_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

    from tailorbird.storage.arrays import Seal

_SUFFIX = ".segment"


class Shelf(Protocol):
    """Keeps files that never change, by name."""

    @abstractmethod
    def write(self, fill: Callable[[BinaryIO], Seal]) -> tuple[str, Seal]:
        """Write a file, have it on disk, and give its name and its seal.

        Raises:
            StorageFullError: There is no room left.
            StorageError: It cannot be written.
        """
        ...

    @abstractmethod
    def open(self, name: str, *, seal: Seal) -> ArrayFile:
        """Open a file.

        Raises:
            FileNotFoundError: There is none of the name.
            StorageError: It is damaged.
            StoreVersionError: A newer version of tailorbird wrote it.
        """
        ...

    @abstractmethod
    def discard(self, name: str) -> None:
        """Delete a file, if it is there and the system lets us."""
        ...

    @abstractmethod
    def names(self) -> set[str]:
        """Give the names of all files."""
        ...


class FolderShelf(Shelf):
    """Files in a folder, which is made when the first is written."""

    def __init__(self, folder: Path) -> None:
        """Name the folder."""
        self._folder = folder

    @override
    def write(self, fill: Callable[[BinaryIO], Seal]) -> tuple[str, Seal]:
        try:
            self._folder.mkdir(exist_ok=True)
        except OSError as exc:
            message = f"cannot make the folder {str(self._folder)!r}: {exc.strerror}"
            raise StorageError(message) from exc
        # Never a name that was used before: somebody may still read the file that had it.
        name = f"{secrets.token_hex(12)}{_SUFFIX}"
        with new_file(self._folder / name) as file:
            seal = fill(file)
        return name, seal

    @override
    def open(self, name: str, *, seal: Seal) -> ArrayFile:
        return open_arrays(self._folder / name, seal=seal)

    @override
    def discard(self, name: str) -> None:
        # Windows deletes no file that somebody has mapped; it is swept up later.
        with suppress(OSError):
            (self._folder / name).unlink()

    @override
    def names(self) -> set[str]:
        return {path.name for path in self._folder.glob(f"*{_SUFFIX}")}


class MemoryShelf(Shelf):
    """Files in memory."""

    def __init__(self) -> None:
        """Begin empty."""
        self._files: dict[str, memoryview] = {}

    @override
    def write(self, fill: Callable[[BinaryIO], Seal]) -> tuple[str, Seal]:
        file = BytesIO()
        seal = fill(file)
        name = secrets.token_hex(12)
        self._files[name] = aligned(file.getbuffer()).data
        return name, seal

    @override
    def open(self, name: str, *, seal: Seal) -> ArrayFile:
        return ArrayFile(self._files[name], name=name, seal=seal)

    @override
    def discard(self, name: str) -> None:
        self._files.pop(name, None)

    @override
    def names(self) -> set[str]:
        return set(self._files)
