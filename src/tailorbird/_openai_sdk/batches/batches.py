"""Batches of OpenAI and of those who speak its language: files of requests, files of results."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, TypeVar, overload

from typing_extensions import override

from tailorbird._openai_sdk import embeddings as embedding_calls
from tailorbird._openai_sdk.answers import Page, read, require_id
from tailorbird._openai_sdk.batches.input import (
    TURN,
    BatchesDialect,
    Draft,
    input_name,
    temporary_file,
)
from tailorbird._openai_sdk.batches.results import (
    OUTCOMES,
    answer_of,
    chat_outcome,
    embedding_outcome,
    plain,
    read_line,
    split_lines,
    structured,
)
from tailorbird._openai_sdk.batches.wire import WireBatch
from tailorbird._openai_sdk.connection import checked_path
from tailorbird._openai_sdk.paging import Listing
from tailorbird.exceptions import ConflictError, InvalidRequestError, ProviderError
from tailorbird.protocols import Batches
from tailorbird.protocols.batch_arguments import check_metadata, check_requests
from tailorbird.retry import was_in_doubt
from tailorbird.types.batches import (
    Batch,
    BatchStatus,
    ChatOutcome,
    ChatRequest,
    EmbeddingRequest,
)
from tailorbird.types.capabilities import Capability
from tailorbird.types.ids import FileId

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from tailorbird._openai_sdk.batches.input import BodyOf
    from tailorbird._openai_sdk.batches.results import ResultLine
    from tailorbird._openai_sdk.chat.planning import ChatPlanner
    from tailorbird._openai_sdk.connection import Connection
    from tailorbird._openai_sdk.embeddings import SdkEmbeddings
    from tailorbird._openai_sdk.parsing import Source
    from tailorbird._openai_sdk.received import Received
    from tailorbird._openai_sdk.settings import CallSettings
    from tailorbird.protocols import Files
    from tailorbird.types.batches import BatchKind, EmbeddingOutcome
    from tailorbird.types.capabilities import Capabilities
    from tailorbird.types.chat import Reply
    from tailorbird.types.ids import BatchId, ModelId

T = TypeVar("T")
R = TypeVar("R", ChatRequest, EmbeddingRequest)

_SUBMIT = "batches.submit"
_STOPPED = frozenset({BatchStatus.CANCELLING, BatchStatus.CANCELLED})


class SdkBatches(Batches):
    """Batches of one account."""

    def __init__(  # noqa: PLR0913 - it works by what the account's other interfaces are made of
        self,
        connection: Connection,
        *,
        files: Files,
        chat: ChatPlanner,
        embeddings: SdkEmbeddings,
        capabilities: Capabilities,
        calls: CallSettings,
        dialect: BatchesDialect | None = None,
    ) -> None:
        """Share the connection of a provider.

        Args:
            connection: The account.
            files: Takes the requests and gives the results.
            chat: Plans each conversation as a call of its own.
            embeddings: Plans each text as a call of its own.
            capabilities: What the account offers, and between which dates.
            calls: How patiently calls are made.
            dialect: How its batches differ; None for OpenAI's.
        """
        self._connection = connection
        self._files = files
        self._planner = chat
        self._embeddings = embeddings
        self._capabilities = capabilities
        self._timeout_s = calls.timeout_s
        self._dialect = dialect or BatchesDialect()

    @property
    @override
    def most_requests(self) -> int:
        return self._dialect.most_requests

    @override
    async def cut_chat(
        self,
        requests: Sequence[ChatRequest],
        *,
        model: ModelId,
        output: type[object] | None = None,
    ) -> tuple[int, ...]:
        copied = await _checked(requests, kind=ChatRequest)
        return await Draft(copied, self._chat_body(model, output), self._dialect).cut()

    @override
    async def cut_embeddings(
        self,
        requests: Sequence[EmbeddingRequest],
        *,
        model: ModelId,
        dimensions: int | None = None,
    ) -> tuple[int, ...]:
        copied = await _checked(requests, kind=EmbeddingRequest)
        return await Draft(copied, self._text_body(model, dimensions), self._dialect).cut()

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
        copied = await _checked(requests, kind=ChatRequest, most=self.most_requests)
        attached = check_metadata(metadata)
        draft = Draft(copied, self._chat_body(model, output), self._dialect)
        return await self._submit(draft, attached, before)

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
        copied = await _checked(requests, kind=EmbeddingRequest, most=self.most_requests)
        attached = check_metadata(metadata)
        draft = Draft(copied, self._text_body(model, dimensions), self._dialect)
        return await self._submit(draft, attached, before)

    @override
    async def get(self, batch_id: BatchId) -> Batch:
        return (await self._get(batch_id, "batches.get")).batch()

    @override
    async def list(self, *, metadata: Mapping[str, str] | None = None) -> AsyncIterator[Batch]:
        wanted = dict(metadata or {})
        self._require()
        listing = Listing(
            path="/batches",
            operation="batches.list",
            page=Page[WireBatch],
            query={"limit": "100"},
        )
        named: frozenset[str] = frozenset()
        if wanted and not self._dialect.keeps_metadata:
            named = await self._inputs_named(input_name(wanted))
        found = (
            batch.model_copy(update={"metadata": wanted}) if by_name else batch
            async for wire in listing.items(self._connection, timeout_s=self._timeout_s)
            if (by_name := wire.input_file_id in named)
            or wanted.items() <= (wire.metadata or {}).items()
            for batch in (wire.batch(),)
        )
        if self._dialect.newest_first:
            async for one in found:
                yield one
            return
        everything = [one async for one in found]
        for one in sorted(everything, key=lambda batch: batch.created_at, reverse=True):
            yield one

    @override
    async def cancel(self, batch_id: BatchId) -> Batch:
        path = checked_path("/batches/{batch}/cancel", batch=batch_id)
        self._require()
        operation = "batches.cancel"
        try:
            received = await self._connection.post(
                path, operation=operation, repeat="safe", timeout_s=self._timeout_s
            )
        except (ConflictError, InvalidRequestError) as exc:
            lost = was_in_doubt(exc)
            if isinstance(exc, ConflictError) and not lost:
                raise
            # Not every server answers 409 for a batch that has ended, and an attempt whose answer
            # was lost may be what stopped it: its status tells.
            batch = await self.get(batch_id)
            if lost and batch.status in _STOPPED:
                return batch
            if not batch.status.is_final:
                raise
            message = f"batch {batch_id!r} is {batch.raw_status!r}: it has ended already"
            raise self._conflict(operation, message) from exc
        return self._read(batch_id, received, operation).batch()

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
        if output is None:
            return self._chat_outcomes(batch_id, plain)
        form = self._planner.form_of(output)
        return self._chat_outcomes(batch_id, functools.partial(structured, form=form))

    @override
    async def embedding_outcomes(self, batch_id: BatchId) -> AsyncIterator[EmbeddingOutcome]:
        async for line in self._results(batch_id, "embeddings"):
            yield embedding_outcome(line["custom_id"], answer_of(line, self._connection))

    async def _chat_outcomes(
        self, batch_id: BatchId, reply_of: Callable[[Source], Reply[T]]
    ) -> AsyncIterator[ChatOutcome[T]]:
        async for line in self._results(batch_id, "chat"):
            answer = answer_of(line, self._connection)
            yield chat_outcome(line["custom_id"], answer, reply_of)

    def _chat_body(self, model: ModelId, output: type[object] | None) -> BodyOf[ChatRequest]:
        self._check(model)
        form = None if output is None else self._planner.form_of(output)

        def body(request: ChatRequest) -> tuple[str, Mapping[str, object]]:
            call = self._planner.plan(
                "batches.submit",
                request.messages,
                model=model,
                options=request.options,
                form=form,
            )
            surface = self._planner.surface(call)
            return surface.path, surface.request_of(call)

        return body

    def _text_body(self, model: ModelId, dimensions: int | None) -> BodyOf[EmbeddingRequest]:
        self._check(model)
        plan = self._embeddings.plan(model, dimensions=dimensions)

        def body(request: EmbeddingRequest) -> tuple[str, Mapping[str, object]]:
            self._embeddings.check_text(request.text, request.key)
            return embedding_calls.PATH, plan.body(request.text)

        return body

    def _check(self, model: ModelId) -> None:
        self._require()
        if self._dialect.check_model is not None:
            self._dialect.check_model(model, _SUBMIT)

    async def _submit(
        self,
        draft: Draft[R],
        metadata: Mapping[str, str],
        before: Callable[[], Awaitable[None]] | None,
    ) -> Batch:
        async with temporary_file() as spool:
            path = await draft.write(spool)
            file = await self._upload(spool, metadata)
        body: dict[str, object] = {
            "input_file_id": file,
            "endpoint": f"{self._dialect.endpoint_prefix}{path}",
            "completion_window": "24h",
        }
        if metadata:
            body["metadata"] = metadata
        if before is not None:
            await before()
        try:
            received = await self._connection.post(
                "/batches",
                operation=_SUBMIT,
                repeat="if-refused",
                body=body,
                timeout_s=self._timeout_s,
            )
        except ProviderError as exc:
            if exc.accepted == "no":
                await self._take_back(file, exc)
            raise
        return read(WireBatch, received, connection=self._connection, operation=_SUBMIT).batch()

    async def _upload(self, spool: Path, metadata: Mapping[str, str]) -> FileId:
        try:
            stored = await self._files.create(
                spool,
                name=input_name(metadata),
                purpose="batch",
                expires_after_s=self._dialect.input_expiry_s,
            )
            return (await self._files.wait_ready(stored.id)).id
        except ProviderError as exc:
            # Whatever became of the file: nothing was asked for yet.
            exc.accepted = "no"
            raise

    async def _take_back(self, file: FileId, refusal: ProviderError) -> None:
        """Delete the requests of a batch that was refused; the refusal is what must be heard."""
        try:
            await self._files.delete(file)
        except ProviderError as exc:
            refusal.add_note(f"its file {file!r} could not be deleted: {exc}")

    async def _inputs_named(self, name: str) -> frozenset[str]:
        files = self._files.list(purpose="batch")
        return frozenset([stored.id async for stored in files if stored.name == name])

    async def _results(self, batch_id: BatchId, kind: BatchKind) -> AsyncIterator[ResultLine]:
        """Give the lines of a batch that has ended, one file after the other."""
        wire = await self._get(batch_id, OUTCOMES)
        batch = wire.batch()
        if not batch.status.is_final:
            raise self._conflict(OUTCOMES, f"batch {batch_id!r} is {wire.status!r}: wait for it")
        if batch.kind not in {None, kind}:
            message = f"batch {batch_id!r} asks for {batch.kind}, not for {kind}"
            raise self._conflict(OUTCOMES, message)
        for file in wire.result_files:
            content = self._files.content(FileId(file))
            count = 0
            async for text in split_lines(content, connection=self._connection):
                line = read_line(text)
                if line is not None:
                    yield line
                count += 1
                if count % TURN == 0:
                    await asyncio.sleep(0)

    async def _get(self, batch_id: BatchId, operation: str) -> WireBatch:
        path = checked_path("/batches/{batch}", batch=batch_id)
        self._require()
        received = await self._connection.get(path, operation=operation, timeout_s=self._timeout_s)
        return self._read(batch_id, received, operation)

    def _read(self, batch_id: BatchId, received: Received, operation: str) -> WireBatch:
        where = self._connection
        wire = read(WireBatch, received, connection=where, operation=operation)
        require_id(wire.id, batch_id, received=received, connection=where, operation=operation)
        return wire

    def _require(self) -> None:
        self._capabilities.require(Capability.BATCHES, on=self._connection.clock.today())

    def _conflict(self, operation: str, message: str) -> ConflictError:
        return ConflictError(
            message, provider=self._connection.provider, operation=operation, accepted="no"
        )


async def _checked(
    requests: Sequence[R], *, kind: type[R], most: int | None = None
) -> tuple[R, ...]:
    # In a thread: tens of thousands take longer than other tasks should wait.
    return await asyncio.to_thread(check_requests, requests, kind=kind, most=most)
