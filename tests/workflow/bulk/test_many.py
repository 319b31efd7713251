"""Many things asked one by one."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from tailorbird.exceptions import (
    AuthenticationError,
    BudgetExceededError,
    ContentFilteredError,
    EmptyAnswerError,
    InvalidInputError,
    OutputInvalidError,
    RateLimitError,
    RefusedError,
    TailorbirdError,
)
from tailorbird.types import ItemFailure
from tailorbird.workflow.bulk.many import Asking, failure_of
from tailorbird.workflow.progress import Progress

FACTS = {"provider": "fake", "operation": "chat.complete"}
SPENT = BudgetExceededError("spent", limit=Decimal(1), needed=Decimal(2), left=Decimal(0))
WRONG_KEY = AuthenticationError("no", **FACTS)
BUSY = RateLimitError("busy", status_code=429, code="rate_limit_exceeded", **FACTS)

Result = str | ItemFailure


class Bench:
    """Answers by what is planned, and counts how many are asked at a time."""

    def __init__(self, **planned: Exception) -> None:
        self.planned = planned
        self.shown: list[Progress] = []
        self.asked: list[str] = []
        self.busiest = 0
        self._busy = 0

    async def ask(self, item: str) -> Result:
        """Answer in capitals."""
        self.asked.append(item)
        self._busy += 1
        self.busiest = max(self.busiest, self._busy)
        await asyncio.sleep(0)
        self._busy -= 1
        if item in self.planned:
            raise self.planned[item]
        return item.upper()

    def asking(self, items: str, *, concurrency: int = 2) -> Asking[str, Result]:
        """Ask each letter."""
        return Asking(
            items=items,
            ask=self.ask,
            lost=lambda _, failure: failure,
            size=lambda _: 10,
            concurrency=concurrency,
            on_progress=self.shown.append,
        )


async def test_results_stand_in_order() -> None:
    """Each result stands at its item's place, and so many are asked at a time."""
    bench = Bench()
    assert await bench.asking("abcde", concurrency=3).finish() == list("ABCDE")
    assert bench.busiest == 3
    assert [one.done for one in bench.shown] == [10, 20, 30, 40, 50]
    assert {one.total for one in bench.shown} == {50}


async def test_one_failure_loses_one_result() -> None:
    """The others are asked all the same."""
    found = await Bench(b=BUSY).asking("abc").finish()
    assert [found[0], found[2]] == ["A", "C"]
    assert isinstance(found[1], ItemFailure)
    assert (found[1].kind, found[1].code, found[1].status_code) == (
        *("refused", "rate_limit_exceeded", 429),
    )


@pytest.mark.parametrize("error", [WRONG_KEY, SPENT])
async def test_hopeless_failures_end_the_asking(error: TailorbirdError) -> None:
    """What was answered is kept, and nothing more is asked."""
    bench = Bench(c=error, d=error)
    found = await bench.asking("abcdefgh").finish()
    assert found[:2] == ["A", "B"]
    kinds = [one.kind for one in found[2:] if isinstance(one, ItemFailure)]
    assert kinds == ["refused", "refused", *["not-sent"] * 4]
    assert bench.asked == list("abcd")


async def test_nothing_answered_is_an_error() -> None:
    """A wrong key is raised and not hidden in a thousand failures."""
    with pytest.raises(AuthenticationError):
        await Bench(a=WRONG_KEY, b=WRONG_KEY).asking("abc").finish()


async def test_cancellation_ends_the_asking() -> None:
    """Nothing is swallowed and nothing is asked afterwards."""
    bench = Bench()
    task = asyncio.get_running_loop().create_task(bench.asking("abcdefgh").finish())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(bench.asked) < 8


async def test_other_errors_come_through() -> None:
    """A mistake in the code is no failure of an item."""
    with pytest.raises(ZeroDivisionError):
        await Bench(a=ZeroDivisionError()).asking("a").finish()


async def test_at_least_one_at_a_time() -> None:
    """Nothing can be asked by nobody."""
    with pytest.raises(InvalidInputError, match="concurrency"):
        await Bench().asking("a", concurrency=0).finish()


def test_failures_have_kinds() -> None:
    """Each error says in a word what became of the item."""
    errors = {
        ContentFilteredError("no", stage="prompt", **FACTS): "filtered",
        RefusedError("no"): "declined",
        OutputInvalidError("no", text=""): "invalid-output",
        EmptyAnswerError("no", **FACTS): "unreadable",
        InvalidInputError("no"): "refused",
    }
    assert [failure_of(one).kind for one in errors] == list(errors.values())
