"""The commands that look into an index, or answer from it: `search`, `ask`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli.conditions import WhereOption, read_conditions
from tailorbird.cli.options import (
    BudgetOption,
    ConfigOption,
    JsonOption,
    Place,
    ProfileOption,
    SystemOption,
    WorkspaceOption,
)
from tailorbird.cli.screen import shortened
from tailorbird.cli.session import session, work
from tailorbird.exceptions import InvalidInputError
from tailorbird.types.answers import AbstainReason
from tailorbird.types.retrieval import SearchMode
from tailorbird.workbench import WORKSPACE
from tailorbird.workflow.answering.arms import ArmOptions
from tailorbird.workflow.searching.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.cli.screen import Screen
    from tailorbird.types.answers import Answer
    from tailorbird.types.retrieval import Hit

_SHOWN_CELLS = 100

_ABSTAINED = {
    AbstainReason.NOTHING_FOUND: "no passage is near enough, so the model was not asked",
    AbstainReason.DECLINED: "the model says that it cannot answer",
    AbstainReason.UNSUPPORTED: "no citation of the model's answer could be verified",
}


def _finite(given: float | None) -> float | None:
    """Give a number back that can be compared with scores.

    Raises:
        typer.BadParameter: It is infinite, or no number.
    """
    if given is not None and not math.isfinite(given):
        message = f"{given} is no limit; give a finite number"
        raise typer.BadParameter(message)
    return given


_MinScore = Annotated[
    float | None,
    typer.Option(
        "--min-score",
        metavar="X",
        help="Leave out passages below it; its range is that of the mode's scores.",
        show_default=False,
        callback=_finite,
    ),
]
_Mode = Annotated[
    SearchMode | None,
    typer.Option("--mode", help="By meaning, by words, or by both; without it the best there is."),
]
_Join = Annotated[
    bool,
    typer.Option(
        "--join", help="Show passages once that are the same, and neighbors as one passage."
    ),
]
_PerSource = Annotated[
    int | None,
    typer.Option(
        "--per-source",
        min=1,
        metavar="N",
        help="How many passages may come from one source.",
        show_default=False,
    ),
]
_Tuned = Annotated[
    str | None,
    typer.Option(
        "--tuned",
        metavar="NAME",
        help="Tuned model to ask; without it the profile's chat model.",
        show_default=False,
    ),
]
_Rerank = Annotated[
    bool | None,
    typer.Option(
        "--rerank/--no-rerank",
        help="Let a model put the best passages into a better order; without it as the profile"
        " says. It costs tokens.",
        show_default=False,
    ),
]


def search(  # noqa: PLR0913 - an option each
    query: Annotated[str, typer.Argument(metavar="QUERY", help="A question, or words.")],
    *,
    index: Annotated[str, typer.Option("--index", metavar="NAME", help="Name of the index.")],
    top_k: Annotated[
        int, typer.Option("--top-k", min=1, max=50, metavar="N", help="How many hits at most.")
    ] = 5,
    mode: _Mode = None,
    min_score: _MinScore = None,
    per_source: _PerSource = None,
    join: _Join = False,
    rerank: _Rerank = None,
    where: WhereOption = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
    budget: BudgetOption = None,
) -> None:
    """Find the passages of an index that fit a question best."""
    place = Place(profile=profile, config=config, workspace=workspace, json=json, budget=budget)
    with session(place) as screen:
        condition = read_conditions(where)
        selection = Selection(min_score=min_score, per_source=per_source, distinct=join, join=join)
        hits = work(
            place,
            screen,
            lambda bench, _: bench.search(
                query,
                index=index,
                top_k=top_k,
                mode=mode,
                where=condition,
                selection=selection,
                rerank=rerank,
            ),
        )
        _show_hits(screen, hits)
        screen.data(
            {
                "query": query,
                "index": index,
                "hits": [
                    {"rank": rank, **hit.model_dump(mode="json")}
                    for rank, hit in enumerate(hits, start=1)
                ],
                "usage": hits.usage.model_dump(mode="json"),
            }
        )


def ask(  # noqa: PLR0913 - an option each
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="What to ask.")],
    *,
    tuned: _Tuned = None,
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
            help="Answer from the index or not at all: the model is not asked when no passage is"
            " near enough, and an answer needs a verified quotation; needs --index.",
        ),
    ] = False,
    top_k: Annotated[
        int, typer.Option("--top-k", min=1, max=50, metavar="N", help="How many passages at most.")
    ] = 5,
    min_score: _MinScore = None,
    per_source: _PerSource = None,
    rerank: _Rerank = None,
    where: WhereOption = None,
    system: SystemOption = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
    budget: BudgetOption = None,
) -> None:
    """Ask one question of a model, a tuned model, an index, or both."""
    place = Place(profile=profile, config=config, workspace=workspace, json=json, budget=budget)
    with session(place) as screen:
        if only_from_data and index is None:
            message = "--only-from-data needs an index to take the answer from: add --index NAME"
            raise InvalidInputError(message)
        options = ArmOptions(
            only_from_data=only_from_data,
            top_k=top_k,
            min_score=min_score,
            per_source=per_source,
            rerank=rerank,
            where=read_conditions(where),
        )
        answer = work(
            place,
            screen,
            lambda bench, _: bench.ask(
                question, tuned=tuned, index=index, system=system, options=options
            ),
        )
        _show_answer(screen, answer)
        screen.data({"question": question, **answer.model_dump(mode="json")})


def _show_hits(screen: Screen, hits: Sequence[Hit]) -> None:
    rows = [
        (
            str(rank),
            f"{hit.score:.3f}",
            hit.score_kind.value,
            " ".join(f"{leg} {score:.2f}" for leg, score in hit.legs.items()),
            hit.chunk.document,
            "" if hit.chunk.page is None else str(hit.chunk.page),
            hit.chunk.section or "",
            shortened(hit.chunk.text, _SHOWN_CELLS),
        )
        for rank, hit in enumerate(hits, start=1)
    ]
    if rows:
        heads = ("rank", "score", "kind", "legs", "document", "page", "section", "text")
        screen.table(heads, rows, right=(0, 1, 5))
    else:
        screen.show("nothing was found")


def _shown_rows(first: int, last: int) -> str:
    return f"row {first}" if first == last else f"rows {first}-{last}"


def _show_answer(screen: Screen, answer: Answer) -> None:
    screen.show(answer.text)
    for citation in answer.citations:
        place = citation.source or citation.document
        place += "" if citation.page is None else f", p. {citation.page}"
        place += "" if citation.sheet is None else f", {citation.sheet}"
        place += "" if citation.rows is None else f", {_shown_rows(*citation.rows)}"
        quote = shortened(citation.quote, _SHOWN_CELLS)
        screen.show(f"[{citation.number}] {place}: {quote}", style="dim")
    if answer.dropped_citations:
        count = answer.dropped_citations
        screen.note(f"citations that could not be verified: {count}", style="yellow")
    for link in answer.foreign_links:
        screen.note(f"an address that no passage holds: {link}", style="yellow")
    if answer.reason is not None:
        screen.note(f"no answer: {_ABSTAINED[answer.reason]}", style="yellow")
