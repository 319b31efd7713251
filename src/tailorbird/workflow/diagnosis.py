"""Look whether a provider answers, has the models that roles name, and until when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from tailorbird.exceptions import NotFoundError, TailorbirdError
from tailorbird.problem import did_you_mean
from tailorbird.retrieval.engines import Reachable
from tailorbird.types.base import Frozen
from tailorbird.types.capabilities import Capability
from tailorbird.types.ids import DeploymentName, ModelId
from tailorbird.workflow.once.listing import distinct

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from tailorbird.protocols import Provider, Retrieval
    from tailorbird.types.capabilities import Availability
    from tailorbird.types.models import ModelCard, RoleModel
    from tailorbird.types.tuned import TunedModel

SOON_DAYS = 90
"""Days before an end from which on it is a warning: time to train, test and move."""

# An account lists hundreds of models, tuned ones included.
_MOST_MODELS = 5_000
_MOST_INDEXES = 5_000
_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")

Level = Literal["ok", "note", "warning", "error"]
"""How bad a finding is: only an `error` means that the profile does not work."""

Topic = Literal[
    "profile", "key", "environment", "provider", "role", "tuned", "capability", "retrieval", "price"
]
"""What a finding is about."""


class Finding(Frozen):
    """One thing that was looked at."""

    topic: Topic
    """What it is about."""
    subject: str
    """Which one: a role, a capability, a variable."""
    level: Level
    """How bad it is."""
    text: str
    """What was found, in a sentence, with what to do about it."""
    days_left: int | None = None
    """Days until it ends, 0 or less when it has ended; None for what has no known end."""


class RoleState(Frozen):
    """A role, and the model that plays it."""

    role: str
    """Name of the role."""
    model: ModelId
    """What plays it."""
    deployment: DeploymentName | None = None
    """What it is called by; None where the model's id is."""
    found: bool | None = None
    """Whether the account has it; None when that could not be found out."""
    shutdown_date: date | None = None
    """Day on which calls to it begin to fail; None when no day is announced."""
    days_left: int | None = None
    """Days until then, 0 or less when it is gone; None when no day is announced."""
    successor: ModelId | None = None
    """What its provider recommends instead; None when nothing is named."""


class CapabilityState(Frozen):
    """A capability today."""

    capability: Capability
    """Which one."""
    available: bool
    """Whether it is offered today."""
    until: date | None = None
    """First day on which it is no longer offered; None when no end is announced."""
    days_left: int | None = Field(default=None)
    """Days until then, 0 or less when it has ended; None when no end is announced."""
    reason: str = ""
    """Why it is missing or ends; empty when nobody says."""
    instead: str | None = None
    """What to do instead; None when nothing is known."""


class Examination(Frozen):
    """What a provider looks like from here."""

    reachable: bool | None = None
    """Whether it answered a cheap call; None when it offers none."""
    roles: tuple[RoleState, ...] = ()
    """The roles, sorted by name."""
    capabilities: tuple[CapabilityState, ...] = ()
    """What it offers, or offers only until some day, in the order of the reference."""
    findings: tuple[Finding, ...] = ()
    """What was found, in the order in which it was looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examiner:
    """Examines an open provider. Nothing is changed, and nothing is asked that costs money."""

    provider: Provider
    """The provider."""
    roles: Mapping[str, RoleModel]
    """Which model plays which role."""
    horizon_days: int | None = None
    """Days within which nothing may end; what does is an error. None makes it a warning only."""

    async def examine(self) -> Examination:
        """Look at everything; whatever is wrong becomes a finding, and no error is raised."""
        today = self.provider.clock.today()
        reachable, cards, findings = await self._reach(today)
        roles: list[RoleState] = []
        for name, role in sorted(self.roles.items()):
            # Where the provider did not answer, asking for each role says the same again.
            state = RoleState(role=name, model=role.model, deployment=role.deployment)
            if reachable:
                state, finding = await self._role(state, cards, today)
                findings.append(finding)
            roles.append(state)
        states = [_capability(one, today) for one in self.provider.capabilities.entries]
        soon = max(SOON_DAYS, self.horizon_days or 0)
        findings += [
            _ending(one) for one in states if one.days_left is not None and one.days_left <= soon
        ]
        return Examination(
            reachable=reachable,
            roles=tuple(roles),
            capabilities=tuple(states),
            findings=within_horizon(findings, self.horizon_days),
        )

    async def _reach(
        self, today: date
    ) -> tuple[bool | None, Mapping[ModelId, ModelCard], list[Finding]]:
        name = self.provider.name
        if not self.provider.capabilities.supports(Capability.MODELS, on=today):
            text = "it lists no models, so nothing was asked that would cost nothing"
            return None, {}, [Finding(topic="provider", subject=name, level="note", text=text)]
        try:
            listed = await distinct(
                self.provider.models.list(), lambda card: card.id, most=_MOST_MODELS
            )
        except TailorbirdError as exc:
            found = Finding(topic="provider", subject=name, level="error", text=str(exc))
            return False, {}, [found]
        text = f"{self.provider.identity} answers, and lists {len(listed)} models"
        found = Finding(topic="provider", subject=name, level="ok", text=text)
        return True, {card.id: card for card in listed}, [found]

    async def _role(
        self, state: RoleState, cards: Mapping[ModelId, ModelCard], today: date
    ) -> tuple[RoleState, Finding]:
        card = _card(state.model, cards)
        problem = None
        if state.deployment is not None:
            problem = await self._deployment_problem(state.deployment)
        elif card is None:
            hint = did_you_mean(state.model, cards)
            problem = f"the account lists no model {state.model!r}" + (hint and f"; {hint}")
        state = state.model_copy(update={"found": problem is None})
        if card is not None:
            state = state.model_copy(
                update={
                    "shutdown_date": card.shutdown_date,
                    "days_left": card.days_left(today),
                    "successor": card.successor,
                }
            )
        return state, _role_finding(state, problem)

    async def _deployment_problem(self, name: DeploymentName) -> str | None:
        try:
            await self.provider.deployments.get(name)
        except NotFoundError:
            return f"there is no deployment {name!r}"
        except TailorbirdError:
            # Calls go by the deployment's name, whoever may look it up: a key that may not
            # (Azure's control plane wants rights of its own) is no reason to fail.
            return None
        return None


async def examine_engine(name: str, engine: Callable[[], Awaitable[Retrieval]]) -> Finding:
    """Look whether the engine in which indexes are kept can be reached; nothing is changed.

    Args:
        name: What the profile calls it.
        engine: Gives it, connected to nothing yet.
    """
    try:
        opened = await engine()
        text = await opened.reach() if isinstance(opened, Reachable) else await _listed(opened)
    except TailorbirdError as exc:
        return Finding(topic="retrieval", subject=name, level="error", text=str(exc))
    return Finding(topic="retrieval", subject=name, level="ok", text=text)


async def _listed(engine: Retrieval) -> str:
    found = await distinct(engine.list(), lambda one: one.spec.name, most=_MOST_INDEXES)
    return f"it answers, and holds {len(found)} indexes"


def _card(model: ModelId, cards: Mapping[ModelId, ModelCard]) -> ModelCard | None:
    """Find a model by its id, or by its name without the date of a snapshot."""
    if model in cards:
        return cards[model]
    dated = [card for name, card in sorted(cards.items()) if _DATED.sub("", name) == model]
    return dated[-1] if dated else None


def _role_finding(state: RoleState, problem: str | None) -> Finding:
    called = f"{state.model}" if state.deployment is None else f"{state.deployment} ({state.model})"
    instead = "" if state.successor is None else f"; its provider recommends {state.successor!r}"
    level: Level = "ok"
    text = called
    if problem is not None:
        level, text = "error", problem
    elif state.days_left is not None and state.days_left <= 0:
        level, text = "error", f"{called} was shut down on {state.shutdown_date}{instead}"
    elif state.days_left is not None:
        level = "warning" if state.days_left <= SOON_DAYS else "ok"
        text = f"{called} answers until {state.shutdown_date}, {state.days_left} days{instead}"
    days = None if problem is not None else state.days_left
    return Finding(topic="role", subject=state.role, level=level, text=text, days_left=days)


def _capability(entry: Availability, today: date) -> CapabilityState:
    return CapabilityState(
        capability=entry.capability,
        available=entry.on(today),
        until=entry.until,
        days_left=None if entry.until is None else (entry.until - today).days,
        reason=entry.reason,
        instead=entry.instead,
    )


def _ending(state: CapabilityState) -> Finding:
    left = state.days_left or 0
    when = f"ends on {state.until}, in {left} days" if left > 0 else f"ended on {state.until}"
    parts = [when, state.reason, "" if state.instead is None else f"instead: {state.instead}"]
    return Finding(
        topic="capability",
        subject=state.capability.value,
        level="warning",
        text="; ".join(part for part in parts if part),
        days_left=left,
    )


def tuned_finding(tuned: TunedModel, today: date) -> Finding:
    """Say until when a tuned model answers, and what to do before that day."""
    day = tuned.shutdown_date
    if day is None:
        text = f"{tuned.model}: no end is announced"
        return Finding(topic="tuned", subject=tuned.name, level="ok", text=text)
    left = (day - today).days
    if left <= 0:
        text = f"{tuned.model} stopped answering on {day}"
        return Finding(topic="tuned", subject=tuned.name, level="error", text=text, days_left=left)
    text = f"{tuned.model} answers until {day}, {left} days"
    level: Level = "ok"
    if left <= SOON_DAYS:
        level = "warning"
        text += f"; record what it says: tailorbird record {tuned.name} QUESTIONS --bundle DIR"
    return Finding(topic="tuned", subject=tuned.name, level=level, text=text, days_left=left)


def within_horizon(findings: Iterable[Finding], days: int | None) -> tuple[Finding, ...]:
    """Make an error of every finding that ends within so many days; None leaves all as they are."""
    if days is None:
        return tuple(findings)
    return tuple(
        one.model_copy(update={"level": "error"})
        if one.days_left is not None and one.days_left <= days
        else one
        for one in findings
    )


def worst(findings: Sequence[Finding]) -> Level:
    """Give the worst level among findings; `ok` when there is none."""
    order: tuple[Level, ...] = ("ok", "note", "warning", "error")
    levels: list[Level] = ["ok", *(one.level for one in findings)]
    return max(levels, key=order.index)
