"""Responses and conversations that are kept."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from tailorbird.testing._wire.bodies import invalid
from tailorbird.testing._wire.chat.items import entries_of
from tailorbird.testing._wire.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from pydantic import JsonValue

    from tailorbird.testing._wire.chat.items import Entry, Item
    from tailorbird.testing._wire.chat.response_request import Prompted
    from tailorbird.testing._wire.world import World

_MOST_KEPT = 1_000  # our choice: the latest ones


@dataclass(slots=True, kw_only=True)
class StoredResponse:
    """A response that can be fetched."""

    shown: dict[str, JsonValue]
    """As it is shown once it is there."""
    inputs: tuple[Entry, ...]
    """What it answered, earlier turns included."""
    entries: tuple[Entry, ...]
    """The conversation with its answer."""
    events: Callable[[], Iterator[bytes]]
    """Gives it as it is streamed, from the beginning."""
    begins_at: datetime
    """When a response in the background begins; that of any other is past."""
    ready_at: datetime
    """When it is there."""
    cancelled: bool = False
    """Whether it was cancelled before."""

    def at(self, now: datetime) -> dict[str, JsonValue]:
        """Give it as it is shown at a moment."""
        if not self.cancelled and now >= self.ready_at:
            return self.shown
        busy = "queued" if now < self.begins_at else "in_progress"
        pending = {key: one for key, one in self.shown.items() if key != "usage"}
        return {**pending, "status": "cancelled" if self.cancelled else busy, "output": []}


@dataclass(slots=True, kw_only=True)
class Conversation:
    """A conversation that is kept."""

    id: str
    """Its id."""
    created_at: int
    """When it was made, in seconds since 1970."""
    metadata: dict[str, str]
    """Pairs that are kept with it."""
    entries: dict[str, Entry] = field(default_factory=dict["str", "Entry"])
    """Its items by their ids, oldest first."""

    def add(self, entries: Sequence[Entry]) -> None:
        """Add items."""
        self.entries |= {one.id: one for one in entries}


class Archive:
    """The responses and conversations of one world, the latest thousand of each."""

    def __init__(self, world: World) -> None:
        """Begin empty."""
        self._world = world
        self._responses: OrderedDict[str, StoredResponse] = OrderedDict()
        self._conversations: OrderedDict[str, Conversation] = OrderedDict()

    def keep_response(self, name: str, stored: StoredResponse) -> None:
        """Keep a response; the oldest makes room."""
        self._responses[name] = stored
        if len(self._responses) > _MOST_KEPT:
            self._responses.popitem(last=False)

    def keep_conversation(self, conversation: Conversation) -> None:
        """Keep a conversation; the oldest makes room."""
        self._conversations[conversation.id] = conversation
        if len(self._conversations) > _MOST_KEPT:
            self._conversations.popitem(last=False)

    def response(self, wanted: str, *, param: str | None = None) -> StoredResponse:
        """Give a response.

        Raises:
            WireError: There is none of that id: 404, and 400 where a parameter named it.
        """
        stored = self._responses.get(wanted)
        if stored is None:
            raise WireError(
                f"Response with id {wanted[:80]!r} not found.",
                status=404 if param is None else 400,
                code=None if param is None else "previous_response_not_found",
                param=param,
            )
        return stored

    def drop_response(self, wanted: str) -> None:
        """Let a response go.

        Raises:
            WireError: There is none of that id (404).
        """
        self.response(wanted)
        del self._responses[wanted]

    def conversation(self, wanted: str) -> Conversation:
        """Give a conversation.

        Raises:
            WireError: There is none of that id (404).
        """
        found = self._conversations.get(wanted)
        if found is None:
            raise WireError(f"Conversation with id {wanted[:80]!r} not found.", status=404)
        return found

    def drop_conversation(self, wanted: str) -> None:
        """Let a conversation go; responses that were made in it stay.

        Raises:
            WireError: There is none of that id (404).
        """
        self.conversation(wanted)
        del self._conversations[wanted]

    def before(self, body: Prompted) -> tuple[Entry, ...]:
        """Give the conversation that a request goes on from; empty for a new one.

        Raises:
            WireError: What it names is not there, or it names two.
        """
        response, conversation = body.previous_response_id, body.conversation_id
        if response is not None and conversation is not None:
            raise invalid(
                "previous_response_id",
                "Mutually exclusive parameters: 'previous_response_id' and 'conversation'. Ensure"
                " you are only providing one of them.",
                code="mutually_exclusive_parameters",
            )
        if response is not None:
            return self.response(response, param="previous_response_id").entries
        if conversation is not None:
            return tuple(self.conversation(conversation).entries.values())
        return ()

    def read(self, items: Sequence[Item], *, param: str = "input") -> tuple[Entry, ...]:
        """Read items, and look up those that are referred to.

        Raises:
            WireError: As for `entries_of`.
        """
        return entries_of(items, find=self._item, new_id=self._world.new_id, param=param)

    def _item(self, wanted: str) -> Entry | None:
        talks = (one.entries.values() for one in reversed(self._conversations.values()))
        answers = (one.entries for one in reversed(self._responses.values()))
        kept = chain.from_iterable(chain(answers, talks))
        return next((entry for entry in kept if entry.id == wanted), None)
