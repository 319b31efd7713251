"""Examine a training file as a whole: its beginning, its lines, its numbers, its size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tailorbird.data.files.blocks import LINE_BYTES
from tailorbird.data.files.kinds import HEAD_BYTES
from tailorbird.data.problems import Problems
from tailorbird.data.training.file_checks import FileCheck
from tailorbird.data.training.heads import BOM, is_training_text, kind_of
from tailorbird.data.training.line_checks import LineChecker
from tailorbird.data.training.validation import FileReport
from tailorbird.exceptions import DataError

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path

    from tailorbird.data.tokens import TokenCounter
    from tailorbird.data.training.line_checks import Tally
    from tailorbird.data.training.row import TrainingKind
    from tailorbird.data.training.rules import TrainingRules
    from tailorbird.data.training.validation import TrainingUse


def examine_file(
    path: Path,
    *,
    kind: TrainingKind | Literal["auto"],
    rules: TrainingRules,
    use: TrainingUse,
    estimate_tokens: TokenCounter | None,
) -> FileReport:
    """Check every line; see `validate_training_file`.

    Raises:
        DataError: There is no such file, or it cannot be read.
    """
    problems = Problems(str(path))
    try:
        with path.open("rb", buffering=0) as file:
            head = _head(file)
            found = kind_of(head) if kind == "auto" else kind
            checker = LineChecker(problems, kind=found, rules=rules, count_tokens=estimate_tokens)
            check = FileCheck(file, checker, problems)
            if is_training_text(head, problems):
                _check_mark(head, problems, rules)
                longest = rules.max_tokens_per_example or LINE_BYTES
                check.run(plain_bytes=longest if found == "sft" else None)
                _check_numbers(checker.tally, problems, kind=found, use=use, rules=rules)
            else:
                check.measure()
    except OSError as exc:
        raise unreadable(exc, problems) from exc
    size, tally = check.reader.size_bytes, checker.tally
    _check_size(size, problems, rules)
    return FileReport(
        source=problems.source,
        kind=found,
        provider=rules.provider,
        size_bytes=size,
        sha256=check.reader.sha256,
        examples=tally.examples,
        tokens=tally.tokens,
        messages=dict(tally.roles),
        problems=problems.found,
        total=problems.total,
    )


def unreadable(exc: OSError, problems: Problems) -> DataError:
    """Say why a file cannot be opened or read, as an error about the data."""
    code, what = "file.unreadable", f"cannot be read: {exc.strerror or exc}"
    if isinstance(exc, FileNotFoundError):
        code, what = "file.missing", "does not exist"
    elif isinstance(exc, IsADirectoryError):
        code, what = "file.not-a-file", "is a folder"
    fix = "check the path; it is relative to the folder in which Python was started"
    problems.add("error", code, f"{problems.source!r} {what}", fix)
    return DataError(problems.found, total=problems.total)


def _head(file: FileIO) -> bytes:
    head = file.read(HEAD_BYTES)
    file.seek(0)
    return head


def _check_mark(head: bytes, problems: Problems, rules: TrainingRules) -> None:
    """Check the byte-order mark against what the provider wants."""
    has_mark = head.startswith(BOM)
    if has_mark and rules.bom == "without":
        reason = f"the file begins with a byte-order mark, and {rules.provider} wants none"
        fix = "write the file again with write_examples, or save it as UTF-8 without BOM"
        problems.add("error", "encoding.bom", reason, fix, line=1)
    elif has_mark:
        problems.add("note", "encoding.bom", "the file begins with a byte-order mark", line=1)
    elif rules.bom == "with":
        reason = f"{rules.provider} wants a byte-order mark at the beginning of the file"
        fix = "write the file again with write_examples(..., bom=True)"
        problems.add("error", "encoding.no-bom", reason, fix, line=1)


def _check_size(size: int, problems: Problems, rules: TrainingRules) -> None:
    if size > rules.max_file_bytes:
        reason = (
            f"the file has {size:,} bytes, {rules.provider} takes {rules.max_file_bytes:,} in one"
            " upload"
        )
        problems.add("error", "file.too-large", reason, "take fewer rows, or split the file")


def _check_numbers(
    tally: Tally, problems: Problems, *, kind: TrainingKind, use: TrainingUse, rules: TrainingRules
) -> None:
    least = rules.min_examples if use == "training" else 1
    if tally.examples < least:
        reason = f"{tally.examples} examples found, {least} needed ({rules.provider})"
        problems.add("error", "jsonl.too-few", reason, "add examples")
    most = rules.rft_max_rows if use == "training" else rules.rft_max_validation_rows
    if kind == "rft" and most is not None and tally.examples > most:
        reason = f"{tally.examples:,} rows found, {rules.provider} takes {most:,} for {use}"
        problems.add("error", "jsonl.too-many", reason, "take fewer rows")
    if rules.images is not None and tally.image_examples > rules.images.max_examples:
        reason = (
            f"{tally.image_examples:,} examples hold images, {rules.images.max_examples:,} may"
            f" ({rules.images.source})"
        )
        problems.add("error", "image.too-many", reason, "take fewer examples with images")
