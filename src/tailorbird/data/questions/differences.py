"""Tell whether two questions in nearly the same words ask for two facts all the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from tailorbird.text.normalize import fold_width, normalize, normalize_for_match
from tailorbird.text.numbers import numbers
from tailorbird.text.patterns import lazy_pattern
from tailorbird.text.scripts import HAN, KANA
from tailorbird.text.stemming import STOP_WORDS, stem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tailorbird.types.questions import Question

NEAR_ANSWERS = 0.5
"""Jaccard similarity of their sets of character pairs from which two answers may say the same.

Our choice: `Open the portal and click Leave` and `In the portal click on Leave` have 0.57, `Monday
to Friday` and `Saturday and Sunday` 0.14. A short answer that stands in a long one is near, too.
"""

_WITHIN = 0.8  # share of a shorter answer's pairs with which it is taken for a part of a longer one
_MOST_ANSWERS = 5  # accepted answers that are compared, of each question
_SHORTEST_KANA = 3  # hiragana from which on a run may be a word rather than grammar; katakana too
_SHORTEST_HAN = 2

_KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff"
_WORD = lazy_pattern(
    rf"(?P<han>[{HAN}]+)|(?P<katakana>[{_KATAKANA}]+)|(?P<hiragana>[\u3041-\u309f]+)"
    rf"|[^\W{HAN}{KANA}]+"
)
_UNSPACED = lazy_pattern(rf"[{HAN}{KANA}]")
_NO_LETTER = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of a text that carry its subject."""

    all: frozenset[str]
    """Runs of Han characters, of katakana, and words of other scripts, English ones as stems."""
    names: frozenset[str]
    """Those that look like names, codes included."""
    codes: frozenset[str]
    """Those in capitals or with digits, where each character counts."""
    kana: tuple[str, ...]
    """Runs of hiragana, grammar for the most part; without the one that ends the text."""


@dataclass(frozen=True, slots=True)
class _Reply:
    """An accepted answer, for comparing."""

    text: str
    """What `normalize_for_match` leaves of it."""
    numbers: frozenset[str]
    """The numbers in it."""
    pairs: frozenset[str]
    """The pairs of neighboring characters."""
    words: _Words
    """Its words."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with all answers that are known to it, ready to be compared with others."""

    text: str
    """The question, normalized."""
    words: _Words
    """What is asked about."""
    replies: tuple[_Reply, ...]
    """The answers; none when nothing true is known."""

    @classmethod
    def of(cls, questions: Iterable[Question]) -> Asked:
        """Make one of rows that ask exactly the same.

        Answers of `unanswerable` and `conflict` rows do not count: they tell nothing true.
        """
        rows = list(questions)
        answers = [
            answer
            for row in rows
            if row.kind not in {"unanswerable", "conflict"}
            for answer in row.answers
        ]
        replies = [_reply(answer) for answer in dict.fromkeys(answers)]
        text = rows[0].text
        return cls(normalize(text), _words(text), tuple(replies[:_MOST_ANSWERS]))

    def differs_from(self, other: Asked) -> bool:
        """Say whether another question, in nearly the same words, is certainly of another fact.

        That is so when a word stands where the other has another one (not another form of it, and
        not grammar), or when one has a name more, and their answers clearly differ: other numbers,
        other names in the same sentence, another text; unless one question tells the answer of the
        other. Where no answers can be compared, names or codes that have nothing in common must
        stand in the two questions. In doubt the two are one fact.
        """
        mine, others = self.words.all - other.words.all, other.words.all - self.words.all
        if not self.replies or not other.replies:
            return _are_renamed(mine & self.words.names, others & other.words.names)
        if not self._asks_otherwise(other, mine, others):
            return False
        if _is_told(self.replies, self.text, other.text):
            return False
        return not _is_told(other.replies, other.text, self.text) and not any(
            _is_near(one, two, mine | others) for one in self.replies for two in other.replies
        )

    def _asks_otherwise(self, other: Asked, mine: frozenset[str], others: frozenset[str]) -> bool:
        """Say whether something else is asked about, as far as the words tell."""
        if mine and others:
            exact = mine <= self.words.codes and others <= other.words.codes
            return exact or not _are_variants(_joined(mine), _joined(others))
        if mine or others:
            return bool(mine & self.words.names or others & other.words.names)
        return _have_other_kana(self.words.kana, other.words.kana)


def character_pairs(text: str) -> frozenset[str]:
    """Give the pairs of neighboring characters; the text itself when it is shorter."""
    return frozenset(map(str.__add__, text, text[1:])) or frozenset({text})


def _words(text: str) -> _Words:
    folded = fold_width(text)
    ends = len(folded.rstrip(" ?？。!！."))
    loud = folded.isupper()
    every: set[str] = set()
    names: set[str] = set()
    codes: set[str] = set()
    kana: list[str] = []
    for found in _WORD().finditer(folded):
        word = found.group()
        lower = word.casefold()
        if found["hiragana"]:
            if found.end() < ends:
                kana.append(word)
        elif found["han"] or found["katakana"]:
            every.add(word)
            if len(word) >= (_SHORTEST_HAN if found["han"] else _SHORTEST_KANA):
                names.add(word)
        elif (word.isupper() and not loud) or word[-1].isdigit():
            codes.add(lower)
        elif lower not in STOP_WORDS:
            every.add(stem(lower))
            if word[0].isupper() and not loud and found.start():
                names.add(stem(lower))
    return _Words(frozenset(every | codes), frozenset(names | codes), frozenset(codes), tuple(kana))


def _reply(answer: str) -> _Reply:
    text = normalize_for_match(answer)
    pairs = character_pairs(_NO_LETTER.sub("", text) or text)
    return _Reply(text, frozenset(numbers(answer)), pairs, _words(answer))


def _is_told(replies: Iterable[_Reply], question: str, other: str) -> bool:
    """Say whether another question gives an answer away: one about the same fact, the other way."""
    return any(
        len(reply.text) > 1 and reply.text in other and reply.text not in question
        for reply in replies
    )


def _is_near(one: _Reply, two: _Reply, asked: frozenset[str]) -> bool:
    """Say whether two answers may say the same; words that are only asked about do not count."""
    if one.text == two.text:
        return True
    if not (one.numbers <= two.numbers or two.numbers <= one.numbers):
        return False
    shared = len(one.pairs & two.pairs)
    if shared >= _WITHIN * min(len(one.pairs), len(two.pairs)):
        return True
    if shared < NEAR_ANSWERS * (len(one.pairs) + len(two.pairs) - shared):
        return False
    mine, others = one.words.all - two.words.all - asked, two.words.all - one.words.all - asked
    return not (mine & one.words.names and others & two.words.names)


def _joined(words: frozenset[str]) -> str:
    return "".join(sorted(words))


def _are_variants(one: str, other: str) -> bool:
    """Say whether one is the other with some characters more, at one place, but not many."""
    more = abs(len(one) - len(other))
    if one == other or not more or 2 * more > max(len(one), len(other)):
        return one == other
    return not all(_without_common_ends(one, other))


def _are_renamed(mine: frozenset[str], others: frozenset[str]) -> bool:
    """Say whether names stand in two questions that have nothing in common."""
    if not mine or not others:
        return False
    one, other = _without_common_ends(_joined(mine), _joined(others))
    if _UNSPACED().search(one + other) is None:
        return bool(one and other)
    return min(len(one), len(other)) >= _SHORTEST_HAN and not set(one) & set(other)


def _have_other_kana(mine: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Say whether words in hiragana differ, at one place and not by grammar only."""
    different = [pair for pair in zip(mine, others, strict=False) if pair[0] != pair[1]]
    if len(mine) != len(others) or len(different) != 1:
        return False
    one, other = _without_common_ends(*different[0])
    shared = character_pairs(one) & character_pairs(other)
    return min(len(one), len(other)) >= _SHORTEST_KANA and not shared


def _without_common_ends(one: str, other: str) -> tuple[str, str]:
    """Take away what two texts begin with and end with in common."""
    start = _shared_start(one, other)
    one, other = one[start:], other[start:]
    end = _shared_start(one[::-1], other[::-1])
    return one[: len(one) - end], other[: len(other) - end]


def _shared_start(one: str, other: str) -> int:
    """Count the characters with which both begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
