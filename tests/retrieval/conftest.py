"""Documents with vectors for the tests of retrieval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from tailorbird.text import hash_embedding
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
    Span,
)

DIMENSIONS = 256


class Library:
    """Makes documents, cut and embedded as the fake would."""

    spec = IndexSpec(
        name=IndexName("library"), embedding_model=ModelId("hash"), dimensions=DIMENSIONS
    )
    """The index that the vectors fit to."""

    def cut(self, document: Document, texts: Sequence[str]) -> tuple[Chunk, ...]:
        """Make chunks that stand behind each other in a document."""
        ends = np.cumsum([len(text) for text in texts], dtype=int).tolist()
        return tuple(
            Chunk(
                id=ChunkId(f"{document.id}#{number}"),
                document=document.id,
                text=text,
                span=Span(start=end - len(text), end=end),
                title=document.title,
                source=document.source,
                section="Section",
                page=number + 1,
                metadata=document.metadata,
            )
            for number, (text, end) in enumerate(zip(texts, ends, strict=True))
        )

    def vector(self, text: str) -> NDArray[np.float32]:
        """Embed one text."""
        return hash_embedding([text], dimensions=DIMENSIONS)[0]

    def document(
        self,
        name: str,
        *texts: str,
        title: str = "",
        metadata: Mapping[str, MetadataValue] | None = None,
        embedded: bool = True,
    ) -> ChunkedDocument:
        """Make a document of some chunks that stand behind each other."""
        document = Document(
            id=DocumentId(name),
            text="".join(texts),
            title=title,
            source=f"{name}.md",
            metadata=metadata or {},
        )
        return ChunkedDocument(
            document=document,
            chunks=self.cut(document, texts),
            content_hash="|".join([title, *texts, str(metadata)]),
            vectors=hash_embedding(list(texts), dimensions=DIMENSIONS) if embedded else None,
        )


@pytest.fixture
def library() -> Library:
    """A maker of documents."""
    return Library()
