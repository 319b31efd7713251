"""Whatever processes do to one run, and in whatever order: one holder, and one that sends."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tailorbird.journal import Journal, RunRecord
from tailorbird.types import EventId, JobId

ACCOUNT = "fake/test"
START = datetime(2026, 11, 22, tzinfo=UTC)
TTL_S = 10.0

OWNERS = st.sampled_from(["a", "b", "c"])


class Run(RuleBasedStateMachine):
    """A run, beside a model of it that knows who holds its lease until when."""

    def __init__(self) -> None:
        """Begin a run in a journal in memory."""
        super().__init__()
        self.loop = asyncio.Runner()
        self.journal = self.loop.run(asyncio.to_thread(Journal, None))
        self.runs = self.journal.runs
        self.now = START
        self.held: tuple[str, datetime] | None = None
        self.state, self.job, self.attempt = "new", None, 0
        self.taken: set[tuple[str, str]] = set()

    def teardown(self) -> None:
        """Close journal and loop."""
        self.loop.run(self.journal.close())
        self.loop.close()

    def run(self) -> RunRecord:
        """Give the run as the journal knows it; beginning it again changes nothing."""
        return self.loop.run(
            self.runs.begin(
                "shop", identity=ACCOUNT, run_key="k", summary={}, plan="{}", at=self.now
            )
        )

    @rule(seconds=st.sampled_from([0.0, 3.0, 9.999999, 10.0, 25.0]))
    def let_time_pass(self, seconds: float) -> None:
        """Move the machine's clock on."""
        self.now += timedelta(seconds=seconds)

    @rule(owner=OWNERS)
    def hold(self, owner: str) -> None:
        """Take or renew the lease, when nobody else holds it."""
        free = self.held is None or self.held[0] == owner or self.held[1] <= self.now
        if free:
            self.held = (owner, self.now + timedelta(seconds=TTL_S))
        found = self.loop.run(self.runs.hold(self.run(), owner=owner, now=self.now, ttl_s=TTL_S))
        assert (found.lease_owner == owner) is free

    @rule(owner=OWNERS)
    def release(self, owner: str) -> None:
        """Give the lease back; nobody can give back another one's."""
        if self.held is not None and self.held[0] == owner:
            self.held = None
        self.loop.run(self.runs.release(self.run().id, owner=owner))

    @rule(owner=OWNERS)
    def send(self, owner: str) -> None:
        """Be about to send a creation; only the holder may."""
        allowed = self.held is not None and self.held[0] == owner
        sent = self.loop.run(self.runs.record_sent(self.run().id, owner=owner, at=self.now))
        assert sent is allowed
        if allowed:
            self.state = "creating"

    @rule(job=st.sampled_from([None, "j1", "j2"]))
    def answer(self, job: str | None) -> None:
        """Hear that a creation was refused, or made a job."""
        if job is None:
            self.state = "new"
            self.loop.run(self.runs.record_refused(self.run().id))
        else:
            self.state, self.job = "created", job
            self.loop.run(self.runs.record_job(self.run().id, JobId(job)))

    @rule()
    def make_again(self) -> None:
        """Begin another attempt."""
        self.state, self.job, self.attempt = "new", None, self.attempt + 1
        self.loop.run(self.runs.begin_attempt(self.run()))

    @rule(job=st.sampled_from(["j1", "j2"]), event=st.sampled_from(["e1", "e2"]))
    def take_event(self, job: str, event: str) -> None:
        """Take an event; the first one gets it."""
        fresh = (job, event) not in self.taken
        self.taken.add((job, event))
        claimed = self.runs.claim_event(ACCOUNT, JobId(job), EventId(event))
        assert self.loop.run(claimed) is fresh

    @invariant()
    def journal_and_model_agree(self) -> None:
        """State, job, attempt and holder are what the model says."""
        found = self.run()
        assert (found.state, found.job_id, found.attempt) == (self.state, self.job, self.attempt)
        assert found.lease_owner == (None if self.held is None else self.held[0])


Run.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestRun = Run.TestCase
