"""What keeps a comparison from being made, found before anything is sent or paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.cli.arm_names import needs_documents, needs_tuning
from tailorbird.cli.failures import show_problems
from tailorbird.data import training_rules
from tailorbird.exceptions import DataError, InvalidInputError, Problem
from tailorbird.types.capabilities import Capability
from tailorbird.workflow.judging.labels import check_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.cli.comparison import Request
    from tailorbird.cli.screen import Screen
    from tailorbird.workbench import Workbench


def check_request(screen: Screen, bench: Workbench, request: Request, *, tunes: bool) -> None:
    """Do nothing for a comparison that can be made, as far as that is known beforehand.

    Args:
        screen: Shows which labels do not count.
        bench: Would make it.
        request: What is to be compared.
        tunes: Whether there will be a tuned model.

    Raises:
        InvalidInputError: None of the arms can be asked, there are too few to stop early, or
            checkpoints are wanted without a tuned arm.
        DataError: There are labels, and none of them is of an arm and a question of these.
        ConfigError: The profile names no model for what is asked for.
        UnsupportedError: Batches are wanted, and the provider has none.
    """
    if request.checkpoints and not any(map(needs_tuning, request.arms)):
        message = (
            f"--checkpoints are those of a tuned model, and --arms names none"
            f" ({', '.join(request.arms)}): add 'tuned', or leave out --checkpoints"
        )
        raise InvalidInputError(message)
    arms = _sure_arms(bench, request, tunes=tunes)
    check_arms(arms, request.arms)
    _check_stop(request, arms)
    _check_ways(bench, request)
    _check_labels(screen, request, arms)


def check_rows(bench: Workbench, request: Request) -> None:
    """Do nothing where the rows that are not held out are enough to train on.

    Raises:
        DataError: The provider needs more.
    """
    rules, train = training_rules(bench.provider.capabilities.rules), request.parts.train
    if len(train) >= rules.min_examples:
        return
    plain = ",".join(arm for arm in request.arms if not needs_tuning(arm))
    problem = Problem(
        severity="error",
        code="jsonl.too-few",
        source=train.source,
        reason=f"{len(train)} rows are left to train on, {rules.min_examples} needed"
        f" ({rules.provider})",
        fix="add rows, hold fewer out by --held-out"
        + (f", or compare without training: --arms {plain}" if plain else ""),
    )
    raise DataError([problem])


def check_arms(arms: Sequence[str], wanted: Sequence[str]) -> None:
    """Do nothing where there is an arm to ask.

    Raises:
        InvalidInputError: None of those that are wanted can be asked.
    """
    if not arms:
        message = f"none of the arms can be asked: {', '.join(wanted)}; name others by --arms"
        raise InvalidInputError(message)


def _sure_arms(bench: Workbench, request: Request, *, tunes: bool) -> list[str]:
    """Give the arms that will be asked if every step succeeds; checkpoints may come on top."""
    plain = bench.arms(system=request.prompt.text, examples=tuple(request.parts.train))
    names = {arm.name for arm in plain}
    return [
        arm
        for arm in request.arms
        if (tunes if needs_tuning(arm) else arm in names or needs_documents(arm))
    ]


def _check_stop(request: Request, arms: Sequence[str]) -> None:
    if request.how.stop_early is None or len(arms) > 1:
        return
    later = " (checkpoints are known after the training only)" if request.checkpoints else ""
    message = (
        f"--stop-early needs two arms to decide between, and {arms[0]!r} is the only one{later}:"
        " name another one by --arms, or leave out --stop-early"
    )
    raise InvalidInputError(message)


def _check_ways(bench: Workbench, request: Request) -> None:
    """Look for the models and abilities that asking, scoring and judging need."""
    if request.how.bulk:
        today = bench.provider.clock.today()
        bench.provider.capabilities.require(Capability.BATCHES, on=today)
    if request.how.similarity:
        bench.role("embedding")
    if request.how.judge is not None:
        bench.role(request.how.judge.role)


def _check_labels(screen: Screen, request: Request, arms: Sequence[str]) -> None:
    judge = request.how.judge
    if judge is None:
        return
    steps = {one.arm for one in judge.labels if request.checkpoints and needs_tuning(one.arm)}
    problems = check_labels(
        judge.labels,
        judge.rubrics,
        arms={*arms, *steps},
        questions={one.id for one in request.parts.held_out},
    )
    show_problems(screen.note, problems, total=len(problems))
