"""What the seven interfaces of one fake share: its state, its clock, and how a call goes."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from tailorbird.exceptions import (
    DeadlineError,
    InvalidInputError,
    ProviderError,
    StoreBusyError,
)
from tailorbird.protocols.arguments import time_limit
from tailorbird.providers.fake.clock import VirtualClock
from tailorbird.providers.fake.lifecycle import settle, word_of
from tailorbird.providers.fake.operations import Call, Facts, Operation, Totals
from tailorbird.providers.fake.state import State
from tailorbird.types.jobs import JobStatus
from tailorbird.types.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from tailorbird.protocols import Clock
    from tailorbird.providers.fake.flavors import Flavor
    from tailorbird.providers.fake.script import Player, Turn
    from tailorbird.providers.fake.settings import FakeSettings
    from tailorbird.providers.fake.store import Store
    from tailorbird.types.capabilities import Capabilities, Capability

R = TypeVar("R")
E = TypeVar("E", bound=ProviderError)

NAME = "fake"
"""Name of the provider."""

MOST_CALLS = 100_000
"""Calls that are remembered, the latest ones; they take about 60 MB."""

_MOST_RACES = 50  # processes that change one state at once are few, and each call is short

DEFAULT_TIMEOUT_S = 60.0
"""Seconds a call may take unless it says otherwise; the contracts of chat and embeddings say so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call as it comes in."""

    operation: Operation
    """What is called."""
    facts: Facts = field(default_factory=dict[str, str | int | float | bool | None])
    """What it is about, without content."""
    needs: tuple[Capability, ...] = ()
    """Capabilities that must be offered today."""
    timeout_s: float | None = None
    """Seconds until it fails; None takes the default."""
    stateful: bool = True
    """Whether it reads or changes what another process may have changed."""
    count: int = 1
    """For how many requests it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a cloud is made of."""

    settings: FakeSettings
    """What the user set."""
    flavor: Flavor
    """Which cloud it looks like."""
    capabilities: Capabilities
    """What it can do, the user's dates included."""
    clock: Clock
    """The clock it goes by."""
    player: Player
    """Plays the script."""
    store: Store
    """Keeps the state."""


class Cloud:
    """The shared heart of one fake."""

    def __init__(self, parts: Parts) -> None:
        """Begin closed, with an empty state."""
        self.settings = parts.settings
        self.flavor = parts.flavor
        self.capabilities = parts.capabilities
        self.clock = parts.clock
        self.store = parts.store
        self.state = State()
        self.calls: deque[Call] = deque(maxlen=MOST_CALLS)
        self._player = parts.player
        self._is_open = False
        self._changed = False
        self._has_kept = False
        self._usage = Usage()
        self._requests: Counter[str] = Counter()
        self._turn_taking = asyncio.Lock()

    async def open(self) -> None:
        """Load the state and let calls in.

        Raises:
            InvalidInputError: It is open already.
            StorageError: The state cannot be read.
        """
        if self._is_open:
            message = "this fake is open already: make another one, or use it where it was opened"
            raise InvalidInputError(message)
        await self._refresh()
        self._is_open = True

    async def close(self) -> None:
        """Keep the state and let no more calls in.

        Raises:
            StorageError: The state cannot be written.
        """
        self._is_open = False
        # Time that passed since the last change counts, too: a model that was waited for here
        # answers the next process at once.
        self._changed = self._changed or self._has_kept
        # What is not kept because another process was faster follows from time alone.
        await self._keep()
        await self.in_thread(self.store.close)

    def require_script_played(self) -> None:
        """Do nothing when every step of the script was used.

        Raises:
            ScriptError: Some were not.
        """
        self._player.require_all_used()

    async def call(self, request: Request, effect: Callable[[Turn], Awaitable[R]]) -> R:
        """Let a call happen: refuse, count, wait, strike with scripted faults, take effect, keep.

        Raises:
            InvalidInputError: The provider is not open, or the time limit is not above 0.
            UnsupportedError: A capability is missing; nothing was recorded.
            ProviderError: A scripted fault, or what the effect raises.
        """
        turn = await self._arrive(request)
        self._strike(request.operation, turn, after_effect=False)
        if not request.stateful:
            self.settle()
            result = await effect(turn)
        else:
            async with self._turn_taking:
                result = await self._agreed(turn, effect)
        self._strike(request.operation, turn, after_effect=True)
        return result

    def require_open(self, operation: Operation) -> None:
        """Do nothing when the provider is open.

        Raises:
            InvalidInputError: It is not.
        """
        if not self._is_open:
            message = (
                f"{operation} was called while the fake is closed: use it inside"
                " `async with provider:`"
            )
            raise InvalidInputError(message)

    def settle(self) -> None:
        """Bring the state to the present moment."""
        if settle(self.state, self.flavor, seed=self.settings.seed, now=self.now()):
            self._changed = True

    def changed(self) -> None:
        """Say that the state differs from what was kept."""
        self._changed = True

    def now(self) -> datetime:
        """Give the present moment."""
        return self.clock.now()

    def count_usage(self, usage: Usage) -> None:
        """Add the tokens of a call that was answered."""
        self._usage += usage

    def totals(self) -> Totals:
        """Give what was asked for since the provider was opened."""
        trained = (job for job in self.state.jobs.values() if job.model is not None)
        return Totals(
            usage=self._usage,
            requests=dict(self._requests),
            trained_tokens=sum(job.recipe.epoch_tokens * job.recipe.n_epochs for job in trained),
        )

    def live_jobs(self) -> int:
        """Count the jobs that neither failed nor were cancelled."""
        self.settle()
        ended = {JobStatus.FAILED, JobStatus.CANCELLED}
        return sum(word_of(job) not in ended for job in self.state.jobs.values())

    async def look_again(self) -> bool:
        """Take over what another process has changed; say whether there was anything."""
        async with self._turn_taking:
            before = self.state
            await self._refresh()
            self.settle()
            return self.state is not before

    async def in_thread(self, work: Callable[[], R]) -> R:
        """Do blocking work beside the event loop, while virtual time stands still."""
        clock = self.clock
        with clock.hold() if isinstance(clock, VirtualClock) else nullcontext():
            return await asyncio.to_thread(work)

    def error(
        self,
        kind: type[E],
        operation: Operation,
        message: str,
        *,
        status_code: int,
        code: str | None = None,
    ) -> E:
        """Make an error by which the fake refuses a call; nothing took effect."""
        return kind(
            message,
            provider=NAME,
            operation=operation,
            status_code=status_code,
            code=code,
            accepted="no",
        )

    async def _arrive(self, request: Request) -> Turn:
        """Check, record and delay a call."""
        self.require_open(request.operation)
        for capability in request.needs:
            self.capabilities.require(capability, on=self.clock.today())
        limit = time_limit(request.timeout_s, default_s=DEFAULT_TIMEOUT_S)
        turn = self._player.next_turn(request.operation)
        self._requests[request.operation] += request.count
        self.calls.append(Call(operation=request.operation, facts=request.facts, at=self.now()))
        delay = self.settings.latency_s + turn.delay_s
        if delay > 0:
            await self.clock.sleep(min(delay, limit) * request.count)
        if delay > limit:
            message = f"no answer within {limit:g} s; repeat it, or raise timeout_s"
            raise DeadlineError(message, provider=NAME, operation=request.operation)
        return turn

    def _strike(self, operation: Operation, turn: Turn, *, after_effect: bool) -> None:
        fault = turn.fault(after_effect=after_effect)
        if fault is not None:
            raise fault.to_error(provider=NAME, operation=operation)

    async def _agreed(self, turn: Turn, effect: Callable[[Turn], Awaitable[R]]) -> R:
        """Take effect on the newest state; again, when another process was faster.

        Raises:
            StoreBusyError: Other processes were faster too often.
        """
        for _ in range(_MOST_RACES):
            await self._refresh()
            self.settle()
            result = await effect(turn)
            if await self._keep():
                return result
        message = f"other processes changed the fake's state {_MOST_RACES} times: call again"
        raise StoreBusyError(message)

    async def drop_contents(self, sha256s: AbstractSet[str]) -> None:
        """Forget contents, except those that are still needed."""
        gone = sha256s - self.state.needed_contents()
        await self.in_thread(lambda: self.store.drop(gone))

    async def _refresh(self) -> None:
        """Take over what another process has changed."""
        if not self.store.persistent:
            return
        loaded = await self.in_thread(self.store.load)
        if loaded is None:
            return
        self.state = loaded
        behind = (loaded.now - self.now()).total_seconds() if loaded.now else 0.0
        if behind > 0 and isinstance(self.clock, VirtualClock):
            self.clock.advance(behind)

    async def _keep(self) -> bool:
        """Write the state when it has changed; say whether it was still the newest one."""
        if not self._changed:
            return True
        if self.store.persistent:
            self.state.now = self.now()
            text = self.state.model_dump_json()
            kept = await self.in_thread(lambda: self.store.save(text))
            self._changed = not kept
            self._has_kept = self._has_kept or kept
            return kept
        self._changed = False
        return True
