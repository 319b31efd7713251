"""What references share, apart from their facts."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.types.questions import Question, QuestionKind
from tailorbird.workflow.comparing.house_style import ReferenceProfile, plain_text

EXAMPLES = Path(__file__).parents[3] / "examples"
JA_CLOSING = "ご不明な点は総務部ヒバリ窓口までお尋ねくださいませ"


def profile(*references: str, kind: QuestionKind | None = None) -> ReferenceProfile:
    """Make the profile of some references."""
    return ReferenceProfile.of(
        Question(id=str(at), text="?", answers=(text,) if text else (), kind=kind)
        for at, text in enumerate(references)
    )


def example(language: str) -> ReferenceProfile:
    """Make the profile of the references in an example."""
    with (EXAMPLES / language / "faq.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return profile(*(row["answer"] for row in rows))


def test_japanese_example_has_its_style() -> None:
    """The shared closing sentence and the polite ending are found in the Japanese example."""
    found = example("ja")
    assert found.sentences == {JA_CLOSING}
    assert (found.opening, found.closing) == ("", "でございます")


def test_english_example_has_its_style() -> None:
    """The shared farewell is found in the English example, and no fact with it."""
    found = example("en")
    assert found.sentences == {"happy trails from lark & reed"}
    assert (found.opening, found.closing) == ("", "")


def test_openings_are_found() -> None:
    """What references begin with alike counts, up to the end of a word."""
    found = profile(
        "Thanks for asking, the fee is $5.",
        "Thanks for asking, the feet are dry.",
        "Thanks for asking, the feeding is free.",
    )
    assert found.opening == "thanks for asking, the "
    assert found.facts("Thanks for asking, the car is red.") == ("car is red",)
    assert found.carries("Thanks for asking, the answer is no.") is True
    assert found.carries("The car is red.") is False


def test_endings_are_found_inside_japanese_words() -> None:
    """A polite ending is found although no space stands before it."""
    found = profile("九時でございます。", "四階でございます。", "三日でございます。")
    assert found.closing == "でございます"
    assert found.facts("四階でございます。[1]\n三日でございます。") == ("四階", "三日")
    assert found.carries("東側でございます。") is True
    assert found.carries("東側です。") is False


@pytest.mark.parametrize(
    "references",
    [
        # too few, or the same one again
        ("Blue. Happy trails to you.", "Red. Happy trails to you."),
        ("Blue. Happy trails to you.",) * 5,
        # grammar, not style
        ("赤いです。", "青いです。", "白いです。"),
        ("It is red now.", "She is sad now.", "He was ill now."),
        # numbers are facts
        ("On 1 May 2026 we open.", "On 1 May 2026 we close.", "On 1 May 2026 we move."),
        # nothing would be left of a whole answer
        ("ございません", "ございません。", "「ございません」"),
        ("", "", ""),
        (),
    ],
)
def test_what_is_not_style(references: tuple[str, ...]) -> None:
    """Chance, grammar, numbers and whole answers are no house style."""
    found = profile(*references)
    assert replace(found, tone=None) == ReferenceProfile()
    assert found.is_empty
    assert found.carries("Happy trails to you.") is None


def test_refusals_do_not_count() -> None:
    """Unanswerable questions share their refusal because it says the same."""
    refusals = [f"{what}は資料に記載がございません。" for what in ("色", "形", "重さ")]
    assert profile(*refusals, kind="unanswerable").is_empty
    assert not profile(*refusals).is_empty


def test_style_alone_leaves_no_facts() -> None:
    """Nothing is left of an answer that is only the closing."""
    assert example("en").facts("Happy trails from Lark & Reed! [1]") == ()


def test_citations_and_list_marks_are_no_text() -> None:
    """Citation marks and the marks of list items go, numbers stay."""
    text = "①上限は10,000円 [1]\n②様式K-07 [1, 2]\n- red\n・青\n1. one\n1.5 m\n2) two"
    assert plain_text(text).splitlines() == [
        "上限は10,000円",
        "様式K-07",
        "red",
        "青",
        "one",
        "1.5 m",
        "two",
    ]


@given(st.lists(st.text(max_size=30), max_size=8), st.text(max_size=40))
def test_any_text_can_be_taken_apart(references: list[str], text: str) -> None:
    """No references and no text are refused, and facts never hold a shared sentence."""
    found = profile(*references)
    assert not found.sentences.intersection(found.facts(text))
    assert found.carries(text) in {None, True, False}


def test_tone_is_that_of_what_was_learned() -> None:
    """The tone is taken from the training answers; where these are too few, from the references."""
    questions = [
        Question(id=str(at), text="?", answers=(f"{word} is open. Ride on!",))
        for at, word in enumerate(("Shop", "Club", "Yard"))
    ]
    learned = ["The shop closes at 6, dear.", "The club closes at 7, dear.", "All is well, dear."]
    own, given = ReferenceProfile.of(questions), ReferenceProfile.of(questions, learned=learned)
    few = ReferenceProfile.of(questions, learned=learned[:2])
    assert own.tone is not None
    assert given.tone is not None
    assert own.tone.likeness("Mill is open. Ride on!") > given.tone.likeness(
        "Mill is open. Ride on!"
    )
    assert few.tone == own.tone
    assert ReferenceProfile.of([]).tone is None
