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
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.text.normalize import normalize, normalize_for_match
from tailorbird.text.numbers import numbers
from tailorbird.text.scripts import has_spaced_words
from tailorbird.text.similarity import chrf, overlap_f1
from tailorbird.types.answers import AbstainReason
from tailorbird.workflow.answering.abstention import says_unknown
from tailorbird.workflow.answering.results import Scores
from tailorbird.workflow.comparing.house_style import ReferenceProfile, plain_text
from tailorbird.workflow.searching.sources import is_among, place_names, without_page

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Sequence

    from tailorbird.types.answers import Answer
    from tailorbird.types.questions import Question

__all__ = ["F1_THRESHOLD", "ReferenceProfile", "score"]

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

    Args:
        question: What was asked, with its accepted answers, kind and sources where known.
        answer: What came back.
        profile: What the references of the whole question set share, from `ReferenceProfile.of`;
            None takes nothing off.
        f1_threshold: Overlap from which a sentence counts as saying the same, 0..1.
    """
    case = _case(question, answer, profile or ReferenceProfile(), f1_threshold)
    if case.must_decline:
        found = Scores(correct=float(case.declined))
    elif question.kind == "style":
        found = case.style_scores()
    else:
        found = case.fact_scores()
    return found.model_copy(
        update={
            "abstention": float(case.declined == case.must_decline),
            "style": _figure(case.carried),
            "citation": _cited(question, answer),
            "retrieved": _retrieved(question, answer),
        }
    )


@dataclass(frozen=True, slots=True)
class _Case:
    """One answer beside its question, with what more than one figure needs."""

    text: str
    accepted: tuple[str, ...]
    threshold: float
    must_decline: bool
    declined: bool
    carried: bool | None
    sentences: tuple[str, ...]
    """The answer's sentences without house style."""
    references: tuple[tuple[str, ...], ...]
    """The same for each accepted answer."""

    def style_scores(self) -> Scores:
        """Score the tone; the whole text counts, shared pieces included."""
        f1 = max((overlap_f1(self.text, one) for one in self.accepted), default=None)
        by_overlap = None if f1 is None else f1 >= self.threshold
        return Scores(
            correct=_figure(by_overlap if self.carried is None else self.carried),
            exact=_figure(self._is_exact() if self.accepted else None),
            f1=f1,
            chrf=self._chrf(),
        )

    def fact_scores(self) -> Scores:
        """Score the facts; what the references share is taken off first."""
        if not self.accepted:
            return Scores()
        whole = "\n".join(self.sentences)
        exact = self._is_exact()
        contains = any(_contains(whole, "\n".join(one)) for one in self.references)
        right = exact or (not self.declined and (contains or self._says_the_same()))
        return Scores(
            correct=float(right),
            exact=float(exact),
            contains=float(contains),
            f1=max(overlap_f1(whole, "\n".join(one)) for one in self.references),
            chrf=self._chrf(),
            numbers=_numbers_found(self.text, self.references[0]),
        )

    def _is_exact(self) -> bool:
        ours = _matchable(self.text)
        return any(ours == _matchable(one) for one in self.accepted)

    def _says_the_same(self) -> bool:
        return any(
            overlap_f1(run, "\n".join(reference)) >= self.threshold
            and _codes("\n".join(reference)) <= _codes(run)
            and _numbers_fit(numbers(run), numbers("\n".join(reference)))
            for reference in self.references
            if _is_sentence("\n".join(reference))
            for run in _runs(self.sentences, longest=len(reference) + _EXTRA_SENTENCES)
        )

    def _chrf(self) -> float | None:
        ours = normalize(plain_text(self.text))
        theirs = (normalize(plain_text(one)) for one in self.accepted)
        return max((chrf(ours, one) for one in theirs), default=None)


def _case(question: Question, answer: Answer, profile: ReferenceProfile, threshold: float) -> _Case:
    accepted = tuple(one for one in question.answers if one.strip())
    sentences = profile.facts(answer.text)
    carried = profile.carries(answer.text)
    declined = says_unknown(answer.text)
    if carried and not declined:
        # A shared closing must not pass for an answer.
        declined = says_unknown("\n".join(sentences))
    return _Case(
        text=answer.text,
        accepted=accepted,
        threshold=threshold,
        must_decline=_must_decline(question),
        declined=answer.abstained or declined,
        carried=carried,
        sentences=sentences,
        # A reference that is nothing but style has to be compared as it is.
        references=tuple(profile.facts(one) or (normalize(one),) for one in accepted),
    )


def _must_decline(question: Question) -> bool:
    if question.kind is None:
        return says_unknown(question.reference)
    return question.kind == "unanswerable"


def _figure(holds: bool | None) -> float | None:  # noqa: FBT001 - it is the value, not a switch
    return None if holds is None else float(holds)


def _matchable(text: str) -> str:
    return _THOUSANDS.sub("", normalize_for_match(plain_text(text)))


def _contains(answer: str, reference: str) -> bool:
    """Say whether the reference stands in the answer, not cut out of a longer word or number."""
    ours, theirs = _matchable(answer), _matchable(reference)
    if not has_spaced_words(theirs):
        ours, theirs = "".join(ours.split()), "".join(theirs.split())
    before, after = _border(theirs[:1]), _border(theirs[-1:])
    pattern = f"(?<!{before}){re.escape(theirs)}(?!{after})"
    return re.search(pattern, ours) is not None


def _border(char: str) -> str:
    """Give the class of characters that would go on with the word or number at its end."""
    if char.isdigit():
        return r"\d"
    if char.isalpha() and has_spaced_words(char):
        return r"[^\W\d_\u3040-\u30ff\u3400-\u9fff]"
    return r"[^\s\S]"  # nothing


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


def _codes(text: str) -> set[str]:
    return {found.replace("-", "") for found in _CODE.findall(text)}


def _numbers_fit(ours: Counter[str], theirs: Counter[str]) -> bool:
    """Say whether a text has the numbers of the reference; the module's docstring has the rule."""
    missing = theirs - ours
    if not missing:
        return True
    harmless = all(one in _SMALL or one in ours for one in missing)
    return harmless and bool(ours & theirs) and not set(ours) - set(theirs)


def _numbers_found(answer: str, reference: Sequence[str]) -> float | None:
    wanted = set(numbers("\n".join(reference)))
    if not wanted:
        return None
    return len(wanted & set(numbers(plain_text(answer)))) / len(wanted)


def _cited(question: Question, answer: Answer) -> float | None:
    if not question.sources or not answer.citations:
        return None
    hits = sum(
        is_among(question.sources, *place_names(one.document, one.source, page=one.page))
        for one in answer.citations
    )
    return hits / len(answer.citations)


def _retrieved(question: Question, answer: Answer) -> float | None:
    searched = bool(answer.retrieved) or answer.reason is AbstainReason.NOTHING_FOUND
    if not question.sources or not searched:
        return None
    # Of what was retrieved the documents are known, not their pages.
    documents = [without_page(one) for one in question.sources]
    return float(
        any(
            is_among(question.sources if "#" in one else documents, one) for one in answer.retrieved
        )
    )
