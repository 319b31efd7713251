"""Makes a reply of what an answer came to, or says why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from tailorbird._openai_sdk.model_traits import same_model
from tailorbird.exceptions import (
    ContentFilteredError,
    EmptyAnswerError,
    OutputInvalidError,
    RefusedError,
)
from tailorbird.types.chat import AnyReply, FinishReason, PlainReply
from tailorbird.types.ids import ModelId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tailorbird._openai_sdk.chat.structured import OutputForm
    from tailorbird._openai_sdk.parsing import Said, Source
    from tailorbird.types.chat import Reply

T = TypeVar("T")

_REASONS: Mapping[str, FinishReason] = {
    reason.value: reason for reason in FinishReason if reason is not FinishReason.OTHER
}


def plain_reply(said: Said, source: Source, *, expected: ModelId | None) -> Reply[None]:
    """Make the reply of a call for text.

    Args:
        said: What the answer came to.
        source: Where it comes from.
        expected: The model that should have answered; None when nobody knows.

    Raises:
        ContentFilteredError: A filter cut the answer.
        EmptyAnswerError: There is neither text nor a tool call nor a refusal.
    """
    reason = _reason(said, source)
    if not said.text and not said.tool_calls and said.refusal is None:
        raise _empty(reason, source)
    return PlainReply(
        text=said.text,
        output=None,
        tool_calls=said.tool_calls,
        refusal=said.refusal,
        finish_reason=reason,
        raw_finish_reason=said.word,
        model=ModelId(said.model) if said.model else (expected or ModelId("")),
        usage=said.usage,
        logprobs=said.logprobs,
        id=said.id,
        request_id=source.received.request_id,
        warnings=_warnings(said, expected),
    )


def structured_reply(
    said: Said, source: Source, *, form: OutputForm[T], expected: ModelId | None
) -> Reply[T]:
    """Make the reply of a call for a structured answer.

    Raises:
        ContentFilteredError: A filter cut the answer.
        RefusedError: The model declined.
        OutputInvalidError: The answer was cut off, or does not fit the type.
        EmptyAnswerError: There is nothing.
    """
    reason = _reason(said, source)
    if said.refusal is not None:
        raise RefusedError(said.refusal)
    if reason is FinishReason.LENGTH:
        message = "the structured answer was cut off: raise max_output_tokens"
        raise OutputInvalidError(message, text=said.text)
    plain = plain_reply(said, source, expected=expected)
    output, text = form.read(said.text)
    fields = {**dict(plain), "output": output, "text": text}
    return cast("Reply[T]", AnyReply.model_validate(fields))


def _reason(said: Said, source: Source) -> FinishReason:
    reason = _REASONS.get(said.word, FinishReason.OTHER)
    if reason is FinishReason.CONTENT_FILTER:
        found = f" ({', '.join(said.filtered)})" if said.filtered else ""
        raise ContentFilteredError(
            f"the content filter cut the answer{found}; change the prompt, or what it quotes",
            stage="completion",
            categories=said.filtered,
            provider=source.connection.provider,
            operation=source.operation,
            status_code=source.received.status_code,
            code=said.word,
            request_id=source.received.request_id,
        )
    # A function that had to be called ends with `stop` on Chat Completions.
    calls = reason is FinishReason.STOP and bool(said.tool_calls)
    return FinishReason.TOOL_CALLS if calls else reason


def _empty(reason: FinishReason, source: Source) -> EmptyAnswerError:
    cut = reason is FinishReason.LENGTH
    advice = "; all its tokens went into reasoning: raise max_output_tokens" if cut else ""
    return EmptyAnswerError(
        f"the answer has neither text nor tool calls nor a refusal{advice}",
        provider=source.connection.provider,
        operation=source.operation,
        status_code=source.received.status_code,
        request_id=source.received.request_id,
        accepted="yes",
    )


def _warnings(said: Said, expected: ModelId | None) -> tuple[str, ...]:
    answered = ModelId(said.model)
    if not answered or expected is None or same_model(expected, answered):
        return tuple(said.warnings)
    return (*said.warnings, f"model {answered!r} answered, {expected!r} was asked")
