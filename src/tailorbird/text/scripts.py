"""Tell scripts apart: which characters are written without spaces between words."""

from __future__ import annotations

import re
from typing import Literal

from tailorbird.text.patterns import lazy_pattern

Script = Literal["cjk", "latin", "other"]
"""What a text is mainly written in; see `script_of`."""

# Bodies of character classes. Source: Unicode Character Database 17.0, Blocks.txt and Scripts.txt,
# https://www.unicode.org/Public/17.0.0/ucd/ (2025-09). Planes 2 and 3 hold ideographs only.
HAN = (
    "\u2e80-\u2fdf"  # radicals
    "\u3005-\u3007"  # 々 〆 〇
    "\u3021-\u3029\u3038-\u303b"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
"""Ideographs, with the marks that repeat or abbreviate them."""

KANA = (
    "\u3041-\u309f"  # hiragana, with combining and spacing sound marks
    "\u30a1-\u30fa\u30fc-\u30ff"  # katakana and the prolonged sound mark, without the middle dot
    "\u31f0-\u31ff"  # small katakana for Ainu
    "\uff66-\uff9f"  # half width
    "\U0001aff0-\U0001b16f"  # historic and small kana
)
"""Hiragana and katakana, half width and prolonged sound marks included."""

HANGUL = "\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\uac00-\ud7a3\ud7b0-\ud7fb\uffa0-\uffdc"
"""Korean syllables and their parts. Korean has spaces, but endings grow onto its words."""

CJK = HAN + KANA + HANGUL + "\u3105-\u312f\u31a0-\u31bf"
"""Everything whose words cannot be found at spaces in East Asia; the last two are bopomofo."""

UNSPACED = (
    "\u0e01-\u0e3a\u0e40-\u0e4e"  # Thai
    "\u0e81-\u0ece"  # Lao
    "\u0f40-\u0fbc"  # Tibetan
    "\u1000-\u103f\u1050-\u109d"  # Myanmar
    "\u1780-\u17d3"  # Khmer
)
"""Scripts of South East Asia that are written without spaces between words."""

_CJK_CHAR = lazy_pattern(f"[{CJK}]")
_UNSPACED_CHAR = lazy_pattern(f"[{CJK}{UNSPACED}]")
_LATIN_CHAR = re.compile("[A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff]")
_LETTER = re.compile(r"[^\W\d_]")


def is_cjk_char(char: str) -> bool:
    """Say whether one character is Han, kana (half width too), Hangul or bopomofo.

    Punctuation such as `。` belongs to no script and gives False, as does the empty text.
    """
    return _CJK_CHAR().fullmatch(char) is not None


def script_of(text: str) -> Script:
    """Name the script that most letters of `text` belong to.

    `cjk`: Chinese, Japanese or Korean; `latin`: Latin letters, full width ones not counted;
    `other`: any other script, and texts without letters. Equal counts go to `cjk` first, then to
    `latin`: one Chinese character carries about as much as two Latin letters.
    """
    if text.isascii():
        return "latin" if _LATIN_CHAR.search(text) else "other"
    cjk = len(_CJK_CHAR().findall(text))
    latin = len(_LATIN_CHAR.findall(text))
    other = max(0, len(_LETTER.findall(text)) - cjk - latin)
    if cjk and cjk >= max(latin, other):
        return "cjk"
    return "latin" if latin and latin >= other else "other"


def has_spaced_words(text: str) -> bool:
    """Say whether most letters of `text` belong to a script that puts spaces between words.

    False for Chinese, Japanese, Korean, Thai, Lao, Tibetan, Myanmar and Khmer: compare such texts
    by characters. Korean counts as unspaced because endings grow onto its words. True for a text
    without letters.
    """
    if text.isascii():
        return True
    unspaced = len(_UNSPACED_CHAR().findall(text))
    return not unspaced or 2 * unspaced < len(_LETTER.findall(text))
