"""The plain twin of `workbench.spending`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.sync.calling import Caller

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.journal import Hold, Spending
    from tailorbird.types.questions import Question
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.comparing.estimate import ComparisonEstimate


class SyncPayer(Caller):
    """Money; see `Workbench` for what each method does."""

    def estimate_comparison(
        self,
        arms: Sequence[Arm],
        questions: Sequence[Question],
        *,
        bulk: bool = False,
        passage_tokens: int | None = None,
    ) -> ComparisonEstimate:
        """Say what a comparison would ask, and what that costs."""
        return self.call(
            self.bench.estimate_comparison,
            arms,
            questions,
            bulk=bulk,
            passage_tokens=passage_tokens,
        )

    def spending(self) -> tuple[Spending, ...]:
        """Give what this workspace paid at the account, newest first."""
        return self.call(self.bench.spending)

    def reserved(self) -> tuple[Hold, ...]:
        """Give what is held for what is under way, the oldest first."""
        return self.call(self.bench.reserved)

    def drop_reserved(self, reference: str) -> None:
        """Hold nothing any more under a reference."""
        self.call(self.bench.drop_reserved, reference)
