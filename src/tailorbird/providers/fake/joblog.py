"""What a fake job tells about itself: events and checkpoints, made from its history."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tailorbird.providers.fake.lifecycle import (
    FAILED,
    PAUSED,
    PAUSING,
    RUNNING,
    SUCCEEDED,
    make_id,
    runs,
    trained_s,
    tuned_name,
    word_of,
)
from tailorbird.providers.fake.training import event_data, metrics_at
from tailorbird.types.ids import CheckpointId, EventId, ModelId
from tailorbird.types.jobs import Checkpoint, JobEvent, JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tailorbird.providers.fake.flavors import Flavor
    from tailorbird.providers.fake.state import JobRecord, Stretch

KEPT_CHECKPOINTS = 3
"""How many epochs' checkpoints stay. Source: OpenAI, supervised fine-tuning guide, "Checkpoints",
https://developers.openai.com/api/docs/guides/supervised-fine-tuning, read 2026-07-15."""

_ROUNDING_S = 1e-6  # times are kept to the microsecond, steps may be shorter than that


def steps_done(job: JobRecord, now: datetime) -> int:
    """Give how many steps a job has trained."""
    if word_of(job) is JobStatus.SUCCEEDED:
        return job.recipe.steps
    done = math.floor((trained_s(job, now) + _ROUNDING_S) / job.recipe.step_s)
    return min(job.recipe.steps, done)


def moment_of(job: JobRecord, step: int) -> datetime:
    """Give when a step that is done was done."""
    left = step * job.recipe.step_s
    for begins, end in runs(job, job.history[-1].begins_at + timedelta(days=366)):
        lasts = (end - begins).total_seconds()
        if left <= lasts + _ROUNDING_S:
            return begins + timedelta(seconds=min(left, lasts))
        left -= lasts
    return job.history[-1].begins_at  # a scripted job may succeed without having run


def checkpoints(job: JobRecord, flavor: Flavor, now: datetime) -> list[Checkpoint]:
    """Give the checkpoints that are kept, oldest first."""
    return _taken(job, flavor, now)[-KEPT_CHECKPOINTS:]


def _taken(job: JobRecord, flavor: Flavor, now: datetime) -> list[Checkpoint]:
    """Give all checkpoints that were taken, oldest first: epochs' ends, and where it was held."""
    done, recipe = steps_done(job, now), job.recipe
    ends = {
        math.ceil(recipe.steps * epoch / recipe.n_epochs) for epoch in range(1, recipe.n_epochs + 1)
    }
    if word_of(job).is_held:
        ends.add(done)
    return [_checkpoint(job, flavor, step) for step in sorted(ends) if 1 <= step <= done]


def events(job: JobRecord, flavor: Flavor, now: datetime) -> list[JobEvent]:
    """Give the whole log so far, oldest first."""
    found = [*_status_events(job), *_step_events(job, now)]
    found += [
        _event(
            job,
            f"checkpoint:{one.step}",
            one.created_at,
            f"Checkpoint created at step {one.step} with id: {one.id}",
        )
        for one in _taken(job, flavor, now)
    ]
    if word_of(job) is JobStatus.SUCCEEDED:
        found += _final_events(job)
    return sorted(found, key=lambda one: one.created_at)


def _checkpoint(job: JobRecord, flavor: Flavor, step: int) -> Checkpoint:
    digits = {
        "step": step,
        "model": tuned_name(flavor, job),
        "short": make_id("", job.id, "checkpoint", step, digits=24),
        "long": make_id("", job.id, "checkpoint", step, digits=32),
    }
    return Checkpoint(
        id=CheckpointId(flavor.checkpoint_id.format(**digits)),
        job=job.id,
        step=step,
        model=ModelId(flavor.checkpoint_model.format(**digits)),
        metrics=metrics_at(job, step),
        created_at=moment_of(job, step),
    )


def _status_events(job: JobRecord) -> Iterator[JobEvent]:
    yield _event(job, "created", job.created_at, f"Created fine-tuning job: {job.id}")
    ran = False
    for place, one in enumerate(job.history):
        text = _told(job, one, ran=ran)
        ran = ran or one.word == RUNNING
        level = "error" if one.word == FAILED else "info"
        yield _event(job, f"status:{place}", one.begins_at, text, level=level)


def _told(job: JobRecord, one: Stretch, *, ran: bool) -> str:
    if one.word == "validating_files":
        return f"Validating training file: {job.spec.training_file}"
    if one.word == RUNNING:
        return "Fine-tuning job resumed" if ran else "Fine-tuning job started"
    if one.word == FAILED and job.failure is not None:
        return f"The job failed: {job.failure.message}"
    told = {
        "queued": "Files validated, moving job to queued state",
        PAUSING: "Fine-tuning job is being paused",
        PAUSED: "Fine-tuning job paused",
        SUCCEEDED: "Training finished, checking the model",
        "cancelled": "Fine-tuning job cancelled",
    }
    return told.get(one.word, f"The job is {one.word}")


def _step_events(job: JobRecord, now: datetime) -> Iterator[JobEvent]:
    for step in range(1, steps_done(job, now) + 1):
        data = event_data(job, step)
        shown = f", training loss={data['train_loss']}" if "train_loss" in data else ""
        text = f"Step {step}/{job.recipe.steps}{shown}"
        event = _event(job, f"step:{step}", moment_of(job, step), text)
        yield event.model_copy(update={"type": "metrics", "data": data})


def _final_events(job: JobRecord) -> list[JobEvent]:
    at = job.history[-1].begins_at
    checked = _event(job, "moderation", at, "Usage policy evaluations completed, no objections")
    return [
        checked.model_copy(update={"type": "moderation_checks", "data": {"blocked": False}}),
        _event(job, "model", at, f"New fine-tuned model created: {job.model}"),
        _event(job, "done", at, "The job has successfully completed"),
    ]


def _event(
    job: JobRecord, label: str, at: datetime, message: str, *, level: str = "info"
) -> JobEvent:
    return JobEvent(
        id=EventId(make_id("ftevent-", job.id, label)),
        created_at=at,
        level=level,
        message=message,
    )
