"""Cut English words down to a common stem, so that `claims` finds `claimed`.

Our own writing of the algorithm that M. F. Porter describes at
https://snowballstem.org/algorithms/english/stemmer.html (read 2026-11), with few of its exceptional
words: a wrong stem does little harm as long as questions and documents share it.
"""

from __future__ import annotations

import re
from functools import lru_cache


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOP_WORDS = _words("""
a about above after again against all also am an and any are as at be because been before being
below between both but by can could did do does doing down during each few for from further had has
have having he her here hers herself him himself his how i if in into is it its itself just may me
might more most must my myself no nor not of off on once only or other our ours ourselves out over
own same shall she should so some such than that the their theirs them themselves then there these
they this those through to too under until up upon us very was we were what when where which while
who whom whose why will with would you your yours yourself yourselves
""")
"""English words that carry grammar and no subject, lower case. Our choice."""

# Words that the rules would join with others: `news` with `new`, `early` with `ear`.
_AS_THEY_ARE = _words("bias early evening exceed innings news only proceed sky succeed")
_SHORTEST = 3
_LONGEST = 40  # longer runs of letters are no English words
_REGION = re.compile(r".*?[aeiouy][^aeiouy]")  # what follows it is Porter's region R1, then R2
_REGION_PREFIX = re.compile("gener|commun|arsen|univers|emerg|organ|inter|past|later|distan")
_HAS_VOWEL = re.compile("[aeiouy]")
_VOWEL_BEFORE_S = re.compile("[aeiouy].+s$")
_SHORT_END = re.compile(r"(?:^|.*[^aeiouy])[aeiouy][^aeiouywxY]$|^[aeiouy][^aeiouy]$|^past$")
_DOUBLED = ("bb", "dd", "ff", "gg", "mm", "nn", "pp", "rr", "tt")

# Suffix, what replaces it; the longest that fits is taken, inside R1.
_STEP_2 = {
    "ational": "ate", "ization": "ize", "fulness": "ful", "iveness": "ive", "ousness": "ous",
    "tional": "tion", "biliti": "ble", "lessli": "less", "entli": "ent", "ation": "ate",
    "alism": "al", "aliti": "al", "ousli": "ous", "iviti": "ive", "fulli": "ful", "enci": "ence",
    "anci": "ance", "abli": "able", "izer": "ize", "ator": "ate", "alli": "al", "bli": "ble",
}  # fmt: skip
_STEP_3 = {
    "ational": "ate", "tional": "tion", "alize": "al", "icate": "ic", "iciti": "ic", "ical": "ic",
    "ness": "", "ful": "",
}  # fmt: skip
# Suffixes that go, inside R2.
_STEP_4 = (
    "ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ism", "ate", "iti", "ous",
    "ive", "ize", "al", "er", "ic",
)  # fmt: skip


# The memo changes no result; a corpus repeats its words thousands of times.
@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """Give the stem of one lower-case English word of the letters `a` to `z`.

    Words of one or two letters, runs of more than 40, and a few exceptions such as `news` are
    returned as they are.
    """
    if not _SHORTEST <= len(word) <= _LONGEST or word in _AS_THEY_ARE:
        return word
    marked = re.sub("(?:^|(?<=[aeiouy]))y", "Y", word)
    r1, r2 = _regions(marked)
    marked = _plural(marked)
    if marked in _AS_THEY_ARE:
        return marked
    for step in (_past, _final_y, _step_2, _step_3, _step_4, _final_e):
        marked = step(marked, r1, r2)
    return marked.lower()


def _regions(word: str) -> tuple[int, int]:
    """Find where the regions R1 and R2 begin; the word's length stands for an empty region."""
    found = _REGION_PREFIX.match(word) or _REGION.match(word)
    r1 = found.end() if found else len(word)
    found = _REGION.match(word, r1)
    return r1, found.end() if found else len(word)


def _plural(word: str) -> str:
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith(("ied", "ies")):
        return word[:-2] if len(word) > 4 else word[:-1]  # noqa: PLR2004 - `cries`, but `ties`
    if word.endswith("s") and not word.endswith(("us", "ss")) and _VOWEL_BEFORE_S.search(word):
        return word[:-1]
    return word


def _past(word: str, r1: int, _r2: int) -> str:
    for suffix in ("eedly", "eed"):
        if word.endswith(suffix):
            return word[: -len(suffix)] + "ee" if len(word) - len(suffix) >= r1 else word
    for suffix in ("ingly", "edly", "ing", "ed"):
        if word.endswith(suffix):
            rest = word[: -len(suffix)]
            return _mended(rest, r1) if _HAS_VOWEL.search(rest) else word
    return word


def _mended(rest: str, r1: int) -> str:
    """Give back the `e`, or take back the doubled consonant, that `-ed` and `-ing` cost."""
    if rest.endswith(("at", "bl", "iz")):
        return rest + "e"
    if rest.endswith(_DOUBLED):
        return rest if len(rest) == 3 and rest[0] in "aeo" else rest[:-1]  # noqa: PLR2004 - `add`
    return rest + "e" if r1 >= len(rest) and _SHORT_END.match(rest) else rest


def _final_y(word: str, _r1: int, _r2: int) -> str:
    if word[-1] in "yY" and len(word) > 2 and word[-2] not in "aeiouy":  # noqa: PLR2004
        return word[:-1] + "i"
    return word


def _step_2(word: str, r1: int, _r2: int) -> str:
    replaced = _replaced(word, _STEP_2, r1)
    if replaced is not None:
        return replaced
    if word.endswith(("ogi", "ogist")) and len(word) - 3 >= r1:
        stop = word.rindex("og") + 2
        return word[:stop] if word[stop - 3 : stop - 2] == "l" else word
    if word.endswith("li") and word[-3:-2] in tuple("cdeghkmnrt") and len(word) - 2 >= r1:
        return word[:-2]
    return word


def _step_3(word: str, r1: int, r2: int) -> str:
    if word.endswith("ative") and len(word) - 5 >= r2:
        return word[:-5]
    replaced = _replaced(word, _STEP_3, r1)
    return word if replaced is None else replaced


def _step_4(word: str, _r1: int, r2: int) -> str:
    for suffix in _STEP_4:
        if word.endswith(suffix):
            return word[: -len(suffix)] if len(word) - len(suffix) >= r2 else word
    if word.endswith(("sion", "tion")) and len(word) - 3 >= r2:
        return word[:-3]
    return word


def _final_e(word: str, r1: int, r2: int) -> str:
    end = len(word) - 1
    if word.endswith("e"):
        drop = end >= r2 or (end >= r1 and not _SHORT_END.match(word[:-1]))
        return word[:-1] if drop else word
    return word[:-1] if word.endswith("ll") and end >= r2 else word


def _replaced(word: str, table: dict[str, str], region: int) -> str | None:
    """Replace the longest suffix of the table; None when none fits."""
    for suffix, replacement in table.items():
        if word.endswith(suffix):
            cut = len(word) - len(suffix)
            return word[:cut] + replacement if cut >= region else word
    return None
