"""How much a text is written like others."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.text.profiles import CharacterProfile
from tailorbird.text.sentences import split_sentences

EXAMPLES = Path(__file__).parents[2] / "examples"


def made(*texts: str) -> CharacterProfile:
    """Make a profile that there must be."""
    found = CharacterProfile.of(texts)
    assert found is not None
    return found


@pytest.mark.parametrize("language", ["ja", "en"])
def test_answers_in_the_style_are_told_from_plain_sentences(language: str) -> None:
    """Every answer of the house, unseen, is more like the others than any handbook sentence."""
    with (EXAMPLES / language / "faq.csv").open(encoding="utf-8", newline="") as file:
        answers = [row["answer"] for row in csv.DictReader(file) if row["kind"] != "unanswerable"]
    found = made(*answers[::2])
    pages = (path.read_text("utf-8") for path in (EXAMPLES / language / "handbook").iterdir())
    plain = [page[start:end] for page in pages for start, end in split_sentences(page)]
    assert min(map(found.likeness, answers[1::2])) > max(map(found.likeness, plain))


def test_length_counts() -> None:
    """Half of the usual length, or twice of it, halves the figure."""
    found = made(*(f"{word} is here for you today!" for word in ("Anna", "Bert", "Cora", "Dora")))
    whole = found.likeness("Emil is here for you today!")
    assert whole > 0.9
    assert found.likeness("here for you!") < 0.6
    assert found.likeness("Emil is here for you today! " * 3) < 0.5 * whole


def test_other_characters_are_another_style() -> None:
    """A text of the right length in plain words shares little."""
    found = made("返品は30日までです!", "送料は500円までです!", "営業は18時までです!")
    assert found.likeness("交換は14日までです!") == pytest.approx(1, abs=0.15)
    assert found.likeness("商品の交換が可能な期間") < 0.1
    assert found.likeness("") == 0


@pytest.mark.parametrize("texts", [(), ("a",), ("a", "a", "a", " a "), ("", " ", "x", "y")])
def test_few_texts_have_no_profile(texts: tuple[str, ...]) -> None:
    """Two distinct texts say nothing about a manner."""
    assert CharacterProfile.of(texts) is None


def test_texts_that_share_nothing_leave_the_length() -> None:
    """Where no run of characters is shared, only the length tells."""
    found = made("abcdef", "ghijkl", "mnopqr")
    assert found.weights == {}
    assert found.likeness("stuvwx") == 1
    assert found.likeness("stu") == 0.5


def test_digits_and_width_do_not_count() -> None:
    """Other numbers, and full width, are the same style."""
    found = made("It costs 5 euros.", "It costs 12 dollars.", "It costs 1500 yen.")
    assert found.likeness("It costs 7 pounds.") == found.likeness("Ｉｔ costs 999 pounds.")


@given(st.lists(st.text(max_size=20), max_size=8), st.text(max_size=40))
def test_the_figure_is_a_share(texts: list[str], text: str) -> None:
    """Whatever is compared, the figure lies in 0..1."""
    found = CharacterProfile.of(texts)
    assert found is None or 0 <= found.likeness(text) <= 1
