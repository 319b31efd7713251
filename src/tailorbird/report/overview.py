"""The two tables of a comparison, apart from how they are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.report.figures import NOTHING, dollars, seconds
from tailorbird.workflow.answering.results import ALL_KINDS, ArmFigures
from tailorbird.workflow.comparing.learning import learned
from tailorbird.workflow.comparing.summary import kinds_of

if TYPE_CHECKING:
    from tailorbird.workflow.answering.results import Cell, ComparisonData, Metric

COST_HEADS = (
    "arm",
    "p50 s",
    "p95 s",
    "tokens in",
    "tokens out",
    "USD",
    "USD / 1000",
    "abstained",
    "failed",
)
"""Heads of the table of time, tokens and money."""


@dataclass(frozen=True, slots=True)
class Overview:
    """How often each arm was right, by kind of question."""

    kinds: tuple[str, ...]
    """Columns: `all`, then the kinds that occur."""
    questions: tuple[int, ...]
    """How many answers a column rests on: the most that any arm has."""
    arms: tuple[str, ...]
    """Rows."""
    cells: dict[tuple[str, str], Cell]
    """Shares by arm and kind; a pair without scored answers is absent."""

    @classmethod
    def of(cls, data: ComparisonData, metric: str = "correct") -> Overview:
        """Sort the figures of one metric."""
        kinds = kinds_of(data.questions)
        cells = {(one.arm, one.kind): one for one in data.summary if one.metric == metric}
        counts = {
            kind: max((one.n for one in cells.values() if one.kind == kind), default=0)
            for kind in kinds
        }
        return cls(
            kinds=kinds,
            questions=tuple(counts.values()),
            arms=tuple(arm.name for arm in data.arms),
            cells=cells,
        )

    def cell(self, arm: str, kind: str = ALL_KINDS) -> Cell | None:
        """Find a figure; None when no answer was scored."""
        return self.cells.get((arm, kind))

    def is_partial(self, cell: Cell) -> bool:
        """Say whether other arms have more scored answers of this kind."""
        return cell.n < dict(zip(self.kinds, self.questions, strict=True))[cell.kind]


def extra_table(data: ComparisonData) -> list[tuple[str, ...]]:
    """Give the figures of scorers, embeddings and judge, heads first; empty without any.

    A cell is the mean over all questions with its 95 % interval, and its number where other arms
    have more.
    """
    asked: tuple[Metric, ...] = ("similarity",)  # a metric that has to be asked for
    measured = {one.metric for one in data.summary}
    names = (*(one for one in asked if one in measured), *data.scorers)
    found = {(one.arm, one.metric): one for one in data.summary if one.kind == ALL_KINDS}
    most = {
        name: max((one.n for one in found.values() if one.metric == name), default=0)
        for name in names
    }
    rows = [
        (arm.name, *(_extra(found.get((arm.name, name)), most[name]) for name in names))
        for arm in data.arms
    ]
    heads = (f"{name} (n={most[name]})" for name in names)
    return [("arm", *heads), *rows] if names else []


def _extra(cell: Cell | None, most: int) -> str:
    if cell is None:
        return NOTHING
    count = f" (n={cell.n})" if cell.n < most else ""
    return f"{cell.value:.2f}{count} [{cell.low:.2f}..{cell.high:.2f}]"


LEARNED_HEADS = (
    "arm",
    "memorized",
    "generalized",
    "gap",
    "unseen facts",
    "follows passages",
)
"""Heads of the table of what tuned arms know."""


def learned_rows(data: ComparisonData) -> list[tuple[str, ...]]:
    """Give what each tuned arm knows, in the order of `LEARNED_HEADS`; empty where it is unknown.

    It is known when questions were asked both as trained and in other words.
    """
    found = [one for one in learned(data) if one.gap is not None]
    return [
        (
            one.arm,
            *map(_portion, (one.memorized, one.generalized)),
            NOTHING if one.gap is None else f"{one.gap:+.2f}",
            *map(_portion, (one.unseen, one.obedient)),
        )
        for one in found
    ]


def step_rows(data: ComparisonData) -> list[tuple[str, ...]]:
    """Give `learned_rows` where checkpoints show how that went; else nothing."""
    has_steps = any(arm.tuned is not None and arm.tuned.step is not None for arm in data.arms)
    return learned_rows(data) if has_steps else []


def _portion(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}"


def cost_row(one: ArmFigures) -> tuple[str, ...]:
    """Write time, tokens and money of an arm, in the order of `COST_HEADS`."""
    return (
        one.arm,
        seconds(one.latency_p50_s),
        seconds(one.latency_p95_s),
        f"{one.usage.input_tokens:,}",
        f"{one.usage.output_tokens:,}",
        dollars(one.usd),
        dollars(one.usd_per_1000),
        str(one.abstained),
        str(one.failed),
    )
