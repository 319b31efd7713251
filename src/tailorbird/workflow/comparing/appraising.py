"""Ask others what an answer is worth: the user's scorers, the embedding model, the judge."""

from __future__ import annotations

import asyncio
import math
import re
from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING, Literal, TypeAlias

from tailorbird.exceptions import InvalidInputError, ScorerError
from tailorbird.protocols.scoring import BatchScorer, Scorer
from tailorbird.workflow.comparing.summary import METRICS
from tailorbird.workflow.judging.grading import Answered
from tailorbird.workflow.judging.reporting import is_right
from tailorbird.workflow.progress import OnProgress, Progress, silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tailorbird.types.answers import Answer
    from tailorbird.types.judgements import Grade, JudgeReport
    from tailorbird.types.questions import Question
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.answering.results import Scores
    from tailorbird.workflow.judging.grading import Judged, Place
    from tailorbird.workflow.judging.judge import Judge
    from tailorbird.workflow.searching.embedder import Embedder

BuiltIn: TypeAlias = Literal["similarity"]
"""A scorer of the library that has to be asked for, because it costs something: `similarity` embeds
the answers with the model of the role `embedding`."""

AnyScorer: TypeAlias = "Scorer | BatchScorer | BuiltIn"
"""What a comparison takes as a scorer."""

SIMILARITY: BuiltIn = "similarity"
"""Name of the scorer that compares embeddings."""

SCORED_AT_ONCE = 16
"""Calls of a user's scorers that are under way at once."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_JUDGED = "judged_"
# Columns of the table of answers (`report.answer_rows`).
_TAKEN = (
    *("arm", "id", "kind", "line", "question", "reference", "answer", "abstained", "reason"),
    *("cited", "found", "latency_s", "input_tokens", "output_tokens", "model", "reused", "error"),
)
_PAGE = 512  # answers that are embedded together, as many as the embedding cache takes at a time


@dataclass(frozen=True, slots=True)
class Appraisal:
    """What others say of the answers of a comparison."""

    ranges: Mapping[str, tuple[float, float]] = field(
        default_factory=dict[str, tuple[float, float]]
    )
    """Lowest and highest value of each figure in `Scores.extra`, by name, in their order."""
    extra: Mapping[Place, Mapping[str, float | None]] = field(
        default_factory=dict["Place", "Mapping[str, float | None]"]
    )
    """Figures of each answer."""
    similarity: Mapping[Place, float] = field(default_factory=dict["Place", float])
    """Similarity of each answer to the nearest accepted one."""
    judged: Judged | None = None
    """What the judge said; None without a judge."""
    decides: bool = False
    """Whether the judge decides what is right."""

    def grades(self, place: Place) -> tuple[Grade, ...]:
        """Give what the judge says of an answer."""
        return () if self.judged is None else self.judged.grades.get(place, ())

    @property
    def report(self) -> JudgeReport | None:
        """How far the judge can be trusted; None without one."""
        return None if self.judged is None else self.judged.report

    def add_to(self, scores: Scores, question: Question, place: Place) -> Scores:
        """Put what others say beside the figures of an answer."""
        update: dict[str, object] = {}
        if place in self.similarity:
            update["similarity"] = self.similarity[place]
        extra = {
            **self.extra.get(place, {}),
            **{f"{_JUDGED}{one.rubric}": one.value for one in self.grades(place)},
        }
        if extra:
            update["extra"] = extra
        if self.decides and question.kind not in {"style", "unanswerable"}:
            update["correct"] = self._decided(scores, place)
        return scores.model_copy(update=update) if update else scores

    def _decided(self, scores: Scores, place: Place) -> float | None:
        right = is_right(self.grades(place))
        if right is not None:
            return float(right)
        drawn = self.judged is not None and place[1] in self.judged.drawn
        # An abstention is wrong without asking a judge; what was not drawn is not known.
        return scores.correct if drawn and not self.grades(place) else None


NOTHING = Appraisal()
"""What is said when nobody is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appraiser:
    """Asks all who have something to say about answers."""

    scorers: Sequence[AnyScorer] = ()
    """The user's scorers, and those of the library that are asked for by name."""
    embedder: Embedder | None = None
    """Makes vectors; None where the profile names no model for the role `embedding`."""
    judge: Judge | None = None
    """Judges; None for no judge."""

    def check(self, arms: Sequence[Arm], questions: Sequence[Question]) -> None:
        """Do nothing when everything can be asked about these arms and questions.

        Raises:
            InvalidInputError: A scorer is none, or has a wrong or taken name or a wrong range;
                `similarity` is wanted, and there is no embedding model; or the judge's options do
                not fit, as far as that is known before there are answers.
        """
        if self.judge is not None:
            self.judge.check(arms, {})
            self.judge.check_labels(arms, questions)
        taken = {*METRICS, *_TAKEN}
        for one in self.scorers:
            if isinstance(one, str):
                self._check_built_in(one)
                continue
            _check_members(one)
            if not _NAME.fullmatch(one.name) or one.name in taken or one.name.startswith(_JUDGED):
                message = (
                    f"a scorer cannot be called {one.name!r}: take 1 to 40 letters, digits or _, a"
                    f" name that no figure or column has, not beginning with {_JUDGED!r}"
                )
                raise InvalidInputError(message)
            taken.add(one.name)
            _check_range(one)

    def _check_built_in(self, name: str) -> None:
        if name != SIMILARITY:
            message = f"there is no scorer {name!r}; there is {SIMILARITY!r}, and your own"
            raise InvalidInputError(message)
        if self.embedder is None:
            message = (
                f"the scorer {SIMILARITY!r} needs an embedding model: name one for the role"
                " 'embedding' in the profile"
            )
            raise InvalidInputError(message)

    async def appraise(self, answered: Answered, *, on_progress: OnProgress = silent) -> Appraisal:
        """Ask all of them.

        Raises:
            ScorerError: A scorer failed, or gave no figure of its range.
            ProviderError: What the embedding or judging model said, where all further calls would
                fail alike.
        """
        own = [one for one in self.scorers if not isinstance(one, str)]
        if not self.scorers and self.judge is None:
            return NOTHING
        questions = {one.id: one for one in answered.questions}
        extra: dict[Place, dict[str, float | None]] = {}
        for scorer in own:
            run = _Scoring(scorer, questions, answered.answers, on_progress)
            for place, value in (await run.finish()).items():
                extra.setdefault(place, {})[scorer.name] = value
        similarity = {}
        if SIMILARITY in self.scorers and self.embedder is not None:
            similarity = await _similarity(self.embedder, answered, on_progress)
        judged = None
        if self.judge is not None:
            judged = await self.judge.judge(answered, on_progress=on_progress)
        rubrics = () if self.judge is None else self.judge.options.rubrics
        return Appraisal(
            ranges={
                **{one.name: one.range for one in own},
                **{one.metric: (0.0, 1.0) for one in rubrics},
            },
            extra=extra,
            similarity=similarity,
            judged=judged,
            decides=self.judge is not None and self.judge.options.decides,
        )


def _check_members(one: object) -> None:
    name: object = one.name if isinstance(one, (Scorer, BatchScorer)) else None
    if isinstance(name, str):
        return
    message = f"{one!r} is no scorer: it needs a `name`, a `range`, and `score` or `score_many`"
    raise InvalidInputError(message)


def _check_range(scorer: Scorer | BatchScorer) -> None:
    try:
        low, high = scorer.range
        is_range = math.isfinite(low) and math.isfinite(high) and low < high
    except (TypeError, ValueError):
        is_range = False
    if not is_range:
        message = f"scorer {scorer.name!r}: the range must be two numbers, the lower one first"
        raise InvalidInputError(message)
    if isinstance(scorer, BatchScorer) and scorer.batch_size < 1:
        message = f"scorer {scorer.name!r}: batch_size must be at least 1, got {scorer.batch_size}"
        raise InvalidInputError(message)


@dataclass(slots=True)
class _Scoring:
    """One scorer while it is asked."""

    scorer: Scorer | BatchScorer
    questions: Mapping[str, Question]
    answers: Mapping[Place, Answer]
    on_progress: OnProgress
    found: dict[Place, float | None] = field(
        init=False, default_factory=dict["Place", "float | None"]
    )

    async def finish(self) -> Mapping[Place, float | None]:
        """Give the figure of each answer.

        Raises:
            ScorerError: The scorer failed, or gave no figure of its range.
        """
        size = self.scorer.batch_size if isinstance(self.scorer, BatchScorer) else 1
        places = list(self.answers)
        batches = iter([places[start : start + size] for start in range(0, len(places), size)])
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(SCORED_AT_ONCE):
                    group.create_task(self._work(batches))
        except ExceptionGroup as exc:
            # A caller asked for one thing and gets one error.
            raise exc.exceptions[0] from exc.exceptions[0].__cause__
        return self.found

    async def _work(self, batches: Iterator[list[Place]]) -> None:
        for places in batches:
            values = await self._scored(places)
            for place, value in zip(places, values, strict=True):
                self._check(place, value)
                self.found[place] = value
            self.on_progress(
                Progress(
                    step="scoring",
                    done=len(self.found),
                    total=len(self.answers),
                    detail=self.scorer.name,
                )
            )

    async def _scored(self, places: Sequence[Place]) -> Sequence[float | None]:
        cases = [(self.questions[place[1]], self.answers[place]) for place in places]
        try:
            if isinstance(self.scorer, BatchScorer):
                values = list(await self.scorer.score_many(cases))
            else:
                values = [await self.scorer.score(*case) for case in cases]
        except Exception as exc:
            # A user's code may raise anything; it is told with what it was about.
            message = f"it raised {type(exc).__name__}: {exc}"
            raise self._error(message, places[0]) from exc
        if len(values) != len(cases):
            message = f"it gave {len(values)} figures for {len(cases)} answers"
            raise self._error(message, places[0])
        return values

    def _check(self, place: Place, value: object) -> None:
        low, high = self.scorer.range
        if value is None:
            return
        # Written so that a NaN, which is in no range, is found too, and what is no number.
        if not (isinstance(value, Real) and low <= float(value) <= high):
            message = f"it gave {value!r}, which is not in its range {low:g}..{high:g}"
            raise self._error(message, place)

    def _error(self, message: str, place: Place) -> ScorerError:
        return ScorerError(message, scorer=self.scorer.name, question=place[1])


async def _similarity(
    embedder: Embedder, answered: Answered, on_progress: OnProgress
) -> dict[Place, float]:
    """Give the cosine of each answer and the nearest accepted one, 0..1, page by page."""
    accepted = {
        one.id: [text for text in one.answers if text.strip()]
        for one in answered.questions
        if one.kind != "unanswerable"
    }
    places = [
        place
        for place, answer in answered.answers.items()
        if answer.text.strip() and accepted.get(place[1])
    ]
    found: dict[Place, float] = {}
    for start in range(0, len(places), _PAGE):
        page = places[start : start + _PAGE]
        texts = [answered.answers[place].text for place in page]
        references = list(dict.fromkeys(one for place in page for one in accepted[place[1]]))
        embedded = await embedder.embed([*texts, *references])
        ours, theirs = embedded.vectors[: len(texts)], embedded.vectors[len(texts) :]
        row = {text: number for number, text in enumerate(references)}
        for number, place in enumerate(page):
            nearest = theirs[[row[one] for one in accepted[place[1]]]] @ ours[number]
            found[place] = min(1.0, max(0.0, float(nearest.max())))
        on_progress(Progress(step="scoring", done=len(found), total=len(places), detail=SIMILARITY))
    return found
