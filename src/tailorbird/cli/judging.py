"""How a judge is asked on the command line, and the command `judge-pairs`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli.options import (
    BudgetOption,
    BulkOption,
    ConfigOption,
    JsonOption,
    Place,
    ProfileOption,
    WorkspaceOption,
)
from tailorbird.cli.reporting import read_run
from tailorbird.cli.session import existing, session, work
from tailorbird.data import read_labels
from tailorbird.exceptions import InvalidInputError
from tailorbird.workbench import WORKSPACE
from tailorbird.workflow.comparing.evidence import p_words
from tailorbird.workflow.judging.options import DEFAULT_QUESTIONS, JudgeOptions

if TYPE_CHECKING:
    from tailorbird.cli.screen import Screen
    from tailorbird.types.judgements import PreferenceReport
    from tailorbird.workbench import Workbench
    from tailorbird.workflow.judging.rubrics import Rubric
    from tailorbird.workflow.progress import OnProgress

JudgeOption = Annotated[
    bool,
    typer.Option(
        "--judge",
        help="Let the model of the role `judge` judge the answers: correctness, style,"
        " groundedness.",
    ),
]
JudgeQuestionsOption = Annotated[
    int,
    typer.Option(
        "--judge-questions",
        metavar="N",
        min=0,
        help="How many questions have their answers judged; 0 judges all.",
    ),
]
JudgeDecidesOption = Annotated[
    bool, typer.Option("--judge-decides", help="Let the judge decide what is right, too.")
]
LabelsOption = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        metavar="FILE",
        help="Hold the judge against people: a table as --csv writes it, with a column `right`"
        " (yes or no).",
        show_default=False,
    ),
]


def judge_options(
    *, judge: bool, questions: int, decides: bool, labels: Path | None
) -> JudgeOptions | None:
    """Give how to judge; None where nobody is asked to.

    Raises:
        InvalidInputError: Something is said about a judge that is not asked.
        DataError: The labels cannot be read.
    """
    if not judge:
        if decides or labels is not None or questions != DEFAULT_QUESTIONS:
            message = "--labels, --judge-questions and --judge-decides are for a judge: add --judge"
            raise InvalidInputError(message)
        return None
    return JudgeOptions(
        questions=questions or None,
        decides=decides,
        labels=() if labels is None else read_labels(existing(labels)),
    )


def judge_pairs(  # noqa: PLR0913 - an option each
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Name of a comparison, or a file of its JSON.")
    ],
    arm: Annotated[str, typer.Argument(metavar="ARM", help="One of its arms.")],
    baseline: Annotated[
        str, typer.Argument(metavar="BASELINE", help="The arm to hold it against.")
    ],
    *,
    rubric: Annotated[
        str,
        typer.Option("--rubric", metavar="NAME", help="By what: correctness or style."),
    ] = "correctness",
    questions: JudgeQuestionsOption = DEFAULT_QUESTIONS,
    bulk: BulkOption = False,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
    budget: BudgetOption = None,
) -> None:
    """Let the judge say which of two arms answers better, each pair of answers in both orders."""
    place = Place(profile=profile, config=config, workspace=workspace, json=json, budget=budget)
    with session(place) as screen:
        given = read_run(run)
        options = JudgeOptions(questions=questions or None)

        async def step(bench: Workbench, on_progress: OnProgress) -> PreferenceReport:
            result = await bench.report(given) if isinstance(given, str) else given
            return await bench.judge_pairs(
                result,
                arm,
                baseline,
                rubric=_rubric(options, rubric),
                options=options,
                bulk=bulk,
                on_progress=on_progress,
            )

        found = work(place, screen, step)
        _show(screen, found)
        screen.data(found.model_dump(mode="json"))


def _rubric(options: JudgeOptions, name: str) -> Rubric:
    known = {one.name: one for one in options.rubrics}
    if name not in known:
        message = f"there is no rubric {name!r}; there are: {', '.join(known)}"
        raise InvalidInputError(message)
    return known[name]


def _show(screen: Screen, found: PreferenceReport) -> None:
    flipped = f", {found.flipped} of them with the order" if found.flipped else ""
    failed = f", {found.failed} without a judgement" if found.failed else ""
    screen.show(
        f"{found.arm!r} against {found.baseline!r}, judged by {found.model}: {found.wins} won,"
        f" {found.losses} lost, {found.ties} ties{flipped}, of {found.n} questions,"
        f" {p_words(found.p_value)}{failed}"
    )
    for caveat in found.caveats:
        screen.show(f"! {caveat}", style="yellow")
