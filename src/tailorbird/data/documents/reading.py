"""Read documents: a folder, a file, or rows of a program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tailorbird.data.documents.checks import DocumentChecker, Draft, Place
from tailorbird.data.documents.document_set import DocumentSet, OnError
from tailorbird.data.documents.files import SUFFIXES, shown_path
from tailorbird.data.documents.loaders.registry import Loaders
from tailorbird.data.documents.rows import RowReader
from tailorbird.data.documents.streaming import iter_documents, stream_documents
from tailorbird.data.problems import Problems
from tailorbird.exceptions import DataError
from tailorbird.types.retrieval import Document

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tailorbird.data.documents.loading import Loader
    from tailorbird.exceptions import Problem, Severity

__all__ = [
    "collect_documents",
    "iter_documents",
    "none_left",
    "read_path",
    "sorted_problems",
    "stream_documents",
]

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
    if not documents:
        raise none_left(problems)
    if problems.error_count and on_error == "raise":
        raise DataError(sorted_problems(problems), total=problems.total)
    return DocumentSet(documents, source=problems.source, problems=sorted_problems(problems))


def none_left(problems: Problems) -> DataError:
    """Make the error for a source without a document; it says why there is none."""
    if not problems.error_count:
        reason = "there is no document with text"
        fix = f"give files that end in {', '.join((*SUFFIXES, *Loaders().suffixes))}"
        problems.add("error", "document.none", reason, fix)
    return DataError(sorted_problems(problems), total=problems.total)


def sorted_problems(problems: Problems) -> tuple[Problem, ...]:
    """Give problems with the worst first; of one severity in the order of files and lines."""
    found = sorted(problems.found, key=lambda one: (_ORDER[one.severity], one.source))
    return tuple(found)
