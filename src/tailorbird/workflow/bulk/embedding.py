"""Embed the texts of a large corpus by batches, so that indexing it finds their vectors known."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tailorbird.exceptions import JobFailedError, NotFoundError
from tailorbird.journal import Spending
from tailorbird.retry import PASSING
from tailorbird.types.batches import BatchStatus, EmbeddingRequest
from tailorbird.types.usage import Usage
from tailorbird.workflow.bulk.asking import BulkOptions
from tailorbird.workflow.bulk.orders import EmbeddingOrder
from tailorbird.workflow.bulk.runs import BatchRuns, Shard, Submitted
from tailorbird.workflow.money.pricing import batch_cost
from tailorbird.workflow.once.settling import SETTLE_S
from tailorbird.workflow.once.shielding import carry_through
from tailorbird.workflow.progress import OnProgress, Progress, silent

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence

    from tailorbird.journal import Workspace
    from tailorbird.protocols import Provider
    from tailorbird.types.batches import Batch, EmbeddingOutcome
    from tailorbird.types.ids import BatchId, IndexName, ModelId
    from tailorbird.types.usage import Price
    from tailorbird.workflow.searching.embedder import Embedder

_LOG = logging.getLogger("tailorbird.workflow")

TEXTS_A_BATCH = 10_000
"""Texts that are held in memory and handed in together: our own choice, so that a corpus of any
size takes some ten megabytes. OpenAI takes 50,000 in a batch (Batch API guide, read 2026-11-22)."""

_KEPT_AT_ONCE = 256  # vectors in one transaction
_READS = 4  # attempts at reading a batch's results
_PAUSE_S = 10.0  # between two of them
_SHOWN = 3


@dataclass(slots=True)
class Taken:
    """What batches gave."""

    texts: int = 0
    """Texts that have a vector now."""
    usage: Usage = field(default_factory=Usage)
    """Their tokens."""
    troubles: list[str] = field(default_factory=list[str])
    """Why others have none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchEmbedder:
    """Embeds the texts of one index by batches, from whatever process.

    Each batch answers texts by the keys under which their vectors are remembered. So whoever finds
    a batch in the journal can take its vectors, whatever became of the corpus meanwhile, and
    nothing that was handed in is handed in again.
    """

    provider: Provider
    """Who embeds."""
    workspace: Workspace
    """Remembers what was handed in, and the vectors."""
    embedder: Embedder
    """Whose vectors they become."""
    model: ModelId
    """Model or deployment that answers batches: the embedder's, or another deployment of it."""
    index: IndexName
    """The index that the texts are for."""
    price: Price | None = None
    """What the model costs; None when that is not known."""
    options: BulkOptions = field(default_factory=BulkOptions)
    """How long to wait, and whether to hand in again what may have been handed in."""
    on_progress: OnProgress = silent
    """Called as it goes on."""
    settle_s: float = SETTLE_S
    """Seconds to look for a batch whose creation was not answered."""

    async def check(self) -> None:
        """Do nothing when batches can be handed in.

        Raises:
            UnsupportedError: The provider has no batches; nothing was sent.
        """
        await self._order([EmbeddingRequest(key="check", text="check")]).cut([0])

    async def embed(self, texts: AsyncIterator[Mapping[str, str]]) -> Taken:
        """Embed texts, and remember their vectors.

        What an earlier call handed in is taken first, then the rest is handed in and waited for.

        Args:
            texts: Those without known vectors, by their keys; asked for when the batches of earlier
                calls have been taken. One may come again.

        Raises:
            UnsupportedError: The provider has no batches; nothing was sent.
            JobOutcomeUnknownError: The answer to handing a batch in was lost: call it again later.
            NotFoundError: A batch, or its results, were removed before they were taken; the option
                `again` hands its texts in again.
            WaitTimeoutError: The time is over; the batches go on, and the next call finds them.
            JobFailedError: Some texts got no vector. What came is kept; the next call hands the
                others in again.
            ProviderError: What the provider said.
        """
        await self.check()
        before = await self._handed_in_before()
        if self.options.again:
            before = [one for one in before if await self._is_there(one)]
        taken = await self._take(before)
        # Texts that got no vector there are still missing: this call hands them in again.
        taken.troubles.clear()
        handed: list[Submitted] = []
        count = 0
        async for part in self._parts(texts):
            handed += await self._hand_in(part)
            count += len(part)
            detail = f"{count:,} texts in {len(handed)} batches"
            self.on_progress(Progress(step="submitting", done=count, detail=detail))
        fresh = await self._take(handed)
        if fresh.troubles:
            raise self._failure(fresh, handed, of=count)
        return Taken(taken.texts + fresh.texts, taken.usage + fresh.usage)

    async def _parts(
        self, texts: AsyncIterator[Mapping[str, str]]
    ) -> AsyncGenerator[Mapping[str, str]]:
        most = min(TEXTS_A_BATCH, self.provider.batches.most_requests)
        seen: set[str] = set()
        part: dict[str, str] = {}
        async for some in texts:
            for key, text in some.items():
                if key in seen:
                    continue
                seen.add(key)
                part[key] = text
                if len(part) == most:
                    yield part
                    part = {}
        if part:
            yield part

    async def _hand_in(self, part: Mapping[str, str]) -> Sequence[Submitted]:
        requests = [EmbeddingRequest(key=key, text=text) for key, text in part.items()]
        order = self._order(requests)
        runs = self._runs(order, self._prefix + _digest(*part))
        parent = await runs.begin(dict(await asyncio.to_thread(order.summary)))
        return [
            await runs.submit(shard, key=parent.run_key, again=self.options.again)
            for shard in await runs.shards(0, None)
        ]

    async def _handed_in_before(self) -> Sequence[Submitted]:
        """Give the batches whose results were not taken yet.

        Raises:
            JobOutcomeUnknownError: Of one nobody knows whether it was handed in.
        """
        runs = self._reader()
        known = await self.workspace.journal.runs.list(identity=runs.identity)
        found: list[Submitted] = []
        for run in reversed(known):
            if run.name.startswith(self._prefix) and run.state != "new":
                batch_id = await runs.recover(run, again=self.options.again)
                if batch_id is not None:
                    shard = Shard(name=run.name, places=())
                    found.append(Submitted(shard=shard, batch_id=batch_id))
        return found

    async def _is_there(self, one: Submitted) -> bool:
        """Say whether a batch can be read, now or later; one that is gone is let go of."""
        try:
            batch = await self.provider.batches.get(one.batch_id)
            if batch.status.is_final:
                async for _ in self._order(()).outcomes(batch.id):
                    break
        except NotFoundError as exc:
            _LOG.warning("batch %s is gone, its texts are handed in again: %s", one.batch_id, exc)
            await self._forget(one.shard.name)
            return False
        return True

    async def _take(self, handed: Sequence[Submitted]) -> Taken:
        """Wait for batches, and remember the vectors that they give."""
        taken = Taken()
        if not handed:
            return taken
        runs = self._reader()
        waited = await runs.wait(handed, timeout_s=self.options.timeout_s)
        for one in handed:
            found = await self._read_patiently(waited.batches[one.batch_id])
            await self._pay(one.batch_id, found.usage)
            await self._forget(one.shard.name)
            taken.texts += found.texts
            taken.usage += found.usage
            taken.troubles += found.troubles
        return taken

    async def _read_patiently(self, batch: Batch) -> Taken:
        for _ in range(_READS - 1):
            try:
                return await self._read(batch)
            except PASSING as exc:
                _LOG.debug("the results of %s are read again: %s", batch.id, exc)
                await self.provider.clock.sleep(_PAUSE_S)
        return await self._read(batch)

    async def _read(self, batch: Batch) -> Taken:
        taken = Taken()
        if batch.status is not BatchStatus.COMPLETED:
            reasons = [f"batch {batch.id} is {batch.raw_status!r}", *batch.problems]
            taken.troubles.append("; ".join(reasons))
        fresh: dict[str, bytes] = {}
        async for outcome in self._order(()).outcomes(batch.id):
            if outcome.vector is None:
                taken.troubles.append(_reason(outcome))
                continue
            fresh[outcome.key] = outcome.vector.tobytes()
            taken.texts += 1
            taken.usage += outcome.usage or Usage()
            if len(fresh) == _KEPT_AT_ONCE:
                await carry_through(self.embedder.keep(fresh))
                fresh = {}
        await carry_through(self.embedder.keep(fresh))
        return taken

    async def _pay(self, batch_id: BatchId, usage: Usage) -> None:
        """Write down what a batch cost, once however often its results are read."""
        if not usage.total_tokens:
            return
        spending = Spending(
            at=self.provider.clock.now(),
            identity=self.provider.identity,
            what="embeddings",
            subject=self.index,
            reference=batch_id,
            model=self.model,
            usage=usage,
            usd=batch_cost(usage, self.price),
        )
        await self.workspace.journal.ledger.record(spending)

    async def _forget(self, name: str) -> None:
        """Write down that the results of a batch were taken."""
        runs = self.workspace.journal.runs
        await runs.begin_attempt(await runs.get(name, identity=self._reader().identity))

    def _failure(self, taken: Taken, handed: Sequence[Submitted], *, of: int) -> JobFailedError:
        shown = "; ".join(dict.fromkeys(taken.troubles[:_SHOWN]))
        message = (
            f"index {self.index!r}: {of - taken.texts:,} of {of:,} texts got no vector from their"
            f" batches ({shown}). What came is kept; the same call hands the others in again, and"
            " without bulk it embeds them directly"
        )
        return JobFailedError(message, job_id=handed[-1].batch_id, name=self.index)

    @property
    def _prefix(self) -> str:
        # The vectors of another model, account or width must never be taken for these.
        return f"index/{self.index}/{_digest(self.embedder.space)[:16]}/"

    def _order(self, requests: Sequence[EmbeddingRequest]) -> EmbeddingOrder:
        return EmbeddingOrder(
            provider=self.provider,
            requests=requests,
            asked=self.model,
            dimensions=self.embedder.dimensions,
        )

    def _runs(self, order: EmbeddingOrder, name: str) -> BatchRuns[EmbeddingOutcome]:
        return BatchRuns(
            provider=self.provider,
            workspace=self.workspace,
            order=order,
            name=name,
            on_progress=self.on_progress,
            settle_s=self.settle_s,
        )

    def _reader(self) -> BatchRuns[EmbeddingOutcome]:
        """Give what waits for batches; what they ask need not be known for that."""
        return self._runs(self._order(()), f"index {self.index}")


def _reason(outcome: EmbeddingOutcome) -> str:
    failure = outcome.failure
    return "no reason" if failure is None else f"{failure.kind}: {failure.message}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
