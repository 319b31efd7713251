"""The command that everything else is for: `compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli.arm_names import read_arms
from tailorbird.cli.comparison import Request, run_comparison
from tailorbird.cli.comparison_view import show_comparison
from tailorbird.cli.failures import show_problems
from tailorbird.cli.options import (
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
    from tailorbird.cli.screen import Screen
    from tailorbird.report import Comparison


def _file_option(flag: str, what: str) -> typer.models.OptionInfo:
    return typer.Option(
        flag, metavar="FILE", help=f"Write {what}.", show_default=False, callback=writable
    )


def compare(  # noqa: PLR0913 - an option each
    questions: Annotated[
        Path,
        typer.Argument(metavar="QUESTIONS", help="Questions and answers: CSV, TSV or JSONL."),
    ],
    *,
    documents: Annotated[
        Path | None,
        typer.Option(
            "--documents",
            metavar="DIR",
            help="Folder with documents; without it there are no arms with retrieval.",
            show_default=False,
        ),
    ] = None,
    system: SystemOption = None,
    model: ModelOption = None,
    arms: Annotated[
        str | None,
        typer.Option(
            "--arms",
            metavar="A,B",
            help="Arms to compare, e.g. base,retrieval; without it all that are possible. Nothing"
            " is tuned when the tuned arms are left out.",
            show_default=False,
        ),
    ] = None,
    held_out: Annotated[
        float,
        typer.Option(
            "--held-out", metavar="SHARE", help="Share of the questions that is held out to test."
        ),
    ] = 0.25,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Picks the questions that are held out.")
    ] = 7,
    again: Annotated[
        bool,
        typer.Option("--again", help="Train anew although the job failed or was cancelled."),
    ] = False,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
    markdown: Annotated[str | None, _file_option("--markdown", "the report as Markdown")] = None,
    html: Annotated[str | None, _file_option("--html", "the report as a web page")] = None,
    csv: Annotated[str | None, _file_option("--csv", "one row for each answer")] = None,
) -> None:
    """Tune, index, ask every arm the held-out questions, and say what the data deserves."""
    place = Place(profile=profile, config=config, workspace=workspace, json=json)
    with session(place) as screen:
        wanted = read_arms(arms, has_documents=documents is not None)
        if documents is not None:
            existing(documents)
        rows = read_questions(existing(questions))
        show_problems(screen.note, rows.problems, total=len(rows.problems))
        prompt = choose_prompt(system, rows)
        show_prompt(screen, prompt)
        train, held = rows.split(held_out=held_out, seed=seed)
        request = Request(
            train=train,
            held_out=held,
            documents=documents,
            prompt=prompt,
            arms=wanted,
            model=None if model is None else ModelId(model),
            again=again,
        )
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
