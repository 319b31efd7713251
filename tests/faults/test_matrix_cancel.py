"""Row J of the fault matrix: cancellation anywhere, and deadlines within waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from tailorbird.exceptions import (
    InvalidInputError,
    InvalidRequestError,
    RateLimitError,
    ServiceUnavailableError,
    TailorbirdError,
)
from tailorbird.protocols import Provider, SystemClock
from tailorbird.providers.openai import OpenAIProvider
from tailorbird.testing.faults import Disconnect, Stall, Status, Step
from tailorbird.types.secrets import Secret

if TYPE_CHECKING:
    from conftest import Site

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

ASKS = "/v1/chat/completions"
JOBS = "/v1/fine_tuning/jobs"
POINTS = range(400)  # more turns of the loop than any of these calls takes


async def cancel_after(turns: int, call: Coroutine[object, object, object]) -> bool:
    """Cancel a call after so many turns of the event loop; say whether it was still going on."""
    task = asyncio.get_running_loop().create_task(call)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()  # nothing else may come of it
    return task.cancelled()


def mine() -> set[asyncio.Task[object]]:
    """Give the tasks that do not belong to the servers of this test."""
    return {one for one in asyncio.all_tasks() if "/testing/" not in repr(one)}


async def ask(site: Site, account: Provider) -> None:
    """Ask a question."""
    await site.ask(account)


async def follow(site: Site, account: Provider) -> None:
    """Read a streamed answer."""
    async with site.stream(account) as stream:
        async for _ in stream:
            pass


async def embed(site: Site, account: Provider) -> None:
    """Embed two texts."""
    model = site.roles["openai"]["embedding"].callable_id
    await account.embeddings.embed(["一つ", "二つ"], model=model)


async def upload(_site: Site, account: Provider) -> None:
    """Upload a file, and delete it."""
    content = b'{"messages": [{"role": "user", "content": "?"}]}\n'
    stored = await account.files.create(content, name="rows.jsonl", purpose="user_data")
    await account.files.delete(stored.id)


async def read_all(_site: Site, account: Provider) -> None:
    """List what there is."""
    _ = [one async for one in account.models.list()]
    _ = [one async for one in account.jobs.list()]


CALLS = [ask, follow, embed, upload, read_all]


@pytest.mark.parametrize("call", CALLS)
async def test_cancelled_anywhere_nothing_leaks(
    site: Site, call: Callable[[Site, Provider], Coroutine[object, object, None]]
) -> None:
    """J1: after each turn of the loop: cancelled, no task left, the one connection is free."""
    account = await site.openai(clock=SystemClock(), http={"max_connections": 1})
    await call(site, account)  # imports and the first connection
    before = mine()
    cancelled = 0
    for turns in POINTS:
        if not await cancel_after(turns, call(site, account)):
            break
        cancelled += 1
    assert cancelled > 5
    assert mine() == before
    await asyncio.wait_for(site.ask(account), 60)
    await account.__aexit__(None, None, None)
    await site.server.until_disconnected()


async def test_cancelled_in_a_retry_wait_nothing_more_is_sent(site: Site) -> None:
    """J1: cancelled while it waits between two attempts, a call sends nothing more."""
    account = await site.openai(clock=SystemClock())
    site.break_next(Step(fault=Status(429, headers={"retry-after": "30"}), path=ASKS))
    task = asyncio.get_running_loop().create_task(site.ask(account))
    await site.server.until_seen(1)
    for _ in range(20):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(site.server.seen) == 1


async def test_cancelled_by_the_callers_own_timeout(site: Site) -> None:
    """J1: a `timeout` around a call is the caller's `TimeoutError`, none of ours."""
    account = await site.openai(clock=SystemClock())
    site.break_next(Step(fault=Stall(60), path=ASKS, times=3))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.0):
            await site.ask(account)
    with pytest.raises(TimeoutError):
        with anyio.fail_after(1.0):
            await site.ask(account)
    with anyio.move_on_after(1.0) as scope:
        await site.ask(account)
    assert scope.cancelled_caught
    await site.server.until_disconnected()
    assert (await site.ask(account)).text


async def test_cancelled_start_at_any_turn_is_one_job_in_the_end(
    site: Site, tmp_path: Path
) -> None:
    """J1: a start that is cancelled at any moment, and asked for again, is one job and one file."""
    async with site.make_bench(tmp_path) as bench:
        for turns in range(0, 600, 6):
            task = asyncio.get_running_loop().create_task(site.start(bench))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                break
        handle = await site.start(bench)
    assert len(site.seen("POST", "/fine_tuning/jobs")) == 1
    assert (site.app.live_jobs(), await site.files_there()) == (1, 1)
    assert handle.job_id


@pytest.mark.parametrize("number", range(1, 7))
@pytest.mark.parametrize("is_lost", [False, True])
async def test_cancelled_with_any_request_under_way(
    site: Site, number: int, *, is_lost: bool
) -> None:
    """J1: cancelled when the n-th request was handled, with or without its answer: one job."""
    bench = await site.bench(timeout_s=60)
    await warm_up(bench.provider)
    already = len(site.server.seen)
    fault = Stall(0.1) if not is_lost else Disconnect(reset=True)
    skipped = [Step(fault=None, times=number - 1)] if number > 1 else []
    site.break_next(*skipped, Step(fault=fault, commit=True))
    task = asyncio.get_running_loop().create_task(site.start(bench))
    await site.server.until_seen(already + number)
    task.cancel()
    await asyncio.wait([task])
    handle = await site.start(bench)
    assert (await bench.resume("shelves")).job_id == handle.job_id
    assert len(site.seen("POST", "/fine_tuning/jobs")) == 1
    assert (site.app.live_jobs(), await site.files_there()) == (1, 1)


async def warm_up(account: Provider) -> None:
    """Make the first call, with its imports."""
    _ = [one async for one in account.models.list()]


async def test_cancelled_wait_leaves_the_job_alone(site: Site) -> None:
    """J1: who stops to wait stops no job."""
    bench = await site.bench()
    handle = await site.start(bench)
    site.break_next(Step(fault=Stall(60), path=f"{JOBS}/{handle.job_id}"))
    seen = len(site.server.seen)
    task = asyncio.get_running_loop().create_task(handle.wait())
    await site.server.until_seen(seen + 1)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert site.app.live_jobs() == 1
    assert site.seen("POST", f"/fine_tuning/jobs/{handle.job_id}/cancel") == []
    assert (await handle.wait()).fine_tuned_model


async def test_deadline_within_a_retry_wait_keeps_the_cause(site: Site) -> None:
    """J2: a call whose waits do not fit ends in time, with what the provider said last."""
    account = await site.openai(clock=SystemClock(), retry={"base_s": 5.0})
    site.break_next(Step(fault=Status(503, {"error": {"message": "down"}}), path=ASKS, times=None))
    start = asyncio.get_running_loop().time()
    with pytest.raises(TailorbirdError) as caught:
        await site.ask(account, timeout_s=1.5)
    assert asyncio.get_running_loop().time() - start < 4.0
    causes = [caught.value, caught.value.__cause__]
    assert any(isinstance(one, ServiceUnavailableError) for one in causes)


def test_other_event_loops_are_refused_in_words() -> None:
    """J4: where no event loop of asyncio runs, as under trio, opening says so."""
    account = OpenAIProvider(key=Secret("sk-test-0123456789", source="test"))
    with pytest.raises(InvalidInputError, match="asyncio"):
        account.__aenter__().send(None)


async def test_one_failing_call_of_a_group(site: Site) -> None:
    """J5: one refusal among 20 calls ends the others clean, and is the only error."""
    account = await site.openai(clock=SystemClock(), http={"max_connections": 20})
    site.break_next(
        Step(fault=Stall(60), path=ASKS, times=19),
        Step(fault=Status(400, {"error": {"message": "bad"}}), path=ASKS),
    )
    before = mine()

    async def ask_all() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(20):
                group.create_task(site.ask(account))

    with pytest.raises(ExceptionGroup) as caught:
        await ask_all()
    [error] = caught.value.exceptions
    assert isinstance(error, InvalidRequestError)
    assert mine() == before
    # Each of the 20 connections can be had again.
    replies = await site.together(*(site.ask(account, timeout_s=60) for _ in range(20)))
    assert [reply for reply in replies if isinstance(reply, Exception)] == []


async def test_several_failing_calls_are_all_told(site: Site) -> None:
    """J5: calls that fail by themselves are each told, in their own words."""
    account = await site.openai(retry={"attempts": 1})
    site.break_next(
        Step(fault=Status(400, {"error": {"message": "bad"}}), path=ASKS, times=2),
        Step(fault=Status.rate_limited(retry_after_ms=1), path=ASKS),
    )
    calls: list[Awaitable[object]] = [site.ask(account) for _ in range(10)]
    outcomes = await site.together(*calls)
    assert sum(isinstance(one, InvalidRequestError) for one in outcomes) == 2
    assert sum(isinstance(one, RateLimitError) for one in outcomes) == 1
    assert sum(isinstance(one, Exception) for one in outcomes) == 3
