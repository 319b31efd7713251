"""The answers of one comparison while they are graded."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tailorbird.types.judgements import Grade, GradeReply, JudgeReport
from tailorbird.types.usage import Usage
from tailorbird.workflow.judging.desk import Request
from tailorbird.workflow.judging.labels import labeled_places
from tailorbird.workflow.judging.rubrics import (
    CORRECTNESS,
    Parts,
    Rubric,
    applies,
    grade_messages,
    material,
    pick_examples,
    quoted,
)
from tailorbird.workflow.progress import OnProgress, Progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tailorbird.types.answers import Answer
    from tailorbird.types.questions import Question
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.judging.desk import Desk, Said
    from tailorbird.workflow.judging.options import JudgeOptions

Place = tuple[str, str]
"""Name of an arm and id of a question."""

CHUNK = 256
"""Judgements whose material is held at a time."""

MOST_REPEATS = 500
"""Judgements that are asked for twice, at most: more say nothing new about how steady a judge is.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What is to be judged."""

    arms: Sequence[Arm]
    """The arms."""
    questions: Sequence[Question]
    """The questions."""
    answers: Mapping[Place, Answer]
    """What the arms answered; failed calls are absent."""
    learned: Sequence[str] = ()
    """Answers that show the style that is wanted; empty takes the accepted ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the judge said."""

    grades: Mapping[Place, tuple[Grade, ...]]
    """Grades of each answer that was judged."""
    drawn: frozenset[str]
    """Ids of the questions whose answers were to be judged."""
    report: JudgeReport
    """How far they can be trusted."""


def taught(answered: Answered) -> Sequence[str]:
    """Give answers in the style that is wanted."""
    references = [one.reference for one in answered.questions if one.kind != "unanswerable"]
    return answered.learned or references


def draw(questions: Sequence[Question], options: JudgeOptions) -> frozenset[str]:
    """Draw the ids of the questions whose answers are judged.

    The same question has the same luck whatever stands beside it, so that a set that grew is mostly
    judged already.
    """
    most = len(questions) if options.questions is None else options.questions
    ranked = sorted(questions, key=lambda one: _lot(options.seed, one.id, one.text))
    return frozenset(one.id for one in ranked[:most])


def _lot(seed: int, *what: str) -> bytes:
    return hashlib.sha256("\0".join([str(seed), *what]).encode("utf-8", "surrogatepass")).digest()


@dataclass(frozen=True, slots=True)
class Task:
    """One judgement of one answer."""

    place: Place
    """Name of the arm and id of the question."""
    question: Question
    """The question."""
    rubric: Rubric
    """By what the answer is judged."""
    again: bool = False
    """Whether it is judged a second time."""


@dataclass(slots=True)
class Grading:
    """Grades answers, and keeps what a report about it needs."""

    desk: Desk
    options: JudgeOptions
    answered: Answered
    on_progress: OnProgress
    grades: dict[Place, tuple[Grade, ...]] = field(
        init=False, default_factory=dict[Place, "tuple[Grade, ...]"]
    )
    """Grades of each answer, in the order of the rubrics."""
    repeated: dict[str, list[tuple[int, int]]] = field(
        init=False, default_factory=dict[str, "list[tuple[int, int]]"]
    )
    """By rubric: the levels of answers that were judged twice."""
    usage: Usage = field(init=False, default_factory=Usage)
    """Tokens of all judgements."""
    drawn: frozenset[str] = field(init=False, default=frozenset())
    """Ids of the questions whose answers are judged."""
    _examples: tuple[str, ...] = field(init=False, default=())
    _levels: dict[tuple[Place, str], int] = field(
        init=False, default_factory=dict[tuple[Place, str], int]
    )
    _done: int = field(init=False, default=0)

    async def run(self) -> None:
        """Judge, and judge a share again; the errors are those of `Desk.ask`."""
        every = self.plan()
        for some in self.desk.chunks(every, size=CHUNK):
            await self._judge(some, total=len(every))

    def plan(self) -> list[Task]:
        """List what is to be judged, what is to be judged again last."""
        self._examples = pick_examples(taught(self.answered))
        self.drawn = draw(self.answered.questions, self.options)
        tasks = self._tasks()
        return [*tasks, *self._again(tasks)]

    def _tasks(self) -> list[Task]:
        """List what is to be judged: the drawn questions, and the answers that people labeled."""
        labeled = labeled_places(self.options.labels, self.answered.answers)
        return [
            Task((arm.name, question.id), question, rubric)
            for question in self.answered.questions
            for arm in self.answered.arms
            if (answer := self.answered.answers.get((arm.name, question.id))) is not None
            for rubric in self.options.rubrics
            if question.id in self.drawn
            or (rubric.name == CORRECTNESS.name and (arm.name, question.id) in labeled)
            if applies(rubric, question, answer, examples=self._examples)
        ]

    def _again(self, tasks: Sequence[Task]) -> list[Task]:
        """Draw what is judged twice."""
        count = min(MOST_REPEATS, math.ceil(self.options.repeat * len(tasks)))
        seed = self.options.seed
        drawn = sorted(tasks, key=lambda one: _lot(seed, *one.place, one.rubric.name))
        return [Task(one.place, one.question, one.rubric, again=True) for one in drawn[:count]]

    async def _judge(self, tasks: Sequence[Task], *, total: int) -> None:
        told = await self.desk.ask([self.request(one) for one in tasks])
        for task, said in zip(tasks, told, strict=True):
            self.usage += said.usage
            if task.again:
                self._compare(task, said)
            else:
                self._note(task, said)
        self._done += len(tasks)
        self.on_progress(Progress(step="judging", done=self._done, total=total))

    def request(self, task: Task) -> Request[GradeReply]:
        """Give what the judge is asked for a task of the plan."""
        answer = self.answered.answers[task.place]
        given: Parts = (("answer", answer.text),)
        if "passages" in task.rubric.shows:
            given = (*quoted(answer), *given)
        parts = material(task.rubric.shows, task.question, given, examples=self._examples)
        levels = len(task.rubric.levels)
        return Request(
            subject=(task.rubric.model_dump(mode="json"), parts, task.again),
            messages=lambda marker: grade_messages(task.rubric, parts, marker=marker),
            output=GradeReply,
            fits=lambda reply: 0 <= reply.level < levels,
        )

    def _note(self, task: Task, said: Said[GradeReply]) -> None:
        if said.output is None:
            grade = Grade(rubric=task.rubric.name, value=None, error=said.error)
        else:
            level = said.output.level
            self._levels[task.place, task.rubric.name] = level
            grade = Grade(
                rubric=task.rubric.name,
                value=level / (len(task.rubric.levels) - 1),
                reason=said.output.reason,
                reused=said.reused,
            )
        self.grades[task.place] = (*self.grades.get(task.place, ()), grade)

    def _compare(self, task: Task, said: Said[GradeReply]) -> None:
        first = self._levels.get((task.place, task.rubric.name))
        if first is not None and said.output is not None:
            self.repeated.setdefault(task.rubric.name, []).append((first, said.output.level))
