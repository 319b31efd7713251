"""What a fake's tuned model keeps of its training rows, and how it remembers.

Each learned turn of the assistant is a lesson: what the user had said so far, and the answer.

- A single question is compared with the lessons of rows with one question, by the cosine of hashed
  character n-grams, each dimension weighted by how rare it is among the lessons. From 0.45 on the
  nearest lesson's answer is given. Paraphrases that share most of their wording reach that, other
  questions do not: on the example data, 17 of 20 mild paraphrases do, and 2 of 60 questions about
  something else.
- A dialogue is compared, whole and unweighted, with the lessons of rows with several questions that
  have come equally far. From 0.35 on the nearest lesson's answer is given: names and numbers fill
  much of a dialogue. On the example data all 18 turns of held-out dialogues reach that, and no
  question about something else.

No score on a fake says anything about a real model.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from tailorbird.providers.fake.answering.slots import (
    Surroundings,
    carry_over,
    learn_surroundings,
    read_filled,
)
from tailorbird.providers.fake.answering.style import Style, learn_style
from tailorbird.text import hash_embedding
from tailorbird.types.questions import Example, PreferencePair

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from tailorbird.types.questions import GradedPrompt, TrainingMessage

NEAR = 0.45
"""Cosine from which a question is taken for a trained one."""

NEAR_DIALOGUE = 0.35
"""Cosine from which a conversation is taken for a trained dialogue."""

MOST_LESSONS = 10_000
"""Lessons that are kept; later ones are forgotten, so that memory stays below 50 MB."""

_FORMS = 1_000  # lessons that are looked at for filled forms

DIMENSIONS = 1024
"""Width of the vectors that lessons are compared by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One answer that was learned."""

    systems: tuple[str, ...]
    """Instructions of the row."""
    said: tuple[str, ...]
    """What the user had said so far."""
    answer: str
    """What the assistant answered."""
    in_dialogue: bool
    """Whether its row has several questions."""


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Lessons that have come equally far, ready to be compared."""

    lessons: tuple[Lesson, ...]
    rarity: NDArray[np.float32]
    columns: NDArray[np.float32]
    """d × n: column j is lesson j's weighted vector, of unit length."""
    floor: float

    def nearest(self, text: str) -> Lesson | None:
        """Give the nearest lesson; None when none is near enough."""
        weighted = vector_of(text) * self.rarity
        length = float(np.linalg.norm(weighted))
        # A text fills a tenth of the dimensions, and one thread is faster than a shared library
        # that wakes several for a millisecond's work.
        filled = np.flatnonzero(weighted)
        nearness = np.einsum("dn,d->n", self.columns[filled], weighted[filled])
        best = int(nearness.argmax())
        return self.lessons[best] if nearness[best] >= self.floor * length else None


@dataclass(frozen=True, slots=True)
class Memory:
    """All that a tuned model has learned."""

    lessons: tuple[Lesson, ...]
    """In the order of the file."""
    style: Style
    """What the answers share."""
    systems: frozenset[tuple[str, ...]]
    """The instructions under which it learned, each as a whole."""
    single: _Shelf | None
    """Lessons of rows with one question."""
    dialogues: Mapping[int, _Shelf]
    """Lessons of rows with several questions, by how many were asked so far."""
    surroundings: Surroundings
    """Between which words the values of filled forms stand."""

    def answer(self, said: Sequence[str]) -> str | None:
        """Answer from a lesson that is near to what the user has said; None when none is.

        A form that was filled for another dialogue gets this dialogue's values.
        """
        lesson = self.recall(said)
        if lesson is None:
            return None
        form = read_filled(lesson.said, lesson.answer)
        if form is None or lesson.said == tuple(said):
            return lesson.answer
        return carry_over(form, said, self.surroundings)

    def recall(self, said: Sequence[str]) -> Lesson | None:
        """Give the lesson that is near to what the user has said; None when none is."""
        dialogue = self.dialogues.get(len(said))
        if self.single is not None and (len(said) == 1 or (said and dialogue is None)):
            lesson = self.single.nearest(said[-1])
            if lesson is not None:
                return lesson
        return None if dialogue is None else dialogue.nearest("\n".join(said))


def learn(lessons: Iterable[Lesson]) -> Memory:
    """Learn lessons; it blocks for about a second with 10,000 of them."""
    kept = tuple(islice(lessons, MOST_LESSONS))
    single = [one for one in kept if not one.in_dialogue]
    dialogues: dict[int, list[Lesson]] = {}
    for one in kept:
        if one.in_dialogue:
            dialogues.setdefault(len(one.said), []).append(one)
    return Memory(
        lessons=kept,
        style=learn_style(one.answer for one in kept),
        systems=frozenset(one.systems for one in kept),
        single=_shelf(single, floor=NEAR, weighted=True) if single else None,
        dialogues={
            turns: _shelf(some, floor=NEAR_DIALOGUE, weighted=False)
            for turns, some in dialogues.items()
        },
        surroundings=learn_surroundings(
            form for one in kept[:_FORMS] if (form := read_filled(one.said, one.answer))
        ),
    )


def lessons_of(rows: Iterable[Example | PreferencePair | GradedPrompt]) -> Iterable[Lesson]:
    """Give the answers that training rows teach; prompts for a grader teach none."""
    for row in rows:
        if isinstance(row, Example):
            yield from _turns(row.messages)
        elif isinstance(row, PreferencePair):
            yield from _turns((*row.messages, row.preferred))


# The memo changes no result: arms ask the same question, few-shot prompts repeat their examples.
@lru_cache(maxsize=1 << 12)
def vector_of(text: str) -> NDArray[np.float32]:
    """Embed one text for comparison; the array cannot be written to."""
    vectors = hash_embedding([text], dimensions=DIMENSIONS)
    vectors.setflags(write=False)
    return vectors.reshape(DIMENSIONS)


def _turns(messages: Sequence[TrainingMessage]) -> Iterable[Lesson]:
    systems = tuple(one.text for one in messages if one.role in {"system", "developer"})
    in_dialogue = sum(one.role == "user" for one in messages) > 1
    said: list[str] = []
    for one in messages:
        if one.role == "user":
            said.append(one.text)
        elif one.role == "assistant" and one.weight != 0 and one.text and said:
            yield Lesson(
                systems=systems, said=tuple(said), answer=one.text, in_dialogue=in_dialogue
            )


def _shelf(lessons: Sequence[Lesson], *, floor: float, weighted: bool) -> _Shelf:
    vectors = hash_embedding(["\n".join(one.said) for one in lessons], dimensions=DIMENSIONS)
    rarity = np.ones(DIMENSIONS, dtype=np.float32)
    if weighted:
        holding = np.count_nonzero(vectors, axis=0)
        rarity = np.log1p(len(lessons) / (holding + 0.5)).astype(np.float32)
    matrix = vectors * rarity
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    return _Shelf(tuple(lessons), rarity, np.ascontiguousarray(matrix.T), floor)
