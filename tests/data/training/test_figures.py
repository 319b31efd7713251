"""Result files and figures of steps."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.data.training.figures import read_results, step_metrics
from tailorbird.exceptions import InvalidInputError
from tailorbird.types import StepMetrics

OPENAI = "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy"
AZURE = (
    "step,train_loss,train_mean_token_accuracy,valid_loss,validation_mean_token_accuracy,"
    "full_valid_loss,full_valid_mean_token_accuracy"
)


def test_columns_of_openai_are_read() -> None:
    """Cells of the validation are empty where there was none."""
    assert read_results(f"{OPENAI}\n1,2.5,0.4,,\n2,1.5,0.6,1.75,0.5\n") == (
        StepMetrics(step=1, train_loss=2.5, train_mean_token_accuracy=0.4),
        StepMetrics(
            step=2,
            train_loss=1.5,
            train_mean_token_accuracy=0.6,
            valid_loss=1.75,
            valid_mean_token_accuracy=0.5,
        ),
    )


def test_columns_of_azure_are_read() -> None:
    """Its own spellings mean the same, with carriage returns and a mark at the beginning too."""
    [metrics] = read_results(f"\ufeff{AZURE}\r\n9,1,0.9,1.1,0.8,1.2,0.7\r\n")
    assert metrics == StepMetrics(
        step=9,
        train_loss=1,
        train_mean_token_accuracy=0.9,
        valid_loss=1.1,
        valid_mean_token_accuracy=0.8,
        full_valid_loss=1.2,
        full_valid_mean_token_accuracy=0.7,
    )


def test_columns_are_told_by_name() -> None:
    """Other orders, other columns, short lines and blank lines make no trouble."""
    text = "train_reward_mean, step ,train_loss\n0.5,1,2.0\n\n0.6,2\n"
    assert read_results(text) == (
        StepMetrics(step=1, train_loss=2.0),
        StepMetrics(step=2),
    )


@pytest.mark.parametrize(
    "text",
    ["", "\n", "<html>sign in</html>", "loss,accuracy\n1,2\n", '{"error": "no"}', "c3RlcA=="],
)
def test_other_files_are_refused(text: str) -> None:
    """What has no column of steps is no result file."""
    with pytest.raises(InvalidInputError, match="no column 'step'"):
        read_results(text)


def test_broken_line_is_named() -> None:
    """A line that is no CSV is told by its number."""
    with pytest.raises(InvalidInputError, match="line 3"):
        read_results('step,train_loss\n1,2\n2,"3\n')


@pytest.mark.parametrize(
    ("values", "metrics"),
    [
        ({"step": 3, "train_loss": 0}, StepMetrics(step=3, train_loss=0.0)),
        ({"step": "3.0", "train_loss": " 1e-3 "}, StepMetrics(step=3, train_loss=0.001)),
        ({"step": 1.5, "train_loss": -1}, StepMetrics()),
        ({"train_loss": math.nan, "valid_loss": math.inf}, StepMetrics()),
        ({"train_loss": "NaN", "valid_loss": "n/a"}, StepMetrics()),
        ({"train_mean_token_accuracy": 1.01, "train_accuracy": -0.1}, StepMetrics()),
        ({"train_loss": True, "step": None, "usage": {"tokens": 1}}, StepMetrics()),
        ({"train_loss": 10**400}, StepMetrics()),
        ({"total_steps": 9, "日本語": 1}, StepMetrics()),
    ],
)
def test_only_possible_figures_are_taken(values: dict[str, object], metrics: StepMetrics) -> None:
    """Numbers as such or as texts are read, and what cannot be is left out."""
    assert step_metrics(values) == metrics


@given(text=st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever a file holds, it is a table or a typed error, and all figures are possible."""
    try:
        rows = read_results("step,train_loss\n" + text)
    except InvalidInputError:
        return
    for row in rows:
        assert row.step is None or row.step >= 0
        assert row.train_loss is None or 0 <= row.train_loss < math.inf
