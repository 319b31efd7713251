"""Chat on Azure: by the name of a deployment, never by the id of a tuned model."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, overload

from typing_extensions import override

from tailorbird.exceptions import NotFoundError
from tailorbird.protocols import Chat
from tailorbird.providers.azure.identity import NAME
from tailorbird.providers.azure.prices import is_tuned

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager

    from tailorbird.protocols import ChatStream
    from tailorbird.types.chat import ChatOptions, Message, Reply
    from tailorbird.types.ids import ModelId

T = TypeVar("T")


class AzureChat(Chat):
    """Chat of one resource."""

    def __init__(self, inner: Chat) -> None:
        """Ask through another chat, which sends what is not refused here."""
        self._inner = inner

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
        check_deployed(model, "chat.complete")
        if output is None:
            return await self._inner.complete(
                messages, model=model, options=options, timeout_s=timeout_s
            )
        return await self._inner.complete(
            messages, model=model, output=output, options=options, timeout_s=timeout_s
        )

    @override
    def stream(
        self,
        messages: Sequence[Message],
        *,
        model: ModelId,
        options: ChatOptions | None = None,
        timeout_s: float | None = None,
    ) -> AbstractAsyncContextManager[ChatStream]:
        check_deployed(model, "chat.stream")
        return self._inner.stream(messages, model=model, options=options, timeout_s=timeout_s)


def check_deployed(model: ModelId, operation: str) -> None:
    """Do nothing when the name can be a deployment's.

    Raises:
        NotFoundError: It is the id of a tuned model, which answers only once it is deployed.
    """
    if is_tuned(model):
        raise NotFoundError(
            f"{model!r} is the id of a tuned model: deploy it first (`deployments.create`), and"
            " name the deployment",
            provider=NAME,
            operation=operation,
            code="DeploymentNotFound",
            accepted="no",
        )
