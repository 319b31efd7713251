"""How sure a figure is: intervals, paired tests, margins, sample sizes, early stopping.

Everything is deterministic: what draws random numbers takes a seed. The exact tests use whole
numbers and cannot overflow.
"""

from __future__ import annotations

from tailorbird.workflow.statistics.early_stop import EarlyStop, StopWord, watched_p
from tailorbird.workflow.statistics.intervals import (
    RESAMPLES,
    bootstrap_interval,
    paired_bootstrap_interval,
    percentile,
    wilson_interval,
)
from tailorbird.workflow.statistics.levels import CONFIDENCE, LEVEL, POWER
from tailorbird.workflow.statistics.margins import (
    MARGIN,
    NoWorse,
    NoWorseWord,
    difference_interval,
    no_worse,
    questions_for_no_worse,
)
from tailorbird.workflow.statistics.paired import (
    PERMUTATIONS,
    holm,
    mcnemar,
    paired_permutation,
)
from tailorbird.workflow.statistics.sizes import (
    can_show,
    questions_missing,
    questions_needed,
    smallest_difference,
)
from tailorbird.workflow.statistics.watched import (
    watched_difference,
    watched_difference_of,
    watched_interval,
    watched_within,
)

__all__ = [
    "CONFIDENCE",
    "LEVEL",
    "MARGIN",
    "PERMUTATIONS",
    "POWER",
    "RESAMPLES",
    "EarlyStop",
    "NoWorse",
    "NoWorseWord",
    "StopWord",
    "bootstrap_interval",
    "can_show",
    "difference_interval",
    "holm",
    "mcnemar",
    "no_worse",
    "paired_bootstrap_interval",
    "paired_permutation",
    "percentile",
    "questions_for_no_worse",
    "questions_missing",
    "questions_needed",
    "smallest_difference",
    "watched_difference",
    "watched_difference_of",
    "watched_interval",
    "watched_p",
    "watched_within",
    "wilson_interval",
]
