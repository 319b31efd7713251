"""What the arms of a comparison cost, from its figures, the prices and what was really paid."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tailorbird.workflow.answering.results import ALL_KINDS
from tailorbird.workflow.money.pricing import (
    find_price,
    training_cost,
    training_price,
    tuned_price_id,
)
from tailorbird.workflow.money.volume import ArmCosts, Costs, costs_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tailorbird.journal import Hosting, Journal, Spending
    from tailorbird.types.judgements import JudgeReport
    from tailorbird.types.tuned import TunedModel
    from tailorbird.types.usage import Price
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.answering.results import ArmFigures, Cell


class Bill:
    """What was paid, and what things cost."""

    def __init__(
        self, prices: Sequence[Price], paid: Sequence[Spending], standing: Sequence[Hosting]
    ) -> None:
        """Put together what is known of prices, of what was paid, and of what stands by the hour.

        `read` takes the last two from a journal.
        """
        self._prices = prices
        self._paid = paid
        self._standing = {one.name: one.hourly for one in standing}

    @classmethod
    async def read(cls, journal: Journal, *, identity: str, prices: Sequence[Price]) -> Bill:
        """Read what was paid at an account.

        Args:
            journal: Knows what was paid.
            identity: Provider and account.
            prices: What is known about prices.
        """
        return cls(
            prices,
            await journal.ledger.list(identity=identity),
            await journal.ledger.list_hosting(identity=identity),
        )

    def costs(
        self,
        arms: Sequence[Arm],
        *,
        cells: Iterable[Cell],
        figures: Iterable[ArmFigures],
        judge: JudgeReport | None = None,
    ) -> Costs:
        """Give what the arms of a comparison cost a month, by volume.

        Training and hosting are what the journal says was paid; where it does not know, what the
        prices say. The vector of a question (some 20 tokens) is left out. The judge, who is no part
        of answering, stands beside the arms.
        """
        right = {
            cell.arm: cell.value
            for cell in cells
            if cell.kind == ALL_KINDS and cell.metric == "correct"
        }
        known = {one.arm: one for one in figures}
        found = costs_of(
            [self._arm(arm, known[arm.name], correct=right.get(arm.name)) for arm in arms]
        )
        return found if judge is None else found.model_copy(update={"judge_usd": judge.usd})

    def _arm(self, arm: Arm, figures: ArmFigures, *, correct: float | None) -> ArmCosts:
        usd = figures.usd
        return ArmCosts(
            arm=arm.name,
            usd_per_question=None if usd is None else usd / figures.answers,
            hosting_hourly=Decimal(0) if arm.tuned is None else self._hosting(arm.tuned),
            training_usd=Decimal(0) if arm.tuned is None else self._training(arm.tuned),
            indexing_usd=Decimal(0) if arm.index is None else self._indexing(arm.index),
            correct=correct,
        )

    def _hosting(self, tuned: TunedModel) -> Decimal | None:
        if tuned.deployment is None:
            return Decimal(0)
        for name, hourly in self._standing.items():
            if name == tuned.deployment and hourly is not None:
                return hourly
        price = find_price(tuned_price_id(tuned.base), self._prices)
        return None if price is None else price.hosting_per_hour

    def _training(self, tuned: TunedModel) -> Decimal | None:
        for one in self._paid:
            if one.what == "training" and one.reference == tuned.job and one.usd is not None:
                return one.usd
        if tuned.trained_tokens is None:
            return None
        return training_cost(tuned.trained_tokens, training_price(self._prices, tuned.base))

    def _indexing(self, index: str) -> Decimal | None:
        spent = [one.usd for one in self._paid if one.what == "embeddings" and one.subject == index]
        known = [one for one in spent if one is not None]
        return sum(known, Decimal(0)) if len(known) == len(spent) else None
