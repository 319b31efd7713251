"""From questions and documents to a comparison: what `compare` does in between."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tailorbird.cli.arm_names import needs_documents, needs_tuning
from tailorbird.cli.failures import show_problems
from tailorbird.cli.preflight import check_arms, check_request, check_rows
from tailorbird.cli.training import show_deployment
from tailorbird.data import ChunkOptions
from tailorbird.data.questions.split import split_questions
from tailorbird.exceptions import UnsupportedError
from tailorbird.journal.workspace import check_report_name
from tailorbird.types.capabilities import Capability
from tailorbird.workflow.answering.arm import DEFAULT_CONCURRENCY
from tailorbird.workflow.answering.arms import pick_arms
from tailorbird.workflow.comparing.appraising import SIMILARITY
from tailorbird.workflow.comparing.options import check_asking
from tailorbird.workflow.tuning.training import TuneOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tailorbird.cli.prompts import Prompt
    from tailorbird.cli.screen import Screen
    from tailorbird.data import QuestionSet
    from tailorbird.data.questions.split import SplitBy
    from tailorbird.report import Comparison
    from tailorbird.types.ids import ModelId
    from tailorbird.types.questions import Question
    from tailorbird.types.tuned import TunedModel
    from tailorbird.workbench import Workbench
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.comparing.options import StopEarly
    from tailorbird.workflow.judging.options import JudgeOptions
    from tailorbird.workflow.progress import OnProgress
    from tailorbird.workflow.searching.index import Index
    from tailorbird.workflow.tuning.estimate import Estimate

_HASH_DIGITS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A file's questions, divided into what is learned and what is asked."""

    train: QuestionSet
    """Rows to train on, and for the few-shot arm to show."""
    held_out: tuple[Question, ...]
    """Rows to ask."""
    settings: Mapping[str, str | int | float | bool]
    """How they were divided; stands in the report."""
    summary: str
    """The same in words."""


def divide(rows: QuestionSet, *, held_out: float, seed: int) -> Parts:
    """Divide by kind when the file says which rows test what was learned; else by fact.

    Raises:
        InvalidInputError: The share is out of range, or the set cannot be divided.
    """
    # A file that only marks, say, its unanswerable questions leaves the others to be divided.
    learned = any(row.kind in {"verbatim", "paraphrase"} for row in rows)
    by: SplitBy = "kind" if learned else "fact"
    split = split_questions(rows, held_out=held_out, seed=seed, by=by)
    return Parts(
        train=replace(rows, questions=split.train),
        held_out=split.tested(),
        settings={"split": by, "held_out": held_out, "seed": seed},
        summary=f"split by {by}: {split}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How answers are asked for and measured."""

    similarity: bool = False
    """Whether answers are compared by their embeddings."""
    judge: JudgeOptions | None = None
    """How a model judges the answers; None asks none."""
    concurrency: int = DEFAULT_CONCURRENCY
    """How many answers are asked for at once."""
    bulk: bool = False
    """Whether to ask as batches."""
    stream: bool = False
    """Whether to stream answers."""
    stop_early: StopEarly | None = None
    """How to stop early; None asks everything."""
    name: str | None = None
    """Name under which the run is kept; None makes one."""

    def __post_init__(self) -> None:
        """Look whether all of it goes together, before anything is paid for.

        Raises:
            InvalidInputError: It does not.
        """
        check_asking(
            bulk=self.bulk,
            stream=self.stream,
            stop_early=self.stop_early is not None,
            decides=self.judge is not None and self.judge.decides,
        )
        if self.name is not None:
            check_report_name(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be compared."""

    parts: Parts
    """The questions, divided."""
    documents: Path | None
    """What to retrieve from; None for nothing."""
    home: Path = field(default_factory=Path.cwd)
    """Folder that relative paths are relative to."""
    prompt: Prompt
    """System prompt of all arms but the first."""
    arms: tuple[str, ...]
    """Names of the arms, in the order of the tables."""
    checkpoints: bool
    """Whether the tuned model's checkpoints are arms, too."""
    model: ModelId | None
    """Base model to tune; None takes the profile's."""
    again: bool
    """Whether to train anew after a job that failed or was cancelled."""
    how: How
    """How answers are asked for and measured."""


async def run_comparison(
    screen: Screen, request: Request, bench: Workbench, on_progress: OnProgress
) -> Comparison:
    """Tune and index as far as the arms need it, ask, and conclude.

    What is free comes first, and the index before the training: it is what costs least.

    Raises:
        DataError: The rows break a rule of the provider.
        JobError: The job gave no model.
        TailorbirdError: Whatever else a step of the workbench raises.
    """
    tunes = can_tune(bench, screen, request)
    check_request(screen, bench, request, tunes=tunes)
    plan = await plan_training(bench, screen, request) if tunes else None
    index = await _index(bench, screen, request, on_progress)
    tuned = await _trained(bench, screen, request, plan, on_progress)
    compared = await choose_arms(bench, request, tuned=tuned, index=index)
    how = request.how
    asking = await bench.estimate_comparison(compared, request.parts.held_out, bulk=how.bulk)
    screen.note(f"asking: {asking}")
    if how.judge is not None:
        estimate = await bench.estimate_judging(
            compared, request.parts.held_out, judge=how.judge, bulk=how.bulk
        )
        screen.note(f"judging: at most {estimate}")
    return await bench.compare(
        compared,
        request.parts.held_out,
        concurrency=how.concurrency,
        scorers=(SIMILARITY,) if how.similarity else (),
        settings=request.parts.settings,
        name=how.name,
        bulk=how.bulk,
        stream=how.stream,
        stop_early=how.stop_early or False,
        judge=how.judge,
        on_progress=on_progress,
    )


async def choose_arms(
    bench: Workbench, request: Request, *, tuned: TunedModel | None, index: Index | None
) -> tuple[Arm, ...]:
    """Give the arms that are wanted and possible, checkpoints too where they are wanted.

    Raises:
        InvalidInputError: None of them can be asked.
    """
    possible = bench.arms(
        tuned=tuned, index=index, system=request.prompt.text, examples=tuple(request.parts.train)
    )
    names = {arm.name for arm in possible}
    arms = [name for name in request.arms if name in names]
    check_arms(arms, request.arms)
    compared = pick_arms(possible, arms)
    if request.checkpoints and tuned is not None:
        searched = index if any(map(needs_documents, filter(needs_tuning, arms))) else None
        steps = await bench.checkpoint_arms(tuned.name, index=searched)
        compared = (*compared, *(one for one in steps if one.name not in names))
    return compared


async def _trained(
    bench: Workbench,
    screen: Screen,
    request: Request,
    plan: Training | None,
    on_progress: OnProgress,
) -> TunedModel | None:
    """Tune as planned; a provider that cannot leaves the tuned arms out, with the reason."""
    if plan is None:
        return None
    try:
        return await _train(bench, screen, request, plan, on_progress)
    except UnsupportedError as exc:
        _leave_out(screen, exc)
        return None


def can_tune(bench: Workbench, screen: Screen, request: Request) -> bool:
    """Say whether an arm needs tuning, and the provider tunes; say why where it does not."""
    if not any(needs_tuning(arm) for arm in request.arms):
        return False
    try:
        # Asked here first, so that a profile without a base model hears the true reason.
        today = bench.provider.clock.today()
        bench.provider.capabilities.require(Capability.JOBS_CREATE, on=today)
    except UnsupportedError as exc:
        _leave_out(screen, exc)
        return False
    return True


def _leave_out(screen: Screen, reason: UnsupportedError) -> None:
    screen.note(f"warning: the tuned arms are left out: {reason}", style="yellow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """The training that the tuned arms need."""

    name: str
    """Name of its run."""
    options: TuneOptions
    """How to tune."""
    estimate: Estimate | None
    """What it would take; None when the workspace has the run."""


async def plan_training(bench: Workbench, screen: Screen, request: Request) -> Training:
    """Look which run is needed, and what it would take; say so when there is one.

    Raises:
        ConfigError: No base model is named.
        DataError: Fewer rows are left to train on than the provider needs.
        InvalidInputError: A row has no answer to train on.
    """
    rows = request.parts.train
    options = TuneOptions(base=request.model or bench.role("tune_base").model)
    name = _run_name(rows, request, options)
    if name in {run.name for run in await bench.jobs() if run.job_id is not None}:
        screen.note(f"training: run {name!r} of an earlier comparison is taken")
        return Training(name=name, options=options, estimate=None)
    check_rows(bench, request)
    estimate = await bench.estimate(rows, system=request.prompt.text, options=options)
    return Training(name=name, options=options, estimate=estimate)


async def _train(
    bench: Workbench, screen: Screen, request: Request, plan: Training, on_progress: OnProgress
) -> TunedModel:
    if plan.estimate is not None:
        screen.note(f"training: run {plan.name!r}: {plan.estimate}")
    await bench.start_fine_tune(
        request.parts.train,
        name=plan.name,
        system=request.prompt.text,
        options=plan.options,
        again=request.again,
    )
    tuned = await bench.finish(plan.name, on_progress=on_progress)
    show_deployment(screen, tuned)
    return tuned


async def _index(
    bench: Workbench, screen: Screen, request: Request, on_progress: OnProgress
) -> Index | None:
    place = index_place(bench, request)
    if place is None:
        return None
    folder, name = place
    built = await bench.build_index(folder, name=name, on_progress=on_progress)
    show_problems(screen.note, built.problems, total=len(built.problems))
    return built


def _run_name(rows: QuestionSet, request: Request, options: TuneOptions) -> str:
    """Name a run by its file and all that decides what it makes: other rows are another run."""
    parts = [f"{options.base}", request.prompt.text or ""]
    for row in rows:
        parts += [row.text, row.reference, row.system or ""]
    return _named(Path(rows.source).stem, parts)


def index_place(bench: Workbench, request: Request) -> tuple[Path, str] | None:
    """Give the folder to index and the index's name; None where no arm needs one.

    It is named by the folder and all that an index is bound to for its whole life.
    """
    if request.documents is None or not any(needs_documents(arm) for arm in request.arms):
        return None
    folder = request.home / request.documents
    # Profiles may leave the role out, because some engines embed by themselves.
    embedding = bench.profile.roles.get("embedding") or bench.provider.roles.get("embedding")
    parts = [
        f"{folder}",
        f"{embedding}",
        bench.profile.retrieval.engine,
        ChunkOptions().fingerprint,
    ]
    return request.documents, _named(folder.stem, parts)


def _named(stem: str, parts: list[str]) -> str:
    """Give a name that both runs and indexes can have, and that a reader recognizes."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", stem).strip("-")[:40] or "compare"
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{plain}-{digest[:_HASH_DIGITS]}"
