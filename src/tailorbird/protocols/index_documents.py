"""Documents and vectors that every retrieval engine refuses alike, before anything is written.

Apart from `index_arguments`, because this needs numpy, which `import tailorbird` must not load.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from tailorbird.exceptions import IndexMismatchError, InvalidInputError
from tailorbird.protocols.index_arguments import wrong_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tailorbird.types.retrieval import Chunk, ChunkedDocument, IndexSpec

UNIT_TOLERANCE = 0.01
"""How far from 1 a length may be: what rounding to 16 bits does is mended, more is a mistake."""


def checked_documents(
    documents: Sequence[ChunkedDocument], *, spec: IndexSpec
) -> tuple[ChunkedDocument, ...]:
    """Check documents, all of them before any is written, and mend what rounding did to vectors.

    Raises:
        InvalidInputError: Vectors are missing, not finite or not one for each chunk; a chunk
            belongs to another document, or its id comes twice; a tenant is missing; metadata hold
            a number that is not finite or has more than 64 bits.
        IndexMismatchError: The vectors have another width.
    """
    counted = Counter(chunk.id for one in documents for chunk in one.chunks)
    if twice := [name for name, count in counted.items() if count > 1]:
        raise InvalidInputError(f"the chunk id {twice[0]!r} comes twice; ids must be unique")
    return tuple(_checked(one, spec=spec) for one in documents)


def _checked(given: ChunkedDocument, *, spec: IndexSpec) -> ChunkedDocument:
    subject = f"document {given.document.id!r}"
    for chunk in given.chunks:
        if chunk.document != given.document.id:
            message = f"{subject}: chunk {chunk.id!r} belongs to document {chunk.document!r}"
            raise InvalidInputError(message)
        if spec.tenant_field is not None and spec.tenant_field not in chunk.metadata:
            message = (
                f"{subject}: index {spec.name!r} keeps tenants apart by {spec.tenant_field!r},"
                f" and the metadata of chunk {chunk.id!r} has no such field"
            )
            raise InvalidInputError(message)
        _check_metadata(chunk, subject)
    vectors = _checked_vectors(given, spec=spec, subject=subject)
    return dataclasses.replace(given, vectors=vectors)


def _check_metadata(chunk: Chunk, subject: str) -> None:
    for key, value in chunk.metadata.items():
        if (wrong := wrong_number(value)) is not None:
            message = f"{subject}: the metadata {key!r} of chunk {chunk.id!r} {wrong}"
            raise InvalidInputError(message)


def _checked_vectors(
    given: ChunkedDocument, *, spec: IndexSpec, subject: str
) -> NDArray[np.float32] | None:
    if spec.dimensions is None:
        if given.vectors is None:
            return None
        message = (
            f"{subject} comes with vectors, and index {spec.name!r} was made without an embedding"
            " model: leave them out, or build an index that names the model"
        )
        raise InvalidInputError(message)
    if not given.chunks:
        return None
    if given.vectors is None:
        message = (
            f"{subject} comes without vectors, and index {spec.name!r} needs those of"
            f" {spec.embedding_model!r}, one for each chunk"
        )
        raise InvalidInputError(message)
    return unit_vectors(
        given.vectors, count=len(given.chunks), dimensions=spec.dimensions, subject=subject
    )


def query_vector(vector: NDArray[np.float32] | None, *, spec: IndexSpec) -> NDArray[np.float32]:
    """Give the query's vector as d float32 of exactly unit length.

    Raises:
        InvalidInputError: It is missing, not finite, or not of unit length.
        IndexMismatchError: It has another width than the index.
    """
    if vector is None:
        message = (
            f"index {spec.name!r} needs the query's vector, made by"
            f" {spec.embedding_model!r}; only the mode 'lexical' goes without one"
        )
        raise InvalidInputError(message)
    return unit_vectors(
        np.asarray(vector)[np.newaxis],
        count=1,
        dimensions=spec.dimensions or 0,
        subject=f"query of index {spec.name!r}",
    ).reshape(-1)


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
