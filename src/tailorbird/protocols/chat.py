"""The contract for chat."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Protocol, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from contextlib import AbstractAsyncContextManager

    from tailorbird.types.chat import ChatChunk, ChatOptions, Message, Reply
    from tailorbird.types.ids import ModelId

T = TypeVar("T")


class ChatStream(Protocol):
    """An answer while it arrives. Iterate over it once, then ask for the whole."""

    @abstractmethod
    def __aiter__(self) -> AsyncIterator[ChatChunk]:
        """Give the pieces in order.

        Raises:
            StreamTruncatedError: It ended without a finish reason or an end mark.
            DeadlineError: Nothing came for too long, or the whole took too long.
        """
        ...

    @abstractmethod
    def reply(self) -> Reply[None]:
        """Give the whole answer, once the iteration has ended by itself.

        Raises:
            InvalidInputError: The iteration has not ended.
        """
        ...


class Chat(Protocol):
    """Ask a model. Clauses `C…` of `docs/contract/chat.md`.

    Before anything is sent, every method raises `InvalidInputError` for messages that are empty,
    are not a sequence of `Message`, or hold a lone surrogate or NUL, and `UnsupportedError` for an
    option that the model cannot take. Arguments are copied at the start: changing a list while
    the call runs changes nothing. Nothing is stored at the provider where that can be switched
    off.
    """

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

    @abstractmethod
    async def complete(
        self,
        messages: Sequence[Message],
        *,
        model: ModelId,
        output: type[T] | None = None,
        options: ChatOptions | None = None,
        timeout_s: float | None = None,
    ) -> Reply[T] | Reply[None]:
        """Give the whole answer.

        Args:
            messages: The conversation, at least one message.
            model: Model or deployment to ask.
            output: Type of a structured answer: a pydantic model, dataclass or typed dictionary.
                The model is held to its JSON schema and the answer is validated.
            options: How to answer; None leaves all to the provider.
            timeout_s: Seconds for the whole call, repeats and waits included; None takes the
                provider's default (60 seconds).

        Raises:
            NotFoundError: There is no such model or deployment, or it was shut down.
            RefusedError: The model declined to give the structured output.
            OutputInvalidError: The structured output was cut off or does not fit the type.
            ContentFilteredError: The provider's filter refused the prompt or the answer.
            EmptyAnswerError: The answer has neither text nor tool calls nor a refusal.
            DeadlineError: The time was over.
            ProviderError: Anything else the provider said.
        """
        ...

    @abstractmethod
    def stream(
        self,
        messages: Sequence[Message],
        *,
        model: ModelId,
        options: ChatOptions | None = None,
        timeout_s: float | None = None,
    ) -> AbstractAsyncContextManager[ChatStream]:
        """Give the answer while it arrives; leaving the block early ends the call.

        Args:
            messages: The conversation, at least one message.
            model: Model or deployment to ask.
            options: How to answer; None leaves all to the provider.
            timeout_s: Seconds for the whole answer; None takes the provider's default.

        Raises:
            UnsupportedError: The provider cannot stream.
            ProviderError: As for `complete`, at entering the block or while iterating.
        """
        ...
