"""A purse: what is reserved, given back, written down, and kept for others to see."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tailorbird.exceptions import BudgetExceededError, StorageError
from tailorbird.journal import Hosting, Journal, Spending
from tailorbird.journal.holds import to_nano, to_usd
from tailorbird.providers.fake import VirtualClock
from tailorbird.types import Budget, DeploymentName, ModelId, Usage
from tailorbird.workflow.money.purse import Purse
from tailorbird.workflow.money.subject import current_subject, spending_on

ACCOUNT = "fake/test"
DOLLAR = 10**9
USED = Usage(input_tokens=10, output_tokens=5)

MakePurse = Callable[..., Purse]


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    """A journal in a file."""
    opened = await asyncio.to_thread(Journal, tmp_path / "journal.sqlite")
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> VirtualClock:
    """A clock that waits for nobody."""
    return VirtualClock()


@pytest.fixture
def make(journal: Journal, clock: VirtualClock) -> MakePurse:
    """A maker of purses at one journal."""

    def make(usd: float | None, period: str = "all", **more: object) -> Purse:
        budget = None
        if usd is not None:
            budget = Budget.model_validate({"usd": usd, "period": period, **more})
        return Purse(journal=journal, identity=ACCOUNT, clock=clock, budget=budget)

    return make


def settle(purse: Purse, nano: int, cost: int | None) -> None:
    """Settle a call of one model."""
    purse.settle(nano, on=purse.account("chat", "m"), usage=USED, cost=cost)


async def paid(journal: Journal) -> list[tuple[int, Decimal | None]]:
    """Give calls and dollars of what was written down."""
    found = await journal.ledger.list(identity=ACCOUNT)
    return [(one.calls, one.usd) for one in found]


async def test_what_is_reserved_is_held_for_all_to_see(make: MakePurse, journal: Journal) -> None:
    """Two purses share one budget: what one of them took, the other cannot take."""
    first, second = make(10), make(10)
    await first.reserve(8 * DOLLAR, about="a call")
    with pytest.raises(
        BudgetExceededError, match=r"10 USD in all .* may cost 3 USD: 1\.75 USD"
    ) as caught:
        await second.reserve(3 * DOLLAR, about="a call")
    refused = caught.value
    assert (refused.limit, refused.needed, refused.left) == (10, 3, Decimal("1.75"))
    assert (refused.spent, refused.held) == (0, Decimal("8.25"))
    settle(first, 8 * DOLLAR, DOLLAR)
    await first.close()
    await second.reserve(8 * DOLLAR, about="a call")
    assert await paid(journal) == [(1, Decimal(1))]
    [hold] = await journal.holds.list(identity=ACCOUNT)
    assert Decimal(9) >= hold.usd >= Decimal(8)


async def test_a_call_waits_for_one_that_may_leave_enough(make: MakePurse) -> None:
    """Where a call under way will give something back, the next one waits and is not refused."""
    purse = make(10)
    await purse.reserve(6 * DOLLAR, about="a call")
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(purse.reserve(6 * DOLLAR, about="a call"))
        for _ in range(50):
            await asyncio.sleep(0)
        assert not waiting.done()
        with pytest.raises(BudgetExceededError):
            await purse.reserve(6 * DOLLAR, about="a call", patient=False)
        settle(purse, 6 * DOLLAR, DOLLAR)
    assert purse.taken == 6 * DOLLAR


async def test_who_waits_is_refused_when_nothing_is_left(make: MakePurse) -> None:
    """When the last call under way leaves too little, those that waited for it are refused."""
    purse = make(10)
    await purse.reserve(6 * DOLLAR, about="a call")
    waiting = asyncio.get_running_loop().create_task(purse.reserve(6 * DOLLAR, about="a call"))
    for _ in range(50):
        await asyncio.sleep(0)
    settle(purse, 6 * DOLLAR, 5 * DOLLAR)
    with pytest.raises(BudgetExceededError):
        await waiting


async def test_the_worst_counts_where_nobody_knows(make: MakePurse, journal: Journal) -> None:
    """A call without a known cost is spent in full within a budget, and unknown without one."""
    purse = make(10)
    await purse.reserve(2 * DOLLAR, about="a call")
    settle(purse, 2 * DOLLAR, None)
    await purse.close()
    [entry] = await journal.ledger.list(identity=ACCOUNT)
    assert entry.usd == entry.assumed == 2
    free = make(None)
    settle(free, 0, None)
    await free.flush()
    [entry] = await journal.ledger.list(identity=ACCOUNT)
    assert (entry.calls, entry.usd, entry.usage) == (2, None, USED + USED)


async def test_more_than_the_worst_is_counted_too(make: MakePurse, journal: Journal) -> None:
    """A call that cost more than anybody could foresee leaves less, and no hole in the books."""
    purse = make(10)
    await purse.reserve(DOLLAR, about="a call")
    settle(purse, DOLLAR, 9 * DOLLAR)
    with pytest.raises(BudgetExceededError):
        await purse.reserve(2 * DOLLAR, about="a call")
    await purse.reserve(DOLLAR, about="a call")
    purse.release(DOLLAR)
    await purse.close()
    assert await paid(journal) == [(1, Decimal(9))]
    assert await journal.holds.list(identity=ACCOUNT) == ()


async def test_a_day_begins_anew(make: MakePurse, clock: VirtualClock, journal: Journal) -> None:
    """At midnight what was held is given back, and what was spent counts no more."""
    purse = make(10, "day")
    await purse.reserve(9 * DOLLAR, about="a call")
    settle(purse, 9 * DOLLAR, 9 * DOLLAR)
    with pytest.raises(BudgetExceededError, match="a day"):
        await purse.reserve(9 * DOLLAR, about="a call")
    await clock.sleep(86_400)
    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(purse.reserve(5 * DOLLAR, about="a call"))
    assert [one for _, one in await paid(journal)] == [Decimal(9)]


async def test_a_call_counts_on_the_day_on_which_it_was_allowed(
    make: MakePurse, clock: VirtualClock, journal: Journal
) -> None:
    """What ends after midnight is written down for the day before."""
    purse = make(10, "day")
    account = purse.account("chat", "m")
    await purse.reserve(DOLLAR, about="a call")
    await clock.sleep(86_400)
    purse.settle(DOLLAR, on=account, usage=USED, cost=DOLLAR)
    await purse.flush()
    [entry] = await journal.ledger.list(identity=ACCOUNT)
    assert f"{entry.at:%Y-%m-%d}" == account.day != f"{clock.now():%Y-%m-%d}"


async def test_a_run_has_its_own_budget(make: MakePurse, journal: Journal) -> None:
    """What others spend and spent does not count, and nothing is held for a run in the journal."""
    await journal.ledger.record(
        Spending(
            at=VirtualClock().now(), identity=ACCOUNT, what="training", model="m", usd=Decimal(99)
        )
    )
    purse = make(10, "run")
    await purse.reserve(6 * DOLLAR, about="a call")
    await purse.hold("training", "file-1", 4 * DOLLAR, subject="base")
    settle(purse, 6 * DOLLAR, 2 * DOLLAR)
    with pytest.raises(
        BudgetExceededError, match=r"for this run .* 4 USD of it are left; "
    ) as caught:
        await purse.reserve(5 * DOLLAR, about="a call")
    assert (caught.value.left, caught.value.spent, caught.value.held) == (4, None, None)
    await purse.let_go("training", "file-1", 4 * DOLLAR)
    await purse.reserve(8 * DOLLAR, about="a call")
    assert await journal.holds.list(identity=ACCOUNT) == ()


async def test_jobs_are_held_by_name(make: MakePurse, journal: Journal) -> None:
    """Money for a job is held until its cost is written down under the same reference."""
    purse = make(10)
    await purse.reserve(DOLLAR // 100, about="a call")
    purse.release(DOLLAR // 100)
    # What calls took ahead does not stand in the way of a job.
    await purse.hold("training", "file-1", 10 * DOLLAR, subject="base")
    with pytest.raises(BudgetExceededError, match="batch-1"):
        await purse.hold("chat", "batch-1", 1, subject="")
    await purse.hold("training", "file-1", 9 * DOLLAR, subject="base")
    await journal.holds.rename(ACCOUNT, "training", "file-1", to="job-1")
    await journal.holds.resize(ACCOUNT, "training", "job-1", usd=Decimal(3))
    [hold] = await journal.holds.list(identity=ACCOUNT)
    assert (hold.what, hold.reference, hold.subject, hold.usd) == ("training", "job-1", "base", 3)
    await journal.ledger.record(
        Spending(
            at=VirtualClock().now(),
            identity=ACCOUNT,
            what="training",
            reference="job-1",
            model="m",
            usd=Decimal(4),
        )
    )
    assert await journal.holds.list(identity=ACCOUNT) == ()
    await purse.hold("chat", "batch-2", 6 * DOLLAR, subject="")
    await purse.let_go("chat", "batch-2")
    assert await journal.holds.list(identity=ACCOUNT) == ()


async def test_without_a_budget_nothing_is_held(make: MakePurse, journal: Journal) -> None:
    """Without a limit everything goes through, and is written down."""
    purse = make(None)
    await purse.reserve(DOLLAR, about="a call")
    await purse.hold("training", "file-1", DOLLAR, subject="base")
    await purse.let_go("training", "file-1")
    await purse.close()
    assert await journal.holds.list(identity=ACCOUNT) == ()


async def test_what_stands_counts_by_the_hour(
    make: MakePurse, clock: VirtualClock, journal: Journal
) -> None:
    """A deployment counts for some hours at least, and for as long as it stands."""
    for name, hourly in (("a", Decimal(1)), ("b", None)):
        await journal.ledger.begin_hosting(
            Hosting(
                identity=ACCOUNT,
                name=DeploymentName(name),
                model=ModelId("m"),
                hourly=hourly,
                since=clock.now(),
            )
        )
    purse = make(10, hosting_hours=4)
    await purse.reserve(6 * DOLLAR, about="a call")
    purse.release(6 * DOLLAR)
    await clock.sleep(5 * 3600)
    fresh = make(10, hosting_hours=4)
    with pytest.raises(BudgetExceededError, match=r"5 USD spent"):
        await fresh.reserve(6 * DOLLAR, about="a call")


async def test_what_was_spent_is_written_in_time(make: MakePurse, journal: Journal) -> None:
    """Five hundred calls are written down at once, and summed up in one entry a subject."""
    purse = make(None)
    for number in range(500):
        with spending_on("handbook" if number % 2 else ""):
            settle(purse, 0, 10)
        await purse.tidy()
    found = await journal.ledger.list(identity=ACCOUNT)
    assert {(one.subject, one.calls) for one in found} == {("handbook", 250), ("", 250)}
    assert sum(to_nano(one.usd or Decimal(0)) for one in found) == 5_000


async def test_trouble_with_the_journal_costs_no_answer(
    make: MakePurse, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be written is kept and told, and closing raises."""
    purse = make(1)
    await purse.reserve(5_000, about="a call")
    for _ in range(500):
        settle(purse, 0, 10)
    await journal.close()
    with caplog.at_level(logging.WARNING, "tailorbird.workflow"):
        await purse.tidy()
    assert "could not be written down yet" in caplog.text
    trying = asyncio.get_running_loop().create_task(purse.flush())
    for _ in range(3):
        await asyncio.sleep(0)
    settle(purse, 0, 10)
    with pytest.raises(StorageError):
        await trying
    with pytest.raises(StorageError):
        await purse.close()
    assert purse.free + purse.taken + 501 * 10 == 32 * 5_000


async def test_nothing_is_asked_for_what_came_back_meanwhile(make: MakePurse) -> None:
    """Who waited for the journal finds what others gave back, and does not ask again."""
    purse = make(10)
    await purse.reserve(5 * DOLLAR, about="a call")
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(purse.reserve(4 * DOLLAR, about="a call")) for _ in range(2)]
        await asyncio.sleep(0)
        settle(purse, 5 * DOLLAR, 0)
    assert all(one.done() for one in asking)
    assert purse.taken == 8 * DOLLAR


async def test_a_cancelled_claim_arrives_all_the_same(make: MakePurse, journal: Journal) -> None:
    """What the journal has granted is not lost when the caller is cancelled meanwhile."""
    purse = make(10)
    task = asyncio.get_running_loop().create_task(purse.reserve(DOLLAR, about="a call"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await purse.reserve(DOLLAR, about="a call")
    [hold] = await journal.holds.list(identity=ACCOUNT)
    assert to_nano(hold.usd) == purse.free + purse.taken
    purse.release(DOLLAR)
    await purse.close()
    assert await journal.holds.list(identity=ACCOUNT) == ()


async def test_who_asks_while_another_asks_waits_for_it(make: MakePurse, journal: Journal) -> None:
    """Many tasks that find nothing at hand ask the journal once, and share what it grants."""
    purse = make(100)
    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(purse.reserve(1_000, about="a call"))
    assert purse.taken == 20_000
    [hold] = await journal.holds.list(identity=ACCOUNT)
    assert hold.usd == to_usd(32_000)


def test_the_outer_subject_counts() -> None:
    """What a comparison has embedded is spent for the comparison."""
    assert current_subject() == ""
    with spending_on("comparison"), spending_on("handbook"):
        assert current_subject() == "comparison"
    assert current_subject() == ""
