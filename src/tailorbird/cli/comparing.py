"""The command that everything else is for: `compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tailorbird.cli.arm_names import read_arms
from tailorbird.cli.comparison import Request, divide, run_comparison
from tailorbird.cli.comparison_view import show_comparison
from tailorbird.cli.failures import show_problems
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
from tailorbird.cli.prompts import choose_prompt, show_prompt
from tailorbird.cli.reporting import (
    CsvOption,
    HtmlOption,
    MarkdownOption,
    ParquetOption,
    write_files,
)
from tailorbird.cli.session import existing, session, work
from tailorbird.data import read_questions
from tailorbird.types.ids import ModelId
from tailorbird.workbench import WORKSPACE

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


_Judge = Annotated[
    bool,
    typer.Option(
        "--judge",
        help="Let the model of the role `judge` judge the answers to at most 200 questions:"
        " correctness, style, groundedness.",
    ),
]


_Bulk = Annotated[
    bool,
    typer.Option("--bulk", help="Ask as batches: at a part of the price, answered within a day."),
]
_Stream = Annotated[
    bool,
    typer.Option("--stream", help="Stream answers, to measure the time to the first token."),
]
_Name = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="Name under which `report` and `diff` find it again; without it one is made.",
        show_default=False,
    ),
]


def compare(  # noqa: PLR0913 - an option each
    questions: _Questions,
    *,
    documents: _Documents = None,
    system: SystemOption = None,
    model: ModelOption = None,
    arms: _Arms = None,
    held_out: _HeldOut = 0.25,
    seed: _Seed = 7,
    judge: _Judge = False,
    bulk: _Bulk = False,
    stream: _Stream = False,
    name: _Name = None,
    again: AgainOption = False,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
    budget: BudgetOption = None,
    markdown: MarkdownOption = None,
    html: HtmlOption = None,
    csv: CsvOption = None,
    parquet: ParquetOption = None,
) -> None:
    """Tune, index, ask every arm the held-out questions, and say what the data deserves."""
    place = Place(profile=profile, config=config, workspace=workspace, json=json, budget=budget)
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
            judge=judge,
            bulk=bulk,
            stream=stream,
            name=name,
        )
        show_prompt(screen, request.prompt)
        screen.note(request.parts.summary)
        result = work(
            place,
            screen,
            lambda bench, on_progress: run_comparison(bench, screen, request, on_progress),
        )
        show_comparison(screen, result)
        write_files(
            screen, result, {"markdown": markdown, "html": html, "csv": csv, "parquet": parquet}
        )
        screen.data(result.to_object())
