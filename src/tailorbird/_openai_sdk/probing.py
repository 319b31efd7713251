"""Ready means answers: a model is ready when one small chat call succeeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.exceptions import (
    ConflictError,
    DeadlineError,
    EmptyAnswerError,
    NotFoundError,
    ProviderError,
)
from tailorbird.retry import PASSING
from tailorbird.types.chat import ChatOptions, Message

if TYPE_CHECKING:
    from tailorbird.protocols import Chat, Clock
    from tailorbird.types.ids import ModelId

_PASSING = (*PASSING, ConflictError, NotFoundError)
_NOT_READY = frozenset({"DeploymentNotFound", "DeploymentNotReady"})
# What a new model or deployment says while it is not ready: 404, 409, 429 and 5xx, answers without
# content, and these codes under whatever status (Azure's fine-tuning pages, read 2026-11-22).

_FIRST_WAIT_S = 2.0
_LONGEST_WAIT_S = 30.0
_GROWTH = 1.5
_PROBE_S = 60.0
_PROBE_TOKENS = 16  # Azure counts them against the rate limit, and a small deployment has few
_MORE = 8  # times as many when all went into reasoning
_MOST_TOKENS = 1024


async def wait_answering(
    chat: Chat, model: ModelId, *, clock: Clock, timeout_s: float, provider: str
) -> None:
    """Ask a model one small question until it answers.

    Args:
        chat: Who asks.
        model: Model or deployment to ask.
        clock: What the limit and the waits between two questions go by.
        timeout_s: Seconds to go on asking.
        provider: For the message of an error.

    Raises:
        DeadlineError: It did not answer within the time; its cause is what it said last.
        ProviderError: It refused in a way that does not pass, such as a missing permission.
    """
    end = clock.monotonic() + timeout_s
    wait, tokens = _FIRST_WAIT_S, _PROBE_TOKENS
    while True:
        try:
            await chat.complete(
                [Message.user("Say OK.")],
                model=model,
                options=ChatOptions(max_output_tokens=tokens),
                timeout_s=min(_PROBE_S, max(1.0, end - clock.monotonic())),
            )
        except ProviderError as exc:
            if not isinstance(exc, _PASSING) and exc.code not in _NOT_READY:
                raise
            if isinstance(exc, EmptyAnswerError):
                tokens = min(_MORE * tokens, _MOST_TOKENS)
            last = exc
        else:
            return
        if clock.monotonic() + wait > end:
            raise DeadlineError(
                f"{model!r} did not answer within {timeout_s:g} s; it may still become ready",
                provider=provider,
                operation="deployments.wait_ready",
                accepted="no",
            ) from last
        await clock.sleep(wait)
        wait = min(wait * _GROWTH, _LONGEST_WAIT_S)
