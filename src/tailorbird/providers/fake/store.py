"""Where a fake keeps its state and its files' contents: in memory, or in a folder."""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from tailorbird.exceptions import StorageError, StoreVersionError
from tailorbird.providers.fake.state import STATE_VERSION, State
from tailorbird.storage import AtomicFile, Database, write_atomic

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

PIECE_BYTES = 2**20
"""Bytes that are read at once: `Files.content` promises pieces of at most 1 MiB."""


class Store:
    """Keeps one fake's state; every method blocks and belongs into a thread.

    Contents are kept once each, under their hash. In a folder, the state is replaced whole after
    every change, and only when nobody else has changed it since it was loaded: a lock that ends
    with its process stands around the look and the replacement.
    """

    def __init__(self, folder: Path | None, *, flavor: str) -> None:
        """Name the folder (made at the first write); None keeps everything in memory."""
        self._folder = folder
        self._path = None if folder is None else folder / f"fake-{flavor}.json"
        self._stamp: tuple[int, int, int] | None = None
        self._contents: dict[str, bytes] = {}
        self._lock: Database | None = None

    @property
    def persistent(self) -> bool:
        """Whether the state outlives the process."""
        return self._path is not None

    def load(self) -> State | None:
        """Give the state as another process left it; None when there is no other one.

        Raises:
            StoreVersionError: Another version of tailorbird wrote it.
            StorageError: The file cannot be read or is damaged.
        """
        stamp = self._current_stamp()
        if self._path is None or stamp is None or stamp == self._stamp:
            return None
        try:
            text = self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            message = f"cannot read the fake's state {str(self._path)!r}: {exc}"
            raise StorageError(message) from exc
        state = _parsed(text, self._path)
        self._stamp = stamp
        return state

    def save(self, text: str) -> bool:
        """Write the state as JSON text; say whether it was still the one that was loaded.

        Raises:
            StoreBusyError: Another process holds the lock for more than ten seconds.
            StorageError: It cannot be written.
        """
        if self._path is None:
            return True
        _make_folder(self._path.parent)
        if self._lock is None:
            self._lock = Database(self._path.with_suffix(".lock"), steps=())
        with self._lock.transaction():
            if self._current_stamp() != self._stamp:
                return False
            write_atomic(self._path, text)
            self._stamp = self._current_stamp()
        return True

    def close(self) -> None:
        """Let go of the lock's file; the store can be used again."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def drop(self, sha256s: Iterable[str]) -> None:
        """Forget contents that nothing needs any more.

        Raises:
            StorageError: One cannot be removed.
        """
        for sha256 in sha256s:
            if self._folder is None:
                self._contents.pop(sha256, None)
            else:
                _remove(self._folder / "contents" / sha256)

    def put(self, source: Path | bytes) -> tuple[str, int]:
        """Keep a content and give its SHA-256 and its size in bytes.

        Raises:
            OSError: The source cannot be read.
            StorageError: It cannot be written.
        """
        digest, size = hashlib.sha256(), 0
        for piece in _pieces(source):
            digest.update(piece)
            size += len(piece)
        name = digest.hexdigest()
        if self._folder is None:
            self._contents[name] = b"".join(_pieces(source))
            return name, size
        folder = self._folder / "contents"
        _make_folder(folder)
        if not (folder / name).exists():
            with AtomicFile(folder / name) as file:
                for piece in _pieces(source):
                    file.write(piece)
        return name, size

    def piece(self, sha256: str, offset: int) -> bytes:
        """Give up to 1 MiB of a content; empty at its end.

        Raises:
            StorageError: The content is gone.
        """
        if self._folder is None:
            return self._contents[sha256][offset : offset + PIECE_BYTES]
        path = self._folder / "contents" / sha256
        try:
            with path.open("rb") as file:
                file.seek(offset)
                return file.read(PIECE_BYTES)
        except OSError as exc:
            message = f"the fake's file {str(path)!r} cannot be read: {exc.strerror}"
            raise StorageError(message) from exc

    @contextmanager
    def as_path(self, sha256: str) -> Generator[Path]:
        """Give a content as a file on disk for the length of the block.

        Raises:
            OSError: There is no room for a temporary file.
        """
        if self._folder is not None:
            yield self._folder / "contents" / sha256
            return
        with tempfile.TemporaryDirectory(prefix="tailorbird-fake-") as folder:
            path = Path(folder, sha256)
            path.write_bytes(self._contents[sha256])
            yield path

    def _current_stamp(self) -> tuple[int, int, int] | None:
        if self._path is None:
            return None
        try:
            found = self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


class _Head(BaseModel):
    """What every version of the state file begins with."""

    version: int


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        message = f"cannot make the folder {str(folder)!r}: {exc.strerror}"
        raise StorageError(message) from exc


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as exc:
        message = f"cannot remove {str(path)!r}: {exc.strerror}"
        raise StorageError(message) from exc


def _pieces(source: Path | bytes) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def _parsed(text: str, path: Path) -> State:
    try:
        version = _Head.model_validate_json(text).version
        if version != STATE_VERSION:
            message = (
                f"the fake's state {str(path)!r} has version {version}, this tailorbird knows"
                f" {STATE_VERSION}: install the version that wrote it, or delete the folder"
            )
            raise StoreVersionError(message)
        return State.model_validate_json(text)
    except ValidationError as exc:
        # The state holds a user's data: what is wrong is told, what stands there is not.
        first = exc.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
    message = f"the fake's state {str(path)!r} is damaged at {place!r}: {first['msg']}"
    raise StorageError(message)
