"""The command that everything else is for: `compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli.arm_names import read_arms
from tailorbird.cli.comparison import Request, divide, run_comparison
from tailorbird.cli.comparison_view import show_comparison
from tailorbird.cli.failures import show_problems
from tailorbird.cli.options import (
    AgainOption,
    ConfigOption,
    JsonOption,
    ModelOption,
    Place,
    ProfileOption,
    SystemOption,
    WorkspaceOption,
    writable,
)
from tailorbird.cli.prompts import choose_prompt, show_prompt
from tailorbird.cli.session import existing, session, work
from tailorbird.data import read_questions
from tailorbird.types.ids import ModelId
from tailorbird.workbench import WORKSPACE

if TYPE_CHECKING:
    from typer.models import OptionInfo

    from tailorbird.cli.screen import Screen
    from tailorbird.report import Comparison


_Questions = Annotated[
    Path,
    typer.Argument(metavar="QUESTIONS", help="Questions and answers: CSV, TSV or JSONL."),
]
_Documents = Annotated[
    Path | None,
    typer.Option(
        "--documents",
        metavar="DIR",
        help="Folder with documents; without it there are no arms with retrieval.",
        show_default=False,
    ),
]
_Arms = Annotated[
    str | None,
    typer.Option(
        "--arms",
        metavar="A,B",
        help="Arms to compare, e.g. base,retrieval; without it all that are possible. Nothing is"
        " tuned when the tuned arms are left out.",
        show_default=False,
    ),
]
_HeldOut = Annotated[
    float,
    typer.Option(
        "--held-out", metavar="SHARE", help="Share of the questions that is held out to test."
    ),
]
_Seed = Annotated[
    int, typer.Option("--seed", metavar="N", help="Picks the questions that are held out.")
]


def _file_option(flag: str, what: str) -> OptionInfo:
    option: OptionInfo = typer.Option(
        flag, metavar="FILE", help=f"Write {what}.", show_default=False, callback=writable
    )
    return option


_Markdown = Annotated[str | None, _file_option("--markdown", "the report as Markdown")]
_Html = Annotated[str | None, _file_option("--html", "the report as a web page")]
_Csv = Annotated[str | None, _file_option("--csv", "one row for each answer")]


def compare(  # noqa: PLR0913 - an option each
    questions: _Questions,
    *,
    documents: _Documents = None,
    system: SystemOption = None,
    model: ModelOption = None,
    arms: _Arms = None,
    held_out: _HeldOut = 0.25,
    seed: _Seed = 7,
    again: AgainOption = False,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
    markdown: _Markdown = None,
    html: _Html = None,
    csv: _Csv = None,
) -> None:
    """Tune, index, ask every arm the held-out questions, and say what the data deserves."""
    place = Place(profile=profile, config=config, workspace=workspace, json=json)
    with session(place) as screen:
        wanted = read_arms(arms, has_documents=documents is not None)
        if documents is not None:
            existing(documents)
        elif arms is None:
            screen.note("without --documents there are no arms with retrieval")
        rows = read_questions(existing(questions))
        show_problems(screen.note, rows.problems, total=len(rows.problems))
        request = Request(
            parts=divide(rows, held_out=held_out, seed=seed),
            documents=documents,
            home=Path.cwd(),
            prompt=choose_prompt(system, rows),
            arms=wanted,
            model=None if model is None else ModelId(model),
            again=again,
        )
        show_prompt(screen, request.prompt)
        screen.note(request.parts.summary)
        result = work(
            place,
            screen,
            lambda bench, on_progress: run_comparison(bench, screen, request, on_progress),
        )
        show_comparison(screen, result)
        _write(screen, result, markdown=markdown, html=html, csv=csv)
        screen.data(result.to_object())


def _write(
    screen: Screen, result: Comparison, *, markdown: str | None, html: str | None, csv: str | None
) -> None:
    for path, write in (
        (markdown, result.write_markdown),
        (html, result.write_html),
        (csv, result.write_csv),
    ):
        if path is not None:
            write(path)
            screen.written(path)
