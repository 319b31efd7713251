"""What an arm says to a question."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import cast

from pydantic import Field, field_validator

from tailorbird.types.base import Frozen, SaidText
from tailorbird.types.ids import ChunkId, DocumentId, ModelId
from tailorbird.types.retrieval import ScoreKind, Span
from tailorbird.types.usage import Usage


class AbstainReason(StrEnum):
    """Why no answer was given."""

    NOTHING_FOUND = "nothing-found"
    """No passage was near enough, and the model was not called."""
    DECLINED = "declined"
    """The model said that the answer is not in its passages, or that it does not know."""
    UNSUPPORTED = "unsupported"
    """The model answered, and no citation of its answer could be verified; only with
    `only_from_data`, else the answer is given without citations."""


class Citation(Frozen):
    """A passage that an answer rests on, checked against the source text."""

    number: int = Field(ge=1)
    """The passage's number: the `[n]` in the answer, where the model wrote it there."""
    document: DocumentId
    """The cited document."""
    chunk: ChunkId
    """The cited chunk; of several that were joined into one passage, the best."""
    source: str = ""
    """Where the document came from."""
    page: int | None = None
    """Page on which the passage begins, from 1; None for texts without pages."""
    sheet: str | None = None
    """Sheet of a workbook; None for other texts, and where the passage spans several."""
    rows: tuple[int, int] | None = None
    """First and last row of a table that the quote stands in, from 1; where rows were left out
    within the passage, those of the passage; None for other texts, or where it is not known."""
    span: Span
    """Where the quote stands in the document's text."""
    quote: str
    """Exactly the document's characters within `span`."""
    score: float
    """How well the passage fitted the question."""
    score_kind: ScoreKind
    """What the score means."""


class RetrievedPassage(Frozen):
    """A passage that the model saw, without its text."""

    document: DocumentId
    """Its document."""
    source: str = ""
    """Where the document came from."""
    page: int | None = None
    """Page on which it begins, from 1; None for texts without pages."""
    sheet: str | None = None
    """Sheet of a workbook; None for other texts, and where it spans several."""
    rows: tuple[int, int] | None = None
    """First and last row of a table, from 1; None for other texts, or where it is not known."""
    span: Span | None = None
    """Where it stands in the document's text; None in answers kept by earlier versions."""
    score: float | None = None
    """How well it fitted the question; None in answers kept by earlier versions."""
    score_kind: ScoreKind | None = None
    """What the score means; None where there is none."""


class Answer(Frozen):
    """What came back for one question; an abstention is an answer with `abstained` true."""

    text: str
    """What the user sees."""
    abstained: bool = False
    """Whether the arm said that it cannot answer."""
    reason: AbstainReason | None = None
    """Why it abstained; None when it did not."""
    citations: tuple[Citation, ...] = ()
    """Passages the answer rests on; only ones that were retrieved and verified."""
    retrieved: tuple[RetrievedPassage, ...] = ()
    """Passages that the model saw, best first; the first one is `[1]`."""
    dropped_citations: int = Field(default=0, ge=0)
    """How many citations were taken out, because they pointed at nothing that was retrieved or
    could not be verified against its text."""
    foreign_links: tuple[str, ...] = ()
    """Addresses of links and images in the answer that stand neither in its passages nor in the
    question, each once: show them as plain text, and load nothing from them."""
    usage: Usage = Field(default_factory=Usage)
    """Tokens of all calls of chat models that this answer took, reranking included."""
    rerank_usage: Usage = Field(default_factory=Usage)
    """The part of `usage` that reranking took."""
    rerank_model: ModelId | None = None
    """The model whose tokens that part is; None where none reranked."""
    latency_s: float = Field(default=0.0, ge=0)
    """Seconds from question to answer, by the provider's clock; 0 for one from a batch."""
    first_token_s: float | None = Field(default=None, ge=0)
    """Seconds from question to the first token, by the provider's clock; None for an answer that
    was not streamed, or came as a form."""
    model: str | None = None
    """The model that answered; None when none was asked for an answer."""

    @property
    def retrieved_documents(self) -> tuple[DocumentId, ...]:
        """Documents of the passages that the model saw, each once, best first."""
        return tuple(dict.fromkeys(one.document for one in self.retrieved))

    @field_validator("retrieved", mode="before")
    @classmethod
    def _read_names(cls, given: object) -> object:
        """Take the names of documents, which is what earlier versions kept."""
        if not isinstance(given, (list, tuple)):
            return given
        passages = cast("Sequence[object]", given)
        return tuple({"document": one} if isinstance(one, str) else one for one in passages)


class PassageQuote(Frozen):
    """Words that a model says it read in a passage; nothing is verified yet."""

    passage: int = Field(description="The passage's number.")
    """The passage's number."""
    quote: SaidText = Field(description="The words that bear the answer out, copied exactly.")
    """The words."""


class GroundedReply(Frozen):
    """The form in which a model answers from passages; nothing is verified yet.

    The quotes come first: what a model has copied out guides what it writes after that.
    """

    quotes: tuple[PassageQuote, ...] = Field(
        description="What the answer rests on; empty when the passages do not hold it."
    )
    """What the answer rests on."""
    answerable: bool = Field(description="Whether the passages hold the answer.")
    """Whether the passages hold the answer."""
    answer: SaidText = Field(
        description="The answer, [n] behind each statement; empty when there is none."
    )
    """The answer."""
