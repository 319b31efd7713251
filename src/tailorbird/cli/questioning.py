"""The command `questions`: let a model write test questions into a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli.failures import show_problems
from tailorbird.cli.options import (
    BudgetOption,
    ConfigOption,
    JsonOption,
    Place,
    ProfileOption,
    WorkspaceOption,
    writable,
)
from tailorbird.cli.session import existing, session, work
from tailorbird.cli.tables import (
    ColumnsOption,
    EmptyAnswersOption,
    EncodingOption,
    TableOptions,
)
from tailorbird.report import problem_report
from tailorbird.workbench import WORKSPACE
from tailorbird.workflow.questioning.plan import QuestionPlan

if TYPE_CHECKING:
    from tailorbird.data import QuestionSet
    from tailorbird.workbench import Workbench
    from tailorbird.workflow.progress import OnProgress

_DOCUMENTS_INDEX = "questions"
"""Name of the index that answers whether the documents answer a question after all."""

_Documents = Annotated[
    Path | None,
    typer.Option("--documents", metavar="PATH", help="Folder of documents.", show_default=False),
]
_Number = Annotated[
    int | None,
    typer.Option(min=0, metavar="N", help="How many of this kind.", show_default=False),
]


def questions(  # noqa: PLR0913 - an option each
    train: Annotated[
        Path | None,
        typer.Argument(metavar="[QUESTIONS]", help="Table of training rows.", show_default=False),
    ] = None,
    *,
    out: Annotated[
        str,
        typer.Option("--out", metavar="FILE", help="JSON Lines file to write.", callback=writable),
    ],
    documents: _Documents = None,
    columns: ColumnsOption = None,
    encoding: EncodingOption = "auto",
    empty_answers: EmptyAnswersOption = "error",
    paraphrase: _Number = None,
    unseen: _Number = None,
    unanswerable: _Number = None,
    conflict: _Number = None,
    seed: Annotated[int, typer.Option("--seed", help="Picks rows and passages.")] = 7,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
    budget: BudgetOption = None,
) -> None:
    """Let the model write test questions: other words, facts of the documents, traps.

    Without numbers it makes 20 paraphrases, 20 questions on the documents, 10 that they do not
    answer and 10 whose fact is swapped, as far as rows and documents are given.
    """
    place = Place(profile=profile, config=config, workspace=workspace, json=json, budget=budget)
    with session(place) as screen:
        table = TableOptions(columns=columns, encoding=encoding, empty_answers=empty_answers)
        rows = None if train is None else table.read(existing(train))
        folder = None if documents is None else existing(documents)
        numbers = {
            "paraphrase": paraphrase,
            "unseen": unseen,
            "unanswerable": unanswerable,
            "conflict": conflict,
        }
        given = {kind: number for kind, number in numbers.items() if number is not None}
        plan = QuestionPlan.model_validate({"seed": seed, **given})
        made = work(
            place,
            screen,
            lambda bench, on_progress: _made(bench, rows, folder, plan, on_progress),
        )
        made.write_jsonl(out)
        show_problems(screen.note, made.problems, total=len(made.problems), everything=True)
        kinds = ", ".join(f"{len(some)} {kind}" for kind, some in made.by_kind().items())
        screen.show(f"{len(made)} questions{f' ({kinds})' if kinds else ''} in {out!r}")
        screen.data(
            {
                "out": out,
                "questions": [one.model_dump(mode="json", exclude_none=True) for one in made],
                **problem_report(made.problems, total=len(made.problems)),
            }
        )


async def _made(
    bench: Workbench,
    rows: QuestionSet | None,
    documents: Path | None,
    plan: QuestionPlan,
    on_progress: OnProgress,
) -> QuestionSet:
    """Index the documents, so that what they do not answer can be told, and make questions."""
    index = None
    if documents is not None:
        index = await bench.build_index(documents, name=_DOCUMENTS_INDEX, on_progress=on_progress)
    return await bench.make_questions(
        train=rows or (),
        documents=documents or (),
        index=index,
        plan=plan,
        on_progress=on_progress,
    )
