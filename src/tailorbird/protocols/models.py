"""The contract for the list of models."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tailorbird.types.ids import ModelId
    from tailorbird.types.models import ModelCard


class Models(Protocol):
    """Look up models. Clauses `M…` of `docs/contract/models.md`."""

    @abstractmethod
    def list(self) -> AsyncIterator[ModelCard]:
        """Give the models this account can see, tuned ones included, sorted by id."""
        ...

    @abstractmethod
    async def get(self, model: ModelId) -> ModelCard:
        """Give one model.

        Raises:
            NotFoundError: There is none of that id, or it was shut down.
        """
        ...

    @abstractmethod
    async def delete(self, model: ModelId) -> None:
        """Delete a tuned model.

        Raises:
            NotFoundError: There is none of that id.
            ConflictError: It is deployed.
            PermissionDeniedError: It is not one of this account's tuned models.
            UnsupportedError: The provider offers no way to do it.
        """
        ...
