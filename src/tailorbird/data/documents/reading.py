"""Read documents: a folder, a file, or rows of a program."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tailorbird.data.documents.checks import DocumentChecker, Draft, Place
from tailorbird.data.documents.document_set import (
    MAX_FILE_BYTES,
    MAX_FILES,
    DocumentSet,
    OnError,
)
from tailorbird.data.documents.file_reader import FileReader
from tailorbird.data.documents.files import (
    SUFFIXES,
    find_files,
    has_suffix,
    report_unread,
    shown_path,
)
from tailorbird.data.documents.loaders.registry import Loaders
from tailorbird.data.documents.rows import RowReader
from tailorbird.data.problems import Problems
from tailorbird.exceptions import DataError
from tailorbird.types.retrieval import Document

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from tailorbird.data.documents.loading import Loader
    from tailorbird.exceptions import Severity

_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}


def read_path(
    path: Path,
    *,
    encoding: str,
    max_files: int,
    max_file_bytes: int,
    on_error: OnError,
    loaders: Mapping[str, Loader] | None,
) -> DocumentSet:
    """Read a folder or a file into memory; see `read_documents`.

    Raises:
        InvalidInputError: As for `read_documents`.
        ConfigError: As for `read_documents`.
        DataError: As for `read_documents`.
    """
    problems = Problems(shown_path(path))
    found = tuple(
        iter_documents(
            path,
            problems=problems,
            encoding=encoding,
            max_files=max_files,
            max_file_bytes=max_file_bytes,
            loaders=loaders,
        )
    )
    return _collected(found, problems, on_error)


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
    root = Path(path)
    known = Loaders(loaders)
    reader = FileReader(
        loaders=known, encoding=encoding, max_file_bytes=max_file_bytes, problems=problems
    )
    suffixes = (*SUFFIXES, *known.suffixes)
    if root.is_dir():
        names = find_files(root, suffixes=suffixes, max_files=max_files, problems=problems)
        for name in names:
            yield from reader.read(root / name, name)
    elif not root.exists():
        reason = "there is no such file or folder"
        fix = "check the path; it is relative to the folder in which Python was started"
        problems.add("error", "document.missing", reason, fix)
    elif not has_suffix(root.name, suffixes):
        report_unread(root, "error", suffixes, problems)
    else:
        yield from reader.read(root, root.name)


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


def collect_documents(
    rows: Iterable[Document | Mapping[str, object]],
    *,
    source: str = "<data>",
    on_error: OnError = "raise",
) -> DocumentSet:
    """Make a checked set of documents that a program has, given as documents or as mappings.

    The keys of a mapping are those of a line in `iter_documents`.

    Args:
        rows: The documents.
        source: What problems call the origin.
        on_error: `skip` leaves refused documents out, as long as one is left.

    Raises:
        DataError: A document was refused (an id that is taken or cannot be one, no text, a value in
            the metadata that is no text, truth value or finite number, or is too large), or none is
            left. Up to 100 problems are listed.
    """
    problems = Problems(source)
    checker = DocumentChecker()
    reader = RowReader(source, checker, problems)
    found: list[Document] = []
    for record, row in enumerate(rows, start=1):
        if isinstance(row, Document):
            draft = Draft.of(row)
            document = checker.accept(draft, Place(problems=problems, record=record))
        else:
            document = reader.read(row, line=None, record=record)
        if document is not None:
            found.append(document)
    return _collected(tuple(found), problems, on_error)


def _collected(
    documents: tuple[Document, ...], problems: Problems, on_error: OnError
) -> DocumentSet:
    """Make the set, or raise what stands against it."""
    if not documents and not problems.error_count:
        reason = "there is no document with text"
        fix = f"give files that end in {', '.join((*SUFFIXES, *Loaders().suffixes))}"
        problems.add("error", "document.none", reason, fix)
    # Stable: within a severity, the order of the files; within a file, of the lines.
    found = sorted(problems.found, key=lambda one: (_ORDER[one.severity], one.source))
    if problems.error_count and (on_error == "raise" or not documents):
        raise DataError(found, total=problems.total)
    return DocumentSet(documents, source=problems.source, problems=found)
