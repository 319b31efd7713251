"""Which known word somebody probably meant, in any script."""

from __future__ import annotations

import pytest

from tailorbird.problem import did_you_mean, nearest

KNOWN = ("question", "Answer", "回答", "カテゴリー", "fake-chat")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("questoin", "question"),
        ("QUESTION", "question"),
        ("answer", "Answer"),
        ("ＡＮＳＷＥＲ", "Answer"),
        ("回　答", "回答"),
        ("カテゴリ", "カテゴリー"),
        ("ｶﾃｺﾞﾘｰ", "カテゴリー"),
        ("Fake_Chat", "fake-chat"),
        ("zebra", None),
        ("", None),
    ],
)
def test_a_near_word_is_found_as_it_is_spelled(word: str, meant: str | None) -> None:
    """Case, the width of letters and a slip of a few characters do not part words."""
    assert nearest(word, KNOWN) == meant


def test_the_first_of_two_spellings_is_taken() -> None:
    """Words that differ in case only are one word, and the first one known is named."""
    assert nearest("index", ["Index", "INDEX"]) == "Index"


def test_what_is_near_is_asked_for() -> None:
    """The question repeats the known word; without one the other advice is given."""
    assert did_you_mean("fake-chta", KNOWN, otherwise="look") == "did you mean 'fake-chat'?"
    assert did_you_mean("zebra", KNOWN, otherwise="look") == "look"
    assert did_you_mean("zebra", ()) == ""
