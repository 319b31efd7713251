"""The command that everything else is for: `compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli.arm_names import read_arms
from tailorbird.cli.comparison import Request, run_comparison
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
from tailorbird.cli.prompts import choose_prompt
from tailorbird.cli.session import existing, session, work
from tailorbird.data import read_questions
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
