"""What judging would take and cost, before anything is asked."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

from pydantic import Field
from typing_extensions import override

from tailorbird.data import estimate_tokens, message_tokens
from tailorbird.types.base import Frozen
from tailorbird.types.ids import ModelId
from tailorbird.types.judgements import GradeReply
from tailorbird.types.usage import Price, Usage
from tailorbird.workflow.judging.grading import MOST_REPEATS, draw
from tailorbird.workflow.judging.reporting import judging_cost
from tailorbird.workflow.judging.rubrics import (
    CORRECTNESS,
    grade_messages,
    material,
    pick_examples,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tailorbird.types.questions import Question
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.judging.grading import Place
    from tailorbird.workflow.judging.options import JudgeOptions
    from tailorbird.workflow.judging.rubrics import Rubric

# A reason of one or two sentences, as the prompts ask for, with the frame of the form around it.
_REPLY = GradeReply(reason="It says the same as an accepted answer, in other words. " * 2, level=2)
_MARKER = "0" * 16


class JudgeEstimate(Frozen):
    """An estimate of what judging a comparison would take.

    It takes answers for as long as the accepted ones (those to questions that have none for as long
    as the others), each with one passage of that length where the arm searches, and all of them
    for different: answers that are equal, or that decline, are not judged again, or not at all.
    """

    model: ModelId
    """The model that would judge."""
    questions: int = Field(ge=0)
    """Questions whose answers would be judged."""
    judgements: int = Field(ge=0)
    """Calls, those that are asked for twice included."""
    usage: Usage = Field(default_factory=Usage)
    """Their tokens, by estimate."""
    usd: Decimal | None = None
    """US dollars for them; None when no price is known for the model."""
    price: Price | None = None
    """The price that was used, with its source and date."""

    @override
    def __str__(self) -> str:
        """Say it in one line."""
        text = (
            f"{self.judgements:,} judgements of {self.model} on the answers to {self.questions:,}"
            f" questions, about {self.usage.input_tokens:,} tokens in and"
            f" {self.usage.output_tokens:,} out"
        )
        if self.usd is None or self.price is None:
            return f"{text}; no price is known for {self.model}"
        return f"{text}; about {self.usd:,.2f} USD (price: {self.price.source})"


def estimate_judging(
    arms: Sequence[Arm],
    questions: Sequence[Question],
    *,
    options: JudgeOptions,
    model: ModelId,
    price: Price | None = None,
    bulk: bool = False,
) -> JudgeEstimate:
    """Count what judging the answers to these questions would take, and price it.

    Args:
        arms: Who would answer.
        questions: What would be asked.
        options: How to judge.
        model: What the judge is.
        price: What it costs; None when that is not known.
        bulk: Whether batches would answer.
    """
    examples = pick_examples([one.reference for one in questions if one.kind != "unanswerable"])
    typical = _typical(questions)
    drawn = draw(questions, options)
    labeled = {(one.arm, one.question) for one in options.labels}
    wanted = [
        (question, rubric, times)
        for question in questions
        for rubric in options.rubrics
        if rubric.suits(question) and (examples or "examples" not in rubric.shows)
        if (times := _times(rubric, question, arms, drawn, labeled))
    ]
    calls = sum(times for _, _, times in wanted)
    tokens = sum(
        times * _prompt_tokens(rubric, question, typical, examples)
        for question, rubric, times in wanted
    )
    again = min(MOST_REPEATS, math.ceil(options.repeat * calls))
    total = calls + again
    usage = Usage(
        input_tokens=math.ceil(tokens * total / calls) if calls else 0,
        output_tokens=total * estimate_tokens(_REPLY.model_dump_json()),
    )
    return JudgeEstimate(
        model=model,
        questions=len({question.id for question, _, _ in wanted}),
        judgements=total,
        usage=usage,
        usd=judging_cost(usage, price, bulk=bulk),
        price=price,
    )


def _times(
    rubric: Rubric,
    question: Question,
    arms: Sequence[Arm],
    drawn: Collection[str],
    labeled: Collection[Place],
) -> int:
    """Count the arms whose answers to a question would be judged by a rubric, as `Grading` does."""
    asked = [
        arm
        for arm in arms
        if question.id in drawn
        or (rubric.name == CORRECTNESS.name and (arm.name, question.id) in labeled)
    ]
    return sum("passages" not in rubric.shows or arm.index is not None for arm in asked)


def _prompt_tokens(
    rubric: Rubric, question: Question, typical: str, examples: Sequence[str]
) -> int:
    answer = next((one for one in question.answers if one.strip()), typical)
    passages = "passages" in rubric.shows
    given = (("passage", answer), ("answer", answer)) if passages else (("answer", answer),)
    parts = material(rubric.shows, question, given, examples=examples)
    return message_tokens(grade_messages(rubric, parts, marker=_MARKER))


def _typical(questions: Sequence[Question]) -> str:
    """Give an accepted answer of middle length; empty where there is none."""
    texts = sorted((text for one in questions for text in one.answers), key=len)
    return texts[len(texts) // 2] if texts else ""
