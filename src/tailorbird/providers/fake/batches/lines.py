"""The lines that a fake keeps of a batch, read page by page, and what comes of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from tailorbird.data.tokens import estimate_tokens
from tailorbird.exceptions import ContentFilteredError, OutputInvalidError, RefusedError
from tailorbird.providers.fake.composing import with_output
from tailorbird.providers.fake.state import Record
from tailorbird.text import hash_embedding
from tailorbird.types.batches import ChatOutcome, EmbeddingOutcome, ItemFailure
from tailorbird.types.usage import Usage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from pydantic import BaseModel

    from tailorbird.exceptions import TailorbirdError
    from tailorbird.providers.fake.cloud import Cloud
    from tailorbird.types.batches import FailureKind
    from tailorbird.types.chat import Reply

T = TypeVar("T")
LineT = TypeVar("LineT", bound="BaseModel")


class TextLine(Record):
    """One text of a batch."""

    key: str
    """The request's key."""
    text: str
    """What is embedded."""
    failure: ItemFailure | None = None
    """Why it is not; None when it is."""


def packed(lines: Iterable[BaseModel]) -> bytes:
    """Write lines as they are kept."""
    return b"".join(one.model_dump_json().encode() + b"\n" for one in lines)


async def lines_of(cloud: Cloud, sha256: str, model: type[LineT]) -> AsyncIterator[list[LineT]]:
    """Give the lines of a content, as many at a time as were read at once."""
    offset, rest = 0, b""
    while piece := await cloud.in_thread(lambda: cloud.store.piece(sha256, offset)):  # noqa: B023 - ended before the next
        offset += len(piece)
        *whole, rest = (rest + piece).split(b"\n")
        yield [model.model_validate_json(one) for one in whole]


async def embedded(
    cloud: Cloud, lines: Sequence[TextLine], *, width: int
) -> list[EmbeddingOutcome]:
    """Embed the texts of lines, but for those that fail."""
    sound = [one for one in lines if one.failure is None]
    vectors = await cloud.in_thread(
        lambda: hash_embedding([one.text for one in sound], dimensions=width)
    )
    outcomes = [
        EmbeddingOutcome(
            key=one.key, vector=row, usage=Usage(input_tokens=estimate_tokens(one.text))
        )
        for one, row in zip(sound, vectors, strict=True)
    ]
    return outcomes + [
        EmbeddingOutcome(key=one.key, failure=one.failure)
        for one in lines
        if one.failure is not None
    ]


async def typed(
    outcomes: AsyncIterator[ChatOutcome[None]], output: type[T]
) -> AsyncIterator[ChatOutcome[T]]:
    """Read the structured answers of outcomes; what does not fit is a failure of its item."""
    async for one in outcomes:
        reply: Reply[T] | None = None
        failure = one.failure
        if one.reply is not None:
            try:
                reply = with_output(one.reply, output)
            except (RefusedError, OutputInvalidError) as exc:
                failure = failure_of(exc)
        yield typed_outcome(one.key, reply, failure)


def typed_outcome(key: str, reply: Reply[T] | None, failure: ItemFailure | None) -> ChatOutcome[T]:
    """Make an outcome whose reply was validated before."""
    made = ChatOutcome[object].model_construct(
        key=key, reply=cast("Reply[object] | None", reply), failure=failure
    )
    return cast("ChatOutcome[T]", made)


def failure_of(error: TailorbirdError) -> ItemFailure:
    """Say why an answer cannot be given."""
    kinds: dict[type[TailorbirdError], FailureKind] = {
        ContentFilteredError: "filtered",
        RefusedError: "declined",
        OutputInvalidError: "invalid-output",
    }
    code = "content_filter" if isinstance(error, ContentFilteredError) else None
    return ItemFailure(kind=kinds.get(type(error), "unreadable"), message=str(error), code=code)
