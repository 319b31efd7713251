"""Talking to the bird, and what birds there are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date

from typing_extensions import override

from tailorbird.exceptions import InvalidInputError, NotFoundError, UnsupportedError
from tailorbird.protocols import Chat, ChatStream, Models
from tailorbird.protocols.arguments import check_messages, check_options, needed_for
from tailorbird.types import (
    Capabilities,
    Capability,
    ChatOptions,
    FinishReason,
    Message,
    ModelCard,
    ModelId,
    Reply,
)
from tailorbird.types.models import ModelTraits

TODAY = date(2026, 11, 22)  # what a nest offers does not change with the day
BIRDS = (ModelId("parrot"), ModelId("starling"))


class Roost:
    """Whether the provider is open, and which birds sit there."""

    def __init__(self) -> None:
        """Begin closed."""
        self.is_open = False

    def require(self, model: ModelId, operation: str) -> None:
        """Do nothing when a bird is there."""
        self.require_open()
        if model not in BIRDS:
            message = f"no bird is called {model!r}"
            raise NotFoundError(message, provider="nest", operation=operation, accepted="no")

    def require_open(self) -> None:
        """Do nothing when the provider is open."""
        if not self.is_open:
            message = "this nest provider is not open; use it within `async with`"
            raise InvalidInputError(message)


class NestChat(Chat):
    """Says the last message again, word by word up to the limit."""

    def __init__(self, roost: Roost, capabilities: Capabilities) -> None:
        """Share the roost, and know what is offered there."""
        self._roost = roost
        self._capabilities = capabilities

    @override
    async def complete(
        self,
        messages: Sequence[Message],
        *,
        model: ModelId,
        output: type[object] | None = None,
        options: ChatOptions | None = None,
        timeout_s: float | None = None,
    ) -> Reply[None]:
        checked = check_messages(messages)
        chosen = options or ChatOptions()
        for needed in needed_for(checked, chosen, structured=output is not None):
            self._capabilities.require(needed, on=TODAY)
        check_options(chosen, ModelTraits(), model=model, provider="nest")
        self._roost.require(model, "chat.complete")
        words = checked[-1].text.split()
        for stop in chosen.stop:
            words = " ".join(words).partition(stop)[0].split()
        said = words[: chosen.max_output_tokens]
        cut = len(said) < len(words)
        return Reply[None](
            text=" ".join(said),
            output=None,
            model=model,
            finish_reason=FinishReason.LENGTH if cut else FinishReason.STOP,
            raw_finish_reason="length" if cut else "stop",
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
        raise UnsupportedError(
            provider="nest",
            capability=Capability.CHAT_STREAM.value,
            reason="birds speak at once",
            instead="complete",
        )


class NestModels(Models):
    """The birds."""

    def __init__(self, roost: Roost) -> None:
        """Share the roost."""
        self._roost = roost

    @override
    async def list(self) -> AsyncIterator[ModelCard]:
        self._roost.require_open()
        for bird in BIRDS:
            yield ModelCard(id=bird, owned_by="nest", kinds=("chat",), tunable=())

    @override
    async def get(self, model: ModelId) -> ModelCard:
        self._roost.require(model, "models.get")
        return ModelCard(id=model, owned_by="nest", kinds=("chat",), tunable=())

    @override
    async def delete(self, model: ModelId) -> None:
        raise UnsupportedError(
            provider="nest",
            capability=Capability.MODELS_DELETE.value,
            reason="birds are not deleted",
            instead="nothing",
        )
