"""The only retry loop.

Three things bound it at once: the number of attempts, one deadline for the whole call with all its
waits, and a budget that all calls of a client share, so that an outage multiplies traffic by a
bounded factor (the method of botocore's `standard` mode, read in botocore 1.44.5, 2026-11-22).
"""

from __future__ import annotations

import logging
from contextvars import ContextVar
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Literal, TypeVar

from pydantic import Field

from tailorbird.exceptions import (
    Accepted,
    ConnectError,
    DeadlineError,
    ProviderError,
    RateLimitError,
    ServiceUnavailableError,
    UnexpectedResponseError,
)
from tailorbird.protocols.arguments import time_limit
from tailorbird.types.base import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tailorbird.protocols import Clock

    Permission = Callable[[], Awaitable[None]]

T = TypeVar("T")

Repeat = Literal["safe", "if-refused"]
"""What may be sent again: `safe` calls after any passing trouble; `if-refused` calls, which create
something, only when the provider certainly did not take them."""

_TRANSIENT = (ConnectError, RateLimitError, ServiceUnavailableError, UnexpectedResponseError)

PASSING: tuple[type[ProviderError], ...] = (*_TRANSIENT, DeadlineError)
"""Trouble that must not end a wait for something that goes on at the provider: each look has been
repeated by then, and the next one may get through."""

_SHORTEST_WAIT_S = 0.01
# Full jitter may draw nearly nothing; a hundredth of a second keeps a loop from spinning.

PERMISSION: ContextVar[Permission | None] = ContextVar("tailorbird_permission", default=None)
"""Asked before a call is sent again that may have been carried out, and so paid for, already: what
it raises ends the call. Each task has its own; None lets every repetition through."""

_log = logging.getLogger("tailorbird.retry")


class RetryPolicy(Settings):
    """How often and how patiently to repeat.

    The defaults are those of `standard` mode in botocore 1.44.5 (a budget that 10 repetitions
    empty, at most 20 s between attempts), with one attempt more.
    """

    attempts: int = Field(default=4, ge=1, le=20, strict=True)
    """Attempts in all, 1..20; 1 never repeats."""
    base_s: float = Field(default=0.5, gt=0, le=60)
    """Longest first wait in seconds, above 0 and at most 60; it doubles with each attempt."""
    cap_s: float = Field(default=20.0, gt=0, le=600)
    """Longest wait of our own in seconds, above 0 and at most 600; a provider may ask for more."""
    budget: int = Field(default=100, ge=0, le=1_000_000, strict=True)
    """What the shared budget holds when it is full, 0..1000000; 0 never repeats."""
    cost: int = Field(default=10, ge=1, le=1_000_000, strict=True)
    """What a repetition takes from it, 1..1000000."""
    throttle_cost: int = Field(default=5, ge=1, le=1_000_000, strict=True)
    """What a repetition after a rate limit takes from it, 1..1000000."""


@dataclass(slots=True)
class RetryBudget:
    """What all calls of one client share: repetitions take from it, successes give back."""

    limit: int
    """What it holds when it is full, at least 0."""
    left: int = field(init=False)
    """What is left of it, 0..`limit`."""

    def __post_init__(self) -> None:
        """Start full."""
        self.left = self.limit

    def take(self, cost: int) -> bool:
        """Take the cost of a repetition, or take nothing and say that there is not enough left."""
        if cost > self.left:
            return False
        self.left -= cost
        return True

    def give(self, amount: int) -> None:
        """Give back after a success; more than `limit` is lost."""
        self.left = min(self.limit, self.left + amount)


@dataclass(frozen=True, slots=True)
class Retrier:
    """Runs the calls of one client; they share its budget.

    Waits are drawn evenly between nothing and a bound that doubles with each attempt ("full
    jitter": Marc Brooker, Exponential Backoff And Jitter, AWS Architecture Blog, 2015,
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/, read 2026-11-22). A
    wait that the provider asks for is kept in full, and the drawn one comes on top of it, so that
    callers who were refused together do not come back together.
    """

    policy: RetryPolicy
    """How often and how patiently."""
    clock: Clock
    """What deadlines and waits go by; its `monotonic` decides, so a sleeping machine's pause counts
    only where the clock counts it."""
    random: Random
    """Spreads the waits of many callers."""
    budget: RetryBudget
    """Shared by all calls."""

    async def run(
        self,
        call: Callable[[float], Awaitable[T]],
        *,
        provider: str,
        operation: str,
        timeout_s: float,
        repeat: Repeat,
    ) -> T:
        """Run a call until it succeeds, fails for good, or the time is over.

        Passing trouble is a failed connection, a rate limit, a provider in trouble and an unusable
        answer, unless the error's `should_retry` says otherwise. Used up quota, refused keys and
        wrong requests are never repeated, nor is a request that was accepted. Cancellation goes
        through at once.

        Args:
            call: One attempt; it is given the seconds that are left for everything.
            provider: For the message of an error.
            operation: For the message of an error.
            timeout_s: Seconds for all attempts and waits together, above 0 and finite.
            repeat: What may be sent again.

        Raises:
            InvalidInputError: `timeout_s` is not a finite number above 0.
            DeadlineError: The time was over; its cause is the last error, if there was one.
            ProviderError: The last error, when it does not pass by itself, attempts or budget are
                used up, or the provider asks for a longer wait than the time that is left; its
                cause is the error of an attempt before, see `was_in_doubt`.
        """
        left = time_limit(timeout_s, default_s=timeout_s)
        deadline = self.clock.monotonic() + left
        attempt, spent = 1, 0
        last: ProviderError | None = None
        doubt: ProviderError | None = None  # the last one that may have been carried out
        while left > 0:
            try:
                result = await _within(left, call)
            except ProviderError as exc:
                wait = self._wait_s(exc, attempt, left=deadline - self.clock.monotonic())
                if wait is None or not _may_repeat(exc, repeat) or not self._pay(exc):
                    _chain(exc, doubt or last)
                    raise
                await _permitted(exc)
                last, spent = exc, spent + self._cost(exc)
                doubt = exc if exc.accepted == "unknown" else doubt
            except _SilentError:
                wait = None
            else:
                self.budget.give(spent or 1)
                return result
            if wait is None:
                raise _too_late(provider, operation, timeout_s, attempt, "unknown") from last
            _log.debug("%s %s: attempt %d failed; wait %.2f s", provider, operation, attempt, wait)
            await self.clock.sleep(wait)
            attempt += 1
            left = deadline - self.clock.monotonic()
        # Only a clock that jumps, or a wait that took longer than it said, ends here.
        accepted: Accepted = "unknown" if last is None else last.accepted
        raise _too_late(provider, operation, timeout_s, attempt - 1, accepted) from last

    def _wait_s(self, error: ProviderError, attempt: int, *, left: float) -> float | None:
        """Give the seconds to wait, within the time that is left; None gives up."""
        floor = error.retry_after_s or 0.0
        if not floor > 0:  # also when it is not a number
            floor = 0.0
        if attempt >= self.policy.attempts or left <= floor + _SHORTEST_WAIT_S:
            return None
        own = min(self.policy.cap_s, self.policy.base_s * 2.0 ** (attempt - 1))
        # A spread that is small beside the asked wait would leave the herd together.
        spread = max(own, min(floor, self.policy.cap_s))
        # Half of what is left stays for the attempt itself.
        spread = min(spread, (left - floor) / 2)
        return floor + max(_SHORTEST_WAIT_S, self.random.random() * spread)

    def _pay(self, error: ProviderError) -> bool:
        return self.budget.take(self._cost(error))

    def _cost(self, error: ProviderError) -> int:
        throttled = isinstance(error, RateLimitError)
        return self.policy.throttle_cost if throttled else self.policy.cost


async def _permitted(error: ProviderError) -> None:
    permission = PERMISSION.get()
    if permission is not None and error.accepted != "no":
        await permission()


def was_in_doubt(error: ProviderError) -> bool:
    """Say whether an attempt before the one that raised this may have been carried out.

    Then "it is not there" or "it is so already" can be the work of that attempt.
    """
    cause = error.__cause__
    return isinstance(cause, ProviderError) and cause.accepted == "unknown"


async def glance(look: Awaitable[T]) -> tuple[T | None, ProviderError | None]:
    """Give what one look of a wait found, or the trouble that will pass by itself.

    What is waited for goes on at the provider, so `PASSING` trouble must not end the wait: the
    next look may get through. Any other error comes through.
    """
    try:
        return await look, None
    except PASSING as exc:
        return None, exc


class _SilentError(Exception):
    """No answer came within the time."""


async def _within(left_s: float, call: Callable[[float], Awaitable[T]]) -> T:
    # `import tailorbird` brings this module along, and would pay 20 ms for asyncio.
    import asyncio  # noqa: PLC0415

    limit = asyncio.timeout(left_s)
    try:
        async with limit:
            return await call(left_s)
    except TimeoutError:
        if not limit.expired():
            raise  # somebody else's, with a meaning of its own
    # Not chained to the timeout: its frames hold the request's headers, and the key.
    raise _SilentError


def _chain(error: ProviderError, earlier: ProviderError | None) -> None:
    if error.__cause__ is None and earlier is not error:
        error.__cause__ = earlier


def _may_repeat(error: ProviderError, repeat: Repeat) -> bool:
    passing = isinstance(error, _TRANSIENT) if error.should_retry is None else error.should_retry
    wanted = error.accepted == "no" if repeat == "if-refused" else error.accepted != "yes"
    return passing and wanted


def _too_late(
    provider: str, operation: str, timeout_s: float, attempts: int, accepted: Accepted
) -> DeadlineError:
    return DeadlineError(
        f"no answer within {timeout_s:g} s, {attempts} attempt(s) and all waits included;"
        " give the call more time, or try later",
        provider=provider,
        operation=operation,
        accepted=accepted,
    )
