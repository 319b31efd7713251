"""What is open of a folder of indexes, or of memory. All calls block."""

from __future__ import annotations

from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from tailorbird.retrieval.local.content import Content
from tailorbird.retrieval.local.keeper import Keeper
from tailorbird.retrieval.local.sealing import damaged
from tailorbird.retrieval.local.shelf import FolderShelf, MemoryShelf
from tailorbird.retrieval.local.store import Store
from tailorbird.storage import make_private_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tailorbird.retrieval.local.shelf import Shelf
    from tailorbird.retrieval.local.store import IndexRow
    from tailorbird.types.ids import IndexName

_Result = TypeVar("_Result")
_FILE = "indexes.sqlite"
_SEGMENTS = "segments"
_ATTEMPTS = 20  # each fails only where another process has just put segments together


class Opened:
    """Tables and files that belong together, and what was loaded of them.

    Work that has begun with it goes on with it to the end, whatever is opened meanwhile.
    """

    def __init__(self, store: Store, shelf: Shelf) -> None:
        """Bring what an older version wrote up to date."""
        self.store = store
        """The tables."""
        self.keeper = Keeper(store, shelf)
        """What changes them together with the files."""
        self._contents: dict[int, Content] = {}
        self.keeper.convert()

    @classmethod
    def of(cls, folder: Path | None) -> Opened:
        """Open a folder, which need not exist, or take memory for None."""
        if folder is None:
            return cls(Store(None), MemoryShelf())
        make_private_folder(folder)
        store = Store(folder / _FILE)
        try:
            return cls(store, FolderShelf(folder / _SEGMENTS))
        except BaseException:
            store.close()
            raise

    def close(self) -> None:
        """Close the file, when the work that goes on is done; what is asked for later fails."""
        self.store.close()

    def drop(self, name: IndexName) -> None:
        """Delete an index with its content, and let go of what was loaded of it."""
        self.keeper.drop(name)
        with self.store.snapshot():
            self._forget()

    def in_snapshot(self, work: Callable[[], _Result]) -> _Result:
        """Let some work see one state of the tables with its files.

        Between the moment at which the tables are read and that at which files are opened, another
        process may replace the files; the tables then name others.
        """
        for _ in range(_ATTEMPTS):
            with self.store.snapshot(), suppress(FileNotFoundError):
                return work()
        try:
            with self.store.snapshot():
                return work()
        except FileNotFoundError as exc:
            raise damaged(f"the file {str(exc.filename)!r} of an index is missing") from exc

    def content(self, row: IndexRow) -> Content:
        """Give what an index holds now; the snapshot that this is within keeps others out."""
        content = self._contents.get(row.id)
        if content is None or content.changes != row.changes:
            rows = self.store.segments(row)
            content = Content(row.changes, rows, self.keeper.open(rows))
            self._contents[row.id] = content
            self._forget()
        return content

    def _forget(self) -> None:
        """Let go of indexes that are gone, and of files that no content needs: they stay mapped."""
        for index in self._contents.keys() - self.store.index_numbers():
            del self._contents[index]
        used = (one.files for one in self._contents.values())
        self.keeper.forget(keep=set(chain.from_iterable(used)))


def has_indexes(folder: Path) -> bool:
    """Say whether anything was ever written to a folder."""
    return (folder / _FILE).exists()
