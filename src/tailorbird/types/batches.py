"""Many requests at half the price, answered within a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, Literal

from pydantic import Field
from typing_extensions import TypeVar

from tailorbird.types.base import Frozen, SaidText
from tailorbird.types.chat import ChatOptions, Message, Reply
from tailorbird.types.ids import BatchId

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tailorbird.types.usage import Usage

BatchKind = Literal["chat", "embeddings"]
"""What a batch asks for; one batch asks for one thing of one model."""


class BatchStatus(StrEnum):
    """Where a batch stands.

    A provider's set is open. An unknown word becomes `OTHER`, which is neither running nor final.
    """

    VALIDATING = "validating"
    IN_PROGRESS = "in_progress"
    FINALIZING = "finalizing"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    OTHER = "other"
    """A word this version does not know; it stands in `Batch.raw_status`."""

    @classmethod
    def parse(cls, word: str) -> BatchStatus:
        """Read a provider's word; one that is not known becomes `OTHER`."""
        known = {member.value: member for member in cls if member is not cls.OTHER}
        return known.get(word, cls.OTHER)

    @property
    def is_final(self) -> bool:
        """Whether the batch will not change any more; what was answered by then can be read."""
        return self in {
            BatchStatus.COMPLETED,
            BatchStatus.FAILED,
            BatchStatus.EXPIRED,
            BatchStatus.CANCELLED,
        }


class BatchCounts(Frozen):
    """How far a batch is."""

    total: int = Field(default=0, ge=0)
    """Requests in it."""
    completed: int = Field(default=0, ge=0)
    """Requests that were answered."""
    failed: int = Field(default=0, ge=0)
    """Requests that were refused."""


class Batch(Frozen):
    """A batch as the provider reports it."""

    id: BatchId
    """The provider's id."""
    kind: BatchKind | None = None
    """What it asks for; None when the provider does not say, or when it is something else."""
    status: BatchStatus
    """Where it stands."""
    raw_status: str
    """The provider's own word."""
    counts: BatchCounts = Field(default_factory=BatchCounts)
    """How far it is."""
    problems: tuple[str, ...] = ()
    """Why it was refused as a whole; empty unless it `failed`."""
    metadata: Mapping[str, str] = Field(default_factory=dict)
    """What its maker attached."""
    created_at: datetime
    """When it was made; aware, UTC."""
    expires_at: datetime | None = None
    """When the provider gives up what is not answered by then; aware, UTC."""


class ChatRequest(Frozen):
    """One conversation of a batch."""

    key: str = Field(min_length=1, max_length=64)
    """Finds the answer again; 1..64 characters, unique within the batch."""
    messages: tuple[Message, ...] = Field(min_length=1)
    """The conversation, at least one message."""
    options: ChatOptions = Field(default_factory=ChatOptions)
    """How to answer."""


class EmbeddingRequest(Frozen):
    """One text of a batch."""

    key: str = Field(min_length=1, max_length=64)
    """Finds the vector again; 1..64 characters, unique within the batch."""
    text: str = Field(min_length=1)
    """What to embed; not blank."""


FailureKind = Literal[
    "expired",
    "cancelled",
    "refused",
    "filtered",
    "declined",
    "invalid-output",
    "unreadable",
    "missing",
    "not-sent",
]
"""`expired`, `cancelled`: the batch ended before its turn came; `refused`: the provider refused the
one request or failed on it; `filtered`: a content filter acted; `declined`: the model declined to
give the structured answer; `invalid-output`: the structured answer was cut off or does not fit;
`unreadable`: the answer does not have the promised shape; `missing`: nothing is known of it;
`not-sent`: an earlier failure made it useless to ask."""


class ItemFailure(Frozen):
    """Why one request of many has no answer."""

    kind: FailureKind
    """What became of it."""
    message: SaidText
    """What the provider said, or what is wrong with the answer."""
    code: str | None = None
    """The provider's code, such as `batch_expired`; None when it gives none."""
    status_code: int | None = None
    """HTTP status of the one request; None when it was never sent."""


T = TypeVar("T", default=None)


class ChatOutcome(Frozen, Generic[T]):
    """What became of one conversation: exactly one of `reply` and `failure` is there."""

    key: str
    """The request's key."""
    reply: Reply[T] | None = None
    """The answer; None when there is none."""
    failure: ItemFailure | None = None
    """Why there is none; None when there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingOutcome:
    """What became of one text. A plain dataclass because it carries an array."""

    key: str
    """The request's key."""
    vector: NDArray[np.float32] | None = None
    """d float32 of unit length; None when there is none."""
    usage: Usage | None = None
    """Tokens that were embedded; None when they were not counted."""
    failure: ItemFailure | None = None
    """Why there is none; None when there is."""
