"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tailorbird.exceptions import StorageError, StorageFullError

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType
    from typing import BinaryIO, Self

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DEVICES = Path("/dev")
_NAME_BYTES = 64  # of the final name, within the temporary one; file systems allow 255 in all


class AtomicFile:
    """A file that appears under its name only when it is complete.

    Bytes go to a temporary file in the same folder. Leaving the `with` block without an exception
    flushes it to disk and renames it; leaving it with one removes it and leaves what was there
    before untouched. `sha256` is the hash of exactly the bytes on disk.
    """

    def __init__(self, path: Path | str) -> None:
        """Name the file that is to be written; its folder must exist."""
        self.path = Path(path)
        self._hash = hashlib.sha256()
        self.size_bytes = 0
        """Bytes written so far."""

    def __enter__(self) -> Self:
        """Open the temporary file.

        Raises:
            StorageError: The folder does not exist or cannot be written, or something that is no
                file has the name: a device or a pipe would be gone, and an empty name is none.
        """
        check_place(self.path)
        stem = self.path.name.encode("utf-8")[:_NAME_BYTES].decode("utf-8", "ignore")
        self._temporary = self.path.with_name(f".{stem}.{secrets.token_hex(8)}.part")
        try:
            # "x" refuses to follow a link that somebody put there under the same name.
            self._file = self._temporary.open("xb")
        except OSError as exc:
            raise write_error(exc, self.path) from exc
        return self

    def write(self, data: bytes) -> None:
        """Append bytes.

        Raises:
            StorageFullError: There is no room left.
        """
        try:
            self._file.write(data)
        except OSError as exc:
            raise write_error(exc, self.path) from exc
        self._hash.update(data)
        self.size_bytes += len(data)

    @property
    def sha256(self) -> str:
        """Hash of what was written so far, in hexadecimal."""
        return self._hash.hexdigest()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Publish the file, or remove what was written when the block failed."""
        try:
            if kind is None:
                self._publish()
        except OSError as exc:
            raise write_error(exc, self.path) from exc
        finally:
            # Closing flushes, which fails again on a full disk; the first error is what counts.
            with suppress(OSError):
                self._file.close()
            self._temporary.unlink(missing_ok=True)

    def _publish(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._temporary.replace(self.path)
        sync_folder(self.path.parent)


def write_atomic(path: Path | str, content: bytes | str) -> str:
    """Write a whole file (text as UTF-8) and give its SHA-256 in hexadecimal.

    Raises:
        StorageError: The folder does not exist or cannot be written.
        StorageFullError: There is no room left; an older file of the name is intact.
    """
    with AtomicFile(path) as file:
        file.write(content.encode("utf-8") if isinstance(content, str) else content)
    return file.sha256


@contextmanager
def new_file(path: Path) -> Generator[BinaryIO]:
    """Write a file that must not exist yet, and have it on disk when the block ends.

    Unlike `AtomicFile` it stands under its name while it is being written: something else, written
    afterwards, has to say that it counts. It is removed when the block fails.

    Raises:
        StorageFullError: There is no room left.
        StorageError: It exists, its folder does not, or cannot be written.
    """
    try:
        # "x" refuses to follow a link that somebody put there under the same name.
        file = path.open("xb")
    except OSError as exc:
        raise write_error(exc, path) from exc
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)
    except BaseException as exc:
        # Closing flushes, and may have failed; the first error is what counts.
        with suppress(OSError):
            path.unlink(missing_ok=True)
        if isinstance(exc, OSError):
            raise write_error(exc, path) from exc
        raise


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut, where the system lets us ask for that."""
    # A system that cannot open folders (Windows) makes a new name durable by itself.
    with suppress(PermissionError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def check_place(path: Path) -> None:
    """Do nothing where a file may be put.

    Raises:
        StorageError: A rename would put the file in the place of something else.
    """
    kind = stat.S_IFMT(_mode(path))
    if kind == stat.S_IFREG and path.name:
        return
    what = "a device or a pipe" if path.name and kind != stat.S_IFDIR else "a folder"
    message = f"cannot write {str(path)!r}: it is {what}; name a file"
    raise StorageError(message)


def _mode(path: Path) -> int:
    """Give what stands under the name, that of a file when nothing does."""
    try:
        found = path.lstat().st_mode
        # A link makes way for the file, but those in /dev lead to streams of this process.
        if not stat.S_ISLNK(found):
            return found
        return stat.S_IFCHR if path.parent.resolve() == _DEVICES else path.stat().st_mode
    except (OSError, ValueError):
        return stat.S_IFREG  # opening tells everything else


def write_error(exc: OSError, path: Path) -> StorageError:
    """Give the error of ours for one that a write ended with."""
    if exc.errno in _FULL:
        return StorageFullError(path)
    return StorageError(f"cannot write {str(path)!r}: {exc.strerror or exc}")
