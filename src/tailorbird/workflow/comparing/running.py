"""Ask every arm every question: call by call or as batches, nothing twice."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, cast

from tailorbird.exceptions import (
    AnswerError,
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    QuotaExhaustedError,
    TailorbirdError,
)
from tailorbird.workflow.answering.answer import arm_fingerprint
from tailorbird.workflow.comparing.sharing import Pool
from tailorbird.workflow.progress import OnProgress, Progress

if TYPE_CHECKING:
    from tailorbird.journal import Journal
    from tailorbird.types.answers import Answer
    from tailorbird.types.questions import Question
    from tailorbird.workflow.answering.answer import Answerer
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.bulk.collecting import Batches, Collector

# How many answers, and how many seconds of them, a crash may lose at most.
_FLUSH_ANSWERS = 50
_FLUSH_SECONDS = 0.2

# Questions that all arms are asked before the next ones: arms that search one index, or show
# worked examples, need the same vectors and passages for a question, which are at hand by then.
_BLOCK = 64

# One such answer means that all the others would fail alike.
_HOPELESS = (AuthenticationError, NotFoundError, PermissionDeniedError, QuotaExhaustedError)


def question_key(question: Question) -> str:
    """Give a hash of what is sent for a question; its reference answer does not matter."""
    text = question.text
    if question.swap is not None:
        text += f"\0{question.swap.old}\0{question.swap.new}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _request_key(question: Question) -> str:
    """Find a question again in a batch: two questions may have one text, and no two one id."""
    return hashlib.sha256(question.id.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Found:
    """One answer, or why there is none."""

    answer: Answer | None
    """What came back; None when the call failed."""
    error: str | None = None
    """Why it failed, without content; None when it did not."""
    reused: bool = False
    """Whether it was known before."""


@dataclass(slots=True, kw_only=True)
class Run:
    """One comparison while it is asked."""

    answerer: Answerer
    """Asks."""
    journal: Journal
    """Remembers what was answered."""
    identity: str
    """Provider and account."""
    concurrency: int
    """How many answers are asked for at once."""
    batches: Batches | None
    """How answers are asked for as batches; None asks call by call."""
    arms: Sequence[Arm]
    """Who is asked."""
    questions: Sequence[Question]
    """What is asked."""
    on_progress: OnProgress
    """Called after each answer."""
    given: Mapping[str, Mapping[str, Answer]]
    """Answers of arms that are not asked any more, by arm and question."""
    found: dict[tuple[str, str], Found] = field(default_factory=dict[tuple[str, str], Found])
    """What came, by arm and question."""
    unsaved: dict[str, dict[str, Answer]] = field(default_factory=dict[str, "dict[str, Answer]"])
    """Answers that are not in the journal yet, by fingerprint and question."""
    last_flush: float = 0.0
    """When they were put there last, by the loop's clock."""
    pool: Pool = field(default_factory=Pool)
    """What the answers have in common."""

    async def finish(self) -> Mapping[tuple[str, str], Found]:
        """Read what is known, ask the rest, and keep every answer that came."""
        fingerprints = {arm.name: arm_fingerprint(arm, identity=self.identity) for arm in self.arms}
        for arm in self.arms:
            if arm.name in self.given:
                self._take(arm, self.given[arm.name])
            else:
                await self._recall(arm, fingerprints[arm.name])
        waiting = iter(
            [
                (arm, question)
                for start in range(0, len(self.questions), _BLOCK)
                for arm in self.arms
                for question in self.questions[start : start + _BLOCK]
                if (arm.name, question.id) not in self.found
            ]
        )
        self.last_flush = asyncio.get_running_loop().time()
        if self.batches is not None:
            await self._ask_together(self.batches, fingerprints)
            return self.found
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self.concurrency):
                    group.create_task(self._work(waiting, fingerprints))
        except ExceptionGroup as failures:
            raise _first(failures) from failures
        finally:
            await self._flush()
        return self.found

    async def _ask_together(self, batches: Batches, fingerprints: Mapping[str, str]) -> None:
        """Ask arm by arm, each as batches: what is held in memory is one arm's questions."""
        for arm in self.arms:
            waiting = [one for one in self.questions if (arm.name, one.id) not in self.found]
            collector = batches.collector()
            works = [
                partial(self._ask_later, arm, one, collector, batches, fingerprints[arm.name])
                for one in waiting
            ]
            try:
                await collector.run(works)
            except ExceptionGroup as failures:
                raise _first(failures) from failures
            finally:
                await self._flush()

    async def _ask_later(
        self,
        arm: Arm,
        question: Question,
        collector: Collector,
        batches: Batches,
        fingerprint: str,
    ) -> None:
        key = question_key(question)
        answerer = replace(
            self.answerer,
            chat=collector.chat(_request_key(question)),
            marker=partial(batches.marker, fingerprint, key),
        )
        self._settle(arm, question, await self._ask(arm, question, answerer), fingerprint)

    def _settle(self, arm: Arm, question: Question, found: Found, fingerprint: str) -> None:
        """Keep what came of a question that was asked in a batch."""
        if found.answer is not None:
            # How long a batch took says nothing about how long an answer takes.
            untimed = self.pool.lean(found.answer.model_copy(update={"latency_s": 0.0}))
            found = replace(found, answer=untimed)
            self.unsaved.setdefault(fingerprint, {})[question_key(question)] = untimed
        self._note(arm, question, found)

    def _take(self, arm: Arm, answers: Mapping[str, Answer]) -> None:
        for question in self.questions:
            answer = answers.get(question.id)
            error = "no answer was recorded" if answer is None else None
            self.found[arm.name, question.id] = Found(answer, error=error, reused=True)

    async def _recall(self, arm: Arm, fingerprint: str) -> None:
        keys = {question.id: question_key(question) for question in self.questions}
        known = await self.journal.get_answers(fingerprint, sorted(set(keys.values())))
        for question_id, key in keys.items():
            if key in known:
                answer = self.pool.answer(known[key])
                self.found[arm.name, question_id] = Found(answer, reused=True)

    async def _work(
        self, waiting: Iterator[tuple[Arm, Question]], fingerprints: Mapping[str, str]
    ) -> None:
        for arm, question in waiting:
            found = await self._ask(arm, question, self.answerer)
            if found.answer is not None:
                answers = self.unsaved.setdefault(fingerprints[arm.name], {})
                answers[question_key(question)] = found.answer
            self._note(arm, question, found)
            await self._flush_if_due()

    def _note(self, arm: Arm, question: Question, found: Found) -> None:
        self.found[arm.name, question.id] = found
        self.on_progress(
            Progress(
                step="asking",
                done=len(self.found),
                total=len(self.arms) * len(self.questions),
                detail=arm.name,
            )
        )

    async def _ask(self, arm: Arm, question: Question, answerer: Answerer) -> Found:
        try:
            answer = await answerer.answer(arm, question.text, swap=question.swap)
            return Found(self.pool.answer(answer))
        except _HOPELESS:
            raise
        except ProviderError as exc:
            return Found(None, error=f"{type(exc).__name__} {exc.code or exc.status_code or ''}")
        except AnswerError as exc:
            return Found(None, error=type(exc).__name__)

    async def _flush_if_due(self) -> None:
        now = asyncio.get_running_loop().time()
        count = sum(len(answers) for answers in self.unsaved.values())
        if count >= _FLUSH_ANSWERS or now - self.last_flush >= _FLUSH_SECONDS:
            self.last_flush = now
            await self._flush()

    async def _flush(self) -> None:
        unsaved, self.unsaved = self.unsaved, {}
        for fingerprint, answers in unsaved.items():
            await self.journal.put_answers(fingerprint, answers)


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """Give the first plain error of a group, ours before anybody else's."""
    plain = list(_plain(failures))
    ours = [one for one in plain if isinstance(one, TailorbirdError)]
    return (ours or plain)[0]


def _plain(failure: BaseException) -> Iterator[BaseException]:
    if isinstance(failure, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", failure)
        for one in group.exceptions:
            yield from _plain(one)
    else:
        yield failure
