"""Checks of vectors that somebody else made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tailorbird.exceptions import IndexMismatchError, InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNIT_TOLERANCE = 0.01
"""How far from 1 a length may be: what rounding to 16 bits does is mended, more is a mistake."""


def unit_vectors(
    vectors: NDArray[np.float32], *, count: int, dimensions: int, subject: str
) -> NDArray[np.float32]:
    """Give vectors back as `count × dimensions` float32 of exactly unit length.

    Args:
        vectors: What is checked; lengths that are off by rounding are mended.
        count: How many there must be.
        dimensions: How wide they must be, as the index says.
        subject: What they belong to, for messages.

    Raises:
        InvalidInputError: There are more or fewer of them, a number is not finite, or a length is
            more than 1 % off.
        IndexMismatchError: They have another width.
    """
    array = np.asarray(vectors, dtype=np.float32)
    if array.ndim != 2 or len(array) != count:  # noqa: PLR2004 - a matrix has two axes
        message = f"{subject}: {count} vector(s) are needed, got an array of shape {array.shape}"
        raise InvalidInputError(message)
    if array.shape[1] != dimensions:
        message = (
            f"{subject}: the vectors have {array.shape[1]} dimensions, the index has {dimensions}:"
            " use the embedding model that the index was made with, or build another index"
        )
        raise IndexMismatchError(message)
    if not np.isfinite(array).all():
        raise InvalidInputError(f"{subject}: a vector holds a number that is not finite")
    lengths = np.sqrt(np.einsum("nd,nd->n", array, array, dtype=np.float64))
    if (wrong := np.flatnonzero(np.abs(lengths - 1) > UNIT_TOLERANCE)).size:
        message = (
            f"{subject}: vector {wrong[0]} has the length {lengths[wrong[0]]:g}, 1 is needed:"
            " divide each vector by its length"
        )
        raise InvalidInputError(message)
    unit: NDArray[np.float32] = (array / lengths[:, np.newaxis]).astype(np.float32)
    return unit
