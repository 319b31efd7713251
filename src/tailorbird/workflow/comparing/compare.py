"""Ask every arm every question, once, and say what follows."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from tailorbird.exceptions import (
    AnswerError,
    AuthenticationError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    QuotaExhaustedError,
    TailorbirdError,
)
from tailorbird.workflow.answering.answer import arm_fingerprint
from tailorbird.workflow.answering.results import (
    DEFAULT_CONCURRENCY,
    Arm,
    ComparisonData,
    Outcome,
    Scores,
)
from tailorbird.workflow.comparing.scoring import ReferenceProfile, score
from tailorbird.workflow.comparing.summary import compare_pairs, figures, summarize
from tailorbird.workflow.comparing.verdict import conclude
from tailorbird.workflow.progress import OnProgress, Progress, silent

if TYPE_CHECKING:
    from tailorbird.journal import Journal
    from tailorbird.protocols import Clock
    from tailorbird.types.answers import Answer
    from tailorbird.types.capabilities import Capabilities
    from tailorbird.types.questions import Question
    from tailorbird.types.usage import Price
    from tailorbird.workflow.answering.answer import Answerer

# How many answers, and how many seconds of them, a crash may lose at most.
_FLUSH_ANSWERS = 50
_FLUSH_SECONDS = 0.2

# One such answer means that all the others would fail alike.
_HOPELESS = (AuthenticationError, NotFoundError, PermissionDeniedError, QuotaExhaustedError)


def question_key(question: Question) -> str:
    """Give a hash of what is sent for a question; its reference answer does not matter."""
    return hashlib.sha256(question.text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparer:
    """Compares arms on the questions of one provider."""

    answerer: Answerer
    """Asks."""
    journal: Journal
    """Remembers what was answered: nothing is asked twice."""
    clock: Clock
    """Says when the run was finished."""
    capabilities: Capabilities
    """Names the provider, and what every report about it must say."""
    identity: str
    """Provider and account: answers of another account are never reused."""
    prices: Sequence[Price] = ()
    """What the models cost."""
    concurrency: int = DEFAULT_CONCURRENCY
    """How many answers are asked for at once, at least 1."""

    async def compare(
        self,
        arms: Sequence[Arm],
        questions: Sequence[Question],
        *,
        name: str | None = None,
        settings: Mapping[str, str | int | float | bool] | None = None,
        on_progress: OnProgress = silent,
    ) -> ComparisonData:
        """Ask what was not asked before, score all answers, and conclude.

        Args:
            arms: At least one; names must be unique.
            questions: At least one; ids must be unique.
            name: Name of the run; None makes one from arms and questions.
            settings: What else the run depends on; shown in the report.
            on_progress: Called after each answer.

        Raises:
            InvalidInputError: There is no arm or question, a name or id stands twice, or
                `concurrency` is below 1.
            ProviderError: All further calls would fail too (key, quota, model); answers that
                had come are kept. A call that fails by itself becomes an outcome with `error`.
            RetrievalError: An arm's index cannot be searched.
        """
        if self.concurrency < 1:
            message = f"concurrency must be at least 1, got {self.concurrency}"
            raise InvalidInputError(message)
        _check_unique("arm", [arm.name for arm in arms])
        _check_unique("question", [question.id for question in questions])
        run = _Run(self, arms, questions, on_progress)
        found = await run.finish()
        # Scoring thousands of answers takes seconds: it must not stop other tasks of the loop.
        return await asyncio.to_thread(
            self._conclude, arms, questions, found, name=name, settings=settings or {}
        )

    def _conclude(
        self,
        arms: Sequence[Arm],
        questions: Sequence[Question],
        found: Mapping[tuple[str, str], _Found],
        *,
        name: str | None,
        settings: Mapping[str, str | int | float | bool],
    ) -> ComparisonData:
        profile = ReferenceProfile.of(questions)
        outcomes = tuple(
            _outcome(arm, question, found[arm.name, question.id], profile)
            for arm in arms
            for question in questions
        )
        cells = summarize(arms, questions, outcomes)
        pairs = compare_pairs(arms, questions, outcomes)
        costs = figures(arms, outcomes, prices=self.prices)
        return ComparisonData(
            name=name or self._name(arms, questions),
            provider=self.capabilities.provider,
            created_at=self.clock.now(),
            arms=tuple(arms),
            questions=tuple(questions),
            outcomes=outcomes,
            summary=cells,
            pairwise=pairs,
            figures=costs,
            verdict=conclude(
                arms, cells=cells, pairs=pairs, figures=costs, caveat=self.capabilities.caveat
            ),
            settings=settings,
        )

    def _name(self, arms: Sequence[Arm], questions: Sequence[Question]) -> str:
        parts = [arm_fingerprint(arm, identity=self.identity) for arm in arms]
        parts += [question_key(question) for question in questions]
        return f"comparison-{hashlib.sha256(''.join(parts).encode()).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True)
class _Found:
    """One answer, or why there is none."""

    answer: Answer | None
    error: str | None = None
    reused: bool = False


@dataclass(slots=True)
class _Run:
    """The state of one comparison while it is asked."""

    comparer: Comparer
    arms: Sequence[Arm]
    questions: Sequence[Question]
    on_progress: OnProgress
    found: dict[tuple[str, str], _Found] = field(default_factory=dict[tuple[str, str], _Found])
    unsaved: dict[str, dict[str, Answer]] = field(default_factory=dict[str, "dict[str, Answer]"])
    last_flush: float = 0.0

    async def finish(self) -> Mapping[tuple[str, str], _Found]:
        """Read what is known, ask the rest, and keep every answer that came."""
        fingerprints = {
            arm.name: arm_fingerprint(arm, identity=self.comparer.identity) for arm in self.arms
        }
        for arm in self.arms:
            await self._recall(arm, fingerprints[arm.name])
        waiting = iter(
            [
                (arm, question)
                for arm in self.arms
                for question in self.questions
                if (arm.name, question.id) not in self.found
            ]
        )
        self.last_flush = asyncio.get_running_loop().time()
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self.comparer.concurrency):
                    group.create_task(self._work(waiting, fingerprints))
        except ExceptionGroup as failures:
            raise _first(failures) from failures
        finally:
            await self._flush()
        return self.found

    async def _recall(self, arm: Arm, fingerprint: str) -> None:
        keys = {question.id: question_key(question) for question in self.questions}
        known = await self.comparer.journal.get_answers(fingerprint, sorted(set(keys.values())))
        for question_id, key in keys.items():
            if key in known:
                self.found[arm.name, question_id] = _Found(known[key], reused=True)

    async def _work(
        self, waiting: Iterator[tuple[Arm, Question]], fingerprints: Mapping[str, str]
    ) -> None:
        for arm, question in waiting:
            self.found[arm.name, question.id] = found = await self._ask(arm, question)
            if found.answer is not None:
                answers = self.unsaved.setdefault(fingerprints[arm.name], {})
                answers[question_key(question)] = found.answer
            # Before anything is awaited: the number must be this answer's.
            self.on_progress(
                Progress(
                    step="asking",
                    done=len(self.found),
                    total=len(self.arms) * len(self.questions),
                    detail=arm.name,
                )
            )
            await self._flush_if_due()

    async def _ask(self, arm: Arm, question: Question) -> _Found:
        try:
            return _Found(await self.comparer.answerer.answer(arm, question.text))
        except _HOPELESS:
            raise
        except ProviderError as exc:
            return _Found(None, error=f"{type(exc).__name__} {exc.code or exc.status_code or ''}")
        except AnswerError as exc:
            return _Found(None, error=type(exc).__name__)

    async def _flush_if_due(self) -> None:
        now = asyncio.get_running_loop().time()
        count = sum(len(answers) for answers in self.unsaved.values())
        if count >= _FLUSH_ANSWERS or now - self.last_flush >= _FLUSH_SECONDS:
            self.last_flush = now
            await self._flush()

    async def _flush(self) -> None:
        unsaved, self.unsaved = self.unsaved, {}
        for fingerprint, answers in unsaved.items():
            await self.comparer.journal.put_answers(fingerprint, answers)


def _outcome(arm: Arm, question: Question, found: _Found, profile: ReferenceProfile) -> Outcome:
    scores = Scores() if found.answer is None else score(question, found.answer, profile=profile)
    return Outcome(
        arm=arm.name,
        question=question.id,
        answer=found.answer,
        scores=scores,
        error=found.error,
        reused=found.reused,
    )


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


def _check_unique(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            message = f"the {what} {name!r} stands twice; give each a name of its own"
            raise InvalidInputError(message)
        seen.add(name)
    if not seen:
        message = f"there is no {what} to compare"
        raise InvalidInputError(message)
