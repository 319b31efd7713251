"""Rerank hits with a model, in calls of bounded size."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird.protocols.reranker import Reranker
from tailorbird.retrieval.reranking import graded_order, groups, relevance_messages, rescored
from tailorbird.types.retrieval import RelevanceReply, Reranked, ScoreKind
from tailorbird.types.usage import Usage
from tailorbird.workflow.searching.selection import Rerank

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tailorbird.protocols import Chat
    from tailorbird.types.chat import Reply
    from tailorbird.types.ids import ModelId
    from tailorbird.types.retrieval import Hit

_AT_ONCE = 4  # calls under way at once: as many as a window of 50 has groups of about 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReranker(Reranker):
    """Orders hits by grades that a chat model gives, 0..4, in a form.

    The model grades groups of passages, each group in one call, all under way together. Grades
    decide; among equal ones the model's own order within its group, then the order of the search.
    """

    chat: Chat
    """Asks the model."""
    model: ModelId
    """Who grades."""
    settings: Rerank = field(default_factory=Rerank)
    """How much it is shown at once."""
    marker: Callable[[], str] = field(default=lambda: secrets.token_hex(8))
    """Makes the marker of a prompt's fence, which no document can foresee."""

    @property
    @override
    def identity(self) -> str:
        return f"model {self.model}"

    @override
    async def rerank(self, query: str, hits: Sequence[Hit]) -> Reranked:
        """Grade the hits; see `Reranker.rerank`.

        Raises:
            OutputInvalidError: The model left a passage out, named one twice, or one that was
                never shown.
            RefusedError: The model declined.
            UnsupportedError: The provider has no structured answers.
            ProviderError: What the provider said.
        """
        parts = list(
            groups(
                hits,
                passages=self.settings.group,
                tokens=self.settings.group_tokens,
                most=self.settings.passage_tokens,
            )
        )
        free = asyncio.Semaphore(_AT_ONCE)
        try:
            async with asyncio.TaskGroup() as calls:
                asked = [calls.create_task(self._graded(query, part, free)) for part in parts]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        answers = [one.result() for one in asked]
        graded = [
            (-grade, place, hit)
            for part, (order, _) in zip(parts, answers, strict=True)
            for hit, (grade, place) in zip(part, order, strict=True)
        ]
        # Sorting is stable: what is equal stays in the order of the search.
        ranked = sorted(graded, key=lambda one: one[:2])
        return Reranked(
            hits=tuple(
                rescored(hit, float(-grade), ScoreKind.RERANKER) for grade, _, hit in ranked
            ),
            usage=sum((reply.usage or Usage() for _, reply in answers), Usage()),
            model=answers[0][1].model,
        )

    async def _graded(
        self, query: str, hits: Sequence[Hit], free: asyncio.Semaphore
    ) -> tuple[list[tuple[int, int]], Reply[RelevanceReply]]:
        """Give grade and place of each hit of a group, and the reply they come from."""
        messages = relevance_messages(
            query, hits, marker=self.marker(), most=self.settings.passage_tokens
        )
        async with free:
            reply = await self.chat.complete(messages, model=self.model, output=RelevanceReply)
        return graded_order(reply.output, count=len(hits), text=reply.text), reply
