"""How much two texts have in common."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.text import chrf, overlap_f1
from tailorbird.text.similarity import ChrfReference, OverlapReference


@pytest.mark.parametrize(
    ("answer", "reference", "expected"),
    [
        ("The 30 days.", "30 days", 1.0),
        ("It takes 30 days", "30 days", 2 / 3),
        ("30 30 days", "30 days", 0.8),
        ("no idea", "30 days", 0.0),
        ("答えは30日です。", "３０日", 6 / 11),
        ("三十日", "30日", 1 / 3),
        ("日30", "30日", 1.0),
        ("1,200 yen", "1,200", 2 / 3),
        ("1200", "1,200", 0.0),
        ("3.5 GB.", "3.5 gb", 1.0),
        ("don't", "dont", 1.0),
        ("well-known", "well known", 1.0),
        ("भाषा हिन्दी", "हिन्दी भाषा", 1.0),
        ("", "", 1.0),
        ("！", "!", 1.0),
        ("。", "!", 0.0),
        ("the", "a", 0.0),
        ("", "30 days", 0.0),
    ],
)
def test_overlap_counts_words_or_characters_as_the_reference_has_them(
    answer: str, reference: str, expected: float
) -> None:
    """Width, case, articles, punctuation and order do not count; repetition does."""
    assert overlap_f1(answer, reference) == pytest.approx(expected)


# Computed with sacrebleu 2.6.0: sentence_chrf(hypothesis, [reference]).score / 100.
@pytest.mark.parametrize(
    ("hypothesis", "reference", "expected"),
    [
        ("the cat sat", "the cat sat on the mat", 0.4959348409966008),
        ("the cat sat on the mat", "the cat sat", 0.7973855444246795),
        ("有給休暇は10日です。", "年次有給休暇は10日である。", 0.5986506537279432),
        ("The  Cat", "thecat", 0.17777777777777778),
        ("abc", "xyz", 0.0),
        ("a", "a", 1.0),
        ("ab", "abcdefghij", 0.1871657754010695),
        ("", "abc", 0.0),
        ("abc", "", 0.0),
        ("同じ文", "同じ文", 1.0),
    ],
)
def test_chrf_is_that_of_sacrebleu(hypothesis: str, reference: str, expected: float) -> None:
    """The common implementation gives the same values."""
    assert chrf(hypothesis, reference) == pytest.approx(expected, abs=1e-12)


@given(st.text(), st.text())
def test_scores_lie_between_0_and_1(answer: str, reference: str) -> None:
    """Whatever is compared, the scores keep their range."""
    assert 0 <= overlap_f1(answer, reference) <= 1
    assert 0 <= chrf(answer, reference) <= 1


@given(st.text())
def test_a_text_equals_itself(text: str) -> None:
    """Identity scores 1; chrF needs a character for that."""
    assert overlap_f1(text, text) == 1
    assert chrf(text, text) == pytest.approx(1.0 if text.split() else 0.0)


def test_chrf_is_that_of_sacrebleu_on_real_answers() -> None:
    """On 24 pairs of Japanese and English answers (sacrebleu 2.6.0) the values are the same."""
    path = Path(__file__).with_name("chrf_of_sacrebleu.jsonl")
    pairs = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(pairs) == 24
    for one in pairs:
        found = chrf(one["hypothesis"], one["reference"])
        assert found == pytest.approx(one["chrf"], abs=1e-12)


def test_a_reference_is_taken_apart_once() -> None:
    """A prepared reference gives what the plain functions give, for any number of answers."""
    reference = "年次有給休暇は10日である。"
    overlap, grams = OverlapReference(reference), ChrfReference(reference)
    for answer in ("有給休暇は10日です。", "", "年次有給休暇は10日である。"):
        assert overlap.f1(answer) == overlap_f1(answer, reference)
        assert grams.score(answer) == chrf(answer, reference)
