"""Answer from passages: pick the sentences that fit the question, cite them, or decline.

The score of a sentence is the share of the question's terms that it covers, each term weighted by
how rare it is among the sentences of the passages and by what it can say (ideographs and English
words much, pairs with hiragana less, hiragana and words such as "get" hardly anything). A term
counts whole at the beginning of the sentence, a little less further on, and in part when a synonym,
a heading above or a neighbor sentence has it. A number in the sentence helps, length and a late
passage cost a little. When no sentence reaches the floor of its script, the answer is exactly
`text.passages.DECLINED`. A form with the fields of `GroundedReply` says the same, and quotes the
sentences; one with those of `RelevanceReply` grades each passage by its best sentence.

Weights and floors were chosen on two question sets with known answers (JSQuAD 1.3, XQuAD) and on
the example data; `tests/providers/fake/test_fake_grounding.py` holds what they reach.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Literal

from tailorbird.providers.fake.answering.everyday import light_stems, synonyms
from tailorbird.text import has_spaced_words, search_terms, split_sentences
from tailorbird.text.passages import DECLINED
from tailorbird.types.answers import GroundedReply, PassageQuote
from tailorbird.types.retrieval import PassageGrade, RelevanceReply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tailorbird.providers.fake.answering.forms import Schema
    from tailorbird.text.passages import Passage

FLOOR_SPACED = 0.372
"""Least score of a sentence that answers, for scripts with spaces between words."""

FLOOR_UNSPACED = 0.223
"""The same for scripts without spaces, whose n-grams share more by chance."""

_LATER, _SYNONYM, _HEADING, _NEIGHBOR = 0.8, 0.8, 0.6, 0.1
_SINGLE, _MIXED, _LIGHT = 0.75, 0.4, 0.15
_FITTING_BONUS, _LENGTH_COST, _RANK_COST = 0.3, 0.05, 0.05
_ORDINARY_TERMS = 20
_ROUNDING = 1 + 1e-9  # far more than sums and products of doubles can be off
_MOST_PICKED = 2
_SECOND = 0.6  # a second sentence is cited when its score reaches this share of the first one's

# What answers at all is worth 2, and what fits twice as well 4.
_GRADES: tuple[Literal[0, 1, 2, 3, 4], ...] = (0, 1, 2, 3, 4)
_STEPS = (0.5, 1.0, 1.5, 2.0)

_HEADING_LINE = re.compile(r"#+ |[■【◆]")
_ALL_HIRAGANA = re.compile("[\u3041-\u309fー]+")
_ANY_HIRAGANA = re.compile("[\u3041-\u309f]")
# What a question asks for, and what a sentence must hold to give it.
_ASKED_FOR = (
    (
        re.compile(
            r"\bhow (?:long|soon|fast|often|far ahead)\b|\bwhen\b|\bwhat (?:time|hour|date)"
            r"|\b(?:days|weeks|months|years|hours|minutes)\b"
            r"|いつ|何(?:日|時|分|週|か月|ヶ月|年|月|営業日)|期限|期間|時期",
            re.IGNORECASE,
        ),
        re.compile(
            r"\d[\d:]*\s?(?:business )?(?:days?|weeks?|months?|years?|hours?|minutes?|[ap]\.m)\b"
            r"|\b(?:jan|feb|mar|apr|may|june?|july?|aug|sep|oct|nov|dec)[a-z]*\.? \d"
            r"|\d(?:日|時|分|週|か月|ヶ月|年|月|営業日|労働日)",
            re.IGNORECASE,
        ),
    ),
    (
        re.compile(
            r"\bhow much\b|\b(?:cost|price|fee|charge)|いくら|金額|料金|費用", re.IGNORECASE
        ),
        re.compile(
            r"[$¥€£]\s?\d|\d\s?(?:円|yen\b|dollars\b|percent\b|%)|\bfree\b|無料", re.IGNORECASE
        ),
    ),
)
_DIGIT = re.compile(r"\d")
_SYNONYMS = synonyms()
_LIGHT_STEMS = light_stems()


@dataclass(frozen=True, slots=True)
class _Sentence:
    text: str
    terms: frozenset[str]
    early: frozenset[str]
    heading: frozenset[str]
    beside: tuple[frozenset[str], ...]
    """Terms of the sentences before and behind it."""
    gives: frozenset[int]
    has_number: bool
    shortness: float


@dataclass(frozen=True, slots=True)
class Picked:
    """A sentence that answers."""

    text: str
    """The sentence, as it stands in the passage."""
    number: int
    """What to cite."""
    score: float
    """How well it fits, at least 0; mostly below 1.3."""


def pick_sentences(question: str, passages: Sequence[Passage]) -> tuple[Picked, ...]:
    """Give the one or two sentences that answer a question, best first; none when none fits."""
    return _picked(question, tuple(passages))


# A form is filled with what was picked for its answer a moment ago, and another arm asks soon.
@lru_cache(maxsize=1 << 7)
def _picked(question: str, passages: tuple[Passage, ...]) -> tuple[Picked, ...]:
    sentences = [
        (place, passage.number, sentence)
        for place, passage in enumerate(passages)
        for sentence in _sentences(passage.title, passage.text)
    ]
    wanted = _Wanted.of(question, [sentence for _, _, sentence in sentences])
    if not wanted.whole:
        return ()
    costs = [1 + _RANK_COST * place for place, _, _ in sentences]
    limits = [wanted.limit(one) / cost for (_, _, one), cost in zip(sentences, costs, strict=True)]
    ranked: list[tuple[float, int]] = []
    for at in sorted(range(len(sentences)), key=limits.__getitem__, reverse=True):
        if len(ranked) == _MOST_PICKED and limits[at] < -ranked[-1][0]:
            break  # this one and the rest are none of the best, whatever else they have
        ranked = sorted([*ranked, (-wanted.fit(sentences[at][2]) / costs[at], at)])[:_MOST_PICKED]
    floor = FLOOR_SPACED if has_spaced_words(question) else FLOOR_UNSPACED
    best = -ranked[0][0]
    return tuple(
        Picked(sentences[at][2].text, sentences[at][1], -score)
        for score, at in ranked
        if best >= floor and -score >= _SECOND * best
    )


def grounded_answer(question: str, passages: Sequence[Passage]) -> str:
    """Give the sentences that answer, each with its citation, or exactly `DECLINED`."""
    picked = pick_sentences(question, passages)
    if not picked:
        return DECLINED
    joint = " " if has_spaced_words(picked[0].text) else ""
    return joint.join(f"{one.text} [{one.number}]" for one in picked)


def is_grounded_form(schema: Schema) -> bool:
    """Say whether a form asks for an answer from passages: whether it has the fields of ours."""
    properties = schema.get("properties")
    return isinstance(properties, dict) and properties.keys() == GroundedReply.model_fields.keys()


def grounded_form(question: str, passages: Sequence[Passage], text: str) -> str:
    """Give an answer from passages as a form, in JSON, with the sentences that it rests on."""
    declined = text == DECLINED
    picked = () if declined else pick_sentences(question, passages)
    return GroundedReply(
        quotes=tuple(PassageQuote(passage=one.number, quote=one.text) for one in picked),
        answerable=not declined,
        answer="" if declined else text,
    ).model_dump_json()


def is_relevance_form(schema: Schema) -> bool:
    """Say whether a form asks for grades of passages: whether it has the fields of ours."""
    properties = schema.get("properties")
    return isinstance(properties, dict) and properties.keys() == RelevanceReply.model_fields.keys()


def relevance_form(question: str, passages: Sequence[Passage]) -> str:
    """Grade passages by their best sentence, as a form in JSON, the best one first."""
    cut = [(one.number, _sentences(one.title, one.text)) for one in passages]
    wanted = _Wanted.of(question, [sentence for _, sentences in cut for sentence in sentences])
    floor = FLOOR_SPACED if has_spaced_words(question) else FLOOR_UNSPACED
    fits = [
        (max(map(wanted.fit, sentences), default=0.0) if wanted.whole else 0.0, number)
        for number, sentences in cut
    ]
    grades = tuple(
        PassageGrade(passage=number, grade=_GRADES[bisect_right(_STEPS, fit / floor)])
        for fit, number in sorted(fits, key=lambda one: (-one[0], one[1]))
    )
    return RelevanceReply(grades=grades).model_dump_json()


_Shares = tuple[frozenset[str], frozenset[str], frozenset[str], frozenset[str], frozenset[str]]
"""Terms that a sentence begins with, has, has a synonym of, has above, and has beside."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The terms of a question, weighed by rarity and by what they can say."""

    weights: Mapping[str, float]
    terms: frozenset[str]
    with_synonyms: frozenset[str]
    in_headings: frozenset[str]
    whole: float
    asked_for: frozenset[int]
    covered: dict[_Shares, float] = field(default_factory=dict["_Shares", float])
    """What was computed before: most sentences share the same few terms."""
    limits: dict[frozenset[str], float] = field(default_factory=dict[frozenset[str], float])
    """The same for `limit`."""

    @classmethod
    def of(cls, question: str, sentences: Sequence[_Sentence]) -> _Wanted:
        terms = frozenset(term for term in search_terms(question) if _worth(term))
        counts = Counter(chain.from_iterable(terms & one.terms for one in sentences))
        weights = {
            term: _worth(term) * math.log(1 + (len(sentences) + 1) / (counts[term] + 0.5))
            for term in terms
        }
        whole = math.fsum(weights.values()) if sentences else 0.0
        asked_for = frozenset(
            kind for kind, (asks, _) in enumerate(_ASKED_FOR) if asks.search(question)
        )
        headings = terms.intersection(chain.from_iterable({one.heading for one in sentences}))
        return cls(weights, terms, terms & _SYNONYMS.keys(), headings, whole, asked_for)

    def limit(self, sentence: _Sentence) -> float:
        """Say what the score of a sentence cannot exceed, by the terms that it shares."""
        shared = self.terms & sentence.terms
        limit = self.limits.get(shared)
        if limit is None:
            parts = [self.weights[term] for term in shared]
            for term in self.terms - shared:
                nearly = _HEADING if term in self.in_headings else _NEIGHBOR
                parts.append(self.weights[term] * (_SYNONYM if term in _SYNONYMS else nearly))
            limit = self.limits[shared] = math.fsum(parts) / self.whole * _ROUNDING
        return limit * sentence.shortness * self._bonus(sentence)

    def fit(self, sentence: _Sentence) -> float:
        """Score a sentence: the share of the weights that it has, or nearly has."""
        shared = self.terms & sentence.terms
        similar = frozenset(
            term
            for term in self.with_synonyms - shared
            if not sentence.terms.isdisjoint(_SYNONYMS[term])
        )
        rest = self.terms.difference(shared, similar)
        above = rest & sentence.heading
        rest -= above
        around = frozenset(chain.from_iterable(rest & terms for terms in sentence.beside))
        shares = (shared & sentence.early, shared, similar, above, around)
        covered = self.covered.get(shares)
        if covered is None:
            covered = self.covered[shares] = self._cover(shares)
        return covered * sentence.shortness * self._bonus(sentence)

    def _bonus(self, sentence: _Sentence) -> float:
        """Say what more a sentence is worth that gives the kind of value that is asked for."""
        if self.asked_for:
            fitting = not self.asked_for.isdisjoint(sentence.gives)
        else:
            fitting = sentence.has_number
        return 1 + _FITTING_BONUS * fitting

    def _cover(self, shares: _Shares) -> float:
        early, shared, similar, above, around = shares
        weights = self.weights
        parts = [weights[term] for term in early]
        parts += [_LATER * weights[term] for term in shared - early]
        parts += [_SYNONYM * weights[term] for term in similar]
        parts += [_HEADING * weights[term] for term in above]
        parts += [_NEIGHBOR * weights[term] for term in around]
        # Exact, so that the order of a set, which differs between processes, does not show.
        return math.fsum(parts) / self.whole


# The memos change no result: a comparison shows the same passages thousands of times.
@lru_cache(maxsize=1 << 14)
def _worth(term: str) -> float:
    """Say how much a term can tell, 0..1."""
    if term in _LIGHT_STEMS:
        return _LIGHT
    if term.isascii():
        return 1.0
    if _ALL_HIRAGANA.fullmatch(term):
        return 0.0
    if _ANY_HIRAGANA.search(term):
        return _MIXED
    return _SINGLE if len(term) == 1 else 1.0


@lru_cache(maxsize=1 << 10)
def _sentences(title: str, text: str) -> tuple[_Sentence, ...]:
    """Cut a passage into its sentences; headings are none, they stand over the next ones."""
    heading = title_terms = frozenset(search_terms(title))
    found: list[tuple[str, frozenset[str]]] = []
    for start, end in split_sentences(text):
        sentence = text[start:end]
        if _HEADING_LINE.match(sentence):
            heading = title_terms | frozenset(search_terms(sentence))
        else:
            found.append((sentence, heading))
    # A term is kept once, however many sentences have it.
    pool: dict[str, str] = {}
    terms = [
        frozenset(pool.setdefault(term, term) for term in search_terms(sentence))
        for sentence, _ in found
    ]
    return tuple(
        _Sentence(
            text=sentence,
            terms=terms[place],
            early=terms[place].intersection(search_terms(_beginning(sentence))),
            heading=above,
            beside=(*terms[max(0, place - 1) : place], *terms[place + 1 : place + 2]),
            gives=frozenset(
                kind for kind, (_, gives) in enumerate(_ASKED_FOR) if gives.search(sentence)
            ),
            has_number=_DIGIT.search(sentence) is not None,
            shortness=_shortness(len(terms[place])),
        )
        for place, (sentence, above) in enumerate(found)
    )


def _beginning(sentence: str) -> str:
    """Give the first third of a sentence, or its first words."""
    return sentence[: max(12, len(sentence) // 3)]


def _shortness(terms: int) -> float:
    return 1 / (1 + _LENGTH_COST * max(0, terms - _ORDINARY_TERMS) / _ORDINARY_TERMS)
