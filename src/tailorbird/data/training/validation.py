"""Check a training file before it is uploaded or paid for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tailorbird.data.training.row import TrainingKind
from tailorbird.data.training.rules import TrainingRules, training_rules
from tailorbird.exceptions import DataError, Problem
from tailorbird.types.base import Frozen

if TYPE_CHECKING:
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
    # The checks and their patterns cost 10 ms that `import tailorbird` does not pay.
    from tailorbird.data.training.examination import examine_file  # noqa: PLC0415

    return examine_file(
        Path(path),
        kind=kind,
        rules=training_rules(rules) if isinstance(rules, str) else rules,
        use=use,
        estimate_tokens=estimate_tokens,
    )
