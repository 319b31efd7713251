"""Does a profile work? What `tailorbird doctor` and `Workbench.diagnose` answer."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird.config import Description, Profile, describe, load_profile
from tailorbird.exceptions import InvalidInputError, TailorbirdError
from tailorbird.journal import Workspace
from tailorbird.journal.threads import in_thread
from tailorbird.protocols import ProviderContext
from tailorbird.registry import find_provider
from tailorbird.types.base import Frozen
from tailorbird.types.secrets import Environment
from tailorbird.workbench.parts import Parts
from tailorbird.workbench.spending import known_prices
from tailorbird.workflow.diagnosis import (
    Examination,
    Examiner,
    Finding,
    examine_engine,
    tuned_finding,
    within_horizon,
    worst,
)
from tailorbird.workflow.money.tariff import stale_prices

if TYPE_CHECKING:
    from tailorbird.protocols import Clock, Provider


class Diagnosis(Frozen):
    """What was found about a profile. It holds no key."""

    profile: str
    """Name of the profile; empty when not even that could be found out."""
    provider: str = ""
    """Name of the provider; empty when the profile could not be read."""
    identity: str = ""
    """Which account it reaches; empty when it could not be opened."""
    description: Description | None = None
    """The profile's values and where they came from; None when it could not be read."""
    examination: Examination | None = None
    """What the provider looks like; None when it could not be opened."""
    findings: tuple[Finding, ...] = ()
    """All findings, in the order in which things were looked at."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; warnings and notes are no errors."""
        return worst(self.findings) != "error"

    @override
    def __str__(self) -> str:
        """Show a line for each finding."""
        return "\n".join(
            f"{one.level:7} {one.topic} {one.subject}: {one.text}" for one in self.findings
        )


async def diagnose(parts: Parts, *, horizon_days: int | None = None) -> Diagnosis:
    """Examine an open provider, the profile it was made from, its tuned models and its engine.

    Args:
        parts: What a workbench is made of; the provider must be open.
        horizon_days: Days within which nothing may end; what does is an error. None makes it a
            warning.

    Raises:
        InvalidInputError: `horizon_days` is below 0.
    """
    _check_horizon(horizon_days)
    profile, provider = parts.profile, parts.provider
    description = describe(profile, environ=parts.environ, key_variables=provider.key_variables)
    roles = {**provider.roles, **profile.roles}
    examiner = Examiner(provider=provider, roles=roles, horizon_days=horizon_days)
    examination = await examiner.examine()
    today = provider.clock.today()
    models = await parts.workspace.list_tuned(identity=provider.identity)
    tuned = within_horizon([tuned_finding(one, today) for one in models], horizon_days)
    engine = await examine_engine(profile.retrieval.engine, parts.retrieval)
    return Diagnosis(
        profile=profile.name,
        provider=provider.name,
        identity=provider.identity,
        description=description,
        examination=examination,
        findings=(
            *_described(description),
            *examination.findings,
            *tuned,
            engine,
            *_old_prices(parts),
        ),
    )


async def diagnose_profile(
    name: str | None = None,
    *,
    config: Path | str | None = None,
    workspace: Path | str | None = None,
    clock: Clock | None = None,
    environ: Mapping[str, str] | None = None,
    horizon_days: int | None = None,
) -> Diagnosis:
    """Examine a profile from the file on; whatever is wrong is a finding, and no error is raised.

    Args:
        name: Name of the profile; None takes the usual one, as `tailorbird.open` does.
        config: The configuration file; None takes the usual one.
        workspace: Folder in which a provider may keep state; None looks into none.
        clock: The clock to go by; None takes the provider's own.
        environ: Environment variables; None takes the process's.
        horizon_days: As for `diagnose`.

    Raises:
        InvalidInputError: `horizon_days` is below 0.
    """
    _check_horizon(horizon_days)
    # Under the same name, so that no frame of a raised error holds the values themselves.
    environ = Environment(os.environ if environ is None else environ)
    path = None if config is None else Path(config)
    try:
        profile = await in_thread(load_profile, name, config=path, environ=environ)
    except TailorbirdError as exc:
        broken = Finding(topic="profile", subject=name or "", level="error", text=str(exc))
        return Diagnosis(profile=name or "", findings=(broken,))
    description = describe(profile, environ=environ)
    room = Workspace(None if workspace is None else Path(workspace))
    context = ProviderContext(
        environ=environ,
        roles=profile.roles,
        state=room.state_folder(profile.name),
        clock=clock,
    )
    try:
        provider = await in_thread(_make, profile, context)
        parts = Parts(provider, room, profile, environ=environ)
        async with provider, parts.closing:
            return await diagnose(parts, horizon_days=horizon_days)
    except TailorbirdError as exc:
        closed = Finding(topic="provider", subject=profile.provider, level="error", text=str(exc))
        return Diagnosis(
            profile=profile.name,
            provider=profile.provider,
            description=description,
            findings=(*_described(description), closed),
        )


def _old_prices(parts: Parts) -> list[Finding]:
    """Say which prices of the roles' models were read long ago."""
    provider, profile = parts.provider, parts.profile
    roles = {**provider.roles, **profile.roles}
    old = stale_prices(
        known_prices(provider, profile),
        [role.model for role in roles.values()],
        today=provider.clock.today(),
    )
    return [
        Finding(
            topic="price",
            subject=one.model,
            level="warning",
            text=(
                f"its price was read on {one.read_on} ({one.source}): look it up again, and write"
                f' it into [profiles.{profile.name}.prices."{one.model}"]'
            ),
        )
        for one in old
    ]


def _check_horizon(days: int | None) -> None:
    if days is not None and days < 0:
        message = f"the horizon must be at least 0 days, got {days}"
        raise InvalidInputError(message)


def _make(profile: Profile, context: ProviderContext) -> Provider:
    return find_provider(profile.provider)(profile.options, context=context)


def _described(description: Description) -> list[Finding]:
    text = f"provider {description.provider!r}, from {_source(description)}"
    found = [Finding(topic="profile", subject=description.profile, level="ok", text=text)]
    for key in description.keys:
        if key.problem is not None:
            found.append(
                Finding(topic="key", subject=key.variable, level="error", text=key.problem)
            )
            continue
        noted = "".join(f"; {note}" for note in key.notes)
        text = f"there, {key.length} characters (not shown){noted}"
        found.append(Finding(topic="key", subject=key.variable, level="ok", text=text))
    found += [
        Finding(topic="environment", subject=one.partition(" ")[0], level="warning", text=one)
        for one in description.warnings
    ]
    return found


def _source(description: Description) -> str:
    file = next((one for one in description.origins if one.setting == "config"), None)
    return "nowhere" if file is None else f"configuration {file.value!r} ({file.source})"
