"""Read one file after the other: text, rows, or a format that has a loader."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from tailorbird.data.documents.checks import DocumentChecker, Draft, Place
from tailorbird.data.documents.files import (
    ROW_SUFFIXES,
    fits,
    has_suffix,
    open_document_file,
    report_broken,
    report_loss,
    shown_path,
)
from tailorbird.data.documents.loading import LoadedText, LoadOptions, TextTooLongError
from tailorbird.data.documents.rows import documents_of_lines
from tailorbird.data.problems import Problems
from tailorbird.exceptions import (
    ConfigError,
    DataError,
    InvalidInputError,
    MissingExtraError,
)
from tailorbird.text.headings import markdown_title
from tailorbird.types.retrieval import Mark

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tailorbird.data.documents.loaders.registry import Loaders
    from tailorbird.data.documents.loading import Loader
    from tailorbird.types.retrieval import Document


class FileReader:
    """Reads the files of one source; one that cannot be read is reported, and the rest goes on."""

    def __init__(
        self, *, loaders: Loaders, encoding: str, max_file_bytes: int, problems: Problems
    ) -> None:
        """Read on behalf of whoever looks at `problems`."""
        self._checker = DocumentChecker()
        self._loaders = loaders
        self._encoding = encoding
        self._max_file_bytes = max_file_bytes
        self._problems = problems

    def read(self, path: Path, name: str) -> Iterator[Document]:
        """Give the documents of one file; its problems are handed on when it is done.

        Raises:
            InvalidInputError: There is no encoding of that name.
            ConfigError: The loader of its format cannot be imported.
        """
        name = unicodedata.normalize("NFC", name)  # macOS stores names decomposed
        problems = Problems(shown_path(path))
        ending = self._loaders.ending_of(name)
        try:
            if ending is not None:
                yield from self._loaded(path, name, self._loaders.find(ending), problems)
            elif has_suffix(name, ROW_SUFFIXES):
                yield from self._rows(path, name, problems)
            else:
                yield from self._text(path, name, problems)
        except DataError:
            # The file changed or vanished while it was read; that has been reported.
            return
        finally:
            self._problems.extend(problems.found)

    def _rows(self, path: Path, name: str, problems: Problems) -> Iterator[Document]:
        file = open_document_file(path, encoding=self._encoding, max_bytes=None, problems=problems)
        if file is not None:
            yield from documents_of_lines(file, name, self._checker, problems)

    def _text(self, path: Path, name: str, problems: Problems) -> Iterator[Document]:
        """Make one document of a text file."""
        file = open_document_file(
            path, encoding=self._encoding, max_bytes=self._max_file_bytes, problems=problems
        )
        if file is not None and not problems.error_count:
            text = "".join(file.blocks(problems))
            title = "" if has_suffix(name, (".txt",)) else markdown_title(text)
            yield from self._checked(LoadedText(text=text, title=title), name, problems)

    def _loaded(
        self, path: Path, name: str, loader: Loader, problems: Problems
    ) -> Iterator[Document]:
        """Make one document of what a loader gives."""
        if not fits(path, self._max_file_bytes, problems):
            return
        loaded = self._load(path, loader, problems)
        if loaded is not None and (misfit := _misfit(loaded)):
            report_broken(f"its loader gives {misfit}", problems)
        elif loaded is not None:
            yield from self._checked(loaded, name, problems)
        elif not problems.error_count:
            report_broken("its loader gives nothing, and does not say why", problems)

    def _load(self, path: Path, loader: Loader, problems: Problems) -> LoadedText | None:
        """Take the text out of a file; None when it cannot be had, which has been reported."""
        options = LoadOptions(encoding=self._encoding)
        try:
            return loader.load(path, options=options, problems=problems)
        except MissingExtraError as exc:
            reason = f"the package {exc.package!r} is not installed, which reads such files"
            fix = f"pip install 'tailorbird[{exc.extra}]'"
            problems.add("error", "document.missing-extra", reason, fix)
        except DataError as exc:
            known = set(problems.found)
            problems.extend(one for one in exc.problems if one not in known)
        except (InvalidInputError, ConfigError):
            raise
        except TextTooLongError:
            reason = f"the file holds more than {options.max_characters:,} characters of text"
            problems.add("error", "document.too-large", reason, "split it")
        except OSError as exc:
            report_loss(exc, problems)
        except Exception as exc:  # noqa: BLE001 - a border: parsers fail on damaged files in any way
            report_broken(f"its text cannot be taken out ({type(exc).__name__})", problems)
        return None

    def _checked(self, loaded: LoadedText, name: str, problems: Problems) -> Iterator[Document]:
        draft = Draft(
            id=name,
            text=loaded.text,
            title=loaded.title or PurePosixPath(name).stem,
            source=name,
            metadata=loaded.metadata,
            marks=loaded.marks,
        )
        document = self._checker.accept(draft, Place(problems=problems))
        if document is not None:
            yield document


def _misfit(given: object) -> str:
    """Say what a loader of somebody else's gave in place of text; empty when all is well."""
    if not isinstance(given, LoadedText):
        return f"a {type(given).__name__!r} instead of a 'LoadedText'"
    parts: list[tuple[str, object, type[object]]] = [
        ("text", given.text, str),
        ("title", given.title, str),
        ("metadata", given.metadata, Mapping),
        *(("marks", mark, Mark) for mark in _items(given.marks)),
    ]
    wrong = (
        f"{name} of the type {type(one).__name__!r}"
        for name, one, kind in parts
        if not isinstance(one, kind)
    )
    return next(wrong, "")


def _items(given: object) -> list[object]:
    return [*given] if isinstance(given, list | tuple) else [given]
