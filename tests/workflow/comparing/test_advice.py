"""What a reader of a verdict must keep in mind."""

from __future__ import annotations

from tailorbird import QuestionSet, Workbench
from tailorbird.workflow.answering.results import Leak
from tailorbird.workflow.comparing.advice import leak_caveats


def leak(number: int, *, expected: bool = False) -> Leak:
    """Give away question `q<number>`."""
    return Leak(
        question=f"q{number}", row="r", reason="near-question", similarity=0.9, expected=expected
    )


def test_given_away_questions_are_named() -> None:
    """Five are named, more are counted; those whose kind says so are none."""
    (few,) = leak_caveats([leak(1), leak(2, expected=True), leak(3)])
    assert few.startswith("2 of the questions are given away by training rows although their kind")
    assert "('q1', 'q3')" in few
    (many,) = leak_caveats([leak(number) for number in range(7)])
    assert "('q0', 'q1', 'q2', 'q3', 'q4', …)" in many
    assert list(leak_caveats([leak(2, expected=True)])) == []


async def test_a_comparison_warns_of_questions_that_were_trained(
    bench: Workbench, rows: QuestionSet
) -> None:
    """Asking what was trained, without saying so by kind, stands in the caveats."""
    tuned = await bench.fine_tune(rows, name="shop", system="Be brief.")
    result = await bench.compare(bench.arms(tuned=tuned), rows[:6])
    assert [one for one in result.verdict.caveats if one.startswith("6 of the questions are given")]
