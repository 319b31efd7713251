"""Chat and embeddings that are paid for from a purse."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, TypeVar, cast, overload

from typing_extensions import override

from tailorbird.exceptions import InvalidInputError, ProviderError, UnexpectedResponseError
from tailorbird.protocols import Chat, ChatStream, Embeddings
from tailorbird.protocols.arguments import check_messages
from tailorbird.types.chat import Reply
from tailorbird.types.embeddings import EmbeddingResult
from tailorbird.workflow.money.meter import was_never_sent

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from tailorbird.types.chat import ChatChunk, ChatOptions, Message
    from tailorbird.types.ids import ModelId
    from tailorbird.types.usage import Usage
    from tailorbird.workflow.money.meter import Meter, Ticket

T = TypeVar("T")

# What has `__aenter__` and `__aexit__`: a coroutine, of an `async def stream`, has neither.
_BLOCK = cast("type[object]", AbstractAsyncContextManager)


class MeteredChat(Chat):
    """Asks models of a provider, within the budget."""

    def __init__(self, inner: Chat, meter: Meter) -> None:
        """Ask through `inner`, and let `meter` see to the money."""
        self._inner = inner
        self._meter = meter

    @overload
    async def complete(
        self,
        messages: Sequence[Message],
        *,
        model: ModelId,
        output: None = None,
        options: ChatOptions | None = None,
        timeout_s: float | None = None,
    ) -> Reply[None]: ...

    @overload
    async def complete(
        self,
        messages: Sequence[Message],
        *,
        model: ModelId,
        output: type[T],
        options: ChatOptions | None = None,
        timeout_s: float | None = None,
    ) -> Reply[T]: ...

    @override
    async def complete(
        self,
        messages: Sequence[Message],
        *,
        model: ModelId,
        output: type[T] | None = None,
        options: ChatOptions | None = None,
        timeout_s: float | None = None,
    ) -> Reply[T] | Reply[None]:
        meter = self._meter
        # What the caller changes while the budget is asked changes nothing; without a budget
        # nothing is awaited before the provider takes its own copy.
        if meter.budget is not None:
            messages = check_messages(messages)
        options = meter.limited(options)
        ticket = await meter.begin_chat(messages, model=model, options=options, output=output)
        reply: Reply[T] | Reply[None]
        try:
            with ticket.under_way():
                if output is None:
                    reply = await self._inner.complete(
                        messages, model=model, options=options, timeout_s=timeout_s
                    )
                else:
                    reply = await self._inner.complete(
                        messages, model=model, output=output, options=options, timeout_s=timeout_s
                    )
            meter.promised(reply, Reply, "chat.complete", model)
        except BaseException as exc:
            ticket.failed(exc)
            raise
        await meter.finish(ticket, reply.usage)
        return reply

    @override
    def stream(
        self,
        messages: Sequence[Message],
        *,
        model: ModelId,
        options: ChatOptions | None = None,
        timeout_s: float | None = None,
    ) -> AbstractAsyncContextManager[ChatStream]:
        return self._streamed(messages, model=model, options=options, timeout_s=timeout_s)

    @asynccontextmanager
    async def _streamed(
        self,
        messages: Sequence[Message],
        *,
        model: ModelId,
        options: ChatOptions | None,
        timeout_s: float | None,
    ) -> AsyncGenerator[ChatStream]:
        meter = self._meter
        if meter.budget is not None:
            messages = check_messages(messages)
        options = meter.limited(options)
        ticket = await meter.begin_chat(messages, model=model, options=options)
        opened: ChatStream | None = None
        try:
            async with AsyncExitStack() as stack:
                asked = self._inner.stream(
                    messages, model=model, options=options, timeout_s=timeout_s
                )
                meter.promised(asked, _BLOCK, "chat.stream", model)
                with ticket.under_way():
                    inner = await stack.enter_async_context(asked)
                opened = _CheckedStream(inner, meter, model)
                yield opened
        except BaseException as exc:
            _end_badly(ticket, opened, exc)
            raise
        usage = _usage_of(opened)
        if usage is None:
            ticket.gave_up()
        else:
            await meter.finish(ticket, usage)


class _CheckedStream(ChatStream):
    """An answer while it arrives, whose whole is looked at."""

    def __init__(self, inner: ChatStream, meter: Meter, model: ModelId) -> None:
        """Pass on what `inner` gives."""
        self._inner, self._meter, self._model = inner, meter, model

    @override
    def __aiter__(self) -> AsyncIterator[ChatChunk]:
        return self._inner.__aiter__()

    @override
    def reply(self) -> Reply[None]:
        reply = self._inner.reply()
        self._meter.promised(reply, Reply, "chat.stream", self._model)
        return reply


def _end_badly(ticket: Ticket, opened: ChatStream | None, error: BaseException) -> None:
    """Settle a stream that an error ended: the caller's own, once it was opened."""
    usage = None if opened is None else _usage_of(opened)
    if usage is not None:
        ticket.done(usage)
    elif opened is None and was_never_sent(error):
        ticket.failed(error)
    else:
        ticket.gave_up()


def _usage_of(stream: ChatStream) -> Usage | None:
    """Give what an answer used; None for one that was left early, or when nobody said."""
    try:
        return stream.reply().usage
    except (InvalidInputError, UnexpectedResponseError):
        return None


class MeteredEmbeddings(Embeddings):
    """Turns texts into vectors, within the budget."""

    def __init__(self, inner: Embeddings, meter: Meter) -> None:
        """Ask `inner`, and let `meter` see to the money."""
        self._inner = inner
        self._meter = meter

    @override
    async def embed(
        self,
        texts: Sequence[str],
        *,
        model: ModelId,
        dimensions: int | None = None,
        timeout_s: float | None = None,
    ) -> EmbeddingResult:
        if self._meter.budget is not None:
            texts = _checked(texts)
        ticket = await self._meter.begin_embedding(texts, model=model)
        try:
            with ticket.under_way():
                result = await self._inner.embed(
                    texts, model=model, dimensions=dimensions, timeout_s=timeout_s
                )
            self._meter.promised(result, EmbeddingResult, "embeddings.embed", model)
        except BaseException as exc:
            # Many texts go in several requests, and only the last one is known to be refused.
            if isinstance(exc, ProviderError) and len(texts) > 1:
                ticket.gave_up()
            else:
                ticket.failed(exc)
            raise
        await self._meter.finish(ticket, result.usage)
        return result


def _checked(texts: Sequence[str]) -> tuple[str, ...]:
    """Copy texts; what else is wrong with them, the provider says.

    Raises:
        InvalidInputError: They are no sequence of texts.
    """
    given = cast("object", texts)
    if isinstance(given, (str, bytes)) or not isinstance(given, Sequence):
        message = f"texts must be a list of texts, got {type(given).__name__}"
        raise InvalidInputError(message)
    return tuple(texts)
