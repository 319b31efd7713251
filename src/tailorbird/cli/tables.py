"""Options that say how a table of the user is to be read."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tailorbird.data import QuestionSet, ReadOptions, TableLimits
from tailorbird.exceptions import InvalidInputError

if TYPE_CHECKING:
    from pathlib import Path

EmptyAnswers = Literal["error", "skip"]
"""What happens to rows without question or answer."""

ColumnsOption = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="A,B",
        help="Names of the columns of question and answer, e.g. Description,Reply, or roles with"
        " names, e.g. question=Description,answer=Reply,kind=Type; without it the usual names.",
        show_default=False,
    ),
]
EncodingOption = Annotated[
    str,
    typer.Option(
        "--encoding", metavar="NAME", help="Encoding of the questions, e.g. cp1252 or euc_jp."
    ),
]
EmptyAnswersOption = Annotated[
    EmptyAnswers,
    typer.Option(
        "--empty-answers", help="Rows without question or answer: an error, or left out (skip)."
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOptions:
    """How a table is to be read, as it was typed."""

    columns: str | None = None
    """Names of the columns; None knows them by their usual names."""
    encoding: str = "auto"
    """See `ReadOptions.encoding`."""
    empty_answers: EmptyAnswers = "error"
    """See `ReadOptions.empty_answers`."""

    @property
    def is_usual(self) -> bool:
        """Whether nothing was typed."""
        return self == TableOptions()

    def read(self, path: Path, *, limits: TableLimits | None = None) -> QuestionSet:
        """Read a table of questions and answers, or JSON Lines.

        Raises:
            InvalidInputError: An option cannot be meant.
            DataError: The file cannot be read or has errors.
        """
        options = ReadOptions(
            columns=None if self.columns is None else _columns(self.columns),
            encoding=self.encoding,
            empty_answers=self.empty_answers,
            limits=limits or TableLimits(),
        )
        return QuestionSet.from_file(path, options=options)


def _columns(typed: str) -> tuple[str, ...] | dict[str, str]:
    """Understand `A,B` and `question=A,answer=B`; a name with a comma stands in quotes.

    Raises:
        InvalidInputError: A role is named twice, or only some of the names have a role.
    """
    names = tuple(next(csv.reader([typed]), list[str]()))
    pairs = [(role.strip(), name) for role, is_pair, name in map(_parted, names) if is_pair]
    if not pairs:
        return names
    roles = dict(pairs)
    if len(roles) < len(names):
        message = (
            f"--columns {typed!r}: give each column a role of its own, as in"
            " question=Description,answer=Reply, or only the names, as in Description,Reply"
        )
        raise InvalidInputError(message)
    return roles


def _parted(name: str) -> tuple[str, str, str]:
    return name.partition("=")
