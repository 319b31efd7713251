"""The fake's chat."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, overload

from typing_extensions import override

from tailorbird.exceptions import ContentFilteredError, EmptyAnswerError
from tailorbird.protocols import Chat
from tailorbird.protocols.arguments import check_messages, check_options, needed_for
from tailorbird.providers.fake.answering.grounding import (
    grounded_form,
    is_grounded_form,
    is_relevance_form,
    relevance_form,
)
from tailorbird.providers.fake.answering.judging import judged_form
from tailorbird.providers.fake.answering.persona import answer
from tailorbird.providers.fake.answering.prompt import read_prompt
from tailorbird.providers.fake.answering.question_forms import question_form
from tailorbird.providers.fake.cloud import NAME, Request
from tailorbird.providers.fake.composing import (
    check_output,
    compose,
    compose_tool_call,
    forced_tool,
    form_schema,
    form_text,
    with_output,
)
from tailorbird.providers.fake.script import Cut, Says, spoken
from tailorbird.providers.fake.streaming import FakeChatStream
from tailorbird.types.capabilities import Capability
from tailorbird.types.chat import ChatOptions, FinishReason, Reply

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from tailorbird.protocols import ChatStream
    from tailorbird.providers.fake.catalog import Catalog, Target
    from tailorbird.providers.fake.cloud import Cloud
    from tailorbird.providers.fake.library import Library
    from tailorbird.providers.fake.operations import Operation
    from tailorbird.providers.fake.script import Turn
    from tailorbird.types.batches import ChatRequest
    from tailorbird.types.chat import Message
    from tailorbird.types.ids import ModelId

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Asked:
    """A checked call."""

    operation: Operation
    messages: tuple[Message, ...]
    model: ModelId
    options: ChatOptions

    def request(self, *, structured: bool = False, timeout_s: float | None) -> Request:
        needs = needed_for(self.messages, self.options, structured=structured)
        if self.operation == "chat.stream":
            needs = (Capability.CHAT_STREAM, *needs)
        return Request(
            operation=self.operation,
            facts={
                "model": self.model,
                "messages": len(self.messages),
                "characters": sum(len(one.text) for one in self.messages),
                "structured": structured,
            },
            needs=needs,
            timeout_s=timeout_s,
            stateful=False,
        )


class FakeChat(Chat):
    """Chat of one fake."""

    def __init__(self, cloud: Cloud, catalog: Catalog, library: Library) -> None:
        """Share the state of a fake; `library` knows what tuned models learned."""
        self._cloud = cloud
        self._catalog = catalog
        self._library = library
        self._answered = 0

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
        asked = self._asked("chat.complete", messages, model, options)
        if output is not None:
            check_output(output)

        async def effect(turn: Turn) -> Reply[T] | Reply[None]:
            reply = await self._replied(asked, turn, output)
            return reply if output is None else with_output(reply, output)

        request = asked.request(structured=output is not None, timeout_s=timeout_s)
        return await self._cloud.call(request, effect)

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
        asked = self._asked("chat.stream", messages, model, options)

        async def effect(turn: Turn) -> FakeChatStream:
            reply = await self._replied(asked, turn, None)
            cut = turn.find(Cut)
            return FakeChatStream(reply, cut_after=None if cut is None else cut.after)

        yield await self._cloud.call(asked.request(timeout_s=timeout_s), effect)

    async def answer(
        self, request: ChatRequest, *, model: ModelId, output: type[T] | None, turn: Turn
    ) -> Reply[None]:
        """Answer one conversation of a batch, as `complete` would.

        Raises:
            ContentFilteredError: As for `complete`.
            EmptyAnswerError: As for `complete`.
        """
        asked = self._asked("batches.submit", request.messages, model, request.options)
        return await self._replied(asked, turn, output)

    def check(
        self, request: ChatRequest, *, model: ModelId, structured: bool
    ) -> tuple[Capability, ...]:
        """Check one conversation of a batch, and give the capabilities that it needs.

        Raises:
            InvalidInputError: As for `complete`.
            UnsupportedError: As for `complete`.
        """
        asked = self._asked("batches.submit", request.messages, model, request.options)
        return needed_for(asked.messages, asked.options, structured=structured)

    def _asked(
        self,
        operation: Operation,
        messages: Sequence[Message],
        model: ModelId,
        options: ChatOptions | None,
    ) -> _Asked:
        self._cloud.require_open(operation)
        asked = _Asked(operation, check_messages(messages), model, options or ChatOptions())
        facts = self._catalog.facts_of(model)
        if facts is not None:
            check_options(asked.options, facts.traits, model=facts.id, provider=NAME)
        return asked

    async def _replied(self, asked: _Asked, turn: Turn, output: type[T] | None) -> Reply[None]:
        """Answer, as scripted or as the model would.

        Raises:
            ContentFilteredError: The scripted answer ended by a content filter.
            EmptyAnswerError: The scripted answer is empty.
        """
        target = await self._catalog.reach(asked.model, "chat", asked.operation)
        self._answered += 1
        scripted = turn.find(Says)
        said = None if scripted is None else spoken(scripted, asked.messages)
        if isinstance(said, Reply):
            reply = said
        elif said is None and (tool := forced_tool(asked.options, asked.messages)) is not None:
            reply = compose_tool_call(
                tool, messages=asked.messages, model=target.model, number=self._answered
            )
        else:
            reply = compose(
                await self._text(asked, target, output) if said is None else said,
                messages=asked.messages,
                options=asked.options,
                model=target.model,
                number=self._answered,
            )
        if reply.usage is not None:
            self._cloud.count_usage(reply.usage)
        _require_content(reply, asked.operation)
        return reply

    async def _text(self, asked: _Asked, target: Target, output: type[T] | None) -> str:
        prompt = read_prompt(asked.messages)
        memory = await self._library.memory(target.tuned)
        if output is None:
            return answer(prompt, memory=memory, seed=self._cloud.settings.seed)
        if prompt.passages is not None and is_grounded_form(form_schema(output)):
            text = answer(prompt, memory=memory, seed=self._cloud.settings.seed)
            return grounded_form(prompt.question, prompt.passages, text)
        if prompt.passages is not None and is_relevance_form(form_schema(output)):
            return relevance_form(prompt.question, prompt.passages)
        written = question_form(form_schema(output), prompt.question, prompt.passages)
        if written is not None:
            return written
        judged = judged_form(form_schema(output), asked.messages[-1].text)
        if judged is not None:
            return judged
        knows = memory is not None and prompt.systems in memory.systems
        remembered = memory.answer(prompt.said) if memory is not None and knows else None
        return form_text(output, prompt.said, remembered)


def _require_content(reply: Reply[None], operation: Operation) -> None:
    if reply.finish_reason is FinishReason.CONTENT_FILTER:
        message = "the content filter cut the answer"
        raise ContentFilteredError(
            message, stage="completion", provider=NAME, operation=operation, status_code=200
        )
    if not reply.text and not reply.tool_calls and reply.refusal is None:
        message = "the answer has neither text nor tool calls nor a refusal"
        raise EmptyAnswerError(message, provider=NAME, operation=operation, accepted="yes")
