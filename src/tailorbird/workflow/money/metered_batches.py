"""Batches that are paid for from a purse."""

from __future__ import annotations

import asyncio
import secrets
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar, cast, overload

from typing_extensions import override

from tailorbird.journal.holds import to_nano
from tailorbird.protocols import Batches
from tailorbird.protocols.batch_arguments import check_requests
from tailorbird.types.batches import (
    Batch,
    BatchStatus,
    ChatOutcome,
    ChatRequest,
    EmbeddingOutcome,
    EmbeddingRequest,
)
from tailorbird.types.jobs import RUN_KEY
from tailorbird.types.usage import Usage
from tailorbird.workflow.money.meter import was_never_sent, worst_cost
from tailorbird.workflow.money.pricing import batch_cost
from tailorbird.workflow.money.subject import current_subject
from tailorbird.workflow.money.worst import chat_bound, embedding_bound, schema_bytes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from tailorbird.journal import Holds
    from tailorbird.types.batches import BatchKind
    from tailorbird.types.budget import Budget
    from tailorbird.types.ids import BatchId, ModelId
    from tailorbird.types.usage import Price
    from tailorbird.workflow.money.meter import Meter

T = TypeVar("T")


class MeteredBatches(Batches):
    """Hands batches in within the budget; everything else is passed on."""

    def __init__(self, inner: Batches, meter: Meter) -> None:
        """Hand batches in by `inner`, and let `meter` see to the money."""
        self._inner = inner
        self._meter = meter

    @property
    @override
    def most_requests(self) -> int:
        return self._inner.most_requests

    @override
    async def cut_chat(
        self,
        requests: Sequence[ChatRequest],
        *,
        model: ModelId,
        output: type[object] | None = None,
    ) -> tuple[int, ...]:
        limited = await asyncio.to_thread(self._limited, requests)
        return await self._inner.cut_chat(limited, model=model, output=output)

    @override
    async def cut_embeddings(
        self,
        requests: Sequence[EmbeddingRequest],
        *,
        model: ModelId,
        dimensions: int | None = None,
    ) -> tuple[int, ...]:
        return await self._inner.cut_embeddings(requests, model=model, dimensions=dimensions)

    def _limited(self, requests: Sequence[ChatRequest]) -> Sequence[ChatRequest]:
        """Give requests whose answers have an end, where there is a budget.

        With tens of thousands of them it takes longer than other tasks should wait.
        """
        if self._meter.budget is None:
            return requests
        checked = check_requests(requests, kind=ChatRequest)
        return [
            one.model_copy(update={"options": self._meter.limited(one.options)}) for one in checked
        ]

    @override
    async def submit_chat(
        self,
        requests: Sequence[ChatRequest],
        *,
        model: ModelId,
        output: type[object] | None = None,
        metadata: Mapping[str, str] | None = None,
        before: Callable[[], Awaitable[None]] | None = None,
    ) -> Batch:
        """Hold what the answers can cost, and hand conversations in; see `Batches.submit_chat`.

        Raises:
            BudgetExceededError: The budget does not allow it; nothing was made.
            ConfigError: There is a budget, and the price of the model is not known.
        """
        limited = await asyncio.to_thread(self._limited, requests)

        async def submit() -> Batch:
            return await self._inner.submit_chat(
                limited, model=model, output=output, metadata=metadata, before=before
            )

        budget = self._meter.budget
        if budget is None:
            return self._checked(await submit(), "batches.submit_chat")
        price = await self._meter.tariff.require(model, "input_per_mtok", "output_per_mtok")
        worst = await asyncio.to_thread(_chat_cost, limited, output, price, budget)
        return await self._held(submit, "chat", worst, metadata)

    @override
    async def submit_embeddings(
        self,
        requests: Sequence[EmbeddingRequest],
        *,
        model: ModelId,
        dimensions: int | None = None,
        metadata: Mapping[str, str] | None = None,
        before: Callable[[], Awaitable[None]] | None = None,
    ) -> Batch:
        """Hold what the vectors can cost, and hand texts in; see `submit_chat`."""

        async def submit() -> Batch:
            return await self._inner.submit_embeddings(
                requests, model=model, dimensions=dimensions, metadata=metadata, before=before
            )

        if self._meter.budget is None:
            return self._checked(await submit(), "batches.submit_embeddings")
        checked = await asyncio.to_thread(check_requests, requests, kind=EmbeddingRequest)
        price = await self._meter.tariff.require(model, "input_per_mtok")
        worst = await asyncio.to_thread(_text_cost, checked, price)
        return await self._held(submit, "embeddings", worst, metadata)

    async def _held(
        self,
        submit: Callable[[], Awaitable[Batch]],
        kind: BatchKind,
        worst: Decimal,
        metadata: Mapping[str, str] | None,
    ) -> Batch:
        purse, nano = self._meter.purse, to_nano(worst)
        # By its run until the batch has an id: a batch that is handed in again holds once.
        reference = (metadata or {}).get(RUN_KEY) or secrets.token_hex(8)
        await purse.hold(kind, reference, nano, subject=current_subject())
        try:
            batch = self._checked(await submit(), f"batches.submit_{kind}")
        except BaseException as exc:
            if was_never_sent(exc):
                await purse.let_go(kind, reference, nano)
            raise
        await self._holds.rename(self._identity, kind, reference, to=batch.id)
        return batch

    def _checked(self, batch: Batch, operation: str) -> Batch:
        return self._meter.promised(batch, Batch, operation)

    @property
    def _holds(self) -> Holds:
        return self._meter.workspace.journal.holds

    @property
    def _identity(self) -> str:
        return self._meter.provider.identity

    @override
    async def get(self, batch_id: BatchId) -> Batch:
        batch = self._checked(await self._inner.get(batch_id), "batches.get")
        if batch.status.is_final and batch.kind is not None:
            tag = batch.metadata.get(RUN_KEY)
            if tag is not None:
                # Its creation was not answered, and it was found all the same.
                await self._holds.rename(self._identity, batch.kind, tag, to=batch.id)
            if batch.status is BatchStatus.FAILED:
                await self._holds.drop(self._identity, batch.kind, batch.id)
        return batch

    @override
    def list(self, *, metadata: Mapping[str, str] | None = None) -> AsyncIterator[Batch]:
        return self._inner.list(metadata=metadata)

    @override
    async def cancel(self, batch_id: BatchId) -> Batch:
        return self._checked(await self._inner.cancel(batch_id), "batches.cancel")

    @overload
    def chat_outcomes(
        self, batch_id: BatchId, *, output: None = None
    ) -> AsyncIterator[ChatOutcome[None]]: ...

    @overload
    def chat_outcomes(
        self, batch_id: BatchId, *, output: type[T]
    ) -> AsyncIterator[ChatOutcome[T]]: ...

    @override
    def chat_outcomes(
        self, batch_id: BatchId, *, output: type[T] | None = None
    ) -> AsyncIterator[ChatOutcome[T]] | AsyncIterator[ChatOutcome[None]]:
        return self._chat_outcomes(batch_id, output)

    async def _chat_outcomes(
        self, batch_id: BatchId, output: type[T] | None
    ) -> AsyncIterator[ChatOutcome[T]]:
        inner = self._inner
        if output is None:
            outcomes = cast("AsyncIterator[ChatOutcome[T]]", inner.chat_outcomes(batch_id))
        else:
            outcomes = inner.chat_outcomes(batch_id, output=output)
        total = Usage()
        model: str | None = None
        async for one in outcomes:
            self._meter.promised(one, ChatOutcome, "batches.chat_outcomes", batch_id)
            if one.reply is not None:
                total += one.reply.usage or Usage()
                model = one.reply.model
            yield one
        await self._settle("chat", batch_id, total, model)

    @override
    async def embedding_outcomes(self, batch_id: BatchId) -> AsyncIterator[EmbeddingOutcome]:
        total = Usage()
        async for one in self._inner.embedding_outcomes(batch_id):
            self._meter.promised(one, EmbeddingOutcome, "batches.embedding_outcomes", batch_id)
            total += one.usage or Usage()
            yield one
        await self._settle("embeddings", batch_id, total, None)

    async def _settle(
        self, kind: BatchKind, batch_id: BatchId, usage: Usage, model: str | None
    ) -> None:
        """Hold what a batch has cost, as far as it is known, until that is written down."""
        if not usage.total_tokens:
            await self._holds.drop(self._identity, kind, batch_id)
            return
        price = None if model is None else await self._meter.tariff.find(model)
        usd = batch_cost(usage, price)
        if usd is not None:
            await self._holds.resize(self._identity, kind, batch_id, usd=usd)


def _chat_cost(
    requests: Sequence[ChatRequest], output: type[object] | None, price: Price, budget: Budget
) -> Decimal:
    schema = 0 if output is None else schema_bytes(output)
    total = Decimal(0)
    for one in requests:
        bound = chat_bound(
            one.messages,
            options=one.options,
            output=None,
            max_output_tokens=budget.max_output_tokens,
        )
        bound += Usage(input_tokens=schema)
        total += worst_cost(bound, price)
    return _share(total, price)


def _text_cost(requests: Sequence[EmbeddingRequest], price: Price) -> Decimal:
    return _share(worst_cost(embedding_bound([one.text for one in requests]), price), price)


def _share(cost: Decimal, price: Price) -> Decimal:
    """Give what a batch costs of it; where nobody says that batches are cheaper, all of it."""
    return cost if price.batch_share is None else cost * price.batch_share
