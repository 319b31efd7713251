"""Chat completions as the clouds send them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tailorbird.testing._wire.errors import filter_findings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from tailorbird.testing._wire.chat.asking import Streamed
    from tailorbird.testing._wire.world import World
    from tailorbird.types.chat import ChatChunk, Reply, TokenLogprob
    from tailorbird.types.usage import Usage

FINGERPRINT = "fp_fake"
"""`system_fingerprint` of every answer."""


def completion(replies: Sequence[Reply[None]], world: World) -> dict[str, JsonValue]:
    """Give whole answers to one question: at least one, each becomes a choice."""
    first = replies[0]
    shown: dict[str, JsonValue] = {
        "id": first.id or world.new_id("chatcmpl-"),
        "object": "chat.completion",
        "created": world.epoch(),
        "model": first.model,
        "choices": [_whole(reply, number, world) for number, reply in enumerate(replies)],
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
    }
    usage = _together([reply.usage for reply in replies])
    if usage is not None:
        shown["usage"] = usage_json(usage)
    if world.dialect.annotated:
        shown["prompt_filter_results"] = prompt_findings()
    return shown


def _whole(reply: Reply[None], number: int, world: World) -> JsonValue:
    message: dict[str, JsonValue] = {
        "role": "assistant",
        "content": reply.text or None,
        "refusal": reply.refusal,
        "annotations": [],
    }
    if reply.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in reply.tool_calls
        ]
    choice: dict[str, JsonValue] = {
        "index": number,
        "message": message,
        "logprobs": logprobs_json(reply.logprobs),
        "finish_reason": reply.raw_finish_reason,
    }
    if world.dialect.annotated:
        filtered = ("violence",) if reply.raw_finish_reason == "content_filter" else ()
        choice["content_filter_results"] = filter_findings(filtered)
    return choice


def _together(usages: Sequence[Usage | None]) -> Usage | None:
    """Give the tokens of several answers to one question, which is read once."""
    known = [usage for usage in usages if usage is not None]
    if not known:
        return None
    return known[0].model_copy(
        update={
            "output_tokens": sum(usage.output_tokens for usage in known),
            "reasoning_tokens": sum(usage.reasoning_tokens for usage in known),
        }
    )


def prompt_findings() -> list[JsonValue]:
    """Give what Azure's content filter found in a prompt that was let through."""
    return [{"prompt_index": 0, "content_filter_results": filter_findings()}]


def usage_json(usage: Usage) -> dict[str, JsonValue]:
    """Give the tokens of a chat completion."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_input_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def logprobs_json(found: tuple[TokenLogprob, ...] | None) -> dict[str, JsonValue] | None:
    """Give the probabilities of the tokens."""
    if found is None:
        return None
    return {
        "content": [
            {
                **_probability(one.token, one.logprob),
                "top_logprobs": [
                    _probability(token, logprob) for token, logprob in one.alternatives.items()
                ],
            }
            for one in found
        ],
        "refusal": None,
    }


def events(
    answers: Sequence[Streamed], world: World, *, include_usage: bool, obfuscate: bool
) -> Iterator[bytes]:
    """Give streamed answers to one question, one after the other, as server-sent events.

    Tokens come in a last chunk without choices where they are asked for. Azure begins with a chunk
    without choices, and sends the findings of its filter with each piece; one that filters
    asynchronously sends them after the answer has ended, in a choice without `delta`. An answer
    that is cut ends without a reason and without `[DONE]`.
    """
    late = world.dialect.annotated and world.settings.asynchronous_filter
    if world.dialect.annotated:
        yield event({**_azure_head(), "choices": [], "prompt_filter_results": prompt_findings()})
    head: dict[str, JsonValue] = {
        "id": answers[0].id or world.new_id("chatcmpl-"),
        "object": "chat.completion.chunk",
        "created": world.epoch(),
        "model": answers[0].model,
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
    }
    for number, answer in enumerate(answers):
        for chunk, is_first in _spoken(answer):
            choice = _choice(chunk, number, is_first=is_first)
            if world.dialect.annotated and not late:
                choice["content_filter_results"] = filter_findings() if chunk.text else {}
            body: dict[str, JsonValue] = {**head, "choices": [choice]}
            if include_usage:
                body["usage"] = None
            if obfuscate:
                body["obfuscation"] = "x" * (16 - len(chunk.text) % 16)
            yield event(body)
        if answer.reply is None:
            return
        if late:
            written = sum(len(chunk.text) for chunk in answer.chunks)
            yield event({**_azure_head(), "choices": [_findings(written, number)]})
    usage = _together([_used(answer) for answer in answers])
    if include_usage and usage is not None:
        yield event({**head, "choices": [], "usage": usage_json(usage)})
    yield b"data: [DONE]\n\n"


def _spoken(answer: Streamed) -> Iterator[tuple[ChatChunk, bool]]:
    """Give the pieces of an answer without the one about its tokens, and which is the first."""
    for number, chunk in enumerate(answer.chunks):
        if chunk.usage is None:
            yield chunk, number == 0


def _used(answer: Streamed) -> Usage | None:
    return next((chunk.usage for chunk in answer.chunks if chunk.usage is not None), None)


def event(data: Mapping[str, JsonValue], *, name: str | None = None) -> bytes:
    """Give one server-sent event."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    head = "" if name is None else f"event: {name}\n"
    return f"{head}data: {text}\n\n".encode()


async def in_turn(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Give pieces that are made at once, so that no thread is taken for them."""
    for piece in pieces:
        yield piece


def _choice(chunk: ChatChunk, number: int, *, is_first: bool) -> dict[str, JsonValue]:
    delta: dict[str, JsonValue] = {}
    if is_first:
        delta = {"role": "assistant", "content": "", "refusal": None}
    if chunk.text:
        delta["content"] = chunk.text
    if chunk.refusal is not None:
        delta["refusal"] = chunk.refusal
    if chunk.tool_calls:
        delta["tool_calls"] = [
            {
                "index": call.index,
                **({} if call.id is None else {"id": call.id, "type": "function"}),
                "function": {
                    **({} if call.name is None else {"name": call.name}),
                    "arguments": call.arguments,
                },
            }
            for call in chunk.tool_calls
        ]
    finish = chunk.finish_reason
    return {
        "index": number,
        "delta": delta,
        "logprobs": None,
        "finish_reason": None if finish is None else finish.value,
    }


def _azure_head() -> dict[str, JsonValue]:
    return {"id": "", "object": "", "created": 0, "model": ""}


def _findings(characters: int, number: int) -> JsonValue:
    return {
        "index": number,
        "finish_reason": None,
        "content_filter_results": filter_findings(),
        "content_filter_offsets": {
            "check_offset": characters,
            "start_offset": 0,
            "end_offset": characters,
        },
    }


def _probability(token: str, logprob: float) -> dict[str, JsonValue]:
    return {"token": token, "logprob": logprob, "bytes": [*token.encode("utf-8", "replace")]}
