"""The most that a call can use, before it is sent, and the hidden tokens to expect of it.

A tokenizer that works on bytes never makes more tokens than the text has bytes, so the bytes are a
bound for every model; the estimate of `estimate_tokens` is none.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, cast

from pydantic import TypeAdapter
from pydantic_core import to_json

from tailorbird.types.chat import ImagePart
from tailorbird.types.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from tailorbird.types.chat import ChatOptions, Message

# What one image takes at most: gpt-4o-mini counts 2,833 tokens and 5,667 for each tile of 512 × 512
# pixels, of which an image has at most 4 × 2 after it was made smaller. OpenAI, "Images and
# vision", developers.openai.com/api/docs/guides/images-vision, read 2026-11-22; other models take
# less (the same page).
_IMAGE_TOKENS = 2_833 + 8 * 5_667

# The chat form adds 3 tokens a message, 1 a name and 3 a conversation (see `data.tokens`); what
# providers put around tools and forms is not published, and is taken for no longer than this.
_PER_MESSAGE = 16
_PER_CALL = 256


REASONING_TOKENS = 1_000
"""Hidden tokens of an answer for which `reasoning_effort` asks, where no answer is known yet: our
own assumption. They go from a few hundred to tens of thousands (OpenAI, "Reasoning models",
platform.openai.com/docs/guides/reasoning, read 2026-11-22)."""


def hidden_tokens(options: ChatOptions) -> int:
    """Give the hidden tokens to expect of an answer; 0 where no effort is asked for by name."""
    return 0 if options.reasoning_effort in {None, "none"} else REASONING_TOKENS


def chat_bound(
    messages: Sequence[Message],
    *,
    options: ChatOptions,
    output: type[object] | None,
    max_output_tokens: int,
) -> Usage:
    """Give the most tokens that a conversation and its answer can use.

    Args:
        messages: What is sent.
        options: How it is asked; tools are part of what is sent.
        output: Type of a structured answer, whose schema is sent; None for plain text.
        max_output_tokens: The longest answer, where the options name none.
    """
    tokens = _PER_CALL + sum(map(_message_bound, messages))
    for tool in options.tools:
        tokens += len(tool.model_dump_json().encode())
    if output is not None:
        tokens += schema_bytes(output)
    return Usage(input_tokens=tokens, output_tokens=options.max_output_tokens or max_output_tokens)


def embedding_bound(texts: Iterable[str]) -> Usage:
    """Give the most tokens that texts can have."""
    return Usage(input_tokens=sum(_size(text) + 1 for text in texts))


def schema_bytes(output: type[object]) -> int:
    """Give the size of a structured answer's schema, with room for what its sender adds to it."""
    found = _kept_size(cast("Hashable", output)) if _is_class(output) else _schema_size(output)
    # Strict schemas name every field as required and forbid all others: less than as much again.
    return 2 * found


def _is_class(output: object) -> bool:
    """Tell a class from what stands for a type, such as `Annotated`, and may have no hash."""
    return isinstance(output, type)


def _schema_size(output: type[object]) -> int:
    return len(to_json(TypeAdapter(output).json_schema()))


# Thousands of calls have one form, and making its schema takes longer than all else of this module.
_kept_size = lru_cache(maxsize=64)(_schema_size)


def _message_bound(message: Message) -> int:
    content = message.content
    if isinstance(content, str):
        tokens = _size(content)
    else:
        tokens = sum(
            _IMAGE_TOKENS if isinstance(part, ImagePart) else _size(part.text)
            for part in content or ()
        )
    for text in (message.name, message.refusal, message.tool_call_id):
        tokens += 0 if text is None else _size(text)
    for call in message.tool_calls:
        tokens += _size(call.id) + _size(call.name) + _size(call.arguments) + _PER_MESSAGE
    return tokens + _PER_MESSAGE


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
