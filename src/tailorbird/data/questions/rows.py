"""Rows of questions and answers, checked: the one way in for reading and for converting."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tailorbird.data.files.encodings import open_text
from tailorbird.data.problems import Problems
from tailorbird.data.questions.lines import SUFFIXES, json_batches
from tailorbird.data.tables.checks import RowChecker
from tailorbird.data.tables.columns import wanted_columns
from tailorbird.data.tables.objects import ObjectReader, batch_of, read_pairs
from tailorbird.data.tables.rows import table_batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tailorbird.data.tables.options import ReadOptions
    from tailorbird.data.tables.rows import Batch


class FileRows:
    """The rows of one file: JSON Lines by its name (.jsonl, .ndjson, .json), else a table."""

    def __init__(self, path: Path | str, options: ReadOptions, *, to_train: bool) -> None:
        """Open the file and find out its encoding.

        Raises:
            InvalidInputError: `columns` cannot be meant, or there is no such encoding.
            DataError: The file is missing, unreadable, empty, no text, or in an unknown encoding.
        """
        self._is_json = Path(path).suffix.lower() in SUFFIXES
        self._wanted = wanted_columns(options.columns)
        self.problems = Problems(str(path))
        """What was found so far."""
        self.file = open_text(path, encoding=options.encoding, problems=self.problems)
        """What is known about the file itself."""
        self._options = options
        self._to_train = to_train

    def __iter__(self) -> Iterator[Batch]:
        """Give the rows batch by batch; memory stays flat.

        Rows come before it is known whether the file has errors further down: whatever is made of
        them counts only when the iteration ends without one.

        Raises:
            DataError: There were errors; raised at the end, with all of them.
        """
        options, problems = self._options, self.problems
        limit = options.limits.max_bytes
        if limit is not None and not self._to_train and self.file.size_bytes > limit.value:
            reason = (
                f"the file has {self.file.size_bytes:,} bytes, the limit is {limit.value:,}"
                f" ({limit.source})"
            )
            problems.add("error", "file.too-large", reason, "split the file")
        checker = RowChecker(options, problems, to_train=self._to_train)
        read = json_batches if self._is_json else table_batches
        batches = read(self.file, self._wanted, problems)
        for batch in batches:
            yield checker.check(batch)
        _finish(checker, options, problems)


def checked_pairs(
    rows: Iterable[tuple[str, str] | Mapping[str, object]], options: ReadOptions, source: str
) -> tuple[Batch | None, Problems]:
    """Check rows that a program gives.

    Raises:
        InvalidInputError: `options.columns` cannot be meant.
        DataError: There are errors; it holds all of them.
    """
    wanted = wanted_columns(options.columns)
    problems = Problems(source)
    checker = RowChecker(options, problems, to_train=False)
    found = read_pairs(rows, ObjectReader("data", wanted, problems))
    batch = checker.check(batch_of(found, "data")) if found else None
    _finish(checker, options, problems)
    return batch, problems


def _finish(checker: RowChecker, options: ReadOptions, problems: Problems) -> None:
    checker.finish()
    if options.warnings_as_errors:
        problems.promote_warnings()
    problems.raise_errors()
