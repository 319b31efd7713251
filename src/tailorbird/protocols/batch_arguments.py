"""Arguments of batches that every provider refuses alike, before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from tailorbird.exceptions import InvalidInputError
from tailorbird.types.batches import ChatRequest, EmbeddingRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

R = TypeVar("R", ChatRequest, EmbeddingRequest)

# OpenAPI document 2.3.0, Metadata.
_MOST_PAIRS = 16
_LONGEST_KEY, _LONGEST_VALUE = 64, 512


def check_requests(
    requests: Sequence[R], *, kind: type[R], most: int | None = None
) -> tuple[R, ...]:
    """Copy what a batch is to ask.

    Args:
        requests: What the caller gave.
        kind: What each of them must be.
        most: How many there may be; None for any number.

    Raises:
        InvalidInputError: It is no list of that kind, it is empty or too long, or a key comes
            twice.
    """
    given = cast("object", requests)
    if not isinstance(given, Sequence) or isinstance(given, (str, bytes)):
        raise InvalidInputError(f"requests must be a list of {kind.__name__}")
    copied = tuple(cast("Sequence[object]", given))
    if not copied:
        raise InvalidInputError(f"there is no request: give at least one {kind.__name__}")
    if most is not None and len(copied) > most:
        message = f"one batch takes {most} requests, got {len(copied)}: hand them in in parts"
        raise InvalidInputError(message)
    seen: set[str] = set()
    for place, one in enumerate(copied):
        if not isinstance(one, kind):
            message = f"requests[{place}] must be a {kind.__name__}, got {type(one).__name__}"
            raise InvalidInputError(message)
        if one.key in seen:
            message = f"the key {one.key!r} comes twice: give each request a key of its own"
            raise InvalidInputError(message)
        seen.add(one.key)
    return cast("tuple[R, ...]", copied)


def check_metadata(metadata: Mapping[str, str] | None) -> dict[str, str]:
    """Copy what is attached to a batch.

    Raises:
        InvalidInputError: There are more than 16 pairs, a key has more than 64 characters, or a
            value more than 512.
    """
    copied = dict(metadata or {})
    if len(copied) > _MOST_PAIRS:
        message = f"metadata has {len(copied)} pairs: at most {_MOST_PAIRS} are kept"
        raise InvalidInputError(message)
    for key, value in copied.items():
        if len(key) > _LONGEST_KEY or len(value) > _LONGEST_VALUE:
            message = (
                f"metadata {key[:_LONGEST_KEY]!r} is too long: keys have at most {_LONGEST_KEY}"
                f" characters, values {_LONGEST_VALUE}"
            )
            raise InvalidInputError(message)
    return copied
