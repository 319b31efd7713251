"""What a comparison hands to its user."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird.exceptions import ConfigError, StorageError
from tailorbird.report.answer_rows import Row, to_csv, to_rows
from tailorbird.report.document import from_json, to_json, to_object
from tailorbird.report.markdown import to_markdown
from tailorbird.report.page import to_fragment, to_html
from tailorbird.report.plain import to_text
from tailorbird.storage import write_atomic
from tailorbird.workflow.answering.results import ALL_KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import JsonValue

    from tailorbird.types.questions import Question
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.answering.results import (
        ArmFigures,
        Cell,
        ComparisonData,
        Outcome,
        Pair,
        Verdict,
    )

_BYTE_ORDER_MARK = "\ufeff"


def require_pyarrow() -> None:
    """Do nothing where Parquet files can be written; nothing is imported.

    Raises:
        ConfigError: pyarrow is not installed.
    """
    if find_spec("pyarrow") is None:
        message = "the package 'pyarrow' is not installed: pip install pyarrow"
        raise ConfigError(message)


@dataclass(frozen=True, slots=True, repr=False)
class Comparison:
    """Arms × questions, with everything that follows: print it, look into it, write it down."""

    data: ComparisonData
    """All of it as plain data."""

    @classmethod
    def read(cls, path: Path | str) -> Comparison:
        """Read what `write_json` wrote.

        Raises:
            StorageError: The file cannot be read.
            InvalidInputError: It is not the JSON of a comparison.
        """
        try:
            content = Path(path).read_bytes()
        except OSError as exc:
            message = f"cannot read {str(path)!r}: {exc.strerror or exc}; check the path"
            raise StorageError(message) from exc
        return cls(from_json(content, source=str(path)))

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The ways of answering, in the order of the tables."""
        return self.data.arms

    @property
    def questions(self) -> tuple[Question, ...]:
        """The questions."""
        return self.data.questions

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What each arm said to each question, failed calls included."""
        return self.data.outcomes

    @property
    def answers(self) -> tuple[Outcome, ...]:
        """The outcomes that have an answer: those without the failed calls."""
        return tuple(one for one in self.data.outcomes if one.answer is not None)

    @property
    def summary(self) -> tuple[Cell, ...]:
        """Figures by arm, kind of question and metric, each with n and a 95 % interval."""
        return self.data.summary

    @property
    def pairwise(self) -> tuple[Pair, ...]:
        """Each two arms against each other, in all and by kind of question."""
        return self.data.pairwise

    @property
    def figures(self) -> tuple[ArmFigures, ...]:
        """Time, tokens and money of each arm."""
        return self.data.figures

    @property
    def verdict(self) -> Verdict:
        """What to do, in words."""
        return self.data.verdict

    def cell(self, arm: str, *, kind: str = ALL_KINDS, metric: str = "correct") -> Cell | None:
        """Look one figure of the summary up; None when no answer was scored for it.

        `metric` is a `Metric`, the name of a scorer, or `judged_<rubric>`.
        """
        for one in self.data.summary:
            if (one.arm, one.kind, one.metric) == (arm, kind, metric):
                return one
        return None

    @override
    def __str__(self) -> str:
        """Write tables and verdict as plain text, aligned for Japanese too."""
        return to_text(self.data)

    @override
    def __repr__(self) -> str:
        """Name it without its content."""
        return (
            f"Comparison(name={self.data.name!r}, arms={len(self.data.arms)},"
            f" questions={len(self.data.questions)})"
        )

    def _repr_html_(self) -> str:
        """Show verdict and shares in a notebook."""
        return to_fragment(self.data)

    def to_markdown(self) -> str:
        """Write verdict, shares, costs and pairs as Markdown."""
        return to_markdown(self.data)

    def to_object(self) -> dict[str, JsonValue]:
        """Give everything as JSON values; see `report.document.KEYS` for the keys."""
        return to_object(self.data)

    def to_json(self) -> str:
        """Write everything as JSON; see `report.document.KEYS` for the keys."""
        return to_json(self.data)

    def to_csv(self) -> str:
        """Write one row for each arm and question as CSV, safe to open in a spreadsheet."""
        return to_csv(self.data)

    def to_html(self) -> str:
        """Write a page that needs no network and no script; at most about 1 MB."""
        return to_html(self.data)

    def to_rows(self) -> list[Row]:
        """Give one row for each arm and question; see `report.answer_rows` for the columns."""
        return to_rows(self.data)

    def to_pandas(self) -> object:
        """Give the rows as a `pandas.DataFrame`.

        Raises:
            ConfigError: pandas is not installed.
        """
        try:
            # By name: pandas is no dependency, and has no place in our types.
            pandas = import_module("pandas")
        except ImportError as exc:
            message = "the package 'pandas' is not installed: pip install pandas"
            raise ConfigError(message) from exc
        make: Callable[[list[Row]], object] = pandas.DataFrame
        return make(self.to_rows())

    def write_parquet(self, path: Path | str) -> None:
        """Write the rows as Parquet, whole or not at all.

        Raises:
            ConfigError: pyarrow is not installed.
            StorageError: The file cannot be written.
        """
        require_pyarrow()
        # By name, as in `to_pandas`.
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
        table = arrow.Table.from_pylist(_encodable(self.to_rows()))
        sink = arrow.BufferOutputStream()
        parquet.write_table(table, sink)
        write_atomic(path, bytes(sink.getvalue()))

    def write_markdown(self, path: Path | str) -> None:
        """Write the Markdown report, whole or not at all.

        Raises:
            StorageError: The file cannot be written.
        """
        _write(path, self.to_markdown())

    def write_json(self, path: Path | str) -> None:
        """Write the JSON, whole or not at all; `read` takes it back.

        Raises:
            StorageError: The file cannot be written.
        """
        _write(path, self.to_json())

    def write_csv(self, path: Path | str) -> None:
        """Write the CSV, whole or not at all, with a byte-order mark: Excel needs it for UTF-8.

        Raises:
            StorageError: The file cannot be written.
        """
        _write(path, _BYTE_ORDER_MARK + self.to_csv())

    def write_html(self, path: Path | str) -> None:
        """Write the HTML page, whole or not at all.

        Raises:
            StorageError: The file cannot be written.
        """
        _write(path, self.to_html())


def _encodable(rows: list[Row]) -> list[Row]:
    """Escape what has no UTF-8, a lone surrogate, as the other forms do."""
    return [
        {
            name: one.encode("utf-8", "backslashreplace").decode() if isinstance(one, str) else one
            for name, one in row.items()
        }
        for row in rows
    ]


def _write(path: Path | str, content: str) -> None:
    # A lone surrogate has no UTF-8; its escape is readable, and right within JSON.
    write_atomic(path, content.encode("utf-8", "backslashreplace"))
