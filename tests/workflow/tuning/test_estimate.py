"""A training is priced before anything is sent."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tailorbird import QuestionSet, TuneOptions, Workbench
from tailorbird.providers.fake import FakeProvider
from tailorbird.types import ModelId, Price, Supervised
from tailorbird.workflow.tuning.estimate import estimate_training

PRICE = Price(
    model="base",
    training_per_mtok=Decimal(25),
    hosting_per_hour=Decimal("1.70"),
    source="a price page",
    read_on=date(2026, 11, 22),
)


async def test_nothing_is_sent_for_an_estimate(bench: Workbench, rows: QuestionSet) -> None:
    """An estimate needs no call."""
    estimate = await bench.estimate(rows, system="Be brief.")
    assert estimate.examples == 12
    assert estimate.trained_tokens == estimate.tokens * estimate.epochs
    assert isinstance(bench.provider, FakeProvider)
    assert not bench.provider.calls
    more = await bench.estimate(rows, system="Be brief. " * 20)
    assert more.tokens > estimate.tokens


async def test_an_exact_counter_is_said_to_be_exact(bench: Workbench, rows: QuestionSet) -> None:
    """The result tells how tokens were counted."""
    exact = await bench.estimate(rows, count=len)
    assert exact.counted == "exact"
    assert "about" not in str(exact)
    assert "about" in str(await bench.estimate(rows))


def test_the_price_is_tokens_times_epochs(rows: QuestionSet) -> None:
    """The newest price of the base counts, with its source, and hosting is said."""
    old = PRICE.model_copy(update={"read_on": date(2025, 1, 1), "training_per_mtok": Decimal(99)})
    options = TuneOptions(method=Supervised(n_epochs=4))
    estimate = estimate_training(
        rows, system=None, options=options, base=ModelId("base"), prices=[old, PRICE], count=len
    )
    assert estimate.epochs == 4
    assert estimate.usd == Decimal(25) * estimate.trained_tokens / 1_000_000
    assert "a price page" in str(estimate)
    assert "1.70 USD an hour" in str(estimate)


def test_an_unknown_price_is_said_to_be_unknown(rows: QuestionSet) -> None:
    """No price is ever guessed."""
    for base in (None, ModelId("other")):
        estimate = estimate_training(
            rows, system=None, options=TuneOptions(), base=base, prices=[PRICE]
        )
        assert estimate.usd is None
        assert "no price is known" in str(estimate)
