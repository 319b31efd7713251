"""Hand batches in once, wait for them, and read what came of them, from whatever process.

The protocol is that of `creation`, for each batch by itself: the intent is written down; one
process at a time is at work on it; the provider is asked whether it has the batch; one creation is
sent; where its answer is lost, the batch is looked for and never sent again unasked.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Generic, TypeVar

from tailorbird.exceptions import (
    ConflictError,
    JobOutcomeUnknownError,
    NotFoundError,
    ProviderError,
    WaitTimeoutError,
)
from tailorbird.retry import PASSING
from tailorbird.types.base import Frozen
from tailorbird.types.batches import BatchStatus
from tailorbird.types.ids import BatchId, JobId
from tailorbird.types.jobs import RUN_KEY
from tailorbird.workflow.bulk.orders import Outcome
from tailorbird.workflow.once.leases import Holder, Leases
from tailorbird.workflow.once.listing import distinct
from tailorbird.workflow.once.settling import SETTLE_S, settle
from tailorbird.workflow.once.shielding import carry_through
from tailorbird.workflow.progress import OnProgress, Progress
from tailorbird.workflow.tuning.creation import tag_of
from tailorbird.workflow.tuning.handle import Schedule

if TYPE_CHECKING:
    from tailorbird.journal import RunRecord, Runs, Workspace
    from tailorbird.protocols import Provider
    from tailorbird.types.batches import Batch
    from tailorbird.workflow.bulk.orders import Order

OutcomeT = TypeVar("OutcomeT", bound=Outcome)

_LOG = logging.getLogger("tailorbird.workflow")

SCHEDULE = Schedule(first_s=5.0, factor=1.5, limit_s=60.0)
"""How often batches are looked at: Microsoft Learn advises a minute between two looks ("Getting
started with Azure OpenAI batch deployments", read 2026-11-22)."""

_OLD_NEWS_S = 600.0  # as in `creation`
_GRACE_S = 60.0  # a new batch may be invisible for a moment, as a new job
_LONGEST_S = 7 * 86_400.0  # the window is a day; Azure lets a batch run on until it is cancelled


class AttemptPlan(Frozen):
    """How the requests of one attempt are cut into batches; written down before the first."""

    places: tuple[int, ...] | None = None
    """Which requests are asked, by their places; None for all of them."""
    shards: tuple[int, ...]
    """How many of them go into each batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """The requests of one batch."""

    name: str
    """Name of its run in the journal."""
    places: Sequence[int]
    """Which requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A batch that was handed in."""

    shard: Shard
    """What it asks."""
    batch_id: BatchId
    """The provider's id."""


@dataclass(frozen=True, slots=True)
class Waited:
    """Batches that have ended."""

    batches: Mapping[BatchId, Batch]
    """The batches by their ids."""
    at_once: bool
    """Whether they had ended before the wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRuns(Generic[OutcomeT]):
    """The batches of one name."""

    provider: Provider
    """Who answers."""
    workspace: Workspace
    """Remembers intents and outcomes."""
    order: Order[OutcomeT]
    """What is asked."""
    name: str
    """Name of the run."""
    on_progress: OnProgress
    """Called while batches are handed in and waited for."""
    settle_s: float = SETTLE_S
    """Seconds to look for a batch whose creation was not answered."""
    random: Random = field(default_factory=Random, repr=False)
    """Keeps many waits out of step."""

    @property
    def identity(self) -> str:
        """Under which account the journal keeps these runs, apart from those of fine-tuning."""
        return f"{self.provider.identity} (bulk)"

    async def begin(self, summary: dict[str, str]) -> RunRecord:
        """Write the intent down, or give the one that was written down before.

        Raises:
            InvalidInputError: The name stands for other requests; the message shows the difference.
        """
        return await self._record(self.name, plan="{}", summary=summary)

    async def shards(self, attempt: int, places: Sequence[int] | None) -> tuple[Shard, ...]:
        """Give the batches of an attempt, cut as they were when it was first begun.

        Args:
            attempt: Number of the attempt, from 0.
            places: What it asks, when it is new; None for all requests.

        Raises:
            InvalidInputError: A request is wrong; nothing was sent.
            UnsupportedError: The provider has no batches, or the model does not take an option.
        """
        name = f"{self.name}/{attempt}"
        known = await self._runs.find(name, identity=self.identity)
        if known is None:
            every = range(len(self.order.keys)) if places is None else places
            plan = AttemptPlan(
                places=None if places is None else tuple(places),
                shards=await self.order.cut(every),
            )
            # Another process may have been faster: what it wrote down holds.
            known = await self._record(name, plan=plan.model_dump_json(), summary={})
        written = AttemptPlan.model_validate_json(known.plan)
        asked = range(len(self.order.keys)) if written.places is None else written.places
        cut: list[Shard] = []
        start = 0
        for number, count in enumerate(written.shards):
            places_here = asked[start : start + count]
            cut.append(Shard(name=f"{name}/{number}", places=places_here))
            start += count
        return tuple(cut)

    async def submit(self, shard: Shard, *, key: str, again: bool) -> Submitted:
        """Give the batch of a shard: the one that exists, or else a new one.

        Args:
            shard: What to ask.
            key: Hash of the whole order.
            again: Hand it in once more although nobody knows whether that was done before.

        Raises:
            JobOutcomeUnknownError: The answer to the creation was lost, and no batch shows up.
            StoreBusyError: Another process is at work on it for too long.
            ProviderError: What the provider said; no batch was made.
        """
        run = await self._record(shard.name, plan="{}", summary={}, key=_hash(key, shard.name))
        batch_id = _known(run)
        if batch_id is None:
            batch_id = await self._leases.within(
                run, lambda holder: self._make(shard, holder, again=again), done=_known
            )
        return Submitted(shard=shard, batch_id=batch_id)

    async def recover(self, run: RunRecord, *, again: bool) -> BatchId | None:
        """Give the batch of a run that some process has begun; None when there certainly is none.

        Args:
            run: The run of a shard.
            again: Let go of a batch of which nobody knows whether it was handed in.

        Raises:
            JobOutcomeUnknownError: The answer to the creation was lost, and no batch shows up.
            StoreBusyError: Another process is at work on it for too long.
        """

        async def look(holder: Holder) -> BatchId | None:
            found = await self._known_batches(holder.run)
            if found:
                return await self._adopt(holder.run, found)
            if holder.run.state == "creating":
                if not again:
                    raise self._unknown(holder.run)
                await self._runs.begin_attempt(holder.run)
            return None

        return _known(run) or await self._leases.within(run, look, done=_known)

    async def wait(self, submitted: Sequence[Submitted], *, timeout_s: float | None) -> Waited:
        """Wait until all batches have ended; trouble that passes by itself does not end the wait.

        Raises:
            WaitTimeoutError: The time is over; the batches go on.
            ProviderError: The provider refuses to say (key, permission, unknown batch).
        """
        clock = self.provider.clock
        started = clock.monotonic()
        limit = started + (_LONGEST_S if timeout_s is None else timeout_s)
        waiting = [one.batch_id for one in submitted]
        seen: dict[BatchId, Batch] = {}
        looks = 0
        while True:
            for batch_id in waiting:
                found = await self._look(batch_id, grace=clock.monotonic() - started <= _GRACE_S)
                if found is not None:
                    seen[batch_id] = found
            self._tell(seen)
            waiting = [one for one in waiting if one not in seen or not seen[one].status.is_final]
            if not waiting:
                return Waited(seen, at_once=not looks)
            left = limit - clock.monotonic()
            if left <= 0:
                ids = ", ".join(waiting)
                message = (
                    f"bulk run {self.name!r} did not end within the wait; it goes on ({ids}): call"
                    " the same again"
                )
                raise WaitTimeoutError(message, name=self.name)
            await clock.sleep(min(left, SCHEDULE.pause_s(looks, self.random)))
            looks += 1

    async def advance(self, parent: RunRecord, places: Sequence[int]) -> int:
        """Begin another attempt on the user's word, once however many want it; give its number."""

        async def work(holder: Holder) -> int:
            await self.shards(holder.run.attempt + 1, places)
            return (await self._runs.begin_attempt(holder.run)).attempt

        return await self._leases.within(
            parent,
            work,
            done=lambda now: now.attempt if now.attempt > parent.attempt else None,
        )

    async def _look(self, batch_id: BatchId, *, grace: bool) -> Batch | None:
        try:
            return await self.provider.batches.get(batch_id)
        except NotFoundError:
            if not grace:
                raise
        except PASSING as exc:
            _LOG.debug("batch %s: looking failed, and goes on: %s", batch_id, exc)
        return None

    def _tell(self, seen: Mapping[BatchId, Batch]) -> None:
        batches = seen.values()
        words = ", ".join(sorted({one.raw_status for one in batches}))
        done = sum(one.counts.completed + one.counts.failed for one in batches)
        total = sum(one.counts.total for one in batches)
        self.on_progress(Progress(step="bulk", done=done, total=total, detail=words))

    async def _make(self, shard: Shard, holder: Holder, *, again: bool) -> BatchId:
        run = holder.run
        found = await self._known_batches(run)
        if found:
            return await self._adopt(run, found)
        if run.state == "creating":
            if not again:
                raise self._unknown(run)
            run = await self._runs.begin_attempt(run)
        try:
            return await carry_through(self._create(shard, run, owner=holder.owner))
        except ProviderError as exc:
            if exc.accepted == "no":
                raise
            sent = await self._runs.get(run.name, identity=self.identity)
            found = await self._known_batches(sent)
            if not found:
                raise self._unknown(run) from exc
        return await self._adopt(run, found)

    async def _create(self, shard: Shard, run: RunRecord, *, owner: str) -> BatchId:
        """Send the creation and write down what came of it; never left half done."""

        async def before() -> None:
            now = self.provider.clock.now()
            if not await self._runs.record_sent(run.id, owner=owner, at=now):
                # This process stood still for so long that another one has taken over.
                raise self._unknown(run)

        try:
            batch = await self.order.submit(
                shard.places, metadata={RUN_KEY: tag_of(run)}, before=before
            )
        except ProviderError as exc:
            if exc.accepted == "no":
                await self._runs.record_refused(run.id)
            raise
        await self._runs.record_job(run.id, JobId(batch.id))
        return batch.id

    async def _known_batches(self, run: RunRecord) -> Sequence[Batch]:
        """Look for batches of the run; for some time, when a creation was sent just now."""
        sent_at = run.sent_at or run.begun_at
        old = (self.provider.clock.now() - sent_at).total_seconds() > _OLD_NEWS_S
        waits = run.state == "creating" and not old
        return await settle(
            lambda: self._find(tag_of(run)),
            clock=self.provider.clock,
            limit_s=self.settle_s if waits else 0.0,
        )

    async def _find(self, tag: str) -> Sequence[Batch]:
        listing = self.provider.batches.list(metadata={RUN_KEY: tag})
        listed = await distinct(listing, lambda one: one.id)
        # A provider that ignores the filter gives everybody's batches.
        ours = [one for one in listed if one.metadata.get(RUN_KEY) == tag]
        return sorted(ours, key=lambda one: (one.created_at, one.id))

    async def _adopt(self, run: RunRecord, found: Sequence[Batch]) -> BatchId:
        """Keep one batch of a run, and cancel the others that live."""
        complete = [one for one in found if one.status is BatchStatus.COMPLETED]
        live = [one for one in found if not one.status.is_final]
        kept = (complete or live or [found[-1]])[0].id
        # Written down first: what follows may fail, and the batch must not be forgotten.
        await self._runs.record_job(run.id, JobId(kept))
        for one in live:
            if one.id == kept:
                continue
            try:
                await self.provider.batches.cancel(one.id)
            except (ConflictError, NotFoundError) as exc:
                _LOG.debug("a surplus batch has ended meanwhile: %s", exc)
            else:
                _LOG.warning("batch %s was cancelled: batch %s asks the same", one.id, kept)
        return kept

    async def _record(
        self, name: str, *, plan: str, summary: dict[str, str], key: str | None = None
    ) -> RunRecord:
        return await self._runs.begin(
            name,
            identity=self.identity,
            run_key=key or _hash(self.provider.identity, name, *summary.values()),
            summary=summary,
            plan=plan,
            at=self.provider.clock.now(),
        )

    def _unknown(self, run: RunRecord) -> JobOutcomeUnknownError:
        return JobOutcomeUnknownError(
            f"the answer to handing in {run.name!r} was lost, and the provider does not list the"
            " batch (yet). Call the same again later: it looks before it hands anything in."
            " again=True hands in another batch, which may be a second one to pay for",
            name=self.name,
        )

    @property
    def _runs(self) -> Runs:
        return self.workspace.journal.runs

    @property
    def _leases(self) -> Leases:
        return Leases(runs=self._runs, clock=self.workspace.clock)


def _known(run: RunRecord) -> BatchId | None:
    return None if run.job_id is None else BatchId(run.job_id)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
