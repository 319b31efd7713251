"""Score how much two texts have in common."""

from __future__ import annotations

import re
from collections import Counter

from tailorbird.text.normalize import normalize
from tailorbird.text.scripts import has_spaced_words

_ARTICLES = frozenset({"a", "an", "the"})
_APOSTROPHE = re.compile("['’]")
# Points and commas inside a number stay; accents and Indic vowel signs are parts of words.
_PUNCTUATION = re.compile(
    r"[^\w\s.,\u0300-\u036f\u0900-\u0963\u0966-\u0dff]|[.,](?!\d)|(?<!\d)[.,]|_"
)
_CHRF_ORDER = 6
_CHRF_BETA = 2


def overlap_f1(answer: str, reference: str) -> float:
    """Give the F1 of the words, or of the characters, that answer and reference share, in [0, 1].

    The reference decides: in a script with spaces between words, words are compared, and English
    articles do not count; otherwise (Chinese, Japanese, Korean, Thai …) characters are. Width, case
    and punctuation do not count, order does not either; a word that occurs twice counts twice.
    After P. Rajpurkar et al., SQuAD (https://aclanthology.org/D16-1264, section 6.1), and K.
    Kurihara et al., JGLUE (https://aclanthology.org/2022.lrec-1.317), which takes characters for
    Japanese.

    Two texts without any word score 1 when both normalize to the same, else 0.
    """
    spaced = has_spaced_words(reference)
    ours, theirs = _units(answer, spaced=spaced), _units(reference, spaced=spaced)
    if not ours or not theirs:
        return float(normalize(answer) == normalize(reference))
    shared = (ours & theirs).total()
    return 2 * shared / (ours.total() + theirs.total())


def _units(text: str, *, spaced: bool) -> Counter[str]:
    """Count words or characters of the normalized text."""
    plain = _APOSTROPHE.sub("", normalize(text))
    words = _PUNCTUATION.sub(" ", plain).split()
    if spaced:
        return Counter(word for word in words if word not in _ARTICLES)
    return Counter("".join(words))


def chrf(hypothesis: str, reference: str) -> float:
    """Give the character n-gram F-score of a text against its reference, in [0, 1].

    chrF with n = 1 to 6 and beta = 2, so recall counts four times as much as precision; white space
    is left out, everything else counts as it is written: normalize both texts first where width and
    case should not matter. Orders longer than one of the texts are left out of the mean. The values
    are those of the default sentence chrF of sacrebleu 2.6, divided by 100. After M. Popović,
    chrF (https://aclanthology.org/W15-3049).
    """
    ours, theirs = "".join(hypothesis.split()), "".join(reference.split())
    orders = min(len(ours), len(theirs), _CHRF_ORDER)
    precision = recall = 0.0
    for size in range(1, orders + 1):
        shared = (_grams(ours, size) & _grams(theirs, size)).total()
        precision += shared / (len(ours) - size + 1)
        recall += shared / (len(theirs) - size + 1)
    if not precision + recall:
        return 0.0
    weight = _CHRF_BETA**2
    return (1 + weight) * precision * recall / (weight * precision + recall) / orders


def _grams(text: str, size: int) -> Counter[str]:
    """Count the runs of `size` characters."""
    return Counter(text[start : start + size] for start in range(len(text) - size + 1))
