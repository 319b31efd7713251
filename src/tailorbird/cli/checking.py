"""The commands that only look at a file: `validate`, `estimate`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tailorbird.cli.failures import BAD, FINE, exit_code, show_problems
from tailorbird.cli.options import (
    AllOption,
    ConfigOption,
    JsonOption,
    ModelOption,
    Place,
    ProfileOption,
    SystemOption,
    WorkspaceOption,
)
from tailorbird.cli.rows import is_training_file, read_rows, refuse_for_training
from tailorbird.cli.session import existing, session, work
from tailorbird.cli.tables import (
    ColumnsOption,
    EmptyAnswersOption,
    EncodingOption,
    TableOptions,
)
from tailorbird.data import (
    Limit,
    TableLimits,
    training_rules,
    validate_training_file,
)
from tailorbird.exceptions import DataError
from tailorbird.report import problem_report
from tailorbird.types.ids import ModelId
from tailorbird.workbench import WORKSPACE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.exceptions import Problem

FileKind = Literal["qa", "sft", "dpo", "rft"]
"""What a file can be checked as: questions and answers, or one of the three kinds of training."""

ProviderName = Literal["openai", "azure"]
"""Whose rules a file can be checked by."""


def validate(  # noqa: PLR0913 - an option each
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="CSV, TSV or JSONL: questions, or training data."),
    ],
    *,
    kind: Annotated[
        Literal["auto", "qa", "sft", "dpo", "rft"],
        typer.Option("--kind", help="What the file is; auto finds out."),
    ] = "auto",
    provider: Annotated[
        ProviderName | None,
        typer.Option("--for", help="Whose rules hold; without it the stricter of both."),
    ] = None,
    everything: AllOption = False,
    columns: ColumnsOption = None,
    encoding: EncodingOption = "auto",
    empty_answers: EmptyAnswersOption = "error",
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
) -> None:
    """Check a file of questions or training data: every problem with line, reason and fix.

    Nothing is sent or written, and no profile is needed.
    """
    place = Place(profile=profile, config=config, workspace=workspace, json=json)
    with session(place) as screen:
        table = TableOptions(columns=columns, encoding=encoding, empty_answers=empty_answers)
        checked = _check(existing(file), kind, provider, table)
        show_problems(screen.show, checked.problems, total=checked.total, everything=everything)
        screen.show(f"{file}: {_summary(checked)}", style="green" if checked.ok else "bold red")
        screen.data(
            {
                **problem_report(checked.problems, total=checked.total),
                "source": str(file),
                "kind": checked.kind,
                "provider": provider,
                "records": checked.records,
            }
        )
    if checked.code != FINE:
        raise typer.Exit(checked.code)


def estimate(  # noqa: PLR0913 - an option each
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Questions and answers, or training conversations."),
    ],
    *,
    columns: ColumnsOption = None,
    encoding: EncodingOption = "auto",
    empty_answers: EmptyAnswersOption = "error",
    system: SystemOption = None,
    model: ModelOption = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
) -> None:
    """Say what training on a file would use and cost; nothing is sent."""
    place = Place(profile=profile, config=config, workspace=workspace, json=json)
    with session(place) as screen:
        table = TableOptions(columns=columns, encoding=encoding, empty_answers=empty_answers)
        rows = read_rows(screen, file, system=system, table=table)
        options = rows.options(None if model is None else ModelId(model))
        found = work(
            place,
            screen,
            lambda bench, _: bench.estimate(rows.rows, system=rows.prompt.text, options=options),
        )
        screen.show(str(found))
        screen.data(found.model_dump(mode="json"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    """What a check found."""

    kind: FileKind
    problems: Sequence[Problem]
    total: int
    records: int | None
    code: int

    @property
    def ok(self) -> bool:
        return self.code == FINE


def _check(
    file: Path,
    kind: FileKind | Literal["auto"],
    provider: ProviderName | None,
    table: TableOptions,
) -> _Checked:
    if kind == "qa" or (kind == "auto" and not is_training_file(file, table)):
        return _check_questions(file, provider, table)
    refuse_for_training(file, table)
    report = validate_training_file(file, kind=kind, rules=provider or "generic")
    return _Checked(
        kind=report.kind,
        problems=report.problems,
        total=report.total,
        records=report.examples,
        code=FINE if report.ok else BAD,
    )


def _check_questions(file: Path, provider: ProviderName | None, table: TableOptions) -> _Checked:
    try:
        rows = table.read(file, limits=_limits(provider))
    except DataError as exc:
        return _Checked(
            kind="qa", problems=exc.problems, total=exc.total, records=None, code=exit_code(exc)
        )
    return _Checked(
        kind="qa",
        problems=rows.problems,
        total=rows.total,
        records=len(rows),
        code=FINE,
    )


def _limits(provider: ProviderName | None) -> TableLimits:
    """Give the limits of a provider on what would be trained on; none without a provider."""
    if provider is None:
        return TableLimits()
    rules = training_rules(provider)
    source = rules.sources[0]
    return TableLimits(min_rows=Limit(value=rules.min_examples, source=source))


def _summary(checked: _Checked) -> str:
    counts = Counter(one.severity for one in checked.problems)
    found = ", ".join(f"{number} {severity}(s)" for severity, number in counts.items())
    if checked.total > len(checked.problems):
        found += f" and {checked.total - len(checked.problems)} more"
    rows = "" if checked.records is None else f"{checked.records} {checked.kind} rows, "
    return f"{rows}{found or 'no problems'}"
