"""The plain twin of `workbench.asking`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, overload

from tailorbird.sync.calling import Caller
from tailorbird.workflow.progress import OnProgress, silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.types.batches import (
        ChatOutcome,
        ChatRequest,
        EmbeddingOutcome,
        EmbeddingRequest,
    )
    from tailorbird.workflow.bulk.asking import BulkOptions

T = TypeVar("T")


class SyncAsker(Caller):
    """Many questions at once; see `Workbench` for what each method does."""

    @overload
    def complete_many(
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
    def complete_many(
        self,
        requests: Sequence[ChatRequest],
        *,
        output: type[T],
        name: str | None = None,
        bulk: bool = False,
        options: BulkOptions | None = None,
        on_progress: OnProgress = silent,
    ) -> tuple[ChatOutcome[T], ...]: ...

    def complete_many(
        self,
        requests: Sequence[ChatRequest],
        *,
        output: type[T] | None = None,
        name: str | None = None,
        bulk: bool = False,
        options: BulkOptions | None = None,
        on_progress: OnProgress = silent,
    ) -> tuple[ChatOutcome[T], ...] | tuple[ChatOutcome[None], ...]:
        """Answer many conversations; what became of each stands at its place."""
        many = self.bench.complete_many
        if output is None:
            return self.call(
                many, requests, name=name, bulk=bulk, options=options, on_progress=on_progress
            )
        return self.call(
            many,
            requests,
            output=output,
            name=name,
            bulk=bulk,
            options=options,
            on_progress=on_progress,
        )

    def embed_many(
        self,
        requests: Sequence[EmbeddingRequest],
        *,
        dimensions: int | None = None,
        name: str | None = None,
        bulk: bool = False,
        options: BulkOptions | None = None,
        on_progress: OnProgress = silent,
    ) -> tuple[EmbeddingOutcome, ...]:
        """Embed many texts; what became of each stands at its place."""
        return self.call(
            self.bench.embed_many,
            requests,
            dimensions=dimensions,
            name=name,
            bulk=bulk,
            options=options,
            on_progress=on_progress,
        )
