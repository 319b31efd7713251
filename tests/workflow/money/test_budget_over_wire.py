"""A budget, counted where it matters: at the server."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import httpx2
import pytest
from typing_extensions import override

from tailorbird import Workbench
from tailorbird.config import Profile
from tailorbird.exceptions import BudgetExceededError, ConfigError, ProviderError
from tailorbird.journal import Workspace
from tailorbird.providers.fake import FakeProvider, FakeSettings, VirtualClock
from tailorbird.providers.openai import OpenAIProvider, OpenAISettings
from tailorbird.providers.openai.capabilities import openai_prices
from tailorbird.retry import RetryPolicy
from tailorbird.testing.wire import wire_app
from tailorbird.types import ChatOptions, Message, ModelId, Price, RoleModel, Usage
from tailorbird.types.budget import Budget
from tailorbird.types.secrets import Secret
from tailorbird.workflow.money.meter import worst_cost
from tailorbird.workflow.money.pricing import call_cost, find_price
from tailorbird.workflow.money.worst import chat_bound

MODEL = ModelId("gpt-6-luna")
ROLES = {
    "chat": RoleModel(model=MODEL),
    "embedding": RoleModel(model=ModelId("text-embedding-3-small")),
}
QUESTION = [Message.user("How long is the warranty on frames, and what does it not cover?")]
OPTIONS = ChatOptions(max_output_tokens=400)


@dataclass
class Counted(httpx2.AsyncBaseTransport):
    """The wire: counts the paid requests that reach the server, and adds up what they cost."""

    inner: httpx2.AsyncBaseTransport
    limit: Decimal = Decimal(1_000)
    arrived: int = 0
    under_way: int = 0
    most_under_way: int = 0
    spent: Decimal = field(default_factory=Decimal)
    broken: int = 0

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if not request.url.path.endswith(("/responses", "/chat/completions", "/embeddings")):
            return await self.inner.handle_async_request(request)
        self.arrived += 1
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        assert self.spent + self.under_way * price_of_worst() <= self.limit
        if self.broken:
            self.broken -= 1
            raise httpx2.ReadError("cut")
        response = await self.inner.handle_async_request(request)
        await response.aread()
        used = response.json()["usage"]
        usage = Usage(input_tokens=used["input_tokens"], output_tokens=used["output_tokens"])
        cost = call_cost(usage, price_of(MODEL))
        assert cost is not None
        self.spent += cost
        self.under_way -= 1
        return response


def price_of(model: ModelId) -> Price:
    """Give what a model costs at OpenAI."""
    found = find_price(model, openai_prices())
    assert found is not None
    return found


def price_of_worst() -> Decimal:
    """Give what one call may cost at worst."""
    bound = chat_bound(QUESTION, options=OPTIONS, output=None, max_output_tokens=16)
    return worst_cost(bound, price_of(MODEL))


@asynccontextmanager
async def room(
    budget: Budget | None, folder: Path | None = None, *, attempts: int = 1
) -> AsyncIterator[tuple[Workbench, Counted]]:
    """Open a workbench on OpenAI whose server is a fake behind a counter."""
    fake = FakeProvider(FakeSettings(flavor="openai"), clock=VirtualClock())
    async with fake, wire_app(fake) as app:
        wire = Counted(httpx2.ASGITransport(app=app))
        if budget is not None:
            wire.limit = budget.usd
        provider = OpenAIProvider(
            key=Secret("test-key", source="test"),
            clock=fake.clock,
            settings=OpenAISettings(retry=RetryPolicy(attempts=attempts)),
            transport=wire,
        )
        profile = Profile(name="openai", provider="openai", roles=ROLES, budget=budget)
        bench = Workbench(provider, profile=profile, workspace=Workspace(folder))
        async with bench:
            yield bench, wire


async def ask(bench: Workbench) -> bool:
    """Ask once; False when the budget does not allow it."""
    try:
        await bench.provider.chat.complete(QUESTION, model=MODEL, options=OPTIONS)
    except BudgetExceededError:
        return False
    return True


async def ask_together(bench: Workbench, tasks: int) -> list[bool]:
    """Ask many times at once."""
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(ask(bench)) for _ in range(tasks)]
    return [one.result() for one in asked]


async def cost_of_one() -> Decimal:
    """Give what one call really costs."""
    async with room(None) as (bench, wire):
        await ask(bench)
    return wire.spent


@pytest.mark.parametrize(
    ("period", "worst_cases"),
    [("all", 0.5), ("all", 1), ("all", 1.2), ("run", 1.3), ("month", 1.4), ("day", 7.5)],
)
async def test_fifty_tasks_never_make_a_call_too_many(period: str, worst_cases: float) -> None:
    """Whatever fifty tasks ask at once, the server sees the calls that fit, and not one more."""
    cost, worst = await cost_of_one(), price_of_worst()
    limit = (worst * Decimal(worst_cases)).quantize(Decimal("1e-9"))
    async with room(Budget.model_validate({"usd": limit, "period": period})) as (bench, wire):
        answered = await ask_together(bench, 50)
        fitting = 0 if limit < worst else int((limit - worst) / cost) + 1
        assert sum(answered) == wire.arrived == min(50, fitting)
        assert wire.spent <= limit
        assert not await ask(bench) or fitting > 50
        [entry] = await bench.spending() or [None]
        if fitting:
            assert entry is not None
            assert entry.usd == wire.spent
            assert (entry.calls, entry.assumed) == (wire.arrived, 0)


async def test_calls_run_together_while_there_is_room() -> None:
    """A large budget makes nobody wait: the calls go on side by side."""
    async with room(None) as (bench, free):
        await ask_together(bench, 50)
    async with room(Budget(usd=Decimal(100))) as (bench, wire):
        assert all(await ask_together(bench, 50))
        assert wire.most_under_way > free.most_under_way / 2


async def test_a_lost_answer_counts_at_its_worst() -> None:
    """A call whose answer was lost may have been paid for, so all that it could cost is spent."""
    worst = price_of_worst()
    async with room(Budget(usd=worst * 3)) as (bench, wire):
        wire.broken = 1
        with pytest.raises(ProviderError) as failure:
            await bench.provider.chat.complete(QUESTION, model=MODEL, options=OPTIONS)
        assert failure.value.accepted == "unknown"
        [entry] = await bench.spending()
        assert entry.assumed == entry.usd >= worst


async def test_every_attempt_is_paid_for() -> None:
    """What is sent again after a lost answer is reserved again, or not sent again at all."""
    cost, worst = await cost_of_one(), price_of_worst()
    async with room(Budget(usd=worst * 3), attempts=4) as (bench, wire):
        wire.broken = 2
        assert await ask(bench)
        assert wire.arrived == 3
        [entry] = await bench.spending()
        assert (entry.assumed, entry.usd) == (worst * 2, worst * 2 + cost)
    async with room(Budget(usd=worst * 2), attempts=4) as (bench, wire):
        wire.broken = 4
        assert not await ask(bench)
        assert wire.arrived == 2
        [entry] = await bench.spending()
        assert entry.assumed == entry.usd == worst * 2


async def test_what_is_unpriced_is_never_taken_for_free() -> None:
    """With a budget, a model without a price is refused by the name of the key to set."""
    async with room(Budget(usd=Decimal(5))) as (bench, wire):
        with pytest.raises(ConfigError, match=r'\[profiles\.openai\.prices\."gpt-next"\]') as found:
            await bench.provider.chat.complete(QUESTION, model=ModelId("gpt-next"))
        assert "input_per_mtok = …" in str(found.value)
        assert wire.arrived == 0


PROCESS = """
import asyncio, sys
from decimal import Decimal
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import test_budget_over_wire as wires
from tailorbird.types.budget import Budget

async def main():
    budget = Budget(usd=Decimal(sys.argv[3]))
    async with wires.room(budget, Path(sys.argv[2])) as (bench, wire):
        wire.limit = Decimal(10**6)  # two wires: none of them sees it all
        print("ready", flush=True)
        sys.stdin.readline()
        if sys.argv[4] == "hang":
            wire.inner = Hanging()
        await wires.ask_together(bench, 50)
        await bench.spending()
        print(wire.arrived, wire.spent, flush=True)

class Hanging(wires.httpx2.AsyncBaseTransport):
    async def handle_async_request(self, request):
        print("here", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def process(folder: Path, limit: Decimal, what: str) -> subprocess.Popen[str]:
    """Start a process that waits for a line before it asks fifty times at once."""
    started = subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(Path(__file__).parent), str(folder), str(limit), what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


@pytest.mark.slow
async def test_processes_share_one_budget(tmp_path: Path) -> None:
    """Two processes at one workspace together never send a call too many."""
    cost, worst = await cost_of_one(), price_of_worst()
    limit = worst * 6
    async with asyncio.TaskGroup() as group:
        starts = [
            group.create_task(asyncio.to_thread(process, tmp_path, limit, "ask")) for _ in range(2)
        ]
    async with asyncio.TaskGroup() as group:
        ends = [
            group.create_task(asyncio.to_thread(one.result().communicate, "\n")) for one in starts
        ]
    said = [one.result()[0].split() for one in ends]
    arrived = [int(count) for count, _ in said]
    spent = sum(Decimal(usd) for _, usd in said)
    assert spent <= limit
    assert sum(arrived) * cost == spent
    # What is left is less than a call and what the other one held when the last one asked.
    assert limit - spent < worst * 4
    async with room(Budget(usd=limit), tmp_path) as (bench, wire):
        wire.limit = Decimal(10**6)
        assert sum([one.usd or Decimal(0) for one in await bench.spending()]) == spent
        assert await bench.reserved() == ()
        while all(await ask_together(bench, 50)):
            assert spent + wire.spent <= limit
        assert spent + wire.spent <= limit < spent + wire.spent + worst


@pytest.mark.slow
async def test_what_a_killed_process_reserved_stays_reserved(tmp_path: Path) -> None:
    """The next process sees what a killed one may have spent, until somebody says it has not."""
    worst = price_of_worst()
    killed = await asyncio.to_thread(process, tmp_path, worst * 3, "hang")
    assert killed.stdin is not None
    assert killed.stdout is not None
    killed.stdin.write("\n")
    killed.stdin.flush()
    for _ in range(3):
        assert await asyncio.to_thread(killed.stdout.readline) == "here\n"
    killed.send_signal(signal.SIGKILL)
    await asyncio.to_thread(killed.communicate)
    async with room(Budget(usd=worst * 3), tmp_path) as (bench, wire):
        [left_behind] = await bench.reserved()
        assert worst * 3 >= left_behind.usd > worst * 2
        with pytest.raises(BudgetExceededError, match="held by others"):
            await bench.provider.chat.complete(QUESTION, model=MODEL, options=OPTIONS)
        assert wire.arrived == 0
        await bench.drop_reserved(left_behind.reference)
        assert await ask(bench)
