"""How scripts are told apart."""

from __future__ import annotations

import pytest

from tailorbird.text import has_spaced_words, is_cjk_char, script_of


@pytest.mark.parametrize("char", "漢あアｱーｰ々〇한ㄅ𠮟ゝヽ")
def test_east_asian_characters_are_cjk(char: str) -> None:
    """Han, kana of both widths, the prolonged sound mark, Hangul and bopomofo count."""
    assert is_cjk_char(char)


@pytest.mark.parametrize("char", ["a", "Я", "。", "「", "1", "ａ", "ไ", "・", "", "漢字"])
def test_other_characters_are_not_cjk(char: str) -> None:
    """Punctuation, digits, other scripts and anything but one character do not."""
    assert not is_cjk_char(char)


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("有給休暇は何日ですか", "cjk"),
        ("VPNの使い方を教えてください", "cjk"),
        ("한국어", "cjk"),
        ("The word 漢字 is Japanese", "latin"),
        ("Où est la gare", "latin"),
        ("hello", "latin"),
        ("Где вокзал", "other"),
        ("สวัสดี", "other"),
        ("2026-11-22", "other"),
        ("１２３。", "other"),
        ("", "other"),
    ],
)
def test_the_script_is_that_of_most_letters(text: str, script: str) -> None:
    """Digits and punctuation belong to no script."""
    assert script_of(text) == script


@pytest.mark.parametrize(
    ("text", "spaced"),
    [
        ("plain words", True),
        ("Где вокзал", True),
        ("café", True),
        ("Open the file 設定", True),
        ("設定を開く", False),
        ("VPNに接続する", False),
        ("한국어", False),
        ("ภาษาไทย", False),
        ("。", True),
        ("", True),
    ],
)
def test_words_are_spaced_unless_most_letters_are_of_an_unspaced_script(
    text: str, *, spaced: bool
) -> None:
    """The answer decides whether texts are compared by words or by characters."""
    assert has_spaced_words(text) is spaced
