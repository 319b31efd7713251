"""Read documents: a folder, a text or Markdown file, JSON Lines, or rows of a program."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal, overload

from typing_extensions import override

from tailorbird.data.document_checks import DocumentChecker, Draft, Place
from tailorbird.data.document_files import (
    ROW_SUFFIXES,
    SUFFIXES,
    find_files,
    has_suffix,
    open_document_file,
    report_unread,
    shown_path,
)
from tailorbird.data.document_rows import RowReader, documents_of_lines
from tailorbird.data.problems import Problems
from tailorbird.exceptions import DataError
from tailorbird.text.headings import markdown_title
from tailorbird.types.retrieval import Document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tailorbird.data.encodings import TextFile
    from tailorbird.exceptions import Problem, Severity

OnError = Literal["skip", "raise"]
"""What to do when some documents are refused: go on with the others, or stop."""

MAX_FILES = 100_000
"""How many files a folder may hold unless the caller says otherwise: our own bound."""

MAX_FILE_BYTES = 64 * 2**20
"""Largest file that is read as one document unless the caller says otherwise: our own bound."""

_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}


class DocumentSet(Sequence[Document]):
    """Documents in the order of their files and lines, with what was found while reading them.

    Immutable. Indexing and slicing work as in a tuple.
    """

    __slots__ = ("_documents", "_problems", "_source")

    def __init__(
        self, documents: Iterable[Document], *, source: str, problems: Iterable[Problem] = ()
    ) -> None:
        """Keep documents whose ids are unique."""
        self._documents = tuple(documents)
        self._problems = tuple(problems)
        self._source = source

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was wrong or is worth knowing: errors first, then warnings, then notes.

        A document with an error is not in the set. Of each severity, up to 100 are listed.
        """
        return self._problems

    @property
    def source(self) -> str:
        """The folder or file as the caller named it, or `<data>`."""
        return self._source

    @overload
    def __getitem__(self, index: int) -> Document: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Document, ...]: ...

    @override
    def __getitem__(self, index: int | slice) -> Document | tuple[Document, ...]:
        return self._documents[index]

    @override
    def __len__(self) -> int:
        return len(self._documents)

    @override
    def __repr__(self) -> str:
        count, problems = len(self._documents), len(self._problems)
        return f"<DocumentSet of {count} documents from {self._source!r}, {problems} problems>"


def read_documents(
    path: Path | str,
    *,
    encoding: str = "auto",
    max_files: int = MAX_FILES,
    max_file_bytes: int = MAX_FILE_BYTES,
    on_error: OnError = "skip",
) -> DocumentSet:
    """Read a folder or a file into memory.

    From a folder all files below it are read that end in `.txt`, `.md`, `.markdown` (one document
    each; the id is the relative path, the title that of the Markdown, else the file's name) and in
    `.jsonl`, `.ndjson` (one document a line, see `iter_documents`). Other formats are reported by
    name and left out; hidden files and links are left out and counted.

    One bad file does not spoil a folder: by default what is wrong is collected in `.problems`, and
    the error is raised only when no document is left.

    Args:
        path: A folder, or one file.
        encoding: `auto` reads UTF-8, UTF-16 with a byte-order mark and cp932 (Shift_JIS); otherwise
            the name of a Python codec for all files.
        max_files: A folder with more files is refused as a whole, at least 1.
        max_file_bytes: A text or Markdown file with more bytes is refused, at least 1. JSON Lines
            files are read line by line and may be of any size.
        on_error: `raise` takes any refused document for an error.

    Raises:
        InvalidInputError: There is no encoding of that name.
        DataError: The path does not exist, the folder holds too many files, no document is left, or
            `on_error` is `raise` and a document was refused. Up to 100 problems are listed.
    """
    problems = Problems(shown_path(Path(path)))
    found = tuple(
        iter_documents(
            path,
            problems=problems,
            encoding=encoding,
            max_files=max_files,
            max_file_bytes=max_file_bytes,
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
) -> Iterator[Document]:
    """Read a folder or a file, one document at a time, for sources larger than memory.

    The list of files is made first; a file that vanishes or changes after that is reported and the
    rest goes on. A line of a JSON Lines file is an object with `text` and, as far as it has them,
    `id` (else made from file and line number), `title`, `source` (else `url`, else `file`, else the
    place) and `metadata`; further keys join the metadata where text, truth values and numbers can
    hold them. A null counts as not given.

    Args:
        path: A folder, or one file.
        problems: Where everything is reported, a refused document as an error.
        encoding: As for `read_documents`.
        max_files: As for `read_documents`.
        max_file_bytes: As for `read_documents`.

    Raises:
        InvalidInputError: There is no encoding of that name.
        DataError: The folder holds more than `max_files` files.
    """
    root = Path(path)
    reader = _FileReader(DocumentChecker(), encoding, max_file_bytes, problems)
    if root.is_dir():
        for name in find_files(root, max_files=max_files, problems=problems):
            yield from reader.read(root / name, name)
    elif not root.exists():
        reason = "there is no such file or folder"
        fix = "check the path; it is relative to the folder in which Python was started"
        problems.add("error", "document.missing", reason, fix)
    elif not has_suffix(root.name, SUFFIXES):
        report_unread(root, "error", problems)
    else:
        yield from reader.read(root, root.name)


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


@dataclass(frozen=True, slots=True)
class _FileReader:
    """Reads the files of one source."""

    checker: DocumentChecker
    encoding: str
    max_file_bytes: int
    problems: Problems

    def read(self, path: Path, name: str) -> Iterator[Document]:
        """Give the documents of one file; its problems are handed on when it is done."""
        rows = has_suffix(name, ROW_SUFFIXES)
        name = unicodedata.normalize("NFC", name)  # macOS stores names decomposed
        problems = Problems(shown_path(path))
        try:
            file = open_document_file(
                path,
                encoding=self.encoding,
                max_bytes=None if rows else self.max_file_bytes,
                problems=problems,
            )
            if file is None:
                return
            if rows:
                yield from documents_of_lines(file, name, self.checker, problems)
            elif not problems.error_count and (document := self._whole(file, name, problems)):
                yield document
        except DataError:
            # The file changed or vanished while it was read; that has been reported.
            return
        finally:
            self.problems.extend(problems.found)

    def _whole(self, file: TextFile, name: str, problems: Problems) -> Document | None:
        """Make one document of a whole file."""
        text = "".join(file.blocks(problems))
        path = PurePosixPath(name)
        title = "" if path.suffix.lower() == ".txt" else markdown_title(text)
        draft = Draft(id=name, text=text, title=title or path.stem, source=name, metadata={})
        return self.checker.accept(draft, Place(problems=problems))


def _collected(
    documents: tuple[Document, ...], problems: Problems, on_error: OnError
) -> DocumentSet:
    """Make the set, or raise what stands against it."""
    if not documents and not problems.error_count:
        reason = "there is no document with text"
        fix = f"give files that end in {', '.join(SUFFIXES)}"
        problems.add("error", "document.none", reason, fix)
    # Stable: within a severity, the order of the files; within a file, of the lines.
    found = sorted(problems.found, key=lambda one: (_ORDER[one.severity], one.source))
    if problems.error_count and (on_error == "raise" or not documents):
        raise DataError(found, total=problems.total)
    return DocumentSet(documents, source=problems.source, problems=found)
