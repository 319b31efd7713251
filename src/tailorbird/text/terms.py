"""Cut texts into the terms that a lexical index counts."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import chain

from tailorbird.text.normalize import fold_width
from tailorbird.text.patterns import lazy_pattern
from tailorbird.text.scripts import CJK, UNSPACED
from tailorbird.text.stemming import STOP_WORDS, stem

# Marks that belong to a word although `\w` leaves them out: accents, Hebrew and Arabic points, and
# the Indic blocks, whose vowel signs are marks (their full stops, U+0964 and U+0965, excepted).
_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    "\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0900-\u0963\u0966-\u0dff"
)
_LETTER = rf"(?:[^\W\d_{CJK}{UNSPACED}]|[{_MARKS}])"
_ALNUM = rf"(?:[^\W_{CJK}{UNSPACED}]|[{_MARKS}])"
_INNER = "[-_./@&'’:,]"

_RUN = lazy_pattern(f"[{CJK}{UNSPACED}]+")
_SINGLE = lazy_pattern(f"(?![\u3041-\u309f])[{CJK}{UNSPACED}]")
_NUMBER_BEFORE_RUN = lazy_pattern(f"[0-9][0-9.,]*[{CJK}]")
_TOKEN = lazy_pattern(rf"{_ALNUM}+(?:{_INNER}{_ALNUM}+)*[+#]*|[\u2600-\u27bf\U0001f300-\U0001faff]")
_ASCII_TOKEN = re.compile(rf"[A-Za-z0-9]+(?:{_INNER}[A-Za-z0-9]+)*[+#]*")

_THOUSANDS = re.compile(r"(?<!\d)\d{1,3}(?:,\d{3})+(?!\d)")
_PART = lazy_pattern(rf"\d+(?:\.\d+)+|\d+|{_LETTER}+")
_CONTRACTION = re.compile("['’](?:s|t|d|m|ll|re|ve)$", re.IGNORECASE)
_HAS_DIGIT = re.compile(r"\d")


def search_terms(text: str) -> list[str]:
    """List the terms of `text`, each as often as it occurs; their order means nothing.

    Questions and documents must be cut by this same function. Width and case are folded first.
    Runs of Han, kana, Hangul, Thai and other unspaced scripts give each character and each pair of
    neighbors, because words cannot be found in them without a dictionary; single hiragana go, being
    grammar for the most part; a number gives a pair with the character behind it (`25日`).
    Elsewhere a word is a term: English stop words go (unless in capitals: `IT` is no `it`), English
    words are stemmed, accents on Latin letters go. Numbers lose their thousands separators. A code
    or an address gives its parts and itself without punctuation: `VPN-200` gives `vpn`, `200`,
    `vpn200`, so that `VPN200` and `vpn 200` find it. `C++`, `C#` and emoji are terms, other symbols
    are not.

    The list is empty for a text without any of these, and for one of stop words only.
    """
    folded = fold_width(text)
    if folded.isascii():
        return list(chain.from_iterable(map(_token_terms, _ASCII_TOKEN.findall(folded))))
    found = list(chain.from_iterable(map(_token_terms, _TOKEN().findall(folded))))
    found += _SINGLE().findall(folded)
    for run in _RUN().findall(folded):
        found += map(str.__add__, run, run[1:])
    found += [pair.replace(",", "") for pair in _NUMBER_BEFORE_RUN().findall(folded)]
    return found


# The memo changes no result; a corpus repeats its words thousands of times.
@lru_cache(maxsize=1 << 15)
def _token_terms(token: str) -> tuple[str, ...]:
    """Give the terms of a run of letters and digits with the punctuation inside it."""
    low = token.lower()
    if low.isascii() and low.isalpha():
        dropped = low in STOP_WORDS and not (len(low) > 1 and token.isupper())
        return () if dropped else (stem(low),)
    bare = _THOUSANDS.sub(lambda found: found.group().replace(",", ""), token.casefold())
    pieces = _CONTRACTION.sub("", bare).split(",")
    return tuple(chain.from_iterable(map(_compound_terms, pieces)))


def _compound_terms(piece: str) -> list[str]:
    """Give the terms of a word with digits, accents, signs or inner punctuation."""
    core = piece.rstrip("+#")
    parts = _PART().findall(core)
    terms = [_word_term(part) for part in parts if part not in STOP_WORDS]
    if len(parts) > 1 and ("@" in core or _HAS_DIGIT.search(core)):
        terms.append("".join(parts))
    if len(piece) > len(core):
        terms.append(piece)
    return terms or ([] if parts else [piece])


def _word_term(word: str) -> str:
    """Stem an English word and take the accents off a Latin one."""
    if word.isascii():
        return stem(word) if word.isalpha() else word
    bare = "".join(
        char for char in unicodedata.normalize("NFD", word) if not "\u0300" <= char <= "\u036f"
    )
    return bare if bare and bare.isascii() else word
