"""What training memorized, what it generalized, and whether the model still follows what it reads.

Tuned models can repeat training rows and fail the same fact in other words: FineTuneBench found
0.99 against 0.65 for gpt-4o-mini and 0.89 against 0.28 for gpt-4o (Wu, Wu and Zou 2024,
https://arxiv.org/abs/2411.05059); and the longer a model is tuned, the less it may follow a passage
against what it learned (Goyal et al. 2024, https://arxiv.org/abs/2410.10796).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from tailorbird.types.base import Frozen

if TYPE_CHECKING:
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.answering.results import Cell, ComparisonData


class Learned(Frozen):
    """What a tuned arm knows, by how its facts were asked for."""

    arm: str
    """Name of the arm."""
    step: int | None = None
    """Step of its checkpoint; None for the model at the end."""
    memorized: float | None = Field(default=None, ge=0, le=1)
    """Share right of the questions asked as trained (`verbatim`); None without any."""
    generalized: float | None = Field(default=None, ge=0, le=1)
    """Share right of trained facts in other words (`paraphrase`); None without any."""
    unseen: float | None = Field(default=None, ge=0, le=1)
    """Share right of facts that only the documents hold; None without any."""
    obedient: float | None = Field(default=None, ge=0, le=1)
    """Share right where the passages contradict the training (`conflict`); None without any."""

    @property
    def gap(self) -> float | None:
        """What was memorized and not generalized, -1..1; None when one of the two is unknown."""
        if self.memorized is None or self.generalized is None:
            return None
        return self.memorized - self.generalized


def learned(data: ComparisonData) -> tuple[Learned, ...]:
    """Give what each tuned arm knows, checkpoints by their steps, the end last.

    Args:
        data: A comparison; arms without a tuned model are left out.
    """
    cells = {(one.arm, one.kind): one for one in data.summary if one.metric == "correct"}
    arms = [arm for arm in data.arms if arm.tuned is not None]
    rows = [
        Learned(
            arm=arm.name,
            step=_step(arm),
            memorized=_share(cells.get((arm.name, "verbatim"))),
            generalized=_share(cells.get((arm.name, "paraphrase"))),
            unseen=_share(cells.get((arm.name, "unseen"))),
            obedient=_share(cells.get((arm.name, "conflict"))),
        )
        for arm in arms
    ]
    searched = {arm.name: arm.index is not None for arm in arms}
    return tuple(sorted(rows, key=lambda one: (searched[one.arm], one.step is None, one.step or 0)))


def _step(arm: Arm) -> int | None:
    return None if arm.tuned is None else arm.tuned.step


def _share(cell: Cell | None) -> float | None:
    return None if cell is None else cell.value
