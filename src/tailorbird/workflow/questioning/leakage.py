"""Find test questions whose answer was given away by the training rows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.data.questions.differences import character_pairs
from tailorbird.data.questions.facts import NEAR
from tailorbird.text.normalize import normalize
from tailorbird.workflow.answering.results import Leak, LeakReason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tailorbird.types.questions import Origin, Question

_EXPECTED = frozenset({"verbatim", "paraphrase"})


@dataclass(frozen=True, slots=True)
class _Row:
    question: Question
    text: str
    pairs: frozenset[str]

    @classmethod
    def of(cls, question: Question) -> _Row:
        text = normalize(question.text)
        return cls(question, text, character_pairs(text))


def find_leaks(train: Iterable[Question], test: Sequence[Question]) -> tuple[Leak, ...]:
    """Compare test questions with training rows.

    Args:
        train: Rows that a model was trained on.
        test: Questions that it is tested with.

    Returns:
        For each test question that leaks the row that gives most away, in the order of `test`.
    """
    rows = [_Row.of(one) for one in train]
    index = _Index(rows)
    return tuple(leak for one in test if (leak := index.leak(one)) is not None)


class _Index:
    """Training rows, found by text, by pairs of characters, by id and by place."""

    def __init__(self, rows: Sequence[_Row]) -> None:
        self._rows = rows
        self._by_text = {one.text: one for one in reversed(rows)}
        self._by_id = {one.question.id: one for one in reversed(rows)}
        self._by_pair, self._sizes = _postings(rows)

    def leak(self, question: Question) -> Leak | None:
        """Give the row that gives most of a question away; None when there is none."""
        asked = _Row.of(question)
        found = next(self._candidates(asked), None)
        if found is None:
            return None
        row, reason = found
        return Leak(
            question=question.id,
            row=row.question.id,
            reason=reason,
            similarity=_similarity(asked.pairs, row.pairs),
            expected=question.kind in _EXPECTED,
        )

    def _candidates(self, asked: _Row) -> Iterator[tuple[_Row, LeakReason]]:
        if asked.text in self._by_text:
            yield self._by_text[asked.text], "same-question"
        near = self._nearest(asked)
        if near is not None:
            yield near, "near-question"
        origin = asked.question.origin
        # A conflict is made from a row and asks for what was swapped: the row gives nothing away.
        if origin is None or asked.question.kind == "conflict":
            return
        if origin.row in self._by_id:
            yield self._by_id[origin.row], "same-row"
        for row in self._rows:
            if _overlap(origin, row.question.origin):
                yield row, "same-span"

    def _nearest(self, asked: _Row) -> _Row | None:
        """Give the most similar row, of equal ones the first, when it is as near as that."""
        import numpy as np  # noqa: PLC0415 - late: numpy doubles the time that importing takes

        found = [self._by_pair[pair] for pair in asked.pairs if pair in self._by_pair]
        if not found:
            return None
        # Questions made by one template share most of their pairs: all rows are counted at once.
        shared = np.bincount(np.concatenate(found), minlength=len(self._rows))
        similar = shared / (len(asked.pairs) + self._sizes - shared)
        best = int(similar.argmax())
        return self._rows[best] if similar[best] >= NEAR else None


def _postings(rows: Sequence[_Row]) -> tuple[dict[str, NDArray[np.intp]], NDArray[np.intp]]:
    """Give the places of the rows that have each pair, and how many pairs each row has."""
    import numpy as np  # noqa: PLC0415 - late: numpy doubles the time that importing takes

    places: defaultdict[str, list[int]] = defaultdict(list)
    for at, one in enumerate(rows):
        for pair in one.pairs:
            places[pair].append(at)
    by_pair = {pair: np.asarray(found, dtype=np.intp) for pair, found in places.items()}
    return by_pair, np.asarray([len(one.pairs) for one in rows], dtype=np.intp)


def _similarity(one: frozenset[str], other: frozenset[str]) -> float:
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def _overlap(one: Origin, other: Origin | None) -> bool:
    if other is None or one.span is None or other.span is None or one.document != other.document:
        return False
    return one.span.start < other.span.end and other.span.start < one.span.end
