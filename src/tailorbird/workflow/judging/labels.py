"""Find the answers that people's labels were given for, and name the labels that have none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.data.problems import excerpt
from tailorbird.exceptions import DataError, Problem, Severity
from tailorbird.workflow.judging.rubrics import CORRECTNESS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from tailorbird.types.answers import Answer
    from tailorbird.types.judgements import HumanLabel
    from tailorbird.workflow.judging.rubrics import Rubric

    Place = tuple[str, str]

_NAMED = 3  # labels that a problem names
_AGAIN = (
    "label the table that --csv (or write_csv) writes of this comparison; where the answers came"
    " anew, the labels are of the old ones"
)
_FIXES = {
    "labels.arm": "name an arm as the table of answers has it, or compare that arm, too",
    "labels.question": "keep the ids of the table of answers, and divide the questions as before"
    " (the same file, --seed and --held-out)",
    "labels.failed": "run the same again: what failed is asked again",
    "labels.answer": _AGAIN,
}


def check_labels(
    labels: Sequence[HumanLabel],
    rubrics: Sequence[Rubric],
    *,
    arms: Collection[str],
    questions: Collection[str],
    answers: Mapping[Place, Answer] | None = None,
) -> tuple[Problem, ...]:
    """Give a warning for each reason why labels belong to no answer that is compared.

    Args:
        labels: What people say.
        rubrics: By what the judge judges.
        arms: Names of the arms.
        questions: Ids of the questions.
        answers: What was answered, by arm and question; None before anything was asked.

    Raises:
        DataError: There are labels, and none of them can be held against the judge.
    """
    if not labels:
        return ()
    if CORRECTNESS.name not in {one.name for one in rubrics}:
        reason = "labels say what is right, and the judge is not asked about that"
        fix = f"add the rubric {CORRECTNESS.name!r}, or leave the labels out"
        raise DataError([_problem("labels.rubric", labels, reason, fix, severity="error")])
    found: dict[str, list[HumanLabel]] = {}
    for label in labels:
        code = _code(label, arms, questions, answers)
        if code is not None:
            found.setdefault(code, []).append(label)
    useless = sum(map(len, found.values())) == len(labels)
    severity: Severity = "error" if useless else "warning"
    problems = tuple(
        _problem(code, some, _reason(code, some, len(labels)), _FIXES[code], severity=severity)
        for code, some in found.items()
    )
    if useless:
        raise DataError(problems)
    return problems


def unjudged_labels(
    labels: Sequence[HumanLabel], answers: Mapping[Place, Answer], *, judged: Collection[Place]
) -> tuple[Problem, ...]:
    """Give a note where labels belong to answers that the judge said nothing about.

    Args:
        labels: What people say.
        answers: What was answered, by arm and question.
        judged: Arm and question of each answer that was judged to be right or not.
    """
    some = [one for one in labels if fits(one, answers) and (one.arm, one.question) not in judged]
    if not some:
        return ()
    reason = _reason("labels.unjudged", some, len(labels))
    return (_problem("labels.unjudged", some, reason, "", severity="note"),)


def fits(label: HumanLabel, answers: Mapping[Place, Answer]) -> bool:
    """Say whether the answer that a label was given for is there."""
    answer = answers.get((label.arm, label.question))
    return answer is not None and label.answer in {None, answer.text}


def labeled_places(
    labels: Sequence[HumanLabel], answers: Mapping[Place, Answer]
) -> frozenset[Place]:
    """Give arm and question of each answer that has a label."""
    return frozenset((one.arm, one.question) for one in labels if fits(one, answers))


def _code(
    label: HumanLabel,
    arms: Collection[str],
    questions: Collection[str],
    answers: Mapping[Place, Answer] | None,
) -> str | None:
    """Give the reason why a label has no answer; None where it has one, or may get one."""
    if label.arm not in arms:
        return "labels.arm"
    if label.question not in questions:
        return "labels.question"
    if answers is None or fits(label, answers):
        return None
    return "labels.answer" if (label.arm, label.question) in answers else "labels.failed"


def _reason(code: str, labels: Sequence[HumanLabel], total: int) -> str:
    say: dict[str, Callable[[HumanLabel], str]] = {
        "labels.arm": lambda one: one.arm,
        "labels.question": lambda one: one.question,
    }
    what = {
        "labels.arm": "an arm that is not compared",
        "labels.question": "a question that is not asked",
        "labels.failed": "an answer that did not come",
        "labels.answer": "another answer than the one that is there",
        "labels.unjudged": "an answer that the judge did not grade (it declines, or asks for no"
        " fact, or no grade came)",
    }
    named = say.get(code, lambda one: f"{one.arm} on {one.question}")
    places = ", ".join(_places(labels, named))
    more = ", …" if len(labels) > _NAMED else ""
    return f"{len(labels)} of {total} labels are of {what[code]}, and do not count: {places}{more}"


def _places(labels: Sequence[HumanLabel], named: Callable[[HumanLabel], str]) -> Iterator[str]:
    for one in labels[:_NAMED]:
        line = "" if one.line is None else f" (line {one.line})"
        yield f"{excerpt(named(one))!r}{line}"


def _problem(
    code: str, labels: Sequence[HumanLabel], reason: str, fix: str, *, severity: Severity
) -> Problem:
    return Problem(
        code=code,
        severity=severity,
        source=labels[0].source,
        reason=reason,
        fix=fix,
        line=labels[0].line,
    )
