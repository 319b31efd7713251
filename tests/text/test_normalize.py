"""How texts are brought into the form in which they are compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.text import fold_width, normalize, normalize_for_match


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Hello\t WORLD \n", "hello world"),
        ("ＶＰＮ　２００", "vpn 200"),
        ("ﾃﾚﾜｰｸ", "テレワーク"),
        ("か\u3099", "が"),
        ("STRASSE straße", "strasse strasse"),
        ("A\u00adB\u200bC\ufeff", "abc"),
        ("葛\U000e0100城", "葛城"),
        ("①10,000円", "1 10,000円"),
        ("10²", "10 2"),
        ("6½", "6 1⁄2"),
        ("", ""),
        (" \u3000\n", ""),
    ],
)
def test_normalize_folds_width_case_space_and_the_unseen(text: str, expected: str) -> None:
    """Width, case, white space and invisible characters do not tell texts apart."""
    assert normalize(text) == expected


@given(st.text())
def test_normalizing_twice_changes_nothing_more(text: str) -> None:
    """The normal form is its own normal form, and so is the core that is matched."""
    once = normalize(text)
    assert normalize(once) == once
    core = normalize_for_match(text)
    assert normalize(core) == core


def test_fold_width_keeps_case_and_spaces() -> None:
    """Only the width changes, so that capitals can still be told."""
    assert fold_width("ＩＴ  部門") == "IT  部門"
    assert fold_width("IT  x") == "IT  x"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("「30日。」", "30日"),
        ("**Yes!**", "yes"),
        ("_Yes_.", "yes"),
        ("50%。", "50%"),
        ("２５℃", "25°c"),
        ("C++.", "c++"),
        ("($5.)", "$5"),
        ("-5", "-5"),
        ("−5 です。", "−5 です"),
        ("- five", "five"),
        (".5", ".5"),
        ("30 days [1].", "30 days"),
        ("30 days [1, 3] [doc2]", "30 days"),
        ("30日。【4†source】", "30日"),
        ("30 days. [handbook.pdf#page=3] ", "30 days"),
        ("30 days [rules.md]。", "30 days"),
        ("options [a] or [b]", "options [a] or [b"),
        ("see [the long one]", "see [the long one"),
        ("[1]", "1"),
        ("end ]", "end"),
        ("Wow 😊", "wow"),
        ("हिन्दी।", "हिन्दी"),
        ("…", "..."),
        ("", ""),
    ],
)
def test_the_core_of_an_answer_is_free_of_marks_at_its_ends(text: str, expected: str) -> None:
    """Punctuation, quotes and citations at the ends go; signs that belong to a value stay."""
    assert normalize_for_match(text) == expected


def test_a_citation_is_looked_for_near_the_end_only() -> None:
    """A bracket that opened long before is no citation mark, and costs no time."""
    text = "[" + "x" * 500 + ".md]"
    assert normalize_for_match("answer " + text) == "answer " + text[:-1]
