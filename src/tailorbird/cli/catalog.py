"""The command for models: `models`."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
