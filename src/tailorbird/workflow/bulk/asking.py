"""Ask many things: a few at a time, or as batches at a part of the price, once per name."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Generic, TypeVar, overload

from pydantic import Field
from typing_extensions import override

from tailorbird.exceptions import InvalidInputError
from tailorbird.journal import Spending
from tailorbird.protocols.batch_arguments import check_requests
from tailorbird.retry import PASSING
from tailorbird.types.base import Frozen, Settings
from tailorbird.types.batches import BatchStatus, ChatRequest, EmbeddingRequest, ItemFailure
from tailorbird.types.ids import ModelId
from tailorbird.types.usage import Price, Usage
from tailorbird.workflow.answering.arm import DEFAULT_CONCURRENCY
from tailorbird.workflow.bulk.many import Asking
from tailorbird.workflow.bulk.orders import (
    ChatOrder,
    EmbeddingOrder,
    Outcome,
    input_tokens,
)
from tailorbird.workflow.bulk.runs import BatchRuns
from tailorbird.workflow.money.pricing import batch_cost, usage_cost
from tailorbird.workflow.once.settling import SETTLE_S
from tailorbird.workflow.progress import OnProgress, Progress, silent
from tailorbird.workflow.tuning.tune import check_run_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tailorbird.journal import Workspace
    from tailorbird.protocols import Provider
    from tailorbird.types.batches import Batch, ChatOutcome, EmbeddingOutcome, FailureKind
    from tailorbird.workflow.bulk.orders import Order
    from tailorbird.workflow.bulk.runs import Submitted

T = TypeVar("T")
R = TypeVar("R", ChatRequest, EmbeddingRequest)
OutcomeT = TypeVar("OutcomeT", bound=Outcome)

_LOG = logging.getLogger("tailorbird.workflow")

_TEXTS = 256  # in one call: few enough that a broken one costs little, many enough to be fast
_READS = 4  # attempts at reading a batch's results
_PAUSE_S = 10.0  # between two of them


class BulkOptions(Settings):
    """How many requests are asked together."""

    role: str | None = None
    """Which role answers; None takes `chat` or `embedding`. Azure answers batches by deployments
    of their own (`GlobalBatch`): give such a one a role, e.g. `bulk`."""
    model: ModelId | None = None
    """Model or deployment that answers, such as a tuned one; None takes the role's."""
    concurrency: int = Field(default=DEFAULT_CONCURRENCY, ge=1, le=1_000)
    """How many requests to ask at a time without batches, 1..1,000."""
    again: bool = False
    """Ask once more, in a new batch, what has no answer after the last batches have ended; or hand
    a batch in once more although nobody knows whether that was done before."""
    timeout_s: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Seconds to wait for batches; None waits for a week. They go on when the wait ends."""


class ManyEstimate(Frozen):
    """What many requests would send, before anything is sent."""

    requests: int
    """How many there are."""
    input_tokens: int
    """Tokens that are sent, by estimate (within about 15 %)."""
    bulk: bool
    """Whether as batches."""
    usd: Decimal | None
    """US dollars for these tokens, without what the answers cost; None when no price is known."""

    @override
    def __str__(self) -> str:
        """Say it in one line."""
        text = f"{self.requests:,} requests, about {self.input_tokens:,} tokens of input"
        if self.usd is None:
            return f"{text}; no price is known"
        return f"{text}, about {self.usd:,.4f} USD for it{' in batches' if self.bulk else ''}"


def estimate_many(
    requests: Sequence[ChatRequest] | Sequence[EmbeddingRequest],
    *,
    price: Price | None,
    bulk: bool,
) -> ManyEstimate:
    """Count what requests would send, and price it; it blocks for a second with 50,000 of them.

    Args:
        requests: What would be asked.
        price: What the model costs; None when that is not known.
        bulk: Whether it would be asked as batches.
    """
    tokens = input_tokens(requests)
    usage = Usage(input_tokens=tokens)
    usd = None
    if price is not None:
        usd = batch_cost(usage, price) if bulk else usage_cost(usage, price)
    return ManyEstimate(requests=len(requests), input_tokens=tokens, bulk=bulk, usd=usd)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    """Asks one model many things."""

    provider: Provider
    """Who answers."""
    workspace: Workspace
    """Remembers what was handed in."""
    model: ModelId
    """Model or deployment that is asked."""
    price: Price | None = None
    """What it costs; None when that is not known."""
    options: BulkOptions = field(default_factory=BulkOptions)
    """How to ask."""
    on_progress: OnProgress = silent
    """Called as it goes on."""
    settle_s: float = SETTLE_S
    """Seconds to look for a batch whose creation was not answered."""

    @overload
    async def complete_many(
        self,
        requests: Sequence[ChatRequest],
        *,
        output: None = None,
        name: str | None = None,
        bulk: bool = False,
    ) -> tuple[ChatOutcome[None], ...]: ...

    @overload
    async def complete_many(
        self,
        requests: Sequence[ChatRequest],
        *,
        output: type[T],
        name: str | None = None,
        bulk: bool = False,
    ) -> tuple[ChatOutcome[T], ...]: ...

    async def complete_many(
        self,
        requests: Sequence[ChatRequest],
        *,
        output: type[T] | None = None,
        name: str | None = None,
        bulk: bool = False,
    ) -> tuple[ChatOutcome[T], ...] | tuple[ChatOutcome[None], ...]:
        """Answer many conversations; what became of each stands at its place.

        Args:
            requests: Conversations, at least one, keys unique.
            output: Type of structured answers; None for plain text.
            name: Name under which batches are found again; needed for `bulk`.
            bulk: Ask as batches: cheaper, answered within a day. The same name with the same
                requests is the same run, from whatever process.

        Raises:
            InvalidInputError: There is no request, a key comes twice, `bulk` has no name, or the
                name stands for other requests.
            UnsupportedError: The provider has no batches.
            JobOutcomeUnknownError: The answer to handing a batch in was lost: call it again later.
            WaitTimeoutError: The time is over; the batches go on.
            ProviderError: All requests would fail alike (key, permission, model, quota).
        """
        order = ChatOrder(
            provider=self.provider,
            requests=await _checked(requests, ChatRequest),
            asked=self.model,
            output=output,
        )
        return tuple(await self._ask(order, order.requests, name=name, bulk=bulk, at_once=1))

    async def embed_many(
        self,
        requests: Sequence[EmbeddingRequest],
        *,
        dimensions: int | None = None,
        name: str | None = None,
        bulk: bool = False,
    ) -> tuple[EmbeddingOutcome, ...]:
        """Embed many texts; what became of each stands at its place.

        Args:
            requests: Texts, at least one, keys unique.
            dimensions: Width of the vectors; None takes the model's own.
            name: As for `complete_many`.
            bulk: As for `complete_many`.

        Raises:
            TailorbirdError: As for `complete_many`.
        """
        order = EmbeddingOrder(
            provider=self.provider,
            requests=await _checked(requests, EmbeddingRequest),
            asked=self.model,
            dimensions=dimensions,
        )
        return tuple(await self._ask(order, order.requests, name=name, bulk=bulk, at_once=_TEXTS))

    async def _ask(
        self,
        order: Order[OutcomeT],
        requests: Sequence[ChatRequest] | Sequence[EmbeddingRequest],
        *,
        name: str | None,
        bulk: bool,
        at_once: int,
    ) -> Sequence[OutcomeT]:
        if not bulk:
            return await self._ask_each(order, at_once)
        if name is None:
            message = "bulk=True needs a name, under which the batches are found again"
            raise InvalidInputError(message)
        check_run_name(name)
        estimate = await asyncio.to_thread(estimate_many, requests, price=self.price, bulk=True)
        self.on_progress(
            Progress(step="submitting", done=0, total=len(requests), detail=str(estimate))
        )
        run = _BulkRun(
            bulk=self,
            order=order,
            runs=BatchRuns(
                provider=self.provider,
                workspace=self.workspace,
                order=order,
                name=name,
                on_progress=self.on_progress,
                settle_s=self.settle_s,
            ),
        )
        return await run.finish()

    async def _ask_each(self, order: Order[OutcomeT], at_once: int) -> Sequence[OutcomeT]:
        keys = order.keys
        places = range(len(keys))
        asking = Asking(
            items=[places[start : start + at_once] for start in places[::at_once]],
            ask=order.ask,
            lost=lambda span, failure: [order.lost(keys[place], failure) for place in span],
            size=len,
            concurrency=self.options.concurrency,
            on_progress=self.on_progress,
        )
        return [outcome for found in await asking.finish() for outcome in found]


_LOST: Mapping[BatchStatus, FailureKind] = {
    BatchStatus.EXPIRED: "expired",
    BatchStatus.CANCELLED: "cancelled",
    BatchStatus.FAILED: "refused",
}


@dataclass(slots=True, kw_only=True)
class _BulkRun(Generic[OutcomeT]):
    """One run in batches, with all its attempts."""

    bulk: Bulk
    order: Order[OutcomeT]
    runs: BatchRuns[OutcomeT]
    results: dict[int, OutcomeT] = field(init=False, default_factory=dict[int, "OutcomeT"])

    async def finish(self) -> Sequence[OutcomeT]:
        """Hand in what was not, wait, and read all results.

        The user's word for asking again counts once the batches of the last attempt have ended:
        what is called again after a crash goes on with the attempt that it had begun.
        """
        summary = dict(await asyncio.to_thread(self.order.summary))
        parent = await self.runs.begin(summary)
        ended = True
        for attempt in range(parent.attempt + 1):
            ended = await self._attempt(attempt, None, key=parent.run_key)
        places = self._unanswered()
        if self.bulk.options.again and ended and places:
            attempt = await self.runs.advance(parent, places)
            await self._attempt(attempt, places, key=parent.run_key)
        return [self.results[place] for place in range(len(self.order.keys))]

    async def _attempt(self, attempt: int, places: Sequence[int] | None, *, key: str) -> bool:
        """Bring an attempt to its end; say whether it had ended before."""
        shards = await self.runs.shards(attempt, places)
        submitted: list[Submitted] = []
        for number, shard in enumerate(shards, start=1):
            submitted.append(await self.runs.submit(shard, key=key, again=self.bulk.options.again))
            self.bulk.on_progress(
                Progress(step="submitting", done=number, total=len(shards), detail="batches")
            )
        waited = await self.runs.wait(submitted, timeout_s=self.bulk.options.timeout_s)
        for one in submitted:
            await self._read(one, waited.batches[one.batch_id])
        return waited.at_once

    async def _read(self, one: Submitted, batch: Batch) -> None:
        """Read the results of a batch; what has no line has a failure."""
        # In threads: with tens of thousands of requests each of these takes longer than other tasks
        # should wait.
        index = await asyncio.to_thread(self._index, one.shard.places)
        found = await self._outcomes(one, index)
        await asyncio.to_thread(self._keep, index, found, _lost(batch))
        usage = await asyncio.to_thread(self._usage, found.values())
        if usage.total_tokens:
            await self._pay(one, usage)

    def _index(self, places: Sequence[int]) -> Mapping[str, int]:
        keys = self.order.keys
        return {keys[place]: place for place in places}

    def _keep(
        self, index: Mapping[str, int], found: Mapping[int, OutcomeT], lost: ItemFailure
    ) -> None:
        for key, place in index.items():
            outcome = found.get(place)
            if outcome is None:
                outcome = self.order.lost(key, lost)
            if place not in self.results or self.results[place].failure is not None:
                self.results[place] = outcome

    def _usage(self, outcomes: Iterable[OutcomeT]) -> Usage:
        counted = (self.order.usage(outcome) for outcome in outcomes)
        return Usage.total([one for one in counted if one is not None])

    async def _outcomes(self, one: Submitted, index: Mapping[str, int]) -> Mapping[int, OutcomeT]:
        found: dict[int, OutcomeT] = {}
        for _ in range(_READS - 1):
            try:
                await self._gather(one, index, found)
            except PASSING as exc:
                _LOG.debug("the results of %s are read again: %s", one.batch_id, exc)
                await self.bulk.provider.clock.sleep(_PAUSE_S)
            else:
                return found
        await self._gather(one, index, found)
        return found

    async def _gather(
        self, one: Submitted, index: Mapping[str, int], found: dict[int, OutcomeT]
    ) -> None:
        async for outcome in self.order.outcomes(one.batch_id):
            place = index.get(outcome.key)
            # What was not asked is none of our business; of two lines an answer counts.
            if place is not None and (place not in found or found[place].failure is not None):
                found[place] = outcome

    async def _pay(self, one: Submitted, usage: Usage) -> None:
        """Write down what a batch cost, once however often its results are read."""
        spending = Spending(
            at=self.bulk.provider.clock.now(),
            identity=self.bulk.provider.identity,
            what=self.order.kind,
            subject=self.runs.name,
            reference=one.batch_id,
            model=self.order.model,
            usage=usage,
            usd=batch_cost(usage, self.bulk.price),
        )
        await self.bulk.workspace.journal.ledger.record(spending)

    def _unanswered(self) -> Sequence[int]:
        return [place for place, one in sorted(self.results.items()) if one.failure is not None]


def _lost(batch: Batch) -> ItemFailure:
    reasons = [f"the batch is {batch.raw_status!r} and has no line for it", *batch.problems]
    return ItemFailure(kind=_LOST.get(batch.status, "missing"), message="; ".join(reasons))


async def _checked(requests: Sequence[R], kind: type[R]) -> tuple[R, ...]:
    # In a thread: tens of thousands take longer than other tasks should wait.
    return await asyncio.to_thread(check_requests, requests, kind=kind)
