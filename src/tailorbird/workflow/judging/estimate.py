"""What judging would take and cost, before anything is asked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from statistics import fmean
from typing import TYPE_CHECKING

from pydantic import Field
from typing_extensions import override

from tailorbird.data import estimate_tokens, message_tokens
from tailorbird.types.answers import Answer, Citation
from tailorbird.types.base import Frozen
from tailorbird.types.ids import ChunkId, DocumentId, ModelId
from tailorbird.types.judgements import GradeReply
from tailorbird.types.retrieval import ScoreKind, Span
from tailorbird.types.usage import Price, Usage
from tailorbird.workflow.judging.grading import Answered, Grading
from tailorbird.workflow.judging.reporting import judging_cost
from tailorbird.workflow.money.worst import hidden_tokens
from tailorbird.workflow.progress import silent

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tailorbird.types.questions import Question
    from tailorbird.workflow.judging.desk import Desk, Request
    from tailorbird.workflow.judging.grading import Place, Task
    from tailorbird.workflow.judging.options import JudgeOptions

# A reason of one or two sentences, as the prompts ask for, with the frame of the form around it.
_REPLY = GradeReply(reason="It says the same as an accepted answer, in other words. " * 2, level=2)
_MARKER = "0" * 16


class JudgeEstimate(Frozen):
    """An estimate of what judging a comparison would take.

    Answers that the workspace has are taken as they are: what declines is not judged, equal ones
    are judged once, and judgements that are kept cost nothing. The others are taken to be as long
    as the accepted ones (those to questions that have none as long as the others), each with one
    passage of that length where the arm searches, and to be all different. A judgement is as long
    as the judge's kept ones are on average; where there are none, two sentences, with
    `REASONING_TOKENS` more where the options name an effort other than `none`. A model that reasons
    unasked takes more (`measured`): name an effort, or let it judge a few answers first.
    """

    model: ModelId
    """The model that would judge."""
    questions: int = Field(ge=0)
    """Questions whose answers would be judged, those with kept judgements included."""
    judgements: int = Field(ge=0)
    """Calls, those that are asked for twice included."""
    known: int = Field(default=0, ge=0)
    """Judgements that the workspace has; they cost nothing."""
    usage: Usage = Field(default_factory=Usage)
    """Tokens of the calls, by estimate."""
    usd: Decimal | None = None
    """US dollars for them; None when no price is known for the model."""
    price: Price | None = None
    """The price that was used, with its source and date."""
    measured: bool = True
    """Whether kept judgements, or an effort that the options name, say how many hidden tokens to
    expect; if not, none are expected, and a model that reasons unasked takes more."""

    @override
    def __str__(self) -> str:
        """Say it in one line."""
        kept = f" ({self.known:,} more are known)" if self.known else ""
        text = (
            f"{self.judgements:,} judgements of {self.model} on the answers to {self.questions:,}"
            f" questions{kept}, about {self.usage.input_tokens:,} tokens in and"
            f" {self.usage.output_tokens:,} out"
        )
        if self.usd is None or self.price is None:
            return f"{text}; no price is known for {self.model}"
        return f"{text}; about {self.usd:,.2f} USD (price: {self.price.source})"


async def estimate_judging(
    desk: Desk,
    answered: Answered,
    *,
    options: JudgeOptions,
    model: ModelId,
    price: Price | None = None,
    bulk: bool = False,
) -> JudgeEstimate:
    """Count what judging the answers to these questions would take, and price it.

    Args:
        desk: Would ask, and knows what was judged.
        answered: What would be compared, with the answers that are known.
        options: How to judge.
        model: What the judge is.
        price: What it costs; None when that is not known.
        bulk: Whether batches would answer.
    """
    plan = await asyncio.to_thread(_plan, desk, answered, options)
    kept = await desk.journal.get_answers(desk.fingerprint, sorted(plan.known))
    counts = await asyncio.to_thread(plan.prompts, kept)
    calls = len(counts)
    usual = [one.usage.output_tokens for one in kept.values() if one.usage.output_tokens]
    output = (
        round(fmean(usual))
        if usual
        else estimate_tokens(_REPLY.model_dump_json()) + hidden_tokens(options.chat)
    )
    usage = Usage(input_tokens=sum(counts), output_tokens=calls * output)
    return JudgeEstimate(
        model=model,
        questions=len({task.question.id for task in plan.tasks}),
        judgements=calls,
        known=len(kept),
        usage=usage,
        usd=judging_cost(usage, price, bulk=bulk),
        price=price,
        measured=not calls or bool(usual) or options.chat.reasoning_effort is not None,
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    """What would be judged."""

    grading: Grading
    """Makes the requests."""
    tasks: Sequence[Task]
    """All judgements."""
    known: Mapping[str, Request[GradeReply]]
    """Requests about answers that are known, by their keys: equal ones are asked once."""
    made_up: Collection[Place]
    """Arm and question of the answers that are not known."""

    def prompts(self, kept: Collection[str]) -> list[int]:
        """Count the tokens of each request that is not kept."""
        asked = [one for key, one in self.known.items() if key not in kept]
        found = [message_tokens(one.messages(_MARKER)) for one in asked]
        alike: dict[tuple[str, str], int] = {}
        for task in self.tasks:
            if task.place in self.made_up:
                key = (task.question.id, task.rubric.name)
                if key not in alike:
                    request = self.grading.request(task)
                    alike[key] = message_tokens(request.messages(_MARKER))
                found.append(alike[key])
        return found


def _plan(desk: Desk, answered: Answered, options: JudgeOptions) -> _Plan:
    """List what would be judged if the answers that are missing were as the accepted ones."""
    missing = _made_up(answered)
    filled = Answered(
        arms=answered.arms,
        questions=answered.questions,
        answers={**missing, **answered.answers},
        learned=answered.learned,
    )
    # A label may well be of the answer that is to come.
    labels = tuple(
        one.model_copy(update={"answer": None}) if (one.arm, one.question) in missing else one
        for one in options.labels
    )
    hopeful = options.model_copy(update={"labels": labels})
    grading = Grading(desk, hopeful, filled, silent)
    tasks = grading.plan()
    requests = [grading.request(task) for task in tasks if task.place not in missing]
    return _Plan(grading, tasks, {one.key: one for one in requests}, missing.keys())


def _made_up(answered: Answered) -> Mapping[Place, Answer]:
    """Give an answer for each one that is not known."""
    typical = _typical(answered.questions)
    found: dict[Place, Answer] = {}
    for question in answered.questions:
        text = next((one for one in question.answers if one.strip()), typical)
        plain = Answer(text=text)
        citing = plain.model_copy(update={"citations": (_citation(text),)})
        for arm in answered.arms:
            if (arm.name, question.id) not in answered.answers:
                found[arm.name, question.id] = plain if arm.index is None else citing
    return found


def _citation(text: str) -> Citation:
    return Citation(
        number=1,
        document=DocumentId("0"),
        chunk=ChunkId("0"),
        span=Span(start=0, end=len(text)),
        quote=text,
        score=0.0,
        score_kind=ScoreKind.FUSED,
    )


def _typical(questions: Sequence[Question]) -> str:
    """Give an accepted answer of middle length; something short where there is none."""
    texts = sorted((text for one in questions for text in one.answers if text.strip()), key=len)
    return texts[len(texts) // 2] if texts else "?"
