"""Documents and vectors that no engine should have to keep are refused first."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from tailorbird.exceptions import IndexMismatchError, InvalidInputError
from tailorbird.protocols.index_arguments import check_least_score, check_spec, chosen_mode
from tailorbird.protocols.index_documents import checked_documents, query_vector
from tailorbird.types import (
    Chunk,
    ChunkedDocument,
    ChunkId,
    Document,
    DocumentId,
    IndexName,
    IndexSpec,
    MetadataValue,
    ModelId,
    SearchQuery,
    Span,
)

NAME = IndexName("handbook")
PLAIN = IndexSpec(name=NAME)
SPEC = IndexSpec(name=NAME, embedding_model=ModelId("embed"), dimensions=2)
TENANTS = IndexSpec(name=NAME, tenant_field="customer")
UNIT = np.array([[0.6, 0.8]], dtype=np.float32)


def document(
    name: str = "a",
    *,
    owner: str | None = None,
    vectors: NDArray[np.float32] | None = None,
    chunks: int = 1,
    size: MetadataValue = 1,
) -> ChunkedDocument:
    """Make a document."""
    return ChunkedDocument(
        document=Document(id=DocumentId(name), text="text"),
        chunks=tuple(
            Chunk(
                id=ChunkId(f"{name}#{number}"),
                document=DocumentId(owner or name),
                text="text",
                span=Span(start=0, end=4),
                metadata={"size": size},
            )
            for number in range(chunks)
        ),
        content_hash="hash",
        vectors=vectors,
    )


def test_what_rounding_did_to_vectors_is_mended() -> None:
    """Vectors come back as float32 of exactly unit length, and documents keep their order."""
    rounded = UNIT.astype(np.float16).astype(np.float32) * np.float32(1.004)
    first, second = checked_documents(
        (document(vectors=rounded), document("b", chunks=0)), spec=SPEC
    )
    assert first.vectors is not None
    assert np.linalg.norm(first.vectors[0].astype(np.float64)) == pytest.approx(1.0, abs=1e-6)
    assert second.vectors is None
    assert checked_documents((document(),), spec=PLAIN) == (document(),)


@pytest.mark.parametrize(
    ("given", "spec", "error", "words"),
    [
        (document(), SPEC, InvalidInputError, "comes without vectors"),
        (document(vectors=UNIT), PLAIN, InvalidInputError, "comes with vectors"),
        (document(vectors=UNIT, chunks=2), SPEC, InvalidInputError, "2 vector"),
        (document(vectors=UNIT[0]), SPEC, InvalidInputError, "shape"),
        (document(vectors=np.ones((1, 3), np.float32)), SPEC, IndexMismatchError, "3 dimensions"),
        (document(vectors=UNIT * 2), SPEC, InvalidInputError, "the length 2, 1 is needed"),
        (document(vectors=UNIT * np.nan), SPEC, InvalidInputError, "not finite"),
        (document(owner="b"), PLAIN, InvalidInputError, "belongs to document 'b'"),
        (document(size=math.nan), PLAIN, InvalidInputError, "'size' of chunk 'a#0' is nan"),
        (document(size=2**63), PLAIN, InvalidInputError, "'size' .* of more than 64 bits"),
        (document(), TENANTS, InvalidInputError, "keeps tenants apart by 'customer'"),
    ],
)
def test_documents_that_do_not_fit_are_refused(
    given: ChunkedDocument, spec: IndexSpec, error: type[Exception], words: str
) -> None:
    """Vectors and chunks must be those that the index wants, and that any index can hold."""
    with pytest.raises(error, match=words):
        checked_documents((given,), spec=spec)


def test_ids_of_chunks_come_once() -> None:
    """Two chunks of one id would hide each other."""
    with pytest.raises(InvalidInputError, match="'a#0' comes twice"):
        checked_documents((document(), document()), spec=PLAIN)


def test_query_needs_its_vector() -> None:
    """A vector is checked as those of documents are, and one that is missing is told."""
    assert query_vector(UNIT[0], spec=SPEC) == pytest.approx([0.6, 0.8])
    with pytest.raises(InvalidInputError, match="made by 'embed'"):
        query_vector(None, spec=SPEC)
    with pytest.raises(IndexMismatchError, match="3 dimensions"):
        query_vector(np.ones(3, dtype=np.float32), spec=SPEC)


def test_specification_says_which_vectors() -> None:
    """Model and width belong together."""
    check_spec(SPEC)
    check_spec(PLAIN)
    with pytest.raises(InvalidInputError, match="belong together"):
        check_spec(IndexSpec(name=NAME, dimensions=2))


def test_mode_is_the_best_that_the_index_can_do() -> None:
    """Without vectors only words can be looked for."""
    anything = SearchQuery(text="x")
    assert (chosen_mode(anything, spec=SPEC), chosen_mode(anything, spec=PLAIN)) == (
        "hybrid",
        "lexical",
    )
    vector = SearchQuery(text="x", mode="vector")
    assert chosen_mode(vector, spec=SPEC) == "vector"
    with pytest.raises(IndexMismatchError, match="'vector'"):
        chosen_mode(vector, spec=PLAIN)


@pytest.mark.parametrize(("score", "fits"), [(None, True), (0.0, True), (1.0, True), (1.1, False)])
def test_least_score_must_be_possible(score: float | None, fits: bool) -> None:  # noqa: FBT001
    """A least score that no hit can have finds nothing, ever: it is a mistake."""
    query = SearchQuery(text="x", min_score=score)
    if fits:
        check_least_score(query, least=0, most=1, what="the mode 'hybrid'")
        return
    with pytest.raises(InvalidInputError, match=r"scores of the mode 'hybrid' lie within 0\.\.1"):
        check_least_score(query, least=0, most=1, what="the mode 'hybrid'")
