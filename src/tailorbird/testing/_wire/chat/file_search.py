"""Searches in vector stores that a response makes before it answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.testing._wire.vector_stores.request import Ranking, filter_of
from tailorbird.testing._wire.vector_stores.shelf import Shelf
from tailorbird.text.passages import DECLINED, Passage, fence
from tailorbird.types.chat import Message

if TYPE_CHECKING:
    from pydantic import JsonValue

    from tailorbird.testing._wire.chat.response_request import Requested, ResponseBody
    from tailorbird.testing._wire.world import World
    from tailorbird.types.chat import Reply
    from tailorbird.types.retrieval import Hit

RESULTS = "file_search_call.results"
"""The word of `include` that asks for what was found."""

_MOST_RESULTS = 20  # unless a request says otherwise: OpenAI, file search guide, read 2026-11-22
_MARK = re.compile(r" ?\[(\d{1,4})\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """A search that was made."""

    item: dict[str, JsonValue]
    """As it stands in the response."""
    hits: tuple[Hit, ...]
    """What was found, best first."""

    def told(self, messages: tuple[Message, ...], *, marker: str) -> tuple[Message, ...]:
        """Put what was found before a conversation; without anything it stays as it is."""
        if not self.hits:
            return messages
        passages = [
            Passage(number, hit.chunk.source or "", hit.chunk.text)
            for number, hit in enumerate(self.hits, start=1)
        ]
        return (Message.system(fence(passages, marker=marker)), *messages)

    def cited(self, reply: Reply[None]) -> tuple[Reply[None], list[JsonValue]]:
        """Give an answer without its marks, and what they cite with the places where they stood."""
        notes: list[JsonValue] = []
        text, done = "", 0
        for mark in _MARK.finditer(reply.text):
            number = int(mark[1])
            if not 0 < number <= len(self.hits):
                continue
            text += reply.text[done : mark.start()]
            done = mark.end()
            chunk = self.hits[number - 1].chunk
            notes.append(
                {
                    "type": "file_citation",
                    "index": len(text),
                    "file_id": chunk.document,
                    "filename": chunk.source,
                }
            )
        return reply.model_copy(update={"text": text + reply.text[done:]}), notes


def declines(reply: Reply[None]) -> bool:
    """Say whether an answer is that the passages do not hold it."""
    return DECLINED in reply.text


async def searched(world: World, body: ResponseBody, found: Requested) -> Searched | None:
    """Search for what the user said last; None when there is nothing to search, or nothing said.

    Raises:
        WireError: A store is not there (404), or a filter is wrong.
        TailorbirdError: The fake refused.
    """
    said = [one.text for one in found.asked.messages if one.role == "user" and one.text]
    if not body.searches or not said:
        return None
    shelf = world.kept(Shelf)
    hits: list[Hit] = []
    most = 0
    for tool in body.searches:
        least = (tool.ranking_options or Ranking()).score_threshold
        condition = None if tool.filters is None else filter_of(tool.filters)
        most = max(most, tool.max_num_results or _MOST_RESULTS)
        for name in tool.vector_store_ids or ():
            store = shelf.find(name)
            await shelf.settle(store)
            query = (tool.max_num_results or _MOST_RESULTS, least, condition)
            hits += await shelf.search(store, [said[-1]], query)
    best = sorted(hits, key=lambda hit: -hit.score)[:most]
    shown = RESULTS in (body.include or ())
    item: dict[str, JsonValue] = {
        "id": world.new_id("fs_"),
        "type": "file_search_call",
        "status": "completed",
        "queries": [said[-1]],
        "results": [_result(hit) for hit in best] if shown else None,
    }
    return Searched(item=item, hits=tuple(best))


def _result(hit: Hit) -> JsonValue:
    return {
        "file_id": hit.chunk.document,
        "filename": hit.chunk.source,
        "score": min(1.0, max(0.0, hit.score)),
        "attributes": dict(hit.chunk.metadata),
        "text": hit.chunk.text,
    }
