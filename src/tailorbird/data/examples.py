"""Training examples: read from a file, checked, written to one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, overload

from typing_extensions import override

from tailorbird.data.byte_blocks import BlockReader
from tailorbird.data.checks import check_row
from tailorbird.data.example_json import AnyExample, example_of, kind_of_example, row_of
from tailorbird.data.jsonl import LineParser
from tailorbird.data.problems import Problems
from tailorbird.data.row_report import RowReport
from tailorbird.data.rules import TrainingRules, training_rules
from tailorbird.data.training_heads import BOM
from tailorbird.data.training_row import JsonObject, TrainingKind, TrainingRow
from tailorbird.data.unusual_text import LINE_SEPARATORS
from tailorbird.data.validation import FileReport, TrainingUse, unreadable, validate_training_file
from tailorbird.exceptions import DataError, Problem
from tailorbird.storage import AtomicFile
from tailorbird.types.base import Frozen
from tailorbird.types.questions import GradedPrompt

_WRITTEN_AT_ONCE = 1 << 20
_RESERVED = {"messages", "tools", "functions"}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ExampleSet(Sequence[AnyExample]):
    """An immutable sequence of training examples of one kind that knows where it comes from.

    Two sets are equal when their examples are, wherever they come from. Slicing gives a set.
    """

    examples: tuple[AnyExample, ...]
    """The examples, in the order of the file."""
    kind: TrainingKind
    """What they are for."""
    source: str = field(default="<data>", compare=False)
    """Name of the file, as it was given."""
    problems: tuple[Problem, ...] = field(default=(), compare=False)
    """Warnings and notes about the whole file, warnings first."""
    sha256: str = field(default="", compare=False)
    """Hash of the file's bytes, in hexadecimal; empty for examples from no file."""
    tokens: int = field(default=0, compare=False)
    """Tokens of one pass over the whole file, by estimate; 0 for examples from no file."""

    @override
    def __len__(self) -> int:
        return len(self.examples)

    @override
    def __iter__(self) -> Iterator[AnyExample]:
        return iter(self.examples)

    @overload
    def __getitem__(self, index: int) -> AnyExample: ...
    @overload
    def __getitem__(self, index: slice) -> ExampleSet: ...
    @override
    def __getitem__(self, index: int | slice) -> AnyExample | ExampleSet:
        if isinstance(index, slice):
            return replace(self, examples=self.examples[index])
        return self.examples[index]

    @override
    def __repr__(self) -> str:
        """Tell numbers and origin; the texts stay out, because they are a user's content."""
        counts = Counter(problem.severity for problem in self.problems)
        facts = [f"{len(self)} {self.kind} example(s)"]
        facts += [f"{counts[one]} {one}(s)" for one in ("warning", "note") if counts[one]]
        return f"<ExampleSet {self.source!r}: {', '.join(facts)}>"


class WrittenFile(Frozen):
    """A training file that was written."""

    path: Path
    """Where it is."""
    size_bytes: int
    """Its length."""
    sha256: str
    """Hash of exactly the bytes in the file, in hexadecimal."""
    examples: int
    """Rows in the file."""


def read_examples(
    path: Path | str,
    *,
    kind: TrainingKind | Literal["auto"] = "auto",
    rules: TrainingRules | str = "generic",
    use: TrainingUse = "training",
) -> ExampleSet:
    """Read a training file that has no errors.

    What only concerns the bytes of the file, such as a byte-order mark, is mended and noted: the
    examples are written anew before they are uploaded.

    Args:
        path: The file: JSON Lines in UTF-8.
        kind: What it is for: `sft`, `dpo`, `rft`; `auto` finds out from its first rows.
        rules: The rules themselves, or the name of a provider whose rules hold.
        use: Whether it is the training or the validation file.

    Returns:
        The examples; warnings and notes stand in `problems`.

    Raises:
        DataError: The file has errors, or cannot be read; all of them are listed.
        InvalidInputError: There are no rules of that name.
    """
    report = _checked(path, kind=kind, rules=rules, use=use)
    return ExampleSet(
        examples=tuple(_examples(Path(path), report)),
        kind=report.kind,
        source=report.source,
        problems=report.problems,
        sha256=report.sha256,
        tokens=report.tokens,
    )


def iter_examples(
    path: Path | str,
    *,
    kind: TrainingKind | Literal["auto"] = "auto",
    rules: TrainingRules | str = "generic",
    use: TrainingUse = "training",
) -> Iterator[AnyExample]:
    """Give the examples of a training file one by one, in flat memory.

    The call itself checks the whole file, so that nothing is done with the first half of a file
    whose second half is wrong; the file is read once more while the examples are taken.

    Args:
        path: As for `read_examples`.
        kind: As for `read_examples`.
        rules: As for `read_examples`.
        use: As for `read_examples`.

    Raises:
        DataError: The file has errors, cannot be read, or was changed while it was being read.
        InvalidInputError: There are no rules of that name.
    """
    return _examples(Path(path), _checked(path, kind=kind, rules=rules, use=use))


def write_examples(
    path: Path | str, examples: Iterable[AnyExample], *, bom: bool = False
) -> WrittenFile:
    """Write a training file: all examples, or nothing.

    One JSON object a line, UTF-8, LF, and no line separator unescaped within a line. The file
    appears when all examples are written and right; until then, and when there is an error, what
    was there before stays. Reading the file gives the same examples.

    Args:
        path: The file to write; its folder must exist.
        examples: Examples of one kind; they are taken one by one.
        bom: Whether to begin with a byte-order mark, for providers whose rules ask for one.

    Raises:
        DataError: Examples are wrong by themselves (no answer, a call without its answer, half a
            character, a number that is not finite, …), of different kinds, or there are none.
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
    return WrittenFile(
        path=Path(path), size_bytes=file.size_bytes, sha256=file.sha256, examples=count
    )


def _checked(
    path: Path | str,
    *,
    kind: TrainingKind | Literal["auto"],
    rules: TrainingRules | str,
    use: TrainingUse,
) -> FileReport:
    rules = training_rules(rules) if isinstance(rules, str) else rules
    lenient = rules.model_copy(update={"bom": "either"})
    report = validate_training_file(path, kind=kind, rules=lenient, use=use)
    report.raise_errors()
    return report


def _examples(path: Path, report: FileReport) -> Iterator[AnyExample]:
    """Read a checked file once more."""
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
