"""Read a folder or a file one document at a time, and know what could not be read."""

from __future__ import annotations

import asyncio
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from tailorbird.data.documents.document_set import MAX_FILE_BYTES, MAX_FILES
from tailorbird.data.documents.file_reader import FileReader
from tailorbird.data.documents.files import (
    ROW_SUFFIXES,
    SUFFIXES,
    find_files,
    has_suffix,
    report_unread,
)
from tailorbird.data.documents.loaders.registry import Loaders

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from tailorbird.data.documents.loading import Loader
    from tailorbird.data.problems import Problems
    from tailorbird.types.retrieval import Document


class DocumentStream:
    """The documents of a folder or a file, read once, one after the other; reading blocks."""

    def __init__(
        self,
        path: Path | str,
        *,
        problems: Problems,
        encoding: str = "auto",
        max_files: int = MAX_FILES,
        max_file_bytes: int = MAX_FILE_BYTES,
        loaders: Mapping[str, Loader] | None = None,
    ) -> None:
        """Name what to read; the arguments are those of `iter_documents`.

        Raises:
            InvalidInputError: A key of `loaders` is no ending.
            ConfigError: A registered loader cannot be imported, or there are two of one ending.
        """
        self.problems = problems
        """Where everything is reported."""
        self.unread: set[str] = set()
        """Ids of documents that may be missing: each is a file that could not be read."""
        self.whole = True
        """Whether documents that did not come are known by `unread`. It turns False when a folder
        cannot be seen or a row is refused, because nobody knows which documents that hides."""
        self._root = Path(path)
        self._max_files = max_files
        self._loaders = Loaders(loaders)
        self._reader = FileReader(
            loaders=self._loaders,
            encoding=encoding,
            max_file_bytes=max_file_bytes,
            problems=problems,
        )

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of the files that are read."""
        return (*SUFFIXES, *self._loaders.suffixes)

    def __iter__(self) -> Iterator[Document]:
        """Give the documents.

        Raises:
            InvalidInputError: There is no encoding of that name.
            ConfigError: A loader cannot be imported.
            DataError: The folder holds more than `max_files` files.
        """
        for name in self._names():
            yield from self._file(name)

    def _names(self) -> list[str]:
        """List the files, as paths within the folder; the file itself where it is one."""
        problems, root = self.problems, self._root
        before = problems.error_count
        names = [root.name]
        if root.is_dir():
            names = find_files(
                root, suffixes=self.suffixes, max_files=self._max_files, problems=problems
            )
        elif not root.exists():
            reason = "there is no such file or folder"
            fix = "check the path; it is relative to the folder in which Python was started"
            problems.add("error", "document.missing", reason, fix)
            names = []
        elif not root.is_file():
            # Opening a pipe waits for somebody who writes into it.
            reason, fix = "neither a file nor a folder", "save its content in a file first"
            problems.add("error", "document.no-file", reason, fix)
            names = []
        elif not has_suffix(root.name, self.suffixes):
            report_unread(root, "error", self.suffixes, problems)
            names = []
        self.whole = problems.error_count == before
        return names

    def _file(self, name: str) -> Iterator[Document]:
        path = self._root / name if self._root.is_dir() else self._root
        before = self.problems.error_count
        yield from self._reader.read(path, name)
        if self.problems.error_count == before:
            return
        if has_suffix(name, ROW_SUFFIXES):
            self.whole = False
        else:
            self.unread.add(unicodedata.normalize("NFC", name))  # as the reader makes ids


def iter_documents(
    path: Path | str,
    *,
    problems: Problems,
    encoding: str = "auto",
    max_files: int = MAX_FILES,
    max_file_bytes: int = MAX_FILE_BYTES,
    loaders: Mapping[str, Loader] | None = None,
) -> Iterator[Document]:
    """Read a folder or a file, one document at a time, for sources larger than memory.

    Reading blocks; `stream_documents` does the same in a thread. The list of files is made first; a
    file that vanishes or changes after that is reported and the rest goes on.

    A line of a JSON Lines file is an object with `text` and, as far as it has them, `id` (else made
    from file and line number), `title`, `source` (else `url`, else `file`, else the place) and
    `metadata`; further keys join the metadata where text, truth values and numbers can hold them. A
    null counts as not given.

    Args:
        path: A folder, or one file.
        problems: Where everything is reported, a refused document as an error.
        encoding: As for `read_documents`.
        max_files: As for `read_documents`.
        max_file_bytes: As for `read_documents`.
        loaders: As for `read_documents`.

    Raises:
        InvalidInputError: There is no encoding of that name, or a key of `loaders` is no ending.
        ConfigError: A registered loader cannot be imported, or there are two of one ending.
        DataError: The folder holds more than `max_files` files.
    """
    yield from DocumentStream(
        path,
        problems=problems,
        encoding=encoding,
        max_files=max_files,
        max_file_bytes=max_file_bytes,
        loaders=loaders,
    )


async def stream_documents(
    path: Path | str,
    *,
    problems: Problems,
    encoding: str = "auto",
    max_files: int = MAX_FILES,
    max_file_bytes: int = MAX_FILE_BYTES,
    loaders: Mapping[str, Loader] | None = None,
) -> AsyncIterator[Document]:
    """Read a folder or a file without blocking the event loop; see `iter_documents`.

    Each document is read in a thread when it is asked for, so that one at a time is in memory and
    whoever takes them sets the pace. `problems` must not be looked at while one is being read.

    Raises:
        InvalidInputError: As for `iter_documents`.
        ConfigError: As for `iter_documents`.
        DataError: As for `iter_documents`.
    """
    documents = iter_documents(
        path,
        problems=problems,
        encoding=encoding,
        max_files=max_files,
        max_file_bytes=max_file_bytes,
        loaders=loaders,
    )
    while (document := await asyncio.to_thread(next, documents, None)) is not None:
        yield document
