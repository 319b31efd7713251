"""A job that succeeded becomes a model that answers, with what is known about it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest
from typing_extensions import override

import tailorbird
from tailorbird import QuestionSet, Workbench
from tailorbird.exceptions import InvalidInputError, NotFoundError
from tailorbird.providers.fake import Events, FakeProvider, FakeSettings, Fault, Script
from tailorbird.types import (
    Availability,
    Capabilities,
    Capability,
    EventId,
    FileId,
    JobEvent,
    StepMetrics,
)
from tailorbird.workflow.tuning.finish import Finisher, deployment_name
from tailorbird.workflow.tuning.tune import TunePlan


async def planned(bench: Workbench, rows: QuestionSet) -> tuple[TunePlan, tailorbird.JobHandle]:
    """Start a run and give its plan."""
    handle = await bench.start_fine_tune(rows, name="shop")
    [run] = await bench.jobs()
    return TunePlan.model_validate_json(run.plan), handle


@pytest.mark.parametrize(
    ("run", "attempt", "name"),
    [
        ("bot", 0, "bot"),
        ("bot", 2, "bot-2"),
        ("b", 0, "b-0"),
        ("b", 1, "b-1"),
        ("b" * 64, 0, "b" * 64),
        ("b" * 64, 123, "b" * 60 + "-123"),
    ],
)
def test_a_run_of_any_name_can_be_deployed(run: str, attempt: int, name: str) -> None:
    """What is paid for gets a deployment with a name of 2 to 64 characters, other each attempt."""
    assert deployment_name(run, attempt=attempt) == name


async def test_a_job_without_a_model_is_not_finished(bench: Workbench, rows: QuestionSet) -> None:
    """Only a job that has made a model can be finished."""
    plan, handle = await planned(bench, rows)
    with pytest.raises(InvalidInputError, match="has made no model yet"):
        await Finisher(provider=bench.provider, ledger=bench.workspace.journal.ledger).finish(
            plan, await handle.status()
        )


def events(data: dict[str, object]) -> Script:
    """Make every job report these figures and no others."""
    event = JobEvent.model_validate(
        {"id": EventId("e"), "created_at": "2026-11-22T00:00:00Z", "type": "metrics", "data": data}
    )
    return Script().on("jobs.events", Events(event), times=None)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            {"step": 3, "train_loss": 0.5, "train_reward_mean": 1.0},
            StepMetrics(step=3, train_loss=0.5),
        ),
        (
            {"step": 3, "train_accuracy": 0.5, "train_loss": -1, "valid_loss": "nan"},
            StepMetrics(step=3, train_mean_token_accuracy=0.5),
        ),
    ],
)
async def test_only_known_figures_are_taken_from_events(
    rows: QuestionSet, data: dict[str, object], expected: StepMetrics
) -> None:
    """Every spelling is known, and what a provider adds, or cannot mean, harms nothing."""
    async with Workbench(FakeProvider(script=events(data))) as bench:
        assert (await bench.fine_tune(rows, name="shop")).metrics == expected


class Results(FakeProvider):
    """A provider whose files all hold the same."""

    pieces: tuple[bytes, ...] = ()

    @property
    @override
    def files(self) -> Any:
        """Give other contents."""
        outer, pieces = super().files, self.pieces

        class Holding:
            def __getattr__(self, name: str) -> object:
                return getattr(outer, name)

            async def content(self, _: FileId) -> AsyncIterator[bytes]:
                for piece in pieces:
                    yield piece

        return Holding()


@pytest.mark.parametrize(
    "data",
    [{"step": "three", "train_loss": True}, {"scores": {"train_loss": 1.0}}, {}],
)
async def test_the_result_file_says_what_events_do_not(
    rows: QuestionSet, data: dict[str, object]
) -> None:
    """Where events hold no figures, those of the file's last step that has some are taken."""
    provider = Results(script=events(data))
    provider.pieces = (b"step,train_loss,train_acc", b"uracy\n1,2.5,0.4\n2,1.5,0.6\n,,\n")
    async with Workbench(provider) as bench:
        tuned = await bench.fine_tune(rows, name="shop")
    assert tuned.metrics == StepMetrics(step=2, train_loss=1.5, train_mean_token_accuracy=0.6)


@pytest.mark.parametrize(
    ("pieces", "warnings"),
    [
        ((b"<html>sign in</html>",), ["no column 'step'"]),
        ((b"step\n" + b"1\n" * (1 << 19),) * 33, ["longer than"]),
        ((b"step,other\n,1\n",), []),
    ],
    ids=["web page", "endless", "no figures"],
)
async def test_a_result_file_of_no_use_costs_no_model(
    rows: QuestionSet,
    pieces: tuple[bytes, ...],
    warnings: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A file that cannot be read is told and left out: the model answers all the same."""
    provider = Results(script=events({}))
    provider.pieces = pieces
    async with Workbench(provider) as bench:
        tuned = await bench.fine_tune(rows, name="shop")
    assert tuned.metrics == StepMetrics()
    told = [line for line in caplog.messages if "result file" in line]
    assert [words in line for words, line in zip(warnings, told, strict=True)] == [True] * len(told)


async def test_a_tuned_model_may_outlive_its_base(rows: QuestionSet) -> None:
    """At Azure deployments of tuned models go on when the base is gone: their day counts."""
    async with Workbench(FakeProvider(FakeSettings(flavor="azure"))) as bench:
        tuned = await bench.fine_tune(rows, name="shop")
        base = await bench.provider.models.get(tuned.base)
    assert (base.shutdown_date, tuned.shutdown_date) == (date(2027, 4, 14), date(2027, 10, 14))


async def test_a_model_that_is_not_listed_dies_with_its_base(
    rows: QuestionSet,
) -> None:
    """Where a tuned model is not listed, it dies with its base."""
    gone = Fault(error=NotFoundError, message="gone", status_code=404, accepted="no")
    script = Script().on("models.get", gone, occurrence=2)
    provider = FakeProvider(FakeSettings(flavor="openai"), script=script)
    async with Workbench(provider) as bench:
        tuned = await bench.fine_tune(rows, name="shop")
        assert tuned.shutdown_date == date(2027, 1, 14)


class Unlisted(FakeProvider):
    """A provider that cannot list its models."""

    @property
    def capabilities(self) -> Capabilities:
        """Leave the list of models out."""
        known = super().capabilities
        entries = tuple(one for one in known.entries if one.capability is not Capability.MODELS)
        return known.model_copy(update={"entries": entries})


async def test_a_provider_without_a_list_of_models_has_no_dates(rows: QuestionSet) -> None:
    """Where models cannot be listed, no day of shutdown is known."""
    async with Workbench(Unlisted(FakeSettings(flavor="openai"))) as bench:
        assert (await bench.fine_tune(rows, name="shop")).shutdown_date is None


def test_availability_has_a_beginning_and_an_end() -> None:
    """A capability is offered from its first day on, up to the day before its end."""
    entry = Availability(
        capability=Capability.JOBS_CREATE, since=date(2026, 2, 1), until=date(2026, 3, 1)
    )
    days = [date(2026, 1, 31), date(2026, 2, 1), date(2026, 2, 28), date(2026, 3, 1)]
    assert [entry.on(day) for day in days] == [False, True, True, False]
    never = entry.model_copy(update={"available": False})
    assert not never.on(date(2026, 2, 2))
    capabilities = Capabilities(provider="nest", entries=(entry,))
    capabilities.require(Capability.JOBS_CREATE, on=date(2026, 2, 1))
    with pytest.raises(tailorbird.UnsupportedError, match="'chat' is not available") as error:
        capabilities.require(Capability.CHAT, on=date(2026, 2, 1))
    assert error.value.capability == "chat"
