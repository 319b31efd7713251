"""The command for money: `spending`."""

from __future__ import annotations

from decimal import Decimal
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

    from tailorbird.cli.screen import Screen
    from tailorbird.journal import Hold, Spending
    from tailorbird.types.budget import Budget
    from tailorbird.workbench import Workbench

_Drop = Annotated[
    str | None,
    typer.Option(
        "--drop",
        metavar="REFERENCE",
        help="Hold nothing any more under this reference: for what a killed process left.",
        show_default=False,
    ),
]
_Found = tuple["Sequence[Spending]", "Sequence[Hold]", "Budget | None"]


def spending(
    *,
    drop: _Drop = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
) -> None:
    """List what this workspace paid at the account, and what is held for what is under way."""
    place = Place(profile=profile, config=config, workspace=workspace, json=json)
    with session(place) as screen:
        paid, held, budget = work(
            place, screen, lambda bench, _: _look(bench, drop), to_read=drop is None
        )
        _show(screen, paid, held)
        total = sum((one.usd for one in paid if one.usd is not None), Decimal(0))
        limit = "" if budget is None else f"; the profile's budget is {budget}"
        screen.show(f"{_money(total)} USD in all, where the price is known{limit}")
        screen.data(
            {
                "usd": str(total),
                "budget": None if budget is None else budget.model_dump(mode="json"),
                "spending": [one.model_dump(mode="json") for one in paid],
                "reserved": [one.model_dump(mode="json") for one in held],
            }
        )


async def _look(bench: Workbench, drop: str | None) -> _Found:
    if drop is not None:
        await bench.drop_reserved(drop)
    return await bench.spending(), await bench.reserved(), bench.profile.budget


def _show(screen: Screen, paid: Sequence[Spending], held: Sequence[Hold]) -> None:
    heads = ("day", "what", "for", "model", "calls", "tokens", "USD", "assumed")
    rows = [
        (
            f"{one.at:%Y-%m-%d}",
            one.what,
            one.subject,
            one.model,
            f"{one.calls:,}",
            f"{one.usage.total_tokens:,}",
            "?" if one.usd is None else _money(one.usd),
            _money(one.assumed) if one.assumed else "",
        )
        for one in paid
    ]
    screen.table(heads, rows, right=(4, 5, 6, 7))
    for one in held:
        about = f" for {one.subject!r}" if one.subject else ""
        screen.show(
            f"held since {one.at:%Y-%m-%d %H:%M}: {_money(one.usd)} USD ({one.what}{about},"
            f" reference {one.reference})"
        )


def _money(usd: Decimal) -> str:
    return f"{usd.quantize(Decimal('0.0001')):,f}"
