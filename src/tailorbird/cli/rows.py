"""A user's file as rows to train on, whatever kind of file it is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from tailorbird.cli.failures import show_problems
from tailorbird.cli.prompts import Prompt, choose_prompt
from tailorbird.cli.session import existing
from tailorbird.data import ExampleSet, QuestionSet, read_examples
from tailorbird.exceptions import InvalidInputError
from tailorbird.types.jobs import DirectPreference, Supervised
from tailorbird.workflow.tuning.training import TuneOptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tailorbird.cli.screen import Screen
    from tailorbird.cli.tables import TableOptions
    from tailorbird.types.ids import ModelId

_JSON_LINES = (".jsonl", ".ndjson", ".json")
_TRAINING_KEYS = frozenset({"messages", "input", "preferred_output", "non_preferred_output"})
_FOREIGN_KEYS = frozenset({"conversations", "chosen", "rejected"})  # the checks tell what to write

# Enough for the first rows of any file; only their keys are looked at.
_HEAD_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRows:
    """Rows to train on."""

    rows: QuestionSet | ExampleSet
    """The rows."""
    prompt: Prompt
    """Their system prompt."""

    def options(self, model: ModelId | None) -> TuneOptions:
        """Give the way of training that fits the rows.

        Raises:
            InvalidInputError: They are for reinforcement, which needs a grader besides.
        """
        kind = self.rows.kind if isinstance(self.rows, ExampleSet) else "sft"
        if kind == "rft":
            message = (
                f"{self.rows.source!r} is for reinforcement, which needs a grader: take"
                " Workbench.fine_tune in Python, with TuneOptions(method=Reinforcement(…))"
            )
            raise InvalidInputError(message)
        method = DirectPreference() if kind == "dpo" else Supervised()
        return TuneOptions(base=model, method=method)


def is_training_file(path: Path, table: TableOptions) -> bool:
    """Say whether a file holds training conversations, by its name and the keys of its first row.

    A JSON Lines file in which nothing can be read is taken for one: its checks tell more. Who names
    columns means questions.
    """
    if table.columns is not None or path.suffix.lower() not in _JSON_LINES:
        return False
    row = next(_objects(path), None)
    return row is None or not (_TRAINING_KEYS | _FOREIGN_KEYS).isdisjoint(row)


def refuse_for_training(path: Path, table: TableOptions) -> None:
    """Refuse options for tables with a file of training conversations, which has no such choice.

    Raises:
        InvalidInputError: One was given.
    """
    if not table.is_usual:
        message = (
            f"{str(path)!r} holds training conversations, which are JSON Lines in UTF-8 without"
            " empty answers: leave out --columns, --encoding and --empty-answers, or mend the file"
        )
        raise InvalidInputError(message)


def read_rows(
    screen: Screen, path: Path, *, system: str | None, table: TableOptions
) -> TrainingRows:
    """Read questions and answers, or training conversations; warnings and notes are shown.

    Args:
        screen: Where they are shown.
        path: The file.
        system: The system prompt that the user gave; None when none was.
        table: How a table is to be read.

    Raises:
        InvalidInputError: There is no such file, or it holds training conversations and options
            for tables were given.
        DataError: It has errors.
    """
    rows: QuestionSet | ExampleSet
    if is_training_file(existing(path), table):
        refuse_for_training(path, table)
        rows = read_examples(path)
        prompt = Prompt(system, "from the data" if system is None else "given")
    else:
        rows = table.read(path)
        prompt = choose_prompt(system, rows)
    show_problems(screen.note, rows.problems, total=rows.total)
    return TrainingRows(rows=rows, prompt=prompt)


def _objects(path: Path) -> Iterator[Mapping[str, object]]:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return  # whoever reads the file says what is wrong with it
    for line in head.decode("utf-8-sig", "replace").splitlines():
        try:
            row: object = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            yield cast("Mapping[str, object]", row)
