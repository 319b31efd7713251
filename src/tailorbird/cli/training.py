"""The commands for training: `tune`, `jobs`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli.options import (
    AgainOption,
    BudgetOption,
    ConfigOption,
    JsonOption,
    ModelOption,
    Place,
    ProfileOption,
    SystemOption,
    WorkspaceOption,
)
from tailorbird.cli.prompts import show_prompt
from tailorbird.cli.rows import TrainingRows, read_rows
from tailorbird.cli.session import session, work
from tailorbird.cli.tables import (
    ColumnsOption,
    EmptyAnswersOption,
    EncodingOption,
    TableOptions,
)
from tailorbird.exceptions import InvalidInputError, ProviderError, StorageError
from tailorbird.types.ids import ModelId
from tailorbird.workbench import WORKSPACE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tailorbird.cli.screen import Screen
    from tailorbird.journal import RunRecord
    from tailorbird.types.tuned import TunedModel
    from tailorbird.workbench import Workbench
    from tailorbird.workflow.progress import OnProgress

_Questions = Annotated[
    Path,
    typer.Argument(
        metavar="QUESTIONS",
        help="Questions and answers (CSV, TSV, JSONL) or training conversations (JSONL).",
    ),
]

_NOT_STARTED = {"new": "not started", "creating": "unknown"}


def tune(  # noqa: PLR0913 - an option each
    questions: _Questions,
    *,
    name: Annotated[
        str,
        typer.Option(
            "--name", metavar="NAME", help="Name of the run; the same name goes on with it."
        ),
    ],
    columns: ColumnsOption = None,
    encoding: EncodingOption = "auto",
    empty_answers: EmptyAnswersOption = "error",
    system: SystemOption = None,
    model: ModelOption = None,
    no_wait: Annotated[
        bool,
        typer.Option(
            "--no-wait", help="Start the job and leave; the same command without it waits."
        ),
    ] = False,
    again: AgainOption = False,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
    budget: BudgetOption = None,
) -> None:
    """Tune a model on questions and answers, and wait until it answers.

    The estimate is shown before anything is sent. Stopping this command never stops the job.
    """
    place = Place(profile=profile, config=config, workspace=workspace, json=json, budget=budget)
    with session(place) as screen:
        table = TableOptions(columns=columns, encoding=encoding, empty_answers=empty_answers)
        rows = read_rows(screen, questions, system=system, table=table)
        show_prompt(screen, rows.prompt)
        wish = _Wish(name=name, model=None if model is None else ModelId(model), again=again)
        run = work(
            place,
            screen,
            lambda bench, on_progress: _tune(
                bench, screen, rows, wish, None if no_wait else on_progress
            ),
        )
        _show_run(screen, run)
        screen.data(
            {
                "name": name,
                "profile": run.profile,
                "provider": run.provider,
                "job": run.job,
                "status": run.status,
                "system": rows.prompt.text,
                "tuned": None if run.tuned is None else run.tuned.model_dump(mode="json"),
            }
        )


def jobs(
    *,
    cancel: Annotated[
        str | None,
        typer.Option(
            "--cancel",
            metavar="NAME",
            help="Cancel this run's job first; what was done of it is paid for.",
            show_default=False,
        ),
    ] = None,
    undeploy: Annotated[
        str | None,
        typer.Option(
            "--undeploy",
            metavar="NAME",
            help="Take this run's deployment away first, so that hosting costs nothing any more;"
            " the model stays.",
            show_default=False,
        ),
    ] = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
) -> None:
    """List the runs that this workspace started, newest first, as they stand now."""
    place = Place(profile=profile, config=config, workspace=workspace, json=json)
    with session(place) as screen:
        lines = work(
            place,
            screen,
            lambda bench, _: _jobs(bench, screen, cancel=cancel, undeploy=undeploy),
            to_read=cancel is None and undeploy is None,
        )
        if lines:
            heads = ("name", "job", "status", "base", "model", "deployment", "begun")
            screen.table(heads, [[_cell(head, line[head]) for head in heads] for line in lines])
        else:
            screen.show(f"no run was started in {str(workspace)!r}; see `tailorbird tune --help`")
        screen.data({"cancelled": cancel, "undeployed": undeploy, "jobs": lines})


def _cell(head: str, value: str | None) -> str:
    """Give a value as the table shows it: a time to the minute, in UTC as everywhere."""
    if head == "begun" and value is not None:
        return f"{datetime.fromisoformat(value).astimezone(UTC):%Y-%m-%d %H:%M}"
    return value or "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """Which run is wanted."""

    name: str
    model: ModelId | None
    again: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """Where a run stands when the command ends."""

    name: str
    profile: str
    provider: str
    job: str
    status: str
    tuned: TunedModel | None


async def _tune(
    bench: Workbench,
    screen: Screen,
    rows: TrainingRows,
    wish: _Wish,
    on_progress: OnProgress | None,
) -> _Run:
    options = rows.options(wish.model)
    system = rows.prompt.text
    estimate = await bench.estimate(rows.rows, system=system, options=options)
    screen.note(f"training: {estimate}")
    handle = await bench.start_fine_tune(
        rows.rows, name=wish.name, system=system, options=options, again=wish.again
    )
    tuned = None if on_progress is None else await bench.finish(wish.name, on_progress=on_progress)
    job = await handle.status()
    return _Run(
        name=wish.name,
        profile=handle.ticket.profile,
        provider=handle.ticket.provider,
        job=job.id,
        status=job.raw_status,
        tuned=tuned,
    )


def _show_run(screen: Screen, run: _Run) -> None:
    screen.show(f"run {run.name!r}: job {run.job} is {run.status}")
    if run.tuned is None:
        screen.note("it goes on by itself; the same command without --no-wait waits for it")
    else:
        screen.show(f"model: {run.tuned.callable_id}")
        show_deployment(screen, run.tuned)
        screen.note(f"ask it: tailorbird ask QUESTION --tuned {run.name}")


def show_deployment(screen: Screen, tuned: TunedModel) -> None:
    """Say that a deployed model costs, and how that ends; nothing of one that is not deployed."""
    if tuned.deployment is not None:
        screen.note(
            f"it is deployed as {tuned.deployment!r}, which may cost by the hour until"
            f" `tailorbird jobs --undeploy {tuned.name}`"
        )


async def _jobs(
    bench: Workbench, screen: Screen, *, cancel: str | None, undeploy: str | None
) -> list[Mapping[str, str | None]]:
    if cancel is not None:
        job = await (await bench.resume(cancel)).cancel()
        screen.note(f"run {cancel!r}: job {job.id} is {job.raw_status}")
    if undeploy is not None:
        tuned = await bench.undeploy(undeploy)
        screen.note(f"run {undeploy!r}: {tuned.model} is not deployed; it can be again")
    return [await _line(bench, screen, run) for run in await bench.jobs()]


async def _line(bench: Workbench, screen: Screen, run: RunRecord) -> Mapping[str, str | None]:
    status, model, deployment = _NOT_STARTED.get(run.state, "unknown"), None, None
    if run.job_id is not None:
        try:
            job = await (await bench.resume(run.name)).status()
        except (ProviderError, StorageError) as exc:
            # One job that cannot be asked about must not hide the others.
            screen.note(f"warning: run {run.name!r}: {exc}", style="yellow")
        else:
            status, model = job.raw_status, job.fine_tuned_model
            deployment = await _deployment(bench, run.name)
    return {
        "name": run.name,
        "job": run.job_id,
        "status": status,
        "base": run.summary.get("base"),
        "model": model,
        "deployment": deployment,
        "begun": run.begun_at.isoformat(timespec="seconds"),
    }


async def _deployment(bench: Workbench, run: str) -> str | None:
    """Give what a run's model is deployed as, by what this workspace knows; hosting may cost."""
    try:
        return (await bench.tuned(run)).deployment
    except InvalidInputError:
        return None  # there is no model yet, or nobody has finished the run
