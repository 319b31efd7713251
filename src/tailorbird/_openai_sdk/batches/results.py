"""The lines of a batch's results, and what each of them came to."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, NotRequired, TypeVar, cast

from pydantic import TypeAdapter, ValidationError, with_config
from pydantic_core import to_json
from typing_extensions import TypedDict

from tailorbird._http import read_refusal
from tailorbird._openai_sdk.chat.planning import SURFACES
from tailorbird._openai_sdk.chat.replies import plain_reply, structured_reply
from tailorbird._openai_sdk.parsing import STRICT, Source, reasons, validated
from tailorbird._openai_sdk.received import Received
from tailorbird._openai_sdk.vectors import read_vectors
from tailorbird.exceptions import (
    AnswerError,
    ContentFilteredError,
    OutputInvalidError,
    ProviderError,
    RefusedError,
)
from tailorbird.types.batches import ChatOutcome, EmbeddingOutcome, ItemFailure
from tailorbird.types.usage import Usage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tailorbird._openai_sdk.chat.structured import OutputForm
    from tailorbird._openai_sdk.connection import Connection
    from tailorbird._openai_sdk.parsing import Said
    from tailorbird.exceptions import TailorbirdError
    from tailorbird.types.batches import FailureKind
    from tailorbird.types.chat import Reply

T = TypeVar("T")

OUTCOMES = "batches.outcomes"
"""The reading of results, for errors."""

LONGEST_LINE = 64 << 20
"""Bytes of one line of the results: our own bound, twice the longest answer of a single call."""

_log = logging.getLogger("tailorbird.batches")


@with_config(STRICT)
class _Answer(TypedDict):
    status_code: int
    request_id: NotRequired[str | None]
    body: NotRequired[object]


@with_config(STRICT)
class _Failure(TypedDict, total=False):
    code: str | None
    message: str | None


@with_config(STRICT)
class ResultLine(TypedDict):
    """One line of the results."""

    custom_id: str
    response: NotRequired[_Answer | None]
    error: NotRequired[_Failure | None]


_LINE = TypeAdapter(ResultLine)
_BODY: TypeAdapter[dict[str, object]] = TypeAdapter(dict[str, object])

_LAST_SUCCESS = 299


def read_line(content: bytes) -> ResultLine | None:
    """Read a line; None for one that cannot be read, so that it does not lose the others."""
    try:
        return validated(_LINE.validate_json, content)
    except ValidationError as exc:
        _log.warning("a line of a batch's results cannot be read: %s", reasons(exc))
        return None


def answer_of(line: ResultLine, connection: Connection) -> Source | ItemFailure:
    """Give the answer that a line holds, as if it had come by itself, or why it holds none."""
    answer = line.get("response")
    error = line.get("error")
    if answer is None:
        return _lost(error or {})
    content = to_json(answer.get("body"))
    status = answer["status_code"]
    headers = {"x-request-id": answer.get("request_id") or ""}
    if status > _LAST_SUCCESS:
        refusal = read_refusal(status, headers, content)
        return ItemFailure(
            kind="filtered" if refusal.is_filtered else "refused",
            message=refusal.message or f"it was refused with status {status}",
            code=refusal.code,
            status_code=status,
        )
    return Source(connection, OUTCOMES, Received(content, headers, status))


def _failure_of(error: TailorbirdError) -> ItemFailure:
    kinds: Mapping[type[TailorbirdError], FailureKind] = {
        ContentFilteredError: "filtered",
        RefusedError: "declined",
        OutputInvalidError: "invalid-output",
    }
    return ItemFailure(
        kind=kinds.get(type(error), "unreadable"),
        message=str(error),
        code=getattr(error, "code", None),
        status_code=getattr(error, "status_code", None),
    )


def _lost(error: _Failure) -> ItemFailure:
    code = error.get("code")
    # OpenAI: guide "Batch", "Batch expiration"; `batch_cancelled` is what users report.
    kinds: Mapping[str | None, FailureKind] = {
        "batch_expired": "expired",
        "batch_cancelled": "cancelled",
    }
    message = error.get("message") or "the provider gave neither an answer nor a reason"
    return ItemFailure(kind=kinds.get(code, "refused"), message=message, code=code)


async def split_lines(
    pieces: AsyncIterator[bytes], *, connection: Connection
) -> AsyncIterator[bytes]:
    """Give the lines of a file that comes in pieces; blank ones are left out.

    Raises:
        UnexpectedResponseError: A line has more than `LONGEST_LINE` bytes.
    """
    # Put together when it is whole: joined piece by piece, a long line is copied again and again.
    begun: list[bytes] = []
    size = 0
    async for piece in pieces:
        first, *whole = piece.split(b"\n")
        begun.append(first)
        size += len(first)
        if whole:
            line, begun = b"".join(begun), whole[-1:]
            size = len(begun[0])
            for one in (line, *whole[:-1]):
                if one.strip():
                    yield one
        if size > LONGEST_LINE:
            received = Received(b"", {}, 200)
            reason = f"a line of the results has more than {LONGEST_LINE} bytes"
            raise connection.unexpected(OUTCOMES, reason, received)
    if rest := b"".join(begun).strip():
        yield rest


def plain(source: Source) -> Reply[None]:
    """Make the reply of an answer; see `plain_reply`."""
    return plain_reply(_said(source), source, expected=None)


def structured(source: Source, *, form: OutputForm[T]) -> Reply[T]:
    """Make the reply of a structured answer; see `structured_reply`."""
    return structured_reply(_said(source), source, form=form, expected=None)


def _said(source: Source) -> Said:
    # By the answer itself: Azure does not name a batch's endpoint.
    body = source.read(_BODY, source.received.content)
    surface = SURFACES["responses" if "output" in body else "chat-completions"]
    return surface.read_answer(source.received.content, source)


def chat_outcome(
    key: str, answer: Source | ItemFailure, reply_of: Callable[[Source], Reply[T]]
) -> ChatOutcome[T]:
    """Say what became of a conversation."""
    reply: Reply[T] | None = None
    failure = None
    if isinstance(answer, Source):
        try:
            reply = reply_of(answer)
        except (AnswerError, ProviderError) as exc:
            failure = _failure_of(exc)
    else:
        failure = answer
    # The reply was validated when it was made.
    made = ChatOutcome[object].model_construct(
        key=key, reply=cast("Reply[object] | None", reply), failure=failure
    )
    return cast("ChatOutcome[T]", made)


def embedding_outcome(key: str, answer: Source | ItemFailure) -> EmbeddingOutcome:
    """Say what became of a text."""
    if not isinstance(answer, Source):
        return EmbeddingOutcome(key=key, failure=answer)
    try:
        found = read_vectors(answer.received.content, answer, texts=1, width=None)
    except ProviderError as exc:
        return EmbeddingOutcome(key=key, failure=_failure_of(exc))
    return EmbeddingOutcome(
        key=key, vector=found.vectors[0], usage=Usage(input_tokens=found.tokens)
    )
