"""Chat calls as a fake takes them, and what came of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic_core import from_json

from tailorbird.data.tokens import estimate_tokens, message_tokens
from tailorbird.exceptions import (
    ContentFilteredError,
    EmptyAnswerError,
    OutputInvalidError,
    RefusedError,
    StreamTruncatedError,
)
from tailorbird.providers.fake.composing import forced_tool, pieces_of
from tailorbird.testing._wire.errors import INVALID, WireError
from tailorbird.types.chat import (
    ChatChunk,
    ChatOptions,
    FinishReason,
    Message,
    PlainReply,
    ToolCallDelta,
)
from tailorbird.types.ids import ModelId
from tailorbird.types.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tailorbird.testing._wire.world import World
    from tailorbird.types.chat import Reply

_TOKENS_A_PIECE = 4  # of a structured answer that is streamed, as a fake cuts the others


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A checked call."""

    model: ModelId
    """What is asked."""
    messages: tuple[Message, ...]
    """The conversation."""
    options: ChatOptions
    """How to answer."""
    output: type[object] | None = None
    """Type of a structured answer; None for free text."""
    any_object: bool = False
    """Whether the answer must be a JSON object of any kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    """An answer in pieces."""

    chunks: tuple[ChatChunk, ...]
    """The pieces."""
    reply: Reply[None] | None
    """The whole answer; None when it was cut off by the script."""
    model: str
    """The model that answered."""
    id: str
    """Id of the answer."""


def check_call(world: World, asked: Asked) -> None:
    """Do nothing when a model takes the call on Chat Completions.

    Raises:
        WireError: Its model reasons and the call has functions without the effort `none`. Source:
            reports of users of GPT-5.4 to GPT-6, read 2026-11-22.
    """
    facts = world.facts_of(asked.model)
    reasons = facts is not None and not facts.sampling
    if reasons and asked.options.tools and asked.options.reasoning_effort != "none":
        raise WireError(
            f"Function tools with reasoning_effort are not supported for {asked.model} in"
            " /v1/chat/completions. Please use /v1/responses instead, or set reasoning_effort to"
            " 'none'.",
            kind=INVALID,
            param="reasoning_effort",
        )


async def replied(world: World, asked: Asked) -> Reply[None]:
    """Give the whole answer; what a filter cut, a refusal and an empty one are answers too.

    Raises:
        TailorbirdError: The fake refused the call, or was told to fail.
    """
    chat = world.provider.chat
    try:
        if asked.output is None or _must_call(asked):
            reply = await chat.complete(asked.messages, model=asked.model, options=asked.options)
        else:
            full = await chat.complete(
                asked.messages, model=asked.model, output=asked.output, options=asked.options
            )
            reply = PlainReply.model_validate({**dict(full), "output": None})
    except ContentFilteredError as exc:
        if exc.stage == "prompt":
            raise
        return _made(world, asked, "", finish=FinishReason.CONTENT_FILTER)
    except EmptyAnswerError:
        return _made(world, asked, "")
    except RefusedError as exc:
        return _made(world, asked, "", refusal=exc.refusal)
    except OutputInvalidError as exc:
        most = asked.options.max_output_tokens
        cut = most is not None and estimate_tokens(exc.text) >= most - 1
        if cut:
            return _made(world, asked, exc.text, finish=FinishReason.LENGTH)
        reply = _made(world, asked, exc.text)
    return _as_object(reply) if asked.any_object else reply


async def streamed(world: World, asked: Asked) -> Streamed:
    """Give the answer in pieces; a structured one is asked for as a whole and then cut.

    Raises:
        TailorbirdError: The fake refused the call, or was told to fail.
    """
    if asked.output is not None or asked.any_object:
        reply = await replied(world, asked)
        return Streamed(chunks=tuple(cut(reply)), reply=reply, model=reply.model, id=reply.id)
    chunks: list[ChatChunk] = []
    try:
        async with world.provider.chat.stream(
            asked.messages, model=asked.model, options=asked.options
        ) as stream:
            async for chunk in stream:
                chunks.append(chunk)  # noqa: PERF401 - those before a cut are kept
            reply = stream.reply()
    except StreamTruncatedError:
        return Streamed(chunks=tuple(chunks), reply=None, model=asked.model, id=_new_id(world))
    except (ContentFilteredError, EmptyAnswerError) as exc:
        if isinstance(exc, ContentFilteredError) and exc.stage == "prompt":
            raise
        filtered = isinstance(exc, ContentFilteredError)
        finish = FinishReason.CONTENT_FILTER if filtered else FinishReason.STOP
        reply = _made(world, asked, "", finish=finish)
        chunks = list(cut(reply))
    return Streamed(chunks=tuple(chunks), reply=reply, model=reply.model, id=reply.id)


def _must_call(asked: Asked) -> bool:
    """Say whether the answer is a call, which has no form."""
    return forced_tool(asked.options, asked.messages) is not None


def _made(
    world: World,
    asked: Asked,
    text: str,
    *,
    finish: FinishReason = FinishReason.STOP,
    refusal: str | None = None,
) -> Reply[None]:
    return PlainReply(
        text=text,
        output=None,
        refusal=refusal,
        finish_reason=finish,
        raw_finish_reason=finish.value,
        model=asked.model,
        usage=Usage(
            input_tokens=message_tokens(asked.messages),
            output_tokens=estimate_tokens(text or refusal or ""),
        ),
        id=_new_id(world),
    )


def _as_object(reply: Reply[None]) -> Reply[None]:
    """Put a text that is no JSON object into one."""
    try:
        is_object = isinstance(from_json(reply.text), dict)
    except ValueError:
        is_object = False
    if is_object or reply.refusal is not None or reply.tool_calls:
        return reply
    text = Message(role="assistant", content=reply.text).model_dump_json(include={"content"})
    return reply.model_copy(update={"text": text})


def cut(reply: Reply[None]) -> Iterator[ChatChunk]:
    """Cut an answer into pieces, as a stream sends it."""
    yield ChatChunk()
    tokens = pieces_of(reply.text)
    for start in range(0, len(tokens), _TOKENS_A_PIECE):
        yield ChatChunk(text="".join(tokens[start : start + _TOKENS_A_PIECE]))
    if reply.refusal is not None:
        yield ChatChunk(refusal=reply.refusal)
    for index, call in enumerate(reply.tool_calls):
        piece = ToolCallDelta(index=index, id=call.id, name=call.name, arguments=call.arguments)
        yield ChatChunk(tool_calls=(piece,))
    yield ChatChunk(finish_reason=reply.finish_reason)
    yield ChatChunk(usage=reply.usage)


def _new_id(world: World) -> str:
    return world.new_id("chatcmpl-")
