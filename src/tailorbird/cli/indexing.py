"""The command `index`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli.conditions import WhereOption, read_conditions
from tailorbird.cli.failures import BAD, show_problems
from tailorbird.cli.options import (
    BudgetOption,
    ConfigOption,
    JsonOption,
    Place,
    ProfileOption,
    WorkspaceOption,
)
from tailorbird.cli.screen import shortened
from tailorbird.cli.session import existing, session, work
from tailorbird.data import read_questions
from tailorbird.workbench import WORKSPACE
from tailorbird.workflow.searching.index import Index, IndexEstimate, IndexOptions, Removal
from tailorbird.workflow.searching.retrieval_quality import METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tailorbird.cli.screen import Screen
    from tailorbird.data import QuestionSet
    from tailorbird.exceptions import Problem
    from tailorbird.types.filters import Filter
    from tailorbird.workbench import Workbench
    from tailorbird.workflow.progress import OnProgress
    from tailorbird.workflow.searching.retrieval_quality import RetrievalQuality

_SHOWN_CELLS = 100

_TenantField = Annotated[
    str | None,
    typer.Option(
        "--tenant-field",
        metavar="KEY",
        help="Key in the metadata that keeps tenants apart; every search needs --where for it.",
        show_default=False,
    ),
]
_Evaluate = Annotated[
    Path | None,
    typer.Option(
        "--evaluate",
        metavar="QUESTIONS",
        help="Table of questions with a column source: how often each mode finds it.",
        show_default=False,
    ),
]
_Bulk = Annotated[
    bool,
    typer.Option(
        "--bulk",
        help="Embed by batches, for about half the price, within a day. Ctrl-C only stops the"
        " waiting: the same command goes on.",
    ),
]
_RemovalOption = Annotated[
    Removal,
    typer.Option(
        "--remove",
        help="Documents that are gone from PATH: leave the index unless something could not be"
        " read or most would go (guarded), leave it in any case (all), stay (none).",
    ),
]
_DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Only say what there is to do and what it costs."),
]


def index(  # noqa: PLR0913 - an option each
    path: Annotated[
        Path,
        typer.Argument(metavar="PATH", help="Folder, or one file: text, PDF, Word, Excel …"),
    ],
    *,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Name of the index.")],
    tenant_field: _TenantField = None,
    bulk: _Bulk = False,
    remove: _RemovalOption = "guarded",
    dry_run: _DryRun = False,
    evaluate: _Evaluate = None,
    where: WhereOption = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
    budget: BudgetOption = None,
) -> None:
    """Build an index of documents, or bring it up to date: only what changed is embedded.

    Ends with 1 when some documents could not be read: they are left out, the others are indexed.
    """
    place = Place(profile=profile, config=config, workspace=workspace, json=json, budget=budget)
    with session(place) as screen:
        existing(path)
        if dry_run:
            run = partial(_estimated, path=path, name=name, tenant_field=tenant_field, bulk=bulk)
            _show_estimate(screen, work(place, screen, run))
        else:
            questions = None if evaluate is None else read_questions(existing(evaluate))
            build = partial(
                _indexed,
                path=path,
                name=name,
                tenant_field=tenant_field,
                bulk=bulk,
                options=IndexOptions(removal=remove),
                questions=questions,
                where=read_conditions(where),
            )
            _show_index(screen, *work(place, screen, build))


async def _estimated(
    bench: Workbench,
    on_progress: OnProgress,
    *,
    path: Path,
    name: str,
    tenant_field: str | None,
    bulk: bool,
) -> IndexEstimate:
    return await bench.estimate_index(
        path, name=name, tenant_field=tenant_field, bulk=bulk, on_progress=on_progress
    )


async def _indexed(  # noqa: PLR0913 - what is indexed, and what is asked of it
    bench: Workbench,
    on_progress: OnProgress,
    *,
    path: Path,
    name: str,
    tenant_field: str | None,
    bulk: bool,
    options: IndexOptions,
    questions: QuestionSet | None,
    where: Filter | None,
) -> tuple[Index, RetrievalQuality | None]:
    built = await bench.build_index(
        path,
        name=name,
        tenant_field=tenant_field,
        bulk=bulk,
        options=options,
        on_progress=on_progress,
    )
    if questions is None:
        return built, None
    quality = await bench.evaluate_retrieval(built, questions, where=where, on_progress=on_progress)
    return built, quality


def _show_estimate(screen: Screen, told: IndexEstimate) -> None:
    show_problems(screen.note, told.problems, total=len(told.problems), everything=True)
    screen.show(str(told))
    others = "the others are counted"
    _end(screen, told.model_dump(mode="json"), told.problems, others=others)


def _show_index(screen: Screen, built: Index, quality: RetrievalQuality | None) -> None:
    show_problems(screen.note, built.problems, total=len(built.problems), everything=True)
    chunks = "" if built.info.chunks is None else f", {built.info.chunks} chunks"
    kept = f", {built.kept} kept" if built.kept else ""
    screen.show(
        f"index {built.name!r}: {built.info.documents} documents{chunks}"
        f" ({built.added} added, {built.changed} changed, {built.unchanged} unchanged,"
        f" {built.removed} removed{kept}; {built.embedded} chunks embedded)"
    )
    if quality is not None:
        _show_quality(screen, quality)
    evaluation = None if quality is None else quality.model_dump(mode="json")
    result = {**built.model_dump(mode="json"), "evaluation": evaluation}
    _end(screen, result, built.problems, others="the others are indexed")


def _end(
    screen: Screen, result: Mapping[str, object], problems: Sequence[Problem], *, others: str
) -> None:
    """Write the result as JSON, and end with the exit code that its problems deserve.

    Args:
        screen: Where it is written.
        result: What the command found or did.
        problems: What was found while reading the documents.
        others: What became of the documents without errors.

    Raises:
        typer.Exit: There are errors among them.
    """
    errors = sum(one.severity == "error" for one in problems)
    screen.data({"ok": not errors, **result})
    if errors:
        screen.note(f"error: {errors} error(s) in the documents; {others}", style="bold red")
        raise typer.Exit(BAD)


def _show_quality(screen: Screen, quality: RetrievalQuality) -> None:
    counted = f"{quality.questions} questions, 95 % intervals"
    if quality.left_out:
        counted += f" ({quality.left_out} without a source left out)"
    screen.show(counted)
    rows = [
        (mode, *(str(quality.figure(mode, metric)) for metric in METRICS)) for mode in quality.modes
    ]
    screen.table(("mode", *METRICS), rows)
    for missed in quality.misses:
        text = shortened(missed.text, _SHOWN_CELLS)
        found = ", ".join(missed.found) or "nothing"
        screen.show(
            f"missed ({missed.mode}): {text} – expected {', '.join(missed.sources)}, found {found}"
        )
    for source in quality.absent_sources:
        screen.note(f"no document is called {source!r}", style="yellow")
