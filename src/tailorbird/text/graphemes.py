"""Find places at which a text can be cut without breaking a character that a reader sees."""

from __future__ import annotations

import re
import unicodedata

from tailorbird.text.patterns import lazy_pattern

# After: Unicode Standard Annex #29, Unicode Text Segmentation, rules GB3 to GB13,
# https://www.unicode.org/reports/tr29/ (revision 47, read 2026-11). Where a rule needs a table that
# Python lacks, the test here is wider: it may keep together what could be cut, never the reverse.
_JOINER = "\u200d"
_JOINED_TO_BASE = frozenset(
    "\u200c\u200d"  # joiners
    "\u309b\u309c\uff9e\uff9f"  # ゛ ゜ as characters of their own
    "\u0e33\u0eb3"  # Thai and Lao AM
)
_PREPENDED = re.compile(
    "[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\U000110bd\U000110cd\U000111c2\U000111c3"
    "\U0001193f\U00011941\U00011a3a\U00011a84-\U00011a89\U00011d46\U00011f02]"
)
_MODIFIER = re.compile("[\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f\ufe00-\ufe0f]")
_FLAG_LETTER = re.compile("[\U0001f1e6-\U0001f1ff]")
_HANGUL = lazy_pattern("[\u1100-\u11ff\ua960-\ua97c\uac00-\ud7a3\ud7b0-\ud7fb]")
_LEADING = lazy_pattern("[\u1100-\u115f\ua960-\ua97c]")
_TRAILING = lazy_pattern("[\u1160-\u11ff\ud7b0-\ud7fb]")
_VIRAMA_CLASS = 9  # canonical combining class of the signs that join Indic consonants
_FIRST_SPECIAL = "\u0300"  # below it only CR LF belongs together


def grapheme_boundary(text: str, at: int, *, start: int = 0) -> int:
    """Move a cut back to the next place that lies between two visible characters.

    Never separates CR from LF, a base from its combining marks (Japanese ゛ and ゜ included), an
    emoji from its modifiers, variation selectors and joined parts, the two letters of a flag, or
    the parts of a Hangul syllable.

    Args:
        text: The whole text.
        at: Where one would like to cut, counted in code points; values beyond the ends are taken as
            the ends.
        start: A place known to be fit for a cut: nothing before it is looked at.

    Returns:
        The last fit place that is not behind `at`, `start` at the least.
    """
    if at >= len(text):
        return len(text)
    while at > start and _belong_together(text, at, start):
        at -= 1
    return max(at, start)


def _belong_together(text: str, at: int, start: int) -> bool:
    """Say whether the characters before and behind `at` are parts of one."""
    before, after = text[at - 1], text[at]
    if before in "\r\n" or after in "\r\n":
        return before + after == "\r\n"
    if before == _JOINER or _PREPENDED.match(before):
        return True
    if after < _FIRST_SPECIAL or _extends(after):
        return after >= _FIRST_SPECIAL
    if _extends(before):
        return _ends_with_virama(text, at, start)
    if _FLAG_LETTER.match(before) and _FLAG_LETTER.match(after):
        return _flag_letters_before(text, at, start) % 2 == 1
    return (_LEADING().match(before) is not None and _HANGUL().match(after) is not None) or (
        _HANGUL().match(before) is not None and _TRAILING().match(after) is not None
    )


def _extends(char: str) -> bool:
    """Say whether a character is part of the one before it."""
    return (
        char in _JOINED_TO_BASE
        or unicodedata.category(char)[0] == "M"
        or _MODIFIER.match(char) is not None
    )


def _ends_with_virama(text: str, at: int, start: int) -> bool:
    """Say whether a sign that joins Indic consonants is among the marks that end at `at`."""
    while at > start and _extends(text[at - 1]):
        if unicodedata.combining(text[at - 1]) == _VIRAMA_CLASS:
            return True
        at -= 1
    return False


def _flag_letters_before(text: str, at: int, start: int) -> int:
    """Count the flag letters that end at `at`: an odd one out waits for its second half."""
    first = at
    while first > start and _FLAG_LETTER.match(text[first - 1]):
        first -= 1
    return at - first
