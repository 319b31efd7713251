"""Rows E and F of the fault matrix: jobs are made once, and followed to their end."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from tailorbird import JobHandle
from tailorbird.exceptions import (
    ConflictError,
    JobCancelledError,
    JobFailedError,
    JobOutcomeUnknownError,
    ProviderError,
    QuotaExhaustedError,
    UnexpectedResponseError,
    UnsupportedError,
    WaitTimeoutError,
)
from tailorbird.providers.fake import Events, Lag, Script, Statuses, VirtualClock
from tailorbird.testing.faults import (
    Answer,
    BadGzip,
    Disconnect,
    InvalidUtf8,
    Line,
    Redirect,
    Stall,
    Status,
    Step,
    TruncatedJson,
    WireFault,
)
from tailorbird.types import EventId, JobEvent, JobFailure, JobId, JobStatus

if TYPE_CHECKING:
    from conftest import MakeSite, Site

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

JOBS = "/v1/fine_tuning/jobs"
AZURE_JOBS = f"/openai{JOBS}"

LOST: list[WireFault] = [
    Disconnect(),
    Disconnect(reset=True),
    Disconnect("after_headers"),
    Disconnect("mid_body", reset=True),
    Status(500, {"error": {"message": "oops"}}),
    Status(502, "<html><title>Bad Gateway</title></html>"),
    Status(503, headers={"x-should-retry": "true"}),
    Status(408),
    Status(409, {"error": {"message": "already there"}}),
    TruncatedJson(),
    InvalidUtf8(),
    BadGzip(),
    Status(200, b"null"),
    Status(200, b'{"id": "file-1", "object": "file"}'),
    Status(200, "<html>Sign in</html>"),
    Redirect("/elsewhere", 302),
]
NAMES = [f"{number}-{type(fault).__name__}" for number, fault in enumerate(LOST)]


def creations(site: Site) -> int:
    """Count the creations of jobs that reached the wire."""
    return len(site.seen("POST", "/fine_tuning/jobs"))


@dataclass(frozen=True, slots=True)
class Gate(WireFault):
    """An answer that waits until the test lets it go, or loses it."""

    loses: bool = False
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    @override
    async def play(self, line: Line, answer: Answer) -> None:
        """Say that the request was handled, and wait."""
        self.arrived.set()
        await self.go.wait()
        await (line.close() if self.loses else line.send_answer(answer))


@pytest.mark.parametrize("lag", [0, 2])
@pytest.mark.parametrize("fault", LOST, ids=NAMES)
async def test_lost_answer_is_one_job(make_site: MakeSite, fault: WireFault, lag: int) -> None:
    """E2, E3, E5: the job is made and its answer lost: adopted, also when the list lags."""
    script = Script().on("jobs.create", Lag(listings=lag)) if lag else None
    site = await make_site(script=script)
    bench = await site.bench()
    site.break_next(Step(fault=fault, method="POST", path=JOBS, commit=True))
    handle = await site.start(bench)
    assert (site.app.live_jobs(), creations(site), await site.files_there()) == (1, 1, 1)
    assert (await bench.resume("shelves")).job_id == handle.job_id
    assert (await site.start(bench)).job_id == handle.job_id
    assert creations(site) == 1


@pytest.mark.parametrize("fault", LOST, ids=NAMES)
async def test_lost_answer_without_metadata_is_one_job(
    make_site: MakeSite, fault: WireFault
) -> None:
    """E8: where jobs keep no metadata, the run's own training file tells which job it is."""
    site = await make_site(flavor="azure")
    bench = await site.bench()
    site.break_next(Step(fault=fault, method="POST", path=AZURE_JOBS, commit=True))
    handle = await site.start(bench)
    assert (site.app.live_jobs(), creations(site), await site.files_there()) == (1, 1, 1)
    assert (await bench.resume("shelves")).job_id == handle.job_id
    [sent] = site.seen("POST", "/fine_tuning/jobs")
    assert b"metadata" not in sent.body


async def test_metadata_that_is_dropped_unsaid_makes_no_second_job(site: Site) -> None:
    """E8: a server that loses metadata against its word: the outcome is unknown, never doubled."""
    bench = await site.bench()
    site.break_next(Step(fault=Disconnect(), method="POST", path=JOBS, commit=True))

    def drop(page: dict[str, list[dict[str, object]]]) -> None:
        for job in page["data"]:
            job["metadata"] = {}

    site.edit_next(JOBS, drop, times=None)
    for _ in range(2):
        with pytest.raises(JobOutcomeUnknownError, match="shelves"):
            await site.start(bench)
    assert (site.app.live_jobs(), creations(site)) == (1, 1)


async def test_stall_on_creation_ends_as_an_adopted_job(site: Site) -> None:
    """E2: silence after the creation ends at the deadline, and the job is found."""
    bench = await site.bench(timeout_s=2.0)
    site.break_next(Step(fault=Stall(60), method="POST", path=JOBS, commit=True))
    await site.start(bench)
    assert (site.app.live_jobs(), creations(site)) == (1, 1)


async def test_list_that_lags_too_long_is_told_and_resumed(
    make_site: MakeSite, tmp_path: Path
) -> None:
    """E6: no second creation; the error names the run, and its name finds the job later."""
    script = Script().on("jobs.create", Lag(listings=9))
    site = await make_site(script=script)
    async with site.make_bench(tmp_path / "room") as bench:
        site.break_next(Step(fault=Disconnect(), method="POST", path=JOBS, commit=True))
        with pytest.raises(JobOutcomeUnknownError) as caught:
            await site.start(bench)
        assert (caught.value.name, caught.value.job_id) == ("shelves", None)
    async with site.make_bench(tmp_path / "room") as bench:
        handle = await bench.resume("shelves")
        assert (await handle.wait()).fine_tuned_model
    assert (site.app.live_jobs(), creations(site)) == (1, 1)


async def test_list_that_fails_after_a_lost_answer_makes_no_second_job(site: Site) -> None:
    """E6: when not even the list answers, the caller is told, and the next start adopts."""
    bench = await site.bench()
    site.break_next(
        Step(fault=Disconnect(), method="POST", path=JOBS, commit=True),
        Step(fault=None, method="GET", path=JOBS),
        Step(fault=Status(503), method="GET", path=JOBS, times=4),
    )
    with pytest.raises((JobOutcomeUnknownError, ProviderError)):
        await site.start(bench)
    handle = await site.start(bench)
    assert (site.app.live_jobs(), creations(site)) == (1, 1)
    assert handle.job_id


async def test_cancelled_start_keeps_the_id(site: Site) -> None:
    """E12: cancelled during the POST: the cancellation goes on after the id was written down."""
    bench = await site.bench()
    gate = Gate()
    site.break_next(Step(fault=gate, method="POST", path=JOBS, commit=True))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(site.start(bench))
        await gate.arrived.wait()
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()  # it waits for the answer
        gate.go.set()
    assert task.cancelled()
    [run] = await bench.jobs()
    assert run.job_id is not None
    assert (await bench.resume("shelves")).job_id == run.job_id
    assert (site.app.live_jobs(), creations(site)) == (1, 1)


async def test_cancelled_start_whose_answer_is_lost_is_found(site: Site) -> None:
    """E12: cancelled during the POST, and the answer lost as well: the name finds the job."""
    bench = await site.bench()
    gate = Gate(loses=True)
    site.break_next(Step(fault=gate, method="POST", path=JOBS, commit=True))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(site.start(bench))
        await gate.arrived.wait()
        task.cancel()
        gate.go.set()
    assert task.cancelled()
    assert (await bench.resume("shelves")).job_id
    await site.start(bench)
    assert (site.app.live_jobs(), creations(site)) == (1, 1)


async def test_rate_limit_on_creation_is_waited_out(site: Site) -> None:
    """E14: a 429 made nothing, so the creation is sent again: one job."""
    bench = await site.bench()
    fault = Status.rate_limited(retry_after_ms=10)
    site.break_next(Step(fault=fault, method="POST", path=JOBS, times=2))
    await site.start(bench)
    assert (site.app.live_jobs(), creations(site)) == (1, 3)


async def test_lack_of_quota_on_creation_is_told(site: Site) -> None:
    """E14: without quota there is no job, one request, and the run can be started later."""
    bench = await site.bench()
    site.break_next(Step(fault=Status.out_of_quota(), method="POST", path=JOBS))
    with pytest.raises(QuotaExhaustedError, match="billing"):
        await site.start(bench)
    assert (site.app.live_jobs(), creations(site)) == (0, 1)
    await site.start(bench)
    assert (site.app.live_jobs(), creations(site), await site.files_there()) == (1, 2, 1)


async def test_closed_door_is_one_clear_error(site: Site) -> None:
    """E15: the provider's refusal to train at all: no repetition, no file left, what else to do."""
    bench = await site.bench()
    error = {"error": {"message": "not available", "code": "training_not_available"}}
    site.break_next(Step(fault=Status(403, error), method="POST", path=JOBS))
    with pytest.raises(UnsupportedError) as caught:
        await site.start(bench)
    assert caught.value.instead
    assert caught.value.until is not None
    assert (site.app.live_jobs(), creations(site), await site.files_there()) == (0, 1, 0)


async def test_refused_request_leaves_the_run_open(site: Site) -> None:
    """E14: a 400 is the caller's; corrected or sent again later it makes one job."""
    bench = await site.bench()
    site.break_next(
        Step(fault=Status(400, {"error": {"message": "bad"}}), method="POST", path=JOBS)
    )
    with pytest.raises(ProviderError) as caught:
        await site.start(bench)
    assert caught.value.accepted == "no"
    await site.start(bench)
    assert (site.app.live_jobs(), creations(site)) == (1, 2)


# Starts the run of this file's site, in a process of its own.
STARTER = """
import asyncio, sys
from pathlib import Path
from tailorbird import QuestionSet, Workbench
from tailorbird.config import Profile
from tailorbird.journal import Workspace
from tailorbird.providers.openai import OpenAIProvider, OpenAISettings
from tailorbird.types import ModelId, RoleModel
from tailorbird.types.secrets import Secret

url, folder, key = sys.argv[1:4]
ROWS = QuestionSet.from_rows(
    [
        (f"What stands on shelf {number}?", f"Shelf {number} holds item {number * 7}. Bye!")
        for number in range(12)
    ]
)
ROLES = {"tune_base": RoleModel(model=ModelId("gpt-4.1-mini-2025-04-14"))}

async def main():
    settings = OpenAISettings(base_url=url + "/v1", api_key_env="X")
    provider = OpenAIProvider(settings, key=Secret(key, source="test"))
    profile = Profile(name="openai", provider="openai", roles=ROLES)
    async with Workbench(provider, profile=profile, workspace=Workspace(Path(folder))) as bench:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        handle = await bench.start_fine_tune(ROWS, name="shelves", system="Be brief.")
        print(handle.job_id, flush=True)

asyncio.run(main())
"""


async def starter(site: Site, folder: Path) -> Process:
    """Start a process that waits for a line before it starts the run."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", STARTER, site.server.url, str(folder), site.key),
        stdin=PIPE,
        stdout=PIPE,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


def go(process: Process) -> None:
    """Let it start the run."""
    assert process.stdin is not None
    process.stdin.write(b"\n")


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path"), [("POST", JOBS), ("POST", "/v1/files"), ("GET", JOBS)])
async def test_killed_process_leaves_one_job(
    site: Site, tmp_path: Path, method: str, path: str
) -> None:
    """E9, F11: `kill -9` between a request and its answer; the next process makes or adopts one."""
    gate = Gate(loses=True)
    site.break_next(Step(fault=gate, method=method, path=path, commit=True))
    process = await starter(site, tmp_path)
    go(process)
    await gate.arrived.wait()
    process.kill()
    await process.communicate()
    gate.go.set()
    # The lease of the dead process ends by the machine's clock; this one only jumps ahead of it.
    later = VirtualClock(datetime.now(UTC) + timedelta(seconds=1))
    async with site.make_bench(tmp_path, room_clock=later) as bench:
        handle = await site.start(bench)
        assert (await bench.resume("shelves")).job_id == handle.job_id
    assert (site.app.live_jobs(), creations(site), await site.files_there()) == (1, 1, 1)


@pytest.mark.slow
async def test_two_processes_make_one_job(site: Site, tmp_path: Path) -> None:
    """E11: two processes start the same run at once: one job, and both get its id."""
    processes = [await starter(site, tmp_path) for _ in range(2)]
    for process in processes:
        go(process)
    outputs = [(await process.communicate())[0].decode().split() for process in processes]
    assert outputs[0] == outputs[1]
    assert (site.app.live_jobs(), creations(site), await site.files_there()) == (1, 1, 1)


async def test_many_tasks_make_one_job(site: Site) -> None:
    """E11: eight tasks of one process, too."""
    bench = await site.bench()
    handles = await site.together(*(site.start(bench) for _ in range(8)))
    known = (await bench.resume("shelves")).job_id
    assert {getattr(handle, "job_id", handle) for handle in handles} == {known}
    assert (site.app.live_jobs(), creations(site), await site.files_there()) == (1, 1, 1)


async def looks(site: Site, handle: JobHandle) -> int:
    """Count the look-ups of a job that reached the wire."""
    return len(site.seen("GET", f"/fine_tuning/jobs/{handle.job_id}"))


async def test_trouble_does_not_end_a_wait(site: Site) -> None:
    """F1: 503, resets, gibberish and rate limits in a row: the wait goes on to the model."""
    bench = await site.bench()
    handle = await site.start(bench)
    path = f"{JOBS}/{handle.job_id}"
    site.break_next(
        Step(fault=Status(503), path=path, times=6),
        Step(fault=Disconnect(reset=True), path=path, times=6),
        Step(fault=TruncatedJson(), path=path, commit=True, times=6),
        Step(fault=Status.rate_limited(retry_after_ms=5), path=path, times=6),
        Step(fault=Status(200, b"{}"), path=path, times=2),
    )
    assert (await handle.wait()).status is JobStatus.SUCCEEDED


async def test_stalls_do_not_end_a_wait(site: Site) -> None:
    """F1: look-ups that run into their deadline do not either."""
    bench = await site.bench(timeout_s=1.5)
    handle = await site.start(bench)
    site.break_next(Step(fault=Stall(60), path=f"{JOBS}/{handle.job_id}", times=2))
    assert (await handle.wait()).fine_tuned_model


async def test_wrong_key_ends_a_wait(site: Site) -> None:
    """F1: what does not pass by itself ends it at once."""
    bench = await site.bench()
    handle = await site.start(bench)
    site.break_next(Step(fault=Status(401), path=f"{JOBS}/{handle.job_id}"))
    with pytest.raises(ProviderError) as caught:
        await handle.wait()
    assert caught.value.status_code == 401


async def test_new_job_may_be_invisible(make_site: MakeSite) -> None:
    """F2: 404 right after the creation is waited out."""
    site = await make_site(script=Script().on("jobs.create", Lag(lookups=3)))
    bench = await site.bench()
    handle = await site.start(bench)
    assert (await handle.wait()).fine_tuned_model


async def test_vanished_job_ends_a_wait(site: Site) -> None:
    """F2: 404 that stays is an error in the end, and not a wait for ever."""
    bench = await site.bench()
    handle = await site.start(bench)
    error = {"error": {"message": "no such job"}}
    site.break_next(Step(fault=Status(404, error), path=f"{JOBS}/{handle.job_id}", times=None))
    with pytest.raises(ProviderError) as caught:
        await handle.wait(timeout_s=3600)
    assert caught.value.status_code == 404
    assert await looks(site, handle) < 20


async def test_unknown_status_is_neither_running_nor_final(
    make_site: MakeSite, caplog: pytest.LogCaptureFixture
) -> None:
    """F4, F13: one warning, polling with few requests, and the wait's own limit ends it."""
    site = await make_site(script=Script().on("jobs.create", Statuses("marinating")))
    bench = await site.bench()
    handle = await site.start(bench)
    with caplog.at_level("WARNING", logger="tailorbird"), pytest.raises(WaitTimeoutError) as caught:
        await handle.wait(timeout_s=3600)
    assert caught.value.job_id == handle.job_id
    assert sum("marinating" in one.getMessage() for one in caplog.records) == 1
    assert 60 < await looks(site, handle) <= 150
    assert site.app.live_jobs() == 1


async def test_status_may_go_back_and_forth(make_site: MakeSite) -> None:
    """F5: back to queued, paused, resumed: the wait ends with success and not before."""
    words = ("running", "queued", "paused", "running", "pausing", "running", "succeeded")
    site = await make_site(script=Script().on("jobs.create", Statuses(*words)))
    bench = await site.bench()
    handle = await site.start(bench)
    seen: list[str] = []
    job = await handle.wait(on_progress=lambda progress: seen.append(progress.detail))
    assert job.status is JobStatus.SUCCEEDED
    assert seen == list(words)


async def test_failed_job_says_why(make_site: MakeSite) -> None:
    """F7, G9: code, parameter and the provider's words with the line of the file."""
    failure = JobFailure(
        code="invalid_training_file", param="training_file", message="Line 7: missing 'messages'"
    )
    script = Script().on("jobs.create", Statuses("running", "failed", failure=failure))
    site = await make_site(script=script)
    bench = await site.bench()
    handle = await site.start(bench)
    with pytest.raises(JobFailedError, match="Line 7") as caught:
        await handle.wait()
    error = caught.value
    assert (error.code, error.param) == ("invalid_training_file", "training_file")
    assert (error.job_id, error.name) == (handle.job_id, "shelves")


async def test_job_cancelled_elsewhere_is_told(site: Site) -> None:
    """F8: cancelled by somebody else is no success; again=True makes a new one."""
    bench = await site.bench()
    handle = await site.start(bench)
    await site.fake.jobs.cancel(JobId(handle.job_id))
    with pytest.raises(JobCancelledError) as caught:
        await handle.wait()
    assert caught.value.job_id == handle.job_id
    assert site.app.live_jobs() == 0
    again = await site.start(bench, again=True)
    assert again.job_id != handle.job_id
    assert site.app.live_jobs() == 1


def event(number: int) -> JobEvent:
    """Make an event of some moment."""
    moment = datetime(2026, 11, 22, tzinfo=UTC) + timedelta(seconds=number)
    return JobEvent(id=EventId(f"ev-{number}"), created_at=moment, message=f"Step {number}")


async def test_events_come_once_and_in_order(make_site: MakeSite) -> None:
    """F10: doubled and shuffled events are given once, in order, also after a restart."""
    shuffled = Events(event(2), event(1), event(2), event(3), event(1))
    site = await make_site(script=Script().on("jobs.events", shuffled, times=None))
    bench = await site.bench()
    handle = await site.start(bench)
    seen = [one.message async for one in handle.events()]
    assert seen == ["Step 1", "Step 2", "Step 3"]
    assert [one async for one in (await bench.resume("shelves")).events()] == []


async def test_pages_in_a_circle_end(site: Site) -> None:
    """F10: a cursor that never moves on: the events that came are given, and the rest is told."""
    bench = await site.bench()
    handle = await site.start(bench)
    await handle.wait()

    page = {
        "data": [
            {"id": f"ev-{number}", "created_at": 1_795_305_600 + number, "level": "info"}
            for number in (2, 1)
        ],
        "has_more": True,
    }
    path = f"{JOBS}/{handle.job_id}/events"
    site.break_next(Step(fault=Status(200, page), path=path, times=None))
    seen: list[str] = []

    async def follow() -> None:
        async for one in handle.events(timeout_s=3600):
            seen.append(one.id)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(UnexpectedResponseError, match="circle"):
        await follow()
    assert seen == ["ev-1", "ev-2"]
    assert len(site.seen("GET", f"/fine_tuning/jobs/{handle.job_id}/events")) < 50


async def test_events_survive_trouble(site: Site) -> None:
    """F10: listings that fail in between lose no event and double none."""
    bench = await site.bench()
    handle = await site.start(bench)
    path = f"{JOBS}/{handle.job_id}/events"
    site.break_next(
        Step(fault=Status(503), path=path, times=5),
        Step(fault=TruncatedJson(), path=path, commit=True, times=5),
    )
    seen = [one.id async for one in handle.events()]
    every = [one.id async for one in site.fake.jobs.events(JobId(handle.job_id))]
    assert sorted(seen) == sorted(every)


async def test_name_alone_resumes_in_a_new_process(site: Site, tmp_path: Path) -> None:
    """F11: another process with the same workspace needs no id, and makes no job."""
    async with site.make_bench(tmp_path) as bench:
        handle = await site.start(bench)
    async with site.make_bench(tmp_path) as bench:
        resumed = await bench.resume("shelves")
        assert resumed.job_id == handle.job_id
        assert (await bench.finish("shelves")).job == handle.job_id
    assert (site.app.live_jobs(), creations(site)) == (1, 1)


async def test_surplus_job_of_a_late_creation_is_cancelled(site: Site) -> None:
    """E6: a second job of the run that shows up later is cancelled, and reported."""
    bench = await site.bench()
    handle = await site.start(bench)
    job = await site.fake.jobs.get(JobId(handle.job_id))
    [sent] = site.seen("POST", "/fine_tuning/jobs")
    site.fake.clock.advance(5)  # type: ignore[attr-defined] - it is virtual
    headers = {"authorization": f"Bearer {site.key}", "content-type": "application/json"}
    await post(site, sent.body, headers)  # as a proxy that repeats a request does
    assert site.app.live_jobs() == 2
    resumed = await bench.resume("shelves")
    assert resumed.job_id == job.id
    assert len(resumed.surplus) == 1
    assert site.app.live_jobs() == 1


async def post(site: Site, body: bytes, headers: dict[str, str]) -> None:
    """Send a creation by hand."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.server.port)
    lines = [
        f"POST {JOBS} HTTP/1.1",
        "host: x",
        "connection: close",
        f"content-length: {len(body)}",
    ]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    assert b" 200 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("flavor", ["openai", "azure"])
@pytest.mark.parametrize(
    "fault", [Disconnect(), Status(500), TruncatedJson(), Disconnect("mid_body")]
)
async def test_lost_answer_to_a_cancellation_is_no_conflict(
    make_site: MakeSite, flavor: str, fault: WireFault
) -> None:
    """F8: cancelled with the answer lost: the job is given as it is; once more is a conflict."""
    site = await make_site(flavor=flavor)
    bench = await site.bench()
    handle = await site.start(bench)
    base = AZURE_JOBS if flavor == "azure" else JOBS
    site.break_next(
        Step(fault=fault, method="POST", path=f"{base}/{handle.job_id}/cancel", commit=True)
    )
    assert (await handle.cancel()).status is JobStatus.CANCELLED
    assert site.app.live_jobs() == 0
    with pytest.raises(ConflictError):
        await handle.cancel()


async def test_lost_answers_to_pause_and_resume(make_site: MakeSite) -> None:
    """F5: a job that was held, or let go, with the answer lost is given as it is."""
    site = await make_site(seconds_per_request=5.0)
    bench = await site.bench()
    handle = await site.start(bench)
    while (await bench.provider.jobs.get(handle.job_id)).status is not JobStatus.RUNNING:
        pass
    path = f"{JOBS}/{handle.job_id}"
    site.break_next(
        Step(fault=Disconnect(), method="POST", path=f"{path}/pause", commit=True),
        Step(fault=Disconnect(), method="POST", path=f"{path}/resume", commit=True),
    )
    assert (await handle.pause()).status.is_held
    assert not (await handle.resume()).status.is_held
    assert (await handle.wait()).fine_tuned_model


@pytest.mark.parametrize("fault", LOST[:6], ids=NAMES[:6])
async def test_lost_answer_to_a_deployment_is_one_deployment(
    make_site: MakeSite, fault: WireFault
) -> None:
    """E2: a tuned model whose deployment was not answered is deployed once, and answers."""
    site = await make_site(flavor="azure")
    bench = await site.bench()
    await site.start(bench)
    before = [one.name async for one in site.fake.deployments.list()]
    site.break_next(Step(fault=fault, method="PUT", commit=True))
    tuned = await bench.finish("shelves")
    after = [one.name async for one in site.fake.deployments.list()]
    assert after == [*before, tuned.deployment]
