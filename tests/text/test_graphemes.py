"""Where a text can be cut without breaking a visible character."""

from __future__ import annotations

import random
import unicodedata

import pytest

from tailorbird.text import grapheme_boundary

WHOLE = [
    "e\u0301",
    "か\u3099",
    "か\u309b",
    "ｶﾞ",
    "葛\U000e0100",
    "\r\n",
    "👍🏽",
    "👨\u200d👩\u200d👧",
    "❤\ufe0f",
    "🏴\U000e0067\U000e0062\U000e007f",
    "🇯🇵",
    "\u1112\u1161\u11ab",
    "\uac00\u11a8",
    "क\u094dष",
    "क\u094d\u200dष",
    "กำ",
    "\u06001",
    "©\ufe0f",
]


@pytest.mark.parametrize("whole", WHOLE)
def test_a_cut_inside_a_visible_character_moves_before_it(whole: str) -> None:
    """Marks, modifiers, joined emoji, flags, syllables and line ends stay whole."""
    text = f"x{whole}y"
    for at in range(2, len(whole) + 1):
        assert grapheme_boundary(text, at) == 1
    assert grapheme_boundary(text, 1) == 1
    assert grapheme_boundary(text, len(whole) + 1) == len(whole) + 1


@pytest.mark.parametrize(
    "text", ["ab", "漢字", "가나", "a\n", "\n\u0301", "ह\u093fन", "\u11a8가", "ｶｶ"]
)
def test_a_cut_between_visible_characters_stays(text: str) -> None:
    """Nothing is kept together that a reader sees as two."""
    last = 2 if unicodedata.category(text[1])[0] == "M" and text[0] != "\n" else 1
    assert grapheme_boundary(text, last) == last


def test_flags_are_counted_from_where_they_begin() -> None:
    """Three flags in a row are cut between pairs of letters only."""
    text = "🇯🇵🇺🇸🇫🇷"
    assert [grapheme_boundary(text, at) for at in range(7)] == [0, 0, 2, 2, 4, 4, 6]


def test_nothing_before_the_start_is_looked_at() -> None:
    """A place that is known to be fit is the least that comes back."""
    text = "a" + "\u0301" * 100
    assert grapheme_boundary(text, 60) == 0
    assert grapheme_boundary(text, 60, start=50) == 50
    assert grapheme_boundary("🇯🇵🇺🇸", 2, start=1) == 1
    assert grapheme_boundary("क\u094dष", 2, start=2) == 2
    assert grapheme_boundary("x\u0301\u0301ष", 3, start=1) == 3


def test_places_beyond_the_ends_become_the_ends() -> None:
    """A cut behind the text is its end, one before it is the start."""
    assert grapheme_boundary("abc", 99) == 3
    assert grapheme_boundary("abc", -5) == 0
    assert grapheme_boundary("", 0) == 0


def test_ten_thousand_random_cuts_lie_on_borders() -> None:
    """However visible characters are strung together, a cut falls between two of them."""
    # Characters that never join with a neighbor stand between the ones that might.
    rng = random.Random(5)  # noqa: S311 - a test, no secret
    pieces = [piece + "。" for piece in WHOLE] + list("あ漢aZ9「\t")
    text = "".join(rng.choice(pieces) for _ in range(4000))
    borders, at = {0}, 0
    while at < len(text):
        piece = next((one for one in WHOLE if text.startswith(one, at)), text[at])
        at += len(piece)
        borders.add(at)
    for _ in range(10_000):
        wanted = rng.randrange(len(text) + 1)
        found = grapheme_boundary(text, wanted)
        assert found == max(
            border for border in range(wanted, wanted - 12, -1) if border in borders
        )
