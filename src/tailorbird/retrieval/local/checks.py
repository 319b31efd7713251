"""What is refused before anything is written or searched."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING

from tailorbird.exceptions import IndexMismatchError, InvalidInputError
from tailorbird.retrieval.local.postings import TEXT_LIMIT
from tailorbird.retrieval.vectors import unit_vectors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tailorbird.retrieval.local.store import IndexRow
    from tailorbird.types.retrieval import ChunkedDocument, IndexSpec, SearchMode, SearchQuery

_RANGES: Mapping[SearchMode, tuple[float, float]] = {
    "vector": (-1.0, 1.0),
    "lexical": (0.0, float("inf")),
    "hybrid": (0.0, 1.0),
}


def check_spec(spec: IndexSpec) -> None:
    """Refuse a specification that does not say what vectors it wants.

    Raises:
        InvalidInputError: Only one of embedding model and width is given.
    """
    if (spec.embedding_model is None) != (spec.dimensions is None):
        message = (
            f"index {spec.name!r}: `embedding_model` and `dimensions` belong together, got"
            f" {spec.embedding_model!r} and {spec.dimensions!r}; give both, or none for an index"
            " that is searched by words only"
        )
        raise InvalidInputError(message)


def check_same(found: IndexSpec, wanted: IndexSpec) -> None:
    """Refuse to take one index for another.

    Raises:
        IndexMismatchError: They differ; the message shows in what.
    """
    old, new = found.model_dump(), wanted.model_dump()
    differences = [
        f"{field} is {old[field]!r}, wanted {new[field]!r}"
        for field in old
        if old[field] != new[field]
    ]
    if differences:
        message = (
            f"index {found.name!r} exists with another specification: {'; '.join(differences)}."
            " Take another name, or delete it and build it again"
        )
        raise IndexMismatchError(message)


def checked_documents(
    documents: Sequence[ChunkedDocument], *, index: IndexRow
) -> tuple[ChunkedDocument, ...]:
    """Check documents, all of them before any is written, and mend what rounding did to vectors.

    Raises:
        InvalidInputError: Vectors are missing, not finite or not one for each chunk; a chunk
            belongs to another document, or its id comes twice; a tenant is missing.
        IndexMismatchError: The vectors have another width.
    """
    chunks = sum(len(one.chunks) for one in documents)
    if index.chunks + chunks > TEXT_LIMIT:
        message = (
            f"index {index.spec.name!r} holds {index.chunks:,} chunks, {chunks:,} more are above"
            f" the {TEXT_LIMIT:,} that a local index can hold: split it by subject"
        )
        raise InvalidInputError(message)
    counted = Counter(chunk.id for one in documents for chunk in one.chunks)
    if twice := [name for name, count in counted.items() if count > 1]:
        raise InvalidInputError(f"the chunk id {twice[0]!r} comes twice; ids must be unique")
    return tuple(_checked(one, spec=index.spec) for one in documents)


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
    vectors = _checked_vectors(given, spec=spec, subject=subject)
    return dataclasses.replace(given, vectors=vectors)


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


def checked_mode(query: SearchQuery, *, spec: IndexSpec) -> SearchMode:
    """Give the mode to search in.

    Raises:
        IndexMismatchError: The mode needs vectors and the index has none.
        InvalidInputError: The least score is outside of the range of the mode's scores.
    """
    if spec.dimensions is None:
        mode: SearchMode = query.mode or "lexical"
        if mode != "lexical":
            message = (
                f"index {spec.name!r} was made without an embedding model, so it cannot be"
                f" searched in the mode {mode!r}: take 'lexical', or build it with a model"
            )
            raise IndexMismatchError(message)
    else:
        mode = query.mode or "hybrid"
    least, most = _RANGES[mode]
    if query.min_score is not None and not least <= query.min_score <= most:
        message = (
            f"min_score is {query.min_score!r}, and scores of the mode {mode!r} lie within"
            f" {least:g}..{most:g}"
        )
        raise InvalidInputError(message)
    return mode
