"""What is asked in bulk: conversations or texts, as batches or call by call."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, cast

from pydantic import TypeAdapter
from pydantic_core import to_json
from typing_extensions import override

from tailorbird.data import estimate_tokens, message_tokens
from tailorbird.exceptions import InvalidInputError, InvalidRequestError
from tailorbird.types.batches import ChatOutcome, EmbeddingOutcome, EmbeddingRequest
from tailorbird.workflow.bulk.many import failure_of

if TYPE_CHECKING:
    from tailorbird.protocols import Provider
    from tailorbird.types.batches import (
        Batch,
        BatchKind,
        ChatRequest,
        ItemFailure,
    )
    from tailorbird.types.chat import Reply
    from tailorbird.types.ids import BatchId, ModelId
    from tailorbird.types.usage import Usage

T = TypeVar("T")

Before = Callable[[], Awaitable[None]]
"""Awaited right before a batch is made."""


class Outcome(Protocol):
    """What became of one request."""

    @property
    def key(self) -> str:
        """The request's key."""
        ...

    @property
    def failure(self) -> ItemFailure | None:
        """Why there is no answer; None when there is one."""
        ...


OutcomeT = TypeVar("OutcomeT", bound=Outcome)


class Order(Protocol[OutcomeT]):
    """Requests of one kind to one model; places count from 0 in the order of the requests."""

    @property
    @abstractmethod
    def kind(self) -> BatchKind:
        """What is asked for."""
        ...

    @property
    @abstractmethod
    def model(self) -> ModelId:
        """Model or deployment that is asked."""
        ...

    @property
    @abstractmethod
    def keys(self) -> Sequence[str]:
        """Keys of the requests."""
        ...

    @abstractmethod
    def summary(self) -> Mapping[str, str]:
        """Give what tells it from every other order; it blocks for a moment."""
        ...

    @abstractmethod
    async def cut(self, places: Sequence[int]) -> tuple[int, ...]:
        """Say how many of these requests go into each batch."""
        ...

    @abstractmethod
    async def submit(
        self, places: Sequence[int], *, metadata: Mapping[str, str], before: Before
    ) -> Batch:
        """Hand these requests in as one batch."""
        ...

    @abstractmethod
    def outcomes(self, batch_id: BatchId) -> AsyncIterator[OutcomeT]:
        """Give what became of the requests of a batch."""
        ...

    @abstractmethod
    def lost(self, key: str, failure: ItemFailure) -> OutcomeT:
        """Make the outcome of a request that failed."""
        ...

    @abstractmethod
    def usage(self, outcome: OutcomeT) -> Usage | None:
        """Give the tokens of an outcome; None when they are not known."""
        ...

    @abstractmethod
    async def ask(self, places: range) -> Sequence[OutcomeT]:
        """Ask these requests at once, without a batch."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatOrder(Order[ChatOutcome[T]], Generic[T]):
    """Conversations."""

    provider: Provider
    """Who is asked."""
    requests: Sequence[ChatRequest]
    """What is asked, keys unique."""
    asked: ModelId
    """Model or deployment."""
    output: type[T] | None
    """Type of structured answers; None for plain text."""

    @property
    @override
    def kind(self) -> BatchKind:
        return "chat"

    @property
    @override
    def model(self) -> ModelId:
        return self.asked

    @property
    @override
    def keys(self) -> Sequence[str]:
        return [one.key for one in self.requests]

    @override
    def summary(self) -> Mapping[str, str]:
        schema = "none"
        if self.output is not None:
            schema = _digest([to_json(TypeAdapter(self.output).json_schema())])
        return {
            "kind": self.kind,
            "model": self.asked,
            "output": schema,
            "requests": str(len(self.requests)),
            "content": _digest(one.model_dump_json().encode() for one in self.requests),
        }

    @override
    async def cut(self, places: Sequence[int]) -> tuple[int, ...]:
        requests = [self.requests[place] for place in places]
        return await self.provider.batches.cut_chat(requests, model=self.asked, output=self.output)

    @override
    async def submit(
        self, places: Sequence[int], *, metadata: Mapping[str, str], before: Before
    ) -> Batch:
        return await self.provider.batches.submit_chat(
            [self.requests[place] for place in places],
            model=self.asked,
            output=self.output,
            metadata=metadata,
            before=before,
        )

    @override
    def outcomes(self, batch_id: BatchId) -> AsyncIterator[ChatOutcome[T]]:
        batches = self.provider.batches
        if self.output is not None:
            return batches.chat_outcomes(batch_id, output=self.output)
        return cast("AsyncIterator[ChatOutcome[T]]", batches.chat_outcomes(batch_id))

    @override
    def lost(self, key: str, failure: ItemFailure) -> ChatOutcome[T]:
        return _chat_outcome(key, None, failure)

    @override
    def usage(self, outcome: ChatOutcome[T]) -> Usage | None:
        return None if outcome.reply is None else outcome.reply.usage

    @override
    async def ask(self, places: range) -> Sequence[ChatOutcome[T]]:
        return [await self._answer(self.requests[place]) for place in places]

    async def _answer(self, request: ChatRequest) -> ChatOutcome[T]:
        chat = self.provider.chat
        if self.output is None:
            plain = await chat.complete(request.messages, model=self.asked, options=request.options)
            return _chat_outcome(request.key, cast("Reply[T]", plain), None)
        reply = await chat.complete(
            request.messages, model=self.asked, output=self.output, options=request.options
        )
        return _chat_outcome(request.key, reply, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingOrder(Order[EmbeddingOutcome]):
    """Texts."""

    provider: Provider
    """Who is asked."""
    requests: Sequence[EmbeddingRequest]
    """What is asked, keys unique."""
    asked: ModelId
    """Model or deployment."""
    dimensions: int | None
    """Width of the vectors; None takes the model's own."""

    @property
    @override
    def kind(self) -> BatchKind:
        return "embeddings"

    @property
    @override
    def model(self) -> ModelId:
        return self.asked

    @property
    @override
    def keys(self) -> Sequence[str]:
        return [one.key for one in self.requests]

    @override
    def summary(self) -> Mapping[str, str]:
        return {
            "kind": self.kind,
            "model": self.asked,
            "dimensions": "own" if self.dimensions is None else str(self.dimensions),
            "requests": str(len(self.requests)),
            "content": _digest(one.model_dump_json().encode() for one in self.requests),
        }

    @override
    async def cut(self, places: Sequence[int]) -> tuple[int, ...]:
        requests = [self.requests[place] for place in places]
        return await self.provider.batches.cut_embeddings(
            requests, model=self.asked, dimensions=self.dimensions
        )

    @override
    async def submit(
        self, places: Sequence[int], *, metadata: Mapping[str, str], before: Before
    ) -> Batch:
        return await self.provider.batches.submit_embeddings(
            [self.requests[place] for place in places],
            model=self.asked,
            dimensions=self.dimensions,
            metadata=metadata,
            before=before,
        )

    @override
    def outcomes(self, batch_id: BatchId) -> AsyncIterator[EmbeddingOutcome]:
        return self.provider.batches.embedding_outcomes(batch_id)

    @override
    def lost(self, key: str, failure: ItemFailure) -> EmbeddingOutcome:
        return EmbeddingOutcome(key=key, failure=failure)

    @override
    def usage(self, outcome: EmbeddingOutcome) -> Usage | None:
        return outcome.usage

    @override
    async def ask(self, places: range) -> Sequence[EmbeddingOutcome]:
        """Embed these texts; a request that is refused is halved until the culprit is found."""
        requests = [self.requests[place] for place in places]
        try:
            found = await self.provider.embeddings.embed(
                [one.text for one in requests], model=self.asked, dimensions=self.dimensions
            )
        except (InvalidInputError, InvalidRequestError) as exc:
            if len(places) == 1:
                return [self.lost(requests[0].key, failure_of(exc))]
            middle = len(places) // 2
            return [*await self.ask(places[:middle]), *await self.ask(places[middle:])]
        usage = found.usage if len(requests) == 1 else None
        return [
            EmbeddingOutcome(key=one.key, vector=vector, usage=usage)
            for one, vector in zip(requests, found.vectors, strict=True)
        ]


def input_tokens(requests: Sequence[ChatRequest] | Sequence[EmbeddingRequest]) -> int:
    """Estimate the tokens that requests send; it blocks for a moment."""
    return sum(
        estimate_tokens(one.text)
        if isinstance(one, EmbeddingRequest)
        else message_tokens(one.messages)
        for one in requests
    )


def _chat_outcome(key: str, reply: Reply[T] | None, failure: ItemFailure | None) -> ChatOutcome[T]:
    # The reply was validated when it was made.
    made = ChatOutcome[object].model_construct(
        key=key, reply=cast("Reply[object] | None", reply), failure=failure
    )
    return cast("ChatOutcome[T]", made)


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()
