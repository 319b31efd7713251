"""The contract for embeddings."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.types.embeddings import EmbeddingResult
    from tailorbird.types.ids import ModelId


class Embeddings(Protocol):
    """Turn texts into vectors. Clauses `E…` of `docs/contract/embeddings.md`."""

    @abstractmethod
    async def embed(
        self,
        texts: Sequence[str],
        *,
        model: ModelId,
        dimensions: int | None = None,
        timeout_s: float | None = None,
    ) -> EmbeddingResult:
        """Give one vector for each text, in the order of the texts.

        Any number of texts: they are split into requests within the provider's limits. Vectors are
        finite and of unit length.

        Args:
            texts: Not empty; each text holds at least one character that is not blank.
            model: Model or deployment to ask.
            dimensions: Width of the vectors; None takes the model's own.
            timeout_s: Seconds for each request; None takes the provider's default (60 seconds).

        Raises:
            InvalidInputError: There is no text, a text is blank or too long for the model, or
                the width is not one the model offers; the message names the position.
            NotFoundError: There is no such model or deployment.
            UnexpectedResponseError: A vector is missing, not finite, or of another width.
            ProviderError: Anything else the provider said.
        """
        ...
