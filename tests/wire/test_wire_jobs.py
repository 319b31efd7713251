"""Fine-tuning jobs over the wire."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import openai
import pytest

from tailorbird.providers.fake import Fault, Script, Statuses
from tailorbird.testing.wire import WireSettings

Serve: TypeAlias = Callable[..., Awaitable[Any]]
"""Serves a fake: see `conftest.py`."""

Wire: TypeAlias = Any
"""A served fake, or an object of the official client."""


ROW = {"messages": [{"role": "user", "content": "q?"}, {"role": "assistant", "content": "a"}]}
ROWS = "\n".join(json.dumps(ROW) for _ in range(12)).encode()
PAIR = {
    "input": {"messages": [{"role": "user", "content": "q?"}]},
    "preferred_output": [{"role": "assistant", "content": "a"}],
    "non_preferred_output": [{"role": "assistant", "content": "b"}],
}
PAIRS = "\n".join(json.dumps(PAIR) for _ in range(12)).encode()
GRADER = {"type": "string_check", "name": "g", "input": "a", "reference": "b", "operation": "eq"}


async def uploaded(wire: Wire, content: bytes = ROWS) -> str:
    """Upload a training file and give its id once it is processed."""
    made = await wire.sdk.files.create(file=("rows.jsonl", content), purpose="fine-tune")
    while (await wire.sdk.files.retrieve(made.id)).status != "processed":
        pass
    return made.id


def base(wire: Wire) -> str:
    """Give the model to train."""
    return wire.provider.roles["tune_base"].model


@pytest.mark.parametrize(("flavor", "polls"), [("plain", 4), ("openai", 9), ("azure", 9)])
async def test_a_job_succeeds_in_a_few_look_ups(serve: Serve, flavor: str, polls: int) -> None:
    """A program outside sees a job go through its states, and finds all that came of it."""
    wire = await serve(flavor)
    jobs = wire.sdk.fine_tuning.jobs
    job = await jobs.create(model=base(wire), training_file=await uploaded(wire), suffix="birds")
    statuses = [job.status]
    while statuses[-1] != "succeeded":
        job = await jobs.retrieve(job.id)
        statuses.append(job.status)
    assert len(statuses) - 1 <= polls
    assert "running" in statuses
    assert job.fine_tuned_model
    assert job.trained_tokens
    events = [one async for one in jobs.list_events(job.id, limit=3)]
    assert events[0].message == "The job has successfully completed"
    assert {"message", "metrics", "moderation_checks"} == {one.type for one in events}
    checkpoints = [one async for one in jobs.checkpoints.list(job.id, limit=1)]
    assert [one.fine_tuning_job_id for one in checkpoints] == [job.id] * 3
    content = (await wire.sdk.files.content(job.result_files[0])).content
    text = content if flavor == "azure" else base64.b64decode(content, validate=True)
    assert text.startswith(b"step,train_loss,")
    assert wire.app.live_jobs() == 1


async def test_a_tuned_model_can_be_deleted(serve: Serve) -> None:
    """OpenAI deletes tuned models by their id."""
    wire = await serve("plain")
    job = await wire.sdk.fine_tuning.jobs.create(
        model=base(wire), training_file=await uploaded(wire)
    )
    while job.fine_tuned_model is None:
        job = await wire.sdk.fine_tuning.jobs.retrieve(job.id)
    model = job.fine_tuned_model
    assert (await wire.sdk.models.retrieve(model)).created == job.finished_at
    assert (await wire.sdk.models.delete(model)).deleted is True
    assert (await wire.refused("GET", f"/models/{model}"))[0] == 404


async def test_result_files_are_known_without_having_been_shown(serve: Serve) -> None:
    """A result file that a client remembers from before comes as base64 as well."""
    wire = await serve("plain")
    jobs = wire.sdk.fine_tuning.jobs
    job = await jobs.create(model=base(wire), training_file=await uploaded(wire))
    await wire.provider.clock.sleep(1_000)
    result = (await wire.provider.jobs.get(job.id)).result_files[0]
    content = (await wire.sdk.files.content(result)).content
    assert base64.b64decode(content, validate=True).startswith(b"step,")
    shown = await wire.sdk.files.retrieve(result)
    assert shown.purpose == "fine-tune-results"


async def test_a_job_can_be_held_resumed_and_cancelled(serve: Serve) -> None:
    """Pause, resume and cancel answer with the job; what does not fit is a conflict."""
    wire = await serve("azure")
    jobs = wire.sdk.fine_tuning.jobs
    job = await jobs.create(model=base(wire), training_file=await uploaded(wire))
    while job.status != "running":
        job = await jobs.retrieve(job.id)
    assert (await jobs.pause(job.id)).status == "pausing"
    assert (await jobs.retrieve(job.id)).status == "paused"
    assert (await jobs.resume(job.id)).status == "running"
    assert (await jobs.cancel(job.id)).status == "cancelled"
    with pytest.raises(openai.ConflictError):
        await jobs.cancel(job.id)
    assert wire.app.live_jobs() == 0


async def test_jobs_are_found_by_their_metadata(serve: Serve) -> None:
    """The filter of the official client is understood; `null` asks for jobs without any."""
    wire = await serve(wire=WireSettings(seconds_per_request=0))
    file = await uploaded(wire)
    jobs = wire.sdk.fine_tuning.jobs
    made = [
        await jobs.create(
            model=base(wire), training_file=file, metadata={"run": "a b"} if n else {}, seed=n
        )
        for n in range(3)
    ]
    found = [one.id async for one in jobs.list(metadata={"run": "a b"}, limit=1)]
    assert found == [made[2].id, made[1].id]
    assert made[1].metadata == {"run": "a b"}
    assert made[0].metadata is None
    without = (await wire.call("GET", "/fine_tuning/jobs?metadata=null")).json()
    assert [one["id"] for one in without["data"]] == [made[0].id]


async def test_azure_names_tiers_and_leaves_fields_out(serve: Serve) -> None:
    """`trainingType` is taken in its known spellings and shown in one."""
    wire = await serve("azure")
    file = await uploaded(wire)
    for given, shown in (
        ("GlobalStandard", "GlobalStandard"),
        ("globalstandard", "GlobalStandard"),
        ("developerTier", "developerTier"),
        (1, "GlobalStandard"),
        (None, None),
    ):
        body = {"model": base(wire), "training_file": file, "metadata": {"a": "b"}}
        if given is not None:
            body["trainingType"] = given
        job = (await wire.call("POST", "/fine_tuning/jobs", body)).json()
        assert job["trainingType"] == shown
        assert job["organization_id"] is job["result_files"] is job["metadata"] is None
        assert "method" not in job
    body["trainingType"] = "fast"
    assert await wire.refused("POST", "/fine_tuning/jobs", body) == (
        400,
        "invalid_value",
        "trainingType",
    )


@pytest.mark.parametrize(
    ("method", "content"),
    [
        ({"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}}, ROWS),
        ({"type": "supervised"}, ROWS),
        ({"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.2}}}, PAIRS),
    ],
)
async def test_methods_keep_their_numbers(
    serve: Serve, method: dict[str, Any], content: bytes
) -> None:
    """What was chosen comes back with the job."""
    wire = await serve("plain")
    job = await wire.sdk.fine_tuning.jobs.create(
        model=base(wire), training_file=await uploaded(wire, content), method=method
    )
    assert job.method.type == method["type"]
    shown = job.to_dict()["method"][method["type"]]["hyperparameters"]
    wanted = method.get(method["type"], {}).get("hyperparameters", {})
    assert wanted.items() <= shown.items()
    assert (job.hyperparameters.n_epochs is not None) is (method["type"] == "supervised")


async def test_reinforcement_takes_its_grader(serve: Serve) -> None:
    """A grader, a response format and integrations are passed on."""
    wire = await serve("plain")
    file = await uploaded(wire)
    body = {
        "model": base(wire),
        "training_file": file,
        "validation_file": file,
        "method": {"type": "reinforcement", "reinforcement": {"grader": GRADER}},
        "integrations": [{"type": "wandb", "wandb": {"project": "p", "tags": ["t"]}}],
    }
    job = (await wire.call("POST", "/fine_tuning/jobs", body)).json()
    assert job["method"]["reinforcement"]["grader"] == GRADER
    assert job["hyperparameters"] == {}
    body["method"] = {"type": "reinforcement"}
    assert (await wire.refused("POST", "/fine_tuning/jobs", body))[::2] == (
        400,
        "method.reinforcement.grader",
    )


async def test_the_older_place_for_numbers_is_read(serve: Serve) -> None:
    """`hyperparameters` at the top mean supervised training."""
    wire = await serve("plain")
    body = {
        "model": base(wire),
        "training_file": await uploaded(wire),
        "hyperparameters": {"n_epochs": 4},
    }
    job = (await wire.call("POST", "/fine_tuning/jobs", body)).json()
    assert job["hyperparameters"]["n_epochs"] == 4
    body["hyperparameters"] = {"n_epochs": 400}
    refused = await wire.refused("POST", "/fine_tuning/jobs", body)
    assert refused == (400, "invalid_value", "method.n_epochs")


@pytest.mark.parametrize(
    ("change", "status", "code", "param"),
    [
        ({"model": "gone"}, 404, "model_not_found", "model"),
        ({"model": "gpt-6-luna"}, 400, "model_not_tunable", "model"),
        ({"training_file": "file-0"}, 404, None, None),
        ({"training_file": None}, 400, "invalid_type", "training_file"),
        ({"suffix": ""}, 400, "invalid_value", "suffix"),
        ({"seed": -1}, 400, "integer_below_min_value", "seed"),
        ({"metadata": {"k": 1}}, 400, "invalid_type", "metadata.k"),
        ({"trainingType": "Standard"}, 400, "unknown_parameter", "trainingType"),
        ({"method": {"type": "reinforcement", "reinforcement": {"grader": GRADER}}}, 400,
         "unsupported_operation", None),
    ],
)  # fmt: skip
async def test_a_wrong_job_is_refused(
    serve: Serve, change: dict[str, Any], status: int, code: str | None, param: str | None
) -> None:
    """Nothing is made, and the refusal names what is wrong."""
    wire = await serve()
    body = {"model": base(wire), "training_file": await uploaded(wire), **change}
    assert await wire.refused("POST", "/fine_tuning/jobs", body) == (status, code, param)
    assert wire.app.live_jobs() == 0


async def test_a_closed_account_is_told_so(serve: Serve) -> None:
    """Training that is not available any more is 403 with the code that users know."""
    wire = await serve(training_available=False)
    body = {"model": base(wire), "training_file": await uploaded(wire)}
    assert await wire.refused("POST", "/fine_tuning/jobs", body) == (
        403,
        "training_not_available",
        None,
    )


async def test_a_failed_job_says_why(serve: Serve) -> None:
    """Bad rows fail the job, not the request."""
    wire = await serve("plain")
    bad = ROWS[: len(ROWS) // 12 * 5]
    job = await wire.sdk.fine_tuning.jobs.create(
        model=base(wire), training_file=await uploaded(wire, bad)
    )
    while job.status not in {"failed", "succeeded"}:
        job = await wire.sdk.fine_tuning.jobs.retrieve(job.id)
    assert job.status == "failed"
    assert job.error.code
    assert wire.app.live_jobs() == 0


async def test_words_of_a_script_pass_through(serve: Serve) -> None:
    """A status that the script names comes as it is."""
    wire = await serve("plain", script=Script().on("jobs.create", Statuses("pausing", "running")))
    body = {"model": base(wire), "training_file": await uploaded(wire)}
    job = (await wire.call("POST", "/fine_tuning/jobs", body)).json()
    assert job["status"] == "pausing"


async def test_a_lost_answer_leaves_the_job(serve: Serve) -> None:
    """The connection breaks after the job was made; the server still counts it."""
    wire = await serve(script=Script().on("jobs.create", Fault.lost_answer()))
    file = await uploaded(wire)
    with pytest.raises(openai.APIConnectionError):
        await wire.sdk.fine_tuning.jobs.create(model=base(wire), training_file=file)
    assert wire.app.live_jobs() == 1
    assert wire.app.seen[-1].operation == "jobs.create"
    assert wire.app.seen[-1].status is None
