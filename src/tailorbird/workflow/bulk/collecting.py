"""A chat that answers nothing by itself: it collects what is asked, and a batch answers it all."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast, overload

from typing_extensions import override

from tailorbird.exceptions import (
    ContentFilteredError,
    OutputInvalidError,
    ProviderError,
    RefusedError,
)
from tailorbird.protocols import Chat
from tailorbird.types.batches import ChatRequest, ItemFailure
from tailorbird.types.chat import ChatOptions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from tailorbird.protocols import ChatStream
    from tailorbird.types.batches import ChatOutcome
    from tailorbird.types.chat import Message, Reply
    from tailorbird.types.ids import ModelId
    from tailorbird.workflow.bulk.asking import Bulk

_UNKNOWN = ItemFailure(kind="missing", message="the batch has neither an answer nor a failure")

_MARKER_DIGITS = 16

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class _Asked:
    """One conversation that waits for its answer."""

    request: ChatRequest
    model: ModelId
    output: type[object] | None
    answered: asyncio.Future[Reply[object]]


@dataclass(slots=True, kw_only=True)
class Collector:
    """Lets many tasks ask at the same time, and answers them together.

    Each task gets a chat of its own by `chat`, and asks it once at most.
    """

    bulk: Callable[[ModelId], Bulk]
    """Hands requests for a model in as batches."""
    direct: Chat
    """Streams, which no batch can."""
    _asked: list[_Asked] = field(init=False, default_factory=list[_Asked])
    _running: int = field(init=False, default=0)
    _still: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def chat(self, key: str) -> Chat:
        """Give the chat of one task; its request has this key, unique within the collector."""
        return _OneChat(self, key)

    async def run(self, works: Sequence[Callable[[], Awaitable[R]]]) -> list[R]:
        """Run all tasks up to what they ask, hand that in, and let them end with the answers.

        Raises:
            JobOutcomeUnknownError: As for `Bulk.complete_many`; so are the others.
            UnsupportedError: The provider has no batches.
            WaitTimeoutError: The time is over; the batches go on, and the same call finds them.
            ProviderError: All requests would fail alike.
        """
        self._running = len(works)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._counted(work)) for work in works]
            if works:
                await self._still.wait()
            for asked in self._groups():
                await self._answer(asked)
        return [task.result() for task in tasks]

    async def _counted(self, work: Callable[[], Awaitable[R]]) -> R:
        try:
            return await work()
        finally:
            self._rest()

    def _rest(self) -> None:
        """Note that a task has ended, or waits for its answer."""
        self._running -= 1
        if self._running <= 0:
            self._still.set()

    async def ask(self, asked: _Asked) -> Reply[object]:
        """Take one conversation in, and wait until it is answered."""
        self._asked.append(asked)
        self._rest()
        return await asked.answered

    def _groups(self) -> list[list[_Asked]]:
        """Put together what one batch can hold: one model, one form."""
        groups: dict[tuple[str, str], list[_Asked]] = {}
        for one in self._asked:
            form = "" if one.output is None else one.output.__qualname__
            groups.setdefault((one.model, form), []).append(one)
        return list(groups.values())

    async def _answer(self, asked: Sequence[_Asked]) -> None:
        first = asked[0]
        requests = sorted((one.request for one in asked), key=lambda one: one.key)
        bulk = self.bulk(first.model)
        name = _run_name(first, requests)
        outcomes: Sequence[ChatOutcome[object]]
        if first.output is None:
            plain = await bulk.complete_many(requests, name=name, bulk=True)
            outcomes = cast("Sequence[ChatOutcome[object]]", plain)
        else:
            outcomes = await bulk.complete_many(requests, output=first.output, name=name, bulk=True)
        found = {one.key: one for one in outcomes}
        for one in asked:
            outcome = found[one.request.key]
            if outcome.reply is not None:
                one.answered.set_result(outcome.reply)
            else:
                error = _error(outcome.failure or _UNKNOWN, bulk.provider.name)
                one.answered.set_exception(error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """How many things are asked for as batches that each make a prompt of their own."""

    collector: Callable[[], Collector]
    """Makes what collects the questions of one arm, or all judgements."""
    secret: bytes
    """Known to this workspace only: makes markers that no document can foresee, and that are the
    same when a broken run is taken up again."""

    def marker(self, fingerprint: str, key: str) -> str:
        """Give the marker of one prompt's fence: 16 hexadecimal digits."""
        text = f"{fingerprint} {key}".encode()
        return hmac.new(self.secret, text, hashlib.sha256).hexdigest()[:_MARKER_DIGITS]


class _OneChat(Chat):
    """The chat of one task."""

    def __init__(self, collector: Collector, key: str) -> None:
        self._collector = collector
        self._key = key

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
        request = ChatRequest(
            key=self._key, messages=tuple(messages), options=options or ChatOptions()
        )
        waiting: asyncio.Future[Reply[object]] = asyncio.get_running_loop().create_future()
        asked = _Asked(request, model, cast("type[object] | None", output), waiting)
        return cast("Reply[T] | Reply[None]", await self._collector.ask(asked))

    @override
    def stream(
        self,
        messages: Sequence[Message],
        *,
        model: ModelId,
        options: ChatOptions | None = None,
        timeout_s: float | None = None,
    ) -> AbstractAsyncContextManager[ChatStream]:
        return self._collector.direct.stream(
            messages, model=model, options=options, timeout_s=timeout_s
        )


def _run_name(first: _Asked, requests: Sequence[ChatRequest]) -> str:
    """Name a run by what it asks: the same questions, asked again after a crash, find it."""
    form = "" if first.output is None else first.output.__qualname__
    parts = [first.model, form, *(one.model_dump_json() for one in requests)]
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return f"asked-{hashlib.sha256(text).hexdigest()[:24]}"


def _error(failure: ItemFailure, provider: str) -> Exception:
    """Give the error that the same call would have raised by itself."""
    if failure.kind == "declined":
        return RefusedError(failure.message)
    if failure.kind == "invalid-output":
        return OutputInvalidError(failure.message, text="")
    if failure.kind == "filtered":
        return ContentFilteredError(
            failure.message,
            stage="completion",
            provider=provider,
            operation="batches.results",
            status_code=failure.status_code,
            code=failure.code,
        )
    return ProviderError(
        failure.message,
        provider=provider,
        operation="batches.results",
        status_code=failure.status_code,
        code=failure.code or failure.kind,
        accepted="yes",
    )
