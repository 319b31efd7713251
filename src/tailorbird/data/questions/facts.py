"""Group questions that ask for the same fact."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from functools import cache
from itertools import chain, combinations
from math import ceil
from typing import TYPE_CHECKING

from tailorbird.data.questions.differences import Asked, character_pairs
from tailorbird.text.normalize import normalize, normalize_for_match
from tailorbird.text.numbers import numbers
from tailorbird.text.scripts import has_spaced_words

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Sequence

    from tailorbird.types.questions import Question

NEAR = 0.8
"""Jaccard similarity of their sets of character pairs from which two questions ask the same.

Measured on JSQuAD: 94 % of the pairs of questions from 0.8 on have an answer in common, 81 % of
those from 0.6 to 0.7; on XQuAD 43 % and 20 %, for one word can make another question of a long one.
"""

NEAR_ALIKE = 0.6
"""The same for two questions with equal reference answers."""

CLAUSE_SPACED = 20
"""Letters and digits from which on an answer in a script with spaces tells a fact by itself."""

CLAUSE_UNSPACED = 10
"""The same for Chinese, Japanese, Korean and other scripts without spaces."""

FEW = 10
"""Up to how many rows may share a short answer that ties a paraphrase to them; more is a `Yes`."""

FRAME_SHARE = 0.1
"""Character pairs in more than this share of the questions, and in more than `FRAME_ROWS` of them,
are their common frame (`What does … mean?`) and tell nothing."""

FRAME_ROWS = 50
"""See `FRAME_SHARE`."""

_PAIRED = 60  # elements up to which a set is found by pairs of elements
_NO_LETTER = re.compile(r"[\W_]+")


def group_by_fact(questions: Sequence[Question]) -> list[int]:
    """Give each question the number of its group: two with equal numbers ask for one fact.

    Two questions belong together when

    - their reference answers are equal and long enough to tell a fact (`CLAUSE_SPACED`,
      `CLAUSE_UNSPACED`), whatever is asked;
    - or their reference answers are equal, at most `FEW` rows have that answer, and one of the two
      is a `paraphrase`;
    - or their texts name the same numbers and are alike: the sets of character pairs have a Jaccard
      similarity of `NEAR`, or of `NEAR_ALIKE` when the reference answers are equal too. From `NEAR`
      on it takes another word and a clearly different answer to make two facts of them, as in
      `What is the price of AAA?` and `What is the price of BBB?`: see `Asked.differs_from`.

    Everything is compared after `normalize`, without punctuation and spaces, and character pairs
    that very many questions share (`FRAME_SHARE`) do not count. A group holds whatever
    hangs together over several steps. Answers of `unanswerable` and `conflict` questions tie
    nothing: a refusal is no fact, and a conflict is told by its question. Questions in the same
    words are one fact, whatever their answers. Time grows with the number of questions that are
    alike, not with the square of all of them.

    Returns:
        n numbers; each group is named by the position of its first question.
    """
    groups = _Groups(len(questions))
    keys = [_key(question.text) for question in questions]
    named = [frozenset(numbers(question.text).items()) for question in questions]
    answers = [_answer(question) for question in questions]
    _join_by_answer(questions, answers, groups)
    alike: defaultdict[Hashable, dict[str, int]] = defaultdict(dict)
    near: defaultdict[Hashable, list[int]] = defaultdict(list)
    same: defaultdict[Hashable, list[int]] = defaultdict(list)
    for at, answer in enumerate(answers):
        rows = same[named[at], keys[at]]
        if not rows:
            near[named[at]].append(at)
        rows.append(at)
        groups.join(rows[0], at)
        if answer:
            alike[named[at], answer].setdefault(keys[at], at)
    pairs = _without_frame([character_pairs(key) for key in keys])
    for firsts in alike.values():
        _join_near(firsts.values(), pairs, NEAR_ALIKE, groups)

    @cache
    def asked(at: int) -> Asked:
        return Asked.of([questions[one] for one in same[named[at], keys[at]]])

    for rows in near.values():
        _join_near(rows, pairs, NEAR, groups, asked)
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
    """Give what counts of a question: letters and digits, or signs where there is nothing else."""
    whole = normalize(text)
    return _NO_LETTER.sub("", whole) or whole


def _without_frame(sets: list[frozenset[str]]) -> list[frozenset[str]]:
    """Take away the pairs that very many questions share, as long as one is left."""
    counts = Counter(pair for pairs in sets for pair in pairs)
    most = max(FRAME_ROWS, FRAME_SHARE * len(sets))
    frame = {pair for pair, count in counts.items() if count > most}
    return [pairs - frame or pairs for pairs in sets]


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
    rows: Collection[int],
    pairs: Sequence[frozenset[str]],
    threshold: float,
    groups: _Groups,
    asked: Callable[[int], Asked] | None = None,
) -> None:
    """Join the rows whose sets of pairs have a Jaccard similarity of the threshold or more.

    With `asked`, rows stay apart that ask for different facts all the same. Exact and without
    comparing all, see `_signatures`.
    """
    counts = Counter(pair for at in rows for pair in pairs[at])
    index: defaultdict[Hashable, list[int]] = defaultdict(list)
    for at in sorted(rows, key=lambda at: len(pairs[at])):
        mine = pairs[at]
        ranked = sorted(mine, key=lambda pair: (counts[pair], pair))
        signatures = _signatures(ranked, threshold)
        for near in set(chain.from_iterable(index[one] for one in signatures if one in index)):
            other = pairs[near]
            shared = len(mine & other)
            if shared < threshold * (len(mine) + len(other) - shared):
                continue
            if groups.find(near) != groups.find(at) and not (
                asked and asked(near).differs_from(asked(at))
            ):
                groups.join(near, at)
        for signature in signatures:
            index[signature].append(at)


def _signatures(ranked: list[str], threshold: float) -> list[Hashable]:
    """Give what two sets have in common at one place at least when they are similar.

    A set of n elements shares at least n × threshold = m of them with any set that similar; if all
    sets are sorted alike, rarest first, two of these lie among the first n - m + 2 of each. Pairs
    of these rare elements are rarer still, which keeps sets apart that have a frame in common.
    Where that would be too many pairs, one element among the first n - m + 1 has to do; sets about
    as long as that have both. After R. J. Bayardo et al., Scaling Up All Pairs Similarity Search
    (https://doi.org/10.1145/1242572.1242591), and J. Wang et al., Can We Beat the Prefix Filtering?
    (https://doi.org/10.1145/2213836.2213847).
    """
    if len(ranked) == 1:
        return list(ranked)
    spare = len(ranked) - ceil(len(ranked) * threshold)
    found: list[Hashable] = []
    if len(ranked) <= _PAIRED:
        found += combinations(ranked[: spare + 2], 2)
    if len(ranked) >= _PAIRED * threshold:
        found += ranked[: spare + 1]
    return found
