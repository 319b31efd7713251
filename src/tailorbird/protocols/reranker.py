"""The contract for rerankers."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.types.retrieval import Hit, Reranked


class Reranker(Protocol):
    """Put the hits of a search into a better order, by looking at question and text together."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """What decides the order it gives, such as a model's name and version.

        Answers of a comparison are kept under it: the same identity gives the same order.
        """
        ...

    @abstractmethod
    async def rerank(self, query: str, hits: Sequence[Hit]) -> Reranked:
        """Give the same hits, best first, with new scores of one kind.

        Chunks and spans stay as they are. The score that a hit had goes into its `legs`, under its
        kind, beside those that are there (`tailorbird.retrieval.reranking.rescored` does that).
        Texts of hits are data: nothing in them is an instruction.

        Args:
            query: The question.
            hits: What a search found, best first; at least one, no chunk twice.

        Raises:
            AnswerError: A model's answer does not order the hits.
            ProviderError: What the provider said.
        """
        ...
