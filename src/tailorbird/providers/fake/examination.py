"""What a provider finds out about training files: are they good, and how much do they hold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tailorbird.data.training.rules import training_rules
from tailorbird.data.training.validation import validate_training_file
from tailorbird.providers.fake.state import Recipe, Taught
from tailorbird.providers.fake.training import chosen_batch, chosen_epochs, chosen_rate
from tailorbird.types.jobs import JobFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tailorbird.data.training.row import TrainingKind
    from tailorbird.data.training.validation import FileReport, TrainingUse
    from tailorbird.providers.fake.cloud import Cloud
    from tailorbird.providers.fake.state import FileRecord
    from tailorbird.types.jobs import JobSpec

KINDS: Mapping[str, TrainingKind] = {"supervised": "sft", "dpo": "dpo", "reinforcement": "rft"}
"""Kinds of training rows, by the method that learns from them."""

MOST_STEPS = 10_000
"""Steps that are simulated at most; longer trainings make longer steps."""

_TOO_FEW = "jsonl.too-few"
_SHOWN = 5  # problems that a message names


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was found out about a job's files."""

    recipe: Recipe
    """How the training goes."""
    failure: JobFailure | None
    """Why it will fail; None when it will not."""


class Examiner:
    """Checks files by the flavor's rules for training data."""

    def __init__(self, cloud: Cloud) -> None:
        """Share the state of a fake."""
        self._cloud = cloud

    async def unreadable(self, sha256: str) -> str | None:
        """Say why a fresh upload cannot be trained on; None when it can be read.

        How many rows there are is not looked at: a job asks for that.
        """
        report = await self._report(sha256, kind="auto", use="validation")
        return None if report.ok else _named(report)

    async def examine(
        self, spec: JobSpec, training: FileRecord, validation: FileRecord | None
    ) -> Findings:
        """Examine the files of a job."""
        kind = KINDS[spec.method.type]
        report = await self._report(training.sha256, kind=kind, use="training")
        failure = _failure(report, "training_file")
        if validation is not None and failure is None:
            measured = await self._report(validation.sha256, kind=kind, use="validation")
            failure = _failure(measured, "validation_file")
        examples = max(1, report.examples)
        epochs = chosen_epochs(spec.method, examples)
        batch = chosen_batch(spec.method, examples)
        settings = self._cloud.settings
        steps = settings.training_steps or min(MOST_STEPS, math.ceil(examples / batch) * epochs)
        return Findings(
            recipe=Recipe(
                examples=report.examples,
                epoch_tokens=report.tokens,
                n_epochs=epochs,
                batch_size=batch,
                learning_rate_multiplier=chosen_rate(spec.method),
                steps=steps,
                step_s=settings.training_s / steps,
                taught=Taught(sha256=training.sha256, kind=kind),
                has_validation=validation is not None,
            ),
            failure=failure,
        )

    async def _report(
        self, sha256: str, *, kind: TrainingKind | Literal["auto"], use: TrainingUse
    ) -> FileReport:
        store, rules = self._cloud.store, training_rules(self._cloud.flavor.rules)

        def check() -> FileReport:
            with store.as_path(sha256) as path:
                return validate_training_file(path, kind=kind, rules=rules, use=use)

        return await self._cloud.in_thread(check)


def _failure(report: FileReport, param: str) -> JobFailure | None:
    """Give the failure of a job whose file has errors; codes as OpenAI's jobs have them."""
    if report.ok:
        return None
    if {one.code for one in report.errors} == {_TOO_FEW}:
        return JobFailure(code="invalid_n_examples", message=_named(report), param=param)
    return JobFailure(code=f"invalid_{param}", message=_named(report), param=param)


def _named(report: FileReport) -> str:
    """Name the errors of a file, the first ones by line and reason."""
    errors = report.errors
    shown = [
        one.reason if one.line is None else f"line {one.line}: {one.reason}"
        for one in errors[:_SHOWN]
    ]
    if len(errors) > _SHOWN:
        shown.append(f"and {len(errors) - _SHOWN} more")
    return "; ".join(shown)
