"""The commands for comparisons that were made: `report`, `diff`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli.comparison_view import show_comparison
from tailorbird.cli.options import (
    ConfigOption,
    JsonOption,
    Place,
    ProfileOption,
    WorkspaceOption,
    file_option,
)
from tailorbird.cli.session import session, work
from tailorbird.report import Comparison
from tailorbird.workbench import WORKSPACE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tailorbird.cli.screen import Screen
    from tailorbird.workbench import Workbench

_Run = Annotated[
    str, typer.Argument(metavar="RUN", help="Name of a comparison, or a file of its JSON.")
]
MarkdownOption = Annotated[str | None, file_option("--markdown", "the report as Markdown")]
HtmlOption = Annotated[str | None, file_option("--html", "the report as a web page")]
CsvOption = Annotated[str | None, file_option("--csv", "one row for each answer")]
ParquetOption = Annotated[
    str | None, file_option("--parquet", "one row for each answer as Parquet (needs pyarrow)")
]


def report(  # noqa: PLR0913 - an option each
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]",
            help="Name of a comparison, or a file of its JSON; without it the latest one.",
            show_default=False,
        ),
    ] = None,
    *,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
    markdown: MarkdownOption = None,
    html: HtmlOption = None,
    csv: CsvOption = None,
    parquet: ParquetOption = None,
) -> None:
    """Show a comparison that was made before, or write it in another form; nothing is asked."""
    place = Place(profile=profile, config=config, workspace=workspace, json=json)
    with session(place) as screen:
        given = None if run is None else read_run(run)

        async def step(bench: Workbench) -> Comparison:
            if given is None:
                return await _latest(bench)
            return await bench.report(given) if isinstance(given, str) else given

        result = work(place, screen, lambda bench, _: step(bench), to_read=True)
        show_comparison(screen, result, is_new=False)
        write_files(
            screen, result, {"markdown": markdown, "html": html, "csv": csv, "parquet": parquet}
        )
        screen.data(result.to_object())


def diff(
    before: _Run,
    after: _Run,
    *,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
) -> None:
    """Hold two comparisons against each other: which arms got better, which questions were lost."""
    place = Place(profile=profile, config=config, workspace=workspace, json=json)
    with session(place) as screen:
        old, new = read_run(before), read_run(after)
        changes = work(place, screen, lambda bench, _: bench.diff(old, new), to_read=True)
        screen.show(str(changes))
        screen.data(changes.model_dump(mode="json"))


def write_files(screen: Screen, result: Comparison, files: Mapping[str, str | None]) -> None:
    """Write a comparison into the files that were asked for, by their form."""
    writers = {
        "markdown": result.write_markdown,
        "html": result.write_html,
        "csv": result.write_csv,
        "parquet": result.write_parquet,
    }
    for form, path in files.items():
        if path is not None:
            writers[form](path)
            screen.written(path)


def read_run(run: str) -> Comparison | str:
    """Read a file of a comparison's JSON; a name that the workspace keeps stays as it is."""
    return Comparison.read(run) if run.endswith(".json") and Path(run).is_file() else run


async def _latest(bench: Workbench) -> Comparison:
    known = await bench.reports()
    # Without any, asking for one says that there is none.
    return await bench.report(known[0] if known else "")
