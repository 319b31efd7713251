"""A comparison says what its arms cost a month."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from tailorbird import QuestionSet, Workbench
from tailorbird.journal import Hosting, Spending
from tailorbird.providers.fake import FakeProvider, FakeSettings
from tailorbird.report import Comparison
from tailorbird.types import DeploymentName, Document, ModelId
from tailorbird.workflow.comparing.costs import Bill
from tailorbird.workflow.money.volume import ArmCosts


def costs_of(comparison: Comparison) -> dict[str, ArmCosts]:
    """Give what each arm costs."""
    assert comparison.data.costs is not None
    return {one.arm: one for one in comparison.data.costs.arms}


async def test_every_arm_has_its_costs(
    rows: QuestionSet, documents: list[Document], tmp_path: Path
) -> None:
    """Tokens for all, training and hosting for the tuned ones, vectors for those that search."""
    async with Workbench(FakeProvider(FakeSettings(flavor="azure"))) as bench:
        tuned = await bench.fine_tune(rows, name="shop")
        index = await bench.build_index(documents, name="handbook")
        result = await bench.compare(bench.arms(tuned=tuned, index=index), rows[:3])
        found = costs_of(result)
        assert all(one.usd_per_question and one.correct is not None for one in found.values())
        [paid] = [one for one in await bench.spending() if one.what == "training"]
        [embedded] = [one for one in await bench.spending() if one.subject == "handbook"]
    assert (found["tuned"].training_usd, found["tuned"].hosting_hourly) == (
        paid.usd,
        Decimal("1.70"),
    )
    assert found["base"].training_usd == found["base"].hosting_hourly == 0
    assert found["retrieval"].indexing_usd == embedded.usd
    assert found["base"].indexing_usd == 0
    costs = result.data.costs
    assert costs is not None
    assert [one.questions for one in costs.volumes[:4]] == [100, 1_000, 10_000, 100_000]
    path = tmp_path / "run.json"
    await asyncio.to_thread(result.write_json, path)
    assert (await asyncio.to_thread(Comparison.read, path)).data.costs == costs


async def test_what_the_journal_does_not_know_comes_from_the_prices(rows: QuestionSet) -> None:
    """A model that was tuned elsewhere is priced by the list, or not at all."""
    async with Workbench(FakeProvider(FakeSettings(flavor="azure"))) as bench:
        tuned = await bench.fine_tune(rows, name="shop")
        result = await bench.compare(bench.arms(tuned=tuned), rows[:2])
        known = costs_of(result)["tuned"]
        async with Workbench(FakeProvider()) as other:
            journal = other.workspace.journal
            await journal.ledger.begin_hosting(
                Hosting(
                    identity="elsewhere",
                    name=DeploymentName("another"),
                    model=ModelId("m"),
                    since=datetime(2026, 11, 22, tzinfo=UTC),
                )
            )
            await journal.ledger.record(
                Spending(
                    at=datetime(2026, 11, 22, tzinfo=UTC),
                    identity="elsewhere",
                    what="training",
                    reference=tuned.job,
                    model="m",
                )
            )
            for prices, same in ((bench.provider.prices, True), ((), False)):
                bill = await Bill.read(journal, identity="elsewhere", prices=prices)
                data = result.data
                costs = bill.costs(data.arms, cells=data.summary, figures=data.figures)
                [arm] = [one for one in costs.arms if one.arm == "tuned"]
                expected = (known.training_usd, known.hosting_hourly) if same else (None, None)
                assert (arm.training_usd, arm.hosting_hourly) == expected


async def test_what_is_not_deployed_is_not_hosted(rows: QuestionSet) -> None:
    """Where models answer by themselves, an hour costs nothing; unknown tokens cost unknown."""
    async with Workbench(FakeProvider()) as bench:
        tuned = await bench.fine_tune(rows, name="shop")
        lost = tuned.model_copy(update={"trained_tokens": None, "job": "gone"})
        result = await bench.compare(bench.arms(tuned=lost), rows[:2])
        arm = costs_of(result)["tuned"]
        assert (arm.hosting_hourly, arm.training_usd) == (Decimal(0), None)
