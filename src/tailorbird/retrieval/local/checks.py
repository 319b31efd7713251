"""What a local index refuses beyond what every index does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.exceptions import InvalidInputError
from tailorbird.retrieval.local.postings import TEXT_LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.retrieval.local.store import IndexRow
    from tailorbird.types.retrieval import ChunkedDocument


def check_room(documents: Sequence[ChunkedDocument], *, index: IndexRow) -> None:
    """Refuse documents for which a local index has no numbers left.

    Raises:
        InvalidInputError: There would be too many chunks.
    """
    chunks = sum(len(one.chunks) for one in documents)
    if index.chunks + chunks > TEXT_LIMIT:
        message = (
            f"index {index.spec.name!r} holds {index.chunks:,} chunks, {chunks:,} more are above"
            f" the {TEXT_LIMIT:,} that a local index can hold: split it by subject"
        )
        raise InvalidInputError(message)
