"""Figures of a training's steps, under the names that providers give them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tailorbird.exceptions import InvalidInputError
from tailorbird.types.jobs import StepMetrics

if TYPE_CHECKING:
    from collections.abc import Iterator

# Our field by a provider's column. OpenAI's result files and checkpoints differ, and Azure's differ
# from both: older guides of OpenAI on fine-tuning, and Microsoft Learn, "Customize a model with
# fine-tuning", read 2026-11-22.
_FIELDS: Mapping[str, str] = {
    **{name: name for name in StepMetrics.model_fields},
    "train_accuracy": "train_mean_token_accuracy",
    "validation_mean_token_accuracy": "valid_mean_token_accuracy",
}


def step_metrics(values: Mapping[str, object]) -> StepMetrics:
    """Take the figures that are known; unknown names and impossible figures are left out.

    Args:
        values: Figures by the provider's names, as numbers or as texts.
    """
    found: dict[str, float] = {}
    for name, value in values.items():
        field = _FIELDS.get(name)
        number = _number(value)
        if field is not None and number is not None and _possible(field, number):
            found[field] = number
    step = found.pop("step", None)
    return StepMetrics(step=None if step is None else int(step), **found)


def read_results(text: str) -> tuple[StepMetrics, ...]:
    """Read a result file, as `Files.content` gives it.

    Args:
        text: The file: CSV with a header. Columns are told by their names, in any order; ones that
            are not known, such as those of reinforcement, are left out.

    Returns:
        One entry a line, in the order of the file.

    Raises:
        InvalidInputError: It is no CSV file with a column `step`.
    """
    return tuple(step_metrics(row) for row in _rows(text))


def _rows(text: str) -> Iterator[Mapping[str, object]]:
    lines = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        header = [name.strip() for name in next(lines, list[str]())]
        if "step" not in header:
            message = "this is no result file of a fine-tuning job: it has no column 'step'"
            raise InvalidInputError(message)
        for cells in lines:
            if cells:
                # A line may be shorter: the validation's columns stand at the end.
                yield dict(zip(header, cells, strict=False))
    except csv.Error as exc:
        message = f"line {lines.line_num} of the result file is no CSV: {exc}"
        raise InvalidInputError(message) from exc


def _number(value: object) -> float | None:
    """Read a number; None for what is none, an empty cell and NaN included."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):  # OverflowError: a whole number beyond all floats
        return None
    return number if math.isfinite(number) else None


def _possible(field: str, number: float) -> bool:
    if field == "step":
        return number >= 0 and number.is_integer()
    return 0 <= number <= 1 if field.endswith("accuracy") else number >= 0
