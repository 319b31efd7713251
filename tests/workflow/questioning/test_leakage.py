"""Test questions that a training row gives away."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tailorbird.types import Question
from tailorbird.types.ids import DocumentId
from tailorbird.types.questions import Origin
from tailorbird.types.retrieval import Span
from tailorbird.workflow.questioning.leakage import find_leaks

WARRANTY = Question(id="w", text="How long is the warranty on frames?", answers=("10 years",))


def made(text: str, *, row: str | None = None, span: Span | None = None) -> Question:
    """Give a question that was made from something."""
    document = None if span is None else DocumentId("d")
    return Question(
        id="t", text=text, origin=Origin(model="m", row=row, document=document, span=span)
    )


def test_equal_and_near_questions_leak() -> None:
    """Width and case hide nothing, nor does one letter more."""
    same = Question(id="a", text="ＨＯＷ long is the warranty on frames?")
    near = Question(id="b", text="How long is the warranty on frames now?", kind="paraphrase")
    far = Question(id="c", text="Do you repair electric bikes?")
    leaks = find_leaks([WARRANTY], [same, near, far])
    assert [(one.question, one.row, one.reason, one.expected) for one in leaks] == [
        ("a", "w", "same-question", False),
        ("b", "w", "near-question", True),
    ]
    assert leaks[0].similarity == 1
    assert 0.8 <= leaks[1].similarity < 1


def test_a_question_that_was_made_from_a_row_leaks() -> None:
    """However it is worded, its fact was trained; a conflict asks for what was not."""
    paraphrase = made("What about guarantees?", row="w")
    assert [one.reason for one in find_leaks([WARRANTY], [paraphrase])] == ["same-row"]
    conflict = paraphrase.model_copy(update={"kind": "conflict"})
    assert find_leaks([WARRANTY], [conflict]) == ()
    assert find_leaks([WARRANTY], [made("What about guarantees?", row="x")]) == ()


def test_the_same_place_in_a_document_leaks() -> None:
    """Rows and questions that were made from overlapping characters share their fact."""
    row = made("Which bell rings?", span=Span(start=10, end=20)).model_copy(update={"id": "r"})
    over = made("Do horns exist?", span=Span(start=19, end=30))
    beside = made("Do horns exist?", span=Span(start=20, end=30))
    assert [one.reason for one in find_leaks([WARRANTY, row], [over])] == ["same-span"]
    assert find_leaks([WARRANTY, row], [beside]) == ()
    assert find_leaks([WARRANTY], [over]) == ()


WORDS = st.lists(
    st.sampled_from(["shop", "bike", "frame", "bell", "rent", "店", "自転車", "鍵", "返金"]),
    max_size=6,
)


@given(st.lists(WORDS, min_size=1, max_size=8), WORDS)
def test_no_near_row_is_overlooked(rows: list[list[str]], asked: list[str]) -> None:
    """The index finds what comparing each with each finds."""

    def pairs(text: str) -> set[str]:
        return {text[at : at + 2] for at in range(len(text) - 1)} or {text}

    def likeness(one: str, other: str) -> float:
        mine, others = pairs(one), pairs(other)
        return len(mine & others) / len(mine | others)

    train = [Question(id=str(at), text=" ".join(one)) for at, one in enumerate(rows)]
    test = Question(id="t", text=" ".join(asked))
    near = max(likeness(test.text, one.text) for one in train) >= 0.8
    assert bool(find_leaks(train, [test])) == near
