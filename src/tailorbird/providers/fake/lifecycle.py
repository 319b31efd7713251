"""How time changes a fake's state: jobs move on, files expire, deployments go away."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tailorbird.providers.fake.state import (
    FileRecord,
    JobRecord,
    State,
    Stretch,
    Taught,
    TunedRecord,
)
from tailorbird.providers.fake.training import result_csv
from tailorbird.types.ids import FileId, ModelId
from tailorbird.types.jobs import JobStatus

if TYPE_CHECKING:
    from tailorbird.providers.fake.flavors import Flavor

ORGANIZATION = "fake-org"
"""The organization that owns everything at a fake."""

RUNNING, PAUSING, PAUSED = "running", "pausing", "paused"
SUCCEEDED, FAILED, CANCELLED = "succeeded", "failed", "cancelled"


def make_id(prefix: str, *parts: object, digits: int = 24) -> str:
    """Give an id of hexadecimal digits that depends on nothing but the parts."""
    text = "\x1f".join(map(str, (prefix, *parts)))
    return prefix + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:digits]


def settle(state: State, flavor: Flavor, *, seed: int, now: datetime) -> bool:
    """Bring everything to the moment `now`; say whether anything changed."""
    timed = [job for job in state.jobs.values() if job.history[-1].lasts_s is not None]
    moved = [_advance(state, flavor, job, seed=seed, now=now) for job in timed]
    expired = [one.id for one in state.files.values() if one.expires_at and one.expires_at <= now]
    for file_id in expired:
        del state.files[file_id]
    gone = [
        name
        for name, one in state.deployments.items()
        if (life := flavor.short_lived.get(one.sku)) is not None
        and one.created_at + timedelta(seconds=life) <= now
    ]
    for name in gone:
        del state.deployments[name]
    return any(moved) or bool(expired) or bool(gone)


def word_of(job: JobRecord) -> JobStatus:
    """Give the status a job has now."""
    return JobStatus.parse(job.history[-1].word)


def begin(flavor: Flavor, *, now: datetime, timed: bool) -> list[Stretch]:
    """Give the first stretch of a new job's life; one that is not timed waits for its script."""
    word, lasts_s = flavor.job_phases[0]
    return [Stretch(word=word, begins_at=now, lasts_s=lasts_s if timed else None)]


def enter(job: JobRecord, word: str, at: datetime, *, lasts_s: float | None = None) -> None:
    """End the current stretch and begin another."""
    job.history[-1].lasts_s = (at - job.history[-1].begins_at).total_seconds()
    job.history.append(Stretch(word=word, begins_at=at, lasts_s=lasts_s))


def enter_running(job: JobRecord, at: datetime) -> None:
    """Begin or go on to train; it lasts for what is left."""
    whole = job.recipe.steps * job.recipe.step_s
    enter(job, RUNNING, at, lasts_s=max(0.0, whole - trained_s(job, at)))


def show_scripted(
    state: State, flavor: Flavor, job: JobRecord, *, seed: int, now: datetime
) -> None:
    """Let a job show its scripted word; one that is final stays."""
    word = job.scripted_word()
    if word is None or word_of(job).is_final or word == job.history[-1].word:
        return
    if JobStatus.parse(word).is_final:
        finish(state, flavor, job, word, seed=seed, at=now)
    else:
        enter(job, word, now)


def finish(
    state: State, flavor: Flavor, job: JobRecord, word: str, *, seed: int, at: datetime
) -> None:
    """End a job; success makes its model and its result file."""
    enter(job, word, at)
    if word != SUCCEEDED:
        return
    job.model = ModelId(tuned_name(flavor, job))
    state.tuned[job.model] = TunedRecord(
        id=job.model,
        base=job.base,
        job=job.id,
        taught=taught_by(state, job),
        created_at=at,
    )
    number = state.next_number("file")
    job.result_file = FileId(make_id("file-", seed, number))
    state.files[job.result_file] = FileRecord(
        number=number,
        created_at=at,
        id=job.result_file,
        name="step_metrics.csv",
        purpose="fine-tune-results",
        size_bytes=len(result_csv(job, flavor)),
        sha256="",
        result_of=job.id,
    )


def taught_by(state: State, job: JobRecord) -> tuple[Taught, ...]:
    """Give all that a job's model is trained on, what it continues from included."""
    before = state.tuned.get(job.spec.model)
    return (*(before.taught if before else ()), job.recipe.taught)


def tuned_name(flavor: Flavor, job: JobRecord) -> str:
    """Give the id that a job's model has, or will have."""
    return flavor.tuned_model.format(
        base=job.base,
        organization=ORGANIZATION,
        suffix=job.spec.suffix or "",
        short=make_id("", job.id, digits=8),
        long=make_id("", job.id, "model", digits=32),
    )


def trained_s(job: JobRecord, until: datetime) -> float:
    """Give the seconds for which a job has been running."""
    return sum(
        max(0.0, (min(end, until) - begins).total_seconds()) for begins, end in runs(job, until)
    )


def runs(job: JobRecord, until: datetime) -> list[tuple[datetime, datetime]]:
    """Give the times in which a job was running, up to a moment."""
    found: list[tuple[datetime, datetime]] = []
    for one in job.history:
        if one.word == RUNNING and one.begins_at <= until:
            lasts = until - one.begins_at if one.lasts_s is None else timedelta(seconds=one.lasts_s)
            found.append((one.begins_at, min(until, one.begins_at + lasts)))
    return found


def _advance(state: State, flavor: Flavor, job: JobRecord, *, seed: int, now: datetime) -> bool:
    moved = False
    while (lasts_s := job.history[-1].lasts_s) is not None:
        end = job.history[-1].begins_at + timedelta(seconds=lasts_s)
        if end > now:
            break
        _go_on(state, flavor, job, seed=seed, at=end)
        moved = True
    return moved


def _go_on(state: State, flavor: Flavor, job: JobRecord, *, seed: int, at: datetime) -> None:
    """Take the step that follows the job's current status."""
    word = job.history[-1].word
    if word == flavor.validating and job.failure is not None:
        finish(state, flavor, job, FAILED, seed=seed, at=at)
    elif word == RUNNING:
        finish(state, flavor, job, SUCCEEDED, seed=seed, at=at)
    elif word == PAUSING:
        enter(job, PAUSED, at)
    else:
        phases = flavor.job_phases
        number = [phase[0] for phase in phases].index(word) + 1
        if number == len(phases):
            enter_running(job, at)
        else:
            enter(job, phases[number][0], at, lasts_s=phases[number][1])
