"""Chat over the SDK: Chat Completions and Responses behind one protocol, chosen by data."""

from __future__ import annotations

import asyncio
import functools
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar, overload

from typing_extensions import override

from tailorbird._openai_sdk.chat.calls import ChatDialect
from tailorbird._openai_sdk.chat.planning import ChatPlanner
from tailorbird._openai_sdk.chat.replies import plain_reply, structured_reply
from tailorbird._openai_sdk.chat.streaming import Reading, SdkChatStream, StreamLimits
from tailorbird._openai_sdk.connection import CALL_TIMEOUT_S
from tailorbird._openai_sdk.model_traits import model_itself
from tailorbird._openai_sdk.parsing import Source
from tailorbird._openai_sdk.received import Received
from tailorbird.protocols import Chat
from tailorbird.types.chat import ChatOptions

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from tailorbird._openai_sdk.chat.structured import OutputForm
    from tailorbird._openai_sdk.connection import Connection
    from tailorbird.protocols import ChatStream
    from tailorbird.types.capabilities import Capabilities
    from tailorbird.types.chat import Message, Reply
    from tailorbird.types.ids import ModelId
    from tailorbird.types.models import ModelTraits

T = TypeVar("T")

_log = logging.getLogger("tailorbird.openai_sdk")


class SdkChat(Chat):
    """Chat of one account."""

    def __init__(  # noqa: PLR0913 - what differs between providers, each with its own default
        self,
        connection: Connection,
        *,
        capabilities: Capabilities,
        traits: Callable[[ModelId], ModelTraits],
        model_of: Callable[[ModelId], ModelId | None] | None = None,
        dialect: ChatDialect | None = None,
        limits: StreamLimits | None = None,
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> None:
        """Ask over a connection.

        Args:
            connection: Carries the requests; opened and closed by its owner.
            capabilities: What the provider offers.
            traits: Says how a model or deployment wants to be called.
            model_of: Gives the model behind a callable name, which the answer should name, and
                None where nobody knows; left out where names are models.
            dialect: In which ways the server differs; None for OpenAI's own.
            limits: Limits of streams; None for the usual ones.
            timeout_s: Seconds for a whole call that names none.
        """
        self._connection = connection
        self._model_of: Callable[[ModelId], ModelId | None] = model_of or model_itself
        self._timeout_s = timeout_s
        self.planner = ChatPlanner(
            connection,
            capabilities=capabilities,
            traits=traits,
            dialect=dialect or ChatDialect(),
        )
        """Plans calls; batches of the same account ask by it as well."""
        self._limits = limits or StreamLimits()
        self._noted_type = False

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
        form: OutputForm[T] | None = None if output is None else self.planner.form_of(output)
        call = self.planner.plan("chat.complete", messages, model=model, options=options, form=form)
        surface = self.planner.surface(call)
        received = await self._connection.post(
            surface.path,
            operation=call.operation,
            repeat="safe",
            body=surface.request_of(call),
            timeout_s=self._timeout_s if timeout_s is None else timeout_s,
        )
        source = Source(self._connection, call.operation, received)
        said = surface.read_answer(received.content, source)
        self._note_type(received)
        expected = self._model_of(model)
        if form is None:
            return plain_reply(said, source, expected=expected)
        return structured_reply(said, source, form=form, expected=expected)

    @override
    @asynccontextmanager
    async def stream(
        self,
        messages: Sequence[Message],
        *,
        model: ModelId,
        options: ChatOptions | None = None,
        timeout_s: float | None = None,
    ) -> AsyncGenerator[ChatStream]:
        call = self.planner.plan("chat.stream", messages, model=model, options=options, form=None)
        surface = self.planner.surface(call)
        limits = self._limits
        total_s = limits.total_s if timeout_s is None else timeout_s
        first_s = min(limits.first_event_s, total_s)
        now = asyncio.get_running_loop().time
        start = now()
        async with self._connection.stream(
            surface.path, operation=call.operation, body=surface.request_of(call), timeout_s=first_s
        ) as incoming:
            source = Source(self._connection, call.operation, Received(b"", incoming.headers, _OK))
            spent = now() - start
            yield SdkChatStream(
                Reading(
                    pieces=aiter(incoming),
                    collector=surface.collector(source),
                    whole=surface.read_answer,
                    finish=functools.partial(
                        plain_reply, source=source, expected=self._model_of(model)
                    ),
                    source=source,
                    limits=limits,
                    left_s=total_s - spent,
                    left_first_s=first_s - spent,
                    needs_end_mark=call.dialect.needs_end_mark,
                )
            )

    def _note_type(self, received: Received) -> None:
        """Say once that answers are not called JSON although they are."""
        kind = received.headers.get("content-type", "")
        if "json" not in kind and not self._noted_type:
            self._noted_type = True
            _log.warning(
                "%s sends JSON as %r; it is read all the same", self._connection.host, kind
            )


_OK = 200
