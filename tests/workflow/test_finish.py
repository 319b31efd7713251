"""A job that succeeded becomes a model that answers, with what is known about it."""

from __future__ import annotations

from datetime import date

import pytest

import tailorbird
from tailorbird import QuestionSet, Workbench
from tailorbird.exceptions import InvalidInputError, NotFoundError
from tailorbird.providers.fake import Events, FakeProvider, FakeSettings, Fault, Script
from tailorbird.types import Availability, Capabilities, Capability, EventId, JobEvent, StepMetrics
from tailorbird.workflow.finish import Finisher
from tailorbird.workflow.tune import TunePlan


async def planned(bench: Workbench, rows: QuestionSet) -> tuple[TunePlan, tailorbird.JobHandle]:
    """Start a run and give its plan."""
    handle = await bench.start_fine_tune(rows, name="shop")
    [run] = await bench.jobs()
    return TunePlan.model_validate_json(run.plan), handle


async def test_a_job_without_a_model_is_not_finished(bench: Workbench, rows: QuestionSet) -> None:
    """Only a job that has made a model can be finished."""
    plan, handle = await planned(bench, rows)
    with pytest.raises(InvalidInputError, match="has made no model yet"):
        await Finisher(provider=bench.provider).finish(plan, await handle.status())


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"step": 3, "train_loss": 0.5, "train_reward_mean": 1.0}, (3, 0.5)),
        ({"step": "three", "train_loss": True}, (None, None)),
        ({"scores": {"train_loss": 1.0}}, (None, None)),
    ],
)
async def test_only_known_figures_are_taken_from_events(
    rows: QuestionSet, data: dict[str, object], expected: tuple[object, object]
) -> None:
    """What a provider adds to its events, in whatever form, harms nothing."""
    event = JobEvent.model_validate(
        {"id": EventId("e"), "created_at": "2026-11-22T00:00:00Z", "type": "metrics", "data": data}
    )
    script = Script().on("jobs.events", Events(event), times=None)
    async with Workbench(FakeProvider(script=script)) as bench:
        tuned = await bench.fine_tune(rows, name="shop")
        assert (tuned.metrics.step, tuned.metrics.train_loss) == expected


async def test_a_run_without_metrics_has_none(rows: QuestionSet) -> None:
    """A provider that reports no step leaves the figures empty."""
    script = Script().on("jobs.events", Events(), times=None)
    async with Workbench(FakeProvider(script=script)) as bench:
        tuned = await bench.fine_tune(rows, name="shop")
        assert tuned.metrics == StepMetrics()


async def test_a_base_that_left_the_list_does_not_hide_the_models_own_date(
    rows: QuestionSet,
) -> None:
    """The day of shutdown comes from whichever of the two the provider still lists."""
    gone = Fault(error=NotFoundError, message="gone", status_code=404, accepted="no")
    script = Script().on("models.get", gone)
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
