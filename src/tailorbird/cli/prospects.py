"""What `compare` would do and cost: training, indexing, asking and judging, before any of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from tailorbird.cli.comparison import can_tune, choose_arms, index_place, plan_training
from tailorbird.cli.failures import show_problems
from tailorbird.cli.preflight import check_request
from tailorbird.data import ChunkOptions
from tailorbird.exceptions import InvalidInputError
from tailorbird.types.ids import IndexName, JobId, ModelId
from tailorbird.types.retrieval import IndexInfo, IndexSpec
from tailorbird.types.tuned import TunedModel
from tailorbird.workflow.money.pricing import tuned_price_id
from tailorbird.workflow.searching.index import Index

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tailorbird.cli.comparison import Request, Training
    from tailorbird.cli.screen import Screen
    from tailorbird.workbench import Workbench
    from tailorbird.workflow.comparing.estimate import ComparisonEstimate
    from tailorbird.workflow.judging.estimate import JudgeEstimate
    from tailorbird.workflow.progress import OnProgress
    from tailorbird.workflow.searching.index import IndexEstimate
    from tailorbird.workflow.tuning.estimate import Estimate

_NOT_YET = JobId("not-made-yet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospects:
    """What each step of a comparison would take; None for one that is not taken."""

    training: Estimate | None
    """Training; None also when an earlier comparison has trained the model."""
    indexing: IndexEstimate | None
    """Building the index."""
    asking: ComparisonEstimate
    """Asking the questions."""
    judging: JudgeEstimate | None
    """Judging the answers."""

    @property
    def usd(self) -> Decimal | None:
        """US dollars for all of it; None when a price is not known."""
        total = Decimal(0)
        for one in (self.training, self.indexing, self.asking, self.judging):
            if one is not None:
                if one.usd is None:
                    return None
                total += one.usd
        return total

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """Name the arms, and the judge, of which nobody knows how much they reason unasked."""
        arms = tuple(one.arm for one in self.asking.arms if not one.measured)
        judge = self.judging is not None and not self.judging.measured
        return (*arms, "the judge") if judge else arms

    def to_object(self) -> Mapping[str, object]:
        """Give it as JSON has it."""
        steps = ("training", "indexing", "asking", "judging")
        found = {name: getattr(self, name) for name in steps}
        dumped = {
            name: None if one is None else one.model_dump(mode="json")
            for name, one in found.items()
        }
        return {"usd": None if self.usd is None else str(self.usd), **dumped}


async def look_ahead(
    screen: Screen, request: Request, bench: Workbench, on_progress: OnProgress
) -> Prospects:
    """Say what `run_comparison` would take; nothing is sent, trained, embedded or asked.

    Raises:
        TailorbirdError: What reading the documents and choosing the arms raises.
    """
    tunes = can_tune(bench, screen, request)
    check_request(screen, bench, request, tunes=tunes)
    training, tuned = await _training(bench, screen, request) if tunes else (None, None)
    indexing, index, passage_tokens = await _indexing(bench, screen, request, on_progress)
    if request.checkpoints and tuned is not None and tuned.job == _NOT_YET:
        screen.note("checkpoints are not counted: there are none before the training")
        request = replace(request, checkpoints=False)
    arms = await choose_arms(bench, request, tuned=tuned, index=index)
    asked, how = request.parts.held_out, request.how
    return Prospects(
        training=training,
        indexing=indexing,
        asking=await bench.estimate_comparison(
            arms, asked, bulk=how.bulk, passage_tokens=passage_tokens
        ),
        judging=None
        if how.judge is None
        else await bench.estimate_judging(arms, asked, judge=how.judge, bulk=how.bulk),
    )


def show_prospects(screen: Screen, told: Prospects) -> None:
    """Show what each step would take, arm by arm for the asking."""
    if told.training is not None:
        screen.show(f"training: {told.training}")
    if told.indexing is not None:
        screen.show(f"index: {told.indexing}")
    screen.show(f"asking: {told.asking}")
    heads = ("arm", "answers", "known", "tokens in", "tokens out", "USD", "at most")
    rows = [
        (
            one.arm,
            f"{one.answers:,}",
            f"{one.known:,}",
            f"{one.usage.input_tokens:,}",
            f"{one.usage.output_tokens:,}",
            _money(one.usd),
            _money(one.worst_usd),
        )
        for one in told.asking.arms
    ]
    screen.table(heads, rows, right=range(1, len(heads)))
    if told.judging is not None:
        screen.show(f"judging: at most {told.judging}")
    total = "?" if told.usd is None else f"about {told.usd:,.4f}"
    screen.show(f"in all: {total} USD")
    if guessed := told.unmeasured:
        screen.note(
            f"hidden reasoning is not counted for {', '.join(guessed)}: of a model that reasons"
            " unasked, answers take more tokens out than this, up to what 'at most' says; after a"
            " few answers it is known"
        )
    screen.note("nothing was sent; the same command without --dry-run does it")


async def _training(
    bench: Workbench, screen: Screen, request: Request
) -> tuple[Estimate | None, TunedModel | None]:
    """Estimate the training; give the model that there is, or one that stands in for it."""
    plan = await plan_training(bench, screen, request)
    if plan.estimate is None:
        try:
            return None, await bench.tuned(plan.name)
        except InvalidInputError:
            screen.note("its model is not finished yet")
    return plan.estimate, _planned_model(bench, request, plan)


def _planned_model(bench: Workbench, request: Request, plan: Training) -> TunedModel:
    """Make up the model that a training would give."""
    base = plan.options.base or ModelId("")
    return TunedModel(
        name=plan.name,
        provider=bench.provider.name,
        identity=bench.provider.identity,
        base=base,
        model=ModelId(tuned_price_id(base)),
        system=request.prompt.text,
        job=_NOT_YET,
        method=plan.options.method,
        training_hash="",
        examples=len(request.parts.train),
        created_at=bench.provider.clock.now(),
    )


async def _indexing(
    bench: Workbench, screen: Screen, request: Request, on_progress: OnProgress
) -> tuple[IndexEstimate | None, Index | None, int | None]:
    """Estimate the index; give it as it is, or one that stands in and how long passages are."""
    place = index_place(bench, request)
    if place is None:
        return None, None, None
    folder, name = place[0], IndexName(place[1])
    told = await bench.estimate_index(folder, name=name, on_progress=on_progress)
    show_problems(screen.note, told.problems, total=len(told.problems))
    if not (told.added or told.changed or told.gone):
        return told, await bench.index(name), None  # nothing new: it is there
    planned = IndexInfo(spec=IndexSpec(name=name), documents=told.documents)
    tokens = told.input_tokens // told.texts if told.texts else ChunkOptions().target_tokens
    return told, Index(name=name, info=planned), max(1, tokens)


def _money(usd: Decimal | None) -> str:
    return "?" if usd is None else f"{usd:,.4f}"
