"""What a budget costs each call: the meter alone, before a provider that answers at once.

    python benchmarks/budget.py [CALLS]

Prints microseconds a call, by the clock and of work (a busy machine changes the second less), and
how many times the journal was asked, in one run: no meter at all, the meter without a budget, and
budgets kept in a file on disk.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, cast

from tailorbird.config import Profile
from tailorbird.journal import Workspace
from tailorbird.providers.fake import FakeProvider
from tailorbird.types import Message, ModelId, Reply, Usage
from tailorbird.types.budget import Budget
from tailorbird.workbench.spending import metered
from tailorbird.workflow.money.metered_calls import MeteredChat

if TYPE_CHECKING:
    from tailorbird.protocols import Chat

TASKS = 16
MESSAGES = [
    Message.system("Answer from the passages only. " + "The shop opens at nine. " * 100),
    Message.user("When does the shop open?"),
]
MODEL = ModelId("fake-chat")
ANSWER = Reply[None](
    text="At nine.",
    output=None,
    model=MODEL,
    usage=Usage(input_tokens=600, output_tokens=60),
)


class AtOnce:
    """A chat that answers at once."""

    async def complete(self, *_: object, **__: object) -> Reply[None]:
        """Answer, and let others have their turn as a network would."""
        await asyncio.sleep(0)
        return ANSWER


async def ask(chat: Chat, calls: int) -> tuple[float, float]:
    """Give the seconds that so many calls take, some at a time: by the clock, and of work."""

    async def some() -> None:
        for _ in range(calls // TASKS):
            await chat.complete(MESSAGES, model=MODEL)

    began, worked = perf_counter(), process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(TASKS):
            group.create_task(some())
    return perf_counter() - began, process_time() - worked


async def measured(folder: Path, budget: Budget | None, calls: int) -> tuple[float, float, int]:
    """Give the seconds within a budget as `ask` does, and how often the journal was asked."""
    async with Workspace(folder) as workspace:
        profile = Profile(name="fake", provider="fake", budget=budget)
        provider = metered(FakeProvider(), workspace, profile)
        async with provider:
            meter = provider._meter  # noqa: SLF001 - counts what nobody else needs to know
            asked = 0
            exchange = workspace.journal.holds.exchange

            async def counted(*args: object, **options: object) -> object:
                nonlocal asked
                asked += 1
                return await exchange(*args, **options)  # type: ignore[arg-type]  # passed on

            workspace.journal.holds.exchange = counted  # type: ignore[method-assign, assignment]  # counts
            chat = MeteredChat(cast("Chat", AtOnce()), meter)
            return *await ask(chat, calls), asked


async def main() -> None:
    """Print the table."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 8_000
    bare, plain = await ask(cast("Chat", AtOnce()), calls)
    print(f"{'µs a call, beyond no meter':34}{'clock':>8}{'work':>8}{'journal':>9}")
    print(f"{'(no meter at all)':34}{bare / calls * 1e6:8.1f}{plain / calls * 1e6:8.1f}{0:9}")
    variants = {
        "the meter, no budget": None,
        "a budget of 100 USD": Budget(usd=Decimal(100)),
        "a budget of 1,000 USD a month": Budget(usd=Decimal(1_000), period="month"),
        "a budget of 100 USD for this run": Budget(usd=Decimal(100), period="run"),
        "a budget that is nearly used up": Budget(
            usd=Decimal("0.00084") * calls * Decimal("1.05") + 1
        ),
    }
    for name, budget in variants.items():
        with tempfile.TemporaryDirectory() as folder:
            took, worked, asked = await measured(Path(folder), budget, calls)
        clock, work = (took - bare) / calls * 1e6, (worked - plain) / calls * 1e6
        print(f"{name:34}{clock:8.1f}{work:8.1f}{asked:9}")


if __name__ == "__main__":
    asyncio.run(main())
