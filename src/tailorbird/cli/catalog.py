"""The commands for what there is: `models` and `indexes`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli.options import (
    ConfigOption,
    JsonOption,
    Place,
    ProfileOption,
    WorkspaceOption,
)
from tailorbird.cli.session import session, work
from tailorbird.workbench import WORKSPACE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from tailorbird.types.models import ModelCard
    from tailorbird.workbench import Workbench
    from tailorbird.workflow.searching.index import Index


def models(
    *,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
) -> None:
    """List the models of the account, with the day on which each stops answering."""
    place = Place(profile=profile, config=config, workspace=workspace, json=json)
    with session(place) as screen:
        cards, today = work(place, screen, lambda bench, _: _models(bench))
        heads = ("id", "base", "for", "tunable", "shutdown", "days left", "instead")
        screen.table(heads, [_row(card, today) for card in cards], right=(5,))
        screen.data(
            {
                "models": [
                    {**card.model_dump(mode="json"), "days_left": card.days_left(today)}
                    for card in cards
                ]
            }
        )


async def _models(bench: Workbench) -> tuple[Sequence[ModelCard], date]:
    return await bench.models(), bench.provider.clock.today()


def _row(card: ModelCard, today: date) -> tuple[str, ...]:
    left = card.days_left(today)
    return (
        card.id,
        card.base or "",
        _words(card.kinds),
        _words(card.tunable),
        "" if card.shutdown_date is None else card.shutdown_date.isoformat(),
        "" if left is None else str(left),
        card.successor or "",
    )


def _words(words: Sequence[str] | None) -> str:
    """Show a set of words: `?` when the provider does not say, `-` for none."""
    return "?" if words is None else ", ".join(words) or "-"


def indexes(
    *,
    delete: Annotated[
        str | None,
        typer.Option(
            "--delete",
            metavar="NAME",
            help="Delete this one. Its vectors stay known: building it again pays for none.",
            show_default=False,
        ),
    ] = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
) -> None:
    """List the indexes of the profile's engine, with what each holds; or delete one."""
    place = Place(profile=profile, config=config, workspace=workspace, json=json)
    with session(place) as screen:
        found = work(place, screen, lambda bench, _: _indexes(bench, delete))
        if delete is not None:
            screen.note(f"deleted the index {delete!r}")
        heads = ("name", "documents", "chunks", "model", "dimensions", "tenants by", "made")
        screen.table(heads, [_index_row(one) for one in found], right=(1, 2, 4))
        screen.data(
            {
                "deleted": delete,
                "indexes": [one.info.model_dump(mode="json") for one in found],
            }
        )


async def _indexes(bench: Workbench, delete: str | None) -> Sequence[Index]:
    if delete is not None:
        await bench.delete_index(delete)
    return await bench.indexes()


def _index_row(index: Index) -> tuple[str, ...]:
    info, spec = index.info, index.info.spec
    return (
        index.name,
        str(info.documents),
        "?" if info.chunks is None else str(info.chunks),
        spec.embedding_model or "",
        "" if spec.dimensions is None else str(spec.dimensions),
        spec.tenant_field or "",
        "" if info.created_at is None else f"{info.created_at:%Y-%m-%d %H:%M}",
    )
