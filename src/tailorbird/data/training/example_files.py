"""Read checked examples from a training file, and write examples to one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tailorbird.data.files.blocks import BlockReader
from tailorbird.data.files.jsonl import LineParser
from tailorbird.data.problems import Problems
from tailorbird.data.row_report import RowReport
from tailorbird.data.training.checks.rows import check_row
from tailorbird.data.training.examination import unreadable
from tailorbird.data.training.example_json import example_of, kind_of_example, row_of
from tailorbird.data.training.examples import WrittenFile
from tailorbird.data.training.heads import BOM
from tailorbird.data.training.row import TrainingRow
from tailorbird.data.training.rules import training_rules
from tailorbird.data.unusual_text import LINE_SEPARATORS
from tailorbird.exceptions import DataError
from tailorbird.storage import AtomicFile
from tailorbird.types.questions import GradedPrompt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tailorbird.data.training.row import AnyExample, JsonObject, TrainingKind
    from tailorbird.data.training.validation import FileReport

_WRITTEN_AT_ONCE = 1 << 20
_RESERVED = {"messages", "tools", "functions"}


def checked_examples(path: Path, report: FileReport) -> Iterator[AnyExample]:
    """Read a file without errors once more, and give its examples.

    Raises:
        DataError: The file cannot be read, or was changed since it was checked.
    """
    problems = Problems(report.source)
    parser = LineParser()
    line = 0
    try:
        with path.open("rb", buffering=0) as file:
            reader = BlockReader(file)
            for block in reader:
                for raw in block.lines():
                    line += 1
                    if raw.removeprefix(BOM).strip():
                        row = parser.parse(raw.removeprefix(BOM), RowReport(problems, line, line))
                        yield example_of(row or {}, kind=report.kind, line=line)
    except OSError as exc:
        raise unreadable(exc, problems) from exc
    except (LookupError, TypeError, ValueError) as exc:
        # The row was right when it was checked.
        raise _changed(problems) from exc
    if reader.sha256 != report.sha256:
        raise _changed(problems)


def write_lines(path: Path, examples: Iterable[AnyExample], *, bom: bool) -> WrittenFile:
    """Write all examples, or nothing; see `write_examples`.

    Raises:
        DataError: As for `write_examples`.
        StorageError: The file cannot be written.
    """
    problems = Problems(str(path))
    count = 0
    with AtomicFile(path) as file:
        pieces = [BOM if bom else b""]
        waiting = 0
        for line in _lines(examples, problems):
            count += 1
            pieces.append(line)
            waiting += len(line)
            if waiting >= _WRITTEN_AT_ONCE:
                file.write(b"".join(pieces))
                pieces, waiting = [], 0
        file.write(b"".join(pieces))
        if not count and not problems.error_count:
            problems.add("error", "file.empty", "there are no examples", "give at least one")
        problems.raise_errors()
    return WrittenFile(path=path, size_bytes=file.size_bytes, sha256=file.sha256, examples=count)


def _changed(problems: Problems) -> DataError:
    reason = "the file was changed while it was being read"
    fix = "read it again when nothing writes to it"
    problems.add("error", "file.changed", reason, fix)
    return DataError(problems.found, total=problems.total)


def _lines(examples: Iterable[AnyExample], problems: Problems) -> Iterator[bytes]:
    """Give the line of each right example; report the others."""
    first: TrainingKind | None = None
    for record, example in enumerate(examples, start=1):
        kind = kind_of_example(example)
        first = first or kind
        report = RowReport(problems, record, record)
        before = problems.error_count
        if kind != first:
            reason = f"the example is for {kind}, the first one for {first}"
            fix = "write each kind into a file of its own"
            report.error("row.kind", reason, fix, field="")
        if isinstance(example, GradedPrompt):
            for key in _RESERVED & example.item.keys():
                reason = f"the key {key!r} of the item has a meaning of its own in the row"
                report.error("rft.reserved-key", reason, "rename it", field=key)
        row = row_of(example)
        check_row(row, TrainingRow(kind, training_rules(), report))
        if problems.error_count == before:
            try:
                yield _encoded(row)
            except UnicodeEncodeError:
                reason = "half of a character (a lone surrogate) in a key or a nested text"
                fix = "write the character (often an emoji) again"
                report.error("text.surrogate", reason, fix, field="")


def _encoded(row: JsonObject) -> bytes:
    text = json.dumps(row, ensure_ascii=False, allow_nan=False)
    # A reader that cuts with str.splitlines would cut a row in two at these.
    text = LINE_SEPARATORS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return text.encode() + b"\n"
