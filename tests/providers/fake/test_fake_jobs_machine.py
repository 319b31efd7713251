"""A state machine over the fake's files and jobs: whatever is called, the promises hold."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
)

from tailorbird.exceptions import ConflictError, NotFoundError
from tailorbird.providers.fake import FakeProvider, FakeSettings
from tailorbird.types import FileId, Job, JobId, JobSpec, JobStatus

T = TypeVar("T")

GOOD = "".join(
    json.dumps(
        {
            "messages": [
                {"role": "user", "content": f"Question {number}?"},
                {"role": "assistant", "content": f"Answer {number}."},
            ]
        }
    )
    + "\n"
    for number in range(10)
).encode()
BAD = b'{"messages": []}\n'

LEGAL = {
    "pending": {"validating_files", "cancelled"},
    "validating_files": {"queued", "failed", "cancelled"},
    "queued": {"running", "cancelled"},
    "running": {"pausing", "paused", "succeeded", "cancelled"},
    "pausing": {"paused", "running", "cancelled"},
    "paused": {"running", "cancelled"},
}
"""Which word may follow which, all of them directly."""


def may_become(before: str, after: str) -> bool:
    """Say whether a word may have become another one while nobody looked."""
    seen, waiting = {before}, [before]
    while waiting:
        for word in LEGAL.get(waiting.pop(), set()) - seen:
            seen.add(word)
            waiting.append(word)
    return after in seen


class JobsAndFiles(RuleBasedStateMachine):
    """Calls everything in any order, on one fake of one flavor."""

    files = Bundle("files")
    jobs = Bundle("jobs")

    def __init__(self) -> None:
        """Begin without a provider."""
        super().__init__()
        self.loop = asyncio.Runner()
        self.gone: set[FileId] = set()
        self.present: list[FileId] = []
        self.known: dict[JobId, Job] = {}
        self.order: list[JobId] = []
        self.good: dict[FileId, bool] = {}

    def run(self, call: Coroutine[object, object, T]) -> T:
        """Run one call to its end."""
        return self.loop.run(call)

    @initialize(flavor=st.sampled_from(["plain", "openai", "azure"]), seed=st.integers(0, 9))
    def open(self, flavor: str, seed: int) -> None:
        """Open a provider."""
        self.provider = FakeProvider(FakeSettings(flavor=flavor, seed=seed, latency_s=0.01))
        self.run(self.provider.__aenter__())
        self.base = self.provider.roles["tune_base"].model

    @rule(target=files, good=st.booleans())
    def upload(self, good: bool) -> FileId:  # noqa: FBT001 - hypothesis passes it by name
        """Upload a file; its id is new."""
        content = GOOD if good else BAD
        stored = self.run(self.provider.files.create(content, name="train.jsonl"))
        assert stored.id not in self.gone | set(self.present)
        self.present.append(stored.id)
        self.good[stored.id] = good
        return stored.id

    @rule(file_id=consumes(files))
    def delete_file(self, file_id: FileId) -> None:
        """Delete a file; afterwards nothing knows it."""
        self.run(self.provider.files.delete(file_id))
        self.present.remove(file_id)
        self.gone.add(file_id)
        for call in (self.provider.files.get(file_id), self.provider.files.delete(file_id)):
            self.expect(NotFoundError, call)

    @rule(target=jobs, file_id=files)
    def create(self, file_id: FileId) -> JobId | None:
        """Create a job on a file that is ready; its id is new, and it has no result."""
        if not self.good[file_id] and self.provider.identity.startswith("fake/azure"):
            return None
        self.run(self.provider.files.wait_ready(file_id))
        job = self.run(self.provider.jobs.create(JobSpec(model=self.base, training_file=file_id)))
        assert job.id not in self.known
        assert not job.status.is_final
        self.known[job.id] = job
        self.order.append(job.id)
        return job.id

    @rule(job_id=jobs)
    def cancel(self, job_id: JobId | None) -> None:
        """Cancel a job: it ends, or it has ended."""
        if job_id is None:
            return
        if self.look(job_id).status.is_final:
            self.expect(ConflictError, self.provider.jobs.cancel(job_id))
        else:
            self.learn(self.run(self.provider.jobs.cancel(job_id)))
            assert self.known[job_id].status is JobStatus.CANCELLED

    @rule(job_id=jobs)
    def pause(self, job_id: JobId | None) -> None:
        """Hold a job: only a running one can be held."""
        if job_id is None:
            return
        try:
            self.learn(self.run(self.provider.jobs.pause(job_id)))
        except ConflictError:
            return
        assert self.known[job_id].status.is_held

    @rule(job_id=jobs)
    def resume(self, job_id: JobId | None) -> None:
        """Go on with a job: only a held one can go on."""
        if job_id is None:
            return
        if self.look(job_id).status.is_held:
            self.learn(self.run(self.provider.jobs.resume(job_id)))
            assert self.known[job_id].status is JobStatus.RUNNING
        else:
            self.expect(ConflictError, self.provider.jobs.resume(job_id))

    @rule(seconds=st.sampled_from([0.5, 3, 20, 61, 400]))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.run(self.provider.clock.sleep(seconds))

    @rule(job_id=jobs)
    def read_log(self, job_id: JobId | None) -> None:
        """Read a job's log: newest first, nothing from the future, each event once."""
        if job_id is None:
            return

        async def read() -> list[tuple[object, str]]:
            return [(e.created_at, e.id) async for e in self.provider.jobs.events(job_id)]

        log = self.run(read())
        times = [at for at, _ in log]
        assert times == sorted(times, reverse=True)  # type: ignore[type-var]  # all are times
        assert times[0] <= self.provider.clock.now()  # type: ignore[operator]  # they are times
        assert len({event_id for _, event_id in log}) == len(log)

    @invariant()
    def jobs_keep_their_promises(self) -> None:
        """Statuses follow the order, final jobs do not change, only success gives a model."""
        for job_id in self.known:
            job = self.look(job_id)
            has_model = job.fine_tuned_model is not None
            assert has_model == (job.status is JobStatus.SUCCEEDED)
            assert (job.finished_at is not None) == job.status.is_final
            assert (job.failure is not None) == (job.status is JobStatus.FAILED)
            if job.status is JobStatus.FAILED:
                assert not self.good[job.training_file]

    @invariant()
    def listings_are_whole_and_newest_first(self) -> None:
        """Listings hold what was made and not deleted, newest first, each once."""
        if not hasattr(self, "provider"):
            return

        async def read() -> tuple[list[FileId], list[JobId]]:
            files = self.provider.files.list(purpose="fine-tune")
            return [one.id async for one in files], [
                one.id async for one in self.provider.jobs.list()
            ]

        files, jobs = self.run(read())
        assert files == self.present[::-1]
        assert jobs == self.order[::-1]

    def look(self, job_id: JobId) -> Job:
        """Look at a job and compare it with what is known of it."""
        return self.learn(self.run(self.provider.jobs.get(job_id)))

    def learn(self, job: Job) -> Job:
        """Compare a job with what is known of it, and keep it."""
        before = self.known[job.id]
        if before.status.is_final:
            assert job == before
        assert may_become(before.raw_status, job.raw_status), (before, job)
        self.known[job.id] = job
        return job

    def expect(self, kind: type[Exception], call: Coroutine[object, object, object]) -> None:
        """Run a call that must fail."""
        try:
            self.run(call)
        except kind:
            return
        message = f"{kind.__name__} was expected"
        raise AssertionError(message)

    def teardown(self) -> None:
        """Close the provider."""
        if hasattr(self, "provider"):
            self.run(self.provider.__aexit__(None, None, None))
        self.loop.close()


JobsAndFiles.TestCase.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
TestJobsAndFiles = JobsAndFiles.TestCase
