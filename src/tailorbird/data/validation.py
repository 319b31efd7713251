"""Check a training file before it is uploaded or paid for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tailorbird.data.byte_blocks import LINE_BYTES
from tailorbird.data.file_checks import FileCheck
from tailorbird.data.file_kinds import HEAD_BYTES
from tailorbird.data.line_checks import LineChecker
from tailorbird.data.problems import Problems
from tailorbird.data.rules import TrainingRules, training_rules
from tailorbird.data.training_heads import BOM, is_training_text, kind_of
from tailorbird.data.training_row import TrainingKind
from tailorbird.exceptions import DataError, Problem
from tailorbird.types.base import Frozen

if TYPE_CHECKING:
    from io import FileIO

    from tailorbird.data.line_checks import Tally
    from tailorbird.data.tokens import TokenCounter

TrainingUse = Literal["training", "validation"]
"""Whether a file is trained on, or only measured with."""


class FileReport(Frozen):
    """What a training file holds, and what is wrong with it."""

    source: str
    """The file, as it was named."""
    kind: TrainingKind
    """What it is for: as given, or as found."""
    provider: str
    """Whose rules were applied; `generic` for everybody's."""
    size_bytes: int
    """Its length."""
    sha256: str
    """Hash of its bytes, in hexadecimal: of exactly what would be uploaded."""
    examples: int
    """Rows, wrong ones included, blank lines not."""
    tokens: int
    """Tokens of one pass over the file, by estimate; each example counts up to the provider's
    limit. Training for `n` epochs bills `n` times as many."""
    messages: Mapping[str, int]
    """Messages by role."""
    problems: tuple[Problem, ...]
    """What was found: errors, then warnings, then notes, at most 100 of each."""
    total: int
    """How many problems there were, the ones that are not in `problems` included."""

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings and notes do not count."""
        return not self.errors

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What the provider would refuse."""
        return tuple(one for one in self.problems if one.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is suspicious, but would be accepted."""
        return tuple(one for one in self.problems if one.severity == "warning")

    def raise_errors(self) -> None:
        """Do nothing when there is no error.

        Raises:
            DataError: There is at least one; it carries warnings and notes as well.
        """
        if not self.ok:
            raise DataError(self.problems, total=self.total)


def validate_training_file(
    path: Path | str,
    *,
    kind: TrainingKind | Literal["auto"] = "auto",
    rules: TrainingRules | str = "generic",
    use: TrainingUse = "training",
    estimate_tokens: TokenCounter | None = None,
) -> FileReport:
    """Check every line of a training file against the rules of a provider.

    The file is read in flat memory and never changed. All problems are collected, up to 100 of each
    severity: an error is something that the provider refuses, a warning something that looks wrong,
    a note something that needs no action. The codes stand in `TRAINING_CODES`.

    Args:
        path: The file: JSON Lines in UTF-8.
        kind: What it is for; `auto` finds out from its first rows.
        rules: Rules, or the name of a provider whose rules hold; `generic` for any provider.
        use: Whether it is the training or the validation file, which have different sizes.
        estimate_tokens: Counts the tokens of a text. It is asked only about examples that have more
            bytes than the provider allows tokens; None counts by bytes.

    Returns:
        What the file holds, with all problems.

    Raises:
        DataError: There is no such file, or it cannot be read.
        InvalidInputError: There are no rules of that name.
    """
    rules = training_rules(rules) if isinstance(rules, str) else rules
    problems = Problems(str(path))
    try:
        with Path(path).open("rb", buffering=0) as file:
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
