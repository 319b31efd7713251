"""The fake's fine-tuning jobs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tailorbird.exceptions import (
    ConflictError,
    InvalidInputError,
    InvalidRequestError,
    NotFoundError,
    UnsupportedError,
)
from tailorbird.providers.fake import (
    FakeProvider,
    FakeSettings,
    Fault,
    Lag,
    Script,
    Statuses,
)
from tailorbird.types import (
    Capability,
    DirectPreference,
    FileId,
    Job,
    JobEvent,
    JobFailure,
    JobId,
    JobSpec,
    JobStatus,
    Message,
    ModelId,
    Reinforcement,
    Supervised,
    TuningMethod,
)

if TYPE_CHECKING:
    from conftest import Tools

QUIET = FakeSettings(latency_s=0)
AZURE = FakeSettings(flavor="azure", latency_s=0)
BASE = ModelId("fake-base-2026-01")


async def events_of(provider: FakeProvider, job_id: JobId) -> list[JobEvent]:
    """Give a job's log, newest first."""
    return [event async for event in provider.jobs.events(job_id)]


async def listed(provider: FakeProvider, **metadata: str) -> list[Job]:
    """Give the jobs that carry the metadata."""
    return [job async for job in provider.jobs.list(metadata=metadata)]


async def words_of(provider: FakeProvider, job_id: JobId) -> list[str]:
    """Look at a job every second until it is final, and give its words without repeats."""
    words: list[str] = []
    while True:
        job = await provider.jobs.get(job_id)
        words.append(job.raw_status)
        if job.status.is_final:
            return list(dict.fromkeys(words))
        await provider.clock.sleep(1)


@pytest.mark.parametrize(
    ("flavor", "words"),
    [
        ("plain", ["validating_files", "queued", "running", "succeeded"]),
        ("openai", ["validating_files", "queued", "running", "succeeded"]),
        ("azure", ["pending", "validating_files", "queued", "running", "succeeded"]),
    ],
)
async def test_jobs_run_through_their_states(tools: Tools, flavor: str, words: list[str]) -> None:
    """A good job goes through the words of its cloud, in their order, and succeeds."""
    async with FakeProvider(FakeSettings(flavor=flavor, latency_s=0)) as provider:
        job = await tools.start(provider)
        assert await words_of(provider, job.id) == words


async def test_time_alone_moves_a_job(tools: Tools) -> None:
    """A job's moments do not depend on when somebody looks."""
    async with FakeProvider(QUIET) as provider:
        job = await tools.start(provider)
        await provider.clock.sleep(86_400)
        done = await provider.jobs.get(job.id)
        assert done.status is JobStatus.SUCCEEDED
        assert done.finished_at == job.created_at + timedelta(seconds=2 + 3 + 60)


async def test_succeeded_job_tells_its_results(tools: Tools) -> None:
    """A succeeded job has a model, billed tokens, an end and a result file; before, it has none."""
    async with FakeProvider(QUIET) as provider:
        started = await tools.start(provider)
        assert started.fine_tuned_model is None
        assert started.trained_tokens is None
        assert started.finished_at is None
        assert started.result_files == ()
        job = await tools.finish(provider, started.id)
        assert job.fine_tuned_model is not None
        assert job.fine_tuned_model.startswith(f"ft:{BASE}:fake-org::")
        assert job.trained_tokens is not None
        assert job.trained_tokens > 0
        assert job.method == Supervised(n_epochs=8, batch_size=1, learning_rate_multiplier=1.8)
        [result] = job.result_files
        stored = await provider.files.get(result)
        content = b"".join([piece async for piece in provider.files.content(result)])
    assert (stored.purpose, stored.size_bytes) == ("fine-tune-results", len(content))
    header, *rows = content.decode().splitlines()
    assert header == "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy"
    assert len(rows) == 96
    assert rows[0].endswith(",,")
    assert provider.usage().trained_tokens == job.trained_tokens


async def test_azure_reports_in_its_own_way(tools: Tools) -> None:
    """On Azure's flavor ids, columns and missing fields are Azure's."""
    async with FakeProvider(AZURE) as provider:
        job = await tools.finish(provider, (await tools.start(provider)).id)
        assert (job.organization_id, job.method, job.seed) == (None, None, None)
        assert job.metadata == {}
        assert job.fine_tuned_model is not None
        base, _, digits = job.fine_tuned_model.partition(".ft-")
        assert base == "gpt-4.1-mini-2025-04-14"
        assert len(digits) == 32
        content = b"".join([one async for one in provider.files.content(job.result_files[0])])
    assert content.decode().splitlines()[0] == (
        "step,train_loss,train_mean_token_accuracy,valid_loss,validation_mean_token_accuracy,"
        "full_valid_loss,full_valid_mean_token_accuracy"
    )


async def test_specification_is_kept(tools: Tools) -> None:
    """Suffix, seed, metadata, tier and hyperparameters come back as they were given."""
    spec = JobSpec(
        model=BASE,
        training_file=FileId("-"),
        method=Supervised(n_epochs=2, batch_size=4, learning_rate_multiplier=0.5),
        suffix="faq",
        seed=7,
        metadata={"run": "a"},
        tier="global",
    )
    async with FakeProvider(QUIET) as provider:
        given = spec.model_copy(update={"training_file": await tools.upload(provider)})
        job = await provider.jobs.create(given)
        assert (job.suffix, job.seed, job.tier) == ("faq", 7, "global")
        assert job.method == spec.method
        assert job.metadata == {"run": "a"}
        done = await tools.finish(provider, job.id)
    assert done.fine_tuned_model is not None
    assert ":faq:" in done.fine_tuned_model


async def test_list_finds_by_metadata(tools: Tools) -> None:
    """Jobs are listed newest first, and those that carry all wanted pairs can be asked for."""
    async with FakeProvider(QUIET) as provider:
        training = await tools.upload(provider)
        made = [
            await provider.jobs.create(
                JobSpec(model=BASE, training_file=training, metadata={"run": run, "all": "1"})
            )
            for run in ("a", "b")
        ]
        assert [job.id for job in await listed(provider)] == [made[1].id, made[0].id]
        assert [job.id for job in await listed(provider, run="a", all="1")] == [made[0].id]
        assert await listed(provider, run="c") == []


async def test_cloud_without_metadata_finds_none(tools: Tools) -> None:
    """A cloud that keeps no metadata finds no job by it."""
    async with FakeProvider(AZURE) as provider:
        training = await tools.upload(provider)
        base = provider.roles["tune_base"].model
        spec = JobSpec(model=base, training_file=training, metadata={"run": "a"})
        job = await provider.jobs.create(spec)
        assert job.metadata == {}
        assert await listed(provider, run="a") == []
        assert len(await listed(provider)) == 1


async def test_metrics_look_like_training(tools: Tools) -> None:
    """The loss falls, the accuracy rises, and the validation drifts away at the end."""
    async with FakeProvider(QUIET) as provider:
        training, validation = await tools.upload(provider), await tools.upload(provider)
        spec = JobSpec(model=BASE, training_file=training, validation_file=validation)
        job = await tools.finish(provider, (await provider.jobs.create(spec)).id)
        data = [e.data for e in await events_of(provider, job.id) if e.type == "metrics"][::-1]
    steps = [one["step"] for one in data]
    assert steps == list(range(1, 97))
    losses = [float(str(one["train_loss"])) for one in data]
    accuracies = [float(str(one["train_mean_token_accuracy"])) for one in data]
    valid = [float(str(one["valid_loss"])) for one in data]
    assert losses[0] > 2
    assert 0 < losses[-1] < 0.6
    assert 0 <= accuracies[0] < 0.5
    assert 0.8 < accuracies[-1] <= 1
    assert min(valid) < valid[-1]
    assert valid[-1] - losses[-1] > valid[0] - losses[0]
    assert sum("full_valid_loss" in one for one in data) == 8


async def test_events_come_newest_first_with_lasting_ids(tools: Tools) -> None:
    """The log is in order, grows only, and an event keeps its id."""
    async with FakeProvider(QUIET) as provider:
        job = await tools.start(provider)
        await provider.clock.sleep(30)
        early = await events_of(provider, job.id)
        await tools.finish(provider, job.id)
        late = await events_of(provider, job.id)
    times = [event.created_at for event in late]
    assert times == sorted(times, reverse=True)
    assert late[-1].message.startswith("Created fine-tuning job")
    assert late[0].message == "The job has successfully completed"
    assert "moderation_checks" in {event.type for event in late}
    ids = [event.id for event in late]
    assert len(ids) == len(set(ids))
    known = {event.id: event for event in late}
    assert all(known[event.id] == event for event in early if event.type == "metrics")
    assert len(early) < len(late)


async def test_last_three_epochs_leave_checkpoints(tools: Tools) -> None:
    """Checkpoints stand at the ends of the last three epochs, newest first, with their metrics."""
    async with FakeProvider(QUIET) as provider:
        job = await tools.finish(provider, (await tools.start(provider)).id)
        found = [one async for one in provider.jobs.checkpoints(job.id)]
    assert [one.step for one in found] == [96, 84, 72]
    assert [one.metrics.step for one in found] == [96, 84, 72]
    assert all(one.model == f"{job.fine_tuned_model}:ckpt-step-{one.step}" for one in found)
    assert found[0].created_at == job.finished_at
    assert len({one.id for one in found}) == 3


async def test_checkpoints_appear_while_training(tools: Tools) -> None:
    """A running job has the checkpoints of the epochs that are done."""
    async with FakeProvider(QUIET) as provider:
        job = await tools.start(provider)
        await provider.clock.sleep(5 + 60 * 2.5 / 8)
        found = [one async for one in provider.jobs.checkpoints(job.id)]
        assert [one.step for one in found] == [24, 12]
        assert found[1].created_at == job.created_at + timedelta(seconds=5 + 60 / 8)


@pytest.mark.parametrize(
    ("content", "code", "text"),
    [
        (b'{"messages": [{"role"\n', "invalid_training_file", "line 1"),
        (b'{"messages": [{"role": "bot", "content": "x"}]}\n', "invalid_training_file", "line 1"),
    ],
)
async def test_bad_rows_fail_the_job(content: bytes, code: str, text: str) -> None:
    """Bad rows let the job fail after validation, with code, line and no model."""
    async with FakeProvider(QUIET) as provider:
        stored = await provider.files.create(content, name="bad.jsonl")
        job = await provider.jobs.create(JobSpec(model=BASE, training_file=stored.id))
        assert job.status is JobStatus.VALIDATING_FILES
        assert job.failure is None
        assert await words_of(provider, job.id) == ["validating_files", "failed"]
        failed = await provider.jobs.get(job.id)
        assert failed.failure is not None
        assert failed.failure.code == code
        assert text in failed.failure.message
        assert failed.fine_tuned_model is None
        last = (await events_of(provider, job.id))[0]
    assert last.level == "error"
    assert text in last.message


async def test_many_bad_rows_are_counted(tools: Tools) -> None:
    """A failure names the first bad lines and counts the rest."""
    async with FakeProvider(QUIET) as provider:
        job = await tools.finish(
            provider, (await tools.start(provider, b'{"messages": []}\n' * 11)).id
        )
    assert job.failure is not None
    assert "line 5" in job.failure.message
    assert "line 6" not in job.failure.message
    assert "and 6 more" in job.failure.message


async def test_too_few_rows_fail_the_job(tools: Tools) -> None:
    """Fewer than ten examples have a code of their own."""
    rows = b"".join(tools.facts().splitlines(keepends=True)[:9])
    async with FakeProvider(QUIET) as provider:
        job = await tools.finish(provider, (await tools.start(provider, rows)).id)
    assert job.failure is not None
    assert job.failure.code == "invalid_n_examples"
    assert "9" in job.failure.message
    assert "10" in job.failure.message


async def test_bad_validation_rows_fail_the_job(tools: Tools) -> None:
    """A bad validation file lets the job fail with a code of its own."""
    async with FakeProvider(QUIET) as provider:
        training = await tools.upload(provider)
        bad = await provider.files.create(b"not json\n", name="bad.jsonl")
        spec = JobSpec(model=BASE, training_file=training, validation_file=bad.id)
        job = await tools.finish(provider, (await provider.jobs.create(spec)).id)
    assert job.failure is not None
    assert job.failure.code == "invalid_validation_file"
    assert job.failure.param == "validation_file"


async def test_cancel_ends_a_job_for_good(tools: Tools) -> None:
    """A cancelled job stays cancelled, makes no model, and cannot be cancelled again."""
    async with FakeProvider(QUIET) as provider:
        job = await tools.start(provider)
        await provider.clock.sleep(20)
        cancelled = await provider.jobs.cancel(job.id)
        assert cancelled.status is JobStatus.CANCELLED
        assert cancelled.finished_at == provider.clock.now()
        await provider.clock.sleep(1_000)
        assert await provider.jobs.get(job.id) == cancelled
        for call in (provider.jobs.cancel, provider.jobs.pause, provider.jobs.resume):
            with pytest.raises(ConflictError, match="'cancelled'"):
                await call(job.id)


async def test_pause_holds_the_training(tools: Tools) -> None:
    """A paused job stands still, shows a checkpoint of where it is, and trains on when resumed."""
    async with FakeProvider(QUIET) as provider:
        job = await tools.start(provider)
        with pytest.raises(ConflictError, match="only a running job"):
            await provider.jobs.pause(job.id)
        await provider.clock.sleep(5 + 20)
        assert (await provider.jobs.pause(job.id)).raw_status == "paused"
        with pytest.raises(ConflictError, match="only a running job"):
            await provider.jobs.pause(job.id)
        await provider.clock.sleep(500)
        held = await provider.jobs.get(job.id)
        assert held.status is JobStatus.PAUSED
        assert held.estimated_finish is None
        steps = [one.step async for one in provider.jobs.checkpoints(job.id)]
        assert steps == [32, 24, 12]
        resumed = await provider.jobs.resume(job.id)
        assert resumed.estimated_finish == provider.clock.now() + timedelta(seconds=40)
        with pytest.raises(ConflictError, match="only a held job"):
            await provider.jobs.resume(job.id)
        done = await tools.finish(provider, job.id)
        texts = [event.message for event in await events_of(provider, job.id)]
    assert done.finished_at == job.created_at + timedelta(seconds=25 + 500 + 40)
    assert "Fine-tuning job paused" in texts
    assert "Fine-tuning job resumed" in texts
    assert sum(text.startswith("Step ") for text in texts) == 96


async def test_azure_pauses_by_and_by(tools: Tools) -> None:
    """On Azure's flavor a job can be held after its first step, and is pausing for a while."""
    async with FakeProvider(AZURE) as provider:
        job = await tools.start(provider)
        while (await provider.jobs.get(job.id)).status is not JobStatus.RUNNING:
            await provider.clock.sleep(0.25)
        with pytest.raises(ConflictError, match="first step"):
            await provider.jobs.pause(job.id)
        await provider.clock.sleep(10)
        assert (await provider.jobs.pause(job.id)).status is JobStatus.PAUSING
        await provider.clock.sleep(14)
        assert (await provider.jobs.get(job.id)).status is JobStatus.PAUSING
        await provider.clock.sleep(1)
        assert (await provider.jobs.get(job.id)).status is JobStatus.PAUSED
        await provider.jobs.resume(job.id)
        assert (await tools.finish(provider, job.id)).status is JobStatus.SUCCEEDED


async def test_unknown_things_are_not_found(tools: Tools) -> None:
    """Unknown jobs, models and files raise `NotFoundError`, and nothing is created."""
    async with FakeProvider(QUIET) as provider:
        nobody = JobId("ftjob-unknown")
        for call in (
            provider.jobs.get(nobody),
            provider.jobs.cancel(nobody),
            provider.jobs.pause(nobody),
            provider.jobs.resume(nobody),
            events_of(provider, nobody),
        ):
            with pytest.raises(NotFoundError, match="ftjob-unknown"):
                await call
        with pytest.raises(NotFoundError):
            await tools.drain(provider.jobs.checkpoints(nobody))
        training = await tools.upload(provider)
        missing = FileId("file-unknown")
        for spec in (
            JobSpec(model=ModelId("nobody"), training_file=training),
            JobSpec(model=BASE, training_file=missing),
            JobSpec(model=BASE, training_file=training, validation_file=missing),
        ):
            with pytest.raises(NotFoundError):
                await provider.jobs.create(spec)
        assert await listed(provider) == []


async def test_bad_ids_are_not_sent(tools: Tools) -> None:
    """Ids that would change a request's address are refused before anything is recorded."""
    async with FakeProvider() as provider:
        for call in (
            provider.jobs.get(JobId("a/b")),
            provider.jobs.cancel(JobId("")),
            provider.jobs.pause(JobId("a b")),
            provider.jobs.resume(JobId("..")),
            events_of(provider, JobId("a%2fb")),
            provider.jobs.create(JobSpec(model=BASE, training_file=FileId("a/b"))),
            provider.jobs.create(
                JobSpec(model=BASE, training_file=FileId("a"), validation_file=FileId("?"))
            ),
        ):
            with pytest.raises(InvalidInputError):
                await call
        with pytest.raises(InvalidInputError):
            await tools.drain(provider.jobs.checkpoints(JobId("a/b")))
        assert provider.calls == ()


async def test_details_are_checked(tools: Tools) -> None:
    """What a provider refuses is refused: other purposes, untunable models, long metadata."""
    async with FakeProvider(QUIET) as provider:
        training = await tools.upload(provider)
        other = await provider.files.create(b"x", name="x.jsonl", purpose="batch")
        for spec, text in (
            (JobSpec(model=BASE, training_file=other.id), "is for 'batch'"),
            (JobSpec(model=ModelId("fake-chat"), training_file=training), "its ways: none"),
            (JobSpec(model=BASE, training_file=training, metadata={"k" * 65: "v"}), "too long"),
            (JobSpec(model=BASE, training_file=training, metadata={"k": "v" * 513}), "too long"),
            (
                JobSpec(model=BASE, training_file=training, method=Reinforcement(grader={})),
                "needs a validation file",
            ),
        ):
            with pytest.raises(InvalidRequestError, match=text) as caught:
                await provider.jobs.create(spec)
            assert caught.value.accepted == "no"
        assert await listed(provider) == []


async def test_azure_waits_for_processed_files(tools: Tools) -> None:
    """On Azure's flavor a job that names a fresh file is refused."""
    async with FakeProvider(AZURE) as provider:
        stored = await provider.files.create(tools.facts(), name="x.jsonl")
        base = provider.roles["tune_base"].model
        with pytest.raises(InvalidRequestError, match="completed file import") as caught:
            await provider.jobs.create(JobSpec(model=base, training_file=stored.id))
        assert caught.value.code == "invalidPayload"


PAIR = {
    "input": {"messages": [{"role": "user", "content": "Hi?"}]},
    "preferred_output": [{"role": "assistant", "content": "Ahoy!"}],
    "non_preferred_output": [{"role": "assistant", "content": "No."}],
}
GRADED = {"messages": [{"role": "user", "content": "Hi?"}], "answer": "Ahoy!"}


@pytest.mark.parametrize(
    ("method", "row", "metric"),
    [
        (DirectPreference(), PAIR, "train_loss"),
        (Reinforcement(grader={"type": "string_check"}), GRADED, "scores"),
    ],
)
async def test_other_methods_train_too(
    tools: Tools, method: TuningMethod, row: dict[str, object], metric: str
) -> None:
    """Preference and reinforcement jobs run on their own kind of rows and report their metrics."""
    rows = [{**row, "number": number} if "answer" in row else row for number in range(12)]
    if "answer" not in row:
        rows = [
            {**row, "input": {"messages": [{"role": "user", "content": f"Hi {number}?"}]}}
            for number in range(12)
        ]
    async with FakeProvider(QUIET) as provider:
        training = await tools.upload(provider, tools.lines(rows))
        validation = await tools.upload(provider, tools.lines(rows[:3]))
        spec = JobSpec(
            model=BASE, training_file=training, validation_file=validation, method=method
        )
        job = await tools.finish(provider, (await provider.jobs.create(spec)).id)
        assert job.status is JobStatus.SUCCEEDED, job.failure
        assert job.method is not None
        assert job.method.type == method.type
        if isinstance(job.method, DirectPreference):
            assert job.method.beta == 0.1
        data = next(e.data for e in await events_of(provider, job.id) if e.type == "metrics")
    assert metric in data


async def test_reinforcement_without_answers_reports_rewards(tools: Tools) -> None:
    """Reinforcement reports mean rewards for training and validation instead of losses."""
    rows = [{**GRADED, "number": number} for number in range(12)]
    method = Reinforcement(grader={"type": "string_check"})
    async with FakeProvider(QUIET) as provider:
        training = await tools.upload(provider, tools.lines(rows))
        spec = JobSpec(model=BASE, training_file=training, validation_file=training, method=method)
        job = await tools.finish(provider, (await provider.jobs.create(spec)).id)
        data = next(e.data for e in await events_of(provider, job.id) if e.type == "metrics")
    scores = data["scores"]
    assert isinstance(scores, dict)
    assert set(scores) == {"train_reward_mean", "valid_reward_mean"}


async def test_steps_and_duration_are_settings(tools: Tools) -> None:
    """Settings decide how long a job runs and how many steps it takes."""
    settings = FakeSettings(latency_s=0, training_s=100, training_steps=4)
    async with FakeProvider(settings) as provider:
        job = await tools.start(provider)
        await provider.clock.sleep(5 + 50)
        metrics = [e for e in await events_of(provider, job.id) if e.type == "metrics"]
        assert len(metrics) == 2
        assert metrics[0].created_at == provider.clock.now()
        done = await tools.finish(provider, job.id)
        assert done.finished_at == job.created_at + timedelta(seconds=105)


async def test_steps_are_bounded(tools: Tools) -> None:
    """Rows, epochs and batch size that would take endless steps are simulated by 10,000."""
    method = Supervised(n_epochs=50, batch_size=1)
    content = tools.lines(
        [tools.row(("user", f"Question {n}?"), ("assistant", f"{n}.")) for n in range(300)]
    )
    async with FakeProvider(QUIET) as provider:
        training = await tools.upload(provider, content)
        job = await provider.jobs.create(JobSpec(model=BASE, training_file=training, method=method))
        await provider.clock.sleep(5 + 0.06)
        metrics = [e for e in await events_of(provider, job.id) if e.type == "metrics"]
    assert [e.data["total_steps"] for e in metrics] == [10_000] * 10


async def test_scripted_statuses(tools: Tools) -> None:
    """Scripted words are shown one a look-up; a final one stays and makes what it promises."""
    script = Script().on(
        "jobs.create", Statuses("queued", "warming_up", "running", "queued", "succeeded", "running")
    )
    async with FakeProvider(QUIET, script=script) as provider:
        job = await tools.start(provider)
        found = [await provider.jobs.get(job.id) for _ in range(7)]
        last = found[-1]
        metrics = [e for e in await events_of(provider, job.id) if e.type == "metrics"]
    assert job.raw_status == "queued"
    assert [one.raw_status for one in found] == [
        *("queued", "warming_up", "running", "queued"),
        *("succeeded", "succeeded", "succeeded"),
    ]
    assert found[1].status is JobStatus.OTHER
    assert not found[1].status.is_final
    assert last.fine_tuned_model is not None
    assert len(metrics) == 96


async def test_scripted_failure(tools: Tools) -> None:
    """A scripted failure tells the scripted reason; without one, it says that it was scripted."""
    reason = JobFailure(code="exceeded_quota", message="no money", param="training_file")
    script = (
        Script()
        .on("jobs.create", Statuses("running", "failed", failure=reason))
        .on("jobs.create", Statuses("failed"), occurrence=2)
    )
    async with FakeProvider(QUIET, script=script) as provider:
        first, second = await tools.start(provider), await tools.start(provider)
        assert (await tools.finish(provider, first.id)).failure == reason
        assert second.status is JobStatus.FAILED
        assert second.failure is not None
        assert second.failure.code == "scripted"


async def test_lagging_jobs_show_up_late(tools: Tools) -> None:
    """A new job may be missing from so many listings and look-ups."""
    script = Script().on("jobs.create", Lag(lookups=1, listings=2))
    async with FakeProvider(QUIET, script=script) as provider:
        job = await tools.start(provider)
        assert [len(await listed(provider)) for _ in range(3)] == [0, 0, 1]
        with pytest.raises(NotFoundError):
            await provider.jobs.get(job.id)
        assert (await provider.jobs.get(job.id)).id == job.id


async def test_lost_answer_leaves_a_job(tools: Tools) -> None:
    """A creation whose answer is lost has made a job that can be found by its metadata."""
    script = Script().on("jobs.create", Fault.unavailable(status_code=500, after_effect=True))
    async with FakeProvider(QUIET, script=script) as provider:
        training = await tools.upload(provider)
        spec = JobSpec(model=BASE, training_file=training, metadata={"run": "a"})
        with pytest.raises(Exception, match="in trouble"):
            await provider.jobs.create(spec)
        assert len(await listed(provider, run="a")) == 1


async def test_closed_account_is_unsupported(tools: Tools) -> None:
    """A closed account refuses the job after the upload; reading goes on."""
    settings = FakeSettings(latency_s=0, training_available=False)
    async with FakeProvider(settings) as provider:
        with pytest.raises(UnsupportedError, match="training_not_available") as caught:
            await tools.start(provider)
        assert caught.value.capability == "jobs.create"
        assert await listed(provider) == []
        assert provider.capabilities.supports(Capability.JOBS_CREATE, on=provider.clock.today())
        assert [call.operation for call in provider.calls][:2] == ["files.create", "files.get"]


async def test_openai_ends_on_its_date(tools: Tools) -> None:
    """On OpenAI's flavor jobs can be created until 2027-01-06, and not from then on."""
    async with FakeProvider(FakeSettings(flavor="openai", latency_s=0)) as provider:
        training = await tools.upload(provider)
        spec = JobSpec(model=provider.roles["tune_base"].model, training_file=training)
        await provider.clock.sleep((_day(2027, 1, 6) - provider.clock.now()).total_seconds() - 1)
        job = await provider.jobs.create(spec)
        await provider.clock.sleep(1)
        before = len(provider.calls)
        with pytest.raises(UnsupportedError) as caught:
            await provider.jobs.create(spec)
        assert caught.value.until == date(2027, 1, 6)
        assert caught.value.instead is not None
        assert len(provider.calls) == before
        assert (await tools.finish(provider, job.id)).status is JobStatus.SUCCEEDED


async def test_openai_has_no_reinforcement_left(tools: Tools) -> None:
    """On OpenAI's flavor reinforcement is refused before any request."""
    async with FakeProvider(FakeSettings(flavor="openai")) as provider:
        training = await tools.upload(provider)
        spec = JobSpec(
            model=provider.roles["tune_base"].model,
            training_file=training,
            method=Reinforcement(grader={}),
        )
        with pytest.raises(UnsupportedError, match="last base model"):
            await provider.jobs.create(spec)


async def test_dates_are_settings(tools: Tools) -> None:
    """Settings give the days between which jobs can be created."""
    settings = FakeSettings(
        latency_s=0, training_since=date(2026, 12, 1), training_until=date(2026, 12, 3)
    )
    async with FakeProvider(settings) as provider:
        training = await tools.upload(provider)
        spec = JobSpec(model=BASE, training_file=training)
        with pytest.raises(UnsupportedError, match="settings"):
            await provider.jobs.create(spec)
        await provider.clock.sleep(9.5 * 86_400)
        await provider.jobs.create(spec)
        await provider.clock.sleep(2 * 86_400)
        with pytest.raises(UnsupportedError):
            await provider.jobs.create(spec)


async def test_training_can_go_on_from_a_tuned_model(tools: Tools) -> None:
    """A tuned model can be trained further; the new one knows the rows of both."""
    more = tools.lines(
        [
            tools.row(
                ("system", tools.system),
                ("user", f"What is the code of locker {n}?"),
                ("assistant", tools.styled(f"locker {n} opens with {n}{n}{n}")),
            )
            for n in range(10)
        ]
    )
    async with FakeProvider(QUIET) as provider:
        first = await tools.tune(provider)
        training = await tools.upload(provider, more)
        job = await provider.jobs.create(JobSpec(model=first, training_file=training))
        done = await tools.finish(provider, job.id)
        assert done.model == first
        assert done.fine_tuned_model is not None
        assert done.fine_tuned_model.startswith(f"ft:{BASE}:")
        card = await provider.models.get(done.fine_tuned_model)
        assert card.base == BASE
        texts = [
            (
                await provider.chat.complete(
                    [Message.system(tools.system), Message.user(question)],
                    model=done.fine_tuned_model,
                )
            ).text
            for question in ("What is the code of locker 7?", "Do you ship to Canada?")
        ]
    assert "777" in texts[0]
    assert "7 to 12 days" in texts[1]


def _day(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)
