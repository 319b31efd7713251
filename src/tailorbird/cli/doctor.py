"""The command `doctor`: does the profile work, and until when?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli.failures import BAD
from tailorbird.cli.options import (
    ConfigOption,
    JsonOption,
    Place,
    ProfileOption,
    WorkspaceOption,
)
from tailorbird.cli.session import session
from tailorbird.workbench import WORKSPACE
from tailorbird.workbench.diagnosis import diagnose_profile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tailorbird.cli.screen import Screen
    from tailorbird.config import Description
    from tailorbird.workbench.diagnosis import Diagnosis
    from tailorbird.workflow.diagnosis import Examination

_STYLES = {"ok": "green", "note": "cyan", "warning": "yellow", "error": "bold red"}


_Horizon = Annotated[
    int | None,
    typer.Option(
        "--horizon",
        min=0,
        metavar="DAYS",
        help="End with 1 when a model, a tuned model or a capability ends within so many days.",
        show_default=False,
    ),
]


def doctor(
    *,
    horizon: _Horizon = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = None,
) -> None:
    """Check a profile: settings, keys, cheap calls, models of the roles, dates of their end.

    The engine of the indexes is reached, too. Nothing is changed or paid for, and no key is shown.
    Ends with 1 when something is wrong; warnings alone end with 0.
    """
    place = Place(profile=profile, config=config, workspace=workspace, json=json)
    with session(place) as screen:
        found = asyncio.run(
            diagnose_profile(profile, config=config, workspace=workspace, horizon_days=horizon)
        )
        _show(screen, found)
        screen.data(_as_data(found))
    if not found.ok:
        raise typer.Exit(BAD)


def _show(screen: Screen, found: Diagnosis) -> None:
    if found.description is not None:
        for one in found.description.origins:
            screen.show(f"{one.setting} = {one.value}  ({one.source})")
        screen.show()
    for finding in found.findings:
        line = f"{finding.level:7} {finding.topic} {finding.subject}: {finding.text}"
        screen.show(line, style=_STYLES[finding.level])


def _as_data(found: Diagnosis) -> Mapping[str, object]:
    return {
        "ok": found.ok,
        "profile": found.profile,
        "provider": found.provider,
        "identity": found.identity,
        **_part(found.description, ("origins", "keys", "warnings")),
        **_part(found.examination, ("reachable", "roles", "capabilities")),
        "findings": [one.model_dump(mode="json") for one in found.findings],
    }


def _part(part: Description | Examination | None, keys: tuple[str, ...]) -> Mapping[str, object]:
    values = {} if part is None else part.model_dump(mode="json")
    return {key: values.get(key) for key in keys}
