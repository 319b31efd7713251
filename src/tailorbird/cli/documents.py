"""The commands for documents: `index`, `search`, `ask`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli.conditions import WhereOption, read_conditions
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
from tailorbird.data import read_questions
from tailorbird.exceptions import InvalidInputError
from tailorbird.types.answers import AbstainReason
from tailorbird.types.retrieval import SearchMode
from tailorbird.workbench import WORKSPACE
from tailorbird.workflow.answering.arms import ArmOptions
from tailorbird.workflow.searching.retrieval_quality import METRICS
from tailorbird.workflow.searching.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.cli.screen import Screen
    from tailorbird.data import QuestionSet
    from tailorbird.types.answers import Answer
    from tailorbird.types.filters import Filter
    from tailorbird.types.retrieval import Hit
    from tailorbird.workbench import Workbench
    from tailorbird.workflow.progress import OnProgress
    from tailorbird.workflow.searching.index import Index
    from tailorbird.workflow.searching.retrieval_quality import RetrievalQuality

_SHOWN_CELLS = 100

_ABSTAINED = {
    AbstainReason.NOTHING_FOUND: "no passage is near enough, so the model was not asked",
    AbstainReason.DECLINED: "the model says that it cannot answer",
    AbstainReason.UNSUPPORTED: "no citation of the model's answer could be verified",
}

_MinScore = Annotated[
    float | None,
    typer.Option(
        "--min-score",
        metavar="X",
        help="Leave out passages below it; its range is that of the mode's scores.",
        show_default=False,
    ),
]
_TenantField = Annotated[
    str | None,
    typer.Option(
        "--tenant-field",
        metavar="KEY",
        help="Key in the metadata that keeps tenants apart; every search needs --where for it.",
        show_default=False,
    ),
]
_Evaluate = Annotated[
    Path | None,
    typer.Option(
        "--evaluate",
        metavar="QUESTIONS",
        help="Table of questions with a column source: how often each mode finds it.",
        show_default=False,
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


def index(  # noqa: PLR0913 - an option each
    path: Annotated[
        Path,
        typer.Argument(metavar="PATH", help="Folder, or one file: text, PDF, Word, Excel …"),
    ],
    *,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Name of the index.")],
    tenant_field: _TenantField = None,
    evaluate: _Evaluate = None,
    where: WhereOption = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
) -> None:
    """Build an index of documents, or bring it up to date: only what changed is embedded."""
    place = Place(profile=profile, config=config, workspace=workspace, json=json)
    with session(place) as screen:
        existing(path)
        condition = read_conditions(where)
        questions = None if evaluate is None else read_questions(existing(evaluate))
        built, quality = work(
            place,
            screen,
            lambda bench, on_progress: _indexed(
                bench,
                path,
                name=name,
                tenant_field=tenant_field,
                questions=questions,
                where=condition,
                on_progress=on_progress,
            ),
        )
        show_problems(screen.note, built.problems, total=len(built.problems), everything=True)
        chunks = "" if built.info.chunks is None else f", {built.info.chunks} chunks"
        screen.show(
            f"index {built.name!r}: {built.info.documents} documents{chunks}"
            f" ({built.added} added, {built.changed} changed, {built.unchanged} unchanged,"
            f" {built.removed} removed; {built.embedded} chunks embedded)"
        )
        if quality is not None:
            _show_quality(screen, quality)
        evaluation = None if quality is None else quality.model_dump(mode="json")
        screen.data({**built.model_dump(mode="json"), "evaluation": evaluation})


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
    where: WhereOption = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
) -> None:
    """Find the passages of an index that fit a question best."""
    place = Place(profile=profile, config=config, workspace=workspace, json=json)
    with session(place) as screen:
        condition = read_conditions(where)
        selection = Selection(min_score=min_score, per_source=per_source, distinct=join, join=join)
        hits = work(
            place,
            screen,
            lambda bench, _: bench.search(
                query, index=index, top_k=top_k, mode=mode, where=condition, selection=selection
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
            help="Answer from the index or not at all: the model is not asked when no passage is"
            " near enough, and an answer needs a verified quotation; needs --index.",
        ),
    ] = False,
    top_k: Annotated[
        int, typer.Option("--top-k", min=1, max=50, metavar="N", help="How many passages at most.")
    ] = 5,
    min_score: _MinScore = None,
    per_source: _PerSource = None,
    where: WhereOption = None,
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
        options = ArmOptions(
            only_from_data=only_from_data,
            top_k=top_k,
            min_score=min_score,
            per_source=per_source,
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


async def _indexed(  # noqa: PLR0913 - what is indexed, and what is asked of it
    bench: Workbench,
    path: Path,
    *,
    name: str,
    tenant_field: str | None,
    questions: QuestionSet | None,
    where: Filter | None,
    on_progress: OnProgress,
) -> tuple[Index, RetrievalQuality | None]:
    built = await bench.build_index(
        path, name=name, tenant_field=tenant_field, on_progress=on_progress
    )
    if questions is None:
        return built, None
    quality = await bench.evaluate_retrieval(built, questions, where=where, on_progress=on_progress)
    return built, quality


def _show_quality(screen: Screen, quality: RetrievalQuality) -> None:
    counted = f"{quality.questions} questions, 95 % intervals"
    if quality.left_out:
        counted += f" ({quality.left_out} without a source left out)"
    screen.show(counted)
    rows = [
        (mode, *(str(quality.figure(mode, metric)) for metric in METRICS)) for mode in quality.modes
    ]
    screen.table(("mode", *METRICS), rows)
    for missed in quality.misses:
        text = shortened(missed.text, _SHOWN_CELLS)
        found = ", ".join(missed.found) or "nothing"
        screen.show(
            f"missed ({missed.mode}): {text} – expected {', '.join(missed.sources)}, found {found}"
        )
    for source in quality.absent_sources:
        screen.note(f"no document is called {source!r}", style="yellow")


def _show_answer(screen: Screen, answer: Answer) -> None:
    screen.show(answer.text)
    for citation in answer.citations:
        place = citation.source or citation.document
        place += "" if citation.page is None else f", p. {citation.page}"
        quote = shortened(citation.quote, _SHOWN_CELLS)
        screen.show(f"[{citation.number}] {place}: {quote}", style="dim")
    if answer.dropped_citations:
        count = answer.dropped_citations
        screen.note(f"citations that could not be verified: {count}", style="yellow")
    for link in answer.foreign_links:
        screen.note(f"an address that no passage holds: {link}", style="yellow")
    if answer.reason is not None:
        screen.note(f"no answer: {_ABSTAINED[answer.reason]}", style="yellow")
