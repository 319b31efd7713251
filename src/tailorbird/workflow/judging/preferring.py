"""Let the judge compare two answers, in both orders: what depends on the order is a tie.

Judges prefer what stands first, or last, more than chance would: P. Wang et al., "Large Language
Models are not Fair Evaluators" (https://arxiv.org/abs/2305.17926).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.exceptions import InvalidInputError
from tailorbird.types.judgements import Preference, PreferenceReply, PreferenceReport
from tailorbird.types.usage import Usage
from tailorbird.workflow.judging.desk import Request
from tailorbird.workflow.judging.grading import CHUNK, Answered, draw, taught
from tailorbird.workflow.judging.rubrics import material, pick_examples, preference_messages
from tailorbird.workflow.progress import OnProgress, Progress, silent
from tailorbird.workflow.statistics import mcnemar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tailorbird.types.judgements import Better
    from tailorbird.types.questions import Question
    from tailorbird.workflow.answering.results import ComparisonData
    from tailorbird.workflow.judging.desk import Said
    from tailorbird.workflow.judging.judge import Judge
    from tailorbird.workflow.judging.rubrics import Rubric

_BETTER: dict[str, Better] = {"A": "first", "B": "second", "tie": "tie"}
_TURNED: dict[str, Better] = {"A": "second", "B": "first", "tie": "tie"}


@dataclass(frozen=True, slots=True)
class _Duel:
    """Two answers to one question."""

    question: Question
    first: str
    second: str


def named_pair(data: ComparisonData, arm: str, baseline: str) -> Answered:
    """Take two arms with their answers out of a comparison.

    Raises:
        InvalidInputError: There is no such arm, or both are the same.
    """
    by_name = {one.name: one for one in data.arms}
    for name in (arm, baseline):
        if name not in by_name:
            message = f"there is no arm {name!r}; there are: {', '.join(by_name)}"
            raise InvalidInputError(message)
    if arm == baseline:
        message = f"an arm cannot be compared with itself: {arm!r}"
        raise InvalidInputError(message)
    return Answered(
        arms=(by_name[arm], by_name[baseline]),
        questions=data.questions,
        answers={
            (one.arm, one.question): one.answer
            for one in data.outcomes
            if one.arm in {arm, baseline} and one.answer is not None
        },
        learned=[shot.answer for one in data.arms for shot in one.shots],
    )


async def prefer(
    judge: Judge, answered: Answered, *, rubric: Rubric, on_progress: OnProgress = silent
) -> PreferenceReport:
    """Compare the answers of two arms, question by question, in both orders.

    Of questions that the rubric cannot be used for (such as correctness without an accepted
    answer), and that an arm has no answer to, nothing is asked; equal answers are ties.

    Args:
        judge: Who judges; its options draw the questions.
        answered: Two arms with their answers, see `named_pair`.
        rubric: What makes an answer better.
        on_progress: Called as it goes on.

    Raises:
        InvalidInputError: The rubric shows passages, or the options do not allow the judge's own
            family.
        ProviderError: All further judgements would fail alike; what was judged is kept.
    """
    if "passages" in rubric.shows:
        message = (
            f"the rubric {rubric.name!r} shows passages, and two answers have different ones:"
            " grade them instead"
        )
        raise InvalidInputError(message)
    own = judge.check(answered.arms, answered.answers)
    duels = list(_duels(judge, answered, rubric))
    apart = [one for one in duels if one.first != one.second]
    examples = pick_examples(taught(answered))
    told: list[Said[PreferenceReply]] = []
    for some in judge.desk.chunks(apart, size=CHUNK):
        requests = [
            _request(one, rubric, examples, turned=turned)
            for one in some
            for turned in (False, True)
        ]
        told += await judge.desk.ask(requests)
        on_progress(Progress(step="judging", done=len(told), total=2 * len(apart)))
    return _report(judge, answered, duels, told, own=own)


def _duels(judge: Judge, answered: Answered, rubric: Rubric) -> Iterator[_Duel]:
    drawn = draw(answered.questions, judge.options)
    ours, theirs = answered.arms
    for question in answered.questions:
        first = answered.answers.get((ours.name, question.id))
        second = answered.answers.get((theirs.name, question.id))
        if question.id not in drawn or first is None or second is None:
            continue
        if rubric.suits(question):
            yield _Duel(question, first.text, second.text)


def _request(
    duel: _Duel, rubric: Rubric, examples: Sequence[str], *, turned: bool
) -> Request[PreferenceReply]:
    texts = (duel.second, duel.first) if turned else (duel.first, duel.second)
    given = tuple(zip(("a", "b"), texts, strict=True))
    parts = material(rubric.shows, duel.question, given, examples=examples)
    return Request(
        subject=(rubric.model_dump(mode="json"), parts),
        messages=lambda marker: preference_messages(rubric, parts, marker=marker),
        output=PreferenceReply,
        fits=lambda reply: reply.better in _BETTER,
    )


def _report(
    judge: Judge,
    answered: Answered,
    duels: Sequence[_Duel],
    told: Sequence[Said[PreferenceReply]],
    *,
    own: Sequence[str],
) -> PreferenceReport:
    orders = zip(told[::2], told[1::2], strict=True)
    found = [
        Preference(question=one.question.id, better="tie")
        if one.first == one.second
        else _preference(one, *next(orders))
        for one in duels
    ]
    kept = [one for one in found if one is not None]
    wins = sum(one.better == "first" for one in kept)
    losses = sum(one.better == "second" for one in kept)
    ours, theirs = answered.arms
    return PreferenceReport(
        arm=ours.name,
        baseline=theirs.name,
        model=judge.model,
        n=len(kept),
        wins=wins,
        losses=losses,
        ties=len(kept) - wins - losses,
        flipped=sum(one.flipped for one in kept),
        failed=len(found) - len(kept),
        p_value=mcnemar(wins, losses),
        usage=sum((one.usage for one in told), Usage()),
        preferences=tuple(kept),
        caveats=judge.caveats(own),
    )


def _preference(
    duel: _Duel, straight: Said[PreferenceReply], turned: Said[PreferenceReply]
) -> Preference | None:
    """Read both orders; None where one of them has no judgement."""
    if straight.output is None or turned.output is None:
        return None
    first, second = _BETTER[straight.output.better], _TURNED[turned.output.better]
    return Preference(
        question=duel.question.id,
        better=first if first == second else "tie",
        flipped=first != second,
        reasons=(straight.output.reason, turned.output.reason),
    )
