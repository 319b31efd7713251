"""Scripts: what a fake is told to do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tailorbird.exceptions import (
    AuthenticationError,
    ConnectError,
    ContentFilteredError,
    DeadlineError,
    InvalidRequestError,
    PermissionDeniedError,
    ProviderError,
    QuotaExhaustedError,
    RateLimitError,
    ScriptError,
    ServiceUnavailableError,
    StreamTruncatedError,
    UnsupportedError,
)
from tailorbird.providers.fake import (
    Cut,
    Delay,
    Events,
    FakeProvider,
    FakeSettings,
    Fault,
    Lag,
    Says,
    Script,
    Statuses,
)
from tailorbird.types import EventId, JobEvent, Message, ModelId

if TYPE_CHECKING:
    from conftest import Tools

MODEL = ModelId("fake-chat")
HELLO = [Message.user("Hello?")]


def fake(script: Script) -> FakeProvider:
    """Make a scripted fake without latency."""
    return FakeProvider(FakeSettings(latency_s=0), script=script)


async def test_steps_apply_to_their_occurrence() -> None:
    """A step applies to the call of its number, and to none before or after."""
    script = Script().on("chat.complete", Says("second"), occurrence=2)
    async with fake(script) as provider:
        texts = [(await provider.chat.complete(HELLO, model=MODEL)).text for _ in range(3)]
    assert texts[1] == "second"
    assert texts[0] == texts[2] != "second"


async def test_steps_apply_as_often_as_told() -> None:
    """`times` repeats a step, and None repeats it for ever."""
    script = (
        Script()
        .on("chat.complete", Says("twice"), times=2)
        .on("chat.complete", Says("ever"), occurrence=3, times=None)
    )
    async with fake(script) as provider:
        texts = [(await provider.chat.complete(HELLO, model=MODEL)).text for _ in range(5)]
    assert texts == ["twice", "twice", "ever", "ever", "ever"]


def test_scripts_are_values() -> None:
    """`on` gives a longer script and leaves the shorter one as it was."""
    short = Script().on("chat.complete", Says("a"))
    long = short.on("chat.complete", Says("b"), occurrence=2)
    assert (len(short.steps), len(long.steps)) == (1, 2)


async def test_one_script_serves_several_providers() -> None:
    """Each provider plays the script from its beginning."""
    script = Script().on("chat.complete", Says("again"))
    for _ in range(2):
        async with fake(script) as provider:
            assert (await provider.chat.complete(HELLO, model=MODEL)).text == "again"


async def test_unused_steps_are_an_error_at_close() -> None:
    """Leaving the block with unused steps lists them, and how often each operation was called."""
    script = (
        Script()
        .on("chat.complete", Says("used"))
        .on("chat.complete", Says("late"), occurrence=5)
        .on("jobs.create", Fault.lost_answer())
    )
    with pytest.raises(ScriptError) as caught:
        async with fake(script) as provider:
            await provider.chat.complete(HELLO, model=MODEL)
    text = str(caught.value)
    assert "2 step(s)" in text
    assert "chat.complete #5: Says (called 1 times)" in text
    assert "jobs.create #1: Fault (called 0 times)" in text


async def test_unused_steps_do_not_hide_another_exception() -> None:
    """An exception that is on its way is not replaced by the complaint about the script."""
    script = Script().on("jobs.create", Fault.lost_answer())
    with pytest.raises(KeyError, match="mine"):
        async with fake(script):
            raise KeyError("mine")


def test_unknown_operation_is_refused() -> None:
    """A wrong operation is refused with the nearest right one."""
    with pytest.raises(ScriptError, match=r"did you mean 'jobs\.create'"):
        Script().on("job.create", Delay(1))  # type: ignore[arg-type]  # the mistake under test
    with pytest.raises(ScriptError, match=r"there are: files\.create"):
        Script().on("???", Delay(1))  # type: ignore[arg-type]  # the mistake under test


@pytest.mark.parametrize(
    ("operation", "effect"),
    [
        ("jobs.create", Says("x")),
        ("chat.complete", Statuses("queued")),
        ("chat.complete", Cut(1)),
        ("jobs.get", Lag(lookups=1)),
        ("jobs.list", Events()),
    ],
)
def test_effect_must_fit_the_operation(operation: str, effect: Says) -> None:
    """An effect that the operation cannot have is refused, with the operations it fits."""
    with pytest.raises(ScriptError, match="it fits"):
        Script().on(operation, effect)  # type: ignore[arg-type]  # a parametrized literal


@pytest.mark.parametrize(("occurrence", "times"), [(0, 1), (-1, 1), (1, 0)])
def test_numbers_count_from_one(occurrence: int, times: int) -> None:
    """Occurrences and repetitions below 1 are refused."""
    with pytest.raises(ScriptError, match="count from 1"):
        Script().on("chat.complete", Says("x"), occurrence=occurrence, times=times)


def test_statuses_need_a_word() -> None:
    """A script of no statuses is refused."""
    with pytest.raises(ScriptError, match="at least one word"):
        Statuses()


async def test_delays_take_time_by_the_clock() -> None:
    """A delay passes by the clock, on top of the latency."""
    script = Script().on("chat.complete", Delay(30)).on("chat.complete", Delay(12))
    provider = FakeProvider(FakeSettings(latency_s=1), script=script)
    async with provider:
        await provider.chat.complete(HELLO, model=MODEL)
        assert provider.clock.monotonic() == 43


async def test_delay_beyond_the_time_limit_is_a_deadline() -> None:
    """A call that takes longer than its limit ends at the limit, and nobody knows its outcome."""
    script = Script().on("chat.complete", Delay(100))
    async with fake(script) as provider:
        with pytest.raises(DeadlineError) as caught:
            await provider.chat.complete(HELLO, model=MODEL, timeout_s=20)
        assert provider.clock.monotonic() == 20
    assert caught.value.accepted == "unknown"


async def test_last_effect_of_a_kind_wins() -> None:
    """Of two replies for the same call the later one is given."""
    script = Script().on("chat.complete", Says("a")).on("chat.complete", Says("b"))
    async with fake(script) as provider:
        assert (await provider.chat.complete(HELLO, model=MODEL)).text == "b"


@pytest.mark.parametrize(
    ("fault", "kind", "status", "accepted"),
    [
        (Fault.rate_limited(retry_after_s=2.5), RateLimitError, 429, "no"),
        (Fault.out_of_quota(), QuotaExhaustedError, 429, "no"),
        (Fault.unavailable(status_code=502), ServiceUnavailableError, 502, "unknown"),
        (Fault.lost_answer(), ServiceUnavailableError, None, "unknown"),
        (Fault.no_connection(), ConnectError, None, "no"),
        (Fault.timed_out(), DeadlineError, None, "unknown"),
        (Fault.wrong_key(), AuthenticationError, 401, "no"),
        (Fault.refused("no such thing", code="bad"), InvalidRequestError, 400, "no"),
        (Fault.training_closed(), PermissionDeniedError, 403, "no"),
        (Fault.filtered(), ContentFilteredError, 400, "yes"),
        (Fault.filtered(stage="completion"), ContentFilteredError, 200, "yes"),
    ],
)
async def test_faults_are_the_errors_of_a_provider(
    tools: Tools, fault: Fault, kind: type[ProviderError], status: int | None, accepted: str
) -> None:
    """Each fault is its error, with provider, operation, status and what may have been accepted."""
    async with fake(Script().on("models.list", fault)) as provider:
        with pytest.raises(kind) as caught:
            await tools.drain(provider.models.list())
    error = caught.value
    assert (error.provider, error.operation) == ("fake", "models.list")
    assert (error.status_code, error.accepted) == (status, accepted)
    assert error.code == fault.code
    assert error.retry_after_s == fault.retry_after_s


async def test_filter_tells_stage_and_categories() -> None:
    """A content filter's fault carries where it acted and what it found."""
    fault = Fault.filtered(stage="completion", categories=("hate", "self_harm"))
    async with fake(Script().on("chat.complete", fault)) as provider:
        with pytest.raises(ContentFilteredError) as caught:
            await provider.chat.complete(HELLO, model=MODEL)
    assert caught.value.stage == "completion"
    assert caught.value.categories == ("hate", "self_harm")


async def test_fault_after_the_effect_keeps_the_effect() -> None:
    """A lost answer leaves what the call made; a refusal leaves nothing."""
    script = (
        Script()
        .on("files.create", Fault.unavailable())
        .on("files.create", Fault.lost_answer(), occurrence=2)
    )
    async with fake(script) as provider:
        for _ in range(2):
            with pytest.raises(ServiceUnavailableError):
                await provider.files.create(b"{}\n", name="a.jsonl")
        assert len([stored async for stored in provider.files.list()]) == 1


def test_accepted_no_contradicts_an_effect() -> None:
    """A fault after the effect that claims to be safe to repeat is refused."""
    with pytest.raises(ScriptError, match="accepted='no'"):
        Fault(accepted="no", after_effect=True)


def test_truncated_streams_have_their_own_effect() -> None:
    """A truncated stream as a fault is refused, with the effect that does it."""
    with pytest.raises(ScriptError, match="Cut"):
        Fault(error=StreamTruncatedError)


def test_training_closed_is_unsupported_at_creation_only() -> None:
    """The code of a closed account is a missing capability where jobs are created."""
    fault = Fault.training_closed()
    created = fault.to_error(provider="fake", operation="jobs.create")
    assert isinstance(created, UnsupportedError)
    assert created.capability == "jobs.create"
    assert "training_not_available" in str(created)
    assert isinstance(fault.to_error(provider="fake", operation="jobs.get"), PermissionDeniedError)


async def test_function_must_give_an_answer() -> None:
    """A scripted function that gives neither text nor reply is the script's error."""
    says = Says(lambda _: 42)  # type: ignore[arg-type,return-value]  # the mistake under test
    with pytest.raises(ScriptError, match="got int"):
        async with fake(Script().on("chat.complete", says)) as provider:
            await provider.chat.complete(HELLO, model=MODEL)


async def test_function_sees_the_messages() -> None:
    """A scripted function makes the answer from the messages of its call."""
    says = Says(lambda messages: f"you said {messages[-1].text}")
    async with fake(Script().on("chat.complete", says)) as provider:
        assert (await provider.chat.complete(HELLO, model=MODEL)).text == "you said Hello?"


async def test_scripted_events_replace_the_log(tools: Tools) -> None:
    """Scripted events come as they are, twice and out of order, for that one call."""
    event = JobEvent(id=EventId("e1"), created_at=datetime(2026, 1, 1, tzinfo=UTC), message="m")
    script = Script().on("jobs.events", Events(event, event))
    provider = FakeProvider(script=script)
    async with provider:
        job = await tools.start(provider)
        assert [one async for one in provider.jobs.events(job.id)] == [event, event]
        assert event not in [one async for one in provider.jobs.events(job.id)]
