"""What a model wrote becomes a question only when it holds what its kind says."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tailorbird.data.questions.differences import character_pairs
from tailorbird.data.questions.facts import NEAR
from tailorbird.retrieval.quoting import find_quote
from tailorbird.text import script_of
from tailorbird.text.normalize import normalize, normalize_for_match
from tailorbird.text.numbers import numbers
from tailorbird.types.questions import Origin, Question, Swap
from tailorbird.types.retrieval import Span
from tailorbird.workflow.questioning.leakage import find_leaks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.types.questions import QuestionKind
    from tailorbird.types.retrieval import Chunk
    from tailorbird.workflow.questioning.forms import Drawn, Missing, Reworded, Swapped

_ID_DIGITS = 10
_SHORTEST_ANSWER = 3  # characters from which on an answer may not stand in its question


class Unfit(StrEnum):
    """Why what a model wrote is not taken."""

    SAME_WORDS = "nearly the words of the training row"
    OTHER_SCRIPT = "another script than the training row's"
    NUMBER_LOST = "a number of the training row is missing"
    TRAINED = "a training row asks nearly the same"
    NO_ANSWER = "the passage does not answer the training row"
    OTHER_FACT = "the passage's fact is not the trained one"
    SAME_FACT = "the other fact stands in the passage already"
    BLANK = "no question was written"
    NO_QUOTE = "the quotation does not stand in the passage"
    NO_FACT = "the fact does not stand in the quotation"
    TELLS = "the question tells its answer"
    ANSWERED = "the documents answer the question"
    NOT_FOUND = "no passage was found for the training row"
    TWICE = "nearly the same as one that was made before"


class UnfitError(Exception):
    """What was written cannot be taken; the message is one of `Unfit`, without content."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Turns what a model wrote into questions."""

    model: str
    """The model that wrote it."""
    train: Sequence[Question] = ()
    """Rows that others are trained on."""

    def reworded(self, row: Question, written: Reworded) -> Question:
        """Take a training row in other words.

        Raises:
            UnfitError: It is nearly the same words, another language, or another question.
        """
        text = _checked(written.rewording)
        if _similarity(text, row.text) >= NEAR:
            raise UnfitError(Unfit.SAME_WORDS)
        if script_of(text) != script_of(row.text):
            raise UnfitError(Unfit.OTHER_SCRIPT)
        if not set(numbers(row.text)) <= set(numbers(text)):
            raise UnfitError(Unfit.NUMBER_LOST)
        _check_untold(text, row.answers, known=row.text)
        return self._question(
            text,
            "paraphrase",
            answers=row.answers,
            sources=row.sources,
            origin=Origin(model=self.model, row=row.id),
        )

    def drawn(self, chunk: Chunk, written: Drawn) -> Question:
        """Take a question that a chunk answers.

        Raises:
            UnfitError: The quotation does not stand in the chunk, does not hold the fact, or the
                question is trained or tells its answer.
        """
        text = _checked(written.question)
        start, end = _found(written.answering_words, chunk.text)
        sentence = chunk.text[start:end]
        fact = _within(written.short_answer, sentence)
        _check_untold(text, (fact,), known="")
        question = self._question(
            text,
            "unseen",
            answers=tuple(dict.fromkeys((fact, sentence))),
            sources=(chunk.document,),
            origin=self._from(chunk, start, end),
        )
        if find_leaks(self.train, [question]):
            raise UnfitError(Unfit.TRAINED)
        return question

    def missing(self, chunk: Chunk, written: Missing) -> Question:
        """Take a question that a chunk does not answer; whether others do is asked elsewhere.

        Raises:
            UnfitError: It is blank, or a training row asks nearly the same.
        """
        question = self._question(
            _checked(written.unanswered_question),
            "unanswerable",
            origin=Origin(model=self.model, document=chunk.document),
        )
        if find_leaks(self.train, [question]):
            raise UnfitError(Unfit.TRAINED)
        return question

    def swapped(self, row: Question, chunk: Chunk, written: Swapped) -> Question:
        """Take a training row whose fact is another one in the passages.

        Raises:
            UnfitError: The chunk does not answer the row as it was trained, or what is to stand
                there instead says the same or stands in the chunk already.
        """
        if not written.answering_words.strip():
            raise UnfitError(Unfit.NO_ANSWER)
        start, end = _found(written.answering_words, chunk.text)
        sentence = chunk.text[start:end]
        fact, other = _within(written.fact, sentence), written.other_fact.strip()
        trained = normalize_for_match(" ".join(row.answers))
        if normalize_for_match(fact) not in trained:
            raise UnfitError(Unfit.OTHER_FACT)
        if not other or normalize_for_match(other) in normalize_for_match(chunk.text + fact):
            raise UnfitError(Unfit.SAME_FACT)
        new = sentence.replace(fact, other, 1)
        return self._question(
            row.text,
            "conflict",
            answers=(other, new),
            sources=(chunk.document,),
            origin=self._from(chunk, start, end, row=row.id),
            swap=Swap(old=sentence, new=new),
        )

    def _from(self, chunk: Chunk, start: int, end: int, *, row: str | None = None) -> Origin:
        span = Span(start=chunk.span.start + start, end=chunk.span.start + end)
        return Origin(model=self.model, row=row, document=chunk.document, span=span)

    def _question(
        self,
        text: str,
        kind: QuestionKind,
        *,
        origin: Origin,
        answers: tuple[str, ...] = (),
        sources: tuple[str, ...] = (),
        swap: Swap | None = None,
    ) -> Question:
        key = f"{kind}\n{text}".encode("utf-8", "surrogatepass")
        return Question(
            id=f"made-{kind}-{hashlib.sha256(key).hexdigest()[:_ID_DIGITS]}",
            text=text,
            answers=answers,
            kind=kind,
            sources=sources,
            origin=origin,
            swap=swap,
        )


def is_near(one: Question, other: Question) -> bool:
    """Say whether two made questions of one kind ask nearly the same."""
    return one.kind == other.kind and _similarity(one.text, other.text) >= NEAR


def _checked(text: str) -> str:
    if not (stripped := text.strip()):
        raise UnfitError(Unfit.BLANK)
    return stripped


def _similarity(one: str, other: str) -> float:
    mine, others = character_pairs(normalize(one)), character_pairs(normalize(other))
    shared = len(mine & others)
    return shared / (len(mine) + len(others) - shared)


def _found(quote: str, text: str) -> tuple[int, int]:
    place = find_quote(quote, text)
    if place is None:
        raise UnfitError(Unfit.NO_QUOTE)
    return place


def _within(fact: str, sentence: str) -> str:
    """Give the fact as it stands in the sentence."""
    bare = fact.strip()
    if bare and bare in sentence:
        return bare
    place = find_quote(fact, sentence)
    if place is None:
        raise UnfitError(Unfit.NO_FACT)
    return sentence[slice(*place)]


def _check_untold(text: str, answers: Sequence[str], *, known: str) -> None:
    """Refuse a question that tells an answer which `known` did not tell."""
    asked, before = normalize_for_match(text), normalize_for_match(known)
    for answer in map(normalize_for_match, answers):
        if len(answer) >= _SHORTEST_ANSWER and answer in asked and answer not in before:
            raise UnfitError(Unfit.TELLS)
