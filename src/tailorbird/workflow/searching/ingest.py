"""Bring documents into an index as a stream: read, embedded and written at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from tailorbird.types.retrieval import ChunkedDocument
from tailorbird.types.usage import Usage
from tailorbird.workflow.progress import OnProgress, Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.workflow.searching.embedder import Embedded, LimitedEmbedder
    from tailorbird.workflow.searching.intake import Intake, Step

Write: TypeAlias = Callable[["Sequence[ChunkedDocument]"], Awaitable[None]]
"""Puts documents into an index."""

_Vectors: TypeAlias = "Embedded | Exception | None"


@dataclass(slots=True, kw_only=True)
class Ingestion:
    """Documents on their way into an index.

    Three things go on at once: one thread reads and cuts, some embedding calls are under way, and
    documents are written one step after the other, in their order. Each waits for the next: at most
    `ahead` steps are read and not yet written.
    """

    intake: Intake
    """Gives what has changed."""
    embedder: LimitedEmbedder | None
    """Makes the vectors; None for engines that embed by themselves."""
    write: Write
    """Writes a step."""
    ahead: int
    """How many steps may wait to be written, at least 1."""
    on_progress: OnProgress
    """Called as it goes on."""
    embedded: int = field(init=False, default=0)
    """Texts so far that were sent to the embedding model."""
    usage: Usage = field(init=False, default_factory=Usage)
    """Tokens of them."""
    _chunks: int = field(init=False, default=0)

    async def run(self) -> None:
        """Read everything, embed what is new, and write it.

        The first error ends it: what was written by then stays, nothing more is read, and embedding
        calls that are under way are brought to their end, because they are paid for.

        Raises:
            Exception: The first error of source, embedding model or engine, in the order of the
                documents.
        """
        waiting = asyncio.Queue[tuple["Step", asyncio.Task["_Vectors"]] | Exception | None](
            self.ahead
        )
        errors: list[Exception] = []
        async with asyncio.TaskGroup() as group:
            feeding = group.create_task(self._feed(waiting, group))
            try:
                while (item := await waiting.get()) is not None:
                    await self._finish(item)
            except Exception as exc:  # noqa: BLE001 - raised below, outside of the task group
                errors.append(exc)
                feeding.cancel()
        for error in errors:
            raise error

    async def _feed(
        self,
        waiting: asyncio.Queue[tuple[Step, asyncio.Task[_Vectors]] | Exception | None],
        group: asyncio.TaskGroup,
    ) -> None:
        """Read step by step, and begin to embed each."""
        try:
            async with aclosing(self.intake.steps()) as steps:
                async for step in steps:
                    tell(self.on_progress, "reading", step.read, self.intake.total)
                    await waiting.put((step, group.create_task(self._embed(step))))
        except Exception as exc:  # noqa: BLE001 - raised by `run`, when all before it is written
            await waiting.put(exc)
        else:
            await waiting.put(None)

    async def _embed(self, step: Step) -> _Vectors:
        """Give the vectors of a step, or what went wrong, which the others survive."""
        if self.embedder is None or not step.documents:
            return None
        try:
            texts = await asyncio.to_thread(step.texts)
            found = await self.embedder.embed(texts)
            self._chunks += len(texts)
            self.embedded += found.fresh
            self.usage += found.usage
            tell(self.on_progress, "embedding", self._chunks, None)
        except Exception as exc:  # noqa: BLE001 - raised by `run`, in the order of the steps
            return exc
        return found

    async def _finish(self, item: tuple[Step, asyncio.Task[_Vectors]] | Exception) -> None:
        """Write a step."""
        if isinstance(item, Exception):
            raise item
        step, embedding = item
        found = await embedding
        if isinstance(found, Exception):
            raise found
        if step.documents:
            await self.write(_joined(step, found))
        tell(self.on_progress, "indexing", step.read, self.intake.total)


def tell(on_progress: OnProgress, step: str, done: int, total: int | None) -> None:
    """Report how far a step of indexing has come."""
    what = "chunks" if step == "embedding" else "documents"
    detail = f"{done:,} {what}" if total is None else ""
    on_progress(Progress(step=step, done=done, total=total, detail=detail))


def _joined(step: Step, found: Embedded | None) -> list[ChunkedDocument]:
    ready: list[ChunkedDocument] = []
    start = 0
    for one in step.documents:
        end = start + len(one.chunks)
        ready.append(
            ChunkedDocument(
                document=one.document,
                chunks=one.chunks,
                content_hash=one.content_hash,
                vectors=None if found is None else found.vectors[start:end],
            )
        )
        start = end
    return ready
