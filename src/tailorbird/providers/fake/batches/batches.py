"""The fake's batches: answered when they are handed in, and shown as time goes by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar, overload

from typing_extensions import override

from tailorbird.exceptions import (
    ConflictError,
    ContentFilteredError,
    EmptyAnswerError,
    NotFoundError,
    ProviderError,
)
from tailorbird.protocols import Batches
from tailorbird.protocols.arguments import check_id
from tailorbird.protocols.batch_arguments import check_metadata, check_requests
from tailorbird.providers.fake.batches.life import batch_word, shown, visible_lines
from tailorbird.providers.fake.batches.lines import (
    TextLine,
    embedded,
    failure_of,
    packed,
    typed,
)
from tailorbird.providers.fake.cloud import Request
from tailorbird.providers.fake.composing import check_output
from tailorbird.providers.fake.embeddings import check_width, text_tokens
from tailorbird.providers.fake.lifecycle import make_id
from tailorbird.providers.fake.script import Lag, Statuses
from tailorbird.providers.fake.state import BatchRecord, newest
from tailorbird.types.batches import (
    Batch,
    BatchKind,
    BatchStatus,
    ChatOutcome,
    ChatRequest,
    EmbeddingOutcome,
    EmbeddingRequest,
    ItemFailure,
)
from tailorbird.types.capabilities import Capability
from tailorbird.types.ids import BatchId, ModelId

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from tailorbird.providers.fake.catalog import Catalog
    from tailorbird.providers.fake.chat import FakeChat
    from tailorbird.providers.fake.cloud import Cloud
    from tailorbird.providers.fake.operations import Facts, Operation
    from tailorbird.providers.fake.script import Turn

T = TypeVar("T")

_CALLED: dict[BatchKind, Literal["chat", "embedding"]] = {
    "chat": "chat",
    "embeddings": "embedding",
}
_EXPIRED = ItemFailure(
    kind="expired",
    code="batch_expired",
    message="this request could not be run before the completion window expired",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """A batch before it is made."""

    kind: BatchKind
    model: ModelId
    lines: bytes
    total: int
    refused: int
    metadata: dict[str, str]
    dimensions: int | None = None


class FakeBatches(Batches):
    """Batches of one fake."""

    def __init__(self, cloud: Cloud, catalog: Catalog, chat: FakeChat) -> None:
        """Share the state of a fake; `chat` answers the conversations."""
        self._cloud = cloud
        self._catalog = catalog
        self._chat = chat

    @property
    @override
    def most_requests(self) -> int:
        return self._cloud.settings.batch_requests

    @override
    async def cut_chat(
        self,
        requests: Sequence[ChatRequest],
        *,
        model: ModelId,
        output: type[object] | None = None,
    ) -> tuple[int, ...]:
        copied = check_requests(requests, kind=ChatRequest)
        return self._cut(len(copied), self._chat_needs(copied, model, output))

    @override
    async def cut_embeddings(
        self,
        requests: Sequence[EmbeddingRequest],
        *,
        model: ModelId,
        dimensions: int | None = None,
    ) -> tuple[int, ...]:
        copied = check_requests(requests, kind=EmbeddingRequest)
        return self._cut(len(copied), self._embedding_needs(copied, model, dimensions))

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
        copied = check_requests(requests, kind=ChatRequest, most=self.most_requests)
        attached = check_metadata(metadata)
        needs = self._chat_needs(copied, model, output)

        async def effect(turn: Turn) -> Batch:
            asked = () if self._problems(model, "chat") else copied
            outcomes = [
                await self._outcome(one, model=model, output=output, turn=turn) for one in asked
            ]
            order = _Order(
                kind="chat",
                model=model,
                lines=packed(reversed(outcomes)),
                total=len(copied),
                refused=sum(one.failure is not None for one in outcomes),
                metadata=attached,
            )
            return await self._made(order, turn)

        request = _submission(needs, len(copied), model, "chat")
        return await self._submit(request, effect, before)

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
        copied = check_requests(requests, kind=EmbeddingRequest, most=self.most_requests)
        attached = check_metadata(metadata)
        needs = self._embedding_needs(copied, model, dimensions)

        async def effect(turn: Turn) -> Batch:
            failing = turn.item_failures()
            lines = [
                TextLine(key=one.key, text=one.text, failure=failing.get(one.key)) for one in copied
            ]
            order = _Order(
                kind="embeddings",
                model=model,
                dimensions=dimensions,
                lines=packed(reversed(lines)),
                total=len(copied),
                refused=sum(one.failure is not None for one in lines),
                metadata=attached,
            )
            return await self._made(order, turn)

        request = _submission(needs, len(copied), model, "embeddings")
        return await self._submit(request, effect, before)

    @override
    async def get(self, batch_id: BatchId) -> Batch:
        check_id(batch_id, what="batch")

        async def effect(_: Turn) -> Batch:
            record = self._find(batch_id, "batches.get")
            if record.words or record.hidden_lookups:
                self._cloud.changed()
            if not record.look_up():
                raise self._missing(batch_id, "batches.get")
            return shown(self._cloud, record)

        return await self._cloud.call(_request("batches.get", batch=batch_id), effect)

    @override
    async def list(self, *, metadata: Mapping[str, str] | None = None) -> AsyncIterator[Batch]:
        wanted = dict(metadata or {})

        async def effect(_: Turn) -> Sequence[Batch]:
            records = sorted(self._cloud.state.batches.values(), key=newest, reverse=True)
            if any(one.hidden_listings for one in records):
                self._cloud.changed()
            visible = [one for one in records if one.list_up()]
            return [
                shown(self._cloud, one) for one in visible if wanted.items() <= one.metadata.items()
            ]

        for batch in await self._cloud.call(_request("batches.list", filters=len(wanted)), effect):
            yield batch

    @override
    async def cancel(self, batch_id: BatchId) -> Batch:
        check_id(batch_id, what="batch")

        async def effect(_: Turn) -> Batch:
            record = self._find(batch_id, "batches.cancel")
            word = batch_word(self._cloud, record)
            if BatchStatus.parse(word).is_final:
                message = f"batch {batch_id!r} is {word!r}: only one that goes on can be cancelled"
                raise self._cloud.error(ConflictError, "batches.cancel", message, status_code=409)
            record.words = ()
            record.cancelled_at = record.cancelled_at or self._cloud.now()
            self._cloud.changed()
            return shown(self._cloud, record)

        return await self._cloud.call(_request("batches.cancel", batch=batch_id), effect)

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
        plain = self._chat_outcomes(batch_id)
        return plain if output is None else typed(plain, output)

    @override
    async def embedding_outcomes(self, batch_id: BatchId) -> AsyncIterator[EmbeddingOutcome]:
        record = await self._final(batch_id, "embeddings")
        async for texts, lost in visible_lines(self._cloud, record, TextLine):
            for one in lost:
                yield EmbeddingOutcome(key=one.key, failure=_EXPIRED)
            target = self._catalog.called(record.model, "embedding", "batches.outcomes")
            width = record.dimensions or target.facts.dimensions
            for outcome in await embedded(self._cloud, texts, width=width):
                yield outcome

    async def _chat_outcomes(self, batch_id: BatchId) -> AsyncIterator[ChatOutcome[None]]:
        record = await self._final(batch_id, "chat")
        async for answered, lost in visible_lines(self._cloud, record, ChatOutcome[None]):
            for one in lost:
                yield ChatOutcome[None](key=one.key, failure=_EXPIRED)
            for one in answered:
                yield one

    async def _final(self, batch_id: BatchId, kind: BatchKind) -> BatchRecord:
        """Find a batch whose outcomes can be read."""
        check_id(batch_id, what="batch")

        async def effect(_: Turn) -> BatchRecord:
            record = self._find(batch_id, "batches.outcomes")
            word = batch_word(self._cloud, record)
            wrong = None
            if not BatchStatus.parse(word).is_final:
                wrong = f"is {word!r}: wait until it has ended"
            if record.kind != kind:
                wrong = f"asks for {record.kind}, not for {kind}"
            if wrong is not None:
                message = f"batch {batch_id!r} {wrong}"
                raise self._cloud.error(ConflictError, "batches.outcomes", message, status_code=409)
            return record

        return await self._cloud.call(_request("batches.outcomes", batch=batch_id), effect)

    async def _submit(
        self,
        request: Request,
        effect: Callable[[Turn], Awaitable[Batch]],
        before: Callable[[], Awaitable[None]] | None,
    ) -> Batch:
        self._require(request.needs)
        if before is not None:
            await before()
        return await self._cloud.call(request, effect)

    async def _outcome(
        self,
        request: ChatRequest,
        *,
        model: ModelId,
        output: type[object] | None,
        turn: Turn,
    ) -> ChatOutcome[None]:
        failure = turn.item_failures().get(request.key)
        if failure is not None:
            return ChatOutcome[None](key=request.key, failure=failure)
        try:
            reply = await self._chat.answer(request, model=model, output=output, turn=turn)
        except (ContentFilteredError, EmptyAnswerError) as exc:
            return ChatOutcome[None](key=request.key, failure=failure_of(exc))
        return ChatOutcome[None](key=request.key, reply=reply)

    async def _made(self, order: _Order, turn: Turn) -> Batch:
        cloud = self._cloud
        sha256, _ = await cloud.in_thread(lambda: cloud.store.put(order.lines))
        statuses, lag = turn.find(Statuses), turn.find(Lag)
        number = cloud.state.next_number("batch")
        record = BatchRecord(
            number=number,
            created_at=cloud.now(),
            words=statuses.words if statuses else (),
            hidden_lookups=lag.lookups if lag else 0,
            hidden_listings=lag.listings if lag else 0,
            id=BatchId(make_id("batch_", cloud.settings.seed, number)),
            kind=order.kind,
            model=order.model,
            dimensions=order.dimensions,
            total=order.total,
            refused=order.refused,
            sha256=sha256,
            problems=self._problems(order.model, order.kind),
            metadata=order.metadata,
        )
        cloud.state.batches[record.id] = record
        cloud.changed()
        return shown(self._cloud, record)

    def _problems(self, model: ModelId, kind: BatchKind) -> tuple[str, ...]:
        """Say why a batch of that model fails as a whole; empty when it does not."""
        try:
            self._catalog.called(model, _CALLED[kind], "batches.submit")
        except ProviderError as exc:
            return (str(exc),)
        return ()

    def _chat_needs(
        self, requests: Sequence[ChatRequest], model: ModelId, output: type[object] | None
    ) -> tuple[Capability, ...]:
        if output is not None:
            check_output(output)
        structured = output is not None
        needs = {
            need: None
            for one in requests
            for need in self._chat.check(one, model=model, structured=structured)
        }
        return (Capability.BATCHES, *needs)

    def _embedding_needs(
        self, requests: Sequence[EmbeddingRequest], model: ModelId, dimensions: int | None
    ) -> tuple[Capability, ...]:
        self._cloud.require_open("batches.submit")
        for place, one in enumerate(requests):
            text_tokens(one.text, place)
        if dimensions is None:
            return (Capability.BATCHES, Capability.EMBEDDINGS)
        check_width(dimensions, self._catalog.facts_of(model))
        return (Capability.BATCHES, Capability.EMBEDDINGS, Capability.EMBEDDINGS_DIMENSIONS)

    def _cut(self, total: int, needs: Sequence[Capability]) -> tuple[int, ...]:
        self._require(needs)
        most = self.most_requests
        return tuple(min(most, total - start) for start in range(0, total, most))

    def _require(self, needs: Sequence[Capability]) -> None:
        for need in needs:
            self._cloud.capabilities.require(need, on=self._cloud.clock.today())

    def _find(self, batch_id: BatchId, operation: Operation) -> BatchRecord:
        record = self._cloud.state.batches.get(batch_id)
        if record is None:
            raise self._missing(batch_id, operation)
        return record

    def _missing(self, batch_id: BatchId, operation: Operation) -> NotFoundError:
        message = f"there is no batch {batch_id!r}: list the batches"
        return self._cloud.error(NotFoundError, operation, message, status_code=404)


def _request(operation: Operation, **facts: str | int) -> Request:
    return Request(operation=operation, facts=facts, needs=(Capability.BATCHES,))


def _submission(
    needs: tuple[Capability, ...], requests: int, model: ModelId, kind: BatchKind
) -> Request:
    facts: Facts = {"model": model, "requests": requests, "kind": kind}
    return Request(operation="batches.submit", facts=facts, needs=needs)
