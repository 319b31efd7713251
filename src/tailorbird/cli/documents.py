"""The commands for documents: `index`, `search`, `ask`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli.failures import show_problems
from tailorbird.cli.options import (
    ConfigOption,
    JsonOption,
    Place,
    ProfileOption,
    SystemOption,
    WorkspaceOption,
)
from tailorbird.cli.screen import shortened
from tailorbird.cli.session import existing, session, work
from tailorbird.exceptions import InvalidInputError
from tailorbird.types.answers import AbstainReason
from tailorbird.types.retrieval import SearchMode
from tailorbird.workbench import WORKSPACE
from tailorbird.workflow.arms import ArmOptions

if TYPE_CHECKING:
    from tailorbird.cli.screen import Screen
    from tailorbird.types.answers import Answer

_SHOWN_CELLS = 100

_ABSTAINED = {
    AbstainReason.NOTHING_FOUND: "no passage was found, so the model was not asked",
    AbstainReason.DECLINED: "the model says that it cannot answer",
}


def index(
    path: Annotated[
        Path,
        typer.Argument(metavar="PATH", help="Folder, or one .md, .txt or .jsonl file."),
    ],
    *,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Name of the index.")],
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
) -> None:
    """Build an index of documents, or bring it up to date: only what changed is embedded."""
    place = Place(profile=profile, config=config, workspace=workspace, json=json)
    with session(place) as screen:
        existing(path)
        built = work(
            place,
            screen,
            lambda bench, on_progress: bench.build_index(path, name=name, on_progress=on_progress),
        )
        show_problems(screen.note, built.problems, total=len(built.problems), everything=True)
        chunks = "" if built.info.chunks is None else f", {built.info.chunks} chunks"
        screen.show(
            f"index {built.name!r}: {built.info.documents} documents{chunks}"
            f" ({built.added} added, {built.changed} changed, {built.unchanged} unchanged,"
            f" {built.removed} removed; {built.embedded} chunks embedded)"
        )
        screen.data(built.model_dump(mode="json"))


def search(  # noqa: PLR0913 - an option each
    query: Annotated[str, typer.Argument(metavar="QUERY", help="A question, or words.")],
    *,
    index: Annotated[str, typer.Option("--index", metavar="NAME", help="Name of the index.")],
    top_k: Annotated[
        int, typer.Option("--top-k", min=1, max=50, metavar="N", help="How many hits at most.")
    ] = 5,
    mode: Annotated[
        SearchMode | None,
        typer.Option(
            "--mode", help="By meaning, by words, or by both; without it the best there is."
        ),
    ] = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
) -> None:
    """Find the passages of an index that fit a question best."""
    place = Place(profile=profile, config=config, workspace=workspace, json=json)
    with session(place) as screen:
        hits = work(
            place,
            screen,
            lambda bench, _: bench.search(query, index=index, top_k=top_k, mode=mode),
        )
        rows = [
            (
                str(rank),
                f"{hit.score:.3f}",
                hit.score_kind.value,
                hit.chunk.document,
                hit.chunk.section or "",
                shortened(hit.chunk.text, _SHOWN_CELLS),
            )
            for rank, hit in enumerate(hits, start=1)
        ]
        if rows:
            heads = ("rank", "score", "kind", "document", "section", "text")
            screen.table(heads, rows, right=(0, 1))
        else:
            screen.show("nothing was found")
        screen.data(
            {
                "query": query,
                "index": index,
                "hits": [
                    {"rank": rank, **hit.model_dump(mode="json")}
                    for rank, hit in enumerate(hits, start=1)
                ],
            }
        )


def ask(  # noqa: PLR0913 - an option each
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="What to ask.")],
    *,
    tuned: Annotated[
        str | None,
        typer.Option(
            "--tuned",
            metavar="NAME",
            help="Tuned model to ask; without it the profile's chat model.",
            show_default=False,
        ),
    ] = None,
    index: Annotated[
        str | None,
        typer.Option(
            "--index", metavar="NAME", help="Index to take passages from.", show_default=False
        ),
    ] = None,
    only_from_data: Annotated[
        bool,
        typer.Option(
            "--only-from-data",
            help="Do not ask the model when the index has no fitting passage; needs --index.",
        ),
    ] = False,
    system: SystemOption = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
) -> None:
    """Ask one question of a model, a tuned model, an index, or both."""
    place = Place(profile=profile, config=config, workspace=workspace, json=json)
    with session(place) as screen:
        if only_from_data and index is None:
            message = "--only-from-data needs an index to take the answer from: add --index NAME"
            raise InvalidInputError(message)
        options = ArmOptions(only_from_data=only_from_data)
        answer = work(
            place,
            screen,
            lambda bench, _: bench.ask(
                question, tuned=tuned, index=index, system=system, options=options
            ),
        )
        _show_answer(screen, answer)
        screen.data({"question": question, **answer.model_dump(mode="json")})


def _show_answer(screen: Screen, answer: Answer) -> None:
    screen.show(answer.text)
    for citation in answer.citations:
        place = citation.source or citation.document
        quote = shortened(citation.quote, _SHOWN_CELLS)
        screen.show(f"[{citation.number}] {place}: {quote}", style="dim")
    if answer.reason is not None:
        screen.note(f"no answer: {_ABSTAINED[answer.reason]}", style="yellow")
