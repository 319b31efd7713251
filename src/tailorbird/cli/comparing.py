"""The command that everything else is for: `compare`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli.arm_names import read_arms
from tailorbird.cli.comparison import How, Request, divide, run_comparison
from tailorbird.cli.comparison_view import show_comparison
from tailorbird.cli.failures import show_problems
from tailorbird.cli.judging import (
    JudgeDecidesOption,
    JudgeOption,
    JudgeQuestionsOption,
    LabelsOption,
    judge_options,
)
from tailorbird.cli.options import (
    AgainOption,
    BudgetOption,
    BulkOption,
    ConfigOption,
    JsonOption,
    ModelOption,
    Place,
    ProfileOption,
    SystemOption,
    WorkspaceOption,
)
from tailorbird.cli.prompts import choose_prompt, show_prompt
from tailorbird.cli.prospects import look_ahead, show_prospects
from tailorbird.cli.reporting import (
    CsvOption,
    HtmlOption,
    MarkdownOption,
    ParquetOption,
    write_files,
)
from tailorbird.cli.session import existing, session, work
from tailorbird.cli.tables import (
    ColumnsOption,
    EmptyAnswersOption,
    EncodingOption,
    TableOptions,
)
from tailorbird.exceptions import InvalidInputError
from tailorbird.report.comparison import require_pyarrow
from tailorbird.types.ids import ModelId
from tailorbird.workbench import WORKSPACE
from tailorbird.workflow.answering.arm import DEFAULT_CONCURRENCY
from tailorbird.workflow.comparing.options import StopEarly
from tailorbird.workflow.judging.options import DEFAULT_QUESTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tailorbird.cli.screen import Screen
    from tailorbird.data import QuestionSet

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
_Checkpoints = Annotated[
    bool,
    typer.Option(
        "--checkpoints",
        help="Compare the tuned model's checkpoints, too: what more training memorized.",
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


_Similarity = Annotated[
    bool,
    typer.Option(
        "--similarity", help="Compare answers by their embeddings, too: one figure more for each."
    ),
]
_Concurrency = Annotated[
    int,
    typer.Option("--concurrency", metavar="N", min=1, help="How many answers to ask for at once."),
]
_Stream = Annotated[
    bool,
    typer.Option("--stream", help="Stream answers, to measure the time to the first token."),
]
_StopEarly = Annotated[
    bool,
    typer.Option(
        "--stop-early",
        help="Ask in blocks, look after each, and stop when the rest would decide nothing.",
    ),
]
_DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Only say what training, indexing, asking and judging would take and cost.",
    ),
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
    columns: ColumnsOption = None,
    encoding: EncodingOption = "auto",
    empty_answers: EmptyAnswersOption = "error",
    system: SystemOption = None,
    model: ModelOption = None,
    arms: _Arms = None,
    checkpoints: _Checkpoints = False,
    held_out: _HeldOut = 0.25,
    seed: _Seed = 7,
    similarity: _Similarity = False,
    judge: JudgeOption = False,
    judged: JudgeQuestionsOption = DEFAULT_QUESTIONS,
    decides: JudgeDecidesOption = False,
    labels: LabelsOption = None,
    bulk: BulkOption = False,
    stream: _Stream = False,
    stop_early: _StopEarly = False,
    concurrency: _Concurrency = DEFAULT_CONCURRENCY,
    name: _Name = None,
    dry_run: _DryRun = False,
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
        table = TableOptions(columns=columns, encoding=encoding, empty_answers=empty_answers)
        rows = _rows(screen, questions, table)
        request = Request(
            parts=divide(rows, held_out=held_out, seed=seed),
            documents=documents,
            prompt=choose_prompt(system, rows),
            arms=_possible_arms(screen, arms, documents),
            checkpoints=checkpoints,
            model=None if model is None else ModelId(model),
            again=again,
            how=How(
                similarity=similarity,
                judge=judge_options(judge=judge, questions=judged, decides=decides, labels=labels),
                concurrency=concurrency,
                bulk=bulk,
                stream=stream,
                stop_early=StopEarly(seed=seed) if stop_early else None,
                name=name,
            ),
        )
        files = {"markdown": markdown, "html": html, "csv": csv, "parquet": parquet}
        (_look_ahead if dry_run else _compare)(place, screen, request, files)


def _possible_arms(screen: Screen, arms: str | None, documents: Path | None) -> tuple[str, ...]:
    """Give the names of the arms, and say which are missing without documents."""
    wanted = read_arms(arms, has_documents=documents is not None)
    if documents is not None:
        existing(documents)
    elif arms is None:
        screen.note("without --documents there are no arms with retrieval")
    return wanted


def _rows(screen: Screen, questions: Path, table: TableOptions) -> QuestionSet:
    rows = table.read(existing(questions))
    show_problems(screen.note, rows.problems, total=rows.total)
    return rows


def _look_ahead(
    place: Place, screen: Screen, request: Request, files: Mapping[str, str | None]
) -> None:
    if named := [name for name, file in files.items() if file is not None]:
        message = f"--dry-run has no answers to write a report of: leave out --{named[0]}"
        raise InvalidInputError(message)
    _announce(screen, request)
    told = work(place, screen, partial(look_ahead, screen, request))
    show_prospects(screen, told)
    screen.data(told.to_object())


def _compare(
    place: Place, screen: Screen, request: Request, files: Mapping[str, str | None]
) -> None:
    if files["parquet"] is not None:
        require_pyarrow()
    _announce(screen, request)
    result = work(place, screen, partial(run_comparison, screen, request))
    show_comparison(screen, result)
    write_files(screen, result, files)
    screen.data(result.to_object())


def _announce(screen: Screen, request: Request) -> None:
    show_prompt(screen, request.prompt)
    screen.note(request.parts.summary)
