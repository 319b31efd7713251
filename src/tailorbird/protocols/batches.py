"""The contract for batches."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Protocol, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from tailorbird.types.batches import (
        Batch,
        ChatOutcome,
        ChatRequest,
        EmbeddingOutcome,
        EmbeddingRequest,
    )
    from tailorbird.types.ids import BatchId, ModelId

T = TypeVar("T")


class Batches(Protocol):
    """Ask for much at once and cheaply. Clauses `B…` of `docs/contract/batches.md`.

    Every method raises `ProviderError`, `UnsupportedError` where the provider has no batches, and
    `InvalidInputError` before anything is sent for an id as described at `Files`.
    """

    @property
    @abstractmethod
    def most_requests(self) -> int:
        """How many requests one batch takes at most."""
        ...

    @abstractmethod
    async def cut_chat(
        self,
        requests: Sequence[ChatRequest],
        *,
        model: ModelId,
        output: type[object] | None = None,
    ) -> tuple[int, ...]:
        """Say how many conversations go into each of the batches that they take, in their order.

        Nothing is sent: the limits on the number of requests and on their size are data.

        Args:
            requests: At least 1, keys unique; checked as `Chat.complete` checks them.
            model: As for `submit_chat`.
            output: As for `submit_chat`.

        Raises:
            InvalidInputError: There is none, a key comes twice, or one is too large for any batch.
        """
        ...

    @abstractmethod
    async def cut_embeddings(
        self,
        requests: Sequence[EmbeddingRequest],
        *,
        model: ModelId,
        dimensions: int | None = None,
    ) -> tuple[int, ...]:
        """Say how many texts go into each of the batches that they take; see `cut_chat`."""
        ...

    @abstractmethod
    async def submit_chat(
        self,
        requests: Sequence[ChatRequest],
        *,
        model: ModelId,
        output: type[object] | None = None,
        metadata: Mapping[str, str] | None = None,
        before: Callable[[], Awaitable[None]] | None = None,
    ) -> Batch:
        """Hand conversations in. One call makes one batch: it is never repeated by itself.

        A model that nobody has is refused here, or fails the batch or each of its requests: when
        it is found differs.

        Args:
            requests: 1 to `most_requests`, keys unique; checked as `Chat.complete` checks them.
            model: Model or deployment that answers all of them.
            output: Type of structured answers; None for plain text.
            metadata: As for a job: at most 16 pairs that find the batch again.
            before: Awaited right before the request that makes the batch: what goes wrong before
                that has made none. What it raises comes through, and nothing is made.

        Raises:
            InvalidInputError: There is none, there are too many, they are too large together, or
                a key comes twice.
            ProviderError: What the provider said; `accepted` says whether a batch may exist.
        """
        ...

    @abstractmethod
    async def submit_embeddings(
        self,
        requests: Sequence[EmbeddingRequest],
        *,
        model: ModelId,
        dimensions: int | None = None,
        metadata: Mapping[str, str] | None = None,
        before: Callable[[], Awaitable[None]] | None = None,
    ) -> Batch:
        """Hand texts in; see `submit_chat` and `Embeddings.embed`."""
        ...

    @abstractmethod
    async def get(self, batch_id: BatchId) -> Batch:
        """Give one batch as it stands now.

        Raises:
            NotFoundError: There is none of that id.
        """
        ...

    @abstractmethod
    def list(self, *, metadata: Mapping[str, str] | None = None) -> AsyncIterator[Batch]:
        """Give all batches, newest first; with `metadata` those that carry all its pairs."""
        ...

    @abstractmethod
    async def cancel(self, batch_id: BatchId) -> Batch:
        """Stop a batch; what is answered by then is paid for and can be read.

        Raises:
            ConflictError: It is final already.
            NotFoundError: There is none of that id.
        """
        ...

    @overload
    def chat_outcomes(
        self, batch_id: BatchId, *, output: None = None
    ) -> AsyncIterator[ChatOutcome[None]]: ...

    @overload
    def chat_outcomes(
        self, batch_id: BatchId, *, output: type[T]
    ) -> AsyncIterator[ChatOutcome[T]]: ...

    @abstractmethod
    def chat_outcomes(
        self, batch_id: BatchId, *, output: type[T] | None = None
    ) -> AsyncIterator[ChatOutcome[T]] | AsyncIterator[ChatOutcome[None]]:
        """Give what became of each conversation, in any order; requests without a line are absent.

        A structured answer that does not fit is a failure of its item.

        Args:
            batch_id: A batch that is final.
            output: The type that was asked for.

        Raises:
            ConflictError: The batch is not final, or it is known to ask for something else.
            NotFoundError: There is none of that id, or its results were removed.
        """
        ...

    @abstractmethod
    def embedding_outcomes(self, batch_id: BatchId) -> AsyncIterator[EmbeddingOutcome]:
        """Give what became of each text, in any order; see `chat_outcomes`."""
        ...
