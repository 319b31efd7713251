"""The part of a workbench that asks many things at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, overload

from tailorbird.workflow.money.subject import spending_on
from tailorbird.workflow.progress import OnProgress, silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.types.batches import (
        ChatOutcome,
        ChatRequest,
        EmbeddingOutcome,
        EmbeddingRequest,
    )
    from tailorbird.workbench.parts import Parts
    from tailorbird.workflow.bulk.asking import BulkOptions

T = TypeVar("T")


class Asker:
    """What `Workbench` has for many requests; made by nobody else."""

    _parts: Parts

    @overload
    async def complete_many(
        self,
        requests: Sequence[ChatRequest],
        *,
        output: None = None,
        name: str | None = None,
        bulk: bool = False,
        options: BulkOptions | None = None,
        on_progress: OnProgress = silent,
    ) -> tuple[ChatOutcome[None], ...]: ...

    @overload
    async def complete_many(
        self,
        requests: Sequence[ChatRequest],
        *,
        output: type[T],
        name: str | None = None,
        bulk: bool = False,
        options: BulkOptions | None = None,
        on_progress: OnProgress = silent,
    ) -> tuple[ChatOutcome[T], ...]: ...

    async def complete_many(
        self,
        requests: Sequence[ChatRequest],
        *,
        output: type[T] | None = None,
        name: str | None = None,
        bulk: bool = False,
        options: BulkOptions | None = None,
        on_progress: OnProgress = silent,
    ) -> tuple[ChatOutcome[T], ...] | tuple[ChatOutcome[None], ...]:
        """Answer many conversations; what became of each stands at its place.

        Args:
            requests: Conversations, at least one, each with a key of its own.
            output: Type of structured answers; None for plain text.
            name: Name under which batches are found again; needed for `bulk`.
            bulk: Ask as batches: about half the price, answered within a day. The same name with
                the same requests is the same run, from whatever process.
            options: Role, concurrency, how long to wait, whether to ask again.
            on_progress: Called as it goes on.

        Raises:
            InvalidInputError: There is no request, a key comes twice, `bulk` has no name, or the
                name stands for other requests.
            UnsupportedError: The provider has no batches.
            JobOutcomeUnknownError: The answer to handing a batch in was lost: call it again later.
            WaitTimeoutError: The time is over; the batches go on.
            ProviderError: All requests would fail alike (key, permission, model, quota).
        """
        desk = self._parts.bulk("chat", options, on_progress=on_progress)
        with spending_on(name or ""):
            if output is None:
                return await desk.complete_many(requests, name=name, bulk=bulk)
            return await desk.complete_many(requests, output=output, name=name, bulk=bulk)

    async def embed_many(
        self,
        requests: Sequence[EmbeddingRequest],
        *,
        dimensions: int | None = None,
        name: str | None = None,
        bulk: bool = False,
        options: BulkOptions | None = None,
        on_progress: OnProgress = silent,
    ) -> tuple[EmbeddingOutcome, ...]:
        """Embed many texts; what became of each stands at its place.

        `dimensions` is the width of the vectors, None for the model's own; the other arguments and
        the errors are those of `complete_many`.
        """
        desk = self._parts.bulk("embedding", options, on_progress=on_progress)
        with spending_on(name or ""):
            return await desk.embed_many(requests, dimensions=dimensions, name=name, bulk=bulk)
