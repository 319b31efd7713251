"""Documents that were read, and the way to read them from a folder or a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from typing_extensions import override

from tailorbird.types.retrieval import Document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tailorbird.data.documents.loading import Loader
    from tailorbird.exceptions import Problem

OnError = Literal["skip", "raise"]
"""What to do when some documents are refused: go on with the others, or stop."""

MAX_FILES = 100_000
"""How many files a folder may hold unless the caller says otherwise: our own bound."""

MAX_FILE_BYTES = 64 * 2**20
"""Largest file that is read as one document unless the caller says otherwise: our own bound."""


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
    loaders: Mapping[str, Loader] | None = None,
) -> DocumentSet:
    """Read a folder or a file into memory.

    From a folder all files below it are read. One document each are `.txt`, `.md`, `.markdown`,
    `.html`, `.htm`, `.csv`, `.tsv` and, with the extra `documents`, `.pdf`, `.docx`, `.pptx`,
    `.xlsx`, `.xlsm`, `.xls`: the id is the relative path, the title that of the file, else its
    name; `Document.marks` tell where pages, sections, sheets and rows begin. `.jsonl` and `.ndjson`
    hold one document a line, see `iter_documents`. Other formats are reported by name and left out;
    hidden files and links are left out and counted.

    One bad file does not spoil a folder: by default what is wrong is collected in `.problems`, and
    the error is raised only when no document is left.

    Args:
        path: A folder, or one file.
        encoding: `auto` reads UTF-8, UTF-16 with a byte-order mark and cp932 (Shift_JIS); otherwise
            the name of a Python codec for all files.
        max_files: A folder with more files is refused as a whole, at least 1.
        max_file_bytes: A file with more bytes is refused, at least 1. JSON Lines files are read
            line by line and may be of any size.
        on_error: `raise` takes any refused document for an error.
        loaders: Loaders for further endings, such as `{".eml": MyLoader()}`, or in place of those
            of this package. Other packages register theirs in the entry-point group
            `tailorbird.loaders`.

    Raises:
        InvalidInputError: There is no encoding of that name, or a key of `loaders` is no ending.
        ConfigError: A registered loader cannot be imported, or there are two of one ending.
        DataError: The path does not exist, the folder holds too many files, no document is left, or
            `on_error` is `raise` and a document was refused. Up to 100 problems are listed.
    """
    # Readers of encodings and headings cost 15 ms that `import tailorbird` does not pay.
    from tailorbird.data.documents.reading import read_path  # noqa: PLC0415

    return read_path(
        Path(path),
        encoding=encoding,
        max_files=max_files,
        max_file_bytes=max_file_bytes,
        on_error=on_error,
        loaders=loaders,
    )
