"""Joins the pieces of a streamed answer, for both surfaces."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tailorbird.types.chat import ToolCall, ToolCallDelta

if TYPE_CHECKING:
    from tailorbird._openai_sdk.parsing import Said, Source
    from tailorbird.types.chat import ChatChunk


class Collector(Protocol):
    """Reads the events of one stream."""

    @property
    def text(self) -> str:
        """What has come so far."""
        ...

    @property
    def is_complete(self) -> bool:
        """Whether the answer has said why it ended."""
        ...

    @property
    def has_ended(self) -> bool:
        """Whether nothing of the answer can follow, so that the end mark need not be waited for."""
        ...

    def take(self, data: bytes) -> ChatChunk | None:
        """Read one event; None when nothing of it belongs to the answer.

        Raises:
            ProviderError: The event reports a failure, or cannot be read.
        """
        ...

    def said(self) -> Said:
        """Give what it came to."""
        ...


@dataclass(slots=True)
class _Call:
    id: str | None = None
    name: str | None = None
    arguments: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class CallCollector:
    """Joins the pieces of tool calls; ids and names are passed on once."""

    calls: dict[int, _Call] = field(default_factory=dict[int, _Call])
    """The calls by their number in the answer."""
    _numbers: dict[int, int] = field(default_factory=dict[int, int])

    def number(self, given: int, *, call_id: str | None) -> int:
        """Give the number of the call that a piece belongs to.

        Some servers number every call of an answer 0, or none of them: a piece with another id
        than the call of its number begins a new one, which later pieces without an id go to. A
        number below 0 is none.
        """
        number = self._numbers.setdefault(given, max(given, 0))
        call = self.calls.get(number)
        if call is not None and call.id and call_id and call.id != call_id:
            number = self._numbers[given] = max(self.calls) + 1
        return number

    def take(
        self, index: int, *, call_id: str | None, name: str | None, arguments: str
    ) -> ToolCallDelta:
        """Add a piece and give it as the caller sees it."""
        call = self.calls.setdefault(index, _Call())
        new_id = call_id if call.id is None else None
        new_name = name if call.name is None else None
        call.id, call.name = call.id or call_id, call.name or name
        call.arguments.append(arguments)
        return ToolCallDelta(index=index, id=new_id, name=new_name, arguments=arguments)

    def joined(self, source: Source) -> tuple[ToolCall, ...]:
        """Give the whole calls, in order.

        Raises:
            UnexpectedResponseError: A call has no id or no name.
        """
        return tuple(
            whole_call(call.id, call.name, "".join(call.arguments), source)
            for _, call in sorted(self.calls.items(), key=lambda item: item[0])
        )


def whole_call(call_id: object, name: object, arguments: object, source: Source) -> ToolCall:
    """Make a tool call of its parts.

    Raises:
        UnexpectedResponseError: One is missing or is no text.
    """
    if isinstance(call_id, str) and isinstance(name, str) and isinstance(arguments, str):
        return ToolCall(id=call_id, name=name, arguments=arguments)
    raise source.unexpected("a tool call lacks its id, its name or its arguments")
