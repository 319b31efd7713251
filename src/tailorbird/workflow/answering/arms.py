"""The six usual ways of answering, made from what there is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import Field

from tailorbird.exceptions import InvalidInputError
from tailorbird.types.base import Frozen
from tailorbird.types.chat import ChatOptions
from tailorbird.types.filters import Filter
from tailorbird.types.retrieval import SearchMode
from tailorbird.workflow.answering.arm import Arm, Shot
from tailorbird.workflow.searching.selection import NEAR_ENOUGH, MinScore, Rerank, Selection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tailorbird.types.ids import ModelId
    from tailorbird.types.questions import Question
    from tailorbird.types.tuned import TunedModel
    from tailorbird.workflow.searching.index import Index

DEFAULT_SHOTS = 4
"""Worked examples that the few-shot arm sends: enough to show a style, cheap to send each time."""


class ArmOptions(Frozen):
    """How arms are asked."""

    shots: int = Field(default=DEFAULT_SHOTS, ge=1)
    """How many worked examples the few-shot arm sends, at least 1."""
    nearest: bool = True
    """Whether it picks those nearest to each question, or always sends the first ones."""
    top_k: int = Field(default=5, ge=1, le=50)
    """How many passages arms with retrieval see, 1..50."""
    mode: SearchMode | None = None
    """How passages are searched; None takes the best the engine offers."""
    min_score: MinScore | None = None
    """Passages below it are left out: a number in the kind of score that the mode gives, or a
    number for each kind of score. None keeps all, or with `only_from_data` what is near enough
    (`workflow.searching.selection.NEAR_ENOUGH`)."""
    per_source: int | None = Field(default=None, ge=1)
    """How many passages may come from one source, at least 1; None sets no limit."""
    distinct: bool = True
    """Whether passages with the same text are shown once."""
    join: bool = True
    """Whether passages that are neighbors in their document become one."""
    rerank: bool | Rerank | None = None
    """Whether passages are put into a better order before the best are taken, and how: by the
    workbench's own reranker, or the model of the role `reranker`, else of `chat`. None takes what
    the profile says, which is no unless it says otherwise."""
    where: Filter | None = None
    """Which chunks arms with retrieval look at; None looks at all. An index with tenants needs one
    that pins its tenant field."""
    only_from_data: bool = False
    """Whether arms with retrieval abstain where they cannot answer from the data: without asking
    the model when no passage is near enough, and when no citation could be verified."""
    form: bool | None = None
    """Whether answers from passages are asked for as a form with quotes; None takes one where the
    provider offers it, but not of a tuned model, which has learned to answer in plain text."""
    chat: ChatOptions = Field(default_factory=ChatOptions)
    """How models are asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmPlan:
    """What the usual arms are made from; whatever is missing leaves its arms out."""

    model: ModelId
    """The untuned model that the arms without tuning ask."""
    system: str | None = None
    """System prompt of all arms but the first; None takes the tuned model's."""
    tuned: TunedModel | None = None
    """The tuned model."""
    index: Index | None = None
    """The index."""
    examples: Sequence[Question] = ()
    """Training rows that the few-shot arm may show; those without an answer are left out."""
    options: ArmOptions = field(default_factory=ArmOptions)
    """How they are asked."""
    reranker: str = ""
    """Identity of what puts passages into a better order, where the options ask for it."""


def plan_arms(plan: ArmPlan) -> tuple[Arm, ...]:
    """Make the arms in their usual order: the simplest first.

    `base` asks the model as it is; `prompted` adds the system prompt; `few-shot` adds worked
    examples; `retrieval` adds passages instead; `tuned` asks the tuned model with its training
    prompt; `tuned + retrieval` gives it passages too.
    """
    tuned_system = plan.tuned.system if plan.tuned else None
    system = plan.system if plan.system is not None else tuned_system
    base = Arm(name="base", model=plan.model, options=plan.options.chat)
    prompted = base.model_copy(update={"name": "prompted", "system": system})
    arms = [base]
    if system is not None:
        arms.append(prompted)
    shots = tuple(
        Shot(question=row.text, answer=row.reference) for row in plan.examples if row.reference
    )
    if shots:
        arms.append(_few_shot(prompted, shots, plan))
    if plan.index is not None:
        arms.append(_with_index(prompted, "retrieval", plan.index, plan))
    if plan.tuned is not None:
        tuned = base.model_copy(
            update={
                "name": "tuned",
                "model": plan.tuned.callable_id,
                "system": tuned_system,
                "tuned": plan.tuned,
            }
        )
        arms.append(tuned)
        if plan.index is not None:
            arms.append(_with_index(tuned, "tuned + retrieval", plan.index, plan))
    return tuple(arms)


def single_arm(plan: ArmPlan) -> Arm:
    """Make the one arm that uses everything the plan has: what a single question is asked with."""
    if plan.tuned is None and plan.index is None and plan.system is None:
        return plan_arms(plan)[0]
    arms = [arm for arm in plan_arms(plan) if not arm.shots]
    return arms[-1]


def pick_arms(arms: Sequence[Arm], names: Sequence[str]) -> tuple[Arm, ...]:
    """Give the named arms, in the order of the names.

    Raises:
        InvalidInputError: A name is none of the arms'; the message lists them.
    """
    by_name = {arm.name: arm for arm in arms}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        message = f"there is no arm {unknown[0]!r}; there are: {', '.join(by_name)}"
        raise InvalidInputError(message)
    return tuple(by_name[name] for name in dict.fromkeys(names))


def _few_shot(prompted: Arm, shots: tuple[Shot, ...], plan: ArmPlan) -> Arm:
    options = plan.options
    return prompted.model_copy(
        update={
            "name": "few-shot",
            "shots": shots if options.nearest else shots[: options.shots],
            "nearest_shots": options.shots if options.nearest else 0,
        }
    )


def _with_index(arm: Arm, name: str, index: Index, plan: ArmPlan) -> Arm:
    return arm.model_copy(
        update={
            "name": name,
            "index": index.name,
            "index_version": index.info.version,
            "top_k": plan.options.top_k,
            "mode": plan.options.mode,
            "where": plan.options.where,
            "selection": _selection(plan.options),
            **_reranking(plan),
            "only_from_data": plan.options.only_from_data,
            "form": plan.options.form,
        }
    )


def _reranking(plan: ArmPlan) -> Mapping[str, Rerank | str]:
    wanted = plan.options.rerank
    if wanted is None or wanted is False:
        return {}
    return {"rerank": Rerank() if wanted is True else wanted, "reranker": plan.reranker}


def _selection(options: ArmOptions) -> Selection:
    least = options.min_score
    if least is None and options.only_from_data:
        least = NEAR_ENOUGH
    return Selection(
        min_score=least,
        per_source=options.per_source,
        distinct=options.distinct,
        join=options.join,
    )
