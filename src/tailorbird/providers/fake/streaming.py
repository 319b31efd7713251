"""An answer of the fake while it arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird.exceptions import InvalidInputError, StreamTruncatedError
from tailorbird.protocols import ChatStream
from tailorbird.providers.fake.cloud import NAME
from tailorbird.providers.fake.composing import pieces_of
from tailorbird.types.chat import ChatChunk, Reply, ToolCallDelta

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

_TOKENS_A_PIECE = 4


class FakeChatStream(ChatStream):
    """One streamed answer."""

    def __init__(self, reply: Reply[None], *, cut_after: int | None) -> None:
        """Stream a reply; `cut_after` pieces, None for all of it."""
        self._reply = reply
        self._cut_after = cut_after
        self._started = False
        self._ended = False

    @override
    async def __aiter__(self) -> AsyncIterator[ChatChunk]:
        if self._started:
            message = "a stream can be read once: ask again for another answer"
            raise InvalidInputError(message)
        self._started = True
        text = ""
        for number, chunk in enumerate(_chunks(self._reply)):
            if number == self._cut_after:
                message = "the stream ended without a finish reason; `text` holds what came"
                raise StreamTruncatedError(
                    message, text=text, provider=NAME, operation="chat.stream"
                )
            text += chunk.text
            yield chunk
        self._ended = True

    @override
    def reply(self) -> Reply[None]:
        if not self._ended:
            message = "the stream has not ended: read it to its end first"
            raise InvalidInputError(message)
        return self._reply


def _chunks(reply: Reply[None]) -> Iterator[ChatChunk]:
    """Cut a reply into pieces: first an empty one, then the answer, its end, and its tokens."""
    yield ChatChunk()
    tokens = pieces_of(reply.text)
    for start in range(0, len(tokens), _TOKENS_A_PIECE):
        yield ChatChunk(text="".join(tokens[start : start + _TOKENS_A_PIECE]))
    for index, call in enumerate(reply.tool_calls):
        half = len(call.arguments) // 2
        head = ToolCallDelta(
            index=index, id=call.id, name=call.name, arguments=call.arguments[:half]
        )
        yield ChatChunk(tool_calls=(head,))
        yield ChatChunk(tool_calls=(ToolCallDelta(index=index, arguments=call.arguments[half:]),))
    if reply.refusal is not None:
        yield ChatChunk(refusal=reply.refusal)
    yield ChatChunk(finish_reason=reply.finish_reason)
    if reply.usage is not None:
        yield ChatChunk(usage=reply.usage)
