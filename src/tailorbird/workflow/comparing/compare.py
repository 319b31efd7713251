"""Ask every arm every question, once, and say what follows."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from tailorbird.exceptions import InvalidInputError
from tailorbird.workflow.answering.answer import arm_fingerprint
from tailorbird.workflow.answering.arm import DEFAULT_CONCURRENCY, Arm
from tailorbird.workflow.answering.results import ComparisonData, Outcome, Scores
from tailorbird.workflow.comparing.advice import leak_caveats
from tailorbird.workflow.comparing.appraising import Appraisal, Appraiser
from tailorbird.workflow.comparing.contrasts import compare_metrics
from tailorbird.workflow.comparing.costs import Bill
from tailorbird.workflow.comparing.options import check_asking
from tailorbird.workflow.comparing.running import Found, Run, question_key
from tailorbird.workflow.comparing.scoring import AnswerKey, ReferenceProfile
from tailorbird.workflow.comparing.sharing import Pool
from tailorbird.workflow.comparing.stopping import Watch
from tailorbird.workflow.comparing.summary import compare_pairs, figures, summarize
from tailorbird.workflow.comparing.verdict import conclude
from tailorbird.workflow.judging.grading import Answered
from tailorbird.workflow.progress import OnProgress, Progress, silent
from tailorbird.workflow.questioning.leakage import find_leaks

if TYPE_CHECKING:
    from tailorbird.journal import Journal
    from tailorbird.protocols import Clock
    from tailorbird.types.answers import Answer
    from tailorbird.types.capabilities import Capabilities
    from tailorbird.types.questions import Question
    from tailorbird.types.usage import Price
    from tailorbird.workflow.answering.answer import Answerer
    from tailorbird.workflow.answering.results import Leak, Verdict
    from tailorbird.workflow.bulk.collecting import Batches
    from tailorbird.workflow.comparing.options import StopEarly


@dataclass(frozen=True)
class _Case:
    """What is compared."""

    arms: Sequence[Arm]
    questions: Sequence[Question]
    given: Mapping[str, Mapping[str, Answer]]
    learned: Sequence[str]
    on_progress: OnProgress

    @cached_property
    def profile(self) -> ReferenceProfile:
        """What the references share: of all questions, whether they are asked or not."""
        return ReferenceProfile.of(self.questions, learned=self.learned)

    def progress(self, asked: int) -> OnProgress:
        """Count the answers of so many questions along, and those of all questions as the total."""
        done, total = asked * len(self.arms), len(self.questions) * len(self.arms)

        def tell(one: Progress) -> None:
            self.on_progress(one.model_copy(update={"done": one.done + done, "total": total}))

        return tell

    def right(
        self, questions: Sequence[Question], found: Mapping[tuple[str, str], Found]
    ) -> Mapping[tuple[str, str], float | None]:
        """Say which answers to some questions are right; a failed call has no entry."""
        right: dict[tuple[str, str], float | None] = {}
        for question in questions:
            key = AnswerKey.of(question, profile=self.profile)
            for arm in self.arms:
                answer = found[arm.name, question.id].answer
                if answer is not None:
                    right[arm.name, question.id] = key.score(answer).correct
        return right


@dataclass(frozen=True, slots=True)
class _Findings:
    """What came of it."""

    found: Mapping[tuple[str, str], Found]
    appraisal: Appraisal
    bill: Bill
    watch: Watch | None


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
    trained: Sequence[Question] = ()
    """Rows that the tuned models of the arms were trained on, as far as they are known."""
    appraiser: Appraiser = field(default_factory=Appraiser)
    """Asks others what the answers are worth: scorers, the embedding model, the judge."""
    concurrency: int = DEFAULT_CONCURRENCY
    """How many answers are asked for at once, at least 1."""
    batches: Batches | None = None
    """How answers are asked for as batches; None asks call by call."""

    async def compare(  # noqa: PLR0913 - what is compared, and how
        self,
        arms: Sequence[Arm],
        questions: Sequence[Question],
        *,
        name: str | None = None,
        settings: Mapping[str, str | int | float | bool] | None = None,
        given: Mapping[str, Mapping[str, Answer]] | None = None,
        stop_early: StopEarly | None = None,
        on_progress: OnProgress = silent,
    ) -> ComparisonData:
        """Ask what was not asked before, score all answers, and conclude.

        Args:
            arms: At least one; names must be unique.
            questions: At least one; ids must be unique.
            name: Name of the run; None makes one from arms and questions.
            settings: What else the run depends on; shown in the report.
            given: Answers by question, for arms (by name) that are not asked any more: what is
                missing there is an outcome with an error.
            stop_early: Asks in blocks, and stops when what is left would decide nothing; None
                asks everything.
            on_progress: Called after each answer, and as these are scored by others.

        Raises:
            InvalidInputError: There is no arm or question, a name or id stands twice,
                `concurrency` is below 1, a scorer or the judge cannot be asked, or one cannot stop
                early: with one arm, with batches, and where the judge says what is right.
            ScorerError: A scorer failed; the answers are kept.
            ProviderError: All further calls would fail too (key, quota, model); answers that
                had come are kept. A call that fails by itself becomes an outcome with `error`.
            RetrievalError: An arm's index cannot be searched.
        """
        self.check(arms, questions)
        self._check_stop(stop_early)
        case = _Case(arms, questions, given or {}, self._learned(arms), on_progress)
        watch = None
        if stop_early is None:
            found = await self._run(case, questions, on_progress).finish()
        else:
            watch = Watch(arms, questions, stop_early, today=self.clock.today())
            found = await self._ask_in_blocks(case, watch)
            questions = [one for one in questions if (arms[0].name, one.id) in found]
        appraisal = await self.appraiser.appraise(
            self._answered(case, questions, found), on_progress=on_progress
        )
        bill = await Bill.read(self.journal, identity=self.identity, prices=self.prices)
        # Scoring thousands of answers takes seconds: it must not stop other tasks of the loop.
        return await asyncio.to_thread(
            self._conclude,
            case,
            questions,
            _Findings(found, appraisal, bill, watch),
            name=name or self._name(arms, case.questions, stop_early),
            settings=settings or {},
        )

    async def known(self, arms: Sequence[Arm], questions: Sequence[Question]) -> Answered:
        """Give the answers that the journal has; nothing is asked."""
        keys = {question.id: question_key(question) for question in questions}
        answers: dict[tuple[str, str], Answer] = {}
        for arm in arms:
            fingerprint = arm_fingerprint(arm, identity=self.identity)
            kept = await self.journal.get_answers(fingerprint, sorted(set(keys.values())))
            answers |= {(arm.name, one): kept[key] for one, key in keys.items() if key in kept}
        return Answered(
            arms=arms, questions=questions, answers=answers, learned=self._learned(arms)
        )

    def check(self, arms: Sequence[Arm], questions: Sequence[Question]) -> None:
        """Do nothing for arms and questions that can be compared.

        Raises:
            InvalidInputError: There is no arm or question, a name or id stands twice,
                `concurrency` is below 1, or a scorer or the judge cannot be asked.
        """
        if self.concurrency < 1:
            message = f"concurrency must be at least 1, got {self.concurrency}"
            raise InvalidInputError(message)
        _check_unique("arm", [arm.name for arm in arms])
        _check_unique("question", [question.id for question in questions])
        self.appraiser.check(arms, questions)

    def _check_stop(self, stop_early: StopEarly | None) -> None:
        judge = self.appraiser.judge
        check_asking(
            bulk=self.batches is not None,
            stop_early=stop_early is not None,
            decides=judge is not None and judge.options.decides,
        )

    def _run(self, case: _Case, questions: Sequence[Question], on_progress: OnProgress) -> Run:
        return Run(
            answerer=self.answerer,
            journal=self.journal,
            identity=self.identity,
            concurrency=self.concurrency,
            batches=self.batches,
            arms=case.arms,
            questions=questions,
            on_progress=on_progress,
            given=case.given,
        )

    async def _ask_in_blocks(self, case: _Case, watch: Watch) -> Mapping[tuple[str, str], Found]:
        """Ask block by block until nothing that matters is left to be decided.

        After a kill the same blocks come in the same order, and answers that are known are not
        asked for again: so the same looks are taken once more, with the same outcome.
        """
        found: dict[tuple[str, str], Found] = {}
        while not watch.settled:
            block = watch.blocks[watch.looks]
            found |= await self._run(case, block, case.progress(watch.asked)).finish()
            watch.look(block, await asyncio.to_thread(case.right, block, found))
        return found

    def _answered(
        self,
        case: _Case,
        questions: Sequence[Question],
        found: Mapping[tuple[str, str], Found],
    ) -> Answered:
        places = [(arm.name, question.id) for arm in case.arms for question in questions]
        answers = ((place, found[place].answer) for place in places)
        return Answered(
            arms=case.arms,
            questions=questions,
            answers={place: answer for place, answer in answers if answer is not None},
            learned=case.learned,
        )

    def _learned(self, arms: Sequence[Arm]) -> list[str]:
        """Give the answers that the arms learned from, as far as they are known."""
        shots = [shot.answer for arm in arms for shot in arm.shots]
        return [row.reference for row in self.trained if row.reference] or shots

    def _conclude(
        self,
        case: _Case,
        questions: Sequence[Question],
        findings: _Findings,
        *,
        name: str,
        settings: Mapping[str, str | int | float | bool],
    ) -> ComparisonData:
        arms, appraisal, watch = case.arms, findings.appraisal, findings.watch
        outcomes = _outcomes(
            arms, questions, findings.found, profile=case.profile, appraisal=appraisal
        )
        looks = 1 if watch is None else len(watch.blocks)
        cells = summarize(arms, questions, outcomes, extra=appraisal.ranges, watched=looks > 1)
        pairs = compare_pairs(
            arms, questions, outcomes, watched=None if watch is None else watch.p_values
        )
        counted = figures(arms, outcomes, prices=self.prices)
        costs = findings.bill.costs(arms, cells=cells, figures=counted, judge=appraisal.report)
        early = None if watch is None else watch.found
        verdict = conclude(
            arms,
            cells=cells,
            pairs=pairs,
            figures=counted,
            costs=costs,
            early=early,
            caveat=self.capabilities.caveat,
            today=self.clock.today(),
        )
        leaks = find_leaks(self.trained, questions)
        return ComparisonData(
            name=name,
            provider=self.capabilities.provider,
            created_at=self.clock.now(),
            arms=tuple(arms),
            questions=tuple(questions),
            outcomes=outcomes,
            summary=cells,
            pairwise=pairs,
            figures=counted,
            costs=costs,
            early_stop=early,
            verdict=_warned(verdict, leaks, appraisal),
            contrasts=compare_metrics(arms, outcomes, looks=looks),
            leaks=leaks,
            judge=appraisal.report,
            scorers=appraisal.ranges,
            settings=settings,
        )

    def _name(
        self, arms: Sequence[Arm], questions: Sequence[Question], stop_early: StopEarly | None
    ) -> str:
        parts = [arm_fingerprint(arm, identity=self.identity) for arm in arms]
        parts += [question_key(question) for question in questions]
        parts += [] if stop_early is None else [stop_early.model_dump_json()]
        return f"comparison-{hashlib.sha256(''.join(parts).encode()).hexdigest()[:8]}"


def _outcomes(
    arms: Sequence[Arm],
    questions: Sequence[Question],
    found: Mapping[tuple[str, str], Found],
    *,
    profile: ReferenceProfile,
    appraisal: Appraisal,
) -> tuple[Outcome, ...]:
    """Score all answers: question by question, because taking one apart serves all arms."""
    scored: dict[tuple[str, str], Outcome] = {}
    pool = Pool()
    for question in questions:
        key = AnswerKey.of(question, profile=profile)
        for arm in arms:
            place = (arm.name, question.id)
            outcome = pool.lean(_outcome(place, found[place], key, appraisal))
            pool.lean(outcome.scores)
            scored[place] = outcome
    return tuple(scored[arm.name, question.id] for arm in arms for question in questions)


def _outcome(place: tuple[str, str], found: Found, key: AnswerKey, appraisal: Appraisal) -> Outcome:
    scores = Scores()
    if found.answer is not None:
        scores = appraisal.add_to(key.score(found.answer), key.question, place)
    return Outcome(
        arm=place[0],
        question=place[1],
        answer=found.answer,
        scores=scores,
        grades=appraisal.grades(place),
        error=found.error,
        reused=found.reused,
    )


def _warned(verdict: Verdict, leaks: Sequence[Leak], appraisal: Appraisal) -> Verdict:
    """Add what a reader must know about the questions and about the judge."""
    judged = () if appraisal.report is None else appraisal.report.caveats
    caveats = (*verdict.caveats, *leak_caveats(leaks), *judged)
    return verdict.model_copy(update={"caveats": caveats})


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
