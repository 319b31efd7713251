"""Turn a user's rows into a checked training file and a plan that names it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from tailorbird.data import (
    ExampleSet,
    QuestionSet,
    TrainingRules,
    TrainingUse,
    questions_to_examples,
    validate_training_file,
    write_examples,
)
from tailorbird.exceptions import InvalidInputError
from tailorbird.types.base import Frozen
from tailorbird.types.ids import ModelId
from tailorbird.types.jobs import Supervised, TrainingTier, TuningMethod
from tailorbird.types.questions import (
    Example,
    GradedPrompt,
    PreferencePair,
    Question,
    TrainingMessage,
)
from tailorbird.workflow.tuning.tune import TrainingFile, TunePlan, TuneRequest, check_run_name

AnyExample = Example | PreferencePair | GradedPrompt
"""One row of a training file, whatever the method."""


class TuneOptions(Frozen):
    """How to tune; what is None is left to profile and provider."""

    base: ModelId | None = None
    """Base model; None takes the role `tune_base`."""
    method: TuningMethod = Field(default_factory=Supervised)
    """How to train."""
    suffix: str | None = Field(default=None, min_length=1, max_length=64)
    """Part of the model's name."""
    seed: int | None = Field(default=None, ge=0, le=2147483647)
    """For repeatable runs."""
    tier: TrainingTier | None = None
    """Where to train, on clouds that offer the choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A plan, and the rows behind it."""

    plan: TunePlan
    """What is to be made."""
    rows: tuple[AnyExample, ...]
    """What it is trained on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparer:
    """Writes training files into the workspace and checks them by a provider's rules."""

    folder: Path
    """Where the files go."""
    rules: TrainingRules
    """What the provider accepts."""

    def prepare(
        self,
        train: QuestionSet | ExampleSet,
        *,
        name: str,
        system: str | None,
        validation: QuestionSet | ExampleSet | None,
        options: TuneOptions,
    ) -> Prepared:
        """Check the rows and write them; blocks, so callers go through a thread.

        Args:
            train: Training rows.
            name: Name of the run.
            system: System prompt of each row; None uses the rows' own.
            validation: Rows to validate on.
            options: How to tune; `base` must be given.

        Raises:
            DataError: The rows break a rule of the provider; nothing was left behind.
            InvalidInputError: The name cannot name a run, a row has no answer, the system prompt
                contradicts the rows' own, or a row stands in both sets.
            StorageError: The workspace cannot be written.
        """
        # First of all: the name becomes part of a path.
        check_run_name(name)
        if options.base is None:
            message = "options.base must name the base model"
            raise InvalidInputError(message)
        rows = training_rows(train, system=system)
        training = self._write(rows, name=name, use="training")
        checking = None
        if validation is not None:
            checking_rows = training_rows(validation, system=system)
            _refuse_shared(rows, checking_rows)
            checking = self._write(checking_rows, name=f"{name}-validation", use="validation")
        request = TuneRequest(
            name=name,
            base=options.base,
            method=options.method,
            training=training,
            validation=checking,
            suffix=options.suffix,
            seed=options.seed,
            tier=options.tier,
        )
        plan = TunePlan(request=request, system=shared_system(rows))
        if isinstance(train, QuestionSet):
            plan = plan.model_copy(update={"split": train.division})
        return Prepared(plan=plan, rows=rows)

    def _write(self, rows: Sequence[AnyExample], *, name: str, use: TrainingUse) -> TrainingFile:
        target = self.folder / f"{name}.jsonl"
        written = write_examples(target, rows)
        report = validate_training_file(target, rules=self.rules, use=use)
        if not report.ok:
            # A file that the provider would refuse must not lie around looking valid.
            target.unlink()
        report.raise_errors()
        return TrainingFile(path=target, sha256=written.sha256, examples=written.examples)


def training_rows(data: QuestionSet | ExampleSet, *, system: str | None) -> tuple[AnyExample, ...]:
    """Give training conversations with the system prompt in front.

    Args:
        data: Questions with answers, or training conversations.
        system: System prompt of each row; None uses the rows' own.

    Raises:
        InvalidInputError: A question has no answer, or a conversation has another system prompt.
    """
    if isinstance(data, ExampleSet):
        return tuple(_with_system(row, system) for row in data)
    missing = [row for row in data if not row.reference.strip()]
    if missing:
        first = missing[0]
        message = (
            f"{len(missing)} of {len(data)} rows have no answer to train on, the first one on line"
            f" {first.line}; add the answers, or leave these rows out"
        )
        raise InvalidInputError(message)
    return tuple(questions_to_examples(data, system=system))


def _with_system(row: AnyExample, system: str | None) -> AnyExample:
    if system is None:
        return row
    own = [turn.text for turn in row.messages if turn.role in {"system", "developer"}]
    if not own:
        turn = TrainingMessage(role="system", content=system)
        return row.model_copy(update={"messages": (turn, *row.messages)})
    if own == [system]:
        return row
    message = (
        f"the conversation on line {row.line} has a system prompt of its own that differs from the"
        " one given; leave out system=…, or take the prompts out of the file"
    )
    raise InvalidInputError(message)


def shared_system(rows: Sequence[AnyExample]) -> str | None:
    """Give the system prompt that all rows have; None when one has none or another one."""
    prompts = {
        next((turn.text for turn in row.messages if turn.role in {"system", "developer"}), None)
        for row in rows
    }
    return prompts.pop() if len(prompts) == 1 else None


def worked_examples(rows: Sequence[AnyExample]) -> tuple[Question, ...]:
    """Give the single-turn conversations among training rows as questions with answers."""
    found: list[Question] = []
    for number, row in enumerate(rows):
        turns = [turn for turn in row.messages if turn.role not in {"system", "developer"}]
        if [turn.role for turn in turns] == ["user", "assistant"] and turns[1].text:
            question = Question(
                id=str(number), text=turns[0].text, answers=(turns[1].text,), line=row.line
            )
            found.append(question)
    return tuple(found)


def _refuse_shared(train: Sequence[AnyExample], validation: Sequence[AnyExample]) -> None:
    trained = {row.model_dump_json(exclude={"line"}) for row in train}
    shared = [row for row in validation if row.model_dump_json(exclude={"line"}) in trained]
    if shared:
        message = (
            f"{len(shared)} rows stand in both the training and the validation data, the first one"
            f" on line {shared[0].line} of the validation data; take them out of one"
        )
        raise InvalidInputError(message)
