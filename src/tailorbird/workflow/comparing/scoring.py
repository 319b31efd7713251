"""How good one answer is, by figures that need no judge.

`correct` is what arms are compared by. It is 1 in these cases and else 0:

* The question is `unanswerable` (or has no kind, and its reference itself declines): the answer
  declines.
* The question is about `style`: the answer carries the house style of the references; where they
  share none, its overlap with the reference reaches the threshold.
* Any other question: the answer does not decline, and it equals an accepted answer, or contains
  one, or some run of its sentences has an overlap (F1) of at least the threshold with an accepted
  answer *and* holds all numbers and codes (`T-01`, `N9`) of it. Overlap counts for accepted answers
  of 6 words or 12 characters upwards; a name or a value has to be contained.

Facts are compared without what the references share (`house_style`), so the tone alone wins
nothing, and a plain sentence from the handbook loses nothing. A run of sentences is looked at, not
the whole answer, so a true sentence among others counts; what stands beside it is not judged. `0`
and `1` may be missing (`9時` for `9時00分`, "per person" for 「1人」), and so may a repetition, as
long as no number appears that the accepted answer does not have.

A question without any accepted answer has `correct` only when declining or style can be judged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tailorbird.text.dates import FoundDate, dates, plain_dates
from tailorbird.text.normalize import normalize, normalize_for_match
from tailorbird.text.numbers import numbers
from tailorbird.text.scripts import has_spaced_words
from tailorbird.text.similarity import ChrfReference, OverlapReference
from tailorbird.workflow.answering.abstention import says_unknown
from tailorbird.workflow.answering.results import Scores
from tailorbird.workflow.comparing.house_style import ReferenceProfile, plain_text
from tailorbird.workflow.comparing.source_scoring import cited, grounded, obeyed, recalled

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Mapping, Sequence

    from tailorbird.types.answers import Answer
    from tailorbird.types.questions import Question

__all__ = ["F1_THRESHOLD", "AnswerKey", "ReferenceProfile", "score"]

F1_THRESHOLD = 0.45
"""Overlap from which a sentence with the right numbers counts as saying the same.

Measured on `examples/` (2026-11): for each of the 151 references with a source, the sentence of the
handbook that holds the fact overlaps by 0.46 or more. Of all other sentences and references that
hold the same numbers, two reach 0.47, which are about the same matter; the rest stay below 0.43.
"""

_EXTRA_SENTENCES = 2  # a plain text may take some more sentences than the reference for its fact
_LONGEST_ANSWER = 60  # sentences of an answer that are looked at run by run
_MIN_WORDS = 6  # a shorter reference is a name or a value, and overlap says little about it
_MIN_CHARACTERS = 12  # the same for scripts without spaces
_WORD_CHARACTER = re.compile(r"\w")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff]")  # kana, ideographs
_SMALL = frozenset({"0", "1"})
_CODE = re.compile(r"(?<![a-z])[a-z]{1,4}-?\d+")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


def score(
    question: Question,
    answer: Answer,
    *,
    profile: ReferenceProfile | None = None,
    f1_threshold: float = F1_THRESHOLD,
) -> Scores:
    """Score one answer; see the module's docstring for what counts as correct.

    Many answers to one question are scored faster by one `AnswerKey`.

    Args:
        question: What was asked, with its accepted answers, kind and sources where known.
        answer: What came back.
        profile: What the references of the whole question set share, from `ReferenceProfile.of`;
            None takes nothing off.
        f1_threshold: Overlap from which a sentence counts as saying the same, 0..1.
    """
    return AnswerKey.of(question, profile=profile, f1_threshold=f1_threshold).score(answer)


@dataclass(frozen=True, slots=True)
class AnswerKey:
    """A question and its accepted answers, taken apart once for the answers of all arms."""

    question: Question
    """What was asked."""
    profile: ReferenceProfile
    """What the references of the whole question set share."""
    threshold: float
    """Overlap from which a sentence counts as saying the same, 0..1."""
    must_decline: bool
    """Whether declining is right."""
    accepted: tuple[_Accepted, ...]
    """The accepted answers that are not blank."""
    judged: dict[tuple[str, bool], _Judged] = field(
        default_factory=dict[tuple[str, bool], "_Judged"], repr=False, compare=False
    )
    """What was found of the texts that were scored, and of whether they were refusals: arms often
    say the same."""

    @classmethod
    def of(
        cls,
        question: Question,
        *,
        profile: ReferenceProfile | None = None,
        f1_threshold: float = F1_THRESHOLD,
    ) -> AnswerKey:
        """Take a question apart; the arguments are those of `score`."""
        profile = profile or ReferenceProfile()
        return cls(
            question=question,
            profile=profile,
            threshold=f1_threshold,
            must_decline=_must_decline(question),
            accepted=tuple(_Accepted.of(one, profile) for one in question.answers if one.strip()),
        )

    def score(self, answer: Answer) -> Scores:
        """Score one answer; see the module's docstring for what counts as correct."""
        said = (answer.text, answer.abstained)
        judged = self.judged.get(said)
        if judged is None:
            judged = self.judged[said] = self._judge(answer)
        recall = recalled(self.question, answer)
        given = {
            **judged.figures,
            "citation": cited(self.question, answer),
            "grounded": self._grounded(judged.case, answer),
            "obedience": obeyed(self.question, recall=recall, right=judged.figures.get("correct")),
            "retrieved": None if recall is None else float(recall > 0),
            "recall": recall,
        }
        return Scores.model_validate(given)

    def _judge(self, answer: Answer) -> _Judged:
        """Find the figures that rest on nothing but what was said."""
        case = self._case(answer)
        if self.must_decline:
            figures: dict[str, float | None] = {"correct": float(case.declined)}
        elif self.question.kind == "style":
            figures = self._style(case)
        else:
            figures = self._facts(case)
        tone = self.profile.tone
        figures |= {
            "abstention": float(case.declined == self.must_decline),
            "style": _figure(case.carried),
            "tone": None if tone is None else tone.likeness(answer.text),
        }
        return _Judged(case, figures)

    def _grounded(self, case: _Case, answer: Answer) -> float | None:
        if case.declined:
            return None
        return grounded(answer, case.sentences, question=self.question.text)

    def _case(self, answer: Answer) -> _Case:
        sentences = self.profile.facts(answer.text)
        carried = self.profile.carries(answer.text)
        declined = answer.abstained or says_unknown(answer.text)
        if carried and not declined:
            # A shared closing must not pass for an answer.
            declined = says_unknown("\n".join(sentences))
        plain = plain_text(answer.text)
        return _Case(
            text=answer.text,
            plain=plain,
            matchable=_matchable(plain),
            declined=declined,
            carried=carried,
            sentences=sentences,
        )

    def _style(self, case: _Case) -> dict[str, float | None]:
        """Score the tone; the whole text counts, shared pieces included."""
        f1 = max((one.as_given.f1(case.text) for one in self.accepted), default=None)
        by_overlap = None if f1 is None else f1 >= self.threshold
        return {
            "correct": _figure(by_overlap if case.carried is None else case.carried),
            "exact": _figure(self._is_exact(case) if self.accepted else None),
            "f1": f1,
            "chrf": self._chrf(case),
        }

    def _facts(self, case: _Case) -> dict[str, float | None]:
        """Score the facts; what the references share is taken off first."""
        if not self.accepted:
            return {}
        whole = "\n".join(case.sentences)
        exact = self._is_exact(case)
        contains = any(one.stands_in(whole) for one in self.accepted)
        right = exact or (not case.declined and (contains or self._says_the_same(case)))
        first = self.accepted[0]
        return {
            "correct": float(right),
            "exact": float(exact),
            "contains": float(contains),
            "f1": max(one.facts.f1(whole) for one in self.accepted),
            "chrf": self._chrf(case),
            "numbers": first.numbers_found(case.plain),
            "dates": first.dates_found(case.plain),
        }

    def _is_exact(self, case: _Case) -> bool:
        return any(case.matchable == one.matchable for one in self.accepted)

    def _says_the_same(self, case: _Case) -> bool:
        return any(
            one.facts.f1(run) >= self.threshold
            and one.codes <= _codes(run)
            and _numbers_fit(numbers(plain_dates(run)), one.numbers)
            for one in self.accepted
            if one.is_sentence
            for run in _runs(case.sentences, longest=one.sentences + _EXTRA_SENTENCES)
        )

    def _chrf(self, case: _Case) -> float | None:
        ours = normalize(case.plain)
        return max((one.chrf.score(ours) for one in self.accepted), default=None)


@dataclass(frozen=True, slots=True)
class _Case:
    """One answer, with what more than one figure needs."""

    text: str
    plain: str
    """The text without citation and list marks."""
    matchable: str
    """The same in the form in which texts are equal."""
    declined: bool
    carried: bool | None
    sentences: tuple[str, ...]
    """The answer's sentences without house style."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """What was found of one text."""

    case: _Case
    figures: Mapping[str, float | None]
    """Metrics by their names."""


@dataclass(frozen=True, slots=True)
class _Accepted:
    """One accepted answer, taken apart."""

    matchable: str
    as_given: OverlapReference
    facts: OverlapReference
    """The answer without house style, as the next ones."""
    chrf: ChrfReference
    contained: _Contained
    is_sentence: bool
    sentences: int
    numbers: Counter[str]
    dates: tuple[FoundDate, ...]
    codes: frozenset[str]

    @classmethod
    def of(cls, text: str, profile: ReferenceProfile) -> _Accepted:
        # A reference that is nothing but style has to be compared as it is.
        sentences = profile.facts(text) or (normalize(text),)
        whole = "\n".join(sentences)
        plain = plain_text(text)
        return cls(
            matchable=_matchable(plain),
            as_given=OverlapReference(text),
            facts=OverlapReference(whole),
            chrf=ChrfReference(normalize(plain)),
            contained=_Contained.of(whole),
            is_sentence=_is_sentence(whole),
            sentences=len(sentences),
            numbers=numbers(plain_dates(whole)),
            dates=dates(whole),
            codes=_codes(whole),
        )

    def stands_in(self, text: str) -> bool:
        return self.contained.stands_in(text)

    def numbers_found(self, text: str) -> float | None:
        """Give the share of the numbers that a text has; None when there are none."""
        if not self.numbers:
            return None
        ours = numbers(plain_dates(text))
        return len(self.numbers.keys() & ours.keys()) / len(self.numbers)

    def dates_found(self, text: str) -> float | None:
        """Give the share of the dates that a text has, however written; None without any."""
        if not self.dates:
            return None
        ours = dates(text)
        found = sum(any(one.fits(other) for other in ours) for one in self.dates)
        return found / len(self.dates)


@dataclass(frozen=True, slots=True)
class _Contained:
    """A text that is looked for in others, not cut out of a longer word or number."""

    text: str
    spaced: bool

    @classmethod
    def of(cls, text: str) -> _Contained:
        theirs = _matchable(text)
        spaced = has_spaced_words(theirs)
        if not spaced:
            theirs = "".join(theirs.split())
        return cls(theirs, spaced)

    def stands_in(self, text: str) -> bool:
        ours = _matchable(text)
        if not self.spaced:
            ours = "".join(ours.split())
        # A pattern for each reference would take longer to compile than all else of its scoring.
        start = ours.find(self.text)
        while start >= 0:
            end = start + len(self.text)
            before, after = ours[max(0, start - 1) : start], ours[end : end + 1]
            if not (_goes_on(self.text[:1], before) or _goes_on(self.text[-1:], after)):
                return True
            start = ours.find(self.text, start + 1)
        return False


def _must_decline(question: Question) -> bool:
    if question.kind is None:
        return says_unknown(question.reference)
    return question.kind == "unanswerable"


def _figure(holds: bool | None) -> float | None:  # noqa: FBT001 - it is the value, not a switch
    return None if holds is None else float(holds)


def _matchable(text: str) -> str:
    """Give the form in which texts are equal: dates in one form, no thousands separators."""
    return _THOUSANDS.sub("", normalize_for_match(plain_dates(text)))


def _goes_on(char: str, beside: str) -> bool:
    """Say whether what stands beside the end of a word or number goes on with it."""
    if char.isdigit():
        return beside.isdecimal()
    if char.isalpha() and has_spaced_words(char):
        is_letter = beside.isalnum() and not beside.isdecimal()
        return is_letter and not _UNSPACED.match(beside)
    return False


def _is_sentence(reference: str) -> bool:
    if has_spaced_words(reference):
        return len(reference.split()) >= _MIN_WORDS
    return len(_WORD_CHARACTER.findall(reference)) >= _MIN_CHARACTERS


def _runs(sentences: Sequence[str], *, longest: int) -> Iterable[str]:
    """Give the text of each run of up to `longest` neighboring sentences, and of all of them."""
    looked_at = sentences[:_LONGEST_ANSWER]
    for size in range(1, min(longest, len(looked_at)) + 1):
        for start in range(len(looked_at) - size + 1):
            yield "\n".join(looked_at[start : start + size])
    yield "\n".join(sentences)


def _codes(text: str) -> frozenset[str]:
    return frozenset(found.replace("-", "") for found in _CODE.findall(text))


def _numbers_fit(ours: Counter[str], theirs: Counter[str]) -> bool:
    """Say whether a text has the numbers of the reference; the module's docstring has the rule."""
    missing = theirs - ours
    if not missing:
        return True
    harmless = all(one in _SMALL or one in ours for one in missing)
    return harmless and bool(ours & theirs) and not set(ours) - set(theirs)
