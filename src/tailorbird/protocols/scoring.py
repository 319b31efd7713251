"""The contract for figures of one's own: what a comparison asks for each answer."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.types.answers import Answer
    from tailorbird.types.questions import Question


class Scored(Protocol):
    """What all scorers have: a name and a range. Class attributes will do."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the figure: 1 to 40 letters, digits, `_`, beginning with a letter.

        It stands in tables, in `Scores.extra` and as a column; no metric of the library has it.
        """
        ...

    @property
    @abstractmethod
    def range(self) -> tuple[float, float]:
        """Lowest and highest figure, both finite, the first below the second."""
        ...


@runtime_checkable
class Scorer(Scored, Protocol):
    """Scores answers one by one.

    A comparison calls it once for each answer, several at a time and in any order; not for calls
    that failed. Whatever it raises ends the comparison with a `ScorerError`; the answers are kept,
    so that nothing is asked again.
    """

    @abstractmethod
    async def score(self, question: Question, answer: Answer) -> float | None:
        """Give the figure of one answer, within `range`; None where it does not apply."""
        ...


@runtime_checkable
class BatchScorer(Scored, Protocol):
    """Scores many answers in one call: for models and services that are faster that way."""

    @property
    @abstractmethod
    def batch_size(self) -> int:
        """How many answers to take at a time, at least 1."""
        ...

    @abstractmethod
    async def score_many(self, cases: Sequence[tuple[Question, Answer]]) -> Sequence[float | None]:
        """Give a figure for each case, in their order, as `Scorer.score` would."""
        ...
