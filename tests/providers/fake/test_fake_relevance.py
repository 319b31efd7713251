"""The fake grades passages: by their best sentence, the same each time."""

from __future__ import annotations

import pytest

from tailorbird.providers.fake.answering.grounding import is_relevance_form, relevance_form
from tailorbird.text.passages import Passage
from tailorbird.types.retrieval import RelevanceReply

BIKES = (
    Passage(1, "Shop", "We open at nine. The weather is fine."),
    Passage(2, "Shop", "The deposit for a cargo bike is 150 euros."),
    Passage(3, "Shop", "A cargo bike has three wheels."),
)
LEAVE = (
    Passage(1, "規程", "会社は九時に始まります。"),
    Passage(2, "規程", "年次有給休暇は十日です。翌年に繰り越せます。"),
)


def grades(question: str, passages: tuple[Passage, ...]) -> list[tuple[int, int]]:
    """Give numbers and grades in the order of the fake's answer."""
    reply = RelevanceReply.model_validate_json(relevance_form(question, passages))
    return [(one.passage, one.grade) for one in reply.grades]


def test_what_answers_is_graded_best() -> None:
    """Every passage once; what answers first and highest, what has nothing to do with it 0."""
    found = grades("What is the deposit for a cargo bike?", BIKES)
    assert [number for number, _ in found] == [2, 3, 1]
    best, some, none = (grade for _, grade in found)
    assert best >= 3
    assert best > some > none == 0


def test_japanese_passages_are_graded_too() -> None:
    """Without spaces between words, the same holds."""
    (first, grade), (second, other) = grades("年次有給休暇は何日ですか？", LEAVE)
    assert (first, second) == (2, 1)
    assert grade > other


@pytest.mark.parametrize("question", ["?!", "はいのでを"])
def test_a_question_that_says_nothing(question: str) -> None:
    """Nothing is relevant to it; the order stays."""
    assert grades(question, BIKES) == [(1, 0), (2, 0), (3, 0)]


def test_a_passage_without_sentences() -> None:
    """A heading alone answers nothing."""
    assert grades("deposit?", (Passage(1, "Shop", "# Deposit"),)) == [(1, 0)]


def test_other_forms_are_not_taken_for_it() -> None:
    """Only the form with our field is filled so."""
    assert is_relevance_form(RelevanceReply.model_json_schema())  # type: ignore[arg-type]  # JSON
    assert not is_relevance_form({"properties": {"grades": {}, "more": {}}})
    assert not is_relevance_form({"type": "string"})
