"""Training examples: read from a file, checked, written to one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, overload

from typing_extensions import override

from tailorbird.data.training.row import AnyExample, TrainingKind
from tailorbird.data.training.rules import TrainingRules, training_rules
from tailorbird.data.training.validation import FileReport, TrainingUse, validate_training_file
from tailorbird.exceptions import Problem
from tailorbird.types.base import Frozen


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
    """Warnings and notes about the whole file, warnings first; a hundred of each are kept."""
    total: int = field(default=0, compare=False)
    """How many problems there were, the ones that were not kept included."""
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
    # The checks of rows cost 10 ms that `import tailorbird` does not pay; so in the next two.
    from tailorbird.data.training.example_files import checked_examples  # noqa: PLC0415

    return ExampleSet(
        examples=tuple(checked_examples(Path(path), report)),
        kind=report.kind,
        source=report.source,
        problems=report.problems,
        total=report.total,
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
    from tailorbird.data.training.example_files import checked_examples  # noqa: PLC0415

    return checked_examples(Path(path), _checked(path, kind=kind, rules=rules, use=use))


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
    from tailorbird.data.training.example_files import write_lines  # noqa: PLC0415

    return write_lines(Path(path), examples, bom=bom)


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
