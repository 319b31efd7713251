"""Score how much two texts have in common."""

from __future__ import annotations

import re
from collections import Counter

from tailorbird.text.memo import memo
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


class OverlapReference:
    """A text that others are compared with by `overlap_f1`, taken apart once."""

    __slots__ = ("_spaced", "_text", "_total", "_units")

    def __init__(self, text: str) -> None:
        """Take the text apart."""
        self._text = text
        self._spaced = has_spaced_words(text)
        self._units = _units(text, spaced=self._spaced)
        self._total = self._units.total()

    def f1(self, answer: str) -> float:
        """Give what `overlap_f1` gives for an answer and this text."""
        ours = _units(answer, spaced=self._spaced)
        total = ours.total()
        if not total or not self._total:
            return float(normalize(answer) == normalize(self._text))
        return 2 * _shared(ours, self._units) / (total + self._total)


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
    return OverlapReference(reference).f1(answer)


@memo(longest=400, most=1 << 11)
def _units(text: str, *, spaced: bool) -> Counter[str]:
    """Count words or characters of the normalized text; nobody may change the counts."""
    plain = _APOSTROPHE.sub("", normalize(text))
    words = _PUNCTUATION.sub(" ", plain).split()
    if spaced:
        return Counter(word for word in words if word not in _ARTICLES)
    return Counter("".join(words))


class ChrfReference:
    """A text that others are compared with by `chrf`, taken apart once."""

    __slots__ = ("_grams", "_size")

    def __init__(self, text: str) -> None:
        """Take the text apart."""
        characters = "".join(text.split())
        self._size = len(characters)
        orders = range(1, min(self._size, _CHRF_ORDER) + 1)
        self._grams = [_grams(characters, size) for size in orders]

    def score(self, hypothesis: str) -> float:
        """Give what `chrf` gives for a text and this one."""
        ours = "".join(hypothesis.split())
        orders = min(len(ours), self._size, _CHRF_ORDER)
        precision = recall = 0.0
        for size in range(1, orders + 1):
            shared = _shared(_grams(ours, size), self._grams[size - 1])
            if not shared:
                break  # longer runs hold shorter ones
            precision += shared / (len(ours) - size + 1)
            recall += shared / (self._size - size + 1)
        if not precision + recall:
            return 0.0
        weight = _CHRF_BETA**2
        return (1 + weight) * precision * recall / (weight * precision + recall) / orders


def chrf(hypothesis: str, reference: str) -> float:
    """Give the character n-gram F-score of a text against its reference, in [0, 1].

    chrF with n = 1 to 6 and beta = 2, so recall counts four times as much as precision; white space
    is left out, everything else counts as it is written: normalize both texts first where width and
    case should not matter. Orders longer than one of the texts are left out of the mean. The values
    are those of the default sentence chrF of sacrebleu 2.6, divided by 100. After M. Popović,
    chrF (https://aclanthology.org/W15-3049).
    """
    return ChrfReference(reference).score(hypothesis)


@memo(longest=400, most=1 << 9)
def _grams(text: str, size: int) -> Counter[str]:
    """Count the runs of `size` characters; nobody may change the counts."""
    # Slices in a list are counted in C; a generator would pass through the interpreter.
    return Counter([text[start : start + size] for start in range(len(text) - size + 1)])


def _shared(ours: Counter[str], theirs: Counter[str]) -> int:
    """Count what both have, each as often as the one that has it less often."""
    counts = [(ours[one], theirs[one]) for one in ours.keys() & theirs.keys()]
    # Faster by a quarter than `min`, and than `ours & theirs`: this is where scoring spends time.
    return sum([first if first < second else second for first, second in counts])  # noqa: FURB136
