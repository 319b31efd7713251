"""The retry loop: what is repeated, when, and what bounds it."""

from __future__ import annotations

import asyncio
import math
import statistics
from collections.abc import Awaitable, Callable
from random import Random

import pytest
from pydantic import ValidationError
from typing_extensions import override

from tailorbird.exceptions import (
    Accepted,
    ConflictError,
    ConnectError,
    DeadlineError,
    InvalidInputError,
    InvalidRequestError,
    ProviderError,
    QuotaExhaustedError,
    RateLimitError,
    ServiceUnavailableError,
    StreamTruncatedError,
    UnexpectedResponseError,
)
from tailorbird.protocols import Clock
from tailorbird.providers.fake import VirtualClock
from tailorbird.retry import Repeat, Retrier, RetryBudget, RetryPolicy

SEED = 20261122


class Lowest(Random):
    """Draws the smallest number each time."""

    @override
    def random(self) -> float:
        return 0.0


class Highest(Random):
    """Draws a number just below 1 each time."""

    @override
    def random(self) -> float:
        return math.nextafter(1.0, 0.0)


class JumpingClock(VirtualClock):
    """A clock of a machine that falls asleep for an hour on its first wait."""

    @override
    async def sleep(self, seconds: float) -> None:
        assert seconds > 0
        await super().sleep(seconds)
        self.advance(3600.0)


def seeded() -> Random:
    """Give numbers that are the same in each run."""
    return Random(SEED)  # noqa: S311 - it spreads waits


def error(
    kind: type[ProviderError] = ServiceUnavailableError,
    *,
    retry_after_s: float | None = None,
    accepted: Accepted = "unknown",
    should_retry: bool | None = None,
) -> ProviderError:
    """Make an error as a provider's translation does."""
    return kind(
        "scripted",
        provider="fake",
        operation="chat.complete",
        retry_after_s=retry_after_s,
        accepted=accepted,
        should_retry=should_retry,
    )


def too_early(*, after_s: float | None = None) -> ProviderError:
    """Make a rate limit."""
    return error(RateLimitError, retry_after_s=after_s, accepted="no")


class Script:
    """An attempt that fails as scripted and then succeeds; notes when it was called."""

    def __init__(self, clock: Clock, *errors: BaseException) -> None:
        self.clock = clock
        self.errors = list(errors)
        self.at: list[float] = []
        self.left: list[float] = []

    async def __call__(self, left_s: float) -> str:
        """Be one attempt."""
        self.at.append(self.clock.monotonic())
        self.left.append(left_s)
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def make(
    clock: Clock, *, random: Random | None = None, policy: RetryPolicy | None = None
) -> Retrier:
    """Make a retrier with a budget of its own."""
    policy = policy or RetryPolicy()
    return Retrier(policy, clock, random or seeded(), RetryBudget(policy.budget))


async def run(
    retrier: Retrier,
    call: Callable[[float], Awaitable[str]],
    *,
    timeout_s: float = 60.0,
    repeat: Repeat = "safe",
) -> str:
    """Run a call with the usual names."""
    return await retrier.run(
        call, provider="fake", operation="chat.complete", timeout_s=timeout_s, repeat=repeat
    )


async def test_success_is_handed_out_without_a_wait() -> None:
    """A call that succeeds costs one attempt and no time, and is told the whole time."""
    clock = VirtualClock()
    call = Script(clock)
    assert await run(make(clock), call) == "answer"
    assert (call.at, call.left) == ([0.0], [60.0])


async def test_passing_trouble_is_repeated_within_the_same_deadline() -> None:
    """Each attempt is told what is left after the waits before it."""
    clock = VirtualClock()
    call = Script(clock, error(), error(ConnectError, accepted="no"), too_early())
    assert await run(make(clock), call) == "answer"
    assert len(call.at) == 4
    assert call.left == pytest.approx([60.0 - at for at in call.at])


async def test_last_attempt_raises_the_last_error() -> None:
    """When the attempts are used up, the error of the last one comes out as it is."""
    clock = VirtualClock()
    errors = [error() for _ in range(9)]
    call = Script(clock, *errors)
    with pytest.raises(ServiceUnavailableError) as caught:
        await run(make(clock), call)
    assert caught.value is errors[3]
    assert len(call.at) == 4


@pytest.mark.parametrize("drawn", [Lowest(), Highest()])
async def test_asked_wait_is_a_floor(drawn: Random) -> None:
    """B1, B2: the wait that the provider asks for is kept in full, whatever is drawn."""
    clock = VirtualClock()
    call = Script(clock, too_early(after_s=0.05), too_early(after_s=1.0))
    await run(make(clock, random=drawn), call)
    first, second = call.at[1] - call.at[0], call.at[2] - call.at[1]
    assert 0.05 < first <= 0.05 + 0.5
    assert 1.0 < second <= 1.0 + 1.0


@pytest.mark.parametrize("asked", [None, 0.0, -1.0, math.nan, -math.inf])
async def test_useless_wish_leads_to_our_own_wait(asked: float | None) -> None:
    """B4: without a usable wish the wait is ours, and never nothing, even by the least draw."""
    clock = VirtualClock()
    call = Script(clock, too_early(after_s=asked), too_early(after_s=asked))
    await run(make(clock, random=Lowest()), call)
    assert all(
        later - earlier >= 0.01 for earlier, later in zip(call.at, call.at[1:], strict=False)
    )


async def test_own_waits_grow_to_the_cap() -> None:
    """The bound of our own waits doubles from the base up to the cap."""
    clock = VirtualClock()
    policy = RetryPolicy(attempts=6, base_s=1.0, cap_s=4.0, budget=1000)
    call = Script(clock, *[error() for _ in range(5)])
    await run(make(clock, random=Highest(), policy=policy), call, timeout_s=1000.0)
    gaps = [later - earlier for earlier, later in zip(call.at, call.at[1:], strict=False)]
    assert gaps == pytest.approx([1.0, 2.0, 4.0, 4.0, 4.0])


async def test_herd_is_spread() -> None:
    """B7: calls that were refused together with the same wait come back at different times."""
    clock = VirtualClock()
    retrier = make(clock, policy=RetryPolicy(budget=1000))
    calls = [Script(clock, too_early(after_s=1.0)) for _ in range(20)]
    async with asyncio.TaskGroup() as group:
        for call in calls:
            group.create_task(run(retrier, call))
    gaps = [call.at[1] - call.at[0] for call in calls]
    assert min(gaps) >= 1.0
    assert statistics.stdev(gaps) > 0.2


@pytest.mark.parametrize(
    "final",
    [
        error(QuotaExhaustedError, accepted="no"),
        error(InvalidRequestError, accepted="no"),
        error(ConflictError),
        error(DeadlineError),
        error(UnexpectedResponseError, accepted="yes"),
        StreamTruncatedError("cut", text="春", provider="fake", operation="chat.stream"),
        error(should_retry=False),
    ],
)
async def test_lasting_trouble_is_not_repeated(final: ProviderError) -> None:
    """B5, B11: used up quota, wrong requests, accepted calls and a server's no end the call."""
    clock = VirtualClock()
    call = Script(clock, final)
    with pytest.raises(ProviderError) as caught:
        await run(make(clock), call)
    assert caught.value is final
    assert clock.monotonic() == 0.0


async def test_provider_can_ask_for_a_repetition() -> None:
    """A conflict that the server itself calls passing is repeated."""
    clock = VirtualClock()
    call = Script(clock, error(ConflictError, should_retry=True))
    assert await run(make(clock), call) == "answer"


@pytest.mark.parametrize(
    ("trouble", "attempts"),
    [
        (error(ConnectError, accepted="no"), 2),
        (too_early(), 2),
        (error(), 1),
        (error(UnexpectedResponseError), 1),
        (error(ConflictError, should_retry=True), 1),
    ],
)
async def test_creation_is_repeated_only_after_a_refusal(
    trouble: ProviderError, attempts: int
) -> None:
    """B10: what creates something is sent again only when it certainly was not taken."""
    clock = VirtualClock()
    call = Script(clock, trouble)
    if attempts == 1:
        with pytest.raises(type(trouble)):
            await run(make(clock), call, repeat="if-refused")
    else:
        assert await run(make(clock), call, repeat="if-refused") == "answer"
    assert len(call.at) == attempts


async def test_outage_multiplies_traffic_by_a_bounded_factor() -> None:
    """B8: of 200 calls in an outage only the budget is repeated; then calls fail at once."""
    clock = VirtualClock()
    retrier = make(clock)
    sent = 0
    for _ in range(200):
        call = Script(clock, *[error() for _ in range(9)])
        with pytest.raises(ServiceUnavailableError):
            await run(retrier, call)
        sent += len(call.at)
    assert sent == 210
    before = clock.monotonic()
    with pytest.raises(ServiceUnavailableError):
        await run(retrier, Script(clock, error()))
    assert clock.monotonic() == before


async def test_successes_fill_the_budget() -> None:
    """A success gives back what it took, or 1 if it took nothing; never beyond the limit."""
    clock = VirtualClock()
    retrier = make(clock)
    await run(retrier, Script(clock, error(), too_early()))
    assert retrier.budget.left == 100
    with pytest.raises(ServiceUnavailableError):
        await run(retrier, Script(clock, *[error() for _ in range(9)]))
    assert retrier.budget.left == 70
    await run(retrier, Script(clock))
    assert retrier.budget.left == 71


async def test_rate_limits_cost_less() -> None:
    """A repetition after a rate limit takes half of what one after an outage takes."""
    clock = VirtualClock()
    retrier = make(clock)
    with pytest.raises(RateLimitError):
        await run(retrier, Script(clock, *[too_early() for _ in range(9)]))
    assert retrier.budget.left == 85


@pytest.mark.parametrize("asked", [2.0, 1e300, math.inf])
async def test_wait_beyond_the_deadline_is_not_begun(asked: float) -> None:
    """J2: a wish that does not fit in the time left ends the call now, with the last error."""
    clock = VirtualClock()
    call = Script(clock, too_early(after_s=asked))
    with pytest.raises(RateLimitError) as caught:
        await run(make(clock), call, timeout_s=2.0)
    assert caught.value.retry_after_s == asked
    assert clock.monotonic() == 0.0


async def test_waits_leave_time_for_the_attempt() -> None:
    """However close the deadline is, a wait ends before it."""
    clock = VirtualClock()
    call = Script(clock, error(), error(), error())
    with pytest.raises(ServiceUnavailableError):
        await run(make(clock, random=Highest()), call, timeout_s=0.03)
    assert len(call.at) == 3
    assert min(call.left) > 0


async def test_silence_ends_at_the_deadline_of_the_call() -> None:
    """A5: an attempt that never answers ends with the deadline, as an unknown outcome."""

    async def silent(_left_s: float) -> str:
        await asyncio.Event().wait()
        return "never"

    with pytest.raises(DeadlineError, match=r"within 0\.5 s, 1 attempt") as caught:
        await run(make(VirtualClock()), silent, timeout_s=0.5)
    assert caught.value.accepted == "unknown"
    # The frames of the timeout would show the request with its key.
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


async def test_deadline_shows_what_went_wrong_before() -> None:
    """When the time ends in a later attempt, the cause is the error of the one before."""
    clock = VirtualClock()
    first = error()
    call = Script(clock, first)

    async def then_silent(left_s: float) -> str:
        await call(left_s)
        await asyncio.Event().wait()
        return "never"

    with pytest.raises(DeadlineError, match=r"2 attempt") as caught:
        await run(make(clock, random=Lowest()), then_silent, timeout_s=1.0)
    assert caught.value.__cause__ is first


async def test_error_keeps_the_cause_that_it_came_with() -> None:
    """An earlier attempt does not push out what an error was caused by."""
    clock = VirtualClock()
    last = error(InvalidRequestError, accepted="no")
    last.__cause__ = own = OSError("the disk")
    with pytest.raises(InvalidRequestError) as caught:
        await run(make(clock), Script(clock, too_early(), last))
    assert caught.value.__cause__ is own


async def test_clock_that_jumps_ends_the_call() -> None:
    """B19: when the machine slept through the deadline, nothing more is sent."""
    clock = JumpingClock()
    first = too_early()
    call = Script(clock, first)
    with pytest.raises(DeadlineError) as caught:
        await run(make(clock), call)
    assert len(call.at) == 1
    assert caught.value.__cause__ is first
    assert caught.value.accepted == "no"


async def test_clock_that_jumps_during_an_attempt_leaves_its_error() -> None:
    """B19: an attempt that fails after the deadline is not repeated, and no wait is negative."""
    clock = JumpingClock()

    async def slow(_left_s: float) -> str:
        clock.advance(3600.0)
        raise error()

    with pytest.raises(ServiceUnavailableError):
        await run(make(clock), slow)


async def test_time_limit_of_somebody_else_is_not_ours() -> None:
    """A TimeoutError from within the attempt is passed on as it is."""
    clock = VirtualClock()
    theirs = TimeoutError("theirs")
    with pytest.raises(TimeoutError) as caught:
        await run(make(clock), Script(clock, theirs))
    assert caught.value is theirs


@pytest.mark.parametrize("checkpoints", range(12))
async def test_cancellation_goes_through_everywhere(checkpoints: int) -> None:
    """J1: cancelled at any await point, the call ends as cancelled and nothing goes on."""
    clock = VirtualClock()
    calls = 0

    async def failing(_left_s: float) -> str:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0)
        raise too_early(after_s=1.0)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(run(make(clock), failing))
        for _ in range(checkpoints):
            await asyncio.sleep(0)
        task.cancel()
    assert task.cancelled()
    before = calls
    await asyncio.sleep(0)
    assert calls == before


async def test_failing_call_ends_its_group() -> None:
    """J5: one refused call of 20 ends the others cleanly, and its error is the group's."""
    clock = VirtualClock()
    retrier = make(clock)
    ended = 0

    async def waiting(_left_s: float) -> str:
        nonlocal ended
        try:
            await clock.sleep(10.0)
        finally:
            ended += 1
        return "late"

    async def together() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(19):
                group.create_task(run(retrier, waiting))
            group.create_task(run(retrier, Script(clock, error(InvalidRequestError))))

    with pytest.raises(ExceptionGroup) as caught:
        await together()
    assert [type(each) for each in caught.value.exceptions] == [InvalidRequestError]
    assert ended == 19


@pytest.mark.parametrize("timeout_s", [0.0, -1.0, math.nan, math.inf])
async def test_time_must_be_a_number_above_zero(timeout_s: float) -> None:
    """A timeout that is no time is refused before anything is sent."""
    clock = VirtualClock()
    call = Script(clock)
    with pytest.raises(InvalidInputError, match="timeout_s"):
        await run(make(clock), call, timeout_s=timeout_s)
    assert call.at == []


@pytest.mark.parametrize("attempts", [-1, 0, 10**9, True, "3", 2.0])
def test_attempts_are_a_small_number(attempts: object) -> None:
    """cfg11: a number of attempts that is none is refused."""
    with pytest.raises(ValidationError):
        RetryPolicy.model_validate({"attempts": attempts})


@pytest.mark.parametrize("base_s", [0, -1, math.nan, math.inf])
def test_waits_are_numbers_above_zero(base_s: float) -> None:
    """A base that would make waits of no length, or none that end, is refused."""
    with pytest.raises(ValidationError):
        RetryPolicy(base_s=base_s)
