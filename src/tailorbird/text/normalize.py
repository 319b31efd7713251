"""Bring texts into the form in which they are compared."""

from __future__ import annotations

import re
import unicodedata

# Numerals that NFKC would glue onto a neighboring digit: `①10,000円` would become `110,000円` and
# `10²` would become `102`. Found by testing every code point of Unicode 14 (CPython 3.11).
_GLUED_NUMERALS = re.compile(
    "[\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u2079\u2080-\u2089\u2150-\u215f\u2189"
    "\u2460-\u2473\u2488-\u249b\u24ea\u3251-\u325f\u32b1-\u32cb\u3358-\u3370\u33e0-\u33fe"
    "\U0001f100-\U0001f10a]"
)
# Characters that change nothing a reader sees: soft hyphen, grapheme joiner, zero width and
# direction marks, variation selectors, tags, byte order mark. NFKC keeps all of them.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e0fff]"
)
_OPENING_FOR = {"]": "[", "】": "【"}
_CITED = re.compile(r"\d+(?: ?[,、-] ?\d+)*|doc ?\d+|.*[†#].*|.*\.[a-z][a-z0-9]{1,4}")
_LONGEST_CITATION = 300
# Signs that belong to the value they stand beside: 50%, 25°c, c++, c#, $5, -5, .5
_KEPT_AT_END = frozenset("%‰°+#$€£¥")
_KEPT_BEFORE_DIGIT = frozenset("$€£¥+-−.#±~<>≤≥")


def fold_width(text: str) -> str:
    """Fold full and half width and other compatibility forms into one (NFKC), and drop the unseen.

    Unlike plain NFKC, a numeral such as `①`, `²` or `½` keeps its distance from the digits beside
    it, and invisible characters (zero width, direction marks, variation selectors) go. Case and
    white space stay.
    """
    if text.isascii():
        return text
    apart = _GLUED_NUMERALS.sub(r" \g<0> ", _INVISIBLE.sub("", text))
    return unicodedata.normalize("NFKC", apart)


def normalize(text: str) -> str:
    """Fold away differences that do not matter when two texts are compared.

    On top of `fold_width`, upper and lower case become one (case folding), runs of white space
    become one space, and the ends are trimmed. Applying it twice changes nothing more.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    # Case folding can leave letters and marks that compose again.
    folded = unicodedata.normalize("NFKC", fold_width(text).casefold())
    return " ".join(folded.split())


def normalize_for_match(text: str) -> str:
    """Give the core of an answer, so that two answers can be compared for equality.

    On top of `normalize`: citation marks at the end go (`[1]`, `[1, 3]`, `[doc2]`, `【4†source】`,
    `[handbook.pdf#page=3]`), then punctuation, brackets, quotes, symbols and emoji at both ends
    (`「30日。」` becomes `30日`, `**Yes!**` becomes `yes`). Signs that belong to a value stay:
    `50%`, `25°c`, `c++`, and before a digit `$5`, `-5`, `.5`. Articles and inner punctuation stay.
    A text that holds nothing else, such as `…`, is returned normalized and whole.
    """
    whole = normalize(text)
    core = _without_citations(whole)
    start, end = 0, len(core)
    while start < end and _is_edge(core[start]) and not _leads_number(core, start):
        start += 1
    while end > start and _is_edge(core[end - 1]) and core[end - 1] not in _KEPT_AT_END:
        end -= 1
    return core[start:end] or whole


def _without_citations(text: str) -> str:
    """Cut citation marks off the end, and what punctuation stands among them."""
    while True:
        core = text.rstrip(" .。!?")
        opening = _OPENING_FOR.get(core[-1:])
        start = (
            -1 if opening is None else core.rfind(opening, max(0, len(core) - _LONGEST_CITATION))
        )
        if start <= 0 or not _CITED.fullmatch(core, start + 1, len(core) - 1):
            return text
        text = core[:start]


def _is_edge(char: str) -> bool:
    """Say whether a character is punctuation, a symbol, a separator or a control character."""
    return unicodedata.category(char)[0] in "PSZC"


def _leads_number(text: str, at: int) -> bool:
    """Say whether a sign stands directly before a digit, such as the `-` of `-5`."""
    return text[at] in _KEPT_BEFORE_DIGIT and text[at + 1 : at + 2].isdigit()
