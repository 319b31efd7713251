"""The commands of the way out: `export`, `record`, `retrain`, `successor`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli.failures import BAD
from tailorbird.cli.options import (
    BudgetOption,
    ConfigOption,
    JsonOption,
    Place,
    ProfileOption,
    WorkspaceOption,
)
from tailorbird.cli.reporting import HtmlOption
from tailorbird.cli.session import existing, session, work
from tailorbird.cli.tables import (
    ColumnsOption,
    EmptyAnswersOption,
    EncodingOption,
    TableOptions,
)
from tailorbird.exceptions import InvalidInputError
from tailorbird.report import Comparison
from tailorbird.types.ids import ModelId
from tailorbird.workbench import WORKSPACE

if TYPE_CHECKING:
    from tailorbird.types.tuned import TunedModel
    from tailorbird.workbench import Workbench
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.leaving.recording import Recording
    from tailorbird.workflow.leaving.succession import Succession
    from tailorbird.workflow.progress import OnProgress

_Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the run.")]
_Tuned = Annotated[
    str | None,
    typer.Option("--tuned", metavar="NAME", help="A tuned successor.", show_default=False),
]
_Index = Annotated[
    str | None,
    typer.Option("--index", metavar="NAME", help="Retrieval as successor.", show_default=False),
]
_RecordedArm = Annotated[
    str | None,
    typer.Option(
        "--recorded", metavar="ARM", help="Which recorded arm it follows.", show_default=False
    ),
]
_Margin = Annotated[
    float, typer.Option("--margin", metavar="X", help="Share of right answers that may be lost.")
]
_Bundle = Annotated[
    Path, typer.Argument(metavar="BUNDLE", help="Folder that `tailorbird export` wrote.")
]


def export(
    name: _Name,
    *,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="Folder to write.")],
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
) -> None:
    """Write a tuned model as a folder of plain files: enough to make it again elsewhere."""
    place = Place(profile=profile, config=config, workspace=workspace, json=json)
    with session(place) as screen:
        bundle = work(place, screen, lambda bench, _: bench.export_tuned(name, to=to), to_read=True)
        ends = bundle.tuned.shutdown_date
        screen.show(f"{name!r} ({bundle.tuned.model}) in {str(to)!r}: {', '.join(bundle.files)}")
        if ends is not None:
            screen.show(f"it stops answering on {ends}: record its answers before that day")
        screen.data(bundle.model_dump(mode="json"))


def record(  # noqa: PLR0913 - an option each
    name: _Name,
    questions: Annotated[
        Path, typer.Argument(metavar="QUESTIONS", help="Table of questions with answers.")
    ],
    *,
    bundle: Annotated[
        Path, typer.Option("--bundle", metavar="DIR", help="Folder of `export`; made if missing.")
    ],
    index: Annotated[
        str | None,
        typer.Option(
            "--index",
            metavar="NAME",
            help="Index to record the model with passages, too.",
            show_default=False,
        ),
    ] = None,
    columns: ColumnsOption = None,
    encoding: EncodingOption = "auto",
    empty_answers: EmptyAnswersOption = "error",
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
    budget: BudgetOption = None,
) -> None:
    """Keep what a tuned model answers, with dates, before it is shut down.

    Ends with 1 when some questions got no answer; the same command asks these again.
    """
    place = Place(profile=profile, config=config, workspace=workspace, json=json, budget=budget)
    with session(place) as screen:
        table = TableOptions(columns=columns, encoding=encoding, empty_answers=empty_answers)
        rows = table.read(existing(questions))

        async def step(bench: Workbench, on_progress: OnProgress) -> Recording:
            await bench.export_tuned(name, to=bundle)
            return await bench.record(
                name, rows, bundle=bundle, index=index, on_progress=on_progress
            )

        done = work(place, screen, step)
        screen.show(f"{done.recorded} answers of {name!r} recorded in {str(bundle)!r}")
        for one in done.failed:
            screen.note(f"no answer to question {one!r}", style="yellow")
        screen.data(done.model_dump(mode="json"))
        if done.failed:
            raise typer.Exit(BAD)


def retrain(  # noqa: PLR0913 - an option each
    bundle: _Bundle,
    *,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            help="Name of the new run; without it the bundle's.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="ID",
            help="Base model; without it the profile's tune_base.",
            show_default=False,
        ),
    ] = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
    budget: BudgetOption = None,
) -> None:
    """Train on a bundle's rows again, with the same prompt and method, on another profile."""
    place = Place(profile=profile, config=config, workspace=workspace, json=json, budget=budget)
    with session(place) as screen:
        existing(bundle)

        async def step(bench: Workbench, on_progress: OnProgress) -> TunedModel:
            base = None if model is None else ModelId(model)
            return await bench.retrain(bundle, name=name, base=base, on_progress=on_progress)

        tuned = work(place, screen, step)
        screen.show(f"{tuned.name!r} answers as {tuned.callable_id} ({tuned.provider})")
        screen.data(tuned.model_dump(mode="json"))


def successor(  # noqa: PLR0913 - an option each
    bundle: _Bundle,
    *,
    tuned: _Tuned = None,
    index: _Index = None,
    recorded: _RecordedArm = None,
    margin: _Margin = 0.05,
    html: HtmlOption = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
    budget: BudgetOption = None,
) -> None:
    """Ask successors the recorded questions: is one no worse than the model that is gone?

    Ends with 1 when no successor is shown to be no worse.
    """
    place = Place(profile=profile, config=config, workspace=workspace, json=json, budget=budget)
    with session(place) as screen:
        existing(bundle)
        if tuned is None and index is None:
            message = "name a successor: --tuned NAME, --index NAME, or both"
            raise InvalidInputError(message)

        async def step(bench: Workbench, on_progress: OnProgress) -> Succession:
            return await bench.check_successor(
                bundle,
                await _successors(bench, tuned, index),
                recorded=recorded,
                margin=margin,
                on_progress=on_progress,
            )

        found = work(place, screen, step)
        screen.show(str(found))
        if html is not None:
            Comparison(found.comparison).write_html(html)
        screen.data(found.model_dump(mode="json", exclude={"comparison"}))
        if not found.no_worse:
            raise typer.Exit(BAD)


async def _successors(bench: Workbench, tuned: str | None, index: str | None) -> tuple[Arm, ...]:
    """Give the arms that use what was named, and no others."""
    arms = bench.arms(
        tuned=None if tuned is None else await bench.tuned(tuned),
        index=None if index is None else await bench.index(index),
    )
    return tuple(one for one in arms if one.tuned is not None or one.index is not None)
