"""Documents, their chunks, and what a search finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from tailorbird.types.base import Frozen
from tailorbird.types.filters import Filter
from tailorbird.types.ids import ChunkId, DocumentId, IndexName, ModelId
from tailorbird.types.usage import Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MetadataValue = str | bool | int | float
"""What a document's metadata may hold: text, truth value, or a finite number."""

SearchMode = Literal["vector", "lexical", "hybrid"]
"""How to search: by meaning, by words, or by both."""


class ScoreKind(StrEnum):
    """What a score means; scores of different kinds cannot be compared."""

    COSINE = "cosine"
    """Cosine of the angle between the vectors, -1..1."""
    BM25 = "bm25"
    """Lexical score, at least 0, without upper limit; grows with rarer shared words."""
    FUSED = "fused"
    """Our own mix of cosine and lexical evidence, 0..1."""
    RRF = "rrf"
    """Reciprocal rank fusion by a service, above 0, mostly below 0.05."""
    RERANKER = "reranker"
    """Score of a reranking model, 0..4: ours and that of Azure AI Search."""
    PROVIDER = "provider"
    """A provider's own relevance, 0..1."""


class Span(Frozen):
    """Where a text stands in its document: characters from `start` up to, not with, `end`."""

    start: int = Field(ge=0)
    """First character, from 0, counted in Unicode code points."""
    end: int = Field(ge=0)
    """One behind the last character."""


class Mark(Frozen):
    """Where a part of a document begins that has a name or a number of its own."""

    start: int = Field(ge=0)
    """First character of the part in the document's text, from 0, counted in code points."""
    kind: Literal["page", "section", "sheet", "row"]
    """What begins here; it goes on to the next mark of this kind. A sheet ends the section before
    it. Rows are lines: each line behind a mark of a row is the next row."""
    value: str | int
    """Heading of a section, name of a sheet; number of a page or row, from 1."""


class Document(Frozen):
    """A source text."""

    id: DocumentId
    """Unique within an index: the relative path, or the id given in the data."""
    text: str
    """The whole text."""
    title: str = ""
    """Title or file name; searched and shown with each chunk."""
    source: str = ""
    """Where the text came from: path or address; shown in citations."""
    metadata: Mapping[str, MetadataValue] = Field(default_factory=dict)
    """Values to filter by."""
    marks: tuple[Mark, ...] = ()
    """Where its pages, sections, sheets and rows begin, in order; empty for a text without any."""


class Chunk(Frozen):
    """A piece of a document that is searched and quoted."""

    id: ChunkId
    """Unique within an index."""
    document: DocumentId
    """The document it is cut from."""
    text: str
    """Exactly the document's characters within `span`."""
    span: Span
    """Where it stands in the document's text."""
    title: str = ""
    """The document's title."""
    source: str = ""
    """The document's source."""
    section: str | None = None
    """Heading it stands under; None where there is none."""
    page: int | None = Field(default=None, ge=1)
    """Page, from 1; None for texts without pages."""
    metadata: Mapping[str, MetadataValue] = Field(default_factory=dict)
    """The document's values to filter by; of a table also `sheet`, `row`, its first row, and
    `last_row`, where all of it lies in one sheet."""


class Hit(Frozen):
    """A chunk that a search returned."""

    chunk: Chunk
    """What was found."""
    score: float
    """How well it fits, larger is better; the range is that of `score_kind`."""
    score_kind: ScoreKind
    """What the score means."""
    legs: Mapping[str, float] = Field(default_factory=dict)
    """Scores of the parts a fused score is made of, e.g. `cosine`, `bm25`; of a hit that was
    reranked also the score it had before, under its kind; empty otherwise."""


class Reranked(Frozen):
    """Hits in a new order."""

    hits: tuple[Hit, ...]
    """Every hit that was given, once, best first, with a new score and its kind."""
    usage: Usage = Field(default_factory=Usage)
    """Tokens that it took."""
    model: ModelId | None = None
    """The model whose tokens they are; None where none was asked."""


class PassageGrade(Frozen):
    """How well a model says that a passage helps; nothing is checked yet."""

    passage: int = Field(description="The passage's number.")
    """The passage's number."""
    grade: Literal[0, 1, 2, 3, 4] = Field(description="How well it helps to answer, 0 to 4.")
    """0 has nothing to do with the question, 4 answers it fully."""


class RelevanceReply(Frozen):
    """The form in which a model grades passages; nothing is checked yet."""

    grades: tuple[PassageGrade, ...] = Field(
        description="Every passage once, the most helpful one first."
    )
    """Every passage, best first."""


class SearchQuery(Frozen):
    """What to look for."""

    text: str = Field(min_length=1)
    """The question or words, not empty."""
    top_k: int = Field(default=5, ge=1, le=50, strict=True)
    """How many hits at most, 1..50."""
    mode: SearchMode | None = None
    """How to search; None takes the best the engine offers."""
    filter: Filter | None = None
    """Which chunks are looked at at all; None looks at all of them."""
    min_score: float | None = Field(default=None, allow_inf_nan=False)
    """Hits below it are left out; in the range of the score kind that the mode gives."""


class IndexSpec(Frozen):
    """What an index is bound to for its whole life."""

    name: IndexName = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
    """1 to 64 letters, digits, `-`, `_`; begins with a letter or digit."""
    embedding_model: ModelId | None = None
    """Model that makes the vectors; None for engines that embed by themselves or not at all."""
    dimensions: int | None = Field(default=None, ge=1, le=4096)
    """Width of the vectors, 1..4096; None when `embedding_model` is None."""
    chunking: str = ""
    """How documents are cut, in a stable form; another cut means another index content."""
    tenant_field: str | None = None
    """Metadata field that every query must filter by; None for an index without tenants."""


class IndexInfo(Frozen):
    """An index as it stands now."""

    spec: IndexSpec
    """What it is bound to."""
    documents: int = Field(ge=0)
    """How many documents it holds."""
    chunks: int | None = Field(default=None, ge=0)
    """How many chunks it holds; None where the engine does not say."""
    version: str = ""
    """Changes whenever the content changes; empty where the engine does not say."""
    ready: bool = True
    """False while the engine still works on what was added."""
    created_at: datetime | None = None
    """When it was made; aware, UTC; None where the engine does not say."""


class IndexedDocument(Frozen):
    """What an index remembers of a document, to find out what has changed."""

    id: DocumentId
    """The document."""
    content_hash: str
    """Hash of text, title, metadata and cut, as it was given when the document was added."""
    chunks: int | None = Field(default=None, ge=0)
    """How many chunks it has; None where the engine does not say."""


class EngineTraits(Frozen):
    """What a retrieval engine needs and offers."""

    name: str
    """Name of the engine, e.g. `local`."""
    modes: tuple[SearchMode, ...]
    """Ways of searching, the best one first."""
    needs_vectors: bool
    """True when vectors must be given with chunks and queries; False when it embeds by itself."""
    keeps_spans: bool
    """True when hits carry the exact span; False when it is found again from the text."""
    filters: bool
    """Whether queries may carry a filter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkedDocument:
    """A document that is ready to be indexed. A plain dataclass because it carries an array."""

    document: Document
    """The source; engines that cut and embed by themselves use only this."""
    chunks: tuple[Chunk, ...]
    """Its pieces, in order."""
    content_hash: str
    """What `IndexedDocument.content_hash` will report."""
    vectors: NDArray[np.float32] | None = None
    """n × d float32 of unit length, row i for chunk i; None for engines that need none."""
