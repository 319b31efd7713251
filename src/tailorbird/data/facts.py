"""Group questions that ask for the same fact."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from math import ceil
from typing import TYPE_CHECKING

from tailorbird.text.normalize import normalize, normalize_for_match
from tailorbird.text.numbers import numbers
from tailorbird.text.scripts import has_spaced_words

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from tailorbird.types.questions import Question

NEAR = 0.8
"""Jaccard similarity of character pairs from which two questions ask the same.

Measured on the 4,442 questions of JSQuAD and the 1,190 of XQuAD: of Japanese pairs from 0.7 on, 19
in 20 have the same answer; of English ones below 0.8, 1 in 4, and those are found by `NEAR_ALIKE`.
"""

NEAR_ALIKE = 0.6
"""The same for two questions with equal reference answers."""

CLAUSE_SPACED = 20
"""Letters and digits from which on an answer in a script with spaces tells a fact by itself."""

CLAUSE_UNSPACED = 10
"""The same for Chinese, Japanese, Korean and other scripts without spaces."""

FEW = 10
"""Up to how many rows may share a short answer that ties a paraphrase to them; more is a `Yes`."""

_NO_LETTER = re.compile(r"[\W_]+")


def group_by_fact(questions: Sequence[Question]) -> list[int]:
    """Give each question the number of its group: two with equal numbers ask for one fact.

    Two questions belong together when

    - their reference answers are equal and long enough to tell a fact (`CLAUSE_SPACED`,
      `CLAUSE_UNSPACED`), whatever is asked;
    - or their reference answers are equal, at most `FEW` rows have that answer, and one of the two
      is a `paraphrase`;
    - or their texts name the same numbers and are alike: the sets of character pairs have a Jaccard
      similarity of `NEAR`, or of `NEAR_ALIKE` when the reference answers are equal too.

    Everything is compared after `normalize`, without punctuation and spaces. A group holds whatever
    hangs together over several steps. Answers of `unanswerable` and `conflict` questions tie
    nothing: a refusal is no fact, and a conflict is told by its question. Time grows with the
    number of questions that are alike, not with the square of all of them.

    Returns:
        n numbers; each group is named by the position of its first question.
    """
    groups = _Groups(len(questions))
    keys = [_key(question.text) for question in questions]
    named = [frozenset(numbers(question.text).items()) for question in questions]
    answers = [_answer(question) for question in questions]
    _join_by_answer(questions, answers, groups)
    alike: defaultdict[Hashable, list[int]] = defaultdict(list)
    near: defaultdict[Hashable, list[int]] = defaultdict(list)
    for at, answer in enumerate(answers):
        near[named[at]].append(at)
        if answer:
            alike[named[at], answer].append(at)
    pairs = [_pairs(key) for key in keys]
    for rows in alike.values():
        _join_near([(at, pairs[at]) for at in rows], NEAR_ALIKE, groups)
    for rows in near.values():
        _join_near([(at, pairs[at]) for at in rows], NEAR, groups)
    return [groups.find(at) for at in range(len(questions))]


class _Groups:
    """Disjoint sets of the numbers 0 to n - 1, each named by its smallest member."""

    def __init__(self, size: int) -> None:
        self._parents = list(range(size))

    def find(self, one: int) -> int:
        """Give the name of the set that holds `one`."""
        while self._parents[one] != one:
            self._parents[one] = one = self._parents[self._parents[one]]
        return one

    def join(self, one: int, other: int) -> None:
        """Make one set of the two that hold `one` and `other`."""
        first, second = sorted((self.find(one), self.find(other)))
        self._parents[second] = first


def _key(text: str) -> str:
    """Give what counts of a question: letters and digits; signs only where there is nothing else."""
    whole = normalize(text)
    return _NO_LETTER.sub("", whole) or whole


def _pairs(key: str) -> frozenset[str]:
    """Give the pairs of neighboring characters; the text itself when it is shorter."""
    return frozenset(map(str.__add__, key, key[1:])) or frozenset({key})


def _answer(question: Question) -> str:
    """Give the reference answer for comparing; empty when it must not tie questions together."""
    if question.kind in {"unanswerable", "conflict"}:
        return ""
    return normalize_for_match(question.reference)


def _join_by_answer(questions: Sequence[Question], answers: list[str], groups: _Groups) -> None:
    """Join the rows whose equal answers tell a fact by themselves."""
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for at, answer in enumerate(answers):
        if answer:
            rows[answer].append(at)
    for answer, same in rows.items():
        least = CLAUSE_SPACED if has_spaced_words(answer) else CLAUSE_UNSPACED
        telling = len(_NO_LETTER.sub("", answer)) >= least
        paraphrased = any(questions[at].kind == "paraphrase" for at in same)
        if telling or (paraphrased and len(same) <= FEW):
            for at in same[1:]:
                groups.join(same[0], at)


def _join_near(
    rows: Sequence[tuple[int, frozenset[str]]], threshold: float, groups: _Groups
) -> None:
    """Join the rows whose sets of pairs have a Jaccard similarity of the threshold or more.

    Exact and without comparing all: two sets that similar share one of their rarest elements, so
    only rows that do are compared. After R. J. Bayardo et al., Scaling Up All Pairs Similarity
    Search (https://doi.org/10.1145/1242572.1242591), section 4.
    """
    firsts: dict[frozenset[str], int] = {}
    for at, pairs in rows:
        groups.join(firsts.setdefault(pairs, at), at)
    counts = Counter(pair for pairs in firsts for pair in pairs)
    index: defaultdict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    by_size = sorted(firsts, key=lambda pairs: (len(pairs), firsts[pairs]))
    for place, pairs in enumerate(by_size):
        least = ceil(len(pairs) * threshold)
        rarest = sorted(pairs, key=lambda pair: (counts[pair], pair))[: len(pairs) - least + 1]
        for other in _candidates(index, rarest, least):
            near = by_size[other]
            if groups.find(firsts[near]) == groups.find(firsts[pairs]):
                continue
            shared = len(pairs & near)
            if shared >= threshold * (len(pairs) + len(near) - shared):
                groups.join(firsts[near], firsts[pairs])
        for pair in rarest:
            places, sizes = index[pair]
            places.append(place)
            sizes.append(len(pairs))


def _candidates(
    index: defaultdict[str, tuple[list[int], list[int]]], rarest: list[str], least: int
) -> set[int]:
    """Give the earlier sets of at least `least` elements that share a rare one."""
    found: set[int] = set()
    for pair in rarest:
        if pair in index:
            places, sizes = index[pair]
            found.update(places[bisect_left(sizes, least) :])
    return found
